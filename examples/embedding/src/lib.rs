//! What programs that carry decisions out have in common, be it behind Envoy's ABI or in a tower
//! service: which requests go on, and what the others are answered.
//!
//! [`judge`] takes a decision to one of two ends: the request is sent on, or here is the
//! [`Answer`]. Nothing passes that a policy guards and nobody looks at: [`Unsupported`] says what
//! that is, for the log and, by [`unsupported`], before any request comes.

mod answer;
mod draw;
mod unsupported;

pub use answer::Answer;
pub use draw::draw;
pub use unsupported::{Unsupported, unsupported};

use gateway_core::{Decision, Forwarding, Outcome, Request, Step, Verdict};
use http::StatusCode;
use unsupported::{of_connection, of_forwarding, of_step};

/// Most octets of a body that nobody reads, because the answer is a canned one.
const UNREAD_LIMIT: u64 = 1 << 20;

/// A request that goes no further.
#[derive(Debug)]
pub struct Turned<'r> {
    /// What it is answered, before [`Answer::finished`].
    pub answer: Answer,
    /// What is asked of it that nobody does, if that is why.
    pub lack: Option<Unsupported<'r>>,
}

/// Where a request goes. `length` is how many octets its body has, as far as that is known;
/// `speaks_tls`, whether whoever sends it on speaks TLS with backends as documents say.
///
/// `request` is the one that was decided.
///
/// # Errors
///
/// What it is answered, where it goes nowhere.
pub fn judge<'r, R: Request>(
    decision: &Decision<'r>,
    request: &R,
    length: Option<u64>,
    speaks_tls: bool,
) -> Result<Forwarding<'r>, Box<Turned<'r>>> {
    let turned = |answer, lack| Err(Box::new(Turned { answer, lack }));
    let refused = |status| turned(Answer::refusal(status, decision, request), None);
    let unable = |lack| {
        let answer = Answer::refusal(StatusCode::INTERNAL_SERVER_ERROR, decision, request);
        turned(answer, Some(lack))
    };
    // TRACE would show what other proxies added; tunnels are no business of routes.
    if matches!(request.method(), "TRACE" | "CONNECT") {
        return turned(Answer::plain(StatusCode::METHOD_NOT_ALLOWED), None);
    }
    if let Some(lack) = of_connection(decision, request) {
        return unable(lack);
    }
    let steps = match decision.verdict() {
        Verdict::Open(_) => Vec::new(),
        Verdict::Guarded => decision.steps(request),
    };
    for step in steps {
        match step {
            Step::Refuse(refusal) => return refused(refusal.status),
            Step::Preflight(_) => return turned(Answer::preflight(decision, request), None),
            other => match of_step(&other) {
                Some(lack) => return unable(lack),
                None => continue,
            },
        }
    }
    let too_large = |most: Option<u64>| most.is_some_and(|most| length > Some(most));
    let canned = |status, most| match too_large(most) {
        true => refused(StatusCode::PAYLOAD_TOO_LARGE),
        false => turned(Answer::canned(status, decision, request), None),
    };
    let outcome = |status| turned(Answer::outcome(status, decision, request), None);
    let to = match decision.admitted() {
        Outcome::Forward(to) => to,
        Outcome::Deny(_) => return outcome(StatusCode::FORBIDDEN),
        Outcome::NoRoute(why) => return outcome(why.status()),
        Outcome::Redirect(redirect) => return canned(redirect.status, redirect.max_body),
        Outcome::Respond(respond) => return canned(respond.status, Some(UNREAD_LIMIT)),
    };
    if let Some(lack) = of_forwarding(decision, &to, speaks_tls) {
        return unable(lack);
    }
    if too_large(to.forward.settings.max_body) {
        return refused(StatusCode::PAYLOAD_TOO_LARGE);
    }
    Ok(to)
}
