//! Carries out what policies ask of a request, as far as that is known here.

use crate::snapshot::WrongConnection;
use crate::tls::ClientVerdict;
use gateway_core::rules::VerifyClient;
use gateway_core::{Counted, Decision, Origin, Request, Step, Verdict};
use http::StatusCode;

/// What policies come to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Guard<'r> {
    /// The request goes its way, once these limits have room for it.
    Admitted(Vec<Counted<'r>>),
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

/// Takes one step after the other until one ends the request, be it what the step says, or 500
/// where it cannot be enforced. Nothing passes that was meant to be guarded. `judge` tells what the
/// certificate of the client is worth.
pub(crate) fn enforce<'r>(
    decision: &Decision<'r>,
    request: &impl Request,
    judge: impl Fn() -> Result<ClientVerdict, WrongConnection>,
) -> Guard<'r> {
    let mut counted = Vec::new();
    if let Verdict::Open(_) = decision.verdict() {
        return Guard::Admitted(counted);
    }
    for step in decision.steps(request) {
        match take(&step, &judge) {
            Ok(Guard::Admitted(limits)) => counted.extend(limits),
            Ok(end) => return end,
            Err(_) => {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                return Guard::Refused(status, "unenforced_policy");
            }
        }
    }
    Guard::Admitted(counted)
}

/// What a step comes to. The one place that knows which of them are done here. `judge` tells what
/// the certificate of the client is worth.
///
/// # Errors
///
/// [`Unenforced`], where it is none of them.
pub(crate) fn take<'r>(
    step: &Step<'r>,
    judge: impl FnOnce() -> Result<ClientVerdict, WrongConnection>,
) -> Result<Guard<'r>, Unenforced<'r>> {
    let (what, origin) = match step {
        Step::Refuse(refusal) => return Ok(Guard::Refused(refusal.status, "policy")),
        Step::Preflight(_) => return Ok(Guard::Preflight),
        Step::ClientCertificate(policy) => return Ok(client_certificate(policy.verify, judge)),
        Step::ServiceLimit(counted) => return Ok(Guard::Admitted(vec![*counted])),
        Step::RateLimit { limit, .. } => ("a rate limit", &limit.origin),
        Step::BasicAuth(policy) => ("basic authentication", &policy.origin),
        Step::ApiKey { policy, .. } => ("an API key", &policy.origin),
        Step::ExternalAuth(policy) => ("authentication by another service", &policy.origin),
        Step::AuthCheck(check) => ("authentication by another service", &check.origin),
        Step::Jwt(policy) => ("a signed token", &policy.origin),
        Step::Cache(policy) => ("a cache", &policy.origin),
    };
    Err(Unenforced { what, origin })
}

/// Whether a client may come with the certificate that it has shown (virtualserver §16.6).
fn client_certificate<'r>(
    verify: VerifyClient,
    judge: impl FnOnce() -> Result<ClientVerdict, WrongConnection>,
) -> Guard<'r> {
    let refused = |status| Guard::Refused(status, "client_certificate");
    if verify == VerifyClient::Off {
        return Guard::Admitted(Vec::new());
    }
    match (judge(), verify) {
        (Err(WrongConnection), _) => refused(StatusCode::MISDIRECTED_REQUEST),
        (Ok(ClientVerdict::Valid), _)
        | (Ok(ClientVerdict::Untrusted(_)), VerifyClient::OptionalNoAuthority)
        | (
            Ok(ClientVerdict::Missing),
            VerifyClient::Optional | VerifyClient::OptionalNoAuthority,
        ) => Guard::Admitted(Vec::new()),
        (
            Ok(ClientVerdict::Missing | ClientVerdict::Untrusted(_) | ClientVerdict::Invalid(_)),
            _,
        ) => refused(StatusCode::BAD_REQUEST),
    }
}
