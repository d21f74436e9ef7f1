//! Gateway API: Gateways, ListenerSets, HTTPRoutes and GRPCRoutes to claims.
//!
//! ```text
//!  Gateway, ListenerSet ──► listeners ──┐
//!                                       ├──► attach ──► (section, host) ──► routes in order ──► claims
//!  HTTPRoute, GRPCRoute ──► route ──────┤
//!                                       └──► (Service, port) ──► mesh ──────────────────────► claims
//! ```
//!
//! A section is one listener of one Gateway or ListenerSet. Its hosts fall through to each other,
//! and no request leaves the section that owns its host (gateway-api §6.3).

mod attach;
mod backend;
mod certificate;
mod cors;
mod fault;
mod filter;
mod grants;
mod grpc;
mod listeners;
mod material;
mod mesh;
mod path;
mod policy;
mod reference;
mod rivals;
mod route;
mod session;
mod status;
mod sticky;
#[cfg(test)]
#[cfg(feature = "yaml")]
mod tests;

use super::hosts::{Claim, Rank};
use super::{Channel, Context};
use crate::diagnostic::Diagnostic;
use crate::resource::gateway_route::{ChannelFaults, GatewayRoute, RouteKind};
use crate::resource::service::Service;
use crate::resource::{Problems, Resource};
use crate::rules::{Certificate, HostPattern, PortSpeech, Route, ServiceName};
use attach::{Attachment, Parent, Place, World};
use grants::Grants;
use listeners::Listeners;
use mesh::{Frontage, Fronts};
use policy::BackendTlsPolicies;
use reference::References;
use rivals::Rivals;
use route::{Lowered, LoweredRoute};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How Services are spoken to, once it is known which of them there are.
pub(super) struct Backends<'a> {
    policies: BackendTlsPolicies<'a>,
}

pub(super) fn translate<'a>(context: &mut Context<'a>) -> Backends<'a> {
    let grants = Grants::of(context.resources);
    let mut policies = BackendTlsPolicies::of(&grants, context);
    let mut listeners = Listeners::of(&grants, context);
    let kinds = mesh::Kinds::of(context);
    let mut routes: Vec<&Resource<GatewayRoute>> = context.resources.gateway_routes().collect();
    // Of two of one age and name, the kind decides.
    routes.sort_by_cached_key(|route| (age(route), route.spec.kind));
    let mut rivals = Rivals::default();
    let mut hosts = Hosts::new();
    let mut fronts = Fronts::default();
    for route in routes {
        context.expressions.next_object();
        let world = World { listeners: &listeners, rivals: &rivals, mesh: &kinds };
        let Some(served) = serve(route, &world, &grants, &policies, context) else { continue };
        let attachments = &served.attachments;
        // A route that is not accepted may answer 500, and has its hosts then.
        if served.at_gateways.is_in_force(route) {
            for Attachment { section, effective, .. } in attachments {
                rivals.add(*section, route.spec.kind, effective, route.object());
            }
        }
        for attachment in attachments {
            let meta = &listeners.section(attachment.section).gateway.meta;
            for service in &served.at_gateways.services {
                policies.note(service, (&meta.namespace, &meta.name));
            }
        }
        collect(&served, &listeners, &mut hosts, context);
        if served.at_services.is_in_force(route) {
            fronts.add(route, served.frontages, &served.at_services.matches);
        }
        if !served.at_gateways.has_lost_all_of(&route.spec.rules) {
            listeners.count(served.attachments.iter().map(|attachment| attachment.section));
        }
    }
    write_statuses(&listeners, context);
    claim(&listeners, hosts, context);
    fronts.claim(context);
    Backends { policies }
}

