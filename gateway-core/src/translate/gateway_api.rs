//! Gateway API: Gateways, HTTPRoutes and GRPCRoutes to claims.
//!
//! ```text
//!  Gateway ──► listeners ──┐
//!                          ├──► attach ──► (section, host) ──► routes in order ──► claims
//!  HTTPRoute,              │
//!  GRPCRoute ──► route ────┘
//! ```
//!
//! A section is one listener of one Gateway. Its hosts fall through to each other, and no request
//! leaves the section that owns its host (gateway-api §6.3).

mod attach;
mod backend;
mod filter;
mod grpc;
mod listeners;
mod path;
mod rivals;
mod route;
mod status;
mod sticky;
#[cfg(all(test, feature = "yaml"))]
mod tests;

use super::hosts::{Claim, Rank};
use super::{Channel, Context};
use crate::diagnostic::Diagnostic;
use crate::resource::Resource;
use crate::resource::gateway_route::{ChannelFaults, GatewayRoute};
use crate::rules::{HostPattern, Route};
use attach::Attachment;
use listeners::Listeners;
use rivals::Rivals;
use route::Lowered;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn translate(context: &mut Context<'_>) {
    let mut listeners = Listeners::of(context);
    let mut routes: Vec<&Resource<GatewayRoute>> = context.resources.gateway_routes().collect();
    // Of two of one age and name, the kind decides.
    routes.sort_by_cached_key(|route| (age(route), route.spec.kind));
    let mut rivals = Rivals::default();
    let mut hosts = Hosts::new();
    for route in routes {
        context.expressions.next_object();
        if let Some(served) = serve(route, &listeners, &rivals, context) {
            // A route that is not accepted may answer 500, and has its hosts then.
            if served.accepted || !served.lowered.is_empty() {
                for Attachment { section, effective, .. } in &served.attachments {
                    rivals.add(*section, route.spec.kind, effective, route.object());
                }
            }
            collect(&served, &listeners, &mut hosts, context);
            if served.accepted {
                listeners.count(served.attachments.iter().map(|attachment| attachment.section));
            }
        }
    }
    listeners.write_statuses(context);
    claim(&listeners, hosts, context);
}

/// Orders objects from old to new, then by `namespace/name` (gateway-api §12).
fn age<T>(object: &Resource<T>) -> (bool, Option<Box<str>>, String) {
    let meta = &object.meta;
    let created = meta.creation_timestamp.clone();
    (created.is_none(), created, format!("{}/{}", meta.namespace, meta.name))
}

/// Whether an object is in force; reports what only the channel in use refuses.
fn admit<T>(object: &Resource<T>, channels: &ChannelFaults, context: &mut Context<'_>) -> bool {
    let faults = match context.options.channel {
        Channel::Standard => &channels.standard,
        Channel::Experimental => &channels.experimental,
    };
    faults.iter().for_each(|fault| context.problems.push(fault.clone()));
    if !faults.is_empty() {
        context.refused.push(object.object().clone());
    }
    faults.is_empty()
}

/// A route that is attached to something.
struct Served<'a> {
    route: &'a Resource<GatewayRoute>,
    attachments: Vec<Attachment<'a>>,
    lowered: Vec<Lowered>,
    /// Whether at least one of its rules is in force, or it has none.
    accepted: bool,
}

/// Translates a route and writes its status.
fn serve<'a>(
    route: &'a Resource<GatewayRoute>,
    listeners: &Listeners<'a>,
    rivals: &Rivals<'a>,
    context: &mut Context<'a>,
) -> Option<Served<'a>> {
    if !admit(route, &route.spec.channels, context) {
        return None;
    }
    let parents = attach::parents(route, listeners, rivals, context);
    // A route of other controllers is none of our business.
    if parents.is_empty() {
        return None;
    }
    let lowered = route::lower(route, context);
    context.statuses.push(status::route(route, &parents, &lowered));
    let attachments = parents.into_iter().filter_map(|parent| parent.outcome.ok()).flatten();
    let accepted = !lowered.has_lost_all_of(&route.spec.rules);
    Some(Served { route, attachments: attachments.collect(), lowered: lowered.matches, accepted })
}

