//! The table that is in force, with all that carrying out its decisions needs.

use crate::config::Config;
use crate::metrics::{RouteCounters, RouteLabels, WorkerMetrics};
use crate::tls::Identity;
use crate::upstream::{Address, Endpoint, Group, Peer};
use gateway_core::rules::{Protocol, RuleSet, ServiceId};
use gateway_core::{Connection, Decision, Endpoints, ListenerKey, Router};
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
        let mut groups = HashMap::new();
        for (service, port) in reachable(router.rules()) {
            let addresses = addresses(router.rules(), service, port, documents, config);
            let group = addresses.into_iter().map(|address| {
                let peer = Peer::plain(address);
                let known = previous.and_then(|p| p.endpoints.get(&peer));
                let new =
                    || known.map_or_else(|| Arc::new(Endpoint::new(peer.clone())), Arc::clone);
                Arc::clone(endpoints.entry(peer.clone()).or_insert_with(new))
            });
            groups.insert((service, port), Group::new(group.collect()));
        }
        let secured = router.rules().listeners.iter().filter(|l| l.protocol == Protocol::Https);
        let mutual = secured.map(|l| ListenerKey { address: l.address, port: l.port }).collect();
        Self { router, groups, endpoints, identity, mutual }
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
        self.groups.get(&(service, port)).filter(|group| group.len() > 0)
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
    found
}

fn addresses(
    rules: &RuleSet,
    service: ServiceId,
    port: u16,
    documents: &Endpoints,
    config: &Config,
) -> Vec<Address> {
    let service = rules.service(service);
    let by_hand = config.services.iter().filter(|s| s.name == service.name && s.port == port);
    let by_hand: Vec<_> = by_hand.flat_map(|s| &s.endpoints).collect();
    let found: Vec<&gateway_core::Endpoint> = if by_hand.is_empty() {
        documents.of_service(&service.name, port).iter().collect()
    } else {
        by_hand
    };
    // Ports are unknown only where there is neither a document nor an entry by hand.
    if found.is_empty() && config.dns && service.ports.is_none() {
        let (name, domain) = (&service.name, &config.options.cluster_domain);
        let host = format!("{}.{}.svc.{domain}", name.name, name.namespace);
        return vec![Address::new(&host, port)];
    }
    found.into_iter().map(|endpoint| Address::new(&endpoint.host, endpoint.port)).collect()
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
