//! SMI, and the kinds that NGINX Service Mesh adds to it.
//!
//! ```text
//! HTTPRouteGroup ──► group ──┬─► split ──┬─► host       hosts named after Services
//! TrafficSplit ──────────────┤           └─► order      the splits of each Service
//! TCPRoute ──► selected ─────┼─► target ──── access     who may call each Service
//! TrafficTarget ─────────────┤
//! RateLimit ─────────────────┴─► limit ───── access     how often
//! CircuitBreaker ──────────────► breaker                when its endpoints pause
//! ```

mod access;
mod breaker;
mod group;
mod host;
mod limit;
mod lint;
mod name;
mod order;
mod selected;
mod split;
mod target;
#[cfg(test)]
mod tests;

use super::Context;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::origin::Origin;
use crate::resource::Resource;
use crate::resource::layer4_route::Layer4Route;
use crate::resource::meta::Meta;
use crate::rules::ServiceName;
use access::Targets;
use group::Groups;
use selected::{Layer4Routes, Specs};
use split::Split;

pub(super) fn translate(context: &mut Context<'_>) {
    let resources = context.resources;
    let mut groups = Groups::new();
    for group in resources.http_route_groups() {
        context.expressions.next_object();
        match group::lower(group, &mut context.expressions, &mut context.problems) {
            Some(matches) => {
                groups.insert((&group.meta.namespace, &group.meta.name), matches);
            }
            None => context.refused.push(group.object().clone()),
        }
    }
    let mut splits: Vec<Split<'_>> = Vec::new();
    for written in resources.traffic_splits() {
        match split::lower(written, &groups, context) {
            Some(split) => splits.push(split),
            None => context.refused.push(written.object().clone()),
        }
    }
    let tcp_routes = by_name(resources.tcp_routes());
    let specs = Specs { groups, tcp_routes, udp_routes: by_name(resources.udp_routes()) };
    let mut targets = Vec::new();
    for written in resources.traffic_targets() {
        match target::lower(written, &specs, context) {
            Some(target) => targets.push(target),
            None => context.refused.push(written.object().clone()),
        }
    }
    let targets = Targets::new(targets);
    targets.warn_of_ungoverned(context);
    if context.options.service_hosts {
        host::claim(&splits, &targets, context);
    }
    order::settle(splits, context);
    let limits = limit::lower(&specs, context);
    breaker::settle(context);
    access::settle(targets, &limits, context);
    if context.options.skip_empty_backends {
        tell_ready(context);
    }
    for (root, by, origin) in context.services.bypassed() {
        let message = format!("the TrafficSplits of `{root}` are bypassed by `{by}`");
        context.problems.push(Diagnostic::warning("SMI-W07", origin, message));
    }
}

/// Says of each Service that is known which ports have a ready endpoint (smi S-8).
fn tell_ready(context: &mut Context<'_>) {
    for name in context.services.names() {
        let Some(ports) = context.services.service(&name).ports.clone() else { continue };
        let by_hand = &context.options.known_services;
        let is_ready = |port: &u16| {
            !context.endpoints.of_service(&name, *port).is_empty()
                || by_hand.iter().any(|(of, by_hand)| *of == name && by_hand == port)
        };
        let ready = ports.into_iter().filter(is_ready).collect();
        context.services.set_ready(&name, ready);
    }
}

/// Warns where what is `done` to a Service has no effect, since it does not exist.
fn warn_of_missing(service: &ServiceName, origin: &Origin, done: &str, context: &mut Context<'_>) {
    if context.services.service(service).exists {
        return;
    }
    let message = format!("there is no Service `{service}`; nothing is {done}");
    let mut diagnostic = Diagnostic::warning("SMI-W12", origin, message);
    let known = context.services.names_in(&service.namespace).filter(|n| **n != *service.name);
    diagnostic.help = did_you_mean(&service.name, known);
    context.problems.push(diagnostic);
}

fn by_name<'a>(routes: impl Iterator<Item = &'a Resource<Layer4Route>>) -> Layer4Routes<'a> {
    routes.map(|route| ((&*route.meta.namespace, &*route.meta.name), route)).collect()
}

/// What older objects have a smaller value of (smi S-18): none is newest, then names tell.
fn age(meta: &Meta) -> (bool, Option<&str>, &str, &str) {
    let created = meta.creation_timestamp.as_deref();
    (created.is_none(), created, &meta.namespace, &meta.name)
}
