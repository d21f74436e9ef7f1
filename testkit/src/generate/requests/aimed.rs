//! Requests that are meant for a route: its path, its host, and what its conditions want.

use super::{HOSTS, ODD_HOSTS, connection, over_http2, push_anything, server_name};
use crate::OwnedRequest;
use crate::generate::paths::{distort, path_of, spell};
use crate::generate::{Source, pool};
use gateway_core::rules::{Action, Condition, Field, HostPattern, Protocol, Route, RuleSet, Test};
use http::Version;

const LONG_LABEL: &str = "a-label-of-a-host-that-is-longer-than-most";
const QUERIES: [&str; 4] = ["a", "b=a", "A=a", "a%=b"];

/// A request in the making.
struct Draft<'s, 'b> {
    source: &'s mut Source<'b>,
    request: OwnedRequest,
    host: Vec<u8>,
    arguments: Vec<Vec<u8>>,
    cookies: Vec<Vec<u8>>,
}

pub(super) fn request(source: &mut Source<'_>, rules: &RuleSet) -> OwnedRequest {
    let mut connection = connection(source);
    let mut host = source.pick(&HOSTS).as_bytes().to_vec();
    let mut routes: &[Route] = &[];
    if let Some(listener) = source.choose(&rules.listeners) {
        connection.listener.port = listener.port;
        if listener.address.is_some() {
            connection.listener.address = listener.address;
        }
        connection.protocol = listener.protocol;
        if let Some(aim) = listener.hosts.iter().nth(source.below(listener.hosts.len().max(1))) {
            routes = &aim.routes;
            host = host_of(&aim.hostname, source);
        }
    }
    let request = OwnedRequest {
        method: "GET".into(),
        target: Vec::new(),
        authority: None,
        headers: Vec::new(),
        version: Version::HTTP_11,
        connection,
        server_name: server_name(source),
        attributes: Vec::new(),
    };
    let mut draft = Draft { source, request, host, arguments: Vec::new(), cookies: Vec::new() };
    let mut path = b"/".to_vec();
    if let Some(route) = draft.source.choose(routes) {
        path = path_of(&route.path, draft.source);
        if may_answer_preflight(route) {
            draft.request.method = draft.source.pick(&["OPTIONS", "GET"]).into();
        }
        draft.satisfy_all(&route.conditions);
        if let Some(other) = draft.source.choose(routes).filter(|_| draft.source.once_in(3)) {
            draft.satisfy_all(&other.conditions);
        }
        if draft.source.once_in(2) {
            draft.satisfy_a_group(rules);
        }
    }
    if draft.source.once_in(4) {
        distort(&mut path, draft.source);
    }
    draft.finish(&path)
}

/// Whether the route, or one of the branches of its split, may say what holds for requests of other
/// origins.
fn may_answer_preflight(route: &Route) -> bool {
    let of_branch = match &route.action {
        Action::Split(split) => split.branches.iter().any(|branch| branch.cors.is_some()),
        _ => false,
    };
    of_branch || route.policies.as_ref().is_some_and(|policies| policies.cors.is_some())
}

fn host_of(pattern: &HostPattern, source: &mut Source<'_>) -> Vec<u8> {
    let name = match pattern {
        HostPattern::Exact(name) => name.to_string(),
        HostPattern::Wildcard(suffix) => {
            format!("{}.{suffix}", source.pick(&["x", "a", "x.y", "b", "h1", "a.b", LONG_LABEL]))
        }
        HostPattern::Any => source.pick(&HOSTS).into(),
    };
    match source.below(24) {
        20 => name.to_ascii_uppercase(),
        21 => format!("{name}.:80"),
        22 => format!("x.{name}"),
        23 => source.pick(&ODD_HOSTS).into(),
        _ => name,
    }
    .into()
}

impl Draft<'_, '_> {
    /// What some match of some TrafficSplit asks for.
    fn satisfy_a_group(&mut self, rules: &RuleSet) {
        let splits: Vec<_> = rules.services.iter().flat_map(|service| &service.splits).collect();
        let Some(Some(matches)) = self.source.choose(&splits).map(|split| &split.matches) else {
            return;
        };
        let matches: Vec<_> = matches.iter().collect();
        if let Some(wanted) = self.source.choose(&matches) {
            self.satisfy_all(&wanted.conditions);
        }
    }

    fn satisfy_all(&mut self, conditions: &[Condition]) {
        for condition in conditions {
            if !self.source.once_in(12) {
                self.satisfy(condition);
            }
        }
    }

