//! Carries out what policies ask of a request, as far as that is known here.

use gateway_core::{Decision, Request, Step, Verdict};
use http::StatusCode;

/// What policies come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// The request goes its way.
    Admitted,
    /// It is turned away with a status, for a reason that goes to the log.
    Refused(StatusCode, &'static str),
    /// It only asks what it may do.
    Preflight,
}

/// Takes one step after the other. What cannot be enforced turns the request away: nothing passes
/// that was meant to be guarded.
pub(crate) fn enforce(decision: &Decision<'_>, request: &impl Request) -> Guard {
    if let Verdict::Open(_) = decision.verdict() {
        return Guard::Admitted;
    }
    let Some(step) = decision.steps(request).into_iter().next() else { return Guard::Admitted };
    match step {
        Step::Refuse(refusal) => Guard::Refused(refusal.status, "policy"),
        Step::Preflight(_) => Guard::Preflight,
        Step::ClientCertificate(_)
        | Step::RateLimit { .. }
        | Step::BasicAuth(_)
        | Step::ApiKey { .. }
        | Step::ExternalAuth(_)
        | Step::Jwt(_)
        | Step::Cache(_) => Guard::Refused(StatusCode::INTERNAL_SERVER_ERROR, "unenforced_policy"),
    }
}
