//! The Services that rules name.

use super::Options;
use crate::diagnostic::did_you_mean_object;
use crate::origin::Origin;
use crate::resource::Resources;
use crate::rules::{
    Access, CircuitBreaker, PortSpeech, Service, ServiceId, ServiceLimit, ServiceName, ServiceSplit,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Interns Services and knows which of them exist.
pub(crate) struct Services {
    list: Vec<Service>,
    by_name: BTreeMap<ServiceName, ServiceId>,
    /// Port numbers of those that exist.
    known: BTreeMap<ServiceName, Vec<u16>>,
    bypasses: Vec<(ServiceId, &'static str, Origin)>,
    /// Whether others are taken to exist, with every port.
    assume: bool,
    /// Those behind proxies that speak mutual TLS.
    mutual: BTreeSet<ServiceName>,
    /// Those whose documents are wrong. Nobody knows what they would ask of callers and of
    /// connections, so that they do not exist, whoever brings endpoints.
    refused: BTreeSet<ServiceName>,
}

impl Services {
    pub(super) fn new(resources: &Resources, options: &Options) -> Self {
        let mut known: BTreeMap<ServiceName, Vec<u16>> = resources.service_ports();
        for (name, port) in &options.known_services {
            let ports = known.entry(name.clone()).or_default();
            if !ports.contains(port) {
                ports.push(*port);
            }
        }
        let assume = options.assume_services.unwrap_or(known.is_empty());
        let mutual = resources.services().filter(|service| service.spec.mutual_tls);
        let mutual = mutual.map(|s| ServiceName::new(&s.meta.namespace, &s.meta.name)).collect();
        let refused = resources.refused().iter().filter_map(|refused| refused.object.as_deref());
        let refused = refused.filter(|object| *object.kind == *"Service");
        let refused = refused.map(|object| ServiceName::new(&object.namespace, &object.name));
        let refused: BTreeSet<_> =
            refused.filter(|name| resources.service(name).is_none()).collect();
        known.retain(|name, _| !refused.contains(name));
        let (list, by_name, bypasses) = (Vec::new(), BTreeMap::new(), Vec::new());
        Self { list, by_name, known, bypasses, assume, mutual, refused }
    }

    /// The index of the Service of this name, which need not exist.
    pub(crate) fn id(&mut self, name: &ServiceName) -> ServiceId {
        if let Some(id) = self.by_name.get(name) {
            return *id;
        }
        let id = ServiceId(self.list.len() as u32);
        let ports = self.known.get(name).cloned();
        let exists = ports.is_some() || self.assume && !self.refused.contains(name);
        let mutual_tls = self.mutual.contains(name);
        self.list.push(Service { exists, mutual_tls, ..Service::new(name.clone(), ports) });
        self.by_name.insert(name.clone(), id);
        id
    }

    /// The name behind an index.
    pub(crate) fn named_by(&self, id: ServiceId) -> &ServiceName {
        &self.list[id.0 as usize].name
    }

    /// What is known of a Service.
    pub(crate) fn service(&mut self, name: &ServiceName) -> &Service {
        self.named(name)
    }

    /// Whether some rule names it.
    pub(super) fn is_named(&self, name: &ServiceName) -> bool {
        self.by_name.contains_key(name)
    }

    /// Which Service was meant by a name that there is none of.
    pub(crate) fn meant(&self, name: &ServiceName) -> Option<String> {
        did_you_mean_object(&name.namespace, &name.name, |namespace| {
            let known = self.known.range(ServiceName::new(namespace, "")..);
            known.map(|(name, _)| (&*name.namespace, &*name.name))
        })
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

    /// The names of the Services that rules name.
    pub(crate) fn names(&self) -> Vec<ServiceName> {
        self.by_name.keys().cloned().collect()
    }

    /// Says which ports of a Service have a ready endpoint.
    pub(crate) fn set_ready(&mut self, name: &ServiceName, ports: Vec<u16>) {
        self.named(name).ready = Some(ports);
    }

    /// Says who may call a Service.
    pub(crate) fn set_access(&mut self, name: &ServiceName, access: Access) {
        self.named(name).access = Some(Arc::new(access));
    }

    /// Says how ports of a Service are spoken to.
    pub(crate) fn set_speech(&mut self, name: &ServiceName, speech: Vec<PortSpeech>) {
        self.named(name).speech = speech;
    }

    /// Gives a Service its limits.
    pub(crate) fn set_limits(&mut self, name: &ServiceName, limits: Vec<Arc<ServiceLimit>>) {
        self.named(name).limits = limits;
    }

    /// Gives a Service its circuit breaker.
    pub(crate) fn set_breaker(&mut self, name: &ServiceName, breaker: CircuitBreaker) {
        self.named(name).breaker = Some(Arc::new(breaker));
    }

    fn named(&mut self, name: &ServiceName) -> &mut Service {
        let id = self.id(name);
        &mut self.list[id.0 as usize]
    }

    pub(super) fn into_list(self) -> Vec<Service> {
        self.list
    }
}
