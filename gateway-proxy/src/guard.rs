//! Carries out what policies ask of a request, as far as that is known here.

use gateway_core::{Decision, Origin, Request, Step, Verdict};
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

/// What a policy asks that is not done here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Unenforced<'r> {
    /// What it is.
    pub(crate) what: &'static str,
    /// The policy.
    pub(crate) origin: &'r Origin,
}

/// Takes the first step: it ends the request, be it what the step says, or 500 where it cannot be
/// enforced. Nothing passes that was meant to be guarded.
pub(crate) fn enforce(decision: &Decision<'_>, request: &impl Request) -> Guard {
    if let Verdict::Open(_) = decision.verdict() {
        return Guard::Admitted;
    }
    let Some(step) = decision.steps(request).into_iter().next() else { return Guard::Admitted };
    let unenforced = Guard::Refused(StatusCode::INTERNAL_SERVER_ERROR, "unenforced_policy");
    take(&step).unwrap_or(unenforced)
}

/// What a step comes to. The one place that knows which of them are done here.
///
/// # Errors
///
/// [`Unenforced`], where it is none of them.
pub(crate) fn take<'r>(step: &Step<'r>) -> Result<Guard, Unenforced<'r>> {
    let (what, origin) = match step {
        Step::Refuse(refusal) => return Ok(Guard::Refused(refusal.status, "policy")),
        Step::Preflight(_) => return Ok(Guard::Preflight),
        Step::ClientCertificate(policy) => ("a certificate of the client", &policy.origin),
        Step::RateLimit { limit, .. } => ("a rate limit", &limit.origin),
        Step::BasicAuth(policy) => ("basic authentication", &policy.origin),
        Step::ApiKey { policy, .. } => ("an API key", &policy.origin),
        Step::ExternalAuth(policy) => ("authentication by another service", &policy.origin),
        Step::Jwt(policy) => ("a signed token", &policy.origin),
        Step::Cache(policy) => ("a cache", &policy.origin),
        Step::ServiceLimit(counted) => ("a limit of a Service", &counted.limit.origin),
    };
    Err(Unenforced { what, origin })
}
