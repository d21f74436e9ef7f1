//! Pods, and the kinds that make them: Deployment, StatefulSet, DaemonSet and ReplicaSet.
//!
//! They tell which identity the workload behind an address has (smi T-1). Only that is read; these
//! kinds have many more fields, which are nobody's typing errors: the cluster has accepted them.

use super::document::{Kind, Value};
use super::service::address_list;
use super::{Problems, Resource, meta};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// As written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Workload {
    pub(crate) kind: WorkloadKind,
    /// The labels of the Pods that it makes; see [`Resource::pod_labels`].
    template_labels: BTreeMap<Box<str>, Box<str>>,
    pub(crate) service_account: Box<str>,
    /// Of a Pod, if it still runs and they are its own. A cluster may give the addresses of others
    /// away again.
    pub(crate) addresses: Vec<IpAddr>,
}

/// The kinds of workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WorkloadKind {
    Pod,
    Deployment,
    StatefulSet,
    DaemonSet,
    ReplicaSet,
}

impl WorkloadKind {
    /// Each with its name.
    pub(crate) const ALL: [(&'static str, Self); 5] = [
        ("Pod", Self::Pod),
        ("Deployment", Self::Deployment),
        ("StatefulSet", Self::StatefulSet),
        ("DaemonSet", Self::DaemonSet),
        ("ReplicaSet", Self::ReplicaSet),
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

impl Workload {
    /// Reads a whole document. Problems are pushed; `None` only when nothing useful is left.
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut fields = root.mapping(problems)?;
        let kind = fields.required("kind", problems)?.string(problems)?;
        // Other kinds are not read by this.
        let (_, kind) = *WorkloadKind::ALL.iter().find(|(name, _)| *name == kind)?;
        let spec = fields.field("spec");
        let (labels, pod_spec) = if kind == WorkloadKind::Pod {
            (BTreeMap::new(), spec)
        } else {
            read_template(spec, problems)
        };
        let service_account = pod_spec.and_then(|spec| read_account(spec, problems));
        let addresses = match fields.field("status") {
            Some(status) if kind == WorkloadKind::Pod && !shares_address(pod_spec) => {
                read_addresses(status, problems)
            }
            _ => Vec::new(),
        };
        Some(Self {
            kind,
            template_labels: labels,
            service_account: service_account.unwrap_or_else(|| "default".into()),
            addresses,
        })
    }
}

impl Resource<Workload> {
    /// The labels of the Pod, or of the Pods that it makes.
    pub(crate) fn pod_labels(&self) -> &BTreeMap<Box<str>, Box<str>> {
        match self.spec.kind {
            WorkloadKind::Pod => &self.meta.labels,
            _ => &self.spec.template_labels,
        }
    }

    /// Whether the Pod, or the Pods that it makes, have all of these labels.
    pub(crate) fn has_labels(&self, wanted: &BTreeMap<Box<str>, Box<str>>) -> bool {
        let labels = self.pod_labels();
        wanted.iter().all(|(name, value)| labels.get(name) == Some(value))
    }

    /// Whether it is one of those that make `pod`, which then has all labels that it gives.
    pub(crate) fn makes(&self, pod: &Self) -> bool {
        self.spec.kind != WorkloadKind::Pod
            && pod.spec.kind == WorkloadKind::Pod
            && self.meta.namespace == pod.meta.namespace
            && !self.pod_labels().is_empty()
            && pod.has_labels(self.pod_labels())
    }
}

/// The labels and the spec of the Pods that a workload makes.
fn read_template<'d>(
    spec: Option<Value<'d>>,
    problems: &mut Problems,
) -> (BTreeMap<Box<str>, Box<str>>, Option<Value<'d>>) {
    let template = spec
        .and_then(|spec| spec.mapping(problems)?.field("template"))
        .and_then(|template| template.mapping(problems));
    let Some(mut template) = template else { return (BTreeMap::new(), None) };
    let labels = template
        .field("metadata")
        .and_then(|metadata| metadata.mapping(problems)?.field("labels"))
        .map(|labels| meta::texts(labels, problems));
    (labels.unwrap_or_default(), template.field("spec"))
}

/// The service account, under its name or the one that it had before.
fn read_account(pod_spec: Value<'_>, problems: &mut Problems) -> Option<Box<str>> {
    let mut fields = pod_spec.mapping(problems)?;
    ["serviceAccountName", "serviceAccount"]
        .into_iter()
        .filter_map(|name| fields.field(name)?.string(problems))
        .find(|account| !account.is_empty())
        .map(Box::from)
}

/// Whether its address is that of its node, from which others may call, too.
fn shares_address(pod_spec: Option<Value<'_>>) -> bool {
    let mut fields = pod_spec.into_iter().flat_map(Value::children);
    fields.any(|field| field.key() == Some("hostNetwork") && *field.kind() == Kind::Bool(true))
}

fn read_addresses(status: Value<'_>, problems: &mut Problems) -> Vec<IpAddr> {
    let Some(mut fields) = status.mapping(problems) else { return Vec::new() };
    let phase = fields.field("phase").and_then(|phase| phase.string(problems));
    if matches!(phase, Some("Succeeded" | "Failed")) {
        return Vec::new();
    }
    let mut written: Vec<Value<'_>> = fields.field("podIP").into_iter().collect();
    if let Some(list) = fields.field("podIPs") {
        let items: Vec<_> = list.list(problems).collect();
        written.extend(items.into_iter().filter_map(|v| v.mapping(problems)?.field("ip")));
    }
    address_list(written, problems)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::tests::{read, shown};

    fn found(text: &str) -> Vec<String> {
        let resources = read(text);
        assert_eq!(shown(&resources), [""; 0], "{text}");
        let show = |w: &Resource<Workload>| {
            let (labels, spec) = (w.pod_labels(), &w.spec);
            let labels: Vec<_> =
                labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let (account, addresses) = (&spec.service_account, &spec.addresses);
            format!("{:?} {} {labels:?} {account} {addresses:?}", spec.kind, w.meta.name)
        };
        resources.workloads().map(show).collect()
    }

    #[test]
    fn pods_tell_labels_account_and_addresses() {
        // smi T-1
        let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {app: b}}\n";
        for (rest, want) in [
            ("", "default []"),
            ("spec: {serviceAccountName: s, serviceAccount: t, containers: [{x: 1}]}", "s []"),
            ("spec: {serviceAccount: t}", "t []"),
            ("spec: {serviceAccountName: ''}", "default []"),
            ("status: {podIP: ''}", "default []"),
            ("status: {podIP: 10.0.0.1, phase: Running, more: 1}", "default [10.0.0.1]"),
            (
                "status: {podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: 'FD00::1'}]}",
                "default [10.0.0.1, fd00::1]",
            ),
            ("status: {podIP: 10.0.0.1, phase: Succeeded}", "default []"),
            ("status: {podIP: 10.0.0.1, phase: Failed}", "default []"),
        ] {
            let want = format!("Pod a [\"app=b\"] {want}");
            assert_eq!(found(&format!("{pod}{rest}")), [want], "{rest}");
        }
    }

