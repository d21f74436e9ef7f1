//! Where decisions can lead: which Services, where their endpoints are, and how they are spoken to.

use crate::config::Config;
use crate::tls::{Identity, SpiffeId};
use crate::upstream::{Address, Peer, PeerTls};
use gateway_core::rules::{
    BackendSettings, EndpointChoice, Forward, Listener, Route, RuleSet, Service, ServiceId,
    UpstreamTarget,
};
use gateway_core::{Behind, Endpoints};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// An upstream that some decision can choose.
#[derive(Clone, Copy)]
pub(super) struct Target<'r> {
    pub(super) settings: &'r Arc<BackendSettings>,
    /// The Service that was chosen in the end.
    pub(super) id: ServiceId,
    pub(super) port: u16,
    /// Whether it is spoken to in mutual TLS.
    pub(super) mutual_tls: bool,
    /// Whether the backup of `settings` stands in for it.
    pub(super) has_backup: bool,
    listener: &'r Listener,
    addressed: ServiceId,
}

impl<'r> Target<'r> {
    /// What stands in for it while none of its endpoints works.
    pub(super) fn backup(&self, rules: &RuleSet) -> Option<Self> {
        let backup = self.settings.backup.filter(|_| self.has_backup)?;
        Some(self.instead(backup.service, backup.port, rules))
    }

    /// Another Service in its place, which nothing stands in for.
    fn instead(&self, id: ServiceId, port: u16, rules: &RuleSet) -> Self {
        let service = rules.service(id);
        let mutual_tls = self.listener.calls_in_mutual_tls(self.addressed, id, service);
        Self { id, port, mutual_tls, has_backup: false, ..*self }
    }
}

/// Every upstream that some decision can choose. What stands in for one comes before it.
pub(super) fn reachable(rules: &RuleSet) -> Vec<Target<'_>> {
    let mut found = Vec::new();
    // Many routes lead to the same ones.
    let mut known = HashSet::new();
    for listener in &rules.listeners {
        let routes = listener.hosts.iter().flat_map(|host| &host.routes);
        for forward in routes.flat_map(forwards) {
            let UpstreamTarget { service: addressed, port, .. } = forward.target;
            let settings = &forward.settings;
            for id in chosen(rules, forward) {
                let service = rules.service(id);
                let mutual_tls = listener.calls_in_mutual_tls(addressed, id, service);
                let has_backup = settings.backup.is_some();
                let target =
                    Target { settings, id, port, mutual_tls, has_backup, listener, addressed };
                let fallback = service.breaker.as_ref().and_then(|breaker| breaker.fallback);
                let fallback = fallback.map(|(id, port)| target.instead(id, port, rules));
                let all = target.backup(rules).into_iter().chain(fallback).chain([target]);
                found.extend(all.filter(|target| known.insert((target.key(), target.has_backup))));
            }
        }
    }
    found
}

/// Every way in which a route can send a request on, or a copy of it.
pub(super) fn forwards(route: &Route) -> impl Iterator<Item = &Forward> {
    route.action.forwards().flat_map(|forward| {
        let copies = forward.mirrors.iter().map(|mirror| &*mirror.forward);
        std::iter::once(forward).chain(copies)
    })
}

/// Every Service that a rule can choose, before anything stands in for it.
fn chosen<'r>(rules: &'r RuleSet, forward: &Forward) -> impl Iterator<Item = ServiceId> + 'r {
    let UpstreamTarget { service: addressed, splits, .. } = forward.target;
    let splits = rules.service(addressed).splits.iter().filter(move |_| splits);
    splits.flat_map(|split| &split.backends).map(|backend| backend.service).chain([addressed])
}

/// Every Service and port that a rule can send requests to.
pub(super) fn reached(rules: &RuleSet, forward: &Forward) -> Vec<(ServiceId, u16)> {
    let backup = forward.settings.backup.map(|backup| (backup.service, backup.port));
    let chosen = chosen(rules, forward).flat_map(|id| {
        // A fallback does not fall back once more.
        let fallback = rules.service(id).breaker.as_ref().and_then(|breaker| breaker.fallback);
        std::iter::once((id, forward.target.port)).chain(fallback)
    });
    chosen.chain(backup).collect()
}

/// Where the endpoints of a Service's port listen, and who answers there; `None` where documents do
/// not tell which of them are meant: to send to others would be a wrong route.
pub(super) fn places(
    choice: &EndpointChoice,
    service: &Service,
    port: u16,
    documents: &Endpoints,
    config: &Config,
) -> Option<Vec<(Address, Behind)>> {
    match choice {
        EndpointChoice::Ready => Some(all_places(service, port, documents, config)),
        EndpointChoice::ClusterIp => cluster_ip(service, port, documents, config),
        EndpointChoice::Labelled(labels) => {
            let all = all_places(service, port, documents, config);
            Behind::narrow(all, |(_, behind)| behind, labels)
        }
    }
}

