//! A proxy in this process, and a backend.

use super::super::*;
use crate::config::Limits;
use crate::error::Failure;
use crate::handshake::HandshakeFailure;
use crate::inherit::Inherited;
use crate::listener;
use crate::metrics::{ReloadCounts, Told, render};
use crate::tls;
use crate::upstream::{Address, PeerTls};
use crate::worker::{self, Command, Shared};
use gateway_core::rules::{Condition, Field, HostPattern, RuleSet, ServiceName, Test};
use gateway_core::{Options, Resources, translate};
use rustls::{ClientConnection, StreamOwned};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// A backend that answers with what it got: the head, and then the body. It echoes what comes
/// after a change of protocol. It ends with the test's process.
pub(super) fn backend() -> SocketAddr {
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
pub(super) fn read_message(reader: &mut impl BufRead) -> io::Result<Option<(String, Vec<u8>)>> {
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
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    pub(super) shared: Arc<Shared>,
    pub(super) metrics: Arc<WorkerMetrics>,
    pub(super) commands: mpsc::UnboundedSender<Command>,
    pub(super) thread: Option<JoinHandle<()>>,
    pub(super) rules: RuleSet,
}

/// What a test wants otherwise.
pub(super) struct Setup {
    /// What the listener proves itself by, and asks its clients to; `None` for a plain one.
    pub(super) identity: Option<Arc<Identity>>,
    pub(super) protocol: Protocol,
    /// Where all requests go.
    pub(super) backend: SocketAddr,
    /// How.
    pub(super) upstream: Option<Arc<PeerTls>>,
    /// Whom the one route is for: an attribute and its value.
    pub(super) source: Option<(&'static str, &'static str)>,
    /// Documents of Pods that callers are taken for.
    pub(super) pods: &'static str,
    pub(super) limits: Limits,
    /// Whether connections begin with a header of the PROXY protocol.
    pub(super) proxied: bool,
}

impl Setup {
    pub(super) fn plain(backend: SocketAddr) -> Self {
        Self {
            identity: None,
            protocol: Protocol::Http,
            backend,
            upstream: None,
            source: None,
            pods: "",
            limits: Limits { grace: Duration::from_secs(2), ..Limits::default() },
            proxied: false,
        }
    }

    pub(super) fn mutual(backend: SocketAddr, identity: &Arc<Identity>) -> Self {
        let identity = Some(Arc::clone(identity));
        Self { identity, protocol: Protocol::Https, ..Self::plain(backend) }
    }

    pub(super) fn start(self) -> Proxy {
        let rules = self.rules();
        let peer = Peer {
            address: Address::new(&self.backend.ip().to_string(), self.backend.port()),
            tls: self.upstream,
        };
        let mut snapshot = snapshot(&rules, Some(peer), self.identity);
        let mut resources = Resources::default();
        resources.add_yaml("pods.yaml", self.pods);
        snapshot.pods = Pods::of(&resources);
        Proxy::begin(rules, snapshot, self.limits, self.proxied)
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
        listener.mutual_tls = self.protocol == Protocol::Https;
        let name = HostPattern::Exact("shop.example".into());
        let mut host = (*listener.hosts.remove(&name).unwrap()).clone();
        host.routes[0].conditions.extend(self.source.map(|(name, value)| Condition {
            field: Field::Attribute(name.into()),
            test: Test::Equals { value: value.into(), ignore_case: false },
            negated: false,
        }));
        listener.hosts.insert(host);
        rules
    }
}

pub(super) fn snapshot(
    rules: &RuleSet,
    peer: Option<Peer>,
    identity: Option<Arc<Identity>>,
) -> Snapshot {
    let router = Router::compile(rules).unwrap();
    let surroundings = Surroundings { identity, ..Surroundings::default() };
    let mut snapshot = Snapshot::new(router, surroundings, &Config::default(), None);
    snapshot.groups = Groups::alike(snapshot.router.rules(), peer.as_ref());
    snapshot
}

impl Proxy {
    /// Serves the first listener of `rules`.
    pub(super) fn start(rules: RuleSet, snapshot: Snapshot, limits: Limits) -> Self {
        Self::begin(rules, snapshot, limits, false)
    }

    fn begin(rules: RuleSet, snapshot: Snapshot, limits: Limits, proxied: bool) -> Self {
        let config = Config {
            bind: Ipv4Addr::LOCALHOST.into(),
            map_ports: [(80, 0)].into(),
            proxy_protocol: proxied.then_some(80).into_iter().collect(),
            ..Config::default()
        };
        let (listening, mut sockets) =
            listener::bind(&rules.listeners[0], &config, 1, false, &mut Inherited::default())
                .unwrap();
        let metrics = Arc::new(WorkerMetrics::default());
        let shared = Arc::new(Shared::new(snapshot, limits, None, None));
        let (commands, received) = mpsc::unbounded_channel();
        commands.send(Command::Listen(0, sockets.remove(0))).ok().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let work = {
            let (shared, metrics) = (Arc::clone(&shared), Arc::clone(&metrics));
            move || worker::run(shared, metrics, 4, received, runtime)
        };
        let thread = Some(thread::spawn(work));
        Self { address: listening.address, shared, metrics, commands, thread, rules }
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    /// A connection of a client that is `identity`, and expects nobody in particular.
    pub(super) fn secure(
        &self,
        identity: &Identity,
    ) -> BufReader<StreamOwned<ClientConnection, TcpStream>> {
        secure(identity, self.connect())
    }

    /// Whether the metrics have this line, or soon will.
    pub(super) fn metric(&self, line: &str) -> bool {
        let end = Instant::now() + Duration::from_secs(5);
        loop {
            let text =
                render(&[Arc::clone(&self.metrics)], ReloadCounts::default(), Told::default());
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

    pub(super) fn handshakes_failed(&self, failure: HandshakeFailure, count: u32) -> bool {
        let reason = failure.as_str();
        self.metric(&format!("gateway_tls_handshake_failures_total{{reason=\"{reason}\"}} {count}"))
    }

    pub(super) fn failures(&self, failure: Failure, count: u32) -> bool {
        let reason = failure.as_str();
        self.metric(&format!("gateway_upstream_failures_total{{reason=\"{reason}\"}} {count}"))
    }

    /// Ends it, and tells how long that took.
    pub(super) fn stop(&mut self) -> Duration {
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

/// TLS of a client on a connection.
pub(super) fn secure(
    identity: &Identity,
    stream: TcpStream,
) -> BufReader<StreamOwned<ClientConnection, TcpStream>> {
    let client = ClientConnection::new(identity.client_config(None), tls::nobody()).unwrap();
    BufReader::new(StreamOwned::new(client, stream))
}

/// Sends a request, and reads the status of its answer and the body.
pub(super) fn ask<S: Read + Write>(
    client: &mut BufReader<S>,
    body: &[u8],
) -> io::Result<(String, Vec<u8>)> {
    let length = body.len();
    let head = format!("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {length}\r\n\r\n");
    client.get_mut().write_all(head.as_bytes())?;
    client.get_mut().write_all(body)?;
    client.get_mut().flush()?;
    let ended = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let (head, body) = read_message(client)?.ok_or_else(ended)?;
    Ok((head[9..12].to_owned(), body))
}
