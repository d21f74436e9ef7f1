//! Rule sets.

use super::Source;
use crate::build;
use gateway_core::rules::{
    Action, Anchor, Boundary, Branch, Condition, Field, HostPattern, Listener, PathPattern,
    PathTemplate, Protocol, Regex, Route, RuleSet, Service, ServiceId, ServiceName, ServiceSplit,
    Split, SplitBackend, SplitMatch, Test, VirtualHost,
};
use gateway_core::{Forwarded, Origin, PathPolicy, Treatment};
use http::StatusCode;
use std::sync::Arc;

const SERVICES: usize = 4;
const WEIGHTS: [u64; 5] = [1, 0, 2, 97, (1 << 60) + 1];
const HOSTS: [&str; 9] = ["*", "a.b", "*.b", "*.a.b", "ab", "b.a.b", "a", "*.ab", "a.b.a.b"];
const PATH_EXPRESSIONS: [&str; 9] =
    ["/a", "/a/.*", "^/(a|ab)/?$", "b$", "", "(?i)/A/b", "/[ab]+/b", "/a|/b", "/(a/)*"];
const EXPRESSIONS: [&str; 7] = ["a", "^a$", "", "^$", "b|^a", ".*", "(^|; )a=b(;|$)"];
const VALUES: [&str; 12] =
    ["a", "b", "ab", "A", "", "GET", "POST", "/a", "a, b", "a=b", "a.b", "http"];

/// A rule set in which every rule has an origin of its own.
pub(super) fn rule_set(source: &mut Source<'_>) -> RuleSet {
    Maker { source, origins: 0 }.rule_set()
}

struct Maker<'s, 'b> {
    source: &'s mut Source<'b>,
    origins: u32,
}

impl Maker<'_, '_> {
    fn origin(&mut self) -> Origin {
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
        let services: Vec<_> = (0..SERVICES).map(|index| self.service(index)).collect();
        RuleSet { listeners, services: services.into() }
    }

