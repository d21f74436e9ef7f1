//! VirtualServers to rules (virtualserver §1 to §12).
//!
//! Reading, lowering and checking are one pass: what cannot be lowered is an error. Any error
//! refuses the whole object.

mod action;
mod condition;
mod grammar;
mod order;
mod path;
mod policy;
mod report;
mod route;
mod status;
mod tls;
mod upstream;
mod variables;

use super::Context;
use super::hosts::{Claim, Rank, Socket};
use crate::resource::Resource;
use crate::resource::document::At;
use crate::resource::virtual_server::VirtualServer;
use crate::rules::{Boundary, HostPattern, PathPattern, PathTemplate, Protocol, Route};
use action::Actions;
use report::{Fault, Report};
use std::sync::Arc;
use upstream::Upstreams;

pub(super) fn translate(context: &mut Context<'_>) {
    let resources = context.resources;
    let ours = context.options.ingress_class.as_deref();
    for server in resources.virtual_servers() {
        let class = server.spec.ingress_class.as_deref().unwrap_or_default();
        if class.is_empty() || ours.is_none_or(|ours| ours == class) {
            translate_one(server, context);
        }
    }
}

fn translate_one(server: &Resource<VirtualServer>, context: &mut Context<'_>) {
    let mut report = Report::new(Arc::clone(&server.document));
    let lowered = lower(server, &mut report, context);
    let while_reading = &server.spec.diagnostics;
    let refused = report.refused() || server.spec.errors > 0;
    let found = report.into_problems();
    let all = while_reading.iter().chain(found.told());
    context.statuses.push(status::of(server.object(), refused, all));
    context.problems.append(found);
    match lowered {
        Some((hostname, routes)) if !refused => claim(server, &hostname, routes, context),
        _ => context.refused.push(Arc::clone(server.object())),
    }
}

/// The host and its routes in order; `None` when something is wrong.
fn lower(
    server: &Resource<VirtualServer>,
    report: &mut Report,
    context: &mut Context<'_>,
) -> Option<(HostPattern, Vec<Route>)> {
    let namespace = &*server.meta.namespace;
    let spec = &server.spec;
    let hostname = spec.host.as_ref().and_then(|host| report.check(host.at, grammar::host(host)));
    let mut routes = spec.tls.as_ref().map(|tls| tls::lower(tls, report)).unwrap_or_default();
    if let Some(at) = spec.listener {
        let message = "custom listeners are not supported: the host is served on none";
        report.withheld(at, Fault::new("unsupported-field", message));
    }
    let guard = spec.policies.as_ref().map(|list| policy::guard(list, namespace, report));
    let upstreams = Upstreams::read(&spec.upstreams, namespace, &mut context.services, report);
    let host = spec.host.as_ref().map_or("", |host| host);
    let mut actions = Actions { upstreams, report, server: host };
    let locations = route::locations(&spec.routes, namespace, &mut actions);
    match guard {
        Some(action) => routes.push(Route {
            path: PathPattern::Prefix { template: PathTemplate::empty(), boundary: Boundary::Byte },
            conditions: Vec::new(),
            action,
            origin: server.document.object_origin(),
        }),
        None => match order::order(locations) {
            Ok(ordered) => routes.extend(ordered),
            Err(order::TooMany) => {
                let message = format!(
                    "expressions and the paths within `^~` paths make more than {} rules",
                    order::MAX_COPIES
                );
                report.error(At::default(), Fault::new("too-many", message));
            }
        },
    }
    Some((hostname?, routes))
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
    if server.spec.tls.as_ref().is_some_and(|tls| tls.secret.is_some()) {
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
