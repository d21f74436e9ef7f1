//! VirtualServers to rules (virtualserver §1 to §12).
//!
//! Reading, lowering and checking are one pass: what cannot be lowered is an error. Any error
//! refuses the whole object.

mod action;
mod canned;
mod condition;
mod grammar;
mod headers;
mod order;
mod outside;
mod path;
mod policy;
mod report;
mod route;
mod status;
mod tls;
mod upstream;
mod variables;

use super::hosts::{Claim, Rank, Socket};
use super::{Context, Options, Status};
use crate::origin::Origin;
use crate::resource::Resource;
use crate::resource::document::At;
use crate::resource::virtual_server::VirtualServer;
use crate::rules::{
    Action, Boundary, HostPattern, PathPattern, PathTemplate, PolicyFault, Protocol, Route,
};
use action::Actions;
use policy::{Attachment, PolicySet};
use report::{Fault, Report};
use route::Guards;
use std::sync::Arc;
use upstream::Upstreams;

pub(super) fn translate(context: &mut Context<'_>) {
    let resources = context.resources;
    let policies = PolicySet::read(context);
    for server in resources.virtual_servers() {
        if is_ours(server.spec.ingress_class.as_deref(), context.options) {
            translate_one(server, &policies, context);
        }
    }
}

/// Whether objects of this class are ours (virtualserver §1).
fn is_ours(class: Option<&str>, options: &Options) -> bool {
    let class = class.unwrap_or_default();
    class.is_empty() || options.ingress_class.as_deref().is_none_or(|ours| ours == class)
}

fn translate_one(
    server: &Resource<VirtualServer>,
    policies: &PolicySet,
    context: &mut Context<'_>,
) {
    let mut report = Report::new(Arc::clone(&server.document));
    let lowered = lower(server, policies, &mut report, context);
    let while_reading = &server.spec.diagnostics;
    let refused = report.refused() || server.spec.errors > 0;
    let found = report.into_problems();
    let all = while_reading.iter().chain(found.told());
    context.statuses.push(status::of(server, Status::VirtualServer, refused, all));
    context.problems.append(found);
    match lowered {
        Some((hostname, routes)) if !refused => claim(server, &hostname, routes, context),
        _ => context.refused.push(Arc::clone(server.object())),
    }
}

/// The host and its routes in order; `None` when something is wrong.
fn lower(
    server: &Resource<VirtualServer>,
    policies: &PolicySet,
    report: &mut Report,
    context: &mut Context<'_>,
) -> Option<(HostPattern, Vec<Route>)> {
    let namespace = &*server.meta.namespace;
    let spec = &server.spec;
    let hostname = spec.host.as_ref().and_then(|host| report.check(host.at, grammar::host(host)));
    if let Some(at) = spec.listener {
        let message = "custom listeners are not supported: the host is served on none";
        report.withheld(at, Fault::new("unsupported-field", message));
    }
    let on = Attachment {
        namespace,
        server: &format!("{namespace}/{}", server.meta.name),
        is_spec: true,
        has_tls: has_tls(server),
    };
    let of_server = spec.policies.as_ref().map(|list| policies.resolve(list, on, report));
    let mut of_server = of_server.unwrap_or_default();
    outside::dos(spec.dos.as_ref(), &mut of_server, report);
    outside::add_header_inherit(spec.add_header_inherit.as_ref(), report);
    let redirects = spec.tls.as_ref().map(|tls| tls::lower(tls, &of_server, report));
    let upstreams = Upstreams::read(&spec.upstreams, namespace, &mut context.services, report);
    let host = spec.host.as_ref().map_or("", |host| host);
    context.expressions.next_object();
    let expressions = &mut context.expressions;
    let mut actions = Actions { upstreams, report, expressions, server: host };
    let on = Attachment { is_spec: false, ..on };
    let guards = Guards { set: policies, of_server: &of_server, on };
    let locations = route::locations(&spec.routes, guards, &mut actions);
    let mut routes = redirects.unwrap_or_default();
    if let Some(PolicyFault { reason, origin }) = &of_server.fault {
        routes.push(everywhere(Action::fault(reason, origin.clone()), origin.clone()));
        return Some((hostname?, routes));
    }
    match order::order(locations) {
        Ok(ordered) => routes.extend(ordered),
        Err(order::TooMany) => {
            let message = format!(
                "expressions and the paths within `^~` paths make more than {} rules",
                order::MAX_COPIES
            );
            report.error(At::default(), Fault::new("too-many", message));
        }
    }
    if let Some(policies) = policy::of_unmatched(&of_server) {
        let origin = server.document.object_origin();
        let unmatched = everywhere(Action::Unmatched { alternatives: 0 }, origin);
        routes.push(Route { policies: Some(policies), ..unmatched });
    }
    Some((hostname?, routes))
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

/// Claims the host on the implicit listeners (virtualserver §8): HTTP always, HTTPS with a secret.
fn claim(
    server: &Resource<VirtualServer>,
    hostname: &HostPattern,
    routes: Vec<Route>,
    context: &mut Context<'_>,
) {
    if server.spec.listener.is_some() {
        return;
    }
    let origin = server.document.object_origin();
    let name: Box<str> = format!("{}/{}", server.meta.namespace, server.meta.name).into();
    let mut sockets = vec![(context.options.http_port, Protocol::Http)];
    if has_tls(server) {
        sockets.push((context.options.https_port, Protocol::Https));
    }
    for (port, protocol) in sockets {
        context.claims.push(Claim {
            socket: Socket {
                address: None,
                port,
                protocol,
                name: name.clone(),
                origin: origin.clone(),
            },
            section: "".into(),
            hostname: hostname.clone(),
            falls_through: false,
            routes: routes.clone(),
            rank: Rank::Explicit,
            created: server.meta.creation_timestamp.clone(),
            uid: server.meta.uid.clone(),
            origin: origin.clone(),
        });
    }
}

#[cfg(all(test, feature = "yaml"))]
mod tests;
