//! Requests.

mod aimed;

use super::Source;
use super::services::CALLERS;
use crate::OwnedRequest;
use gateway_core::rules::{Protocol, RuleSet};
use gateway_core::{Connection, ListenerKey};
use http::Version;

const METHODS: [&str; 8] = ["GET", "POST", "GET", "get", "OPTIONS", "CONNECT", "PUT", "X-A"];
const SEGMENTS: [&str; 4] = ["a", "b", "ab", ""];
const ODD_SEGMENTS: [&str; 16] = [
    ".", "..", "%61", "%2e%2E", "a%2Fb", "a%2f..", "..;x", ".;", "\\", "%5c", "%zz", "%00", "%0A",
    "A", "%25", "é",
];
const QUERIES: [&str; 13] = [
    "",
    "?a=a",
    "?a=b",
    "?b=a",
    "?a=b&a=a",
    "?A=a",
    "?a",
    "?a&a=a",
    "?a=%61",
    "?b=a%2C+b",
    "?",
    "#a?a=a",
    "?&=&%61=ab&a%=b",
];
const TARGETS: [&str; 9] = [
    "*",
    "http://a.b/a",
    "HTTPS://AB:80?a=a",
    "a",
    "a.b:443",
    "http://b.a.b",
    "",
    "http:///a",
    "http://a.b#x",
];
const HOSTS: [&str; 9] =
    ["a.b", "b.a.b", "ab", "a", "c.b", "a.b.a.b", "x.y.a.b", "b.ab", "example"];
const ODD_HOSTS: [&str; 15] = [
    ".b",
    ".a.b",
    "x..a.b",
    "A.B",
    "a.b:80",
    "a.b.",
    "A.B.:8080",
    "[::1]:80",
    "",
    ":80",
    "a b",
    "a.b:x",
    "[::1",
    "a..b",
    "a,b",
];
const HEADER_VALUES: [&str; 9] = ["a", "b", "ab", "A", "", "a, b", " a", "a=b", "a.b"];
const COOKIES: [&str; 12] = [
    "a=b",
    "a=a",
    "b=a",
    "A=ab",
    "a=a; b=b",
    "a=b;a=a",
    " a = a ; b",
    "a",
    "a=",
    "a=\"a\"",
    "aa=b; ;=a",
    "b=b; a=b",
];

/// A request and its draw: mostly one that is meant for some route.
pub(super) fn request(source: &mut Source<'_>, rules: &RuleSet) -> (OwnedRequest, u64) {
    let request = if source.once_in(5) { any(source) } else { aimed::request(source, rules) };
    (request, source.draw())
}

/// A request for nothing in particular.
fn any(source: &mut Source<'_>) -> OwnedRequest {
    let method = source.pick(&METHODS);
    let target = target(source);
    let mut request = OwnedRequest {
        method: method.into(),
        target: target.into_bytes(),
        authority: None,
        headers: hosts(source),
        version: Version::HTTP_11,
        connection: connection(source),
        server_name: server_name(source),
        attributes: Vec::new(),
    };
    push_anything(&mut request, source);
    if source.once_in(6) {
        let host = source.pick(&HOSTS);
        over_http2(&mut request, host.into());
    }
    request
}

/// Adds header lines and attributes.
fn push_anything(request: &mut OwnedRequest, source: &mut Source<'_>) {
    for _ in 0..source.below(4) {
        request.headers.push(match source.below(8) {
            6 => ("origin".into(), "https://a".into()),
            7 => ("access-control-request-method".into(), "PUT".into()),
            0..2 => ("x-a".into(), source.pick(&HEADER_VALUES).into()),
            2 => ("X-A".into(), source.pick(&HEADER_VALUES).into()),
            3 => ("x-b".into(), source.pick(&HEADER_VALUES).into()),
            4 => ("cookie".into(), source.pick(&COOKIES).into()),
            _ => ("Cookie".into(), source.pick(&COOKIES).into()),
        });
    }
    if source.once_in(4) {
        request.attributes.push(("a".into(), source.pick(&HEADER_VALUES).into()));
    }
    for _ in 0..source.pick(&[0, 1, 2]) {
        let (name, value) = source.pick(&CALLERS);
        if request.attributes.iter().all(|(known, _)| known != name) {
            request.attributes.push((name.into(), value.into()));
        }
    }
}

fn over_http2(request: &mut OwnedRequest, authority: Vec<u8>) {
    request.version = Version::HTTP_2;
    request.authority = Some(authority);
    request.headers.retain(|(name, _)| name != "host");
}

fn target(source: &mut Source<'_>) -> String {
    if source.once_in(12) {
        return source.pick(&TARGETS).into();
    }
    let mut target = String::new();
    let odd = source.once_in(3);
    for _ in 0..1 + source.below(4) {
        target.push('/');
        let labels: &[&str] = if odd && source.once_in(2) { &ODD_SEGMENTS } else { &SEGMENTS };
        target.push_str(source.pick(labels));
    }
    if source.once_in(2) {
        target.push_str(source.pick(&QUERIES));
    }
    target
}

fn hosts(source: &mut Source<'_>) -> Vec<(String, Vec<u8>)> {
    let line = |host: &str| ("host".to_owned(), host.as_bytes().to_vec());
    let host = source.pick(&HOSTS);
    match source.below(16) {
        15 => Vec::new(),
        14 => vec![line(host), line(host)],
        12 | 13 => vec![line(source.pick(&ODD_HOSTS))],
        _ => vec![line(host)],
    }
}

/// What a client says when TLS begins.
fn server_name(source: &mut Source<'_>) -> Option<String> {
    source.once_in(3).then(|| match source.below(8) {
        0 => String::new(),
        1 => source.pick(&ODD_HOSTS).into(),
        2 => "a".repeat(254),
        _ => source.pick(&HOSTS).into(),
    })
}

fn connection(source: &mut Source<'_>) -> Connection {
    let port = if source.once_in(6) { source.pick(&[8080, 81]) } else { 80 };
    let address = source.once_in(4).then(|| source.pick(&[[127, 0, 0, 1], [127, 0, 0, 2]]).into());
    let https = source.once_in(4);
    Connection {
        listener: ListenerKey { address, port },
        protocol: if https { Protocol::Https } else { Protocol::Http },
        peer: source.once_in(4).then(|| ([10, 0, 0, 1], 4711).into()),
    }
}
