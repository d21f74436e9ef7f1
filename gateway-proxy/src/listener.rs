//! Sockets that take connections: one per listener and thread, all on one address.

use crate::config::Config;
use crate::connection::{self, FIRST_REQUEST};
use crate::error::StartError;
use crate::gate::Pass;
use crate::handshake::HandshakeFailure;
use crate::head::Client;
use crate::inherit::{Inherited, Role};
use crate::overload;
use crate::proxy_protocol;
use crate::shutdown::Draining;
use crate::snapshot::Protection;
use crate::worker::Worker;
use gateway_core::rules::{Listener, Protocol};
use gateway_core::{Connection, ListenerKey};
use socket2::{Domain, SockAddr, Type};
use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

/// Connections that wait to be accepted, per thread.
const BACKLOG: i32 = 1024;

/// A listener and the address that it is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    /// What documents call it.
    pub name: String,
    /// The port that documents name.
    pub port: u16,
    /// What is spoken on it.
    pub protocol: Protocol,
    /// The address of its sockets.
    pub address: SocketAddr,
}

impl fmt::Display for Listening {
    /// `listening http 127.0.0.1:8080 default/cafe`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "listening {} {} {}", self.protocol.as_str(), self.address, self.name)
    }
}

/// A bound socket of one thread.
pub(crate) struct Socket {
    listener: std::net::TcpListener,
    connection: Connection,
    /// Whether a load balancer tells first whose connection it is.
    proxied: bool,
}

impl Socket {
    /// The same socket once more, to be handed over.
    pub(crate) fn duplicate(&self) -> io::Result<std::net::TcpListener> {
        self.listener.try_clone()
    }
}

/// The address that a listener asks for.
pub(crate) fn address(listener: &Listener, config: &Config) -> SocketAddr {
    let port = config.map_ports.get(&listener.port).copied().unwrap_or(listener.port);
    SocketAddr::new(listener.address.unwrap_or(config.bind), port)
}

/// Binds one socket per thread, or takes those that are `inherited`. `alone` is whether no other
/// listener of this proxy has the port.
///
/// # Errors
///
/// When one of them cannot be bound; then none is.
pub(crate) fn bind(
    listener: &Listener,
    config: &Config,
    threads: usize,
    alone: bool,
    inherited: &mut Inherited,
) -> Result<(Listening, Vec<Socket>), StartError> {
    let wanted = address(listener, config);
    let failed =
        |error| StartError::Bind { listener: listener.name.to_string(), address: wanted, error };
    let key = ListenerKey { address: listener.address, port: listener.port };
    let connection = Connection { listener: key, protocol: listener.protocol, peer: None };
    let proxied = config.proxy_protocol.contains(&listener.port);
    let given = inherited.take(Role::Listener(key), wanted).map_err(failed)?;
    let name = listener.name.to_string();
    if let Some(first) = given.first() {
        let address = first.local_addr().map_err(failed)?;
        let sockets = share(given, threads).map_err(failed)?.into_iter();
        let sockets = sockets.map(|listener| Socket { listener, connection, proxied }).collect();
        let (port, protocol) = (listener.port, listener.protocol);
        return Ok((Listening { name, port, protocol, address }, sockets));
    }
    let mut address = wanted;
    if alone && wanted.port() != 0 {
        // With SO_REUSEPORT alone, two proxies of one user would share a port unnoticed.
        open(wanted, false).map_err(failed)?;
    }
    let mut sockets = Vec::with_capacity(threads);
    for _ in 0..threads {
        let socket = open(address, true).map_err(failed)?;
        socket.listen(BACKLOG).map_err(failed)?;
        let listener = std::net::TcpListener::from(socket);
        address = listener.local_addr().map_err(failed)?;
        sockets.push(Socket { listener, connection, proxied });
    }
    Ok((Listening { name, port: listener.port, protocol: listener.protocol, address }, sockets))
}

/// At least one socket for each thread: where there are fewer, threads share them. None is left
/// out, since connections may wait in each.
fn share(
    mut sockets: Vec<std::net::TcpListener>,
    threads: usize,
) -> io::Result<Vec<std::net::TcpListener>> {
    let given = sockets.len();
    for i in given..threads {
        sockets.push(sockets[i % given].try_clone()?);
    }
    Ok(sockets)
}