    fn satisfy(&mut self, condition: &Condition) {
        if condition.negated && !self.source.once_in(3) {
            return;
        }
        let value = match &condition.test {
            Test::Equals { value, ignore_case } => {
                if *ignore_case && self.source.once_in(2) {
                    value.to_ascii_uppercase()
                } else {
                    value.to_string()
                }
            }
            Test::Empty if self.source.once_in(2) => String::new(),
            Test::Empty => return,
            Test::Matches { regex, .. } => pool::hit(regex, self.source).unwrap_or("a").to_owned(),
        };
        self.give(&condition.field, value.into_bytes());
    }

    /// Gives the request a value, sometimes one among others.
    fn give(&mut self, field: &Field, value: Vec<u8>) {
        match field {
            Field::Method => self.request.method = String::from_utf8_lossy(&value).into(),
            Field::Host if !value.is_empty() => self.host = value,
            Field::Header(name) if **name != *"host" => self.give_header(name, &value),
            Field::Cookie { name, .. } => {
                let cookie = [name.as_bytes(), b"=", &value].concat();
                let others: [&[u8]; 4] = [b"x=y", &cookie, b"a=other", b"b"];
                if self.source.once_in(4) {
                    self.cookies.push(self.source.pick(&others).to_vec());
                }
                self.cookies.push(cookie);
            }
            Field::Argument { name, decoded, .. } => {
                let value = if *decoded { self.escaped(&value) } else { value };
                if self.source.once_in(6) {
                    self.arguments.push([name.as_bytes(), b"=other"].concat());
                }
                self.arguments.push([name.as_bytes(), b"=", &value].concat());
            }
            Field::Attribute(name) => {
                self.request.attributes.push((name.to_string(), value));
            }
            Field::Query => self.arguments = vec![value],
            Field::Scheme => {
                let https = value == b"https";
                self.request.connection.protocol =
                    if https { Protocol::Https } else { Protocol::Http };
            }
            Field::Https => self.request.connection.protocol = Protocol::Https,
            Field::Http2 => self.request.version = Version::HTTP_2,
            Field::PeerAddress | Field::PeerPort => {
                self.request.connection.peer = Some(([10, 0, 0, 1], 80).into());
            }
            _ => {}
        }
    }

    /// As one line or several.
    fn give_header(&mut self, name: &str, value: &[u8]) {
        let name = if self.source.once_in(8) { name.to_ascii_uppercase() } else { name.to_owned() };
        let cut = value.windows(2).position(|pair| pair == b", ");
        match cut.filter(|_| self.source.once_in(2)) {
            Some(at) => {
                self.request.headers.push((name.clone(), value[..at].into()));
                self.request.headers.push((name.clone(), value[at + 2..].into()));
            }
            None => self.request.headers.push((name.clone(), value.into())),
        }
        if self.source.once_in(12) {
            let more = self.source.pick(&["", "a", "item-1", "b"]);
            self.request.headers.push((name, more.into()));
        }
    }

    /// With percent-escapes where they are needed, and where they are not.
    fn escaped(&mut self, value: &[u8]) -> Vec<u8> {
        let all = self.source.once_in(4);
        let mut text = Vec::new();
        for &octet in value {
            if octet == b' ' && self.source.once_in(2) {
                text.push(b'+');
            } else if all || !octet.is_ascii_alphanumeric() && octet != b'-' {
                text.extend_from_slice(format!("%{octet:02X}").as_bytes());
            } else {
                text.push(octet);
            }
        }
        text
    }

    fn finish(self, path: &[u8]) -> OwnedRequest {
        let Self { source, mut request, host, mut arguments, cookies } = self;
        request.target = spell(path, source);
        if source.once_in(6) {
            arguments.push(source.pick(&QUERIES).into());
        }
        if !arguments.is_empty() {
            request.target.push(b'?');
            request.target.extend(arguments.join(&b"&"[..]));
        }
        // In one line or one line each.
        if !cookies.is_empty() && source.once_in(3) {
            let lines = cookies.into_iter().map(|cookie| ("Cookie".into(), cookie));
            request.headers.extend(lines);
        } else if !cookies.is_empty() {
            request.headers.push(("cookie".into(), cookies.join(&b"; "[..])));
        }
        if source.once_in(4) {
            push_anything(&mut request, source);
        }
        if request.version == Version::HTTP_2 || source.once_in(8) {
            over_http2(&mut request, host);
        } else {
            request.headers.insert(0, ("host".into(), host));
        }
        request
    }
}
