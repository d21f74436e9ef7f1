//! Where decisions can lead: which Services, where their endpoints are, and how they are spoken to.

use crate::config::Config;
use crate::tls::{Identity, SpiffeId};
use crate::upstream::{Address, Peer, PeerTls};
use gateway_core::rules::{Forward, Route, RuleSet, Service, ServiceId};
use gateway_core::{Behind, Endpoints};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A Service, its port, and whether it is spoken to in mutual TLS.
pub(super) type Target = (ServiceId, u16, bool);

/// Every Service and port that some decision can choose.
pub(super) fn reachable(rules: &RuleSet) -> BTreeSet<Target> {
    let mut found = BTreeSet::new();
    for listener in &rules.listeners {
        let routes = listener.hosts.iter().flat_map(|host| &host.routes);
        for forward in routes.flat_map(forwards) {
            found.extend(reached(rules, forward).into_iter().map(|(id, port)| {
                let service = rules.service(id);
                (id, port, listener.calls_in_mutual_tls(forward.target.service, id, service))
            }));
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

/// Every Service and port that a rule can send requests to.
pub(super) fn reached(rules: &RuleSet, forward: &Forward) -> Vec<(ServiceId, u16)> {
    let addressed = forward.target;
    let splits = &rules.service(addressed.service).splits;
    let splits = splits.iter().filter(|_| addressed.splits);
    let backends = splits.flat_map(|split| &split.backends).map(|backend| backend.service);
    let chosen = backends.chain([addressed.service]).flat_map(|id| {
        // A fallback does not fall back once more.
        let fallback = rules.service(id).breaker.as_ref().and_then(|breaker| breaker.fallback);
        std::iter::once((id, addressed.port)).chain(fallback)
    });
    chosen.collect()
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
        assert_eq!(reachable(&rules), BTreeSet::from([(tea, 80, false)]));
        let breaker = CircuitBreaker {
            errors: 1,
            window: Duration::from_secs(1),
            counts_5xx: false,
            fallback: Some((spare, 80)),
            origin: rules.listeners[0].origin.clone(),
        };
        Arc::make_mut(&mut rules.services)[tea.0 as usize].breaker = Some(Arc::new(breaker));
        assert_eq!(reachable(&rules), BTreeSet::from([(tea, 80, false), (spare, 80, true)]));
    }
}
