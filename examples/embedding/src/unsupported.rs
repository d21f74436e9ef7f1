//! What documents can ask for and nobody does. Requests that it concerns are answered 500; nothing
//! is let through that was meant to be guarded.

use gateway_core::rules::{
    Action, EndpointChoice, Forward, Listener, Protocol, Route, RuleSet, VerifyClient, VirtualHost,
};
use gateway_core::{
    Decision, Diagnostic, Forwarding, Origin, Request, Severity, Step, TlsToBackend,
};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Something that a document asks for and nobody does.
#[derive(Debug, Clone, Copy)]
pub struct Unsupported<'r> {
    /// What it is.
    pub what: &'static str,
    /// Where it was written.
    pub origin: &'r Origin,
}

impl fmt::Display for Unsupported<'_> {
    /// `a rate limit is not done here: Policy default/limit: spec.rateLimit`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not done here: {}", self.what, self.origin)
    }
}

impl Unsupported<'_> {
    /// How it is told before any request comes.
    pub fn diagnostic(&self, severity: Severity) -> Diagnostic {
        let message = format!("{} is not done here: its requests are answered 500", self.what);
        Diagnostic::new(severity, "unsupported", self.origin, message)
    }
}

/// A step as one that nobody takes; `None` for one that asks nothing more of anybody.
pub(crate) fn of_step<'r>(step: &Step<'r>) -> Option<Unsupported<'r>> {
    let (what, origin) = match step {
        // The end of the request, which is answered so.
        Step::Refuse(_) | Step::Preflight(_) => return None,
        Step::ClientCertificate(policy) if policy.verify == VerifyClient::Off => return None,
        Step::ClientCertificate(policy) => ("a client certificate", &policy.origin),
        Step::ServiceLimit(counted) => ("a rate limit", &counted.limit.origin),
        Step::RateLimit { limit, .. } => ("a rate limit", &limit.origin),
        Step::BasicAuth(policy) => ("basic authentication", &policy.origin),
        Step::ApiKey { policy, .. } => ("an API key", &policy.origin),
        Step::ExternalAuth(policy) => ("authentication by another service", &policy.origin),
        Step::AuthCheck(check) => ("authentication by another service", &check.origin),
        Step::Jwt(policy) => ("a signed token", &policy.origin),
        Step::Cache(policy) => ("a cache", &policy.origin),
    };
    Some(Unsupported { what, origin })
}

/// What is asked of the connection that a request came on, before anything else is looked at.
pub(crate) fn of_connection<'r>(
    decision: &Decision<'r>,
    request: &impl Request,
) -> Option<Unsupported<'r>> {
    let listener = decision.listener()?;
    let is_bare =
        listener.protocol == Protocol::Https && request.connection().protocol == Protocol::Http;
    let bare = is_bare.then_some(Unsupported { what: BARE, origin: &listener.origin });
    of_listener(listener).or(bare).or_else(|| of_clients(decision.host()?))
}

const BARE: &str = "HTTP without TLS, where documents say TLS,";

/// What a listener asks of all clients.
fn of_listener(listener: &Listener) -> Option<Unsupported<'_>> {
    let what = "mutual TLS with clients";
    listener.mutual_tls.then_some(Unsupported { what, origin: &listener.origin })
}

/// What a host asks of clients in the handshake.
fn of_clients(host: &VirtualHost) -> Option<Unsupported<'_>> {
    let asked = host.tls.as_ref()?.clients.as_ref()?;
    let what = "a client certificate";
    (!asked.insecure_fallback).then_some(Unsupported { what, origin: &asked.origin })
}

/// What keeps a request of this decision from being sent on.
pub(crate) fn of_forwarding<'r>(
    decision: &Decision<'r>,
    to: &Forwarding<'r>,
    speaks_tls: bool,
) -> Option<Unsupported<'r>> {
    let of = |what| Unsupported { what, origin: &to.forward.origin };
    let wants_tls = decision.backend_tls().is_some() || decision.mutual_tls();
    of_forward(to.forward)
        .next()
        .or_else(|| to.is_checked().then(|| of(ACCESS)))
        .or_else(|| (wants_tls && !speaks_tls).then(|| of(TLS)))
}

const ACCESS: &str = "a choice of endpoints by who calls";
const TLS: &str = "TLS with backends";

/// What a rule asks for, whichever Service is chosen.
fn of_forward(forward: &Forward) -> impl Iterator<Item = Unsupported<'_>> {
    let mirror = forward.mirrors.first().map(|copy| ("a copy of requests", &copy.forward.origin));
    let session = forward.session.as_ref().map(|session| ("a session", &session.origin));
    let cookie = forward.settings.session_cookie.as_ref();
    let cookie = cookie.map(|_| ("a session cookie", &forward.settings.origin));
    let narrowed = forward.settings.endpoints != EndpointChoice::Ready;
    let narrowed = narrowed.then_some(("a choice of endpoints", &forward.settings.origin));
    let all = [mirror, session, cookie, narrowed].into_iter().flatten();
    all.map(|(what, origin)| Unsupported { what, origin })
}

/// What rules ask for, each once, in the order of the routes. `speaks_tls` is as of
/// [`judge`](crate::judge).
pub fn unsupported(rules: &RuleSet, speaks_tls: bool) -> Vec<Unsupported<'_>> {
    let mut found = Vec::new();
    for listener in &rules.listeners {
        found.extend(of_listener(listener));
        found.extend(listener.hosts.iter().filter_map(|host| of_clients(host)));
        for route in listener.hosts.iter().flat_map(|host| &host.routes) {
            of_route(rules, listener, route, speaks_tls, &mut found);
        }
    }
    let limits = rules.services.iter().flat_map(|service| &service.limits);
    found.extend(limits.map(|limit| Unsupported { what: "a rate limit", origin: &limit.origin }));
    let mut seen = BTreeSet::new();
    found.retain(|it| {
        let origin = it.origin;
        seen.insert((Arc::clone(&origin.object), Arc::clone(&origin.field), it.what))
    });
    found
}

fn of_route<'r>(
    rules: &'r RuleSet,
    listener: &Listener,
    route: &'r Route,
    speaks_tls: bool,
    found: &mut Vec<Unsupported<'r>>,
) {
    let policies = route.policies.as_deref();
    // A fault turns everybody away.
    if policies.is_some_and(|policies| policies.fault.is_some()) {
        return;
    }
    if let Some(policies) = policies {
        found.extend(policies.steps(listener.protocol).filter_map(|step| of_step(&step)));
    }
    if let Action::Split(split) = &route.action {
        let session = split.session.as_ref();
        found.extend(session.map(|it| Unsupported { what: "a session", origin: &it.origin }));
    }
    for forward in route.action.forwards() {
        found.extend(of_forward(forward));
        let of = |what| Unsupported { what, origin: &forward.origin };
        let addressed = rules.service(forward.target.service);
        let backends = addressed.splits.iter().flat_map(|split| &split.backends);
        let backends = backends.map(|backend| rules.service(backend.service));
        for service in [addressed].into_iter().chain(backends) {
            found.extend(service.access.is_some().then(|| of(ACCESS)));
            let tls = TlsToBackend::of(forward, policies, service, forward.target.port);
            let wants_tls = tls.is_some() || service.mutual_tls;
            found.extend((wants_tls && !speaks_tls).then(|| of(TLS)));
        }
    }
}
