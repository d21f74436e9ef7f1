//! Proxies in this process that speak mutual TLS with clients and with each other.

use super::*;
use crate::config::Limits;
use crate::error::Failure;
use crate::listener;
use crate::metrics::{ReloadCounts, render};
use crate::tls::{Authority, SpiffeId};
use crate::upstream::PeerTls;
use crate::worker::{self, Command, Shared};
use arc_swap::ArcSwap;
use gateway_core::rules::{Condition, Field, HostPattern, ServiceName, Test};
use gateway_core::{Options, Resources, translate};
use rustls::{ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

const CART: &str = "spiffe://cluster.local/ns/shop/sa/cart";
const WEB: &str = "spiffe://cluster.local/ns/shop/sa/web";

/// A backend that answers with what it got: the head, and then the body. It echoes what comes
/// after a change of protocol. It ends with the test's process.
fn backend() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || echo(stream));
        }
    });
    address
}

fn echo(stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut out = stream;
    while let Some((head, body)) = read_message(&mut reader)? {
        if head.contains("upgrade: websocket") {
            let switch =
                "HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
            out.write_all(switch.as_bytes())?;
            return io::copy(&mut reader, &mut out).map(drop);
        }
        let length = head.len() + body.len();
        out.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").as_bytes())?;
        out.write_all(head.as_bytes())?;
        out.write_all(&body)?;
    }
    Ok(())
}

/// A head, in lower case, and the body of the length that it tells.
fn read_message(reader: &mut impl BufRead) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    head.make_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body)?;
    Ok(Some((head, body)))
}

/// A proxy with one thread and one listener.
struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    metrics: Arc<WorkerMetrics>,
    commands: mpsc::UnboundedSender<Command>,
    thread: Option<JoinHandle<()>>,
    rules: RuleSet,
}

/// What a test wants otherwise.
struct Setup {
    /// What the listener proves itself by, and asks its clients to; `None` for a plain one.
    identity: Option<Arc<Identity>>,
    protocol: Protocol,
    /// Where all requests go.
    backend: SocketAddr,
    /// How.
    upstream: Option<Arc<PeerTls>>,
    /// Whom the one route is for.
    source: Option<&'static str>,
    limits: Limits,
}

impl Setup {
    fn plain(backend: SocketAddr) -> Self {
        Self {
            identity: None,
            protocol: Protocol::Http,
            backend,
            upstream: None,
            source: None,
            limits: Limits { grace: Duration::from_secs(2), ..Limits::default() },
        }
    }

    fn mutual(backend: SocketAddr, identity: &Arc<Identity>) -> Self {
        let identity = Some(Arc::clone(identity));
        Self { identity, protocol: Protocol::Https, ..Self::plain(backend) }
    }

    fn start(self) -> Proxy {
        let rules = self.rules();
        let config = Config {
            bind: Ipv4Addr::LOCALHOST.into(),
            map_ports: [(80, 0)].into(),
            ..Config::default()
        };
        let (listening, mut sockets) =
            listener::bind(&rules.listeners[0], &config, 1, false).unwrap();
        let metrics = Arc::new(WorkerMetrics::default());
        let peer = Peer {
            address: Address::new(&self.backend.ip().to_string(), self.backend.port()),
            tls: self.upstream,
        };
        let snapshot = snapshot(&rules, Some(peer), self.identity);
        let shared = Arc::new(Shared {
            snapshot: ArcSwap::from_pointee(snapshot),
            limits: self.limits,
            log: None,
        });
        let (commands, received) = mpsc::unbounded_channel();
        commands.send(Command::Listen(0, sockets.remove(0))).ok().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let work = {
            let (shared, metrics) = (Arc::clone(&shared), Arc::clone(&metrics));
            move || worker::run(shared, metrics, 4, received, runtime)
        };
        let thread = Some(thread::spawn(work));
        Proxy { address: listening.address, shared, metrics, commands, thread, rules }
    }

