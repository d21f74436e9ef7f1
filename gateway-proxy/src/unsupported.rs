//! What rules ask for and this proxy does not do yet. It is told once, at load: nothing is ignored
//! silently, and nothing that has to be safe is sent otherwise than asked.

mod variables;

use crate::attributes::are_supplied;
use crate::guard::{Unenforced, take};
use crate::snapshot::WrongConnection;
use gateway_core::rules::{Action, EndpointChoice, Field, Listener, Route, RuleSet, Sticky};
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
            let has_new_limits = seen_limits.insert(Arc::as_ptr(&policies.rate_limits));
            let steps = policies.steps(listener.protocol);
            for step in steps.filter(|it| has_new_limits || !matches!(it, Step::RateLimit { .. })) {
                if let Err(Unenforced { what, origin }) = take(&step, || Err(WrongConnection)) {
                    let message = format!("{what} is not enforced yet: its routes answer 500");
                    found.insert(Diagnostic::warning("unsupported", origin, message));
                }
            }
        }
    }
    found
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
