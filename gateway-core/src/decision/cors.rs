//! What answers tell browsers of cross-origin requests.

mod granted;
mod told;

use super::headers::EditHeaders;
use super::{Decision, Outcome};
use crate::request::Request;
use crate::request::field::View;
use crate::rules::Cors;
use http::HeaderValue;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderName,
};
use std::borrow::Cow;

/// Lines of a header.
type Lines = Vec<(&'static HeaderName, HeaderValue)>;

/// All that may be said of cross-origin requests in an answer.
static NAMES: [HeaderName; 6] = [
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
];

impl<'r> Decision<'r> {
    /// What holds for cross-origin requests: what the route says, else the backend that was drawn.
    pub(super) fn cors(&self) -> Option<&'r Cors> {
        let of_route = self.policies().and_then(|policies| policies.cors.as_deref());
        of_route.or_else(|| self.branch.and_then(|branch| branch.cors.as_deref()))
    }
}

/// Whether the request only asks what it may do.
pub(crate) fn is_preflight<R: Request>(cors: &Cors, view: &View<'_, R>) -> bool {
    // Read like this, it takes no allocation.
    let names = |name: &str| {
        let mut lines = view.request().headers(name);
        lines.next().is_some_and(|first| !first.is_empty() || lines.next().is_some())
    };
    view.request().method() == "OPTIONS"
        && match cors {
            // Any OPTIONS, with or without `Origin` (decisions §6).
            Cors::Told(_) => true,
            Cors::Granted(_) => names("origin") && names("access-control-request-method"),
        }
}

/// Whether a pre-flight request is answered here whose route has this outcome.
pub(super) fn answers(cors: &Cors, outcome: &Outcome<'_>) -> bool {
    match cors {
        Cors::Told(_) => matches!(outcome, Outcome::Forward(_) | Outcome::Deny(_)),
        // It never goes to a backend, and comes before a redirect (gateway-api §13).
        Cors::Granted(_) => true,
    }
}

/// Makes the changes to the header of an answer whose route has this outcome, be it to a pre-flight
/// request or not.
pub(super) fn edit<'r, R: Request>(
    cors: &Cors,
    outcome: &Outcome<'_>,
    view: &View<'_, R>,
    headers: &mut impl EditHeaders<'r>,
) {
    let lines = match cors {
        Cors::Told(told) if matches!(outcome, Outcome::Forward(_)) => told::lines(told, view),
        Cors::Told(_) => return,
        Cors::Granted(grant) => {
            let Some(origin) = granted::origin(view) else { return };
            // What the backend says of them gives way.
            NAMES.iter().for_each(|name| headers.remove(name));
            granted::lines(grant, &origin, is_preflight(cors, view), view)
        }
    };
    let lines = lines.into_iter().map(|(name, value)| (name, Cow::Owned(value)));
    lines.for_each(|(name, value)| super::headers::append(headers, name, value));
}
