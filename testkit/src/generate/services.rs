//! Services: their splits, who may call them, and how often.

use super::rules::Maker;
use gateway_core::rules::{
    Access, BackendProtocol, Caller, CircuitBreaker, Field, Grant, GroupMatch, GroupMatches,
    PortSpeech, Service, ServiceAccount, ServiceId, ServiceLimit, ServiceName, ServiceSplit,
    ServiceTls, SplitBackend, Sticky, Workload, WorkloadName,
};
use std::sync::Arc;
use std::time::Duration;

/// How many Services there are.
pub(super) const SERVICES: usize = 4;

/// Relative to each other.
pub(super) const WEIGHTS: [u64; 5] = [1, 0, 2, 97, (1 << 60) + 1];

/// What callers say of themselves, as attributes.
pub(super) const CALLERS: [(&str, &str); 9] = [
    ("source_account", "a/web"),
    ("source_account", "a/"),
    ("source_account", "none"),
    ("source_identity", "spiffe://d/ns/a/sa/web"),
    ("source_identity", "spiffe://d/ns/b/sa/api"),
    ("source_identity", "spiffe://d/other"),
    ("source_labels", "app=web,tier=front"),
    ("source_workloads", "Deployment/a/web,Pod/a/web-1"),
    ("source_workloads", "Pod/a/web-1"),
];

impl Maker<'_, '_> {
    pub(super) fn service_id(&mut self) -> ServiceId {
        ServiceId(self.source.below(SERVICES) as u32)
    }

    /// The Services of a rule set. Some of their splits, grants and limits share their groups.
    pub(super) fn services(&mut self, count: usize) -> Vec<Service> {
        let groups: Vec<_> = (0..3).map(|_| self.group()).collect();
        (0..count).map(|index| self.service(index, &groups)).collect()
    }

    fn group(&mut self) -> Arc<[GroupMatch]> {
        // More than a few are found by their values.
        let many = self.source.once_in(6);
        let count = if many { 24 } else { self.source.below(4) };
        let field = self.common_field();
        let one = |_| {
            let conditions = if many { vec![self.one_of_many(&field)] } else { self.conditions() };
            GroupMatch { conditions, origin: self.origin() }
        };
        (0..count).map(one).collect()
    }

    fn group_matches(&mut self, groups: &[Arc<[GroupMatch]>]) -> Option<GroupMatches> {
        if self.source.once_in(3) {
            return None;
        }
        let count = self.source.pick(&[1, 1, 2, 0]);
        let own = self.source.once_in(3);
        let group = |_| match self.source.choose(groups).filter(|_| !own) {
            Some(known) => Arc::clone(known),
            None => self.group(),
        };
        Some(GroupMatches::new((0..count).map(group).collect()))
    }

    fn service(&mut self, index: usize, groups: &[Arc<[GroupMatch]>]) -> Service {
        let ports: [Option<&[u16]>; 4] = [Some(&[80]), None, Some(&[80, 8080]), Some(&[])];
        let names = ["a", "b", "ab", "a.b"];
        let name = names.get(index).map_or_else(|| format!("s{index}"), |&name| name.to_owned());
        let name = ServiceName::new("default", &name);
        let exists = !self.source.once_in(4);
        let ports = self.source.pick(&ports).map(<[u16]>::to_vec);
        let splits = self.source.pick(&[0, 0, 1, 1, 2, 4]);
        let splits = (0..splits).map(|_| self.service_split(groups)).collect();
        let access = self.source.once_in(4).then(|| Arc::new(self.access(groups)));
        let limits = if self.source.once_in(4) { self.source.below(4) } else { 0 };
        let limits = (0..limits).map(|_| Arc::new(self.service_limit(groups))).collect();
        let ready = self.source.once_in(8).then(|| vec![80]);
        let breaker = self.source.once_in(4).then(|| Arc::new(self.breaker()));
        let speech = if self.source.once_in(6) { vec![self.speech()] } else { Vec::new() };
        Service {
            exists,
            ready,
            splits,
            access,
            limits,
            breaker,
            speech,
            ..Service::new(name, ports)
        }
    }