    fn listener(&mut self, port: u16, bound: bool) -> Listener {
        let mut hosts: Vec<Arc<VirtualHost>> = Vec::new();
        for _ in 0..1 + self.source.below(4) {
            let hostname = match self.source.pick(&HOSTS) {
                "*" => HostPattern::Any,
                name => HostPattern::parse(name).expect("the list holds host names"),
            };
            if hosts.iter().all(|host| host.hostname != hostname) {
                hosts.push(Arc::new(self.host(hostname)));
            }
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

    fn path_policy(&mut self) -> PathPolicy {
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

    fn host(&mut self, hostname: HostPattern) -> VirtualHost {
        let mut routes = Vec::new();
        for _ in 0..self.source.below(8) {
            if self.source.once_in(5) {
                self.push_alternatives(&mut routes);
            } else {
                let route = self.route();
                routes.push(route);
            }
        }
        VirtualHost {
            hostname,
            section: self.source.below(2) as u32,
            falls_through: !self.source.once_in(2),
            routes,
            origin: self.origin(),
        }
    }

    /// Routes of one path, and the one that says what holds where none of them does.
    fn push_alternatives(&mut self, routes: &mut Vec<Route>) {
        let path = self.path();
        let alternatives = 1 + self.source.below(3) as u32;
        for _ in 0..alternatives {
            let mut route = Route { path: path.clone(), ..self.route() };
            if self.source.once_in(2) {
                let method = self.source.pick(&["GET", "POST"]);
                route.conditions.push(Condition::equals(Field::Method, method));
            }
            routes.push(route);
        }
        let action = Action::Unmatched { alternatives };
        routes.push(Route { path, conditions: Vec::new(), action, origin: self.origin() });
    }

    fn route(&mut self) -> Route {
        let path = self.path();
        let conditions = self.conditions();
        let action = self.action(0);
        Route { path, conditions, action, origin: self.origin() }
    }

    fn path(&mut self) -> PathPattern {
        let kind = self.source.below(8);
        if kind == 7 {
            let expression = self.source.pick(&PATH_EXPRESSIONS);
            return PathPattern::Regex(self.regex(expression));
        }
        let template = self.template();
        match kind {
            0..3 => {
                let boundary = Boundary::Segment;
                PathPattern::Prefix { template: template.without_final_slash(), boundary }
            }
            3..5 => PathPattern::Prefix { template, boundary: Boundary::Byte },
            _ => PathPattern::Exact(template),
        }
    }

    fn template(&mut self) -> PathTemplate {
        let mut text = String::new();
        for position in 0..self.source.below(4) {
            text.push('/');
            match self.source.pick(&["a", "b", "ab", "{}"]) {
                "{}" => text.push_str(&format!("{{p{position}}}")),
                label => text.push_str(label),
            }
        }
        if text.is_empty() || self.source.once_in(4) {
            text.push('/');
        }
        PathTemplate::with_parameters(&text).expect("made of labels and whole parameters")
    }

    fn regex(&mut self, expression: &str) -> Regex {
        let anchor = self.source.pick(&[Anchor::None, Anchor::Start, Anchor::Both]);
        let ignore_case = self.source.once_in(3);
        Regex::new(expression, anchor, ignore_case).expect("the lists hold small expressions")
    }

    fn conditions(&mut self) -> Vec<Condition> {
        let count = self.source.pick(&[0, 0, 1, 1, 2, 3]);
        (0..count).map(|_| self.condition()).collect()
    }

    fn condition(&mut self) -> Condition {
        let field = self.field();
        let test = match self.source.below(8) {
            0..5 => Test::Equals {
                value: self.source.pick(&VALUES).into(),
                ignore_case: self.source.once_in(3),
            },
            5 => Test::Empty,
            _ => {
                let expression = self.source.pick(&EXPRESSIONS);
                let regex = self.regex(expression);
                Test::Matches { regex, empty_matches: self.source.once_in(2) }
            }
        };
        Condition { field, test, negated: self.source.once_in(4) }
    }

    fn field(&mut self) -> Field {
        let name: Box<str> = self.source.pick(&["a", "b", "A"]).into();
        let ignore_case = self.source.once_in(2);
        match self.source.below(20) {
            0..5 => Field::Header(self.source.pick(&["x-a", "x-b", "host", "cookie"]).into()),
            5..8 => Field::Cookie { name, ignore_case },
            8..11 => Field::Argument { name, ignore_case, decoded: self.source.once_in(2) },
            11 | 12 => Field::Method,
            13 => Field::Host,
            14 => Field::Path,
            15 => Field::Query,
            16 => Field::Attribute(name),
            17 => self.source.pick(&[
                || Field::Scheme,
                || Field::Https,
                || Field::Http2,
                || Field::PeerAddress,
                || Field::PeerPort,
            ])(),
            18 => Field::Target,
            _ => Field::RequestLine,
        }
    }

    fn action(&mut self, depth: usize) -> Action {
        match self.source.below(8) {
            6 => Action::Respond(Arc::new(build::respond(StatusCode::FORBIDDEN, self.origin()))),
            5 => Action::Redirect(Arc::new(build::redirect(self.origin()))),
            7 | 4 if depth < 2 => {
                let branches = (0..self.source.below(4))
                    .map(|_| Branch {
                        weight: self.source.pick(&WEIGHTS),
                        action: self.action(depth + 1),
                        origin: self.origin(),
                    })
                    .collect();
                let otherwise = StatusCode::INTERNAL_SERVER_ERROR;
                Action::Split(Arc::new(Split { branches, otherwise, origin: self.origin() }))
            }
            _ => {
                let service = self.service_id();
                let port = self.source.pick(&[80, 8080]);
                let mut forward = build::forward(service, port, self.origin());
                forward.target.splits = !self.source.once_in(5);
                Action::Forward(Arc::new(forward))
            }
        }
    }

    fn service_id(&mut self) -> ServiceId {
        ServiceId(self.source.below(SERVICES) as u32)
    }

    fn service(&mut self, index: usize) -> Service {
        let ports: [Option<&[u16]>; 4] = [Some(&[80]), None, Some(&[80, 8080]), Some(&[])];
        Service {
            name: ServiceName::new("default", ["a", "b", "ab", "a.b"][index]),
            exists: !self.source.once_in(4),
            ports: self.source.pick(&ports).map(<[u16]>::to_vec),
            splits: (0..self.source.below(3)).map(|_| self.service_split()).collect(),
        }
    }

    fn service_split(&mut self) -> ServiceSplit {
        let matches = (!self.source.once_in(3)).then(|| {
            (0..self.source.below(3))
                .map(|_| SplitMatch { conditions: self.conditions(), origin: self.origin() })
                .collect()
        });
        let backends = (0..self.source.below(4))
            .map(|_| SplitBackend {
                service: self.service_id(),
                weight: self.source.pick(&WEIGHTS),
                origin: self.origin(),
            })
            .collect();
        ServiceSplit { matches, backends, origin: self.origin() }
    }
}
