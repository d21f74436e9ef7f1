//! Requests that show what is told.

use crate::request::field::View;
use crate::request::{Connection, ListenerKey, RequestHead};
use crate::rules::{Condition, Field, HostPattern, Listener, PathPart, PathPattern, Route, Test};
use std::fmt::Write as _;

/// A request on `host` for which all of `routes` hold, the first of which it is made for:
/// `` `GET cafe.example.com/tea` with `x-env: prod` ``. `None` where it takes more than a glance to
/// find one.
pub(super) fn request(
    listener: &Listener,
    host: &HostPattern,
    routes: [&Route; 2],
) -> Option<String> {
    let draft = Draft::of(routes[0])?;
    let name = match host {
        HostPattern::Exact(name) => name.to_string(),
        HostPattern::Wildcard(suffix) => format!("x.{suffix}"),
        HostPattern::Any => "x".to_owned(),
    };
    let target = draft.target();
    if !target.bytes().all(|octet| octet.is_ascii_graphic()) {
        return None;
    }
    let headers = draft.headers();
    let lines: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (&**n, &**v)).collect();
    let key = ListenerKey { port: listener.port, address: listener.address };
    let connection = Connection { listener: key, protocol: listener.protocol, peer: None };
    let request = RequestHead::new(&draft.method, &name, &target).headers(&lines).on(connection);
    let holds = |route: &Route| {
        View::with(&request, &listener.paths, |view| {
            view.is_ok_and(|view| {
                let path = view.paths().map(|paths| paths.matched);
                route.path.covers(path).is_some() && route.conditions.iter().all(|c| view.holds(c))
            })
        })
    };
    if !routes.into_iter().all(holds) {
        return None;
    }
    let mut shown = format!("`{} {host}{target}`", draft.method);
    for (at, (name, value)) in lines.iter().enumerate() {
        let with = if at == 0 { "with" } else { "and" };
        let _ = write!(shown, " {with} `{name}: {value}`");
    }
    Some(shown)
}

/// A request in the making.
struct Draft {
    method: String,
    path: String,
    query: Vec<String>,
    headers: Vec<(String, String)>,
    cookies: Vec<String>,
}

impl Draft {
    fn of(route: &Route) -> Option<Self> {
        let mut draft = Self {
            method: "GET".to_owned(),
            path: path(&route.path)?,
            query: Vec::new(),
            headers: Vec::new(),
            cookies: Vec::new(),
        };
        for condition in &route.conditions {
            if let Some(value) = value(condition) {
                draft.give(&condition.field, value);
            }
        }
        Some(draft)
    }

    /// What cannot be given is left out: whether the request will do is looked at in the end.
    fn give(&mut self, field: &Field, value: String) {
        match field {
            Field::Method => self.method = value,
            Field::Query => self.query = vec![value],
            Field::Header(name) => self.headers.push((name.to_string(), value)),
            Field::Cookie { name, .. } => self.cookies.push(format!("{name}={value}")),
            Field::Argument { name, .. } => self.query.push(format!("{name}={value}")),
            _ => {}
        }
    }

    fn target(&self) -> String {
        match &*self.query {
            [] => self.path.clone(),
            query => format!("{}?{}", self.path, query.join("&")),
        }
    }

    fn headers(&self) -> Vec<(String, String)> {
        let mut headers = self.headers.clone();
        if !self.cookies.is_empty() {
            headers.push(("cookie".to_owned(), self.cookies.join("; ")));
        }
        headers
    }
}

/// A value for which the condition holds, as it can stand in a header line; `None` also where it
/// holds without one.
fn value(condition: &Condition) -> Option<String> {
    let value = match (&condition.test, condition.negated) {
        (Test::Equals { value, .. }, false) => value.to_string(),
        (Test::Matches { regex, .. }, false) => regex.sample()?,
        (Test::Empty, true) => "x".to_owned(),
        _ => return None,
    };
    let is_printable = value.bytes().all(|octet| matches!(octet, b' '..=b'~'));
    Some(value).filter(|value| is_printable && value.trim() == value)
}

/// A path for which the pattern holds, as clients write it.
pub(super) fn path(pattern: &PathPattern) -> Option<String> {
    let template = match pattern {
        PathPattern::Exact(template) | PathPattern::Prefix { template, .. } => template,
        PathPattern::Regex(regex) => return Some(escaped(regex.sample()?.as_bytes())),
    };
    let mut path = String::new();
    for part in template.parts() {
        match part {
            PathPart::Literal(text) => path += &escaped(text),
            PathPart::Parameter(_) | PathPart::Wildcard(_) => path.push('x'),
        }
    }
    Some(if path.is_empty() { "/".to_owned() } else { path })
}

/// The octets of a match path as clients write them. A `%` in it begins an escape already.
fn escaped(path: &[u8]) -> String {
    let mut escaped = String::new();
    for &octet in path {
        if octet.is_ascii_graphic() && !matches!(octet, b'?' | b'#' | b'`') {
            escaped.push(char::from(octet));
        } else {
            let _ = write!(escaped, "%{octet:02X}");
        }
    }
    escaped
}
