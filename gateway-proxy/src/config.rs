//! What a proxy is started with.

use crate::access_log::AccessLog;
use crate::trace::Tracing;
use gateway_core::rules::{Networks, ServiceName};
use gateway_core::{Endpoint, Options};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

/// What a proxy is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where documents come from.
    pub sources: Vec<Source>,
    /// The namespace of documents that name none.
    pub namespace: String,
    /// How documents are translated; holds the ports that they leave implicit.
    pub options: Options,
    /// The address of listeners that are not bound to one of their own.
    pub bind: IpAddr,
    /// Ports that are bound as another one: from the port in documents to the port of the socket,
    /// where 0 is any free port.
    pub map_ports: BTreeMap<u16, u16>,
    /// Ports of listeners, as documents name them, whose connections begin with a header of the
    /// PROXY protocol, version 1 or 2. Only where nobody but load balancers can connect.
    pub proxy_protocol: BTreeSet<u16>,
    /// Proxies in front that are believed about whose requests they pass on.
    pub trusted_proxies: Networks,
    /// Where they tell it.
    pub real_ip_header: RealIpHeader,
    /// Services whose endpoints are given by hand, in place of those of documents.
    pub services: Vec<KnownService>,
    /// Whether a Service without a document is resolved by DNS, as
    /// `name.namespace.svc.<cluster domain>`.
    pub dns: bool,
    /// Whether a client without a verified identity is the Pod that documents give its address to.
    /// Only where nobody can call from the address of another.
    pub trust_pod_ips: bool,
    /// The address of the admin server; `None` for none.
    pub admin: Option<SocketAddr>,
    /// Worker threads; `None` for one per core.
    pub threads: Option<NonZeroUsize>,
    /// Where requests are logged; `None` for nowhere.
    pub access_log: Option<AccessLog>,
    /// Where traces are told; `None` for nowhere.
    pub tracing: Option<Tracing>,
    /// Where a proxy hands its sockets over to the one that takes its place, and asks for those of
    /// the one before it; `None` for nowhere. Only [`run`](crate::run) does so.
    pub takeover: Option<PathBuf>,
    /// How often files are looked at for changes; `None` for never.
    pub watch: Option<Duration>,
    /// What proves the sessions of clients (gateway-api §17), the same for all replicas; `None` for
    /// a random key, with which they end with this process.
    pub session_key: Option<Vec<u8>>,
    /// Most requests that an endpoint has under way, in percent of the average of its upstream, before
    /// `hash … consistent` passes it over for the next one on the ring; 100 or more. `None` for any
    /// number, as NGINX has it: then all requests with a key go to one endpoint.
    pub hash_balance: Option<NonZeroU32>,
    /// What clients may ask of the proxy.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            namespace: "default".to_owned(),
            options: Options::default(),
            bind: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            map_ports: BTreeMap::new(),
            proxy_protocol: BTreeSet::new(),
            trusted_proxies: Networks::default(),
            real_ip_header: RealIpHeader::default(),
            services: Vec::new(),
            dns: false,
            trust_pod_ips: false,
            admin: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 9901))),
            threads: None,
            access_log: None,
            tracing: None,
            takeover: None,
            watch: Some(Duration::from_secs(1)),
            session_key: None,
            hash_balance: None,
            limits: Limits::default(),
        }
    }
}

/// Where documents come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file, or a folder with every `.yaml`, `.yml` and `.json` file below it.
    Path(PathBuf),
    /// Standard input, which is read once.
    Stdin,
    /// Documents at hand.
    Text {
        /// What diagnostics call it.
        name: String,
        /// The documents.
        text: String,
    },
}

/// The field in which a trusted proxy tells for whom it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RealIpHeader {
    /// `X-Forwarded-For`: the last address that is not a trusted proxy's.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239): the same by its parameter `for`.
    Forwarded,
    /// `X-Real-IP`: the only address in it.
    XRealIp,
}

/// A Service whose endpoints are given by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownService {
    /// The Service.
    pub name: ServiceName,
    /// Its port.
    pub port: u16,
    /// Where its requests go.
    pub endpoints: Vec<Endpoint>,
}

/// What clients may ask of the proxy, and how long it waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most connections of clients at a time, over all threads, tunnels included; `None` for any
    /// number. One more is answered 503 (without TLS, that is) and closed.
    pub connections: Option<usize>,
    /// The same for each client: an IPv4 address, or the first 64 bits of an IPv6 address. Clients
    /// behind a trusted proxy are one.
    pub connections_per_client: Option<usize>,
    /// Most requests under way at a time, over all threads; `None` for any number. One more is
    /// answered 503.
    pub requests: Option<usize>,
    /// Most octets of a request head; more is answered 431.
    pub head_bytes: usize,
    /// Most header fields of a request; more is answered 431.
    pub head_fields: usize,
    /// How long a TLS handshake with a client may take.
    pub handshake_timeout: Duration,
    /// How long a client may take to send a request head, the time between two requests of a
    /// connection included.
    pub head_timeout: Duration,
    /// How long a client may pause within a request body; longer is answered 408.
    pub body_timeout: Duration,
    /// Fewest octets of a request body that a client has to send in each second that it is waited
    /// for, beyond [`body_timeout`](Self::body_timeout) in all; fewer is answered 408. `None` for
    /// no such limit, as bodies need that are sent when there is something to say.
    pub body_rate: Option<NonZeroU64>,
    /// How long a client may take nothing of what it is sent; longer closes its connection.
    pub send_timeout: Duration,
    /// How long an upstream connection is kept without use.
    pub idle_upstream: Duration,
    /// Most upstream connections without use per endpoint, over all threads.
    pub idle_per_endpoint: usize,
    /// How long requests under way may take once the proxy is told to stop, or their listener is
    /// removed.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: None,
            connections_per_client: None,
            requests: None,
            head_bytes: 16 * 1024,
            head_fields: 100,
            handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(60),
            body_rate: None,
            send_timeout: Duration::from_secs(60),
            idle_upstream: Duration::from_secs(55),
            idle_per_endpoint: 256,
            grace: Duration::from_secs(30),
        }
    }
}
