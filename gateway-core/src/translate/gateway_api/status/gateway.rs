//! Of Gateways and ListenerSets.

use super::{condition, object_status, unless};
use crate::resource::GATEWAY_GROUP;
use crate::translate::gateway_api::fault::Fault;
use crate::translate::gateway_api::listeners::{Cause, GatewayState, Section, SetState};
use crate::translate::{
    GatewayAddress, ListenerStatus, ObjectStatus, RouteKind, Status, StatusCondition,
};

/// Of a Gateway and its own listeners; it is `accepted` if one of them is and nothing else is
/// wrong.
pub(in super::super) fn gateway(
    state: &GatewayState<'_>,
    listeners: &[Section<'_>],
    accepted: bool,
    attached_sets: u32,
) -> ObjectStatus {
    let own = match &state.refused {
        Some(fault) => condition("Accepted", false, fault.reason, &*fault.message),
        None => of_listeners("Accepted", listeners, accepted),
    };
    let programmed = match (&state.unreachable, accepted) {
        (_, false) => condition("Programmed", false, "Invalid", ""),
        (Some(fault), true) => condition("Programmed", false, fault.reason, &*fault.message),
        (None, true) => condition("Programmed", true, "Programmed", ""),
    };
    let certificate = state.client_certificate.as_ref().and_then(|found| found.as_ref().err());
    let in_listeners = listeners
        .iter()
        .any(|section| !is_resolved(section))
        .then(|| Fault::new("ListenersNotResolved", "some listeners refer to what is not there"));
    let resolved = unless("ResolvedRefs", certificate.or(in_listeners.as_ref()));
    let mut conditions = vec![own, programmed, resolved];
    if state.insecure {
        let message = "clients without a valid certificate are let in";
        let insecure = "InsecureFrontendValidationMode";
        conditions.push(condition(insecure, true, "ConfigurationChanged", message));
    }
    let addresses = state.addresses.iter().map(|address| GatewayAddress {
        kind: "IPAddress".into(),
        value: address.to_string().into(),
    });
    let status = Status::Gateway {
        conditions,
        addresses: addresses.collect(),
        listeners: listeners.iter().map(listener).collect(),
        attached_listener_sets: attached_sets,
    };
    object_status(state.gateway, status)
}

/// Of a ListenerSet and its listeners.
pub(in super::super) fn listener_set(
    state: &SetState<'_>,
    listeners: &[Section<'_>],
) -> ObjectStatus {
    let accepted = state.is_accepted(listeners);
    let conditions = match &state.refused {
        Some(fault) => {
            let programmed = match fault.reason {
                "ParentNotAccepted" => "ParentNotProgrammed",
                _ => "Invalid",
            };
            vec![
                condition("Accepted", false, fault.reason, &*fault.message),
                condition("Programmed", false, programmed, ""),
            ]
        }
        None => {
            let programmed = if accepted { "Programmed" } else { "ListenersNotValid" };
            vec![
                of_listeners("Accepted", listeners, accepted),
                condition("Programmed", accepted, programmed, ""),
            ]
        }
    };
    let listeners = listeners.iter().map(listener).collect();
    object_status(state.set, Status::ListenerSet { conditions, listeners })
}

fn of_listeners(kind: &str, listeners: &[Section<'_>], accepted: bool) -> StatusCondition {
    let refused = listeners.iter().filter(|listener| listener.refusal.is_some()).count();
    if refused == 0 {
        return condition(kind, true, kind, "");
    }
    let message = format!("{refused} of {} listeners are not valid", listeners.len());
    condition(kind, accepted, "ListenersNotValid", message)
}

fn listener(section: &Section<'_>) -> ListenerStatus {
    let kinds = section
        .kinds()
        .map(|kind| RouteKind { group: GATEWAY_GROUP.into(), kind: kind.name().into() });
    ListenerStatus {
        name: section.listener.name.clone(),
        attached_routes: section.attached_routes,
        supported_kinds: kinds.collect(),
        conditions: listener_conditions(section),
    }
}

fn is_resolved(section: &Section<'_>) -> bool {
    section.unresolved.is_none() && !section.asks_for_unknown_kinds()
}

fn listener_conditions(section: &Section<'_>) -> Vec<StatusCondition> {
    let refusal = section.refusal.as_ref();
    let conflict = refusal.filter(|refusal| refusal.cause == Cause::Conflict);
    let accepted = match refusal {
        None => condition("Accepted", true, "Accepted", ""),
        Some(refusal) => condition("Accepted", false, refusal.reason, &*refusal.message),
    };
    let conflicted = match conflict {
        None => condition("Conflicted", false, "NoConflicts", ""),
        Some(refusal) => condition("Conflicted", true, refusal.reason, &*refusal.message),
    };
    let resolved = match &section.unresolved {
        None if section.asks_for_unknown_kinds() => {
            let message = "some of the kinds in `allowedRoutes` are not supported";
            condition("ResolvedRefs", false, "InvalidRouteKinds", message)
        }
        unresolved => unless("ResolvedRefs", unresolved.as_ref()),
    };
    let programmed = match conflict {
        // The listener of a set says what took its place (gateway-api §8.2).
        Some(refusal) if section.is_of_set() => condition("Programmed", false, refusal.reason, ""),
        _ if section.is_programmed() => condition("Programmed", true, "Programmed", ""),
        _ => condition("Programmed", false, "Invalid", ""),
    };
    let mut conditions = vec![accepted, conflicted, resolved, programmed];
    if section.overlaps {
        let message = "another listener of the port ends TLS for some of its names";
        let overlap = "OverlappingTLSConfig";
        conditions.push(condition(overlap, true, "OverlappingHostnames", message));
    }
    conditions
}
