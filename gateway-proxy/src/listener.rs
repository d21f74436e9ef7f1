//! Sockets that take connections: one per listener and thread, all on one address.

use crate::config::Config;
use crate::connection;
use crate::error::StartError;
use crate::handshake::HandshakeFailure;
use crate::head::Client;
use crate::shutdown::Draining;
use crate::snapshot::Protection;
use crate::worker::Worker;
use gateway_core::rules::{Listener, Protocol};
use gateway_core::{Connection, ListenerKey};
use socket2::{Domain, SockAddr, Type};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

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
}

/// The address that a listener asks for.
pub(crate) fn address(listener: &Listener, config: &Config) -> SocketAddr {
    let port = config.map_ports.get(&listener.port).copied().unwrap_or(listener.port);
    SocketAddr::new(listener.address.unwrap_or(config.bind), port)
}

/// Binds one socket per thread. `alone` is whether no other listener of this proxy has the port.
///
/// # Errors
///
/// When one of them cannot be bound; then none is.
pub(crate) fn bind(
    listener: &Listener,
    config: &Config,
    threads: usize,
    alone: bool,
) -> Result<(Listening, Vec<Socket>), StartError> {
    let wanted = address(listener, config);
    let failed =
        |error| StartError::Bind { listener: listener.name.to_string(), address: wanted, error };
    let key = ListenerKey { address: listener.address, port: listener.port };
    let connection = Connection { listener: key, protocol: listener.protocol, peer: None };
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
        sockets.push(Socket { listener, connection });
    }
    let name = listener.name.to_string();
    Ok((Listening { name, port: listener.port, protocol: listener.protocol, address }, sockets))
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
    let Socket { listener, connection } = socket;
    // The socket is bound and not blocking; only a lack of memory keeps it out of the runtime.
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let watch = draining.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => begin(&worker, stream, peer, connection, &watch),
                Err(error) => pause_after(&error).await,
            },
            () = draining.begun() => break,
        }
    }
    // Connections that the kernel has made already would be reset when the socket is closed.
    while let Ok(Ok((stream, peer))) = tokio::time::timeout(Duration::ZERO, listener.accept()).await
    {
        begin(&worker, stream, peer, connection, &watch);
    }
}

fn begin(
    worker: &Rc<Worker>,
    stream: TcpStream,
    peer: SocketAddr,
    connection: Connection,
    draining: &Draining,
) {
    // On a socket for both families, IPv4 clients come with IPv6 addresses.
    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    // A client that is gone already has no address any more.
    let Ok(local) = stream.local_addr() else { return };
    // Small answers go out at once; a kernel that refuses the option only makes them later.
    let _ = stream.set_nodelay(true);
    let client = |protocol| {
        let connection = Connection { peer: Some(peer), protocol, ..connection };
        Client::new(connection, peer, local, draining.clone())
    };
    let worker = Rc::clone(worker);
    // Asked for each connection, since a reload may bring other certificates, and keeps sockets.
    let protection = worker.shared.snapshot.load().protection(&connection.listener);
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
