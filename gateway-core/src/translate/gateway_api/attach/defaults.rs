//! Routes that are attached to whatever Gateway takes routes by default (gateway-api §9.4).

use super::super::fault::Fault;
use super::super::listeners;
use super::{Parent, Place, Wanted, World, attach, without_rivals};
use crate::resource::GATEWAY_GROUP;
use crate::resource::Resource;
use crate::resource::document::At;
use crate::resource::gateway_route::{GatewayRoute, ParentRef};
use crate::translate::{Context, ParentReference};

/// The Gateways that take all routes which ask for defaults (gateway-api §9.4), but for those that
/// the route names anyway. Of one that it does not fit nothing is said: nobody has named it.
pub(super) fn gateways<'a>(
    route: &'a Resource<GatewayRoute>,
    at: At,
    world: &World<'_, 'a>,
    context: &mut Context<'a>,
) -> Vec<Parent<'a>> {
    let mut parents = Vec::new();
    let mut misfit = None;
    let defaults = world.listeners.gateways.iter().filter(|state| state.gateway.spec.default_scope);
    for state in defaults {
        let meta = &state.gateway.meta;
        let is_named = |parent: &ParentRef| {
            let namespace = parent.namespace.as_ref().unwrap_or(&route.meta.namespace);
            (&*parent.group, &*parent.kind) == (GATEWAY_GROUP, "Gateway")
                && (namespace, &parent.name) == (&meta.namespace, &meta.name)
        };
        if route.spec.parents.iter().any(is_named) {
            continue;
        }
        let wanted = Wanted { kind: "Gateway", name: &meta.name, section: None, port: None, at };
        let attachments = match attach(route, &wanted, state.own.clone(), world, context) {
            Ok(attachments) => attachments,
            Err(fault) => {
                misfit.get_or_insert(fault);
                continue;
            }
        };
        let outcome = without_rivals(route, at, attachments, world, context);
        let class = listeners::class(state.gateway, context.resources);
        parents.push(Parent {
            reference: ParentReference {
                group: GATEWAY_GROUP.into(),
                kind: "Gateway".into(),
                namespace: Some(meta.namespace.clone()),
                name: meta.name.clone(),
                section_name: None,
                port: None,
            },
            controller: class.map(|class| &*class.spec.controller),
            outcome: outcome.map(Place::Listeners),
            is_mesh: false,
        });
    }
    if parents.is_empty() && route.spec.parents.is_empty() {
        let fault = match misfit {
            Some(Fault { reason, message, .. }) => {
                let none = "no Gateway that takes routes by default takes this one";
                Fault::new(reason, format!("{none}: {message}"))
            }
            None => {
                let message = "there is no Gateway that takes routes by default";
                let help = "a Gateway does with `defaultScope: All`".to_owned();
                Fault::new("unknown-parent", message).help(help)
            }
        };
        fault.warn(&route.origin(at), context);
    }
    parents
}
