//! Opens connections to endpoints.

use super::peer::{Address, Channel, HttpVersion, PeerTls};
use crate::error::Failure;
use crate::stream::Stream;
use std::io;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Opens a stream on which nothing was said yet.
pub(super) async fn stream(channel: &Channel) -> Result<Stream, Failure> {
    let stream = dial(&channel.peer.address).await.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => Failure::ConnectTimeout,
        _ => Failure::Connect,
    })?;
    // Small requests go out at once; a kernel that refuses the option only makes them later.
    let _ = stream.set_nodelay(true);
    match channel.tls() {
        None => Ok(Stream::Plain(stream)),
        // Boxed, so that connecting without TLS does not pay for its size.
        Some(tls) => Box::pin(secure(tls, channel.speech.version, stream)).await,
    }
}

async fn dial(address: &Address) -> io::Result<TcpStream> {
    match address {
        Address::Socket(address) => TcpStream::connect(address).await,
        // Each address of the name is tried in turn.
        Address::Name(name, port) => TcpStream::connect((&**name, *port)).await,
    }
}

/// Does a handshake in which the other side, or both, prove who they are.
async fn secure(
    peer: &PeerTls,
    version: HttpVersion,
    stream: TcpStream,
) -> Result<Stream, Failure> {
    let connector = TlsConnector::from(peer.config(version));
    let shaken = connector.connect(peer.server(), stream).await;
    let stream = shaken.map_err(|_| Failure::Tls)?;
    Ok(Stream::Tls(Box::new(stream.into())))
}