/// The Service's own address, as endpoint. Whoever answers there, some workload may not admit.
fn cluster_ip(
    service: &Service,
    port: u16,
    documents: &Endpoints,
    config: &Config,
) -> Option<Vec<(Address, Behind)>> {
    if service.access.is_some() {
        return None;
    }
    // What is given by hand, or resolved by DNS, is the address already.
    let Some(address) = documents.cluster_ip(&service.name) else {
        return Some(match documents.of_service(&service.name, port) {
            [] => all_places(service, port, documents, config),
            _ => Vec::new(),
        });
    };
    let by_hand = by_hand(service, port, config).next().is_some();
    Some(match by_hand {
        true => all_places(service, port, documents, config),
        false => {
            let address = Address::Socket((address, port).into());
            vec![(address, documents.unknown(&service.name, port))]
        }
    })
}

/// The endpoints that are given by hand.
fn by_hand<'c>(
    service: &Service,
    port: u16,
    config: &'c Config,
) -> impl Iterator<Item = &'c gateway_core::Endpoint> {
    let named = config.services.iter().filter(move |s| s.name == service.name && s.port == port);
    named.flat_map(|s| &s.endpoints)
}

fn all_places(
    service: &Service,
    port: u16,
    documents: &Endpoints,
    config: &Config,
) -> Vec<(Address, Behind)> {
    // No document tells who answers there.
    let unknown = documents.unknown(&service.name, port);
    let mut by_hand = by_hand(service, port, config).peekable();
    if by_hand.peek().is_some() {
        let place = |endpoint: &gateway_core::Endpoint| {
            let mut behind = unknown.clone();
            if let Some(told) = &endpoint.behind.account {
                behind.account = Some(Arc::clone(told));
            }
            (Address::new(&endpoint.host, endpoint.port), behind)
        };
        return by_hand.map(place).collect();
    }
    let named = documents.of_service(&service.name, port);
    // Ports are unknown only where there is neither a document nor an entry by hand.
    if named.is_empty() && config.dns && service.ports.is_none() {
        let (name, domain) = (&service.name, &config.options.cluster_domain);
        let host = format!("{}.{}.svc.{domain}", name.name, name.namespace);
        return vec![(Address::new(&host, port), unknown)];
    }
    named.iter().map(|e| (Address::new(&e.host, e.port), e.behind.clone())).collect()
}

/// Those to whom this proxy proves who it is.
pub(super) struct Peers<'a> {
    own: Option<&'a Arc<Identity>>,
    known: HashMap<Option<SpiffeId>, Arc<PeerTls>>,
}

impl<'a> Peers<'a> {
    pub(super) fn new(own: Option<&'a Arc<Identity>>) -> Self {
        Self { own, known: HashMap::new() }
    }

    /// Whoever runs as the service account that documents tell, or any workload of the own trust
    /// domain. `None` where one of the two has no identity: nothing is sent there.
    pub(super) fn mutual(&mut self, address: Address, behind: Behind) -> Option<Peer> {
        let own = self.own?;
        let expected = match behind.account {
            Some(account) => Some(own.workload(&account.namespace, &account.name).ok()?),
            None => None,
        };
        let new = || Arc::new(PeerTls::new(Arc::clone(own), expected.clone()));
        let tls = self.known.entry(expected.clone()).or_insert_with(new);
        Some(Peer { address, tls: Some(Arc::clone(tls)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::rules::{CircuitBreaker, ServiceName};
    use gateway_core::{Inbound, Options, Resources, translate};
    use std::time::Duration;

    #[test]
    fn plain_http_goes_to_the_own_workload_alone() {
        // smi N-10
        let service = |name: &str| {
            format!(
                "{{apiVersion: v1, kind: Service, metadata: {{name: {name}, annotations: \
                 {{gateway/mutual-tls: 'true'}}}}, spec: {{ports: [{{port: 80}}]}}}}\n---\n"
            )
        };
        let mut resources = Resources::new();
        resources.add_yaml("f", service("tea") + &service("spare"));
        let inbound = |name, address: &str| Inbound {
            service: ServiceName::new("default", name),
            port: 80,
            address: address.parse().unwrap(),
        };
        let both = vec![inbound("tea", "127.0.0.1:1"), inbound("spare", "127.0.0.1:2")];
        let mut rules =
            translate(&resources, &Options { inbound: both, ..Options::default() }).rules;
        rules.listeners.retain(|listener| listener.port == 1);
        let named = |name: &str| {
            let at = rules.services.iter().position(|service| &*service.name.name == name);
            ServiceId(at.unwrap() as u32)
        };
        let (tea, spare) = (named("tea"), named("spare"));
        let reached = |rules: &RuleSet| {
            let targets = reachable(rules);
            targets.iter().map(|t| (t.id, t.port, t.mutual_tls)).collect::<Vec<_>>()
        };
        assert_eq!(reached(&rules), [(tea, 80, false)]);
        let breaker = CircuitBreaker {
            errors: 1,
            window: Duration::from_secs(1),
            counts_5xx: false,
            fallback: Some((spare, 80)),
            origin: rules.listeners[0].origin.clone(),
        };
        Arc::make_mut(&mut rules.services)[tea.0 as usize].breaker = Some(Arc::new(breaker));
        assert_eq!(reached(&rules), [(spare, 80, true), (tea, 80, false)]);
    }
}
