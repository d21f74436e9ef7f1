//! The workloads behind the endpoints of Services: which identity and which labels they have (smi
//! T-1).

use super::endpoints::{Behind, Endpoint, Endpoints, PodLabels};
use crate::resource::service::{EndpointAddress, EndpointSlice, Service, ServicePort, Subset};
use crate::resource::workload::{Workload, WorkloadKind};
use crate::resource::{Resource, Resources};
use crate::rules::{ServiceAccount, ServiceName};
use crate::sort::sort_by_key;
use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Endpoints of a Service that are told apart by nothing that rules ask for.
#[derive(Debug, Clone)]
pub(crate) struct Kind<'a> {
    /// The port of the Service; `None` where its ports are not known.
    pub(crate) port: Option<u16>,
    /// Their own port; `None` where it is that of the Service.
    pub(crate) target_port: Option<u16>,
    /// The one workload that they are; of several, they are one of them. None where nothing is
    /// known.
    pub(crate) candidates: Vec<&'a Resource<Workload>>,
}

/// A workload that endpoints may be; `None` for one of which nothing is known.
pub(crate) type Candidate<'a> = Option<&'a Resource<Workload>>;

impl<'a> Kind<'a> {
    /// What its endpoints may be, at least one.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = Candidate<'a>> {
        let unknown = self.candidates.is_empty().then_some(None);
        self.candidates.iter().copied().map(Some).chain(unknown)
    }

    /// Their identity.
    pub(crate) fn account(&self, namespace: &str) -> ServiceAccount {
        account_behind(self.candidates.first().copied(), namespace)
    }

    /// Their identity where documents tell it.
    fn told(&self) -> Option<Arc<ServiceAccount>> {
        let mut accounts = self.candidates.iter().map(|workload| account_of(workload));
        let first = accounts.next()?;
        accounts.all(|other| other == first).then(|| Arc::new(first))
    }
}

/// The service account of a workload.
pub(crate) fn account_of(workload: &Resource<Workload>) -> ServiceAccount {
    ServiceAccount::new(&workload.meta.namespace, &workload.spec.service_account)
}

/// That of one behind a Service of a namespace: as long as nothing is known, `default` of the
/// namespace (smi T-1).
pub(crate) fn account_behind(candidate: Candidate<'_>, namespace: &str) -> ServiceAccount {
    candidate.map_or_else(|| ServiceAccount::new(namespace, "default"), account_of)
}

/// The kinds of endpoints of each Service that has a document.
#[derive(Debug, Default)]
pub(crate) struct Population<'a> {
    kinds: BTreeMap<ServiceName, Vec<Kind<'a>>>,
}

impl<'a> Population<'a> {
    /// What documents tell, with the endpoints that they name. `by_hand` are the ports of Services
    /// that have other endpoints, of which nothing is known but their Service.
    pub(super) fn of(
        resources: &'a Resources,
        by_hand: &[(ServiceName, u16)],
    ) -> (Self, Endpoints) {
        let known = Known::of(resources);
        let mut ports_by_hand: BTreeMap<&ServiceName, Vec<u16>> = BTreeMap::new();
        for (service, port) in by_hand {
            ports_by_hand.entry(service).or_default().push(*port);
        }
        let mut slices: BTreeMap<ServiceName, Vec<&Subset>> = BTreeMap::new();
        for slice in resources.endpoint_slices() {
            if let Some(service) = Resource::<EndpointSlice>::service(slice) {
                let name = ServiceName::new(&slice.meta.namespace, service);
                slices.entry(name).or_default().extend(&slice.spec.subsets);
            }
        }
        let (mut population, mut endpoints) = (Self::default(), Endpoints::default());
        for service in resources.services() {
            let name = ServiceName::new(&service.meta.namespace, &service.meta.name);
            if let Some(address) = service.spec.cluster_ips.first() {
                endpoints.set_cluster_ip(&name, *address);
            }
            let selected = LazyCell::new(|| known.selected(service));
            let mut kinds = Kinds::default();
            let by_hand = ports_by_hand.get(&name).into_iter().flatten();
            let mut ports: BTreeMap<u16, Option<&ServicePort>> =
                by_hand.clone().map(|port| (*port, None)).collect();
            ports.extend(service.spec.tcp_ports().map(|port| (port.port, Some(port))));
            for (number, port) in ports {
                let subsets = slices.get(&name).into_iter().flatten();
                let mut found: BTreeMap<(&str, u16), Vec<&Resource<Workload>>> = BTreeMap::new();
                for (address, target) in targets(service, port, subsets) {
                    // What several say of one endpoint may all be true.
                    let behind = known.behind(service, &address, &selected);
                    let candidates = found.entry((address.host, target)).or_default();
                    candidates.extend(behind);
                }
                let endpoint = |((host, target), mut candidates): ((&str, u16), Vec<_>)| {
                    distinct(&mut candidates);
                    let behind = kinds.add(number, Some(target), candidates);
                    Endpoint { behind, ..Endpoint::new(host, target) }
                };
                let found: Vec<Endpoint> = found.into_iter().map(endpoint).collect();
                if found.is_empty() || by_hand.clone().any(|by_hand| *by_hand == number) {
                    let target = port.and_then(|port| port.target);
                    let behind = kinds.add(number, target, selected.clone());
                    endpoints.set_unknown(&name, number, behind);
                }
                endpoints.insert(&name, number, found);
            }
            if !kinds.list.is_empty() {
                population.kinds.insert(name, kinds.list);
            }
        }
        (population, endpoints)
    }

