//! Who calls from an address: the Pods that documents name.

use super::workloads::account_of;
use crate::request::attributes::{
    SOURCE_ACCOUNT, SOURCE_LABELS, SOURCE_NAMESPACE, SOURCE_WORKLOADS,
};
use crate::resource::workload::{Workload, WorkloadKind};
use crate::resource::{Resource, Resources};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;
use std::sync::Arc;

/// A Pod as [`attributes`](crate::attributes) tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// [`SOURCE_ACCOUNT`](crate::attributes::SOURCE_ACCOUNT).
    pub account: Box<str>,
    /// [`SOURCE_LABELS`](crate::attributes::SOURCE_LABELS).
    pub labels: Box<str>,
    /// [`SOURCE_WORKLOADS`](crate::attributes::SOURCE_WORKLOADS).
    pub workloads: Box<str>,
}

impl Pod {
    /// The attributes of its requests, by name.
    pub fn attributes(&self) -> [(&'static str, &str); 4] {
        // The account is one of the Pod's own namespace.
        let namespace = self.account.split_once('/').map_or("", |(namespace, _)| namespace);
        [
            (SOURCE_NAMESPACE, namespace),
            (SOURCE_ACCOUNT, &self.account),
            (SOURCE_LABELS, &self.labels),
            (SOURCE_WORKLOADS, &self.workloads),
        ]
    }
}

/// The Pods of documents, by address. Callers are known by it only where nobody can call from the
/// address of another.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pods {
    by_address: BTreeMap<IpAddr, Arc<Pod>>,
}

impl Pods {
    /// The Pod that an address belongs to.
    pub fn at(&self, address: IpAddr) -> Option<&Arc<Pod>> {
        self.by_address.get(&address)
    }

    /// Those that documents name. An address that several of them have belongs to none.
    pub fn of(resources: &Resources) -> Self {
        let mut makers = Makers::new();
        for workload in resources.workloads().filter(|w| w.spec.kind != WorkloadKind::Pod) {
            if let Some((name, value)) = workload.pod_labels().first_key_value() {
                let key = (&*workload.meta.namespace, &**name, &**value);
                makers.entry(key).or_default().push(workload);
            }
        }
        let mut found: BTreeMap<IpAddr, Option<Arc<Pod>>> = BTreeMap::new();
        for workload in resources.workloads().filter(|w| w.spec.kind == WorkloadKind::Pod) {
            if workload.spec.addresses.is_empty() {
                continue;
            }
            let pod = Arc::new(pod(workload, &makers));
            for address in &workload.spec.addresses {
                match found.entry(address.to_canonical()) {
                    Entry::Vacant(entry) => drop(entry.insert(Some(Arc::clone(&pod)))),
                    Entry::Occupied(mut entry) => drop(entry.insert(None)),
                }
            }
        }
        let certain = found.into_iter().filter_map(|(address, pod)| Some((address, pod?)));
        Self { by_address: certain.collect() }
    }
}

/// The workloads that make Pods, by namespace and their first label.
type Makers<'a> = BTreeMap<(&'a str, &'a str, &'a str), Vec<&'a Resource<Workload>>>;

fn pod(workload: &Resource<Workload>, makers: &Makers<'_>) -> Pod {
    let labels = workload.pod_labels();
    // What no label can hold would read as another one.
    let is_plain = |text: &str| !text.contains([',', '=']);
    let plain = labels.iter().filter(|(name, value)| is_plain(name) && is_plain(value));
    let pairs: Vec<String> = plain.map(|(name, value)| format!("{name}={value}")).collect();
    let namespace = &*workload.meta.namespace;
    let makers = labels.iter().filter_map(|(name, value)| makers.get(&(namespace, name, value)));
    let makers = makers.flatten().copied().filter(|maker| maker.makes(workload));
    let parts = makers.chain([workload]);
    let parts: Vec<String> = parts.map(|part| part.object().path()).collect();
    Pod {
        account: account_of(workload).to_string().into(),
        labels: pairs.join(",").into(),
        workloads: parts.join(",").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_known_by_its_address_with_all_that_it_is_part_of() {
        // smi T-2, N-8
        let mut resources = Resources::new();
        resources.add_yaml(
            "f",
            "{apiVersion: v1, kind: Pod, metadata: {name: web-1, namespace: shop, labels: {app: web, v: '2'}},
 spec: {serviceAccountName: website}, status: {podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: bare}, status: {podIP: 10.0.0.2}}
---
{apiVersion: v1, kind: Pod, metadata: {name: one}, status: {podIP: 10.0.0.3}}
---
{apiVersion: v1, kind: Pod, metadata: {name: two}, status: {podIP: 10.0.0.3}}
---
{apiVersion: v1, kind: Pod, metadata: {name: node}, spec: {hostNetwork: true}, status: {podIP: 10.0.0.4}}
---
{apiVersion: v1, kind: Pod, metadata: {name: sly, labels: {a: 'b,app=web'}}, status: {podIP: 10.0.0.5}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop},
 spec: {template: {metadata: {labels: {app: web}}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web-3, namespace: shop},
 spec: {template: {metadata: {labels: {app: web, v: '3'}}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: other},
 spec: {template: {metadata: {labels: {app: web}}}}}
---
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: all, namespace: shop}}
",
        );
        assert_eq!(resources.diagnostics(), []);
        let pods = Pods::of(&resources);
        let web = Some(["shop/website", "app=web,v=2", "Deployment/shop/web,Pod/shop/web-1"]);
        for (address, want) in [
            ("10.0.0.1", web),
            ("fd00::1", web),
            ("10.0.0.2", Some(["default/default", "", "Pod/default/bare"])),
            ("10.0.0.3", None),
            ("10.0.0.4", None),
            ("10.0.0.5", Some(["default/default", "", "Pod/default/sly"])),
            ("10.0.0.9", None),
        ] {
            let pod = pods.at(address.parse().unwrap());
            let found = pod.map(|pod| [&*pod.account, &*pod.labels, &*pod.workloads]);
            assert_eq!(found, want, "{address}");
        }
    }
}
