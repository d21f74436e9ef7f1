//! A request as one line. Nothing that a client writes can end it or look like another field: in
//! text, `"`, `\` and whatever is not printable ASCII are written as `\xHH`, as NGINX does; in
//! JSON, strings are JSON's.

use super::LogFormat;
use crate::record::{Facts, Try};
use http::HeaderValue;
use serde_json::Value;
use std::io::Write;
use std::time::Duration;

/// What most lines have room in.
const USUAL: usize = 768;

/// The line of a request, with its end.
pub(super) fn write(facts: &Facts, format: LogFormat) -> Vec<u8> {
    let mut out = Vec::with_capacity(USUAL);
    match format {
        LogFormat::Text => text(facts, &mut out),
        LogFormat::Json => json(facts, &mut out),
    }
    out.push(b'\n');
    out
}

/// NGINX's `combined`, and what it lacks as `name="value"`; the problem comes last.
fn text(facts: &Facts, out: &mut Vec<u8>) {
    let parts = &facts.request;
    put(out, format_args!("{} - - [{}] \"", facts.peer.ip(), facts.at.common()));
    match parts.method() {
        "" => out.push(b'-'),
        method => {
            escape(method.as_bytes(), out);
            out.push(b' ');
            escape(parts.target().as_bytes(), out);
            put(out, format_args!(" {}", parts.protocol()));
        }
    }
    put(out, format_args!("\" {} {} ", facts.status(), facts.sent));
    quoted(octets(parts.referer.as_ref()), out);
    out.push(b' ');
    quoted(octets(parts.user_agent.as_ref()), out);
    let mut field = |name: &str, value: &[u8]| {
        put(out, format_args!(" {name}="));
        quoted(value, out);
    };
    field("host", parts.host());
    field("identity", facts.identity().as_bytes());
    field("listener", facts.listener().as_bytes());
    field("route", facts.route().as_bytes());
    field("rule", facts.rule().as_bytes());
    field("branch", facts.branch.as_bytes());
    field("service", facts.service.as_bytes());
    field("upstream", listed(&facts.tries, |t| t.address.to_string()).as_bytes());
    field("upstream_status", listed(&facts.tries, outcome).as_bytes());
    field("upstream_connect_time", listed(&facts.tries, |t| seconds(t.connect)).as_bytes());
    field("upstream_header_time", listed(&facts.tries, |t| seconds(t.head())).as_bytes());
    field("request_time", seconds(Some(facts.duration)).as_bytes());
    field("bytes_received", facts.received.to_string().as_bytes());
    field("retries", facts.retries().to_string().as_bytes());
    field("request_id", octets(parts.request_id.as_ref()));
    field("trace_id", facts.trace_id().as_bytes());
    field("tls", facts.tls_version().as_bytes());
    field("server_name", facts.server_name().as_bytes());
    let problem = if facts.problem.is_empty() { "-" } else { facts.problem };
    put(out, format_args!(" problem={problem}"));
}

/// One value for each try: `a, b`.
fn listed(tries: &[Try], value: impl Fn(&Try) -> String) -> String {
    tries.iter().map(value).collect::<Vec<_>>().join(", ")
}

/// The status of a try, or in a word why there is none.
fn outcome(tried: &Try) -> String {
    match (tried.status, tried.problem) {
        (Some(status), _) => status.as_u16().to_string(),
        (None, "") => "-".to_owned(),
        (None, problem) => problem.to_owned(),
    }
}

/// Seconds with milliseconds, as NGINX prints them.
fn seconds(duration: Option<Duration>) -> String {
    duration.map_or_else(|| "-".to_owned(), |d| format!("{:.3}", d.as_secs_f64()))
}

fn quoted(value: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    escape(if value.is_empty() { b"-" } else { value }, out);
    out.push(b'"');
}

fn escape(value: &[u8], out: &mut Vec<u8>) {
    for octet in value {
        match octet {
            b'"' | b'\\' | ..0x20 | 0x7f.. => put(out, format_args!("\\x{octet:02X}")),
            _ => out.push(*octet),
        }
    }
}

fn json(facts: &Facts, out: &mut Vec<u8>) {
    let parts = &facts.request;
    let micros = |duration: Duration| Value::from(duration.as_micros() as u64);
    let mut object = Object { out, separator: '{' };
    object.text("time", &facts.at.timestamp());
    let client = match facts.peer.port() {
        0 => facts.peer.ip().to_string(),
        _ => facts.peer.to_string(),
    };
    object.text("client", &client);
    object.text("identity", facts.identity());
    object.text("listener", facts.listener());
    object.text("method", parts.method());
    object.octets("host", parts.host());
    object.text("target", parts.target());
    object.text("protocol", parts.protocol());
    object.value("status", &facts.status().into());
    object.value("bytes_received", &facts.received.into());
    object.value("bytes_sent", &facts.sent.into());
    object.value("duration_us", &micros(facts.duration));
    object.text("route", facts.route());
    object.text("rule", facts.rule());
    object.text("branch", &facts.branch);
    object.text("service", &facts.service);
    let tries = facts.tries.iter().map(|tried| {
        serde_json::json!({
            "address": tried.address.to_string(),
            "status": tried.status.map(|status| status.as_u16()),
            "problem": tried.problem,
            "connect_us": tried.connect.map(micros),
            "head_us": tried.head().map(micros),
        })
    });
    object.value("upstreams", &tries.collect());
    object.value("retries", &facts.retries().into());
    object.text("problem", facts.problem);
    object.octets("request_id", octets(parts.request_id.as_ref()));
    object.text("trace_id", &facts.trace_id());
    object.text("tls_version", facts.tls_version());
    object.text("server_name", facts.server_name());
    object.octets("user_agent", octets(parts.user_agent.as_ref()));
    object.octets("referer", octets(parts.referer.as_ref()));
    out.push(b'}');
}

/// An object that is being written, in the order of its fields.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    separator: char,
}

impl Object<'_> {
    fn name(&mut self, name: &str) {
        put(self.out, format_args!("{}\"{name}\":", self.separator));
        self.separator = ',';
    }

    fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        serde_json::to_writer(&mut *self.out, value).expect("writing to memory never fails");
    }

    fn octets(&mut self, name: &str, value: &[u8]) {
        self.text(name, &String::from_utf8_lossy(value));
    }

    fn value(&mut self, name: &str, value: &Value) {
        self.name(name);
        serde_json::to_writer(&mut *self.out, value).expect("writing to memory never fails");
    }
}

fn octets(value: Option<&HeaderValue>) -> &[u8] {
    value.map_or(b"", HeaderValue::as_bytes)
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to memory never fails");
}
