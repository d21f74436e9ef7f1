//! The table that is in force, with all that carrying out its decisions needs.

use crate::config::Config;
use crate::error::Failure;
use crate::metrics::{RouteCounters, RouteLabels, WorkerMetrics};
use crate::service_limits::Meters;
use crate::tls::Identity;
use crate::upstream::{Address, Circuit, Endpoint, Group, History, Member, Peer};
use gateway_core::rules::{Protocol, RuleSet, Service, ServiceId, ServiceName};
use gateway_core::{Connection, Decision, Endpoints, Forwarding, ListenerKey, Router};
use rustls::ServerConfig;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

/// How connections to a listener are protected.
pub(crate) enum Protection {
    None,
    /// Both sides prove who they are.
    Mutual(Arc<ServerConfig>),
    /// Both would have to, but this proxy has no identity: nobody is let in.
    Missing,
}

/// A routing table and the endpoints of every Service that it can choose. Immutable, but for what
/// is counted.
pub(crate) struct Snapshot {
    pub(crate) router: Router,
    groups: HashMap<(ServiceId, u16), Group>,
    /// By whom they lead to, so that the next snapshot can go on with them.
    endpoints: HashMap<Peer, Arc<Endpoint>>,
    /// What circuit breakers know, alike.
    histories: HashMap<(ServiceName, Peer), Arc<History>>,
    pub(crate) meters: Meters,
    /// Who this proxy is to others.
    identity: Option<Arc<Identity>>,
    /// The listeners whose clients have to prove who they are.
    mutual: BTreeSet<ListenerKey>,
}

impl Snapshot {
    /// Looks up the endpoints of every Service and port that `router` can choose; those of
    /// `previous` are kept with what is known about them. `identity` is who the proxy is to others;
    /// the same pointer as before where it is as before, since connections belong to one.
    #[expect(clippy::mutable_key_type, reason = "identities are compared by their address")]
    pub(crate) fn new(
        router: Router,
        documents: &Endpoints,
        config: &Config,
        identity: Option<Arc<Identity>>,
        previous: Option<&Self>,
    ) -> Self {
        let mut endpoints = HashMap::new();
        let mut histories = HashMap::new();
        let mut groups = HashMap::new();
        for (id, port) in reachable(router.rules()) {
            let service = router.rules().service(id);
            let members = members(service, port, documents, config).into_iter();
            let members = members.map(|(address, workload)| {
                let peer = Peer::plain(address);
                let known = previous.and_then(|p| p.endpoints.get(&peer));
                let new =
                    || known.map_or_else(|| Arc::new(Endpoint::new(peer.clone())), Arc::clone);
                let endpoint = Arc::clone(endpoints.entry(peer.clone()).or_insert_with(new));
                let circuit = service.breaker.as_ref().map(|breaker| {
                    let key = (service.name.clone(), peer);
                    let known = previous.and_then(|p| p.histories.get(&key)).map(Arc::clone);
                    let new = || known.unwrap_or_else(|| Arc::new(History::new()));
                    Circuit::new(breaker, Arc::clone(histories.entry(key).or_insert_with(new)))
                });
                Member { endpoint, workload, circuit }
            });
            groups.insert((id, port), Group::new(members.collect()));
        }
        let meters = Meters::new(router.rules(), previous.map(|p| &p.meters));
        let secured = router.rules().listeners.iter().filter(|l| l.protocol == Protocol::Https);
        let mutual = secured.map(|l| ListenerKey { address: l.address, port: l.port }).collect();
        Self { router, groups, endpoints, histories, meters, identity, mutual }
    }

    /// How connections to a listener are protected.
    pub(crate) fn protection(&self, listener: &ListenerKey) -> Protection {
        if !self.mutual.contains(listener) {
            return Protection::None;
        }
        match &self.identity {
            Some(identity) => Protection::Mutual(identity.server_config()),
            None => Protection::Missing,
        }
    }

    /// Whether a connection that was made by another snapshot is still protected as its listener
    /// has to be.
    pub(crate) fn covers(&self, connection: &Connection) -> bool {
        connection.protocol == Protocol::Https || !self.mutual.contains(&connection.listener)
    }