    /// What is said of a port; mostly that it cannot be spoken to.
    fn speech(&mut self) -> PortSpeech {
        let protocol = self.source.once_in(2).then_some(BackendProtocol::Http2);
        let impossible = !self.source.once_in(3);
        let tls = impossible.then(|| ServiceTls::Impossible("no authority".into()));
        let port = self.source.once_in(2).then_some(80);
        PortSpeech { port, protocol, tls }
    }

    fn service_split(&mut self, groups: &[Arc<[GroupMatch]>]) -> ServiceSplit {
        let matches = self.group_matches(groups);
        let backends: Vec<_> = (0..self.source.below(4))
            .map(|_| SplitBackend {
                service: self.service_id(),
                weight: self.source.pick(&WEIGHTS),
                origin: self.origin(),
            })
            .collect();
        let sticky = self.sticky(backends.len());
        ServiceSplit { matches, backends, sticky, origin: self.origin() }
    }

    /// What keeps clients where they are, among so many branches; mostly nothing.
    pub(super) fn sticky(&mut self, branches: usize) -> Option<Arc<Sticky>> {
        self.source.once_in(4).then(|| {
            let field = match self.source.below(4) {
                0 => Field::PeerAddress,
                1 => Field::Cookie { name: "a".into(), ignore_case: false },
                2 => Field::Attribute("a".into()),
                _ => Field::Header("x-a".into()),
            };
            let names: Vec<&str> = (0..branches).map(|_| self.source.pick(&["a", "b"])).collect();
            Arc::new(Sticky::new(field, self.source.pick(&["s", "t"]), names))
        })
    }

    fn access(&mut self, groups: &[Arc<[GroupMatch]>]) -> Access {
        let account = || ServiceAccount::new("a", "web");
        let anonymous = self.source.once_in(4).then(account);
        let workloads = (0..self.source.between(1, 3))
            .map(|_| {
                let asks = (0..self.source.pick(&[0, 1, 1, 2]))
                    .map(|_| (0..self.source.below(4)).map(|_| self.grant(groups)).collect())
                    .collect();
                let account = account();
                let port = self.source.pick(&[None, Some(80), Some(8080)]);
                let target_port = self.source.pick(&[None, Some(9000)]);
                Workload { account, port, target_port, asks }
            })
            .collect();
        Access { anonymous, workloads }
    }

    fn grant(&mut self, groups: &[Arc<[GroupMatch]>]) -> Grant {
        let callers = (0..self.source.below(3)).map(|_| self.caller()).collect();
        let port = self.source.pick(&[None, None, Some(80), Some(9000)]);
        let ports: [Option<&[u16]>; 4] = [None, Some(&[80, 81]), Some(&[9000]), Some(&[])];
        let layer4 = self.source.pick(&ports).map(<[u16]>::to_vec);
        let matches = self.group_matches(groups);
        Grant { callers, port, layer4, matches, origin: self.origin() }
    }

    fn caller(&mut self) -> Caller {
        match self.source.below(4) {
            0 => Caller::Account(ServiceAccount::new("b", "api")),
            1 => Caller::Spiffe("spiffe://d/other".into()),
            2 => Caller::Labelled {
                namespace: self.source.pick(&["a", "b"]).into(),
                labels: [("app".into(), "web".into())].into(),
            },
            _ => Caller::Account(ServiceAccount::new("a", "web")),
        }
    }

    fn breaker(&mut self) -> CircuitBreaker {
        let to = self.service_id();
        let fallback = (!self.source.once_in(4)).then(|| (to, self.source.pick(&[80, 8080])));
        let window = Duration::from_secs(1);
        CircuitBreaker { errors: 1, window, counts_5xx: false, fallback, origin: self.origin() }
    }

    fn service_limit(&mut self, groups: &[Arc<[GroupMatch]>]) -> ServiceLimit {
        let kinds = [("Deployment", "web"), ("Pod", "web-1"), ("Service", "web")];
        let sources = (0..self.source.below(3)).map(|_| {
            let (kind, name) = self.source.pick(&kinds);
            WorkloadName { kind: kind.into(), namespace: "a".into(), name: name.into() }
        });
        let sources = sources.collect();
        let matches = self.group_matches(groups);
        let workloads = self.source.once_in(4).then(|| vec![0]);
        ServiceLimit {
            requests: 10,
            per: Duration::from_secs(1),
            sources,
            burst: 0,
            at_once: Some(0),
            matches,
            workloads,
            origin: self.origin(),
        }
    }
}
