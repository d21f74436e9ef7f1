//! Rule sets.

use super::Source;
use super::services::{SERVICES, WEIGHTS};
use crate::build;
use gateway_core::rules::{
    Action, Branch, HostPattern, Listener, Mirror, Protocol, RuleSet, ServerTls, Session,
    SessionName, Split, VirtualHost,
};
use gateway_core::{Forwarded, Origin, PathPolicy, Treatment};
use http::StatusCode;
use std::sync::Arc;

const HOSTS: [&str; 14] = [
    "*", "a.b", "*.b", "*.a.b", "ab", "b.a.b", "a", "*.ab", "a.b.a.b", "*.b.a.b", "*.a", "b",
    "x.y.a.b", "*.y.a.b",
];

/// A rule set in which every rule has an origin of its own.
pub(super) fn rule_set(source: &mut Source<'_>) -> RuleSet {
    Maker { source, origins: 0 }.rule_set()
}

/// Makes rules, each with an origin of its own.
pub(super) struct Maker<'s, 'b> {
    pub(super) source: &'s mut Source<'b>,
    /// How many origins there are.
    pub(super) origins: u32,
}

impl Maker<'_, '_> {
    pub(super) fn origin(&mut self) -> Origin {
        self.origins += 1;
        build::origin(&format!("#{}", self.origins))
    }

    fn rule_set(&mut self) -> RuleSet {
        let mut listeners = vec![self.listener(80, false)];
        if self.source.once_in(4) {
            listeners.push(self.listener(8080, false));
        }
        if self.source.once_in(4) {
            listeners.push(self.listener(80, true));
        }
        let services = self.services(SERVICES);
        RuleSet { listeners, services: services.into(), identity: None }
    }

    /// A listener of that port, bound to one address or to all.
    pub(super) fn listener(&mut self, port: u16, bound: bool) -> Listener {
        let mut hosts: Vec<Arc<VirtualHost>> = Vec::new();
        for _ in 0..1 + self.source.below(4) {
            let hostname = self.hostname();
            if hosts.iter().all(|host| host.hostname != hostname) {
                hosts.push(Arc::new(self.host(hostname)));
            }
        }
        if self.source.once_in(24) {
            self.push_crowd(&mut hosts);
        }
        let https = self.source.once_in(4);
        Listener {
            address: bound.then(|| [127, 0, 0, 1].into()),
            protocol: if https { Protocol::Https } else { Protocol::Http },
            paths: self.path_policy(),
            hosts: hosts.into_iter().collect(),
            origin: self.origin(),
            ..build::listener(port)
        }
    }

    pub(super) fn hostname(&mut self) -> HostPattern {
        match self.source.pick(&HOSTS) {
            "*" => HostPattern::Any,
            name => HostPattern::parse(name).expect("the list holds host names"),
        }
    }

    /// Many hosts of one route each, names and wildcards that nest.
    fn push_crowd(&mut self, hosts: &mut Vec<Arc<VirtualHost>>) {
        let count = self.source.pick(&[20, 40, 70, 70, 300]);
        for n in 0..count {
            let name = match n % 3 {
                0 => format!("h{n}.a.b"),
                1 => format!("*.h{}.a.b", n - 1),
                _ => format!("a.h{}.a.b", n - 2),
            };
            let host = VirtualHost {
                section: self.source.below(2) as u32,
                falls_through: !self.source.once_in(2),
                tls: self.server_tls(),
                ..VirtualHost::new(
                    HostPattern::parse(&name).expect("a host name"),
                    vec![self.route()],
                    self.origin(),
                )
            };
            hosts.push(Arc::new(host));
        }
    }

    pub(super) fn path_policy(&mut self) -> PathPolicy {
        let mut policy = PathPolicy::default();
        if self.source.once_in(4) {
            use Treatment::{Decode, Keep, Reject};
            policy.encoded_slash = self.source.pick(&[Keep, Decode, Reject]);
            policy.backslash = self.source.pick(&[Reject, Keep]);
            policy.control = self.source.pick(&[Reject, Keep]);
            policy.dot_parameters = self.source.pick(&[Reject, Keep]);
            policy.hidden_dots = self.source.pick(&[Reject, Keep]);
            policy.forwarded = self.source.pick(&[Forwarded::Normal, Forwarded::Raw]);
        }
        policy
    }

    /// A host with any routes.
    pub(super) fn host(&mut self, hostname: HostPattern) -> VirtualHost {
        VirtualHost {
            section: self.source.below(2) as u32,
            falls_through: !self.source.once_in(2),
            tls: self.server_tls(),
            ..VirtualHost::new(hostname, self.routes(), self.origin())
        }
    }

    pub(super) fn action(&mut self, depth: usize) -> Action {
        match self.source.below(8) {
            6 => Action::Respond(Arc::new(build::respond(StatusCode::FORBIDDEN, self.origin()))),
            5 => Action::Redirect(Arc::new(build::redirect(self.origin()))),
            7 | 4 if depth < 2 => {
                let branches: Vec<_> = (0..self.source.below(4))
                    .map(|_| Branch {
                        weight: self.source.pick(&WEIGHTS),
                        action: self.action(depth + 1),
                        cors: self.source.once_in(4).then(|| Arc::new(self.cors())),
                        origin: self.origin(),
                    })
                    .collect();
                let otherwise = StatusCode::INTERNAL_SERVER_ERROR;
                let session = self.session(branches.len());
                let origin = self.origin();
                Action::Split(Arc::new(Split {
                    session,
                    branches,
                    sticky: None,
                    otherwise,
                    origin,
                }))
            }
            _ => {
                let service = self.service_id();
                let port = self.source.pick(&[80, 8080]);
                let mut forward = build::forward(service, port, self.origin());
                forward.target.splits = !self.source.once_in(5);
                forward.as_service_says = self.source.once_in(2);
                if self.source.once_in(6) {
                    forward.mirrors = (0..self.source.below(3)).map(|_| self.mirror()).collect();
                }
                Action::Forward(Arc::new(forward))
            }
        }
    }

    fn mirror(&mut self) -> Mirror {
        let service = self.service_id();
        let numerator = self.source.pick(&[1, 0, 2, 3]);
        let mut forward = build::forward(service, 80, self.origin());
        forward.as_service_says = self.source.once_in(2);
        Mirror { numerator, denominator: 3, forward: Arc::new(forward) }
    }

    /// Keeps clients that say so at one of so many branches; mostly nothing.
    fn session(&mut self, branches: usize) -> Option<Arc<Session>> {
        self.source.once_in(4).then(|| {
            let backends = (0..branches).map(|_| self.source.pick(&["a", "b", "ab"]).into());
            Arc::new(Session {
                name: SessionName::Header(http::HeaderName::from_static("x-session")),
                absolute_timeout: None,
                attribute: "a".into(),
                backends: backends.collect(),
                origin: self.origin(),
            })
        })
    }

    /// Mostly nothing.
    fn server_tls(&mut self) -> Option<Arc<ServerTls>> {
        self.source.once_in(3).then(|| {
            let exclusive = !self.source.once_in(4);
            Arc::new(ServerTls { certificates: Vec::new(), clients: None, exclusive })
        })
    }
}