    /// The endpoints of a Service's port.
    pub(crate) fn group(&self, service: ServiceId, port: u16) -> Option<&Group> {
        self.groups.get(&(service, port)).filter(|group| !group.is_empty())
    }

    /// Why a request that no endpoint admits is not sent. Nobody learns of rules from a Service
    /// that has no endpoint at all (smi T-17).
    pub(crate) fn denial(&self, denied: &Forwarding<'_>) -> Failure {
        match self.group(denied.id, denied.port) {
            Some(_) => Failure::Denied,
            None => Failure::NoEndpoint,
        }
    }
}

/// Every Service and port that some decision can choose.
fn reachable(rules: &RuleSet) -> BTreeSet<(ServiceId, u16)> {
    let mut found = BTreeSet::new();
    let routes = rules.listeners.iter().flat_map(|l| l.hosts.iter()).flat_map(|h| &h.routes);
    for forward in routes.flat_map(|route| route.action.forwards()) {
        let target = forward.target;
        found.insert((target.service, target.port));
        if target.splits {
            let splits = &rules.service(target.service).splits;
            let backends = splits.iter().flat_map(|split| &split.backends);
            found.extend(backends.map(|backend| (backend.service, target.port)));
        }
    }
    // A fallback does not fall back once more.
    let breakers = found.iter().filter_map(|(id, _)| rules.service(*id).breaker.as_ref());
    let fallbacks: Vec<_> = breakers.filter_map(|breaker| breaker.fallback).collect();
    found.extend(fallbacks);
    found
}

/// The endpoints of a Service's port, each with the workload that it belongs to.
fn members(
    service: &Service,
    port: u16,
    documents: &Endpoints,
    config: &Config,
) -> Vec<(Address, usize)> {
    // No document tells who answers there.
    let unknown = documents.unknown(&service.name, port).workload;
    let by_hand = config.services.iter().filter(|s| s.name == service.name && s.port == port);
    let by_hand: Vec<_> = by_hand.flat_map(|s| &s.endpoints).map(|e| (e, unknown)).collect();
    let found = if by_hand.is_empty() {
        let named = documents.of_service(&service.name, port);
        named.iter().map(|e| (e, e.behind.workload)).collect()
    } else {
        by_hand
    };
    // Ports are unknown only where there is neither a document nor an entry by hand.
    let resolved = (found.is_empty() && config.dns && service.ports.is_none()).then(|| {
        let (name, domain) = (&service.name, &config.options.cluster_domain);
        let host = format!("{}.{}.svc.{domain}", name.name, name.namespace);
        (Address::new(&host, port), unknown)
    });
    let found = found.into_iter().map(|(e, workload)| (Address::new(&e.host, e.port), workload));
    found.chain(resolved).collect()
}

/// The snapshot as one thread sees it, with the counters of the routes that it has used.
pub(crate) struct Table {
    pub(crate) snapshot: Arc<Snapshot>,
    counters: RefCell<HashMap<(usize, usize), Arc<RouteCounters>>>,
}

impl Table {
    pub(crate) fn new(snapshot: Arc<Snapshot>) -> Rc<Self> {
        Rc::new(Self { snapshot, counters: RefCell::default() })
    }

    /// The counters of the route that decided.
    pub(crate) fn counters(
        &self,
        decision: &Decision<'_>,
        metrics: &WorkerMetrics,
    ) -> Arc<RouteCounters> {
        // Listeners and routes stay where they are as long as the snapshot lives.
        let listener = decision.listener().map_or(0, |l| std::ptr::from_ref(l).addr());
        let route = decision.route().map_or(0, |r| std::ptr::from_ref(r).addr());
        let host = decision.host().map_or(0, |h| std::ptr::from_ref(h).addr());
        let key = (listener, if route == 0 { host } else { route });
        let mut counters = self.counters.borrow_mut();
        let found = counters.entry(key).or_insert_with(|| metrics.route(RouteLabels::of(decision)));
        Arc::clone(found)
    }
}

#[cfg(test)]
mod tests;