    /// The kinds of endpoints of a Service; of one without ports that are known, one.
    pub(crate) fn kinds(&self, service: &ServiceName) -> &[Kind<'a>] {
        const UNKNOWN: &[Kind<'static>] =
            &[Kind { port: None, target_port: None, candidates: Vec::new() }];
        self.kinds.get(service).map_or(UNKNOWN, |kinds| kinds)
    }

    /// The Services that have a document, with their kinds.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ServiceName, &[Kind<'a>])> {
        self.kinds.iter().map(|(service, kinds)| (service, &**kinds))
    }
}

/// An address that documents name, and the Pod that they name with it.
struct Named<'a> {
    host: &'a str,
    pod: Option<&'a str>,
}

/// The endpoints that documents name for a port of a Service, with their own ports.
fn targets<'a>(
    service: &'a Resource<Service>,
    port: Option<&'a ServicePort>,
    subsets: impl Iterator<Item = &'a &'a Subset>,
) -> Vec<(Named<'a>, u16)> {
    let Some(port) = port else { return Vec::new() };
    if let Some(host) = &service.spec.external_name {
        return vec![(Named { host, pod: None }, port.port)];
    }
    let mut targets = Vec::new();
    for subset in subsets {
        for named in subset.ports.iter().filter(|p| p.name == port.name) {
            let target = named.port.or(port.target).unwrap_or(port.port);
            let addresses = subset.addresses.iter();
            targets.extend(addresses.map(|EndpointAddress { host, pod }| {
                (Named { host, pod: pod.as_deref() }, target)
            }));
        }
    }
    targets
}

/// Leaves each workload once.
fn distinct(workloads: &mut Vec<&Resource<Workload>>) {
    sort_by_key(workloads, |workload| workload.object());
    workloads.dedup_by_key(|workload| workload.object());
}

/// The kinds of a Service in the making.
#[derive(Default)]
struct Kinds<'a> {
    list: Vec<Kind<'a>>,
    /// By port, target port and the addresses of the candidates.
    places: BTreeMap<(u16, Option<u16>, Vec<usize>), Behind>,
}

impl<'a> Kinds<'a> {
    fn add(
        &mut self,
        port: u16,
        target_port: Option<u16>,
        candidates: Vec<&'a Resource<Workload>>,
    ) -> Behind {
        let who = candidates.iter().map(|w| std::ptr::from_ref(*w).addr()).collect();
        let entry = self.places.entry((port, target_port, who));
        let behind = entry.or_insert_with(|| {
            let labels = candidates.iter().map(|workload| PodLabels {
                labels: workload.pod_labels().clone(),
                is_pod: workload.spec.kind == WorkloadKind::Pod,
            });
            let labels = labels.collect();
            let kind = Kind { port: Some(port), target_port, candidates };
            let behind = Behind { workload: self.list.len(), account: kind.told(), labels };
            self.list.push(kind);
            behind
        });
        behind.clone()
    }
}

/// The workloads that have documents.
struct Known<'a> {
    pods: BTreeMap<(&'a str, &'a str), &'a Resource<Workload>>,
    /// Pods on the network of their node share its addresses.
    by_address: BTreeMap<String, Vec<&'a Resource<Workload>>>,
    /// By namespace and one label.
    by_label: BTreeMap<(&'a str, &'a str, &'a str), Vec<&'a Resource<Workload>>>,
}

impl<'a> Known<'a> {
    fn of(resources: &'a Resources) -> Self {
        let mut known =
            Self { pods: BTreeMap::new(), by_address: BTreeMap::new(), by_label: BTreeMap::new() };
        for workload in resources.workloads() {
            let meta = &workload.meta;
            if workload.spec.kind == WorkloadKind::Pod {
                known.pods.insert((&meta.namespace, &meta.name), workload);
                for address in &workload.spec.addresses {
                    known.by_address.entry(address.to_string()).or_default().push(workload);
                }
            }
            for (name, value) in workload.pod_labels() {
                let key = (&*meta.namespace, &**name, &**value);
                known.by_label.entry(key).or_default().push(workload);
            }
        }
        known
    }

    /// The Pod that a document names with an address, and those that have the address; where
    /// there are none, what the Service selects. A document may be late, and Pods on the network
    /// of their node share its addresses: each may be the one.
    fn behind(
        &self,
        service: &Resource<Service>,
        address: &Named<'_>,
        selected: &[&'a Resource<Workload>],
    ) -> Vec<&'a Resource<Workload>> {
        let named = address.pod.map(|pod| (&*service.meta.namespace, pod));
        let named = named.and_then(|name| self.pods.get(&name));
        let by_address = self.by_address.get(address.host).into_iter().flatten();
        let pods: Vec<_> = named.into_iter().chain(by_address).copied().collect();
        let is_external = service.spec.external_name.is_some();
        if pods.is_empty() && !is_external { selected.to_vec() } else { pods }
    }

    /// The workloads whose Pods have all labels that the Service selects by.
    fn selected(&self, service: &Resource<Service>) -> Vec<&'a Resource<Workload>> {
        let selector = &service.spec.selector;
        let Some((name, value)) = selector.first_key_value() else { return Vec::new() };
        let first = self.by_label.get(&(&*service.meta.namespace, &**name, &**value));
        let first = first.into_iter().flatten().copied();
        first.filter(|workload| workload.has_labels(selector)).collect()
    }
}
