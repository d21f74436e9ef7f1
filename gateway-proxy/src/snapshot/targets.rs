//! Where decisions can lead: which Services, where their endpoints are, and how they are spoken to.

use crate::config::Config;
use crate::tls::{Identity, SpiffeId};
use crate::upstream::{Address, Peer, PeerTls};
use gateway_core::rules::{BackendSettings, Listener, RuleSet, Service, ServiceId, UpstreamTarget};
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
        for forward in routes.flat_map(|route| route.action.forwards()) {
            let UpstreamTarget { service: addressed, port, splits } = forward.target;
            let settings = &forward.settings;
            let splits = rules.service(addressed).splits.iter().filter(|_| splits);
            let backends = splits.flat_map(|split| &split.backends).map(|backend| backend.service);
            for id in backends.chain([addressed]) {
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

/// Where the endpoints of a Service's port listen, and who answers there.
pub(super) fn places(
    service: &Service,
    port: u16,
    documents: &Endpoints,
    config: &Config,
) -> Vec<(Address, Behind)> {
    // No document tells who answers there.
    let unknown = documents.unknown(&service.name, port);
    let by_hand = config.services.iter().filter(|s| s.name == service.name && s.port == port);
    let by_hand: Vec<_> = by_hand.flat_map(|s| &s.endpoints).collect();
    if !by_hand.is_empty() {
        let place = |endpoint: &gateway_core::Endpoint| {
            let told = endpoint.behind.account.clone();
            let account = told.or_else(|| unknown.account.clone());
            (Address::new(&endpoint.host, endpoint.port), Behind { account, ..unknown })
        };
        return by_hand.into_iter().map(place).collect();
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
