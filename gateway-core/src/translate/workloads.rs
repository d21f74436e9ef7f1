//! The workloads behind the endpoints of Services: which identity and which labels they have (smi
//! T-1).

use super::endpoints::{Behind, Endpoint, Endpoints};
use crate::resource::service::{EndpointAddress, EndpointSlice, Service, Subset};
use crate::resource::workload::{Workload, WorkloadKind};
use crate::resource::{Resource, Resources};
use crate::rules::{ServiceAccount, ServiceName};
use std::collections::{BTreeMap, BTreeSet};
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

    /// Their identity: as long as nothing is known, `default` of the namespace (smi T-1).
    pub(crate) fn account(&self, namespace: &str) -> ServiceAccount {
        let first = self.candidates.first();
        first.map_or_else(|| ServiceAccount::new(namespace, "default"), |w| account_of(w))
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
        let by_hand: BTreeSet<&(ServiceName, u16)> = by_hand.iter().collect();
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
            let mut kinds = Kinds::default();
            for port in service.spec.tcp_ports() {
                if let Some(host) = &service.spec.external_name {
                    endpoints.insert(&name, port.port, [Endpoint::new(host, port.port)]);
                    continue;
                }
                let mut found = Vec::new();
                for subset in slices.get(&name).into_iter().flatten() {
                    for named in subset.ports.iter().filter(|p| p.name == port.name) {
                        let target = named.port.or(port.target).unwrap_or(port.port);
                        for address in &subset.addresses {
                            let candidates = known.behind(service, address);
                            let behind = kinds.add(port.port, Some(target), candidates);
                            found.push(Endpoint { behind, ..Endpoint::new(&address.host, target) });
                        }
                    }
                }
                let is_by_hand = by_hand.contains(&(name.clone(), port.port));
                if found.is_empty() || is_by_hand {
                    let behind = kinds.add(port.port, port.target, known.selected(service));
                    endpoints.set_unknown(&name, port.port, behind);
                }
                endpoints.insert(&name, port.port, found);
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
            let kind = Kind { port: Some(port), target_port, candidates };
            let behind = Behind { workload: self.list.len(), account: kind.told() };
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

    /// The Pod that an address belongs to, or those that share it; where that is not known, what
    /// the Service selects.
    fn behind(
        &self,
        service: &Resource<Service>,
        address: &EndpointAddress,
    ) -> Vec<&'a Resource<Workload>> {
        let named = address.pod.as_deref().map(|pod| (&*service.meta.namespace, pod));
        let pods = match named {
            Some(name) => self.pods.get(&name).map(|pod| vec![*pod]),
            None => self.by_address.get(&*address.host).cloned(),
        };
        pods.unwrap_or_else(|| self.selected(service))
    }

    /// The workloads whose Pods have all labels that the Service selects by.
    fn selected(&self, service: &Resource<Service>) -> Vec<&'a Resource<Workload>> {
        let selector = &service.spec.selector;
        let Some((name, value)) = selector.first_key_value() else { return Vec::new() };
        let first = self.by_label.get(&(&*service.meta.namespace, &**name, &**value));
        let has_all = |workload: &&&Resource<Workload>| {
            let labels = workload.pod_labels();
            selector.iter().all(|(name, value)| labels.get(name) == Some(value))
        };
        first.into_iter().flatten().filter(has_all).copied().collect()
    }
}
