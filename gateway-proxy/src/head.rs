//! Heads: how the engine sees a client's, and what a client gets back.

use crate::attributes::Attributes;
use crate::downstream::Unread;
use crate::gate::Pass;
use crate::http1::{has, is_of_connection, items, lists};
use crate::shutdown::Draining;
use crate::streams::Streams;
use crate::tls::{Session, SpiffeId};
use gateway_core::{Connection, Request};
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TRAILER, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

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
    /// Most of one request of which a client hears.
    pub(crate) const MOST: u8 = 16;

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
    /// Those of the request that it has, in HTTP/1.
    pub(crate) interim: Rc<Interim>,
    /// Those of its requests that are under way, where it speaks HTTP/2.
    pub(crate) streams: Streams,
    /// Those that it takes among all connections, and among those of its address.
    pub(crate) places: RefCell<[Pass; 2]>,
    /// The workload that it has proved to be.
    pub(crate) identity: Option<SpiffeId>,
    /// What the handshake came to, where it has come by TLS.
    pub(crate) session: Option<Box<Session>>,
    /// Both as fields tell them.
    pub(crate) address: HeaderValue,
    pub(crate) port: HeaderValue,
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
            interim: Rc::default(),
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
pub(crate) fn address(of: SocketAddr) -> Option<HeaderValue> {
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

impl<'a> Head<'a> {
    /// The protocol that the client wants to change to, if it may.
    pub(crate) fn upgrade(&self) -> Option<&'a HeaderValue> {
        let headers = &self.parts.headers;
        let protocol = has(headers, &UPGRADE).then(|| headers.get(UPGRADE))??;
        // HTTP/2 is agreed on before the first request, not by an upgrade (RFC 9113, section 3.1),
        // and HTTP/1.0 knows none (RFC 9110, section 7.8).
        let wanted = self.parts.version != Version::HTTP_10
            && !protocol.as_bytes().eq_ignore_ascii_case(b"h2c")
            && lists(&self.parts.headers, &CONNECTION, "upgrade");
        wanted.then_some(protocol)
    }
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
pub(crate) fn is_hop_by_hop(name: &HeaderName) -> bool {
    match *name {
        PROXY_AUTHENTICATE | PROXY_AUTHORIZATION => true,
        _ => is_of_connection(name) || name.as_str() == "http2-settings",
    }
}

/// The fields that `Connection` names.
pub(crate) struct ConnectionOptions(Vec<HeaderName>);

impl ConnectionOptions {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut names = Vec::new();
        for option in items(headers, &CONNECTION) {
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
        Self(names)
    }

    pub(crate) fn contain(&self, name: &HeaderName) -> bool {
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
}
