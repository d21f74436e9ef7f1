//! VirtualServers, and the VirtualServerRoutes that they delegate to, to rules (virtualserver §1
//! to §12).
//!
//! Reading, lowering and checking are one pass: what cannot be lowered is an error. Any error
//! refuses the whole object.

mod action;
mod canned;
mod condition;
mod delegate;
mod grammar;
mod headers;
mod labels;
mod listeners;
mod order;
mod outside;
mod path;
mod policy;
mod report;
mod route;
mod secret;
mod status;
mod sticky;
mod tls;
mod upstream;
mod variables;

use super::hosts::{Claim, Losses, Rank, Socket};
use super::{Context, ObjectStatus, Options, State, Status};
use crate::origin::{ObjectRef, Origin};
use crate::resource::Resource;
use crate::resource::document::At;
use crate::resource::virtual_server::VirtualServer;
use crate::rules::{
    Action, Boundary, HostPattern, PathPattern, PathTemplate, PolicyFault, Protocol, Route,
};
use action::Actions;
use delegate::{Delegator, Taken, VirtualServerRoutes};
use listeners::Listeners;
use order::Location;
use policy::{Attachment, PolicySet};
use report::{Fault, Report};
use route::{Guards, Lowered};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use upstream::Upstreams;

pub(super) fn translate<'d>(context: &mut Context<'d>) -> Unsettled<'d> {
    let resources = context.resources;
    let policies = PolicySet::read(context);
    let listeners = Listeners::read(context);
    let routes = VirtualServerRoutes::read(&policies, context);
    let mut unsettled = Unsettled { servers: Vec::new(), routes };
    for server in resources.virtual_servers() {
        if is_ours(server.spec.ingress_class.as_deref(), context.options) {
            unsettled.add(server, &policies, &listeners, context);
        }
    }
    unsettled
}

/// Whether objects of this class are ours (virtualserver §1).
fn is_ours(class: Option<&str>, options: &Options) -> bool {
    let class = class.unwrap_or_default();
    class.is_empty() || options.ingress_class.as_deref().is_none_or(|ours| ours == class)
}

/// What hangs on who owns which host.
#[derive(Debug)]
pub(super) struct Unsettled<'d> {
    /// The VirtualServers that are not refused: the position of their status, and their host.
    servers: Vec<(usize, &'d str)>,
    routes: VirtualServerRoutes<'d>,
}

impl<'d> Unsettled<'d> {
    fn add(
        &mut self,
        server: &'d Resource<VirtualServer>,
        policies: &PolicySet,
        listeners: &Listeners<'_>,
        context: &mut Context<'_>,
    ) {
        let mut report = Report::new(Arc::clone(&server.document));
        let sockets = listeners.sockets(server, context.options, &mut report);
        let lowered = lower(server, policies, &mut self.routes, &mut report, context);
        let refused = report.refused() || server.spec.errors > 0;
        let found = report.into_problems();
        let all = server.spec.diagnostics.iter().chain(found.told());
        let state = status::state(refused, all);
        let status = context.statuses.len();
        context.statuses.push(status::of(server, Status::VirtualServer(state)));
        context.problems.append(found);
        match (lowered, &server.spec.host) {
            (Some((hostname, routes)), Some(host)) if !refused => {
                claim(server, &hostname, &routes, sockets, context);
                self.servers.push((status, host));
            }
            _ => context.refused.push(Arc::clone(server.object())),
        }
    }

    /// Tells VirtualServers what they have lost, and VirtualServerRoutes who uses them
    /// (virtualserver §1).
    pub(super) fn finish(self, losses: &Losses, context: &mut Context<'_>) {
        let mut in_force: BTreeMap<&str, BTreeSet<Arc<ObjectRef>>> = BTreeMap::new();
        for (status, host) in self.servers {
            let ObjectStatus { object, status, .. } = &mut context.statuses[status];
            let told = losses.of(object);
            if losses.are_total(object) {
                let state = State::new("Warning", "Rejected", told.join("; "));
                *status = Status::VirtualServer(state);
                continue;
            }
            if let Status::VirtualServer(state) = status {
                *state = told.iter().cloned().fold(state.clone(), status::with_warning);
            }
            in_force.entry(host).or_default().insert(Arc::clone(object));
        }
        self.routes.finish(&in_force, context);
    }
}

