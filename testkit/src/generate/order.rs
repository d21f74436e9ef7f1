//! The same rules in another order.

use super::Source;
use gateway_core::rules::{Action, RuleSet, ServiceId, VirtualHost};
use std::sync::Arc;

/// The same rules with listeners, hosts and services in another order.
pub fn reordered(rules: &RuleSet, source: &mut Source<'_>) -> RuleSet {
    let mut rules = rules.clone();
    source.shuffle(&mut rules.listeners);
    for listener in &mut rules.listeners {
        let mut hosts: Vec<_> = listener.hosts.iter().cloned().collect();
        source.shuffle(&mut hosts);
        listener.hosts = hosts.into_iter().collect();
    }
    let mut order: Vec<usize> = (0..rules.services.len()).collect();
    source.shuffle(&mut order);
    let moved = |id: ServiceId| {
        let place = order.iter().position(|&old| old == id.0 as usize);
        ServiceId(place.expect("each service has a place") as u32)
    };
    let mut services: Vec<_> = order.iter().map(|&old| rules.services[old].clone()).collect();
    for split in services.iter_mut().flat_map(|service| &mut service.splits) {
        split.backends.iter_mut().for_each(|backend| backend.service = moved(backend.service));
    }
    for breaker in services.iter_mut().filter_map(|service| service.breaker.as_mut()) {
        let fallback = &mut Arc::make_mut(breaker).fallback;
        *fallback = fallback.map(|(service, port)| (moved(service), port));
    }
    rules.services = Arc::new(services);
    for listener in &mut rules.listeners {
        let renumbered = listener.hosts.iter().map(|host| {
            let mut host = VirtualHost::clone(host);
            host.routes.iter_mut().for_each(|route| renumber(&mut route.action, &moved));
            host
        });
        listener.hosts = renumbered.collect();
    }
    rules
}

fn renumber(action: &mut Action, moved: &impl Fn(ServiceId) -> ServiceId) {
    match action {
        Action::Forward(forward) => {
            let forward = Arc::make_mut(forward);
            forward.target.service = moved(forward.target.service);
        }
        Action::Split(split) => {
            let split = Arc::make_mut(split);
            split.branches.iter_mut().for_each(|branch| renumber(&mut branch.action, moved));
        }
        Action::Redirect(_) | Action::Respond(_) | Action::Unmatched { .. } => {}
    }
}
