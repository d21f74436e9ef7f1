//! What Gateways, ListenerSets, routes and policies should show in Kubernetes (gateway-api §24).

mod gateway;
mod policy;

pub(super) use gateway::{gateway, listener_set};
pub(super) use policy::backend_tls_policy;

use super::attach::Parent;
use super::fault::Fault;
use super::route::LoweredRoute;
use crate::resource::Resource;
use crate::resource::gateway::GatewayClass;
use crate::resource::gateway_route::GatewayRoute;
use crate::translate::{ObjectStatus, ParentStatus, Status, StatusCondition};

fn condition(
    kind: &str,
    status: bool,
    reason: &str,
    message: impl Into<String>,
) -> StatusCondition {
    StatusCondition { kind: kind.into(), status, reason: reason.into(), message: message.into() }
}

/// That all is well, whose reason is the condition itself, or a fault.
fn unless(kind: &str, fault: Option<&Fault>) -> StatusCondition {
    match fault {
        None => condition(kind, true, kind, ""),
        Some(fault) => condition(kind, false, fault.reason, &*fault.message),
    }
}

fn object_status<T>(object: &Resource<T>, status: Status) -> ObjectStatus {
    ObjectStatus {
        api_version: "gateway.networking.k8s.io/v1".into(),
        object: object.object().clone(),
        generation: object.meta.generation,
        status,
    }
}

/// Of a GatewayClass; `features` are those that whoever carries decisions out supports.
pub(super) fn class(class: &Resource<GatewayClass>, features: &[Box<str>]) -> ObjectStatus {
    let accepted = match class.spec.parameters {
        None => condition("Accepted", true, "Accepted", ""),
        Some(_) => {
            let message = "`parametersRef` is not supported";
            condition("Accepted", false, "InvalidParameters", message)
        }
    };
    let mut supported_features = features.to_vec();
    supported_features.sort();
    object_status(class, Status::GatewayClass { conditions: vec![accepted], supported_features })
}

/// Of a route, by parent. `lowered` says what became of its rules at a parent of that kind.
pub(super) fn route<'l>(
    route: &Resource<GatewayRoute>,
    parents: &[Parent<'_>],
    lowered: impl Fn(&Parent<'_>) -> &'l LoweredRoute,
) -> ObjectStatus {
    let parents = parents.iter().map(|parent| ParentStatus {
        parent: parent.reference.clone(),
        controller: parent.controller.map(Into::into),
        conditions: route_conditions(route, parent, lowered(parent)),
    });
    object_status(route, Status::Route { parents: parents.collect() })
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
        Ok(_) if none_left => condition("Accepted", false, "UnsupportedValue", &*dropped),
        outcome => unless("Accepted", outcome.as_ref().err()),
    }];
    conditions.push(unless("ResolvedRefs", lowered.unresolved.as_ref()));
    if !dropped.is_empty() && !none_left {
        conditions.push(condition("PartiallyInvalid", true, "UnsupportedValue", dropped));
    }
    conditions
}
