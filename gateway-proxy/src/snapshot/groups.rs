//! The endpoints of every upstream, and what is known of them from the last table.

use super::speech::Speeches;
use super::targets::{Peers, Target, places, reachable};
use crate::config::Config;
use crate::tls::Identity;
use crate::upstream::{
    Address, Checked, Circuit, Endpoint, Group, History, Member, Peer, Standing,
};
use gateway_core::rules::{
    BackendSettings, Balance, EndpointChoice, FailureLimit, RuleSet, Service, ServiceId,
    ServiceName,
};
use gateway_core::{Behind, Endpoints, ObjectRef};
use hashbrown::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

/// What the endpoints of an upstream are found by: where its settings are, which stay there as long
/// as the rules live, and the Service that was chosen.
type Key = (usize, ServiceId, u16, bool);

/// What an upstream is the same by in another table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Name {
    /// Where its settings stand, and what they are called; `None` for all whose settings ask
    /// nothing of endpoints, which share what is known of those of a Service.
    settings: Option<(Arc<ObjectRef>, Box<str>)>,
    service: ServiceName,
    port: u16,
    mutual_tls: bool,
}

/// The endpoints of every upstream that some decision can choose.
#[derive(Default)]
pub(super) struct Groups {
    by_rule: HashMap<Key, Arc<Group>>,
    by_name: HashMap<Name, Arc<Group>>,
    /// By whom they lead to.
    endpoints: HashMap<Peer, Arc<Endpoint>>,
    /// What circuit breakers know of an endpoint of a Service, spoken to in mutual TLS or not. A
    /// renewed identity does not change how the endpoint fares.
    histories: HashMap<(ServiceName, Address, bool), Arc<History>>,
}

/// What groups are made from.
pub(super) struct Maker<'a> {
    pub(super) rules: &'a RuleSet,
    pub(super) documents: &'a Endpoints,
    pub(super) config: &'a Config,
    pub(super) identity: Option<&'a Arc<Identity>>,
    pub(super) speeches: &'a Speeches,
    pub(super) previous: Option<&'a Groups>,
}

impl Groups {
    /// Those of the rules. What is known of endpoints that stay is kept.
    pub(super) fn new(maker: &Maker<'_>) -> Self {
        let mut groups = Self::default();
        let mut peers = Peers::new(maker.identity);
        for target in reachable(maker.rules) {
            groups.add(&target, maker, &mut peers);
        }
        let last = maker.previous.map(|previous| &previous.endpoints);
        for (peer, endpoint) in last.into_iter().flatten() {
            if !groups.lead_to(peer) {
                endpoint.goes();
            }
        }
        groups
    }

    fn add(&mut self, target: &Target<'_>, maker: &Maker<'_>, peers: &mut Peers<'_>) {
        let &Target { settings, id, port, mutual_tls, .. } = target;
        let service = maker.rules.service(id);
        let name = Name {
            settings: (!asks_nothing(settings))
                .then(|| (Arc::clone(&settings.origin.object), settings.name.clone())),
            service: service.name.clone(),
            port,
            mutual_tls,
        };
        let known = self.by_name.get(&name).map(Arc::clone);
        let group = known.unwrap_or_else(|| {
            let previous = maker.previous.and_then(|p| p.by_name.get(&name)).map(|group| &**group);
            let choice = &settings.endpoints;
            let places = places(choice, service, port, maker.documents, maker.config);
            let is_known = places.is_some();
            let places = places.unwrap_or_default();
            let members = self.members(target, (service, places), previous, maker, peers);
            let has_backup = target.has_backup && self.has_backup(target, maker);
            let settings = Arc::clone(settings);
            let check_tls = maker.speeches.of_checks(&settings);
            let group = Group::new(members, settings, has_backup, previous)
                .checked_in(check_tls)
                .bounded(maker.config.hash_balance.map(NonZeroU32::get));
            let group = Arc::new(if is_known { group } else { group.unknown() });
            self.by_name.insert(name, Arc::clone(&group));
            group
        });
        self.by_rule.insert(target.key(), group);
    }

    /// Whether the backup has endpoints, which are looked up before those that it stands in for.
    fn has_backup(&self, target: &Target<'_>, maker: &Maker<'_>) -> bool {
        target.backup(maker.rules).is_some_and(|backup| {
            self.by_rule.get(&backup.key()).is_some_and(|group| !group.is_empty())
        })
    }

