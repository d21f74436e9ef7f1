//! A decision as a plain value, to be compared and printed.

use gateway_core::rules::ServiceName;
use gateway_core::{Decision, NoRoute, Origin, Outcome};
use http::StatusCode;

/// A decision as a plain value. Rules are named by their origins, so in rule sets that are
/// compared every rule has an origin of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The listener that took the request.
    pub listener: Option<Origin>,
    /// The virtual host whose route decided, else the most specific one that covers the host.
    pub host: Option<Origin>,
    /// The route that decided.
    pub route: Option<Origin>,
    /// The innermost branch of the route's own split that was drawn.
    pub branch: Option<Origin>,
    /// What happens.
    pub verdict: Verdict,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes to a Service.
    Forward {
        /// The Service.
        service: ServiceName,
        /// Its port.
        port: u16,
        /// The rule that says how it is sent.
        rule: Origin,
        /// The TrafficSplit that applied.
        split: Option<Box<SplitAnswer>>,
    },
    /// It is answered with a `Location`.
    Redirect {
        /// The status.
        status: StatusCode,
        /// The rule.
        origin: Origin,
    },
    /// It is answered with a canned response.
    Respond {
        /// The status.
        status: StatusCode,
        /// The rule.
        origin: Origin,
    },
    /// No route took it.
    NoRoute(NoRoute),
}

/// A TrafficSplit that applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitAnswer {
    /// The addressed Service.
    pub root: ServiceName,
    /// The split.
    pub split: Origin,
    /// The match that held.
    pub matched: Option<Origin>,
    /// The backend that was drawn.
    pub backend: Origin,
}

impl Answer {
    pub(super) fn nothing(why: NoRoute) -> Self {
        Self {
            listener: None,
            host: None,
            route: None,
            branch: None,
            verdict: Verdict::NoRoute(why),
        }
    }

    /// What the router decided.
    pub fn of(decision: &Decision<'_>) -> Self {
        let verdict = match decision.outcome() {
            Outcome::Forward(forwarding) => Verdict::Forward {
                service: forwarding.service.name.clone(),
                port: forwarding.port,
                rule: forwarding.forward.origin.clone(),
                split: forwarding.split.map(|choice| {
                    Box::new(SplitAnswer {
                        root: choice.root.name.clone(),
                        split: choice.split.origin.clone(),
                        matched: choice.matched.map(|m| m.origin.clone()),
                        backend: choice.backend.origin.clone(),
                    })
                }),
            },
            Outcome::Redirect(redirect) => {
                Verdict::Redirect { status: redirect.status, origin: redirect.origin.clone() }
            }
            Outcome::Respond(respond) => {
                Verdict::Respond { status: respond.status, origin: respond.origin.clone() }
            }
            Outcome::NoRoute(why) => Verdict::NoRoute(*why),
        };
        Self {
            listener: decision.listener().map(|listener| listener.origin.clone()),
            host: decision.host().map(|host| host.origin.clone()),
            route: decision.route().map(|route| route.origin.clone()),
            branch: decision.branch().map(|branch| branch.origin.clone()),
            verdict,
        }
    }
}
