//! Results as JSON, for scripts.

use gateway_core::rules::RuleSet;
use gateway_core::{
    AncestorStatus, GatewayAddress, ListenerStatus, ObjectStatus, ParentReference, ParentStatus,
    RouteKind, State, Status, StatusCondition, Translation,
};
use gateway_json::{diagnostic, origin};
use serde_json::{Value, json};

/// `{"diagnostics": …, "statuses": …, "listeners": …, "routes": N}`.
pub(super) fn check(translation: &Translation) -> Value {
    json!({
        "diagnostics": translation.diagnostics.iter().map(diagnostic).collect::<Vec<_>>(),
        "statuses": translation.statuses.iter().map(status).collect::<Vec<_>>(),
        "listeners": listeners(&translation.rules),
        "routes": translation.rules.route_count(),
    })
}

fn listeners(rules: &RuleSet) -> Vec<Value> {
    let host = |h: &gateway_core::rules::VirtualHost| {
        json!({
            "hostname": h.hostname.to_string(),
            "owner": origin(&h.origin),
            "routes": h.routes.len(),
        })
    };
    let listener = |l: &gateway_core::rules::Listener| {
        json!({
            "name": &l.name,
            "address": l.address,
            "port": l.port,
            "protocol": l.protocol.as_str(),
            "hosts": l.hosts.sorted().into_iter().map(|h| host(h)).collect::<Vec<_>>(),
        })
    };
    rules.listeners.iter().map(listener).collect()
}

/// As Kubernetes would show it.
fn status(status: &ObjectStatus) -> Value {
    let conditions = |list: &[StatusCondition]| -> Vec<Value> {
        list.iter().map(|c| condition(c, status.generation)).collect()
    };
    let listeners = |list: &[ListenerStatus]| -> Vec<Value> {
        let kind = |k: &RouteKind| json!({ "group": k.group, "kind": k.kind });
        let listener = |l: &ListenerStatus| {
            json!({
                "name": l.name,
                "attachedRoutes": l.attached_routes,
                "supportedKinds": l.supported_kinds.iter().map(kind).collect::<Vec<_>>(),
                "conditions": conditions(&l.conditions),
            })
        };
        list.iter().map(listener).collect()
    };
    let shown = match &status.status {
        Status::VirtualServer(state)
        | Status::Policy(state)
        | Status::GlobalConfiguration(state) => state_json(state),
        Status::VirtualServerRoute { state, referenced_by } => {
            let mut shown = state_json(state);
            shown["referencedBy"] = json!(referenced_by.join(", "));
            shown
        }
        Status::Gateway { conditions: own, addresses, listeners: all, attached_listener_sets } => {
            let address = |a: &GatewayAddress| json!({ "type": a.kind, "value": a.value });
            json!({
                "conditions": conditions(own),
                "addresses": addresses.iter().map(address).collect::<Vec<_>>(),
                "attachedListenerSets": attached_listener_sets,
                "listeners": listeners(all),
            })
        }
        Status::ListenerSet { conditions: own, listeners: all } => {
            json!({ "conditions": conditions(own), "listeners": listeners(all) })
        }
        Status::BackendTlsPolicy { ancestors } => {
            let ancestor = |a: &AncestorStatus| {
                present([
                    ("ancestorRef", parent_ref(&a.ancestor)),
                    ("controllerName", json!(a.controller)),
                    ("conditions", json!(conditions(&a.conditions))),
                ])
            };
            json!({ "ancestors": ancestors.iter().map(ancestor).collect::<Vec<_>>() })
        }
        Status::Route { parents } => {
            let parent = |p: &ParentStatus| {
                present([
                    ("parentRef", parent_ref(&p.parent)),
                    ("controllerName", json!(p.controller)),
                    ("conditions", json!(conditions(&p.conditions))),
                ])
            };
            json!({ "parents": parents.iter().map(parent).collect::<Vec<_>>() })
        }
        Status::GatewayClass { conditions: own, supported_features } => {
            let features: Vec<_> =
                supported_features.iter().map(|name| json!({ "name": name })).collect();
            json!({ "conditions": conditions(own), "supportedFeatures": features })
        }
    };
    json!({
        "apiVersion": &status.api_version,
        "kind": &status.object.kind,
        "namespace": &status.object.namespace,
        "name": &status.object.name,
        "status": shown,
    })
}

fn state_json(state: &State) -> Value {
    json!({ "state": state.state, "reason": state.reason, "message": state.message })
}

fn parent_ref(parent: &ParentReference) -> Value {
    present([
        ("group", json!(parent.group)),
        ("kind", json!(parent.kind)),
        ("namespace", json!(parent.namespace)),
        ("name", json!(parent.name)),
        ("sectionName", json!(parent.section_name)),
        ("port", json!(parent.port)),
    ])
}

fn condition(condition: &StatusCondition, generation: Option<i64>) -> Value {
    present([
        ("type", json!(condition.kind)),
        ("status", json!(if condition.status { "True" } else { "False" })),
        ("reason", json!(condition.reason)),
        ("message", json!(condition.message)),
        ("observedGeneration", json!(generation)),
    ])
}

/// An object of the fields that have a value.
fn present<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let present = fields.into_iter().filter(|(_, value)| !value.is_null());
    present.map(|(name, value)| (name.to_owned(), value)).collect()
}
