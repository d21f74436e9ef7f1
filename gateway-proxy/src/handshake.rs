//! From a connection to a TLS session: the part of a TLS connection before its first request.

use crate::snapshot::Security;
use crate::tls::{Section, Session};
use crate::worker::Worker;
use gateway_core::ListenerKey;
use rustls::server::Acceptor;
use rustls::{AlertDescription, Error};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

/// What a client without TLS is told, as by NGINX.
const PLAIN_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 62\r\n\
    connection: close\r\n\r\n\
    400 Bad Request: plain HTTP request was sent to an HTTPS port\n";

/// How long a client without TLS is listened to after its answer, so that it can read that, and
/// how many octets.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_OCTETS: u64 = 64 * 1024;

/// Why a connection has come to no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandshakeFailure {
    /// It took too long.
    Timeout,
    /// The client went away.
    Closed,
    /// The client spoke HTTP without TLS.
    PlainHttp,
    /// No host covers the server name, or there has to be one.
    UnknownName,
    /// There is no certificate for the host, or nothing that could be asked of clients.
    NoCertificate,
    /// The proxy has no identity to show to workloads.
    NoIdentity,
    /// The client has shown no certificate, or none that counts.
    ClientCertificate,
    /// The two have no version, suite or protocol in common.
    Incompatible,
    /// The client has refused: it does not take our certificate, for example.
    Refused,
    /// What came was no TLS, or broken.
    Broken,
}

impl HandshakeFailure {
    pub(crate) const ALL: [Self; 10] = [
        Self::Timeout,
        Self::Closed,
        Self::PlainHttp,
        Self::UnknownName,
        Self::NoCertificate,
        Self::NoIdentity,
        Self::ClientCertificate,
        Self::Incompatible,
        Self::Refused,
        Self::Broken,
    ];

    /// Its label in metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::PlainHttp => "plain_http",
            Self::UnknownName => "unknown_name",
            Self::NoCertificate => "no_certificate",
            Self::NoIdentity => "no_identity",
            Self::ClientCertificate => "client_certificate",
            Self::Incompatible => "incompatible",
            Self::Refused => "refused",
            Self::Broken => "broken",
        }
    }
}

impl From<io::Error> for HandshakeFailure {
    fn from(error: io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        match inner {
            None => Self::Closed,
            Some(Error::InvalidCertificate(_) | Error::NoCertificatesPresented) => {
                Self::ClientCertificate
            }
            Some(Error::PeerIncompatible(_) | Error::NoApplicationProtocol) => Self::Incompatible,
            Some(Error::AlertReceived(_)) => Self::Refused,
            Some(_) => Self::Broken,
        }
    }
}

/// Shakes hands with a client, as `security` asks.
///
/// # Errors
///
/// Why there is no session. The client has been told, as far as TLS does.
pub(crate) async fn shake(
    worker: &Worker,
    stream: TcpStream,
    listener: ListenerKey,
    security: &Security,
) -> Result<(TlsStream<TcpStream>, Session), HandshakeFailure> {
    match security {
        Security::Mutual(identity) => {
            let stream = TlsAcceptor::from(identity.server_config()).accept(stream).await?;
            let session = Session::new(stream.get_ref().1, None);
            Ok((stream, session))
        }
        Security::ByName => by_name(worker, stream, listener).await,
    }
}

/// The client says which server it wants, and is shown the certificate of that.
async fn by_name(
    worker: &Worker,
    stream: TcpStream,
    listener: ListenerKey,
) -> Result<(TlsStream<TcpStream>, Session), HandshakeFailure> {
    let mut first = [0];
    // Records of TLS begin with a control character, methods of HTTP with a capital letter.
    if stream.peek(&mut first).await? == 1 && first[0].is_ascii_uppercase() {
        refuse_plain(stream).await;
        return Err(HandshakeFailure::PlainHttp);
    }
    let mut hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let name = hello.client_hello().server_name().unwrap_or_default().to_owned();
    let section = match section(worker, listener, &name) {
        Ok(section) => section,
        Err((failure, alert)) => {
            // Where it does not get through, the client sees that it is over all the same.
            let _ = hello.io.write_all(&fatal(alert)).await;
            let _ = hello.io.shutdown().await;
            return Err(failure);
        }
    };
    let stream = hello.into_stream(section.config()).await?;
    let session = Session::new(stream.get_ref().1, section.clients());
    Ok((stream, session))
}

/// How TLS ends for a server name (gateway-api §7.1).
fn section(
    worker: &Worker,
    listener: ListenerKey,
    name: &str,
) -> Result<Arc<Section>, (HandshakeFailure, AlertDescription)> {
    let snapshot = worker.shared.snapshot.load();
    // Names in TLS have no final dot (RFC 6066, section 3), but some clients send it.
    let name = name.strip_suffix('.').unwrap_or(name);
    let host = snapshot.router.server_name(listener, name);
    let host = host.ok_or((HandshakeFailure::UnknownName, AlertDescription::UnrecognisedName))?;
    let section = snapshot.section(&listener, &host.hostname);
    let none = (HandshakeFailure::NoCertificate, AlertDescription::HandshakeFailure);
    section.map(Arc::clone).ok_or(none)
}

/// The record of an alert that ends a handshake before it has keys (RFC 8446, sections 5.1 and 6).
fn fatal(alert: AlertDescription) -> [u8; 7] {
    const ALERT: u8 = 21;
    const FATAL: u8 = 2;
    [ALERT, 3, 3, 0, 2, FATAL, u8::from(alert)]
}

/// Tells a client that speaks HTTP what is wrong.
async fn refuse_plain(mut stream: TcpStream) {
    let (mut reader, mut writer) = stream.split();
    let told = async {
        writer.write_all(PLAIN_ANSWER).await?;
        writer.shutdown().await?;
        // Closed with octets unread, a connection is reset, and the answer may get lost.
        let mut rest = (&mut reader).take(LINGER_OCTETS);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
    };
    // A client that does not wait for its answer misses nothing.
    let _ = timeout(LINGER, told).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_numbered_in_the_order_of_their_list() {
        for (i, failure) in HandshakeFailure::ALL.into_iter().enumerate() {
            assert_eq!(failure as usize, i, "{failure:?}");
        }
    }

    #[test]
    fn the_answer_without_tls_has_the_length_that_it_tells() {
        let text = std::str::from_utf8(PLAIN_ANSWER).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
    }
}
