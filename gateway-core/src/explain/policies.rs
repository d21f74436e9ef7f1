//! What the policies of a route ask of a request.

use super::{Explanation, HeaderChange, HeaderOperation, OutcomeKind, PolicySummary, show};
use crate::decision::headers::add_of_policies;
use crate::decision::{Counted, Decision, Refusal, Step};
use crate::request::Request;
use crate::request::field::View;
use crate::rules::ServiceLimit;
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
            ("cors", cors.origin(), "a pre-flight request is answered 204".to_owned())
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
        Step::AuthCheck(check) => {
            ("external-auth", &check.origin, format!("a yes from {}", check.name))
        }
        Step::Jwt(policy) => ("jwt", &policy.origin, format!("a token for `{}`", policy.realm)),
        Step::Cache(policy) => {
            ("cache", &policy.origin, "a kept answer, or that the new one is kept".to_owned())
        }
        Step::ServiceLimit(Counted { limit, source, by_endpoint }) => {
            let source = source.and_then(|at| limit.sources.get(at)).map(ToString::to_string);
            let of = source.as_deref().unwrap_or("all callers");
            let place = if by_endpoint { " at the endpoint" } else { "" };
            let ServiceLimit { requests, per, burst, at_once, .. } = &**limit;
            let delay = at_once.map_or("nodelay".to_owned(), |n| format!("delay {n}"));
            let per = per.as_secs();
            let asks = format!(
                "room in the bucket of {of}{place}: {requests} in {per} s, burst {burst}, {delay}"
            );
            ("service-limit", &limit.origin, asks)
        }
    };
    PolicySummary { kind, origin: origin.clone(), asks }
}

#[cfg(all(test, feature = "yaml"))]
mod tests;
