//! Whom connections lead to: where an endpoint listens, and who it has to be.

use crate::tls::{self, Identity, SpiffeId};
use gateway_core::rules::BackendProtocol;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Where an endpoint listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Address {
    /// At an address.
    Socket(SocketAddr),
    /// At whatever a name resolves to when a connection is opened.
    Name(Arc<str>, u16),
}

impl Address {
    /// The address of `host`, which is an IP address or a name.
    pub(crate) fn new(host: &str, port: u16) -> Self {
        match host.parse::<IpAddr>() {
            Ok(ip) => Self::Socket(SocketAddr::new(ip, port)),
            Err(_) => Self::Name(host.into(), port),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(address) => write!(f, "{address}"),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
        }
    }
}

/// Whom a connection leads to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Peer {
    pub(crate) address: Address,
    /// How both sides prove who they are; `None` where nobody asks.
    pub(crate) tls: Option<Arc<PeerTls>>,
}

impl Peer {
    /// Whoever listens at `address`.
    pub(crate) fn plain(address: Address) -> Self {
        Self { address, tls: None }
    }

    /// How it is spoken to for a rule that says `speech`.
    pub(crate) fn spoken_to(&self, speech: &Speech) -> Channel {
        // A proxy before a workload does with it what documents say of the workload.
        let tls = speech.tls.clone().filter(|_| self.tls.is_none());
        Channel { peer: self.clone(), speech: Speech { version: speech.version, tls } }
    }
}

/// What a connection is told from others by: one is used again only for the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Channel {
    pub(crate) peer: Peer,
    pub(crate) speech: Speech,
}

impl Channel {
    /// How TLS is spoken, if it is.
    pub(crate) fn tls(&self) -> Option<&Arc<PeerTls>> {
        self.peer.tls.as_ref().or(self.speech.tls.as_ref())
    }
}

/// How rules want a Service to be spoken to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Speech {
    pub(crate) version: HttpVersion,
    /// How TLS is spoken, where it is not between workloads.
    pub(crate) tls: Option<Arc<PeerTls>>,
}

/// A version of HTTP with a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum HttpVersion {
    Http1,
    Http2,
}

impl HttpVersion {
    /// That of what a rule says.
    pub(crate) fn of(protocol: BackendProtocol) -> Self {
        match protocol {
            BackendProtocol::Http => Self::Http1,
            BackendProtocol::Http2 | BackendProtocol::Grpc => Self::Http2,
        }
    }
}

/// Who connects, and to whom.
#[derive(Debug)]
pub(crate) struct PeerTls {
    /// With the ALPN of HTTP/1.1 and of HTTP/2.
    configs: [Arc<ClientConfig>; 2],
    server: ServerName<'static>,
    proof: Proof,
}

/// By what the other side is known.
#[derive(Debug)]
enum Proof {
    /// It is a workload of the own trust domain, `expected` or any (smi T-2).
    Workload { own: Arc<Identity>, expected: Option<SpiffeId> },
    /// It is as a document says.
    Document,
}

impl PeerTls {
    /// Connects as `own` to `expected`, or to any workload of the own trust domain.
    pub(crate) fn new(own: Arc<Identity>, expected: Option<SpiffeId>) -> Self {
        let config = own.client_config(expected.as_ref());
        Self::with(&config, tls::nobody(), Proof::Workload { own, expected })
    }

    /// Connects to a server that documents describe.
    pub(crate) fn to_server(config: &ClientConfig, server: ServerName<'static>) -> Self {
        Self::with(config, server, Proof::Document)
    }

    fn with(config: &ClientConfig, server: ServerName<'static>, proof: Proof) -> Self {
        let offering = |protocol: &[u8]| {
            let mut config = config.clone();
            config.alpn_protocols = vec![protocol.to_vec()];
            Arc::new(config)
        };
        let configs = [tls::HTTP1, tls::HTTP2].map(offering);
        Self { configs, server, proof }
    }

    pub(super) fn config(&self, version: HttpVersion) -> Arc<ClientConfig> {
        let [http1, http2] = &self.configs;
        Arc::clone(match version {
            HttpVersion::Http1 => http1,
            HttpVersion::Http2 => http2,
        })
    }

    /// The name that the server is asked for, or has to prove to have.
    pub(super) fn server(&self) -> ServerName<'static> {
        self.server.clone()
    }
}

/// An identity that was read anew is another one: connections that were made with the former are
/// not used for it. What documents say is compared when it is read.
impl PartialEq for PeerTls {
    fn eq(&self, other: &Self) -> bool {
        match (&self.proof, &other.proof) {
            (
                Proof::Workload { own, expected },
                Proof::Workload { own: other_own, expected: other_expected },
            ) => Arc::ptr_eq(own, other_own) && expected == other_expected,
            (Proof::Document, Proof::Document) => Arc::ptr_eq(&self.configs[0], &other.configs[0]),
            _ => false,
        }
    }
}

impl Eq for PeerTls {}

impl Hash for PeerTls {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.proof {
            Proof::Workload { own, expected } => {
                Arc::as_ptr(own).hash(state);
                expected.hash(state);
            }
            Proof::Document => Arc::as_ptr(&self.configs[0]).hash(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Authority;
    use std::collections::HashSet;

    #[test]
    fn a_connection_is_used_again_only_for_the_same_two_sides() {
        let authority = Authority::new();
        let web = authority.identity("spiffe://cluster.local/ns/shop/sa/web");
        let renewed = authority.identity("spiffe://cluster.local/ns/shop/sa/web");
        let expect = |own: &Arc<Identity>, account: Option<&str>| {
            let expected = account.map(|account| own.workload("shop", account).unwrap());
            let tls = Some(Arc::new(PeerTls::new(Arc::clone(own), expected)));
            Peer { address: Address::new("127.0.0.1", 80), tls }
        };
        let peers = || {
            [
                Peer::plain(Address::new("127.0.0.1", 80)),
                Peer::plain(Address::new("127.0.0.1", 81)),
                expect(&web, None),
                expect(&web, Some("cart")),
                expect(&web, Some("other")),
                expect(&renewed, Some("cart")),
            ]
        };
        #[expect(clippy::mutable_key_type, reason = "identities are compared by their address")]
        let distinct: HashSet<Peer> = peers().into_iter().collect();
        assert_eq!(distinct.len(), peers().len());
        assert!(peers().iter().all(|peer| distinct.contains(peer)), "made anew, each is the same");
    }
}
