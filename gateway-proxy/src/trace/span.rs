//! A request as spans, with the names that OpenTelemetry's conventions have for HTTP.

use super::{Context, Span};
use crate::record::{Facts, Try};
use crate::upstream::Address;
use http::HeaderValue;
use serde_json::{Value, json};
use std::time::Duration;

const SERVER: u8 = 2;
const CLIENT: u8 = 3;

/// Methods that have a name in traces; others are `_OTHER`, so that clients make up none.
const METHODS: [&str; 9] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

/// The span of the request, and those of its tries.
pub(super) fn write(span: Span, facts: &Facts) -> impl Iterator<Item = String> {
    let tries = facts.tries.iter().enumerate();
    let tries =
        tries.filter_map(move |(i, tried)| Some(of_try(tried.span?, span, i, tried, facts)));
    std::iter::once(of_request(span, facts)).chain(tries).map(|span| span.to_string())
}

/// Attributes that are being gathered.
struct Attributes(Vec<Value>);

impl Attributes {
    fn text(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.0.push(json!({"key": key, "value": {"stringValue": value}}));
        }
    }

    fn field(&mut self, key: &str, value: Option<&HeaderValue>) {
        self.text(
            key,
            &value.map_or_else(Default::default, |v| String::from_utf8_lossy(v.as_bytes())),
        );
    }

    /// Numbers of 64 bits are strings in the JSON of protocol buffers.
    fn number(&mut self, key: &str, value: u64) {
        self.0.push(json!({"key": key, "value": {"intValue": value.to_string()}}));
    }

    fn method(&mut self, method: &str) {
        let known = METHODS.contains(&method);
        self.text("http.request.method", if known { method } else { "_OTHER" });
        if !known {
            self.text("http.request.method_original", method);
        }
    }
}

fn of_request(span: Span, facts: &Facts) -> Value {
    let (request, client) = (&facts.request, &facts.client);
    let status = facts.status();
    let mut attributes = Attributes(Vec::with_capacity(24));
    attributes.method(request.method());
    attributes.text("url.scheme", client.connection.protocol.as_str());
    let (path, query) = request.target().split_once('?').unwrap_or((request.target(), ""));
    attributes.text("url.path", path);
    attributes.text("url.query", query);
    let host = String::from_utf8_lossy(request.host());
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()),
        _ => (&*host, None),
    };
    attributes.text("server.address", name);
    attributes.number("server.port", u64::from(port.unwrap_or(client.local.port())));
    attributes.text("client.address", &facts.peer.ip().to_string());
    attributes.text("network.peer.address", &client.peer.ip().to_string());
    attributes.number("network.peer.port", client.peer.port().into());
    attributes.text("network.protocol.name", "http");
    attributes.text("network.protocol.version", request.protocol().trim_start_matches("HTTP/"));
    attributes.text("tls.protocol.version", facts.tls_version().trim_start_matches("TLSv"));
    attributes.field("user_agent.original", request.user_agent.as_ref());
    attributes.number("http.request.body.size", facts.received);
    attributes.number("http.response.status_code", status.into());
    attributes.number("http.response.body.size", facts.sent);
    attributes.text("gateway.listener", facts.listener());
    attributes.text("gateway.route", facts.route());
    attributes.text("gateway.rule", facts.rule());
    attributes.text("gateway.service", &facts.service);
    let is_error = status >= 500;
    if is_error {
        attributes.text("error.type", &error_type(facts.problem, status));
    }
    let times = (Duration::ZERO, facts.duration);
    let parent = span.parent.map(|parent| parent.to_string());
    object(SERVER, span.context, parent, facts, times, attributes, is_error)
}

fn of_try(context: Context, above: Span, number: usize, tried: &Try, facts: &Facts) -> Value {
    let mut attributes = Attributes(Vec::with_capacity(8));
    attributes.method(facts.request.method());
    match &tried.address {
        Address::Socket(address) => {
            attributes.text("server.address", &address.ip().to_string());
            attributes.number("server.port", address.port().into());
            attributes.text("network.peer.address", &address.ip().to_string());
            attributes.number("network.peer.port", address.port().into());
        }
        Address::Name(name, port) => {
            attributes.text("server.address", name);
            attributes.number("server.port", (*port).into());
        }
    }
    if number > 0 {
        attributes.number("http.request.resend_count", number as u64);
    }
    let status = tried.status.map(|status| status.as_u16());
    if let Some(status) = status {
        attributes.number("http.response.status_code", status.into());
    }
    let is_error = status.is_none_or(|status| status >= 400);
    if is_error {
        attributes.text("error.type", &error_type(tried.problem, status.unwrap_or_default()));
    }
    let begin = tried.started.saturating_duration_since(facts.started);
    // A try that came to nothing ends with its request.
    let end = tried.took.map_or(facts.duration, |took| begin + took);
    let parent = Some(above.context.span_id.to_string());
    object(CLIENT, context, parent, facts, (begin, end), attributes, is_error)
}

/// In a word, or else the status.
fn error_type(problem: &str, status: u16) -> String {
    match (problem, status) {
        ("", 0) => "_OTHER".to_owned(),
        ("", status) => status.to_string(),
        (problem, _) => problem.to_owned(),
    }
}

/// A span; `times` are since the request came.
fn object(
    kind: u8,
    context: Context,
    parent: Option<String>,
    facts: &Facts,
    times: (Duration, Duration),
    attributes: Attributes,
    is_error: bool,
) -> Value {
    let nanos = |since: Duration| (facts.at.since_epoch() + since).as_nanos().to_string();
    let method = facts.request.method();
    json!({
        "traceId": context.trace_id.to_string(),
        "spanId": context.span_id.to_string(),
        "parentSpanId": parent.unwrap_or_default(),
        "flags": u8::from(context.sampled),
        "name": if METHODS.contains(&method) { method } else { "HTTP" },
        "kind": kind,
        "startTimeUnixNano": nanos(times.0),
        "endTimeUnixNano": nanos(times.1),
        "attributes": attributes.0,
        "status": if is_error { json!({"code": 2}) } else { json!({}) },
    })
}