impl Backends<'_> {
    /// Says how the Services that rules name are spoken to, and writes the status of policies.
    pub(super) fn finish(self, context: &mut Context<'_>) {
        let resources = context.resources;
        for name in context.services.names() {
            let speech = match resources.service(&name) {
                Some(service) => self.speech(&name, service, context),
                // Nobody knows its ports by name, but a policy may speak for all of them.
                None => {
                    let tls = self.policies.of_all_ports(&name);
                    tls.into_iter().map(|tls| PortSpeech::within(None, tls)).collect()
                }
            };
            if !speech.is_empty() {
                context.services.set_speech(&name, speech);
            }
        }
        for state in &self.policies.all {
            let controller = |(namespace, name): (&str, &str)| {
                let mut gateways = resources.gateways();
                let gateway =
                    gateways.find(|g| (&*g.meta.namespace, &*g.meta.name) == (namespace, name))?;
                listeners::class(gateway, resources).map(|class| &*class.spec.controller)
            };
            context.statuses.push(status::backend_tls_policy(state, controller));
        }
    }

    /// How the ports of a Service are spoken to, those of which something is said.
    fn speech(
        &self,
        name: &ServiceName,
        service: &Resource<Service>,
        context: &mut Context<'_>,
    ) -> Vec<PortSpeech> {
        let mut speech = Vec::new();
        for port in service.spec.tcp_ports() {
            let said = port.app_protocol.as_deref().unwrap_or_default();
            let protocol = reference::spoken(said).unwrap_or_else(|message| {
                let origin = service.document.object_origin();
                let message = format!("`appProtocol` of port {}: {message}", port.port);
                let problem = Diagnostic::warning("unknown-protocol", &origin, message);
                context.problems.push(problem);
                None
            });
            let tls = self.policies.find(name, port.port, context.resources);
            if protocol.is_some() || tls.is_some() {
                speech.push(PortSpeech { port: Some(port.port), protocol, tls });
            }
        }
        speech
    }
}

/// Orders objects from old to new, then by `namespace/name` (gateway-api §12).
fn age<T>(object: &Resource<T>) -> (bool, Option<Box<str>>, String) {
    let meta = &object.meta;
    let created = meta.creation_timestamp.clone();
    (created.is_none(), created, format!("{}/{}", meta.namespace, meta.name))
}

/// Whether an object is in force; reports what only the channel in use refuses.
fn admit<T>(object: &Resource<T>, channels: &ChannelFaults, context: &mut Context<'_>) -> bool {
    let faults = faults(channels, context.options.channel);
    faults.iter().for_each(|fault| context.problems.push(fault.clone()));
    if !faults.is_empty() {
        context.refused.push(object.object().clone());
    }
    faults.is_empty()
}

/// What a channel refuses.
fn faults(of: &ChannelFaults, channel: Channel) -> &[Diagnostic] {
    match channel {
        Channel::Standard => &of.standard,
        Channel::Experimental => &of.experimental,
    }
}

/// A route that has something to say of its parents.
struct Served<'a> {
    route: &'a Resource<GatewayRoute>,
    attachments: Vec<Attachment<'a>>,
    frontages: BTreeSet<Frontage>,
    /// What its rules come to at Gateways, and at Services, where other rules hold for references.
    at_gateways: LoweredRoute,
    at_services: LoweredRoute,
}

/// Translates a route and writes its status.
fn serve<'a>(
    route: &'a Resource<GatewayRoute>,
    world: &World<'_, 'a>,
    grants: &Grants<'a>,
    policies: &BackendTlsPolicies<'a>,
    context: &mut Context<'a>,
) -> Option<Served<'a>> {
    if !admit(route, &route.spec.channels, context) {
        return None;
    }
    let parents = attach::parents(route, world, context);
    // A route of other controllers is none of our business.
    if parents.is_empty() {
        return None;
    }
    let lower = |mesh: bool, context: &mut Context<'a>| {
        let asked = parents.iter().any(|parent| parent.is_mesh == mesh);
        let references = References { grants, policies, mesh };
        if asked { route::lower(route, references, context) } else { LoweredRoute::default() }
    };
    let told = context.problems.told().len();
    let at_gateways = lower(false, context);
    // What has been told is not told again.
    let problems = std::mem::replace(&mut context.problems, Problems::new(context.options.strict));
    let at_services = lower(true, context);
    let new = std::mem::replace(&mut context.problems, problems);
    for problem in new.into_list() {
        if !context.problems.told()[told..].contains(&problem) {
            context.problems.push(problem);
        }
    }
    let lowered = |parent: &Parent<'_>| if parent.is_mesh { &at_services } else { &at_gateways };
    context.statuses.push(status::route(route, &parents, lowered));
    let (mut attachments, mut frontages) = (Vec::new(), BTreeSet::new());
    for place in parents.into_iter().filter_map(|parent| parent.outcome.ok()) {
        match place {
            Place::Listeners(of) => attachments.extend(of),
            Place::Services(of) => frontages.extend(of),
        }
    }
    Some(Served { route, attachments, frontages, at_gateways, at_services })
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
        let matches = served.at_gateways.matches.iter();
        host.matches.extend(matches.map(|lowered| (own.clone(), lowered.clone())));
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
        owner.owner.object()
    );
    let problem = Diagnostic::warning("other-listener", &route.origin(own.at), message);
    context.problems.push(problem.help("the most specific listener takes all requests of a host"));
}