    #[test]
    fn what_makes_pods_tells_their_labels_and_account() {
        // smi T-1
        for kind in ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"] {
            let start = format!(
                "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: a, labels: {{c: d}}}}\n"
            );
            for (rest, want) in [
                ("", "[] default"),
                ("spec: {replicas: 2}\nstatus: {podIP: x}", "[] default"),
                ("spec: {template: {spec: {serviceAccountName: s}}}", "[] s"),
                (
                    "spec: {template: {metadata: {labels: {app: b}}, spec: {}}}",
                    "[\"app=b\"] default",
                ),
            ] {
                let want = format!("{kind} a {want} []");
                assert_eq!(found(&format!("{start}{rest}")), [want], "{kind} {rest}");
            }
        }
    }

    #[test]
    fn kinds_are_told_apart_and_pods_come_first() {
        let text = ["apps/v1, kind: ReplicaSet", "apps/v1beta1, kind: Deployment", "v1, kind: Pod"]
            .map(|kind| format!("{{apiVersion: {kind}, metadata: {{name: a}}}}"))
            .join("\n---\n");
        assert_eq!(
            found(&text),
            ["Pod a [] default []", "Deployment a [] default []", "ReplicaSet a [] default []",]
        );
    }

    #[test]
    fn wrong_values_are_reported() {
        for (kind, rest, want) in [
            (
                "v1\nkind: Pod",
                "status: {podIP: a.example}",
                "4:17: error[invalid-address]: Pod default/a: status.podIP: `a.example` is not an \
                 IP address",
            ),
            (
                "v1\nkind: Pod",
                "spec: {serviceAccountName: 1}",
                "4:28: error[wrong-type]: Pod default/a: spec.serviceAccountName: expected text, \
                 found the number `1`; put it in quotes",
            ),
            (
                "apps/v1\nkind: Deployment",
                "spec: {template: {metadata: {labels: {a: true}}}}",
                "4:42: error[wrong-type]: Deployment default/a: spec.template.metadata.labels.a: \
                 expected text, found the boolean `true`; put it in quotes",
            ),
        ] {
            let resources = read(&format!("apiVersion: {kind}\nmetadata: {{name: a}}\n{rest}"));
            assert_eq!(shown(&resources), [format!("f.yaml:{want}")], "{rest}");
            assert_eq!(resources.workloads().count(), 0, "{rest}");
        }
    }
}
