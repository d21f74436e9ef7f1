//! A request that owns its pieces.

use gateway_core::{Connection, Request};
use http::Version;

/// A request that owns its pieces. `Host` is a header line like any other, so that it can be
/// missing or stand twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedRequest {
    /// The method.
    pub method: String,
    /// The request target as sent.
    pub target: Vec<u8>,
    /// The `:authority` of HTTP/2.
    pub authority: Option<Vec<u8>>,
    /// The header lines in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The protocol version.
    pub version: Version,
    /// The connection.
    pub connection: Connection,
    /// The server name that was given when TLS began, if that is known.
    pub server_name: Option<String>,
    /// What the embedder knows besides.
    pub attributes: Vec<(String, Vec<u8>)>,
}

impl OwnedRequest {
    /// A request over plain HTTP/1.1 to `port`.
    pub fn new(method: &str, host: &str, port: u16, target: &str) -> Self {
        Self {
            method: method.into(),
            target: target.into(),
            authority: None,
            headers: vec![("host".into(), host.into())],
            version: Version::HTTP_11,
            connection: Connection::http(port),
            server_name: None,
            attributes: Vec::new(),
        }
    }

    /// The same with one more header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl Request for OwnedRequest {
    fn method(&self) -> &str {
        &self.method
    }

    fn target(&self) -> &[u8] {
        &self.target
    }

    fn authority(&self) -> Option<&[u8]> {
        self.authority.as_deref()
    }

    fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let lines = self.headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name));
        lines.map(|(_, value)| value.as_slice())
    }

    fn version(&self) -> Version {
        self.version
    }

    fn connection(&self) -> Connection {
        self.connection
    }

    fn server_name(&self) -> Option<&[u8]> {
        self.server_name.as_ref().map(|name| name.as_bytes())
    }

    fn attribute(&self, name: &str) -> Option<&[u8]> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_slice())
    }
}