/// What a host of a section is made of, in order of age.
type Hosts<'a> = BTreeMap<(usize, String), Host<'a>>;

struct Host<'a> {
    hostname: HostPattern,
    /// The oldest route.
    route: &'a Resource<GatewayRoute>,
    /// The attachment of the oldest route.
    attachment: Attachment<'a>,
    matches: Vec<(HostPattern, Lowered)>,
}

fn collect<'a>(
    served: &Served<'a>,
    listeners: &Listeners<'_>,
    hosts: &mut Hosts<'a>,
    context: &mut Context<'_>,
) {
    let mut seen = BTreeSet::new();
    for attachment in &served.attachments {
        let section = attachment.section;
        // Isolation: a host belongs to the most specific listener that covers it.
        let owner = listeners.owner(section, &attachment.effective);
        if owner != Some(section) {
            if let Some(owner) = owner
                && served.attachments.iter().all(|other| other.section != owner)
            {
                warn_of_isolation(served.route, attachment, listeners.section(owner), context);
            }
            continue;
        }
        let key = (section, attachment.effective.to_string());
        // Two parentRefs may lead to one listener.
        if !seen.insert(key.clone()) {
            continue;
        }
        let host = hosts.entry(key).or_insert_with(|| Host {
            hostname: attachment.effective.clone(),
            route: served.route,
            attachment: attachment.clone(),
            matches: Vec::new(),
        });
        let own = attachment.own.map_or(&attachment.effective, |own| &own.value);
        host.matches.extend(served.lowered.iter().map(|lowered| (own.clone(), lowered.clone())));
    }
}

/// Says why a route that is attached gets no requests for a host.
fn warn_of_isolation(
    route: &Resource<GatewayRoute>,
    attachment: &Attachment<'_>,
    owner: &listeners::Section<'_>,
    context: &mut Context<'_>,
) {
    let Some(own) = attachment.own else { return };
    let message = format!(
        "requests for `{}` go to the listener `{}` of {}, which the route is not attached to",
        attachment.effective,
        owner.listener.name,
        owner.gateway.object()
    );
    let problem = Diagnostic::warning("other-listener", &route.origin(own.at), message);
    context.problems.push(problem.help("the most specific listener takes all requests of a host"));
}

/// Claims every host with routes, and the hostname of each listener where it has none.
fn claim(listeners: &Listeners<'_>, hosts: Hosts<'_>, context: &mut Context<'_>) {
    for (index, section) in listeners.serving() {
        if hosts.contains_key(&(index, section.listener.hostname.to_string())) {
            continue;
        }
        context.claims.push(Claim {
            socket: section.socket(),
            section: section.name(),
            hostname: section.listener.hostname.clone(),
            falls_through: true,
            tls: None,
            tells_grpc: false,
            routes: Vec::new(),
            rank: Rank::Empty,
            created: section.gateway.meta.creation_timestamp.clone(),
            uid: section.gateway.meta.uid.clone(),
            origin: section.origin(),
        });
    }
    for ((index, _), host) in hosts {
        let section = listeners.section(index);
        let origin = match host.attachment.own {
            Some(own) => host.route.origin(own.at),
            None => host.route.document.object_origin(),
        };
        context.claims.push(Claim {
            socket: section.socket(),
            section: section.name(),
            hostname: host.hostname,
            falls_through: true,
            tls: None,
            tells_grpc: false,
            routes: in_order(host.matches),
            rank: Rank::Explicit,
            created: host.route.meta.creation_timestamp.clone(),
            uid: host.route.meta.uid.clone(),
            origin,
        });
    }
}

/// The order of gateway-api §12. The matches come in order of age, name and place, which decide
/// where all else is equal.
fn in_order(mut matches: Vec<(HostPattern, Lowered)>) -> Vec<Route> {
    matches.sort_by(|(host_a, a), (host_b, b)| {
        host_a.cmp_specificity(host_b).then_with(|| a.precedence.cmp(&b.precedence))
    });
    matches.into_iter().map(|(_, lowered)| lowered.route).collect()
}
