//! The head of a request as the client sent it.

use crate::abi::{Attribute, Side, Stream};
use gateway_core::rules::Protocol;
use gateway_core::{Connection, Request};
use http::{HeaderMap, HeaderName, HeaderValue, Version};
use std::net::SocketAddr;

/// The head of a request as the client sent it. The filter changes Envoy's copy, and rules read what
/// was there before: of requests, and when the answer comes.
pub(crate) struct Head {
    method: String,
    target: Vec<u8>,
    authority: Option<Vec<u8>>,
    pub(crate) fields: HeaderMap,
    version: Version,
    connection: Connection,
    server_name: Option<Vec<u8>>,
}

impl Head {
    /// That of a stream. `port` is the one that documents name for the listener; without it, it is
    /// the one that the client is connected to.
    ///
    /// `None` where Envoy has taken something that is no header.
    pub(crate) fn read(stream: &Stream<'_>, port: Option<u16>) -> Option<Self> {
        let mut head = Self {
            method: String::new(),
            target: Vec::new(),
            authority: None,
            fields: HeaderMap::new(),
            version: match stream.text(Attribute::Protocol).as_deref() {
                Some(b"HTTP/1.0") => Version::HTTP_10,
                Some(b"HTTP/2") => Version::HTTP_2,
                Some(b"HTTP/3") => Version::HTTP_3,
                _ => Version::HTTP_11,
            },
            connection: connection(stream, port),
            server_name: None,
        };
        if stream.text(Attribute::TlsVersion).is_some_and(|version| !version.is_empty()) {
            head.connection.protocol = Protocol::Https;
            head.server_name = stream.text(Attribute::ServerName);
        }
        let mut is_legal = true;
        stream
            .each_header(Side::Request, |name, value| is_legal &= head.add(name, value).is_some());
        is_legal.then_some(head)
    }

    fn add(&mut self, name: &[u8], value: &[u8]) -> Option<()> {
        match name {
            b":method" => self.method = str::from_utf8(value).ok()?.to_owned(),
            b":path" => self.target = value.to_owned(),
            b":authority" => self.authority = Some(value.to_owned()),
            // Of no use to rules: `:scheme`, `:protocol`.
            [b':', ..] => {}
            _ => {
                let name = HeaderName::from_bytes(name).ok()?;
                self.fields.try_append(name, HeaderValue::from_bytes(value).ok()?).ok()?;
            }
        }
        Some(())
    }

    /// How long the body is going to be, as far as the client says.
    pub(crate) fn content_length(&self) -> Option<u64> {
        self.fields.get(http::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }
}

/// The connection of a stream, as if without TLS.
fn connection(stream: &Stream<'_>, port: Option<u16>) -> Connection {
    let address = |attribute| -> Option<SocketAddr> {
        str::from_utf8(&stream.text(attribute)?).ok()?.parse().ok()
    };
    let local = address(Attribute::DestinationAddress);
    let mut connection = Connection::http(port.or(local.map(|it| it.port())).unwrap_or_default());
    connection.listener.address = local.map(|it| it.ip());
    connection.peer = address(Attribute::SourceAddress);
    connection
}

impl Request for Head {
    fn method(&self) -> &str {
        &self.method
    }

    fn target(&self) -> &[u8] {
        &self.target
    }

    /// What Envoy makes of `Host`, of an absolute target and of `:authority`.
    fn authority(&self) -> Option<&[u8]> {
        self.authority.as_deref()
    }

    fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let host = if name == "host" { self.authority() } else { None };
        let lines = self.fields.get_all(name).into_iter().map(HeaderValue::as_bytes);
        host.into_iter().chain(lines)
    }

    fn version(&self) -> Version {
        self.version
    }

    fn connection(&self) -> Connection {
        self.connection
    }

    fn server_name(&self) -> Option<&[u8]> {
        self.server_name.as_deref()
    }
}
