//! What Gateways and routes should show in Kubernetes (gateway-api §24).

use super::attach::Parent;
use super::listeners::{Section, lacks_certificate};
use super::route::LoweredRoute;
use crate::resource::Resource;
use crate::resource::gateway::{Gateway, GatewayClass, ListenerProtocol};
use crate::resource::gateway_route::{GatewayRoute, ParentRef};
use crate::translate::{
    ListenerStatus, ObjectStatus, ParentReference, ParentStatus, RouteKind, Status, StatusCondition,
};

fn condition(
    kind: &str,
    status: bool,
    reason: &str,
    message: impl Into<String>,
) -> StatusCondition {
    StatusCondition { kind: kind.into(), status, reason: reason.into(), message: message.into() }
}

fn object_status<T>(object: &Resource<T>, status: Status) -> ObjectStatus {
    ObjectStatus {
        api_version: "gateway.networking.k8s.io/v1".into(),
        object: object.object().clone(),
        generation: object.meta.generation,
        status,
    }
}

/// Of a GatewayClass.
pub(super) fn class(class: &Resource<GatewayClass>) -> ObjectStatus {
    let accepted = match class.spec.parameters {
        None => condition("Accepted", true, "Accepted", ""),
        Some(_) => {
            let message = "`parametersRef` is not supported";
            condition("Accepted", false, "InvalidParameters", message)
        }
    };
    object_status(class, Status::GatewayClass { conditions: vec![accepted] })
}

/// Of a Gateway and its listeners.
pub(super) fn gateway(gateway: &Resource<Gateway>, listeners: &[Section<'_>]) -> ObjectStatus {
    let refused = listeners.iter().filter(|listener| listener.refusal.is_some()).count();
    let accepted = refused < listeners.len();
    let own = if refused > 0 {
        let message = format!("{refused} of {} listeners are not valid", listeners.len());
        condition("Accepted", accepted, "ListenersNotValid", message)
    } else {
        condition("Accepted", true, "Accepted", "")
    };
    let programmed = if accepted { "Programmed" } else { "Invalid" };
    let conditions = vec![own, condition("Programmed", accepted, programmed, "")];
    let listeners = listeners.iter().map(listener).collect();
    object_status(gateway, Status::Gateway { conditions, listeners })
}

fn listener(section: &Section<'_>) -> ListenerStatus {
    let kinds = section.kinds().map(|kind| RouteKind {
        group: "gateway.networking.k8s.io".into(),
        kind: kind.name().into(),
    });
    ListenerStatus {
        name: section.listener.name.clone(),
        attached_routes: section.attached_routes,
        supported_kinds: kinds.collect(),
        conditions: listener_conditions(section),
    }
}

fn listener_conditions(section: &Section<'_>) -> Vec<StatusCondition> {
    let mut conditions = Vec::new();
    conditions.push(match &section.refusal {
        None => condition("Accepted", true, "Accepted", ""),
        Some(refusal) => condition("Accepted", false, refusal.reason, &*refusal.message),
    });
    conditions.push(match section.refusal.as_ref().filter(|refusal| refusal.conflict) {
        None => condition("Conflicted", false, "NoConflicts", ""),
        Some(refusal) => condition("Conflicted", true, refusal.reason, &*refusal.message),
    });
    // Certificates are not looked at here, so nothing is said of a listener that names some.
    let lacks_certificate = lacks_certificate(section.listener);
    let unknown_certificate =
        section.listener.protocol == ListenerProtocol::Https && !lacks_certificate;
    if section.asks_for_unknown_kinds() {
        let message = "some of the kinds in `allowedRoutes` are not supported";
        conditions.push(condition("ResolvedRefs", false, "InvalidRouteKinds", message));
    } else if lacks_certificate {
        let message = "an HTTPS listener needs a certificate";
        conditions.push(condition("ResolvedRefs", false, "InvalidCertificateRef", message));
    } else if !unknown_certificate {
        conditions.push(condition("ResolvedRefs", true, "ResolvedRefs", ""));
    }
    if section.refusal.is_some() || lacks_certificate {
        conditions.push(condition("Programmed", false, "Invalid", ""));
    } else if !unknown_certificate {
        conditions.push(condition("Programmed", true, "Programmed", ""));
    }
    conditions
}

/// Of a route, by parent.
pub(super) fn route(
    route: &Resource<GatewayRoute>,
    parents: &[Parent<'_>],
    lowered: &LoweredRoute,
) -> ObjectStatus {
    let parents = parents.iter().map(|parent| ParentStatus {
        parent: reference(parent.written),
        controller: parent.controller.map(Into::into),
        conditions: route_conditions(route, parent, lowered),
    });
    object_status(route, Status::Route { parents: parents.collect() })
}

fn reference(written: &ParentRef) -> ParentReference {
    ParentReference {
        group: written.group.clone(),
        kind: written.kind.clone(),
        namespace: written.namespace.clone(),
        name: written.name.clone(),
        section_name: written.section.clone(),
        port: written.port,
    }
}

fn route_conditions(
    route: &Resource<GatewayRoute>,
    parent: &Parent<'_>,
    lowered: &LoweredRoute,
) -> Vec<StatusCondition> {
    let list = |(index, message): &(usize, String)| format!("Dropped Rule {index}: {message}");
    let dropped = lowered.dropped.iter().map(list).collect::<Vec<_>>().join("; ");
    let none_left = lowered.has_lost_all_of(&route.spec.rules);
    let mut conditions = vec![match &parent.outcome {
        Err(refused) => condition("Accepted", false, refused.reason, &*refused.message),
        Ok(_) if none_left => condition("Accepted", false, "UnsupportedValue", &*dropped),
        Ok(_) => condition("Accepted", true, "Accepted", ""),
    }];
    conditions.push(match &lowered.unresolved {
        Some((reason, message)) => condition("ResolvedRefs", false, reason, &**message),
        None => condition("ResolvedRefs", true, "ResolvedRefs", ""),
    });
    if !dropped.is_empty() && !none_left {
        conditions.push(condition("PartiallyInvalid", true, "UnsupportedValue", dropped));
    }
    conditions
}
