//! Routes whose parent is a Service: what becomes of requests that come to its addresses
//! (gateway-api §22).

use super::fault::Fault;
use super::hosts::in_order;
use super::reference::References;
use super::route::{self, Lowered};
use super::{faults, held_back};
use crate::origin::Origin;
use crate::request::attributes::SOURCE_NAMESPACE;
use crate::resource::Resource;
use crate::resource::gateway_route::{GatewayRoute, ParentRef, RouteKind};
use crate::resource::service::Service;
use crate::rules::{
    Action, Boundary, Condition, Field, HostPattern, PathPattern, PathTemplate, Route, ServiceName,
};
use crate::translate::Context;
use crate::translate::hosts::{Claim, Rank, Socket};
use crate::translate::service_route::service_route;
use std::collections::{BTreeMap, BTreeSet};

/// A port of a Service, for some clients.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Frontage {
    service: ServiceName,
    port: u16,
    /// The namespace of the clients; `None` for all those that have no routes of their own.
    clients: Option<Box<str>>,
}

/// Which ports of Services have GRPCRoutes in force: HTTPRoutes give way to them.
pub(super) struct Kinds {
    with_calls: BTreeSet<Frontage>,
}

impl Kinds {
    /// `references` are those of routes of Services.
    pub(super) fn of(references: References<'_, '_>, context: &mut Context<'_>) -> Self {
        let resources = context.resources;
        let mut with_calls = BTreeSet::new();
        for route in resources.gateway_routes().filter(|r| r.spec.kind == RouteKind::Grpc) {
            let of_services = route.spec.parents.iter().filter(|parent| is_service(parent));
            let all: Vec<Frontage> = of_services
                .filter_map(|parent| Some((parent, resources.service(&name(parent, route))?)))
                .flat_map(|(parent, service)| frontages(parent, route, service))
                .collect();
            if !all.is_empty() && is_in_force(route, references, context) {
                with_calls.extend(all);
            }
        }
        Self { with_calls }
    }
}

/// A route that is rejected rejects nobody (gateway-api §18.4). What is wrong with it is told where
/// its turn comes.
fn is_in_force(
    route: &Resource<GatewayRoute>,
    references: References<'_, '_>,
    context: &mut Context<'_>,
) -> bool {
    if !context.options.mesh || !faults(&route.spec.channels, context.options.channel).is_empty() {
        return false;
    }
    context.expressions.next_object();
    let (lowered, _) = held_back(context, |context| route::lower(route, references, context));
    lowered.is_in_force(route)
}

fn is_service(parent: &ParentRef) -> bool {
    (&*parent.group, &*parent.kind) == ("", "Service")
}

fn name(parent: &ParentRef, route: &Resource<GatewayRoute>) -> ServiceName {
    let namespace = parent.namespace.as_ref().unwrap_or(&route.meta.namespace);
    ServiceName::new(namespace, &parent.name)
}

/// The ports that a parentRef means.
fn frontages(
    parent: &ParentRef,
    route: &Resource<GatewayRoute>,
    service: &Resource<Service>,
) -> Vec<Frontage> {
    let own = route.meta.namespace == service.meta.namespace;
    let clients = (!own).then(|| route.meta.namespace.clone());
    let ports = service.spec.tcp_ports().filter(|port| {
        parent.port.is_none_or(|number| number == port.port)
            && parent.section.as_ref().is_none_or(|name| *name == port.name)
    });
    let frontage =
        |port: u16| Frontage { service: name(parent, route), port, clients: clients.clone() };
    ports.map(|port| frontage(port.port)).collect()
}

/// The ports that a route is attached to by one of its parentRefs. `None`: there is no such
/// Service, so that nothing is said of it.
pub(super) fn attach(
    route: &Resource<GatewayRoute>,
    parent: &ParentRef,
    kinds: &Kinds,
    context: &mut Context<'_>,
) -> Option<Result<Vec<Frontage>, Fault>> {
    let origin = route.origin(parent.at);
    let wanted = name(parent, route);
    let Some(service) = context.resources.service(&wanted) else {
        if !context.resources.is_refused("Service", &wanted.namespace, &wanted.name) {
            let message = format!("there is no Service `{wanted}`");
            let fault = Fault::new("unknown-parent", message).help(context.services.meant(&wanted));
            fault.warn(&origin, context);
        }
        return None;
    };
    let outcome = ports(route, parent, service, kinds);
    if let Err(fault) = &outcome {
        fault.warn(&origin, context);
    } else if service.spec.cluster_ips.is_empty() {
        let message =
            format!("the Service `{wanted}` has no `clusterIP` that requests could come to");
        Fault::new("no-effect", message).warn(&origin, context);
    }
    Some(outcome)
}

