//! Policies, access and limits of one request together (smi §1, §6.5, §8.1).

use super::mesh::{ALL, API, Call, GROUP, Mesh, target};
use crate::decision::{Refusal, Step};
use crate::{Outcome, Verdict};

/// A public host in front of `api`, which admits `default/x` alone and is limited, with this policy.
fn mesh(policy: &str) -> Mesh {
    let rest = format!(
        "
---
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {{name: cafe}}
spec:
  host: cafe.example.com
  policies: [{{name: p}}]
  upstreams: [{{name: api, service: api, port: 8080}}]
  routes: [{{path: /, action: {{pass: api}}}}]
---
apiVersion: k8s.nginx.org/v1
kind: Policy
metadata: {{name: p}}
spec: {{{policy}}}
---
apiVersion: specs.smi.nginx.com/v1alpha2
kind: RateLimit
metadata: {{name: l}}
spec: {{destination: {{kind: Service, name: api}}, name: x, rate: 10r/m}}
"
    );
    let mesh = Mesh::of(&format!("{API}{GROUP}{}{rest}", target("t", ALL, "x")));
    assert_eq!(mesh.said(), [""; 0]);
    mesh
}

const CORS: &str = "cors: {allowOrigin: ['https://a.example']}";
const DENY: &str = "accessControl: {allow: [10.0.0.1]}";
const LIMIT: &str = "rateLimit: {rate: 1r/s, zoneSize: 1M, key: a}";

#[test]
fn a_preflight_request_is_answered_before_anybody_is_asked() {
    let mesh = mesh(CORS);
    let headers = [("origin", "https://a.example"), ("access-control-request-method", "PUT")];
    let call = Call::new("OPTIONS cafe.example.com/api", "").headers(&headers);
    let decision = mesh.decide(&call);
    assert!(matches!(decision.verdict(), Verdict::Guarded));
    assert!(matches!(decision.steps(&call)[..], [Step::Preflight(_)]), "and nothing is counted");
    // The request itself is judged.
    let call = Call::new("PUT cafe.example.com/api", "").headers(&headers);
    assert_eq!(mesh.answer(&call), "403");
    let call = Call::new("PUT cafe.example.com/api", "default/x").headers(&headers);
    assert_eq!(mesh.answer(&call), "default/api:8080");
}

#[test]
fn policies_come_first_and_limits_of_services_last() {
    // smi N-7
    for (caller, denied) in [("default/x", false), ("", true)] {
        let call = Call::new("GET cafe.example.com/api", caller);
        let mesh = mesh(LIMIT);
        let decision = mesh.decide(&call);
        let steps = decision.steps(&call);
        let [Step::RateLimit { .. }, Step::ServiceLimit(counted)] = &steps[..] else {
            panic!("{steps:?}")
        };
        // Of a denied request the Service was addressed all the same.
        assert_eq!(counted.by_endpoint, !denied);
        assert_eq!(matches!(decision.admitted(), Outcome::Deny(_)), denied);
        assert!(decision.service().is_none(), "nobody passes because a step was overlooked");
    }
    // After a refusal nothing is counted.
    let call = Call::new("GET cafe.example.com/api", "default/x");
    let mesh = mesh(DENY);
    let decision = mesh.decide(&call);
    let steps = decision.steps(&call);
    let [Step::Refuse(Refusal { status, .. })] = steps[..] else { panic!("{steps:?}") };
    assert_eq!(status, 403);
}

#[test]
fn no_endpoint_admits_what_is_denied() {
    // smi T-14, T-16
    let mesh = mesh(CORS);
    let denied = Call::new("GET cafe.example.com/api", "default/y");
    let decision = mesh.decide(&denied);
    let Outcome::Deny(to) = decision.admitted() else { panic!() };
    assert!(to.is_checked());
    assert!(!decision.admits(&denied, 0));
    let admitted = Call::new("GET cafe.example.com/api", "default/x");
    let decision = mesh.decide(&admitted);
    assert!(decision.admits(&admitted, 0) && !decision.admits(&admitted, 1));
    // Another request than the decided one is judged for what it is.
    assert!(!decision.admits(&denied, 0));
}

#[test]
fn conditions_see_the_request_as_it_came() {
    // smi S-13, T-18: rewrites of the front rule come later
    let yaml = "
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g}
spec: {gatewayClassName: x, listeners: [{name: a, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r}
spec:
  parentRefs: [{name: g}]
  hostnames: [cafe.example.com]
  rules:
  - filters:
    - {type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: /api}}}
    - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-tenant, value: a}]}}
    backendRefs: [{name: api, port: 8080}]
";
    let by_header = GROUP.replace("pathRegex: /api", "pathRegex: /api, headers: {x-tenant: a}");
    for (group, target_path, want) in
        [(GROUP, "/api", "default/api:8080"), (GROUP, "/x", "403"), (&*by_header, "/api", "403")]
    {
        let mesh = Mesh::of(&format!("{API}{group}{yaml}{}", target("t", ALL, "x")));
        let request = format!("GET cafe.example.com{target_path}");
        assert_eq!(mesh.answer(&Call::new(&request, "default/x")), want, "{target_path}");
    }
}
