//! What pages of other origins may do (gateway-api §13.3).

use super::in_force::*;
use super::*;
use crate::decision::Step;
use crate::request::RequestHead;
use http::HeaderMap;

const CORS: &str = "{type: CORS, cors: {allowOrigins: ['*']}}";

/// What the answer to a request from a page is, and whether it says who may read it.
fn ask(got: &InForce, method: &str, draw: u64) -> String {
    let headers = [("origin", "https://a.test"), ("access-control-request-method", "GET")];
    let request = RequestHead::new(method, "x", "/").headers(&headers);
    let decision = got.decide(&request, draw);
    let mut told = HeaderMap::new();
    let answer = match decision.steps(&request)[..] {
        [Step::Preflight(_)] => {
            decision.edit_preflight(&request, &mut told);
            "204".to_owned()
        }
        _ => {
            decision.edit_response(http::StatusCode::OK, &request, &mut told);
            target(&decision)
        }
    };
    let origin = told.get("access-control-allow-origin").map_or("-", |v| v.to_str().unwrap());
    format!("{answer} {origin}")
}

#[test]
fn that_of_a_backend_holds_for_all_its_answers() {
    // gateway-api §13, §13.3: those that no backend gives included.
    let policy = "---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: p}
spec:
  targetRefs: [{group: '', kind: Service, name: sec}]
  validation: {caCertificateRefs: [{group: '', kind: ConfigMap, name: nope}], hostname: sec}
";
    let redirect = "{type: RequestRedirect, requestRedirect: {hostname: b.test}}";
    let extension = "{type: ExtensionRef, extensionRef: {group: a.b, kind: C, name: d}}";
    for (name, more, want) in [
        ("web", "", "default/web:80"),
        ("gone", "", "500"),
        ("web", redirect, "302"),
        ("web", extension, "500"),
        ("sec", "", "503"),
    ] {
        let with = format!("{{name: {name}, port: 80, filters: [{CORS}, {more}]}}");
        let plain = "{name: web, port: 80, weight: 1}";
        for (backends, draw, method, want) in [
            (with.clone(), 0, "OPTIONS", "204 *".to_owned()),
            (with.clone(), 0, "GET", format!("{want} *")),
            (format!("{plain}, {with}"), u64::MAX, "OPTIONS", "204 *".to_owned()),
            (format!("{plain}, {with}"), u64::MAX, "GET", format!("{want} *")),
            // Another one is drawn.
            (format!("{plain}, {with}"), 0, "OPTIONS", "default/web:80 -".to_owned()),
        ] {
            let spec =
                format!("  parentRefs: [{{name: gw}}]\n  rules: [{{backendRefs: [{backends}]}}]");
            let documents = [
                GATEWAY.to_owned(),
                service("web", "", "ports: [{port: 80}]"),
                service("sec", "", "ports: [{port: 80}]"),
                policy.to_owned(),
                route("r", "", &spec),
            ];
            let got = in_force(&Options::default(), &documents);
            assert_eq!(ask(&got, method, draw), want, "{backends} {draw} {method}");
        }
    }
}
