use super::*;
use crate::rules::Protocol;
use crate::{Connection, Options, RequestHead, Resources, Router, translate};

const DOCUMENTS: &str = r#"
apiVersion: k8s.nginx.org/v1
kind: Policy
metadata: {name: local}
spec: {accessControl: {allow: [127.0.0.1]}}
---
apiVersion: k8s.nginx.org/v1
kind: Policy
metadata: {name: limit}
spec: {rateLimit: {rate: 1r/s, key: "${http_x_user}", zoneSize: 1M}}
---
apiVersion: k8s.nginx.org/v1
kind: Policy
metadata: {name: by-token}
spec: {rateLimit: {rate: 1r/s, key: "${http_x_token}", zoneSize: 1M}}
---
apiVersion: k8s.nginx.org/v1
kind: Policy
metadata: {name: cors}
spec: {cors: {allowOrigin: ["*"]}}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
type: nginx.org/apikey
stringData: {joe: secret}
---
apiVersion: k8s.nginx.org/v1
kind: Policy
metadata: {name: keys}
spec: {apiKey: {suppliedIn: {header: [X-Key]}, clientSecret: keys}}
---
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe}
spec:
  host: cafe.example.com
  upstreams: [{name: tea, service: tea, port: 80}]
  routes:
  - {path: /local, policies: [{name: local}], action: {pass: tea}}
  - {path: /limited, policies: [{name: limit}, {name: by-token}, {name: keys}], action: {pass: tea}}
  - {path: /cors, policies: [{name: cors}], action: {pass: tea}}
  - path: /pages
    errorPages:
    - {codes: [404, 410], redirect: {url: "${scheme}://cafe.example.com/lost", code: 302}}
    - {codes: [502], return: {body: sorry}}
    - {codes: [503], return: {code: 200, body: sorry, type: text/plain}}
    splits:
    - {weight: 50, action: {pass: tea}}
    - {weight: 50, action: {return: {body: tea}}}
"#;

fn explained(method: &str, path: &str, headers: &[(&str, &str)], peer: &str) -> Explanation {
    let resources = Resources::from_yaml(DOCUMENTS).expect("the documents are fine");
    let router =
        Router::compile(&translate(&resources, &Options::default()).rules).expect("rules compile");
    let peer = format!("{peer}:1").parse().ok();
    let connection = Connection { peer, protocol: Protocol::Http, ..Connection::http(80) };
    let request = RequestHead::new(method, "cafe.example.com", path);
    router.explain(&request.headers(headers).on(connection), 0)
}

fn asked(explanation: &Explanation) -> Vec<String> {
    let policies = explanation.policies.iter();
    policies.map(|p| format!("{} {}: {}", p.kind, p.origin, p.asks)).collect()
}

#[test]
fn a_refusal_takes_the_place_of_the_outcome() {
    let refused = explained("GET", "/local", &[], "10.0.0.1");
    assert_eq!(refused.outcome, OutcomeKind::Refuse);
    assert_eq!(refused.status, Some(StatusCode::FORBIDDEN));
    assert_eq!(refused.reason.as_deref(), Some("the client's address may not come"));
    assert_eq!((&refused.service, &refused.target), (&None, &None));
    assert_eq!(
        asked(&refused),
        ["refuse Policy default/local: spec.accessControl: answered 403: the client's address \
          may not come"]
    );
    // The route that was chosen is told all the same.
    assert_eq!(refused.route.map(|r| r.path).as_deref(), Some("prefix `/local`"));

    let admitted = explained("GET", "/local", &[], "127.0.0.1");
    assert_eq!(admitted.outcome, OutcomeKind::Forward);
    assert_eq!(asked(&admitted), [""; 0]);
}

#[test]
fn what_is_asked_is_told_without_secrets() {
    let headers = [("x-user", "joe"), ("x-token", "abc"), ("x-key", "secret")];
    let limited = explained("GET", "/limited", &headers, "127.0.0.1");
    assert_eq!(limited.outcome, OutcomeKind::Forward);
    assert_eq!(
        asked(&limited),
        [
            "rate-limit Policy default/limit: spec.rateLimit: room in the bucket \
             `default/limit default/cafe` of `joe`",
            "rate-limit Policy default/by-token: spec.rateLimit: room in the bucket \
             `default/by-token default/cafe` of `(hidden, 3 octets)`",
            "api-key Policy default/keys: spec.apiKey: a client with the API key (hidden, 6 \
             octets)",
        ]
    );
}

#[test]
fn pre_flight_requests_and_what_answers_tell() {
    let preflight = explained("OPTIONS", "/cors", &[], "127.0.0.1");
    assert_eq!(preflight.outcome, OutcomeKind::Preflight);
    assert_eq!(preflight.status, Some(StatusCode::NO_CONTENT));
    let told = preflight.response_headers.iter();
    let told: Vec<_> = told.map(|c| format!("{}: {}", c.name, c.value)).collect();
    assert_eq!(
        told,
        [
            "access-control-allow-origin: *",
            "access-control-allow-credentials: false",
            "access-control-max-age: 86400",
        ]
    );
}

#[test]
fn error_pages_are_shown_where_they_may_be_given() {
    let pages = |draw| {
        let resources = Resources::from_yaml(DOCUMENTS).expect("the documents are fine");
        let rules = translate(&resources, &Options::default()).rules;
        let router = Router::compile(&rules).expect("rules compile");
        let explanation = router.explain(&RequestHead::get("cafe.example.com", "/pages"), draw);
        let pages = explanation.error_pages.into_iter();
        let shown = pages.map(|p| format!("{:?}: {} ({})", p.statuses, p.answer, p.origin.field));
        shown.collect::<Vec<_>>()
    };
    assert_eq!(
        pages(0),
        [
            "[404, 410]: 302 to http://cafe.example.com/lost (spec.routes[3].errorPages[0])",
            "[502]: the same status, text/html (spec.routes[3].errorPages[1])",
            "[503]: 200, text/plain (spec.routes[3].errorPages[2])",
        ]
    );
    assert_eq!(pages(u64::MAX), [""; 0]);
}
