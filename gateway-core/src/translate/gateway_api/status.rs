//! What Gateways and HTTPRoutes should show in Kubernetes (gateway-api §24).

use super::attach::Parent;
use super::listeners::Refusal;
use super::route::LoweredRoute;
use crate::resource::Resource;
use crate::resource::gateway::{Gateway, Listener, ListenerProtocol};
use crate::resource::http_route::HttpRoute;
use crate::translate::{ObjectStatus, StatusCondition};

/// How a listener fares.
pub(super) struct ListenerState<'s> {
    pub(super) listener: &'s Listener,
    pub(super) refusal: Option<&'s Refusal>,
    /// Whether it asks for kinds of routes that are not supported.
    pub(super) unknown_kind: bool,
    /// Whether it has to end TLS without a certificate.
    pub(super) lacks_certificate: bool,
}

fn condition(
    kind: &str,
    status: bool,
    reason: &str,
    message: impl Into<String>,
) -> StatusCondition {
    StatusCondition { kind: kind.into(), status, reason: reason.into(), message: message.into() }
}

fn object_status<T>(
    object: &Resource<T>,
    conditions: Vec<(Option<Box<str>>, StatusCondition)>,
) -> ObjectStatus {
    ObjectStatus {
        api_version: "gateway.networking.k8s.io/v1".into(),
        object: object.object().clone(),
        state: None,
        conditions,
    }
}

/// Of a Gateway and its listeners.
pub(super) fn gateway(
    gateway: &Resource<Gateway>,
    listeners: &[ListenerState<'_>],
) -> ObjectStatus {
    let refused = listeners.iter().filter(|listener| listener.refusal.is_some()).count();
    let accepted = refused < listeners.len();
    let own = if refused > 0 {
        let message = format!("{refused} of {} listeners are not valid", listeners.len());
        condition("Accepted", accepted, "ListenersNotValid", message)
    } else {
        condition("Accepted", true, "Accepted", "")
    };
    let programmed = if accepted { "Programmed" } else { "Invalid" };
    let mut conditions =
        vec![(None, own), (None, condition("Programmed", accepted, programmed, ""))];
    for listener in listeners {
        let name = &listener.listener.name;
        conditions
            .extend(listener_conditions(listener).into_iter().map(|c| (Some(name.clone()), c)));
    }
    object_status(gateway, conditions)
}

fn listener_conditions(state: &ListenerState<'_>) -> Vec<StatusCondition> {
    let mut conditions = Vec::new();
    conditions.push(match state.refusal {
        None => condition("Accepted", true, "Accepted", ""),
        Some(refusal) => condition("Accepted", false, refusal.reason, &*refusal.message),
    });
    conditions.push(match state.refusal.filter(|refusal| refusal.conflict) {
        None => condition("Conflicted", false, "NoConflicts", ""),
        Some(refusal) => condition("Conflicted", true, refusal.reason, &*refusal.message),
    });
    // Certificates are not looked at here, so nothing is said of a listener that names some.
    let unknown_certificate =
        state.listener.protocol == ListenerProtocol::Https && !state.lacks_certificate;
    if state.unknown_kind {
        let message = "some of the kinds in `allowedRoutes` are not supported";
        conditions.push(condition("ResolvedRefs", false, "InvalidRouteKinds", message));
    } else if state.lacks_certificate {
        let message = "an HTTPS listener needs a certificate";
        conditions.push(condition("ResolvedRefs", false, "InvalidCertificateRef", message));
    } else if !unknown_certificate {
        conditions.push(condition("ResolvedRefs", true, "ResolvedRefs", ""));
    }
    if state.refusal.is_some() || state.lacks_certificate {
        conditions.push(condition("Programmed", false, "Invalid", ""));
    } else if !unknown_certificate {
        conditions.push(condition("Programmed", true, "Programmed", ""));
    }
    conditions
}

/// Of a route, by parent.
pub(super) fn route(
    route: &Resource<HttpRoute>,
    parents: &[Parent<'_>],
    lowered: &LoweredRoute,
) -> ObjectStatus {
    let mut conditions = Vec::new();
    for parent in parents {
        let name: Box<str> = parent.name.as_str().into();
        let of_parent = route_conditions(route, parent, lowered);
        conditions.extend(of_parent.into_iter().map(|c| (Some(name.clone()), c)));
    }
    object_status(route, conditions)
}

fn route_conditions(
    route: &Resource<HttpRoute>,
    parent: &Parent<'_>,
    lowered: &LoweredRoute,
) -> Vec<StatusCondition> {
    let list = |(index, message): &(usize, String)| format!("Dropped Rule {index}: {message}");
    let dropped = lowered.dropped.iter().map(list).collect::<Vec<_>>().join("; ");
    let none_left = lowered.dropped.len() == route.spec.rules.len();
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
