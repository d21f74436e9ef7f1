//! Services, and the traffic splits that send their requests on.

use super::{
    Access, BackendProtocol, BackendTls, CircuitBreaker, GroupMatches, ServiceLimit, Sticky,
};
use crate::origin::Origin;
use std::fmt;
use std::sync::Arc;

/// A Service by namespace and name. Names are literal: dots belong to them (smi P-6).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName {
    /// The namespace.
    pub namespace: Box<str>,
    /// The name.
    pub name: Box<str>,
}

impl ServiceName {
    /// Names a Service.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Index into [`super::RuleSet::services`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(pub u32);

/// A Service that some rule names.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// Whether it is known to exist. A split leaves out what does not (smi S-7).
    pub exists: bool,
    /// The port numbers that it has; `None` when they are not known and every port is taken to
    /// exist (an embedder that resolves services by itself).
    pub ports: Option<Vec<u16>>,
    /// The ports with a ready endpoint, where TrafficSplits are to leave out the others (smi S-8).
    pub ready: Option<Vec<u16>>,
    /// TrafficSplits with this Service as root, in order of precedence (smi S-17 to S-19).
    pub splits: Vec<ServiceSplit>,
    /// Who may call it; `None`: whoever can (smi §6).
    pub access: Option<Arc<Access>>,
    /// How often it may be asked (smi §8.1).
    pub limits: Vec<Arc<ServiceLimit>>,
    /// When its endpoints pause (smi §8.2).
    pub breaker: Option<Arc<CircuitBreaker>>,
    /// Whether its endpoints are behind proxies that speak mutual TLS.
    pub mutual_tls: bool,
    /// How its ports are spoken to, for those of which something is said.
    pub speech: Vec<PortSpeech>,
}

/// How a port of a Service is spoken to.
#[derive(Debug, Clone, PartialEq)]
pub struct PortSpeech {
    /// Its number; `None`: every port of which nothing else is said.
    pub port: Option<u16>,
    /// What is spoken; `None`: what the rule says (gateway-api §15.4).
    pub protocol: Option<BackendProtocol>,
    /// How TLS is spoken; `None`: not at all (gateway-api §20).
    pub tls: Option<ServiceTls>,
}

impl PortSpeech {
    /// A port, or all of them, spoken to within TLS.
    pub(crate) fn within(port: Option<u16>, tls: ServiceTls) -> Self {
        Self { port, protocol: None, tls: Some(tls) }
    }
}

/// How TLS is spoken with a Service.
#[derive(Debug, Clone, PartialEq)]
pub enum ServiceTls {
    /// Like this.
    Verified(Arc<BackendTls>),
    /// It must be, and cannot, for this reason: nothing is sent.
    Impossible(Box<str>),
}

impl Service {
    /// A Service that exists, with these ports and nothing else.
    pub fn new(name: ServiceName, ports: Option<Vec<u16>>) -> Self {
        Self {
            name,
            exists: true,
            ports,
            ready: None,
            splits: Vec::new(),
            access: None,
            limits: Vec::new(),
            breaker: None,
            mutual_tls: false,
            speech: Vec::new(),
        }
    }

    /// How a port is spoken to, if anything is said of it.
    pub fn speech(&self, port: u16) -> Option<&PortSpeech> {
        let of = |port| self.speech.iter().find(|speech| speech.port == port);
        of(Some(port)).or_else(|| of(None))
    }

    /// Whether the Service takes requests on `port` (smi S-1).
    pub fn has_port(&self, port: u16) -> bool {
        self.exists && self.ports.as_ref().is_none_or(|ports| ports.contains(&port))
    }

    /// Whether the Service takes part in a TrafficSplit for requests to `port` (smi S-6, S-8).
    pub fn takes_part(&self, port: u16) -> bool {
        self.has_port(port) && self.ready.as_ref().is_none_or(|ports| ports.contains(&port))
    }
}

/// A TrafficSplit: of the requests that a route gave to the root Service, which go elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceSplit {
    /// The conditions, of which one must hold. `None`: the split applies to every request
    /// (smi S-9). An empty list: to none (smi S-11).
    pub matches: Option<GroupMatches>,
    /// In document order (smi W-6).
    pub backends: Vec<SplitBackend>,
    /// What decides in place of the draw, where a request has it.
    pub sticky: Option<Arc<Sticky>>,
    /// Where it was written.
    pub origin: Origin,
}

/// A backend of a TrafficSplit. It takes part for a port when its weight is not 0 and
/// [`Service::takes_part`] says yes. It is never looked up as a root again (smi S-16).
#[derive(Debug, Clone, PartialEq)]
pub struct SplitBackend {
    /// Where requests go.
    pub service: ServiceId,
    /// Its share, relative to the sum of those that take part. The sum fits 63 bits.
    pub weight: u64,
    /// Where it was written.
    pub origin: Origin,
}
