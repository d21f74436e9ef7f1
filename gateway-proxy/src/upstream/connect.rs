//! Opens connections to endpoints.

use super::peer::{Address, Peer, PeerTls};
use crate::error::Failure;
use crate::exchange::{Received, UploadBody};
use crate::stream::Stream;
use crate::tls;
use http::{Request, Response};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_rustls::TlsConnector;

/// A backend that does not take the end of a connection for this long is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens connections, all in one way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connector;

impl Connector {
    /// Opens a connection within `timeout`.
    pub(crate) async fn open(
        self,
        peer: &Peer,
        timeout: Option<Duration>,
    ) -> Result<Connection, Failure> {
        let reached = stream(peer);
        let stream = match timeout {
            Some(timeout) => tokio::time::timeout(timeout, reached)
                .await
                .map_err(|_| Failure::ConnectTimeout)??,
            None => reached.await?,
        };
        let heard = Arc::new(AtomicBool::new(false));
        let io =
            TokioIo::new(Line { stream, heard: Arc::clone(&heard), deaf: false, patience: None });
        let (sender, driver) =
            http1::Builder::new().handshake(io).await.map_err(|_| Failure::Connect)?;
        tokio::task::spawn_local(driver.with_upgrades());
        Ok(Connection { sender, heard })
    }
}

/// Opens a stream on which nothing was said yet.
pub(super) async fn stream(peer: &Peer) -> Result<Stream, Failure> {
    let stream = dial(&peer.address).await.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => Failure::ConnectTimeout,
        _ => Failure::Connect,
    })?;
    // Small requests go out at once; a kernel that refuses the option only makes them later.
    let _ = stream.set_nodelay(true);
    match &peer.tls {
        None => Ok(Stream::Plain(stream)),
        // Boxed, so that connecting without TLS does not pay for its size.
        Some(tls) => Box::pin(secure(tls, stream)).await,
    }
}

async fn dial(address: &Address) -> io::Result<TcpStream> {
    match address {
        Address::Socket(address) => TcpStream::connect(address).await,
        // Each address of the name is tried in turn.
        Address::Name(name, port) => TcpStream::connect((&**name, *port)).await,
    }
}

/// Does a handshake in which both sides prove who they are.
async fn secure(peer: &PeerTls, stream: TcpStream) -> Result<Stream, Failure> {
    let shaken = TlsConnector::from(peer.config()).connect(tls::nobody(), stream).await;
    let stream = shaken.map_err(|_| Failure::Tls)?;
    Ok(Stream::Tls(Box::new(stream.into())))
}

/// An open connection that takes one request at a time.
pub(crate) struct Connection {
    sender: http1::SendRequest<UploadBody>,
    heard: Arc<AtomicBool>,
}

/// Why a request got no answer.
pub(crate) struct Unanswered {
    pub(crate) failure: Failure,
    /// Whether nothing of it was written.
    pub(crate) unsent: bool,
}

impl Connection {
    /// Whether it can take a request at once.
    pub(crate) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Whether it can never take a request again.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Waits until it can take a request; `false` if it never will.
    pub(crate) async fn ready(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) fn send(
        &mut self,
        request: Request<UploadBody>,
    ) -> impl Future<Output = Result<Response<Received>, Unanswered>> {
        self.heard.store(false, Ordering::Relaxed);
        let answer = self.sender.try_send_request(request);
        async {
            match answer.await {
                Ok(response) => Ok(response.map(Received::new)),
                Err(mut error) => Err(Unanswered {
                    unsent: error.take_message().is_some(),
                    failure: self.failure(error.error()),
                }),
            }
        }
    }

    fn failure(&self, error: &hyper::Error) -> Failure {
        let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
        if error.is_parse() {
            Failure::InvalidHead
        } else if self.heard.load(Ordering::Relaxed) {
            Failure::BrokenHead
        } else if cause.is_some_and(tls::is_refusal) {
            Failure::Tls
        } else {
            Failure::Disconnect
        }
    }
}

/// A connection that remembers whether anything came from the other side, which hyper's errors
/// do not tell.
///
/// A backend may answer and close before it has read the whole request, with 413 for example. hyper
/// would give up at the first failed write; here writes stop, and reading finds the answer or the
/// end.
struct Line {
    stream: Stream,
    heard: Arc<AtomicBool>,
    deaf: bool,
    /// How long the backend still has to take the end.
    patience: Option<Pin<Box<Sleep>>>,
}

impl Line {
    fn written<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        use io::ErrorKind::{BrokenPipe, ConnectionReset};
        match written {
            Poll::Ready(Err(error)) if matches!(error.kind(), BrokenPipe | ConnectionReset) => {
                self.deaf = true;
                // Nothing is written any more, but there is something to read.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            written => written,
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.heard.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.deaf {
            return Poll::Pending;
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.deaf {
            return Poll::Pending;
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.deaf {
            return Poll::Pending;
        }
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.written(cx, flushed)
    }

    /// Within TLS, the end has to be written, which a backend that takes nothing would hold up for
    /// ever.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = Pin::new(&mut self.stream).poll_shutdown(cx);
        if ended.is_ready() {
            return ended;
        }
        let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
        patience.as_mut().poll(cx).map(Ok)
    }
}
