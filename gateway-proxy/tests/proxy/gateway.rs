//! A proxy with the shop that most tests use.

use crate::backend::Backend;
use gateway_core::Endpoint;
use gateway_core::rules::ServiceName;
use gateway_proxy::{Config, KnownService, Server, Source};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;

/// A configuration that listens on free ports of the loopback, with two threads.
pub fn config(documents: &str) -> Config {
    Config {
        sources: vec![Source::Text { name: "test.yaml".into(), text: documents.into() }],
        bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
        map_ports: [(80, 0), (443, 0), (8080, 0)].into(),
        admin: None,
        threads: NonZeroUsize::new(2),
        watch: None,
        ..Config::default()
    }
}

/// A VirtualServer of `cafe.example.com` that sends everything to `tea`; `upstream` holds more
/// fields of the upstream, each with a comma before.
pub fn cafe(upstream: &str) -> String {
    format!(
        "apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {{name: cafe, namespace: default}}
spec:
  host: cafe.example.com
  upstreams:
  - {{name: tea, service: tea, port: 80{upstream}}}
  routes:
  - path: /
    action: {{pass: tea}}
"
    )
}

/// The Service `default/<name>`, whose port 80 is at these addresses.
pub fn service(name: &str, addresses: &[SocketAddr]) -> KnownService {
    let endpoint = |a: &SocketAddr| Endpoint::new(&a.ip().to_string(), a.port());
    KnownService {
        name: ServiceName::new("default", name),
        port: 80,
        endpoints: addresses.iter().map(endpoint).collect(),
    }
}

pub fn start(config: Config) -> Server {
    Server::start(config, |event| println!("{event}")).unwrap()
}

/// The address of the listener that documents put on `port`.
pub fn address(server: &Server, port: u16) -> SocketAddr {
    let listening = server.listening();
    listening.iter().find(|l| l.port == port).unwrap_or_else(|| panic!("{listening:?}")).address
}

/// A proxy for [`cafe`] with one backend.
pub fn cafe_with(backend: &Backend, upstream: &str) -> (Server, SocketAddr) {
    let mut config = config(&cafe(upstream));
    config.services = vec![service("tea", &[backend.address])];
    let server = start(config);
    let address = address(&server, 80);
    (server, address)
}