/// The error of a listener whose address another one of this proxy has.
pub(crate) fn taken(listener: &Listener, owner: &Listener, address: SocketAddr) -> StartError {
    let why = format!("listener `{}` has this address", owner.name);
    let error = io::Error::new(io::ErrorKind::AddrInUse, why);
    StartError::Bind { listener: listener.name.to_string(), address, error }
}

fn open(address: SocketAddr, shared: bool) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    Ok(socket)
}

/// Accepts connections until it is time to finish.
pub(crate) async fn accept(worker: Rc<Worker>, socket: Socket, mut draining: Draining) {
    let Socket { listener, connection, proxied } = socket;
    // The socket is bound and not blocking; only a lack of memory keeps it out of the runtime.
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let watch = draining.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => begin(&worker, stream, peer, connection, proxied, &watch),
                Err(error) => pause_after(&error).await,
            },
            () = draining.begun() => break,
        }
    }
    // Connections that the kernel has made already would be reset when the socket is closed.
    while let Ok(Ok((stream, peer))) = timeout(Duration::ZERO, listener.accept()).await {
        begin(&worker, stream, peer, connection, proxied, &watch);
    }
}

fn begin(
    worker: &Rc<Worker>,
    stream: TcpStream,
    peer: SocketAddr,
    connection: Connection,
    proxied: bool,
    draining: &Draining,
) {
    // A client that is gone already has no address any more.
    let Ok(local) = stream.local_addr() else { return };
    // Small answers go out at once; a kernel that refuses the option only makes them later.
    let _ = stream.set_nodelay(true);
    // Asked for each connection, since a reload may bring other certificates, and keeps sockets.
    let protection = worker.shared.snapshot.load().protection(&connection.listener);
    let is_plain = matches!(protection, Protection::None);
    let accepted = Accepted { worker: Rc::clone(worker), connection, local, protection };
    let Some(place) = worker.shared.connections.enter() else {
        return overload::turn_away(worker, stream, is_plain && !proxied);
    };
    if !proxied {
        return accepted.serve(stream, peer, place, draining.clone());
    }
    let (worker, mut draining) = (Rc::clone(worker), draining.clone());
    tokio::task::spawn_local(async move {
        let mut stream = stream;
        let told = timeout(worker.shared.limits.head_timeout, proxy_protocol::read(&mut stream));
        let told = tokio::select! {
            told = told => told,
            // What it has to tell may be on its way.
            () = async { draining.begun().await; sleep(FIRST_REQUEST).await } => return,
        };
        match told {
            Ok(Ok(client)) => accepted.serve(stream, client.unwrap_or(peer), place, draining),
            _ => worker.metrics.proxy_header_failed(),
        }
    });
}

/// A connection that was just made.
struct Accepted {
    worker: Rc<Worker>,
    connection: Connection,
    local: SocketAddr,
    protection: Protection,
}

impl Accepted {
    fn serve(self, stream: TcpStream, peer: SocketAddr, place: Pass, draining: Draining) {
        let Self { worker, connection, local, protection } = self;
        // On a socket for both families, IPv4 clients come with IPv6 addresses.
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let Some(own_place) = worker.shared.connections_per_client.enter(peer.ip()) else {
            return overload::turn_away(&worker, stream, matches!(protection, Protection::None));
        };
        let client = |protocol| {
            let connection = Connection { peer: Some(peer), protocol, ..connection };
            let mut client = Client::new(connection, peer, local, draining);
            client.places = RefCell::new([place, own_place]);
            client
        };
        match protection {
            Protection::None => {
                let client = client(Protocol::Http);
                tokio::task::spawn_local(connection::serve(worker, stream, client));
            }
            Protection::Tls(security) => {
                let client = client(Protocol::Https);
                tokio::task::spawn_local(connection::serve_tls(worker, stream, client, security));
            }
            Protection::Missing => worker.metrics.handshake_failed(HandshakeFailure::NoIdentity),
        }
    }
}

/// Where files or memory are short, accepting again at once would only spin.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Why nothing comes to a listener here, if so.
pub(crate) fn why_not_served(listener: &Listener, has_identity: bool) -> Option<&'static str> {
    (listener.mutual_tls && !has_identity).then_some("the proxy has no identity")
}
