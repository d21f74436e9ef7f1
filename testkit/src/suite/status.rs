//! What objects show in Kubernetes, as suite files write it.

use super::Suite;
use gateway_core::{ListenerStatus, ObjectStatus, Status, StatusCondition};
use serde::Deserialize;

/// What the status of an object has and does not have.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct StatusExpectation {
    /// `Kind namespace/name`.
    of: String,
    /// Lines that must be there.
    #[serde(default)]
    has: Vec<String>,
    /// Beginnings of lines that must not.
    #[serde(default)]
    has_not: Vec<String>,
}

impl StatusExpectation {
    /// What is otherwise in `statuses`.
    fn faults(&self, statuses: &[ObjectStatus]) -> Vec<String> {
        let found = statuses.iter().find(|status| status.object.to_string() == self.of);
        // What has no status has no line.
        let lines = found.map(lines).unwrap_or_default();
        let missing = self.has.iter().filter(|line| !lines.contains(line));
        let begins = |start: &&String| lines.iter().any(|line| line.starts_with(&***start));
        let unwanted = self.has_not.iter().filter(begins);
        let missing = missing.map(|line| format!("{}: no `{line}`", self.of));
        let mut faults: Vec<String> = missing.collect();
        faults.extend(unwanted.map(|line| format!("{}: has `{line}`", self.of)));
        if !faults.is_empty() {
            faults.push(format!("{} has:\n  {}", self.of, lines.join("\n  ")));
        }
        faults
    }
}

impl Suite {
    /// Compares what objects show with what is expected.
    ///
    /// # Errors
    ///
    /// What is missing, and what should not be there.
    pub fn check_statuses(&self) -> Result<(), String> {
        let statuses = self.translation().statuses;
        let faults: Vec<String> =
            self.statuses.iter().flat_map(|wanted| wanted.faults(&statuses)).collect();
        if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
    }
}

/// A status, a line for each thing that it says.
fn lines(status: &ObjectStatus) -> Vec<String> {
    match &status.status {
        Status::GatewayClass { conditions: own, supported_features } => {
            let features = supported_features.iter().map(|name| format!("supportedFeature={name}"));
            conditions("", own).into_iter().chain(features).collect()
        }
        Status::Gateway { conditions: own, addresses, listeners, attached_listener_sets } => {
            let mut lines = conditions("", own);
            lines.extend(addresses.iter().map(|a| format!("address={} {}", a.kind, a.value)));
            lines.push(format!("attachedListenerSets={attached_listener_sets}"));
            lines.extend(listeners.iter().flat_map(listener));
            lines
        }
        Status::ListenerSet { conditions: own, listeners } => {
            let listeners = listeners.iter().flat_map(listener);
            conditions("", own).into_iter().chain(listeners).collect()
        }
        Status::Route { parents } => {
            let parents = parents.iter().enumerate();
            let of =
                parents.map(|(i, parent)| conditions(&format!("parent {i}: "), &parent.conditions));
            of.flatten().collect()
        }
        Status::BackendTlsPolicy { ancestors } => {
            let of = ancestors.iter().map(|entry| {
                let ancestor = &entry.ancestor;
                let namespace = ancestor.namespace.as_deref().unwrap_or_default();
                let name = format!("ancestor {} {namespace}/{}: ", ancestor.kind, ancestor.name);
                conditions(&name, &entry.conditions)
            });
            of.flatten().collect()
        }
        Status::VirtualServer(state)
        | Status::Policy(state)
        | Status::GlobalConfiguration(state)
        | Status::VirtualServerRoute { state, .. } => {
            vec![format!("{} {}", state.state, state.reason)]
        }
    }
}

fn listener(listener: &ListenerStatus) -> Vec<String> {
    let name = format!("listener {}: ", listener.name);
    let kinds: Vec<&str> = listener.supported_kinds.iter().map(|kind| &*kind.kind).collect();
    let mut lines = conditions(&name, &listener.conditions);
    lines.push(format!("{name}attachedRoutes={}", listener.attached_routes));
    lines.push(format!("{name}supportedKinds={}", kinds.join(",")));
    lines
}

fn conditions(of: &str, conditions: &[StatusCondition]) -> Vec<String> {
    let line = |condition: &StatusCondition| {
        let StatusCondition { kind, status, reason, .. } = condition;
        format!("{of}{kind}={} {reason}", if *status { "True" } else { "False" })
    };
    conditions.iter().map(line).collect()
}
