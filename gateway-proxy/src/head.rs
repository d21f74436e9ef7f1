//! Heads: how the engine sees a client's, what a backend is sent, and what a client gets back.

use crate::attributes::Attributes;
use crate::downstream::Unread;
use crate::gate::Pass;
use crate::http1::lists;
use crate::shutdown::Draining;
use crate::streams::Streams;
use crate::tls::{Session, SpiffeId};
use crate::trace::{Context, TRACEPARENT, TRACESTATE};
use crate::upstream::{Channel, HttpVersion};
use gateway_core::rules::HeaderOps;
use gateway_core::{Connection, Decision, Outcome, Request};
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, Version};
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// How many connections there were so far.
static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

/// A client's request as the engine sees it.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) parts: &'a Parts,
    pub(crate) client: &'a Client,
    pub(crate) attributes: &'a Attributes,
    /// Whose request it is: the client of the connection, or whom a trusted proxy names.
    pub(crate) peer: SocketAddr,
    /// Where answers go that announce the one to come; `None` where nobody takes them.
    pub(crate) interim: Option<&'a Interim>,
}

/// Answers of a backend that announce the one to come (1xx), on their way to the client.
#[derive(Default)]
pub(crate) struct Interim(RefCell<Vec<(StatusCode, HeaderMap)>>);

impl Interim {
    /// Passes one on.
    pub(crate) fn push(&self, status: StatusCode, mut headers: HeaderMap) {
        strip_answer(&mut headers);
        // They have neither a body nor its length (RFC 9110, section 8.6).
        headers.remove(CONTENT_LENGTH);
        self.0.borrow_mut().push((status, headers));
    }

    /// Those that were not sent yet, in order.
    pub(crate) fn take(&self) -> Vec<(StatusCode, HeaderMap)> {
        self.0.take()
    }
}

/// The connection that a request came on, with what backends are told about it.
pub(crate) struct Client {
    pub(crate) connection: Connection,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    /// How many there were up to this one.
    pub(crate) number: u64,
    pub(crate) draining: Draining,
    /// How many requests came on it so far.
    pub(crate) requests: Cell<u64>,
    pub(crate) unread: Unread,
    pub(crate) interim: Interim,
    /// Those of its requests that are under way, where it speaks HTTP/2.
    pub(crate) streams: Streams,
    /// Those that it takes among all connections, and among those of its address.
    pub(crate) places: RefCell<[Pass; 2]>,
    /// The workload that it has proved to be.
    pub(crate) identity: Option<SpiffeId>,
    /// What the handshake came to, where it has come by TLS.
    pub(crate) session: Option<Box<Session>>,
    address: HeaderValue,
    port: HeaderValue,
}

impl Client {
    /// The client at `peer`, which is connected to `local`.
    pub(crate) fn new(
        connection: Connection,
        peer: SocketAddr,
        local: SocketAddr,
        draining: Draining,
    ) -> Self {
        let address = address(peer).expect("an IP address is a legal field value");
        let port = HeaderValue::from(local.port());
        Self {
            connection,
            peer,
            local,
            number: CONNECTIONS.fetch_add(1, Ordering::Relaxed) + 1,
            draining,
            requests: Cell::new(0),
            unread: Unread::default(),
            interim: Interim::default(),
            streams: Streams::new(),
            places: Default::default(),
            identity: None,
            session: None,
            address,
            port,
        }
    }
}

/// An address as a field tells it, without its port.
fn address(of: SocketAddr) -> Option<HeaderValue> {
    HeaderValue::try_from(of.ip().to_string()).ok()
}

impl Request for Head<'_> {
    fn method(&self) -> &str {
        self.parts.method.as_str()
    }

    fn target(&self) -> &[u8] {
        Request::target(self.parts)
    }

    fn authority(&self) -> Option<&[u8]> {
        Request::authority(self.parts)
    }

    fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        Request::headers(self.parts, name)
    }

    fn version(&self) -> Version {
        self.parts.version
    }

    fn connection(&self) -> Connection {
        Connection { peer: Some(self.peer), ..self.client.connection }
    }

    fn server_name(&self) -> Option<&[u8]> {
        Some(self.client.session.as_ref()?.server_name.as_bytes())
    }

    fn attribute(&self, name: &str) -> Option<&[u8]> {
        self.attributes.read(name, self)
    }
}

