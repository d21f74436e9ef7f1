//! The Services that rules name.

use super::Options;
use crate::origin::Origin;
use crate::resource::Resources;
use crate::rules::{Service, ServiceId, ServiceName, ServiceSplit};
use std::collections::BTreeMap;

/// Interns Services and knows which of them exist.
pub(crate) struct Services {
    list: Vec<Service>,
    by_name: BTreeMap<ServiceName, ServiceId>,
    /// Port numbers of those that exist.
    known: BTreeMap<ServiceName, Vec<u16>>,
    bypasses: Vec<(ServiceId, &'static str, Origin)>,
    /// Whether others are taken to exist, with every port.
    assume: bool,
}

impl Services {
    pub(super) fn new(resources: &Resources, options: &Options) -> Self {
        let mut known: BTreeMap<ServiceName, Vec<u16>> = resources.service_ports();
        for (name, port) in &options.known_services {
            known.entry(name.clone()).or_default().push(*port);
        }
        let assume = options.assume_services.unwrap_or(known.is_empty());
        Self { list: Vec::new(), by_name: BTreeMap::new(), known, bypasses: Vec::new(), assume }
    }

    /// The index of the Service of this name, which need not exist.
    pub(crate) fn id(&mut self, name: &ServiceName) -> ServiceId {
        if let Some(id) = self.by_name.get(name) {
            return *id;
        }
        let id = ServiceId(self.list.len() as u32);
        let ports = self.known.get(name).cloned();
        let exists = ports.is_some() || self.assume;
        self.list.push(Service { exists, ..Service::new(name.clone(), ports) });
        self.by_name.insert(name.clone(), id);
        id
    }

    /// What is known of a Service.
    pub(crate) fn service(&mut self, name: &ServiceName) -> &Service {
        let id = self.id(name);
        &self.list[id.0 as usize]
    }

    /// The names of the Services of a namespace that a document or an option brings, for hints.
    pub(crate) fn names_in(&self, namespace: &str) -> impl Iterator<Item = &str> {
        let names = self.known.range(ServiceName::new(namespace, "")..).map(|(name, _)| name);
        names.take_while(move |name| *name.namespace == *namespace).map(|name| &*name.name)
    }

    /// Notes that requests are sent to a Service past its TrafficSplits (smi R-1), by the field
    /// `by` at `origin`.
    pub(crate) fn bypass(&mut self, service: ServiceId, by: &'static str, origin: Origin) {
        self.bypasses.push((service, by, origin));
    }

    /// Where TrafficSplits are bypassed, by what, and the name of their root.
    pub(crate) fn bypassed(&self) -> impl Iterator<Item = (&ServiceName, &'static str, &Origin)> {
        let services = self.bypasses.iter().map(|(id, by, at)| (&self.list[id.0 as usize], by, at));
        let with_splits = services.filter(|(service, ..)| !service.splits.is_empty());
        with_splits.map(|(service, by, at)| (&service.name, *by, at))
    }

    /// Gives a root Service its TrafficSplits, in order of precedence.
    pub(crate) fn set_splits(&mut self, root: ServiceId, splits: Vec<ServiceSplit>) {
        self.list[root.0 as usize].splits = splits;
    }

    pub(super) fn into_list(self) -> Vec<Service> {
        self.list
    }
}
