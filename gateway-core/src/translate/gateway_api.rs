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
mod auth;
mod backend;
mod backends;
mod certificate;
mod cors;
mod fault;
mod filter;
mod grants;
mod grpc;
mod hosts;
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

use super::hosts::Losses;
use super::{Channel, Context};
use crate::diagnostic::Diagnostic;
use crate::resource::gateway_route::{ChannelFaults, GatewayRoute};
use crate::resource::{Problems, Resource};
use attach::{Attachment, Parent, Place, World};
use grants::Grants;
use hosts::Hosts;
use listeners::Listeners;
use mesh::{Frontage, Fronts};
use policy::BackendTlsPolicies;
use reference::References;
use rivals::Rivals;
use route::LoweredRoute;
use std::collections::BTreeSet;

pub(super) fn translate<'a>(context: &mut Context<'a>) -> Pending<'a> {
    let grants = Grants::of(context.resources);
    let mut policies = BackendTlsPolicies::of(&grants, context);
    let mut listeners = Listeners::of(&grants, context);
    let of_services = References { grants: &grants, policies: &policies, mesh: true };
    let kinds = mesh::Kinds::of(of_services, context);
    let mut routes: Vec<&Resource<GatewayRoute>> = context.resources.gateway_routes().collect();
    // Of two of one age and name, the kind decides.
    routes.sort_by_cached_key(|route| (age(route), route.spec.kind));
    let mut rivals = Rivals::default();
    let mut hosts = Hosts::default();
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
        hosts.add(&served, &listeners, context);
        fronts.add(route, served.frontages, &served.at_services.matches);
        if !served.at_gateways.has_lost_all_of(&route.spec.rules) {
            listeners.count(served.attachments.iter().map(|attachment| attachment.section));
        }
    }
    hosts.claim(&listeners, context);
    fronts.claim(context);
    Pending { listeners, policies }
}

/// What waits for other dialects: for the Services that they name, and for what they take.
pub(super) struct Pending<'a> {
    listeners: Listeners<'a>,
    policies: BackendTlsPolicies<'a>,
}

impl Pending<'_> {
    /// Says how the Services that rules name are spoken to.
    pub(super) fn speak(&self, context: &mut Context<'_>) {
        backends::speak(&self.policies, context);
    }

    /// Writes the statuses of all but routes.
    pub(super) fn finish(mut self, losses: &Losses, context: &mut Context<'_>) {
        self.listeners.lose(losses);
        write_statuses(&self.listeners, context);
        for state in &self.policies.all {
            let controller = |(namespace, name): (&str, &str)| {
                let gateway = context.resources.gateway(namespace, name)?;
                listeners::class(gateway, context.resources).map(|class| &*class.spec.controller)
            };
            let status = status::backend_tls_policy(state, controller);
            context.statuses.push(status);
        }
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
    let mut parents = attach::parents(route, world, context);
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
    let (at_services, new) = held_back(context, |context| lower(true, context));
    for problem in new.into_list() {
        if !context.problems.told()[told..].contains(&problem) {
            context.problems.push(problem);
        }
    }
    attach::limit(route, &mut parents, at_gateways.matches.len(), context);
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

/// What `of` comes to, and what it would tell.
fn held_back<'a, T>(
    context: &mut Context<'a>,
    of: impl FnOnce(&mut Context<'a>) -> T,
) -> (T, Problems) {
    let problems = std::mem::replace(&mut context.problems, Problems::new(context.options.strict));
    let outcome = of(context);
    (outcome, std::mem::replace(&mut context.problems, problems))
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
