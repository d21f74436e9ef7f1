//! Whom connections lead to: where an endpoint listens, and who it has to be.

use crate::tls::{Identity, SpiffeId};
use rustls::ClientConfig;
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

/// What a connection is told from others by: one is used again only for the same.
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
}

/// Who connects, and to whom.
#[derive(Debug)]
pub(crate) struct PeerTls {
    own: Arc<Identity>,
    expected: Option<SpiffeId>,
    config: Arc<ClientConfig>,
}

impl PeerTls {
    /// Connects as `own` to `expected`, or to any workload of the own trust domain.
    pub(crate) fn new(own: Arc<Identity>, expected: Option<SpiffeId>) -> Self {
        let config = own.client_config(expected.as_ref());
        Self { own, expected, config }
    }

    pub(super) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }
}

/// An identity that was read anew is another one: connections that were made with the former are
/// not used for it.
impl PartialEq for PeerTls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.own, &other.own) && self.expected == other.expected
    }
}

impl Eq for PeerTls {}

impl Hash for PeerTls {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.own).hash(state);
        self.expected.hash(state);
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
