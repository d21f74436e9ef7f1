//! A decision as a plain value, to be compared and printed.

use gateway_core::rules::ServiceName;
use gateway_core::{Counted, Decision, NoRoute, Origin, Outcome, Refusal, Request, Step};
use http::StatusCode;
use std::fmt;

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
    /// What policies ask, up to what turns the request away.
    pub steps: Vec<StepAnswer>,
    /// What happens to a request that they admit.
    pub verdict: Verdict,
}

/// What a policy asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepAnswer {
    /// `refuse`, `preflight`, `rate-limit`, …
    pub kind: &'static str,
    /// The policy.
    pub origin: Origin,
    /// The status of a refusal, or the key of a limit or of a client.
    pub detail: Vec<u8>,
}

impl StepAnswer {
    /// What a step asks.
    pub fn of(step: Step<'_>) -> Self {
        let (kind, origin, detail) = match step {
            Step::Refuse(Refusal { status, origin, .. }) => {
                ("refuse", origin, status.as_str().as_bytes().to_vec())
            }
            Step::Preflight(policy) => ("preflight", policy.origin(), vec![]),
            Step::ClientCertificate(policy) => ("client-certificate", &policy.origin, vec![]),
            Step::RateLimit { limit, key } => ("rate-limit", &limit.origin, key),
            Step::BasicAuth(policy) => ("basic-auth", &policy.origin, vec![]),
            Step::ApiKey { policy, key } => ("api-key", &policy.origin, key),
            Step::ExternalAuth(policy) => ("external-auth", &policy.origin, vec![]),
            Step::AuthCheck(check) => {
                ("external-auth", &check.origin, check.name.as_bytes().to_vec())
            }
            Step::Jwt(policy) => ("jwt", &policy.origin, vec![]),
            Step::Cache(policy) => ("cache", &policy.origin, vec![]),
            Step::ServiceLimit(Counted { limit, source, by_endpoint }) => {
                ("service-limit", &limit.origin, Self::bucket(source, by_endpoint))
            }
        };
        Self { kind, origin: origin.clone(), detail }
    }

    /// The bucket of a limit of a Service: `all`, `source 1`, `all by endpoint`.
    pub(super) fn bucket(source: Option<usize>, by_endpoint: bool) -> Vec<u8> {
        let of = source.map_or("all".to_owned(), |source| format!("source {source}"));
        let by_endpoint = if by_endpoint { " by endpoint" } else { "" };
        format!("{of}{by_endpoint}").into_bytes()
    }
}

impl fmt::Display for StepAnswer {
    /// `rate-limit Policy default/limit: 10.0.0.1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.origin.object)?;
        match &*self.detail {
            [] => Ok(()),
            detail => write!(f, ": {}", String::from_utf8_lossy(detail)),
        }
    }
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
    /// It is answered 403, since nobody there admits the caller.
    Deny {
        /// The Service.
        service: ServiceName,
        /// Its port.
        port: u16,
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
            steps: Vec::new(),
            verdict: Verdict::NoRoute(why),
        }
    }

    /// What the router decided of `request`.
    pub fn of(decision: &Decision<'_>, request: &impl Request) -> Self {
        let verdict = match decision.admitted() {
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
            Outcome::Deny(forwarding) => {
                let service = forwarding.service.name.clone();
                Verdict::Deny { service, port: forwarding.port }
            }
            Outcome::Redirect(redirect) => {
                Verdict::Redirect { status: redirect.status, origin: redirect.origin.clone() }
            }
            Outcome::Respond(respond) => {
                Verdict::Respond { status: respond.status, origin: respond.origin.clone() }
            }
            Outcome::NoRoute(why) => Verdict::NoRoute(why),
        };
        Self {
            listener: decision.listener().map(|listener| listener.origin.clone()),
            host: decision.host().map(|host| host.origin.clone()),
            route: decision.route().map(|route| route.origin.clone()),
            branch: decision.branch().map(|branch| branch.origin.clone()),
            steps: decision.steps(request).into_iter().map(StepAnswer::of).collect(),
            verdict,
        }
    }
}
