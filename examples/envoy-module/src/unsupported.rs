//! What documents can ask for and nobody does: neither this module nor Envoy behind it. Requests
//! that it concerns are answered 500; nothing is let through that was meant to be guarded.

use gateway_core::rules::{
    Action, AuthRequest, EndpointChoice, Forward, Listener, Policies, Protocol, Route, RuleSet,
    VerifyClient,
};
use gateway_core::{Decision, Diagnostic, Forwarding, Origin, Severity, Step, TlsToBackend};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Something that a document asks for and nobody does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unsupported<'r> {
    /// What it is.
    what: &'static str,
    /// Where it was written.
    origin: &'r Origin,
}

impl fmt::Display for Unsupported<'_> {
    /// `a rate limit is not done here: Policy default/limit: spec.rateLimit`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not done here: {}", self.what, self.origin)
    }
}

impl Unsupported<'_> {
    /// The code of its diagnostics.
    pub(crate) const CODE: &'static str = "unsupported";

    /// How it is told at load.
    pub(crate) fn diagnostic(&self, is_error: bool) -> Diagnostic {
        let severity = if is_error { Severity::Error } else { Severity::Warning };
        let message = format!("{} is not done here: its requests are answered 500", self.what);
        Diagnostic::new(severity, Self::CODE, self.origin, message)
    }
}

/// What a step comes to where it is not settled.
///
/// # Errors
///
/// The step, where it is one that nobody takes.
pub(crate) fn take<'r>(step: &Step<'r>) -> Result<(), Unsupported<'r>> {
    let (what, origin) = match step {
        // The end of the request, which is answered so.
        Step::Refuse(_) | Step::Preflight(_) => return Ok(()),
        Step::ClientCertificate(policy) if policy.verify == VerifyClient::Off => return Ok(()),
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
    Err(Unsupported { what, origin })
}

/// What keeps a request of this decision from being sent on.
pub(crate) fn of_forwarding<'r>(
    decision: &Decision<'r>,
    to: &Forwarding<'r>,
    clusters_speak_tls: bool,
) -> Option<Unsupported<'r>> {
    let of = |what| Unsupported { what, origin: &to.forward.origin };
    let speaks_tls = decision.backend_tls().is_some() || decision.mutual_tls();
    of_forward(to.forward)
        .next()
        .or_else(|| to.is_checked().then(|| of(ACCESS)))
        .or_else(|| (speaks_tls && !clusters_speak_tls).then(|| of(TLS)))
}

const ACCESS: &str = "a choice of endpoints by who calls";
const TLS: &str = "TLS with backends (`backendTls`)";

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

/// What rules ask for, each once, in the order of the documents' objects.
pub(crate) fn of_rules(rules: &RuleSet, clusters_speak_tls: bool) -> Vec<Unsupported<'_>> {
    let mut found = Vec::new();
    for listener in &rules.listeners {
        for route in listener.hosts.iter().flat_map(|host| &host.routes) {
            of_route(rules, listener, route, clusters_speak_tls, &mut found);
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
    clusters_speak_tls: bool,
    found: &mut Vec<Unsupported<'r>>,
) {
    let policies = route.policies.as_deref();
    // A fault turns everybody away.
    if policies.is_some_and(|policies| policies.fault.is_some()) {
        return;
    }
    if let Some(policies) = policies {
        found.extend(steps(policies, listener.protocol).iter().filter_map(|step| take(step).err()));
    }
    if let Action::Split(split) = &route.action {
        let session = split.session.as_ref();
        found.extend(session.map(|it| Unsupported { what: "a session", origin: &it.origin }));
    }
    for forward in route.action.forwards() {
        found.extend(of_forward(forward));
        let service = rules.service(forward.target.service);
        let of = |what| Unsupported { what, origin: &forward.origin };
        found.extend(service.access.is_some().then(|| of(ACCESS)));
        let tls = TlsToBackend::of(forward, policies, service, forward.target.port);
        found.extend((tls.is_some() && !clusters_speak_tls).then(|| of(TLS)));
    }
}

/// The steps that policies may ask of requests that come by `protocol`.
fn steps(policies: &Policies, protocol: Protocol) -> Vec<Step<'_>> {
    let Policies {
        fault: _,
        client_certificates,
        rate_limits,
        basic_auth,
        auth_request,
        jwt,
        cache,
        // They are refusals and what answers tell.
        access: _,
        cors: _,
        hsts: _,
        // It is of no use without a Service that TLS is spoken with.
        backend_tls: _,
    } = policies;
    let certificates = client_certificates.as_deref().filter(|_| protocol == Protocol::Https);
    let cases = rate_limits.iter().flat_map(|choice| &choice.cases).map(|case| &case.limit);
    let others = rate_limits.iter().filter_map(|choice| choice.otherwise.as_ref());
    let mut steps: Vec<Step<'_>> = certificates.map(Step::ClientCertificate).into_iter().collect();
    steps.extend(cases.chain(others).map(|limit| Step::RateLimit { limit, key: Vec::new() }));
    steps.extend(basic_auth.as_deref().map(Step::BasicAuth));
    steps.extend(auth_request.as_ref().map(|asked| match asked {
        AuthRequest::ApiKey(policy) => Step::ApiKey { policy, key: Vec::new() },
        AuthRequest::External(policy) => Step::ExternalAuth(policy),
        AuthRequest::Check(check) => Step::AuthCheck(check),
    }));
    steps.extend(jwt.as_deref().map(Step::Jwt));
    steps.extend(cache.as_deref().map(Step::Cache));
    steps
}
