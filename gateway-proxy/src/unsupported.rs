//! What rules ask for and this proxy does not do yet. It is told once, at load: nothing is ignored
//! silently, and nothing that has to be safe is sent otherwise than asked.

mod variables;

use crate::attributes::are_supplied;
use crate::guard::{Unenforced, take};
use crate::snapshot::WrongConnection;
use gateway_core::rules::{
    Action, AuthRequest, EndpointChoice, Field, Listener, Policies, Protocol, RateLimitChoice,
    Route, RuleSet, Sticky,
};
use gateway_core::{Diagnostic, Endpoints, Origin, Step};
use std::collections::BTreeSet;
use std::sync::Arc;
use variables::unknown_variables;

/// A warning for each setting and each policy that is not carried out, and what happens instead.
pub fn unsupported(rules: &RuleSet) -> Vec<Diagnostic> {
    let mut found = of_policies(rules);
    for route in rules.listeners.iter().flat_map(routes_of) {
        if let Action::Split(split) = &route.action {
            found.extend(of_sticky(split.sticky.as_deref(), &split.origin));
        }
        found.extend(unknown_variables(route).map(|(origin, name)| {
            let message = format!("`${name}` is always empty: this proxy does not know it");
            Diagnostic::warning("unsupported", origin, message)
        }));
    }
    for split in rules.services.iter().flat_map(|service| &service.splits) {
        found.extend(of_sticky(split.sticky.as_deref(), &split.origin));
    }
    found.into_iter().collect()
}

/// A warning where a split goes by what no request has here.
fn of_sticky(sticky: Option<&Sticky>, split: &Origin) -> Option<Diagnostic> {
    let Field::Attribute(name) = sticky?.by() else { return None };
    let message = format!("this proxy does not know `{name}`: each request is drawn anew");
    (!are_supplied(name)).then(|| Diagnostic::warning("unsupported", split, message))
}

fn routes_of(listener: &Listener) -> impl Iterator<Item = &Route> {
    listener.hosts.iter().flat_map(|host| &host.routes)
}

/// A warning for each policy that is not enforced.
fn of_policies(rules: &RuleSet) -> BTreeSet<Diagnostic> {
    let mut found = BTreeSet::new();
    // Many routes share them, or the limits among them.
    let (mut seen, mut seen_limits) = (BTreeSet::new(), BTreeSet::new());
    for listener in &rules.listeners {
        for policies in routes_of(listener).filter_map(|route| route.policies.as_ref()) {
            // A fault turns everybody away.
            if policies.fault.is_some()
                || !seen.insert((listener.protocol.as_str(), Arc::as_ptr(policies)))
            {
                continue;
            }
            let limits = match seen_limits.insert(Arc::as_ptr(&policies.rate_limits)) {
                true => &policies.rate_limits[..],
                false => &[],
            };
            for Unenforced { what, origin } in unenforced(policies, limits, listener.protocol) {
                let message = format!("{what} is not enforced yet: its routes answer 500");
                found.insert(Diagnostic::warning("unsupported", origin, message));
            }
        }
    }
    found
}

/// What `policies`, of their limits only `limits`, may ask of requests that come by `protocol` and
/// is not done here.
fn unenforced<'r>(
    policies: &'r Policies,
    limits: &'r [RateLimitChoice],
    protocol: Protocol,
) -> Vec<Unenforced<'r>> {
    let Policies {
        fault: _,
        client_certificates,
        rate_limits: _,
        basic_auth,
        auth_request,
        jwt,
        cache,
        // They are refusals and what answers tell.
        access: _,
        cors: _,
        hsts: _,
        // What cannot be done is an error (`snapshot::unspeakable`).
        backend_tls: _,
    } = policies;
    let certificates = client_certificates.as_deref().filter(|_| protocol == Protocol::Https);
    let cases = limits.iter().flat_map(|choice| &choice.cases).map(|case| &case.limit);
    let others = limits.iter().filter_map(|choice| choice.otherwise.as_ref());
    let key = Vec::new();
    let asked = match auth_request {
        Some(AuthRequest::ApiKey(policy)) => Some(Step::ApiKey { policy, key }),
        Some(AuthRequest::External(policy)) => Some(Step::ExternalAuth(policy)),
        Some(AuthRequest::Check(check)) => Some(Step::AuthCheck(check)),
        None => None,
    };
    let mut steps: Vec<Step<'_>> = certificates.map(Step::ClientCertificate).into_iter().collect();
    steps.extend(cases.chain(others).map(|limit| Step::RateLimit { limit, key: Vec::new() }));
    steps.extend(basic_auth.as_deref().map(Step::BasicAuth));
    steps.extend(asked);
    steps.extend(jwt.as_deref().map(Step::Jwt));
    steps.extend(cache.as_deref().map(Step::Cache));
    steps.iter().filter_map(|step| take(step, || Err(WrongConnection)).err()).collect()
}

/// A warning for each upstream of whose endpoints documents do not tell whether they are meant:
/// nothing is sent there.
pub fn unknown_endpoints(rules: &RuleSet, endpoints: &Endpoints) -> Vec<Diagnostic> {
    let mut found = BTreeSet::new();
    let routes = rules.listeners.iter().flat_map(routes_of);
    for forward in routes.flat_map(|route| route.action.forwards()) {
        let service = rules.service(forward.target.service);
        let message = match &forward.settings.endpoints {
            EndpointChoice::Labelled(labels) => {
                let mut of_service =
                    endpoints.of_service(&service.name, forward.target.port).iter();
                if of_service.any(|endpoint| endpoint.behind.carries(labels).is_some()) {
                    continue;
                }
                "no document tells the labels of an endpoint's Pod: none is sent a request"
            }
            EndpointChoice::ClusterIp if service.access.is_some() => {
                "whom a TrafficTarget lets in is not known at the address of the Service: the \
                 answer is 500"
            }
            EndpointChoice::Ready | EndpointChoice::ClusterIp => continue,
        };
        found.insert(Diagnostic::warning("unsupported", &forward.settings.origin, message));
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests;