    fn members(
        &mut self,
        target: &Target<'_>,
        (service, places): (&Service, Vec<(Address, Behind)>),
        previous: Option<&Group>,
        maker: &Maker<'_>,
        peers: &mut Peers<'_>,
    ) -> Vec<Member> {
        let mutual_tls = target.mutual_tls;
        let standings = previous.map(Group::standings);
        let Self { endpoints, histories, .. } = self;
        let members = places.into_iter().filter_map(|(address, behind)| {
            let workload = behind.workload;
            let standing = match &standings {
                Some(known) => known.get(&address).map(|standing| Arc::clone(standing)),
                None => Some(Arc::new(Standing::new())),
            };
            let standing = standing.unwrap_or_else(|| Arc::new(Standing::late()));
            let peer = match mutual_tls {
                true => peers.mutual(address, behind)?,
                false => Peer::plain(address),
            };
            let known = maker.previous.and_then(|p| p.endpoints.get(&peer));
            let new = || known.map_or_else(|| Arc::new(Endpoint::new(peer.clone())), Arc::clone);
            let endpoint = Arc::clone(endpoints.entry(peer.clone()).or_insert_with(new));
            let circuit = service.breaker.as_ref().map(|breaker| {
                let key = (service.name.clone(), peer.address, mutual_tls);
                let known = maker.previous.and_then(|p| p.histories.get(&key)).map(Arc::clone);
                let new = || known.unwrap_or_else(|| Arc::new(History::new()));
                Circuit::new(breaker, Arc::clone(histories.entry(key).or_insert_with(new)))
            });
            Some(Member { endpoint, standing, workload, circuit })
        });
        members.collect()
    }

    /// The endpoints that are checked.
    pub(super) fn checked(&self) -> Vec<Checked> {
        let of_group = |(name, group): (&Name, &'_ Arc<Group>)| {
            let service: Arc<str> = format!("{}:{}", name.service, name.port).into();
            Checked::of(group, &service).collect::<Vec<_>>()
        };
        self.by_name.iter().flat_map(of_group).collect()
    }

    /// Whether some upstream has the endpoint.
    pub(super) fn lead_to(&self, peer: &Peer) -> bool {
        self.endpoints.contains_key(peer)
    }

    /// Every upstream with one endpoint, or none.
    #[cfg(test)]
    pub(super) fn alike(rules: &RuleSet, peer: Option<&Peer>) -> Self {
        let member = |peer: &Peer| Member {
            endpoint: Arc::new(Endpoint::new(peer.clone())),
            standing: Arc::new(Standing::new()),
            workload: 0,
            circuit: None,
        };
        let members = || peer.into_iter().map(member).collect();
        let group = |target: &Target<'_>| {
            Arc::new(Group::new(members(), Arc::clone(target.settings), false, None))
        };
        let targets = reachable(rules).into_iter();
        let by_rule = targets.map(|target| (target.key(), group(&target))).collect();
        let new = |peer: &Peer| (peer.clone(), Arc::new(Endpoint::new(peer.clone())));
        let endpoints = peer.into_iter().map(new).collect();
        Self { by_rule, endpoints, ..Self::default() }
    }

    /// The endpoints of a Service's port, as an upstream asks them.
    pub(super) fn of(
        &self,
        settings: &Arc<BackendSettings>,
        service: ServiceId,
        port: u16,
        mutual_tls: bool,
    ) -> Option<&Arc<Group>> {
        self.by_rule.get(&(Arc::as_ptr(settings).addr(), service, port, mutual_tls))
    }
}

impl Target<'_> {
    pub(super) fn key(&self) -> Key {
        (Arc::as_ptr(self.settings).addr(), self.id, self.port, self.mutual_tls)
    }
}

/// Whether all that is asked of endpoints is what is asked unless something is written.
fn asks_nothing(settings: &BackendSettings) -> bool {
    settings.balance == Balance::RoundRobin
        && settings.endpoints == EndpointChoice::Ready
        && settings.failure_limit == FailureLimit::default()
        && settings.backup.is_none()
        && settings.session_cookie.is_none()
        && settings.health_check.is_none()
        && settings.slow_start.is_none()
        && settings.max_connections.is_none()
        && settings.queue.is_none()
        && settings.keepalive.is_none()
}