/// The host and its routes in order; `None` when something is wrong.
fn lower(
    server: &Resource<VirtualServer>,
    policies: &PolicySet,
    delegates: &mut VirtualServerRoutes<'_>,
    report: &mut Report,
    context: &mut Context<'_>,
) -> Option<(HostPattern, Vec<Route>)> {
    let namespace = &*server.meta.namespace;
    let spec = &server.spec;
    let hostname = spec.host.as_ref().and_then(|host| report.check(host.at, grammar::host(host)));
    let on = Attachment {
        namespace,
        server: &format!("{namespace}/{}", server.meta.name),
        delegate: None,
        is_spec: true,
        has_tls: has_tls(server),
    };
    let of_server = spec.policies.as_ref().map(|list| policies.resolve(list, on, report));
    let mut of_server = of_server.unwrap_or_default();
    outside::dos(spec.dos.as_ref(), &mut of_server, report);
    let of_server = Arc::new(of_server);
    outside::add_header_inherit(spec.add_header_inherit.as_ref(), report);
    let resources = context.resources;
    let redirects = spec.tls.as_ref().map(|tls| {
        tls::check_secret(tls, namespace, resources, report);
        tls::lower(tls, &of_server, report)
    });
    let upstreams = Upstreams::read(&spec.upstreams, namespace, &mut context.services, report);
    let host = spec.host.as_ref().map_or("", |host| host);
    context.expressions.next_object();
    let expressions = &mut context.expressions;
    let sticky_by = spec.sticky_by.as_ref();
    let mut actions = Actions { upstreams, report, expressions, sticky_by, server: host };
    let on = Attachment { is_spec: false, ..on };
    let guards = Guards { set: policies, of_server: &of_server, on };
    let Lowered { mut locations, delegations } =
        route::lower_all(&spec.routes, guards, &mut actions);
    let delegator = Delegator { object: server.object(), host, guards };
    let mut taken = delegate::collect(&delegations, &locations, delegator, delegates, report);
    if spec.tls.as_ref().is_some_and(tls::goes_by_header) {
        let delegated = taken.iter_mut().flat_map(|taken| &mut taken.locations);
        locations.iter_mut().chain(delegated).for_each(tls::pass_protocol_on);
    }
    let mut routes = redirects.unwrap_or_default();
    if let Some(PolicyFault { origin, .. }) = &of_server.fault {
        delegates.use_all(&taken, server.object());
        let nothing = everywhere(Action::Unmatched { alternatives: 0 }, origin.clone());
        routes.push(Route { policies: Some(of_server), ..nothing });
        return Some((hostname?, routes));
    }
    routes.extend(ordered(locations, taken, delegator, delegates, report));
    if let Some(list) = &spec.policies {
        let of_server = of_server.backend_tls.as_ref();
        let is_used = |route: &&Route| {
            let own = route.policies.as_ref().and_then(|policies| policies.backend_tls.as_ref());
            own.zip(of_server).is_some_and(|(own, of_server)| Arc::ptr_eq(own, of_server))
        };
        let all = routes.iter().filter(is_used).map(|route| &route.action);
        policies.check_backend_tls(list, namespace, all, report);
    }
    if let Some(policies) = policy::of_unmatched(&of_server) {
        let origin = server.document.object_origin();
        let unmatched = everywhere(Action::Unmatched { alternatives: 0 }, origin);
        routes.push(Route { policies: Some(policies), ..unmatched });
    }
    Some((hostname?, routes))
}

/// The routes of a VirtualServer's own locations and of those that it has `taken` from
/// VirtualServerRoutes. Where they make too many rules together, only its own are in force.
fn ordered(
    own: Vec<Location>,
    taken: Vec<Taken>,
    delegator: Delegator<'_>,
    delegates: &mut VirtualServerRoutes<'_>,
    report: &mut Report,
) -> Vec<Route> {
    if !taken.is_empty() {
        let mut all = own.clone();
        all.extend(taken.iter().flat_map(|taken| taken.locations.iter().cloned()));
        match order::order(all) {
            Ok(routes) => {
                delegates.use_all(&taken, delegator.object);
                return routes;
            }
            Err(too_many) => {
                let message = too_many.message(", those of VirtualServerRoutes among them,");
                delegates.leave_out_all(&taken, delegator.object, &message);
                let fault = Fault::new("too-many", message);
                let fault = fault.help("none of the VirtualServerRoutes is used");
                report.warning(At::default(), fault);
            }
        }
    }
    order::order(own).unwrap_or_else(|too_many| {
        report.error(At::default(), Fault::new("too-many", too_many.message("")));
        Vec::new()
    })
}

/// A route for every request.
fn everywhere(action: Action, origin: Origin) -> Route {
    let path = PathPattern::Prefix { template: PathTemplate::empty(), boundary: Boundary::Byte };
    Route::new(path, Vec::new(), action, origin)
}

/// Whether the host is served on the implicit HTTPS listener.
fn has_tls(server: &Resource<VirtualServer>) -> bool {
    server.spec.tls.as_ref().is_some_and(|tls| tls.secret.is_some())
}

/// Claims the host on its listeners.
fn claim(
    server: &Resource<VirtualServer>,
    hostname: &HostPattern,
    routes: &[Route],
    sockets: Vec<Socket>,
    context: &mut Context<'_>,
) {
    let tls = tls::material(server, context.resources);
    for socket in sockets {
        let tls = tls.clone().filter(|_| socket.protocol == Protocol::Https);
        context.claims.push(Claim {
            socket,
            section: "".into(),
            hostname: hostname.clone(),
            falls_through: false,
            tls,
            tells_grpc: false,
            gunzip: server.spec.gunzip,
            routes: routes.to_vec(),
            rank: Rank::Explicit,
            created: server.meta.creation_timestamp.clone(),
            uid: server.meta.uid.clone(),
            origin: server.document.object_origin(),
        });
    }
}

#[cfg(all(test, feature = "yaml"))]
mod tests;