    /// One host with one route to one Service.
    fn rules(&self) -> RuleSet {
        const TEXT: &str = "
            {apiVersion: k8s.nginx.org/v1, kind: VirtualServer, metadata: {name: shop}, spec: {
              host: shop.example, upstreams: [{name: u, service: s, port: 80,
              client-max-body-size: 16m}], routes: [{path: /, action: {pass: u}}]}}";
        let mut resources = Resources::with_defaults("default", true);
        resources.add_yaml("shop.yaml", TEXT.as_bytes());
        let mut options = Options::default();
        options.known_services.push((ServiceName::new("default", "s"), 80));
        let mut rules = translate(&resources, &options).rules;
        let listener = &mut rules.listeners[0];
        listener.protocol = self.protocol;
        let name = HostPattern::Exact("shop.example".into());
        let mut host = (*listener.hosts.remove(&name).unwrap()).clone();
        host.routes[0].conditions.extend(self.source.map(|id| Condition {
            field: Field::Attribute("source_identity".into()),
            test: Test::Equals { value: id.into(), ignore_case: false },
            negated: false,
        }));
        listener.hosts.insert(host);
        rules
    }
}

fn snapshot(rules: &RuleSet, peer: Option<Peer>, identity: Option<Arc<Identity>>) -> Snapshot {
    let router = Router::compile(rules).unwrap();
    let no_endpoints = Resources::with_defaults("default", true);
    let no_endpoints = translate(&no_endpoints, &Options::default()).endpoints;
    let mut snapshot = Snapshot::new(router, &no_endpoints, &Config::default(), identity, None);
    let group =
        || Group::new(peer.iter().cloned().map(|peer| Arc::new(Endpoint::new(peer))).collect());
    snapshot.groups = reachable(rules).into_iter().map(|key| (key, group())).collect();
    snapshot
}

impl Proxy {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    /// A connection of a client that is `identity`, and expects nobody in particular.
    fn secure(&self, identity: &Identity) -> BufReader<StreamOwned<ClientConnection, TcpStream>> {
        let nobody = ServerName::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let client = ClientConnection::new(identity.client_config(None), nobody).unwrap();
        BufReader::new(StreamOwned::new(client, self.connect()))
    }