/// Writes the status of every GatewayClass, Gateway and ListenerSet.
fn write_statuses(listeners: &Listeners<'_>, context: &mut Context<'_>) {
    for class in context.resources.gateway_classes() {
        let ours = &context.options.gateway_class;
        if ours.as_ref().is_some_and(|ours| *ours != class.meta.name) {
            continue;
        }
        if let Some(at) = class.spec.parameters {
            let message = "`parametersRef` is not supported and has no effect";
            let problem = Diagnostic::warning("InvalidParameters", &class.origin(at), message);
            context.problems.push(problem);
        }
        let features = &context.options.supported_features;
        context.statuses.push(status::class(class, features));
    }
    for state in &listeners.gateways {
        let accepted = |set: &&listeners::SetState<'_>| {
            set.is_accepted(listeners.sections(set.sections.clone()))
        };
        let sets = u32::try_from(state.sets.iter().filter(accepted).count()).unwrap_or(u32::MAX);
        let own = listeners.sections(state.own.clone());
        let accepted = listeners.is_accepted(state);
        context.statuses.push(status::gateway(state, own, accepted, sets));
        for set in &state.sets {
            let sections = listeners.sections(set.sections.clone());
            context.statuses.push(status::listener_set(set, sections));
        }
    }
}

/// Claims every host with routes, and the hostname of each listener where it has none.
fn claim(listeners: &Listeners<'_>, mut hosts: Hosts<'_>, context: &mut Context<'_>) {
    let certificates = certificate::by_gateway(listeners);
    for (index, section) in listeners.serving() {
        let (socket, name, tls) = (section.socket(), section.name(), section.tls.clone());
        let claim = |hostname, routes, rank, created, uid, origin, tells_grpc| Claim {
            socket: socket.clone(),
            section: name.clone(),
            hostname,
            falls_through: true,
            tls: tls.clone(),
            tells_grpc,
            routes,
            rank,
            created,
            uid,
            origin,
        };
        let own = (index, section.listener.hostname.to_string());
        if !hosts.contains_key(&own) {
            let meta = section.owner.meta();
            context.claims.push(claim(
                section.listener.hostname.clone(),
                Vec::new(),
                Rank::Empty,
                meta.creation_timestamp.clone(),
                meta.uid.clone(),
                section.origin(),
                true,
            ));
        }
        let of_section: Vec<_> = hosts
            .range((index, String::new())..(index + 1, String::new()))
            .map(|(k, _)| k.clone())
            .collect();
        let certificate: Option<&Arc<Certificate>> =
            certificates.get(&(&*section.gateway.meta.namespace, &*section.gateway.meta.name));
        for key in of_section {
            let Some(host) = hosts.remove(&key) else { continue };
            let origin = match host.attachment.own {
                Some(own) => host.route.origin(own.at),
                None => host.route.document.object_origin(),
            };
            let mut routes = in_order(host.matches);
            if let Some(certificate) = certificate {
                routes.iter_mut().for_each(|route| certificate::show(certificate, route));
            }
            let meta = &host.route.meta;
            context.claims.push(claim(
                host.hostname,
                routes,
                Rank::Explicit,
                meta.creation_timestamp.clone(),
                meta.uid.clone(),
                origin,
                host.route.spec.kind == RouteKind::Grpc,
            ));
        }
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
