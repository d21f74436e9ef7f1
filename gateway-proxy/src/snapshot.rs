//! The table that is in force, with all that carrying out its decisions needs.

mod groups;
mod speech;
mod targets;

use crate::certificates::Sections;
use crate::config::Config;
use crate::error::Failure;
use crate::head::Client;
use crate::metrics::{RouteCounters, RouteLabels, ServiceCounters, WorkerMetrics};
use crate::service_limits::Meters;
use crate::session::Sessions;
use crate::tls::{ClientVerdict, Identity, Section};
use crate::upstream::{Checked, Group, Peer, Speech};
use gateway_core::rules::{HostPattern, Protocol, ServiceId};
use gateway_core::{
    Connection, Decision, Endpoints, Forwarding, ListenerKey, Outcome, Pod, Pods, Router,
};
use groups::{Groups, Maker};
use hashbrown::HashMap;
use speech::Speeches;
pub use speech::unspeakable;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

/// How connections to a listener are protected.
pub(crate) enum Protection {
    None,
    /// By TLS.
    Tls(Security),
    /// Both sides would have to prove who they are, but this proxy has no identity: nobody is let
    /// in.
    Missing,
}

/// How TLS begins at a listener.
pub(crate) enum Security {
    /// Both sides prove who they are.
    Mutual(Arc<Identity>),
    /// The server name decides ([`Snapshot::section`]).
    ByName,
}

/// A request came on a connection that was opened for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WrongConnection;

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
    /// How TLS ends for the hosts of listeners.
    pub(crate) sections: Sections,
}

/// A routing table and the endpoints of every Service that it can choose. Immutable, but for what
/// is counted.
pub(crate) struct Snapshot {
    pub(crate) router: Router,
    groups: Groups,
    pub(crate) meters: Meters,
    speeches: Speeches,
    pub(crate) sessions: Sessions,
    /// Who this proxy is to others.
    identity: Option<Arc<Identity>>,
    /// The listeners whose clients have to prove who they are.
    mutual: BTreeSet<ListenerKey>,
    /// How TLS ends at the other HTTPS listeners.
    sections: Sections,
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
        let Surroundings { endpoints: documents, pods, identity, sections } = surroundings;
        let speeches = Speeches::new(router.rules(), previous.map(|p| &p.speeches));
        let groups = Groups::new(&Maker {
            rules: router.rules(),
            documents: &documents,
            config,
            identity: identity.as_ref(),
            speeches: &speeches,
            previous: previous.map(|p| &p.groups),
        });
        let meters = Meters::new(router.rules(), previous.map(|p| &p.meters));
        let key = config.session_key.as_deref();
        let sessions = Sessions::new(router.rules(), key, previous.map(|p| &p.sessions));
        let secured = router.rules().listeners.iter().filter(|l| l.mutual_tls);
        let mutual = secured.map(|l| ListenerKey { address: l.address, port: l.port }).collect();
        Self { router, groups, meters, speeches, sessions, identity, mutual, sections, pods }
    }

    /// How connections to a listener are protected.
    pub(crate) fn protection(&self, listener: &ListenerKey) -> Protection {
        if self.sections.contains_key(listener) {
            return Protection::Tls(Security::ByName);
        }
        if !self.mutual.contains(listener) {
            return Protection::None;
        }
        match &self.identity {
            Some(identity) => Protection::Tls(Security::Mutual(Arc::clone(identity))),
            None => Protection::Missing,
        }
    }

    /// Whether the connection of a client, which another snapshot may have let in, is protected as
    /// its listener has to be.
    pub(crate) fn covers(&self, client: &Client) -> bool {
        let Connection { listener, protocol, .. } = &client.connection;
        if self.mutual.contains(listener) {
            client.identity.is_some()
        } else {
            *protocol == Protocol::Https || !self.sections.contains_key(listener)
        }
    }

    /// How TLS ends for a host of a listener; `None` where every handshake fails.
    pub(crate) fn section(
        &self,
        listener: &ListenerKey,
        host: &HostPattern,
    ) -> Option<&Arc<Section>> {
        self.sections.get(listener)?.get(host)
    }

    /// Whether a client, which another snapshot may have let in, may ask the host that `decision`
    /// has found: where its handshakes fail without a valid certificate, this one has had one.
    pub(crate) fn lets_in(&self, client: &Client, decision: &Decision<'_>) -> bool {
        let asked = decision.host().and_then(|host| host.tls.as_ref()?.clients.as_ref());
        asked.is_none_or(|asked| asked.insecure_fallback)
            || self.judge(client, decision) == Ok(ClientVerdict::Valid)
    }

    /// What the certificate of a client is worth to the host that `decision` has found
    /// (virtualserver §16.6).
    ///
    /// # Errors
    ///
    /// When the client has been asked for it by somebody else, or by nobody: it may ask again on
    /// another connection.
    pub(crate) fn judge(
        &self,
        client: &Client,
        decision: &Decision<'_>,
    ) -> Result<ClientVerdict, WrongConnection> {
        let (Some(session), Some(host)) = (&client.session, decision.host()) else {
            return Err(WrongConnection);
        };
        let listener = client.connection.listener;
        let opened_for = self.router.server_name(listener, &session.server_name);
        if !session.is_asked || opened_for.is_none_or(|of| of.section != host.section) {
            return Err(WrongConnection);
        }
        let section = self.section(&listener, &host.hostname);
        let check = section.and_then(|section| section.clients()).ok_or(WrongConnection)?;
        Ok(session.judge(check))
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

    /// How the backend of a decision is spoken to.
    ///
    /// # Errors
    ///
    /// Where that cannot be done as documents ask.
    pub(crate) fn speech(
        &self,
        decision: &Decision<'_>,
        to: &Forwarding<'_>,
    ) -> Result<Speech, Failure> {
        self.speeches.of(decision, to).ok_or(Failure::Tls)
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
    pub(crate) fn pod(&self, client: &Client, peer: IpAddr) -> Option<&Arc<Pod>> {
        if client.identity.is_some() { None } else { self.pods.at(peer) }
    }
}

/// The snapshot as one thread sees it, with the counters of what it has used.
pub(crate) struct Table {
    pub(crate) snapshot: Arc<Snapshot>,
    counters: RefCell<HashMap<Decided, Arc<RouteCounters>>>,
    services: RefCell<HashMap<ServiceId, Arc<ServiceCounters>>>,
}

/// The listener and the route that decided, or else the host, by their addresses, and the Service.
type Decided = (usize, usize, Option<ServiceId>);

impl Table {
    pub(crate) fn new(snapshot: Arc<Snapshot>) -> Rc<Self> {
        Rc::new(Self { snapshot, counters: RefCell::default(), services: RefCell::default() })
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
        let service = match decision.admitted() {
            Outcome::Forward(to) | Outcome::Deny(to) => Some(to.id),
            Outcome::Redirect(_) | Outcome::Respond(_) | Outcome::NoRoute(_) => None,
        };
        let key = (listener, if route == 0 { host } else { route }, service);
        let mut counters = self.counters.borrow_mut();
        let found = counters.entry(key).or_insert_with(|| metrics.route(RouteLabels::of(decision)));
        Arc::clone(found)
    }

    /// The counters of a Service.
    pub(crate) fn service(&self, id: ServiceId, metrics: &WorkerMetrics) -> Arc<ServiceCounters> {
        let mut services = self.services.borrow_mut();
        let new = || metrics.service(&self.snapshot.router.rules().service(id).name);
        Arc::clone(services.entry(id).or_insert_with(new))
    }
}

#[cfg(test)]
mod tests;