impl Head<'_> {
    /// The protocol that the client wants to change to, if it may.
    pub(crate) fn upgrade(&self) -> Option<&HeaderValue> {
        let protocol = self.parts.headers.get(UPGRADE)?;
        // HTTP/2 is agreed on before the first request, not by an upgrade (RFC 9113, section 3.1),
        // and HTTP/1.0 knows none (RFC 9110, section 7.8).
        let wanted = self.parts.version != Version::HTTP_10
            && !protocol.as_bytes().eq_ignore_ascii_case(b"h2c")
            && lists(&self.parts.headers, &CONNECTION, "upgrade");
        wanted.then_some(protocol)
    }

    /// The head that a backend gets on a connection; `None` if the rule's rewrites make no legal
    /// one.
    pub(crate) fn for_backend(
        &self,
        decision: &Decision<'_>,
        channel: &Channel,
    ) -> Option<http::request::Builder> {
        let mut target =
            Vec::with_capacity(self.parts.uri.path_and_query().map_or(0, |it| it.as_str().len()));
        decision.write_target(self, &mut target);
        let mut headers = self.end_to_end();
        if let Some(authority) = self.parts.uri.authority()
            && let Ok(host) = HeaderValue::from_str(authority.as_str())
        {
            // An absolute target wins over the field (RFC 9112, section 3.2.2).
            headers.insert(HOST, host);
        }
        // The client's fields may be dropped, not what the proxy says itself unless the rule sets
        // it, be it to nothing.
        let drops = request_headers(decision).filter(|ops| ops.drop_all);
        let mut kept = drops.map(|ops| (ops, HeaderMap::new()));
        self.tell(&mut headers, |headers, name, value| {
            if let Some((_, told)) = &mut kept {
                told.insert(name.clone(), value.clone());
            }
            headers.insert(name, value);
        });
        decision.edit_request(self, &mut headers);
        if let Some(host) = decision.host_header(self) {
            headers.insert(HOST, host);
        }
        if let Some((ops, told)) = kept {
            for (name, value) in &told {
                if ops.set.iter().all(|edit| edit.name != name) {
                    headers.insert(name, value.clone());
                }
            }
            if let Some(host) = self.parts.headers.get(HOST) {
                headers.entry(HOST).or_insert_with(|| host.clone());
            }
        }
        // The length follows from the body that is sent, whatever a rule says.
        headers.remove(CONTENT_LENGTH);
        headers.remove(TRANSFER_ENCODING);
        // The other protocol that a client would like is not offered in HTTP/2.
        let upgrade = self.upgrade().filter(|_| channel.speech.version == HttpVersion::Http1);
        if let Some(protocol) = upgrade {
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, protocol.clone());
        } else if lists(&self.parts.headers, &TE, "trailers") {
            headers.insert(TE, HeaderValue::from_static("trailers"));
            if channel.speech.version == HttpVersion::Http1 {
                headers.insert(CONNECTION, HeaderValue::from_static("te"));
            }
        }
        let mut uri = match self.parts.uri.path_and_query() {
            Some(same) if same.as_str().as_bytes() == target => Uri::from(same.clone()),
            _ => Uri::try_from(target).ok()?,
        };
        if channel.speech.version == HttpVersion::Http2 {
            let mut parts = uri.into_parts();
            parts.authority = Some(Authority::try_from(headers.remove(HOST)?.as_bytes()).ok()?);
            let in_tls = channel.tls().is_some();
            parts.scheme = Some(if in_tls { Scheme::HTTPS } else { Scheme::HTTP });
            uri = Uri::from_parts(parts).ok()?;
        }
        let mut builder = http::Request::builder().method(self.parts.method.clone()).uri(uri);
        if let Some(slot) = builder.headers_mut() {
            *slot = headers;
        }
        Some(builder)
    }

    /// The client's fields without those meant for this proxy alone.
    fn end_to_end(&self) -> HeaderMap {
        let from = &self.parts.headers;
        let named = ConnectionOptions::of(from);
        let mut to = HeaderMap::with_capacity(from.len() + 6);
        for (name, value) in from {
            if !is_hop_by_hop(name) && *name != EXPECT && !named.contain(name) {
                to.append(name, value.clone());
            }
        }
        to
    }

    /// Tells backends about the client, and about the trace that the request is a part of.
    fn tell(
        &self,
        headers: &mut HeaderMap,
        mut insert: impl FnMut(&mut HeaderMap, HeaderName, HeaderValue),
    ) {
        let Client { address: own, port, peer, connection, .. } = self.client;
        let mut chain = Vec::new();
        for value in headers.get_all(&X_FORWARDED_FOR) {
            chain.extend_from_slice(value.as_bytes());
            chain.extend_from_slice(b", ");
        }
        let chain = if chain.is_empty() {
            own.clone()
        } else {
            chain.extend_from_slice(own.as_bytes());
            HeaderValue::from_maybe_shared(bytes::Bytes::from(chain))
                .unwrap_or_else(|_| own.clone())
        };
        insert(headers, X_FORWARDED_FOR, chain);
        if let Some(host) = headers.get(HOST).map(without_port) {
            insert(headers, X_FORWARDED_HOST, host);
        }
        insert(headers, X_FORWARDED_PORT, port.clone());
        let protocol = connection.protocol.as_str();
        insert(headers, X_FORWARDED_PROTO, HeaderValue::from_static(protocol));
        let real = if self.peer == *peer { None } else { address(self.peer) };
        insert(headers, X_REAL_IP, real.unwrap_or_else(|| own.clone()));
        if let Some(context) = self.attributes.trace.get() {
            if Context::read(&self.parts.headers).is_none() {
                // It belongs to the field that another one takes the place of.
                headers.remove(TRACESTATE);
            }
            insert(headers, TRACEPARENT, context.into());
        }
    }
}

