//! The hosts of each section and the order of their routes (gateway-api §6.3, §12).

use super::Served;
use super::attach::Attachment;
use super::certificate;
use super::listeners::{Listeners, Section};
use super::route::Lowered;
use crate::diagnostic::Diagnostic;
use crate::resource::Resource;
use crate::resource::gateway_route::{GatewayRoute, RouteKind};
use crate::rules::{HostPattern, Route};
use crate::sort::sort_by;
use crate::translate::Context;
use crate::translate::hosts::{Claim, Rank};
use std::collections::{BTreeMap, BTreeSet};

/// The hosts that have routes, by section and name.
#[derive(Default)]
pub(super) struct Hosts<'a> {
    of_sections: BTreeMap<usize, BTreeMap<String, Host<'a>>>,
}

/// What a host of a section is made of, in order of age.
struct Host<'a> {
    hostname: HostPattern,
    /// The oldest route.
    route: &'a Resource<GatewayRoute>,
    /// The attachment of the oldest route.
    attachment: Attachment<'a>,
    matches: Vec<(HostPattern, Lowered)>,
}

impl<'a> Hosts<'a> {
    /// Adds what a route has for its hosts; routes come from old to new.
    pub(super) fn add(
        &mut self,
        served: &Served<'a>,
        listeners: &Listeners<'_>,
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
            let name = attachment.effective.to_string();
            // Two parentRefs may lead to one listener.
            if !seen.insert((section, name.clone())) {
                continue;
            }
            let of_section = self.of_sections.entry(section).or_default();
            let host = of_section.entry(name).or_insert_with(|| Host {
                hostname: attachment.effective.clone(),
                route: served.route,
                attachment: attachment.clone(),
                matches: Vec::new(),
            });
            let own = attachment.own.map_or(&attachment.effective, |own| &own.value);
            let matches = served.at_gateways.matches.iter();
            host.matches.extend(matches.map(|lowered| (own.clone(), lowered.clone())));
        }
    }

    /// Claims every host with routes, and the hostname of each listener where it has none.
    pub(super) fn claim(mut self, listeners: &Listeners<'_>, context: &mut Context<'_>) {
        let certificates = certificate::by_gateway(listeners);
        for (index, section) in listeners.in_place() {
            let hosts = self.of_sections.remove(&index).filter(|_| section.refusal.is_none());
            let hosts = hosts.unwrap_or_default();
            if !hosts.contains_key(&section.listener.hostname.to_string()) {
                context.claims.push(without_routes(section));
            }
            let gateway = &section.gateway.meta;
            let certificate = certificates.get(&(&*gateway.namespace, &*gateway.name));
            for host in hosts.into_values() {
                let meta = &host.route.meta;
                let mut claim = Claim {
                    hostname: host.hostname,
                    tells_grpc: host.route.spec.kind == RouteKind::Grpc,
                    routes: in_order(host.matches),
                    rank: Rank::Explicit,
                    created: meta.creation_timestamp.clone(),
                    uid: meta.uid.clone(),
                    origin: match host.attachment.own {
                        Some(own) => host.route.origin(own.at),
                        None => host.route.document.object_origin(),
                    },
                    ..without_routes(section)
                };
                if let Some(certificate) = certificate {
                    let routes = claim.routes.iter_mut();
                    routes.for_each(|route| certificate::show(certificate, route));
                }
                context.claims.push(claim);
            }
        }
    }
}

/// What a section claims where no route is attached to it for its own hostname.
fn without_routes(section: &Section<'_>) -> Claim {
    let meta = section.owner.meta();
    Claim {
        socket: section.socket(),
        section: section.name(),
        hostname: section.listener.hostname.clone(),
        falls_through: true,
        tls: section.tls.clone(),
        tells_grpc: true,
        gunzip: false,
        routes: Vec::new(),
        rank: Rank::Empty,
        created: meta.creation_timestamp.clone(),
        uid: meta.uid.clone(),
        origin: section.origin(),
    }
}

/// Says why a route that is attached gets no requests for a host.
fn warn_of_isolation(
    route: &Resource<GatewayRoute>,
    attachment: &Attachment<'_>,
    owner: &Section<'_>,
    context: &mut Context<'_>,
) {
    let Some(own) = attachment.own else { return };
    let message = format!(
        "requests for `{}` go to the listener `{}` of {}, which the route is not attached to",
        attachment.effective,
        owner.listener.name,
        owner.owner.object()
    );
    let problem = Diagnostic::warning("other-listener", &route.origin(own.at), message);
    context.problems.push(problem.help("the most specific listener takes all requests of a host"));
}

/// The order of gateway-api §12. The matches come in order of age, name and place, which decide
/// where all else is equal.
pub(super) fn in_order(mut matches: Vec<(HostPattern, Lowered)>) -> Vec<Route> {
    sort_by(&mut matches, |(host_a, a), (host_b, b)| {
        host_a.cmp_specificity(host_b).then_with(|| a.precedence.cmp(&b.precedence))
    });
    matches.into_iter().map(|(_, lowered)| lowered.route).collect()
}