fn ports(
    route: &Resource<GatewayRoute>,
    parent: &ParentRef,
    service: &Resource<Service>,
    kinds: &Kinds,
) -> Result<Vec<Frontage>, Fault> {
    let wanted = name(parent, route);
    let no_parent = |message: String| Err(Fault::new("NoMatchingParent", message));
    if service.spec.headless || service.spec.external_name.is_some() {
        let what = if service.spec.headless { "is headless" } else { "is an ExternalName" };
        return no_parent(format!("the Service `{wanted}` {what}: it has no address of its own"));
    }
    let mut frontages = frontages(parent, route, service);
    if frontages.is_empty() {
        let port = match (&parent.section, parent.port) {
            (Some(name), None) => format!("port `{name}`"),
            (Some(name), Some(port)) => format!("port `{name}` with number {port}"),
            (None, Some(port)) => format!("port {port}"),
            (None, None) => "port for HTTP".to_owned(),
        };
        return no_parent(format!("the Service `{wanted}` has no {port}"));
    }
    if route.spec.kind == RouteKind::Http {
        frontages.retain(|frontage| !kinds.with_calls.contains(frontage));
        if frontages.is_empty() {
            let message = format!("GRPCRoutes have the requests for the Service `{wanted}`");
            let help = "a port of a Service has routes of one kind".to_owned();
            return Err(Fault::new("Conflicted", message).help(help));
        }
    }
    Ok(frontages)
}

/// What is made of the ports of Services.
#[derive(Default)]
pub(super) struct Fronts<'a> {
    ports: BTreeMap<(ServiceName, u16), Front<'a>>,
}

struct Front<'a> {
    /// The oldest route.
    route: &'a Resource<GatewayRoute>,
    calls: bool,
    /// By the namespace of the clients.
    groups: BTreeMap<Option<Box<str>>, Vec<(HostPattern, Lowered)>>,
}

impl<'a> Fronts<'a> {
    /// Adds a route, younger than all so far. One that has lost all its rules leaves nothing but the
    /// ports that it is attached to: what it was to guard does not pass unguarded (gateway-api §22).
    pub(super) fn add(
        &mut self,
        route: &'a Resource<GatewayRoute>,
        frontages: BTreeSet<Frontage>,
        lowered: &[Lowered],
    ) {
        for Frontage { service, port, clients } in frontages {
            let new = || Front { route, calls: false, groups: BTreeMap::new() };
            let front = self.ports.entry((service, port)).or_insert_with(new);
            front.calls |= route.spec.kind == RouteKind::Grpc;
            // Hosts are of no account (gateway-api §22).
            let lowered = lowered.iter().map(|lowered| (HostPattern::Any, lowered.clone()));
            front.groups.entry(clients).or_default().extend(lowered);
        }
    }

    /// Claims all that comes to the addresses of the Services.
    pub(super) fn claim(self, context: &mut Context<'a>) {
        for ((name, port), front) in self.ports {
            let Some(service) = context.resources.service(&name) else { continue };
            let origin = front.route.document.object_origin();
            let routes = routes(front.groups, &name, port, &origin, context);
            for address in &service.spec.cluster_ips {
                let socket = Socket::of_service(&name, Some(*address), port, &origin);
                context.claims.push(Claim {
                    socket,
                    section: "".into(),
                    hostname: HostPattern::Any,
                    falls_through: false,
                    tls: None,
                    tells_grpc: front.calls,
                    gunzip: false,
                    routes: routes.clone(),
                    rank: Rank::Explicit,
                    created: front.route.meta.creation_timestamp.clone(),
                    uid: front.route.meta.uid.clone(),
                    origin: origin.clone(),
                });
            }
        }
    }
}

/// The routes of clients with routes of their own, which have no others; then those of everybody
/// else, or where there are none the Service as it is.
fn routes(
    mut groups: BTreeMap<Option<Box<str>>, Vec<(HostPattern, Lowered)>>,
    service: &ServiceName,
    port: u16,
    origin: &Origin,
    context: &mut Context<'_>,
) -> Vec<Route> {
    let for_all = groups.remove(&None);
    let mut routes = Vec::new();
    for (clients, lowered) in groups {
        let Some(namespace) = clients else { continue };
        let from = Condition::equals(Field::Attribute(SOURCE_NAMESPACE.into()), &namespace);
        for mut route in in_order(lowered) {
            route.conditions.push(from.clone());
            routes.push(route);
        }
        let path =
            PathPattern::Prefix { template: PathTemplate::empty(), boundary: Boundary::Segment };
        let nothing = Action::Unmatched { alternatives: 0 };
        routes.push(Route::new(path, vec![from], nothing, origin.clone()));
    }
    match for_all {
        Some(lowered) => routes.extend(in_order(lowered)),
        None => routes.push(service_route(service, port, true, origin, context)),
    }
    routes
}
