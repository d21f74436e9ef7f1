//! The table that is in force, with all that carrying out its decisions needs.

mod groups;
mod targets;

use crate::config::Config;
use crate::error::Failure;
use crate::head::Client;
use crate::metrics::{RouteCounters, RouteLabels, WorkerMetrics};
use crate::service_limits::Meters;
use crate::session::Sessions;
use crate::tls::Identity;
use crate::upstream::{Checked, Group, Peer};
use gateway_core::rules::Protocol;
use gateway_core::{Connection, Decision, Endpoints, Forwarding, ListenerKey, Pod, Pods, Router};
use groups::{Groups, Maker};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

/// How connections to a listener are protected.
pub(crate) enum Protection {
    None,
    /// Both sides prove who they are.
    Mutual(Arc<Identity>),
    /// Both would have to, but this proxy has no identity: nobody is let in.
    Missing,
}

/// What a table needs to be carried out.
#[derive(Default)]
pub(crate) struct Surroundings {
    /// The endpoints that documents name.
    pub(crate) endpoints: Endpoints,
    /// The Pods that clients are taken for by their address.
    pub(crate) pods: Pods,
    /// Who this proxy is to others; the same pointer as before where it is as before, since
    /// connections belong to one.
    pub(crate) identity: Option<Arc<Identity>>,
}

/// A routing table and the endpoints of every Service that it can choose. Immutable, but for what
/// is counted.
pub(crate) struct Snapshot {
    pub(crate) router: Router,
    groups: Groups,
    pub(crate) meters: Meters,
    pub(crate) sessions: Sessions,
    /// Who this proxy is to others.
    identity: Option<Arc<Identity>>,
    /// The listeners whose clients have to prove who they are.
    mutual: BTreeSet<ListenerKey>,
    /// Whom callers are taken for by their address.
    pods: Pods,
}

impl Snapshot {
    /// Looks up the endpoints of every Service and port that `router` can choose; those of
    /// `previous` are kept with what is known about them.
    pub(crate) fn new(
        router: Router,
        surroundings: Surroundings,
        config: &Config,
        previous: Option<&Self>,
    ) -> Self {
        let Surroundings { endpoints: documents, pods, identity } = surroundings;
        let groups = Groups::new(&Maker {
            rules: router.rules(),
            documents: &documents,
            config,
            identity: identity.as_ref(),
            previous: previous.map(|p| &p.groups),
        });
        let meters = Meters::new(router.rules(), previous.map(|p| &p.meters));
        let key = config.session_key.as_deref();
        let sessions = Sessions::new(router.rules(), key, previous.map(|p| &p.sessions));
        let secured = router.rules().listeners.iter().filter(|l| l.mutual_tls);
        let mutual = secured.map(|l| ListenerKey { address: l.address, port: l.port }).collect();
        Self { router, groups, meters, sessions, identity, mutual, pods }
    }

    /// How connections to a listener are protected.
    pub(crate) fn protection(&self, listener: &ListenerKey) -> Protection {
        if !self.mutual.contains(listener) {
            return Protection::None;
        }
        match &self.identity {
            Some(identity) => Protection::Mutual(Arc::clone(identity)),
            None => Protection::Missing,
        }
    }

    /// Whether a connection that was made by another snapshot is still protected as its listener
    /// has to be.
    pub(crate) fn covers(&self, connection: &Connection) -> bool {
        connection.protocol == Protocol::Https || !self.mutual.contains(&connection.listener)
    }

    /// Who this proxy is in mutual TLS.
    pub(crate) fn identity(&self) -> Option<Arc<Identity>> {
        self.identity.clone()
    }

    /// The endpoints that a request may be sent to; `mutual_tls` as [`Decision::mutual_tls`] says.
    pub(crate) fn group(&self, to: &Forwarding<'_>, mutual_tls: bool) -> Option<&Arc<Group>> {
        let group = self.groups.of(&to.forward.settings, to.id, to.port, mutual_tls);
        group.filter(|group| !group.is_empty())
    }

    /// The endpoints whose health is checked.
    pub(crate) fn checked(&self) -> Vec<Checked> {
        self.groups.checked()
    }

    /// Whether some decision can lead there.
    pub(crate) fn leads_to(&self, peer: &Peer) -> bool {
        self.groups.lead_to(peer)
    }

    /// Why a request that no endpoint admits is not sent. Nobody learns of rules from a Service
    /// that has no endpoint at all (smi T-17).
    pub(crate) fn denial(&self, denied: &Forwarding<'_>, mutual_tls: bool) -> Failure {
        match self.group(denied, mutual_tls) {
            Some(_) => Failure::Denied,
            None => Failure::NoEndpoint,
        }
    }

    /// The Pod that a client without an identity of its own is taken for.
    pub(crate) fn pod(&self, client: &Client) -> Option<&Arc<Pod>> {
        if client.identity.is_some() { None } else { self.pods.at(client.peer.ip()) }
    }
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
