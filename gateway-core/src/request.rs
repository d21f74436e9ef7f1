//! What the engine asks of a request.

pub(crate) mod caller;
pub(crate) mod credentials;
pub(crate) mod field;
pub(crate) mod host;
pub(crate) mod path;
mod scan;

pub use credentials::Credentials;
pub use path::{Forwarded, InvalidTarget, MAX_PATH, PathPolicy, Treatment};

use http::Version;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A request as the engine sees it. Fields are read lazily, each at most once per decision.
///
/// Implemented for [`RequestHead`] and, with a [`Connection`] and a [`ServerName`] among its
/// extensions, for [`http::request::Parts`].
pub trait Request {
    /// The method, as sent.
    fn method(&self) -> &str;

    /// The request target as sent: `/path?query`, an absolute URL, `host:port` with CONNECT, or
    /// `*`.
    fn target(&self) -> &[u8];

    /// The `:authority` of HTTP/2 and HTTP/3; `None` in HTTP/1, where the engine looks at the
    /// target and the `Host` field itself.
    fn authority(&self) -> Option<&[u8]>;

    /// The lines of a header field, in order. `name` is in lower case; a request compares without
    /// regard to case.
    fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]>;

    /// The protocol version.
    fn version(&self) -> Version;

    /// The connection that it came on.
    fn connection(&self) -> Connection;

    /// The server name that the client gave when TLS began: empty where it gave none, `None` where
    /// that is not known, or where TLS did not end here. Requests that came to the wrong place are
    /// told by it (gateway-api §7.3).
    fn server_name(&self) -> Option<&[u8]> {
        None
    }

    /// What the embedder knows besides under this name: a verified JWT claim, the name of a TLS
    /// client, any variable of its own.
    fn attribute(&self, name: &str) -> Option<&[u8]> {
        let _ = name;
        None
    }
}

/// Names of attributes ([`Request::attribute`]) by which the engine itself asks who calls (smi
/// T-2, N-8). Whoever supplies them has verified them: nothing of a request's header belongs here.
pub mod attributes {
    /// The caller's service account, as `namespace/name`.
    pub const SOURCE_ACCOUNT: &str = "source_account";
    /// The caller's SPIFFE id. One of the form `spiffe://<trust domain>/ns/<namespace>/sa/<name>`
    /// tells its service account too, where [`SOURCE_ACCOUNT`] is absent.
    pub const SOURCE_IDENTITY: &str = "source_identity";
    /// The labels of the caller's Pod: `app=web,version=2`.
    pub const SOURCE_LABELS: &str = "source_labels";
    /// What the caller is part of: `Deployment/shop/web,Pod/shop/web-1`.
    pub const SOURCE_WORKLOADS: &str = "source_workloads";
    /// The caller's namespace, which may have routes of its own (gateway-api §22).
    pub const SOURCE_NAMESPACE: &str = "source_namespace";
}

/// The server name that a client gave when TLS began, empty for none: an extension of
/// [`http::request::Parts`] ([`Request::server_name`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerName(pub Arc<str>);

/// The connection that a request came on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Connection {
    /// The listener that took it.
    pub listener: ListenerKey,
    /// Whether TLS ended here.
    pub protocol: Protocol,
    /// The client.
    pub peer: Option<SocketAddr>,
}

impl Connection {
    /// A plain HTTP connection to `port` from nobody in particular.
    pub fn http(port: u16) -> Self {
        let listener = ListenerKey { address: None, port };
        Self { listener, protocol: Protocol::Http, peer: None }
    }
}

/// What a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP without TLS.
    Http,
    /// HTTP over TLS that ends here.
    Https,
}

impl Protocol {
    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Which listener: a port as the documents name it, and the address for those bound to one. In
/// order of ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenerKey {
    /// The port as documents name it, which need not be the one that was bound.
    pub port: u16,
    /// The local address; a listener of that address goes before one of all addresses.
    pub address: Option<IpAddr>,
}

/// A request made of borrowed pieces.
///
/// ```
/// use gateway_core::RequestHead;
/// let headers = [("cookie", "version=beta")];
/// let request = RequestHead::get("shop.example.com", "/cart/7?x=1").headers(&headers);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    method: &'a str,
    target: &'a [u8],
    host: Option<&'a [u8]>,
    headers: &'a [(&'a str, &'a str)],
    attributes: &'a [(&'a str, &'a str)],
    server_name: Option<&'a str>,
    version: Version,
    connection: Connection,
}

