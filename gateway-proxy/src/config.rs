//! What a proxy is started with.

use crate::access_log::AccessLog;
use gateway_core::rules::ServiceName;
use gateway_core::{Endpoint, Options};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
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
    /// How often files are looked at for changes; `None` for never.
    pub watch: Option<Duration>,
    /// What proves the sessions of clients (gateway-api §17), the same for all replicas; `None` for
    /// a random key, with which they end with this process.
    pub session_key: Option<Vec<u8>>,
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
            services: Vec::new(),
            dns: false,
            trust_pod_ips: false,
            admin: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 9901))),
            threads: None,
            access_log: None,
            watch: Some(Duration::from_secs(1)),
            session_key: None,
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
            head_bytes: 16 * 1024,
            head_fields: 100,
            handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(60),
            send_timeout: Duration::from_secs(60),
            idle_upstream: Duration::from_secs(55),
            idle_per_endpoint: 256,
            grace: Duration::from_secs(30),
        }
    }
}