    /// Whether the metrics have this line, or soon will.
    fn metric(&self, line: &str) -> bool {
        let end = Instant::now() + Duration::from_secs(5);
        loop {
            let text = render(&[Arc::clone(&self.metrics)], ReloadCounts::default(), 0);
            if text.lines().any(|l| l == line) {
                return true;
            }
            if Instant::now() > end {
                eprintln!("no `{line}` in\n{text}");
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn failures(&self, failure: Failure, count: u32) -> bool {
        let reason = failure.as_str();
        self.metric(&format!("gateway_upstream_failures_total{{reason=\"{reason}\"}} {count}"))
    }

    /// Ends it, and tells how long that took.
    fn stop(&mut self) -> Duration {
        let begun = Instant::now();
        // A thread that is gone is stopped already.
        let _ = self.commands.send(Command::Shutdown);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
        begun.elapsed()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Sends a request, and reads the status of its answer and the body.
fn ask<S: Read + Write>(client: &mut BufReader<S>, body: &[u8]) -> io::Result<(String, Vec<u8>)> {
    let length = body.len();
    let head = format!("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {length}\r\n\r\n");
    client.get_mut().write_all(head.as_bytes())?;
    client.get_mut().write_all(body)?;
    client.get_mut().flush()?;
    let ended = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let (head, body) = read_message(client)?.ok_or_else(ended)?;
    Ok((head[9..12].to_owned(), body))
}

#[test]
fn requests_over_mutual_tls_are_answered_by_who_sent_them() {
    // smi T-2
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let mut proxy = Setup { source: Some(WEB), ..Setup::mutual(backend(), &cart) }.start();
    let mut client = proxy.secure(&web);
    for _ in 0..3 {
        let (status, body) = ask(&mut client, b"hello").unwrap();
        let body = String::from_utf8(body).unwrap();
        assert_eq!(status, "200", "{body}");
        assert!(body.contains("x-forwarded-proto: https\r\n") && body.ends_with("\r\n\r\nhello"));
    }
    let other = authority.identity("spiffe://cluster.local/ns/shop/sa/other");
    assert_eq!(ask(&mut proxy.secure(&other), b"").unwrap().0, "404", "the route is not for it");
    assert!(proxy.metric("gateway_connections_total 2"));
    assert!(proxy.metric("gateway_tls_handshake_failures_total 0"));
    drop(client);
    assert!(proxy.stop() < Duration::from_secs(5));
    assert!(proxy.metric("gateway_connections_open 0"));
}

#[test]
fn nobody_has_an_identity_without_tls() {
    let proxy = Setup { source: Some(WEB), ..Setup::plain(backend()) }.start();
    let mut client = BufReader::new(proxy.connect());
    assert_eq!(ask(&mut client, b"").unwrap().0, "404");
}

#[test]
fn strangers_get_no_answer() {
    let authority = Authority::new();
    let cart = authority.identity(CART);
    let proxy = Setup::mutual(backend(), &cart).start();
    let stranger = authority.identity("spiffe://other.local/ns/shop/sa/web");
    let mut config = (*authority.identity(WEB).client_config(None)).clone();
    config.client_auth_cert_resolver =
        stranger.client_config(None).client_auth_cert_resolver.clone();
    let nobody = ServerName::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let client = ClientConnection::new(Arc::new(config), nobody).unwrap();
    let mut client = BufReader::new(StreamOwned::new(client, proxy.connect()));
    assert!(ask(&mut client, b"").is_err());
    let mut plain = BufReader::new(proxy.connect());
    assert!(ask(&mut plain, b"").is_err(), "nor who speaks no TLS");
    assert!(proxy.metric("gateway_tls_handshake_failures_total 2"));
    let unready = Setup { identity: None, ..Setup::mutual(backend(), &cart) }.start();
    let mut early = unready.secure(&cart);
    assert!(ask(&mut early, b"").is_err(), "nor anybody from a proxy without an identity");
}

#[test]
fn bodies_of_any_size_pass_through_tls() {
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let proxy = Setup::mutual(backend(), &cart).start();
    let mut client = proxy.secure(&web);
    // The client writes it all before it reads, so the backend has to, too.
    for size in [1, 16 << 10, (16 << 10) + 1, 1 << 20, 8 << 20] {
        let sent: Vec<u8> = (0..size).map(|i: u32| (i % 251) as u8).collect();
        let (status, body) = ask(&mut client, &sent).unwrap();
        assert_eq!(status, "200");
        assert!(body.ends_with(&sent), "{size}");
    }
}

#[test]
fn connections_end_with_a_notice() {
    // Else somebody on the way could cut an answer short (RFC 8446, section 6.1).
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let proxy = Setup::mutual(backend(), &cart).start();
    let mut client = proxy.secure(&web);
    let head = "GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n";
    client.get_mut().write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("the end is told");
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
}

#[test]
fn an_answer_is_not_lost_with_the_body_that_it_refuses() {
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let proxy = Setup::mutual(backend(), &cart).start();
    for _ in 0..10 {
        let mut client = proxy.secure(&web);
        let length = 64 << 20;
        let head =
            format!("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {length}\r\n\r\n");
        client.get_mut().write_all(head.as_bytes()).unwrap();
        client.get_mut().write_all(&vec![0; 2 << 20]).unwrap();
        let (head, _) = read_message(&mut client).unwrap().unwrap();
        assert!(head.starts_with("http/1.1 413"), "{head}");
    }
}

#[test]
fn who_does_not_finish_a_handshake_is_left() {
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let mut setup = Setup::mutual(backend(), &cart);
    setup.limits.handshake_timeout = Duration::from_millis(300);
    let proxy = setup.start();
    let mut silent = proxy.connect();
    assert_eq!(ask(&mut proxy.secure(&web), b"").unwrap().0, "200", "others do not wait for it");
    assert_eq!(silent.read(&mut [0; 8]).unwrap(), 0);
    assert!(proxy.metric("gateway_tls_handshake_failures_total 1"));
}

#[test]
fn a_handshake_does_not_hold_up_the_end() {
    let authority = Authority::new();
    let mut proxy = Setup::mutual(backend(), &authority.identity(CART)).start();
    let silent = proxy.connect();
    assert!(proxy.metric("gateway_connections_open 1"));
    let took = proxy.stop();
    assert!(took < Duration::from_secs(5), "{took:?}");
    drop(silent);
}

#[test]
fn a_new_certificate_is_used_for_new_connections() {
    let authority = Authority::new();
    let web = authority.identity(WEB);
    let proxy = Setup::mutual(backend(), &authority.identity(CART)).start();
    let mut before = proxy.secure(&web);
    assert_eq!(ask(&mut before, b"").unwrap().0, "200");
    let renewed = authority.identity("spiffe://cluster.local/ns/shop/sa/renewed");
    let next = snapshot(&proxy.rules, None, Some(renewed));
    proxy.shared.snapshot.store(Arc::new(next));
    assert_eq!(ask(&mut before, b"").unwrap().0, "502", "goes on, by the new rules");
    let mut after = proxy.secure(&web);
    assert_eq!(ask(&mut after, b"").unwrap().0, "502");
    let certificate = |client: &BufReader<StreamOwned<ClientConnection, TcpStream>>| {
        client.get_ref().conn.peer_certificates().unwrap()[0].clone()
    };
    assert_ne!(certificate(&before), certificate(&after));
}

#[test]
fn two_proxies_prove_to_each_other_who_they_are() {
    // smi T-2
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let inner = Setup { source: Some(WEB), ..Setup::mutual(backend(), &cart) }.start();
    let expected = web.workload("shop", "cart").unwrap();
    let upstream = Some(Arc::new(PeerTls::new(Arc::clone(&web), Some(expected))));
    let outer = Setup { upstream, ..Setup::plain(inner.address) }.start();
    let mut client = BufReader::new(outer.connect());
    for size in [0, 5, 4 << 20] {
        let sent = vec![7; size];
        let (status, body) = ask(&mut client, &sent).unwrap();
        assert_eq!(status, "200");
        assert!(body.ends_with(&sent), "{size}");
    }
    assert!(inner.metric("gateway_connections_total 1"), "the connection is used again");
}

#[test]
fn tunnels_pass_through_tls() {
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let inner = Setup::mutual(backend(), &cart).start();
    let upstream = Some(Arc::new(PeerTls::new(Arc::clone(&web), None)));
    let outer = Setup { upstream, ..Setup::mutual(inner.address, &cart) }.start();
    let mut client = outer.secure(&web);
    let head = "GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: upgrade\r\n\
                Upgrade: websocket\r\n\r\n";
    client.get_mut().write_all(head.as_bytes()).unwrap();
    let (head, _) = read_message(&mut client).unwrap().unwrap();
    assert!(head.starts_with("http/1.1 101"), "{head}");
    for size in [1, 100, 50_000] {
        let sent = vec![size as u8; size];
        client.get_mut().write_all(&sent).unwrap();
        let mut got = vec![0; size];
        client.read_exact(&mut got).unwrap();
        assert!(got == sent, "{size}");
    }
}

#[test]
fn a_backend_that_is_not_who_is_expected_gets_no_request() {
    // smi T-2
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let inner = Setup::mutual(backend(), &cart).start();
    let other = SpiffeId::parse("spiffe://cluster.local/ns/shop/sa/other").unwrap();
    let upstream = Some(Arc::new(PeerTls::new(web, Some(other))));
    let outer = Setup { upstream, ..Setup::plain(inner.address) }.start();
    let (status, _) = ask(&mut BufReader::new(outer.connect()), b"secret").unwrap();
    assert_eq!(status, "502");
    assert!(outer.failures(Failure::Tls, 1));
    let plain = Setup::plain(backend()).start();
    let upstream = Some(Arc::new(PeerTls::new(cart, None)));
    let outer = Setup { upstream, ..Setup::plain(plain.address) }.start();
    assert_eq!(ask(&mut BufReader::new(outer.connect()), b"secret").unwrap().0, "502");
    assert!(outer.failures(Failure::Tls, 1), "nor does one that speaks no TLS");
}

#[test]
fn a_backend_that_refuses_our_certificate_is_not_reached() {
    // In TLS 1.3, that is heard of only after the request was sent.
    let (ours, theirs) = (Authority::new(), Authority::new());
    let inner = Setup::mutual(backend(), &theirs.identity(CART)).start();
    let signed = ours.sign(&crate::tls::Leaf::of(&[WEB]));
    let key = signed.key.serialize_pem();
    let (certificate, trusted) = (signed.certificate.as_bytes(), theirs.pem.as_bytes());
    let web = Identity::from_pem(certificate, key.as_bytes(), trusted).unwrap();
    let upstream = Some(Arc::new(PeerTls::new(Arc::new(web), None)));
    let outer = Setup { upstream, ..Setup::plain(inner.address) }.start();
    for (count, body) in [(1, vec![]), (2, vec![0; 1 << 20])] {
        let mut client = BufReader::new(outer.connect());
        assert_eq!(ask(&mut client, &body).unwrap().0, "502", "{count}");
        assert!(outer.failures(Failure::Tls, count), "{count}");
    }
}
