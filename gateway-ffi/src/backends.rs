//! The backends that rules may choose, each with a number of the host's own.

use crate::endpoints::{Accounts, Documents, Listing};
use gateway_core::rules::{EndpointChoice, Forward, RuleSet, Service, ServiceId};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// All of them, in order of their names.
#[derive(Debug)]
pub(crate) struct Backends {
    all: Vec<Backend>,
    /// By Service: ports and choices of endpoints, each with the position of its backend.
    places: Vec<Vec<Place>>,
}

#[derive(Debug)]
pub(crate) struct Backend {
    /// `namespace/name:port`, and `?name=value,…` where the Service is narrowed by labels.
    pub(crate) name: Box<str>,
    user: AtomicU64,
    pub(crate) listing: Box<Listing>,
}

#[derive(Debug)]
struct Place {
    port: u16,
    /// Labels that narrow the Service; none for all of it.
    labels: Labels,
    at: u32,
}

type Labels = Box<[(Box<str>, Box<str>)]>;

impl Backend {
    /// What the host has bound; 0 if nothing.
    pub(crate) fn user(&self) -> u64 {
        // It is a number of its own: nothing else is read because of it.
        self.user.load(Ordering::Relaxed)
    }
}

impl Backends {
    pub(crate) fn of(rules: &RuleSet, documents: &Documents<'_>) -> Self {
        let mut found = Found { rules, names: BTreeMap::new() };
        for listener in &rules.listeners {
            for route in listener.hosts.iter().flat_map(|host| &host.routes) {
                route.action.forwards().for_each(|forward| found.forward(forward));
            }
        }
        let mut places: Vec<Vec<Place>> = rules.services.iter().map(|_| Vec::new()).collect();
        let mut all: Vec<Backend> = Vec::new();
        let mut accounts = Accounts::default();
        for (name, keys) in found.names {
            let at = u32::try_from(all.len()).unwrap_or(u32::MAX);
            // They are called alike, and so mean the same.
            let Some((service, port, labels)) = keys.first() else { continue };
            let listing = Listing::new(rules, documents, (*service, *port), labels, &mut accounts);
            for (service, port, labels) in keys {
                places[service.0 as usize].push(Place { port, labels, at });
            }
            let (name, user) = (name.into(), AtomicU64::new(0));
            all.push(Backend { name, user, listing: Box::new(listing) });
        }
        Self { all, places }
    }

    pub(crate) fn all(&self) -> &[Backend] {
        &self.all
    }

    /// Binds a number to a backend; says whether there is one of that name.
    pub(crate) fn bind(&self, name: &[u8], user: u64) -> bool {
        let Ok(at) = self.all.binary_search_by(|one| one.name.as_bytes().cmp(name)) else {
            return false;
        };
        self.all[at].user.store(user, Ordering::Relaxed);
        true
    }

    /// The backend that `forward` means by a port of the Service that was chosen.
    #[inline(always)]
    pub(crate) fn find(
        &self,
        service: ServiceId,
        port: u16,
        forward: &Forward,
    ) -> Option<&Backend> {
        let places = self.places.get(service.0 as usize)?;
        let labels = labels_of(&forward.settings.endpoints);
        // Most Services have one port, and are not narrowed.
        let place = match places.first() {
            Some(only) if only.port == port && labels.is_empty() && only.labels.is_empty() => only,
            _ => Place::find(places, port, labels)?,
        };
        self.all.get(place.at as usize)
    }
}

impl Place {
    #[inline(never)]
    fn find<'p>(
        places: &'p [Self],
        port: u16,
        labels: &[(Box<str>, Box<str>)],
    ) -> Option<&'p Self> {
        places.iter().find(|place| place.port == port && *place.labels == *labels)
    }
}

fn labels_of(choice: &EndpointChoice) -> &[(Box<str>, Box<str>)] {
    match choice {
        EndpointChoice::Labelled(labels) => labels,
        EndpointChoice::Ready | EndpointChoice::ClusterIp => &[],
    }
}

/// Walks what may be chosen.
struct Found<'r> {
    rules: &'r RuleSet,
    names: BTreeMap<String, Vec<(ServiceId, u16, Labels)>>,
}

impl Found<'_> {
    fn forward(&mut self, forward: &Forward) {
        let target = forward.target;
        self.chosen(target.service, target.port, forward);
        let splits = self.rules.service(target.service).splits.iter();
        for backend in splits.flat_map(|split| &split.backends) {
            self.chosen(backend.service, target.port, forward);
        }
        if let Some(backup) = forward.settings.backup {
            self.add(backup.service, backup.port, forward);
        }
        for mirror in &forward.mirrors {
            let target = mirror.forward.target;
            self.add(target.service, target.port, &mirror.forward);
        }
    }

    /// A Service, and the one that stands in for it.
    fn chosen(&mut self, service: ServiceId, port: u16, forward: &Forward) {
        self.add(service, port, forward);
        let breaker = self.rules.service(service).breaker.as_ref();
        if let Some((fallback, port)) = breaker.and_then(|breaker| breaker.fallback) {
            self.add(fallback, port, forward);
        }
    }

    fn add(&mut self, service: ServiceId, port: u16, forward: &Forward) {
        let Some(known) = self.rules.services.get(service.0 as usize) else { return };
        let labels = labels_of(&forward.settings.endpoints);
        let keys = self.names.entry(name(known, port, labels)).or_default();
        if !keys.iter().any(|(of, at, with)| (*of, *at, &**with) == (service, port, labels)) {
            keys.push((service, port, labels.into()));
        }
    }
}

fn name(service: &Service, port: u16, labels: &[(Box<str>, Box<str>)]) -> String {
    let mut name = format!("{}:{port}", service.name);
    for (at, (label, value)) in labels.iter().enumerate() {
        let before = if at == 0 { '?' } else { ',' };
        name += &format!("{before}{label}={value}");
    }
    name
}