impl<'a> RequestHead<'a> {
    /// A request with this method, host and target, on a plain connection to port 80.
    pub fn new(method: &'a str, host: &'a str, target: &'a str) -> Self {
        Self {
            method,
            target: target.as_bytes(),
            host: Some(host.as_bytes()),
            headers: &[],
            attributes: &[],
            server_name: None,
            version: Version::HTTP_11,
            connection: Connection::http(80),
        }
    }

    /// A GET request.
    pub fn get(host: &'a str, target: &'a str) -> Self {
        Self::new("GET", host, target)
    }

    /// The same with these header fields besides `Host`.
    #[must_use]
    pub fn headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Self {
        self.headers = headers;
        self
    }

    /// The same with these attributes: names and values.
    #[must_use]
    pub fn attributes(mut self, attributes: &'a [(&'a str, &'a str)]) -> Self {
        self.attributes = attributes;
        self
    }

    /// The same on a TLS connection that was opened for this name ([`Request::server_name`]).
    #[must_use]
    pub fn server_name(mut self, name: &'a str) -> Self {
        self.server_name = Some(name);
        self
    }

    /// The same on another connection.
    #[must_use]
    pub fn on(mut self, connection: Connection) -> Self {
        self.connection = connection;
        self
    }

    /// The same without a `Host` of its own: only what `headers` holds counts.
    #[must_use]
    pub fn without_host(mut self) -> Self {
        self.host = None;
        self
    }
}

impl Request for RequestHead<'_> {
    fn method(&self) -> &str {
        self.method
    }

    fn target(&self) -> &[u8] {
        self.target
    }

    fn authority(&self) -> Option<&[u8]> {
        None
    }

    fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let host = if name == "host" { self.host } else { None };
        HeaderLines { host, lines: self.headers.iter(), name }
    }

    fn version(&self) -> Version {
        self.version
    }

    fn connection(&self) -> Connection {
        self.connection
    }

    fn server_name(&self) -> Option<&[u8]> {
        self.server_name.map(str::as_bytes)
    }

    fn attribute(&self, name: &str) -> Option<&[u8]> {
        let found = self.attributes.iter().find(|(of, _)| *of == name);
        found.map(|(_, value)| value.as_bytes())
    }
}

/// The lines of one header field of a [`RequestHead`].
struct HeaderLines<'a> {
    host: Option<&'a [u8]>,
    lines: std::slice::Iter<'a, (&'a str, &'a str)>,
    name: &'a str,
}

impl<'a> Iterator for HeaderLines<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        if let Some(host) = self.host.take() {
            return Some(host);
        }
        for (name, value) in self.lines.by_ref() {
            // Most names are in lower case already.
            if name.len() == self.name.len()
                && (*name == self.name || name.eq_ignore_ascii_case(self.name))
            {
                return Some(value.as_bytes());
            }
        }
        None
    }
}

impl Request for http::request::Parts {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn target(&self) -> &[u8] {
        match self.uri.path_and_query() {
            Some(target) => target.as_str().as_bytes(),
            None => self.uri.authority().map_or(b"/", |a| a.as_str().as_bytes()),
        }
    }

    /// The authority of the URI: `:authority`, or that of an absolute target, which wins over
    /// `Host` (RFC 9112, section 3.2.2).
    fn authority(&self) -> Option<&[u8]> {
        self.uri.authority().map(|a| a.as_str().as_bytes())
    }

    fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.get_all(name).into_iter().map(http::HeaderValue::as_bytes)
    }

    fn version(&self) -> Version {
        self.version
    }

    fn connection(&self) -> Connection {
        self.extensions.get().copied().unwrap_or(Connection::http(80))
    }

    fn server_name(&self) -> Option<&[u8]> {
        self.extensions.get::<ServerName>().map(|name| name.0.as_bytes())
    }
}

/// The path of an origin-form or absolute-form target, and all that follows it: query and fragment.
#[inline]
pub(crate) fn split_target(target: &[u8]) -> (&[u8], &[u8]) {
    target.split_at(memchr::memchr2(b'?', b'#', target).unwrap_or(target.len()))
}

/// The raw query in what follows a path, without `?` and fragment.
pub(crate) fn query_of(after_path: &[u8]) -> Option<&[u8]> {
    let query = after_path.strip_prefix(b"?")?;
    Some(&query[..memchr::memchr(b'#', query).unwrap_or(query.len())])
}

/// The authority and the rest (beginning with `/`, `?`, `#`, or empty) of an absolute-form target.
pub(crate) fn split_absolute(target: &[u8]) -> Option<(&[u8], &[u8])> {
    let after = |scheme: &[u8]| {
        let head = target.get(..scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then(|| &target[scheme.len()..])
    };
    let rest = after(b"http://").or_else(|| after(b"https://"))?;
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    Some(rest.split_at(end))
}