/// The rule's changes to the header that a backend gets.
fn request_headers<'r>(decision: &Decision<'r>) -> Option<&'r HeaderOps> {
    match decision.admitted() {
        Outcome::Forward(forwarding) => Some(&forwarding.forward.request_headers),
        _ => None,
    }
}

/// A host in lower case and without its port, which is told on its own.
fn without_port(host: &HeaderValue) -> HeaderValue {
    let octets = host.as_bytes();
    let end = match octets.iter().rposition(|b| *b == b':') {
        Some(colon) if octets[colon..].iter().skip(1).all(u8::is_ascii_digit) => colon,
        _ => octets.len(),
    };
    if end == octets.len() && !octets.iter().any(u8::is_ascii_uppercase) {
        return host.clone();
    }
    let lower = octets[..end].to_ascii_lowercase();
    HeaderValue::from_maybe_shared(bytes::Bytes::from(lower)).unwrap_or_else(|_| host.clone())
}

/// Drops the fields of an answer that were meant for this proxy alone.
pub(crate) fn strip_answer(headers: &mut HeaderMap) {
    let named = ConnectionOptions::of(headers);
    let drop: Vec<HeaderName> =
        headers.keys().filter(|name| is_hop_by_hop(name) || named.contain(name)).cloned().collect();
    for name in drop {
        headers.remove(name);
    }
}

/// Whether a field is about one connection only (RFC 9110, section 7.6.1).
fn is_hop_by_hop(name: &HeaderName) -> bool {
    match *name {
        CONNECTION | TE | TRANSFER_ENCODING | UPGRADE | PROXY_AUTHENTICATE
        | PROXY_AUTHORIZATION => true,
        _ => matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings"),
    }
}

/// The fields that `Connection` names.
struct ConnectionOptions(Vec<HeaderName>);

impl ConnectionOptions {
    fn of(headers: &HeaderMap) -> Self {
        let mut names = Vec::new();
        for value in headers.get_all(CONNECTION) {
            for option in value.as_bytes().split(|b| *b == b',').map(<[u8]>::trim_ascii) {
                // Most often there is nothing else; and no request may make these disappear.
                let common = [&b"keep-alive"[..], b"close", b"upgrade", b"te"];
                if common.iter().any(|known| option.eq_ignore_ascii_case(known)) {
                    continue;
                }
                if let Ok(name) = HeaderName::from_bytes(option)
                    && ![HOST, CONTENT_LENGTH, TRAILER].contains(&name)
                {
                    names.push(name);
                }
            }
        }
        Self(names)
    }

    fn contain(&self, name: &HeaderName) -> bool {
        self.0.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn answers_lose_what_is_about_the_connection() {
        let mut headers = map(&[
            ("connection", "keep-alive, X-Private"),
            ("connection", "x-other, content-length"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("x-private", "1"),
            ("x-other", "2"),
            ("content-length", "3"),
            ("etag", "4"),
            ("trailer", "x-sum"),
        ]);
        strip_answer(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-length", "etag", "trailer"]);
    }

    #[test]
    fn hosts_are_told_without_their_port() {
        for (host, want) in [
            ("cafe.example.com", "cafe.example.com"),
            ("Cafe.Example.com:8080", "cafe.example.com"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("127.0.0.1:", "127.0.0.1"),
        ] {
            assert_eq!(without_port(&HeaderValue::from_static(host)), want, "{host}");
        }
    }
}
