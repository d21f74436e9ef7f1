//! What the policies of a route ask of a request.

use super::{Explanation, HeaderChange, HeaderOperation, OutcomeKind, PolicySummary, show};
use crate::decision::headers::add_of_policies;
use crate::decision::{Decision, Refusal, Step};
use crate::request::Request;
use crate::request::field::View;
use http::{HeaderMap, StatusCode};

/// Adds what is asked, and the answer where a request is turned away for what it is.
pub(super) fn explain(
    explanation: &mut Explanation,
    decision: &Decision<'_>,
    request: &impl Request,
) {
    for step in decision.steps(request) {
        match &step {
            Step::Refuse(refusal) => refused(explanation, refusal),
            Step::Preflight(_) => {
                answered(explanation, OutcomeKind::Preflight, StatusCode::NO_CONTENT)
            }
            _ => {}
        }
        explanation.policies.push(summary(step));
    }
}

/// What the policies tell in every answer.
pub(super) fn headers<R: Request>(
    decision: &Decision<'_>,
    view: &View<'_, R>,
) -> Vec<HeaderChange> {
    let mut headers = HeaderMap::new();
    add_of_policies(decision, view, &mut headers);
    let change = |(name, value): (&http::HeaderName, &http::HeaderValue)| HeaderChange {
        operation: HeaderOperation::AddAlways,
        name: name.to_string(),
        value: show::whole(value.as_bytes()),
    };
    headers.iter().map(change).collect()
}

fn refused(explanation: &mut Explanation, refusal: &Refusal<'_>) {
    answered(explanation, OutcomeKind::Refuse, refusal.status);
    explanation.reason = Some(refusal.reason.to_owned());
}

/// Leaves of the outcome only that the engine itself answers.
fn answered(explanation: &mut Explanation, outcome: OutcomeKind, status: StatusCode) {
    let policies = std::mem::take(&mut explanation.policies);
    *explanation =
        Explanation { outcome, status: Some(status), policies, ..Explanation::default() };
}

fn summary(step: Step<'_>) -> PolicySummary {
    let (kind, origin, asks) = match step {
        Step::Refuse(Refusal { status, reason, origin }) => {
            ("refuse", origin, format!("answered {}: {reason}", status.as_u16()))
        }
        Step::Preflight(cors) => {
            ("cors", &cors.origin, "a pre-flight request is answered 204".to_owned())
        }
        Step::ClientCertificate(policy) => {
            ("client-certificate", &policy.origin, "a certificate of the client".to_owned())
        }
        Step::RateLimit { limit, key } => {
            let key = show::short_rendered(&limit.key, &key);
            let asks = format!("room in the bucket `{}` of `{key}`", limit.bucket);
            ("rate-limit", &limit.origin, asks)
        }
        Step::BasicAuth(policy) => {
            ("basic-auth", &policy.origin, format!("a user of `{}`", policy.realm))
        }
        Step::ApiKey { policy, key } => {
            let asks = format!("a client with the API key {}", show::hidden(key.len()));
            ("api-key", &policy.origin, asks)
        }
        Step::ExternalAuth(policy) => {
            ("external-auth", &policy.origin, format!("a yes from {}", policy.server_name))
        }
        Step::Jwt(policy) => ("jwt", &policy.origin, format!("a token for `{}`", policy.realm)),
        Step::Cache(policy) => {
            ("cache", &policy.origin, "a kept answer, or that the new one is kept".to_owned())
        }
    };
    PolicySummary { kind, origin: origin.clone(), asks }
}

#[cfg(all(test, feature = "yaml"))]
mod tests {
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
"#;

    fn explained(method: &str, path: &str, headers: &[(&str, &str)], peer: &str) -> Explanation {
        let resources = Resources::from_yaml(DOCUMENTS).expect("the documents are right");
        let router = Router::compile(&translate(&resources, &Options::default()).rules);
        let router = router.expect("the rules compile");
        let peer = Some(format!("{peer}:1").parse().expect("a peer is an address"));
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
            [
                "refuse Policy default/local: spec.accessControl: answered 403: the client's address \
              may not come"
            ]
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
}
