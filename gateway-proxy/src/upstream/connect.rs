//! Opens connections to endpoints.

use crate::error::Failure;
use crate::exchange::{Received, UploadBody};
use http::{Request, Response};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Where an endpoint listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Address {
    /// At an address.
    Socket(SocketAddr),
    /// At whatever a name resolves to when a connection is opened.
    Name(Arc<str>, u16),
}

impl Address {
    /// The address of `host`, which is an IP address or a name.
    pub(crate) fn new(host: &str, port: u16) -> Self {
        match host.parse::<IpAddr>() {
            Ok(ip) => Self::Socket(SocketAddr::new(ip, port)),
            Err(_) => Self::Name(host.into(), port),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(address) => write!(f, "{address}"),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
        }
    }
}

/// Opens connections, all in one way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connector;

impl Connector {
    /// Opens a connection within `timeout`.
    pub(crate) async fn open(
        self,
        address: &Address,
        timeout: Option<Duration>,
    ) -> Result<Connection, Failure> {
        let opened = match timeout {
            Some(timeout) => tokio::time::timeout(timeout, dial(address))
                .await
                .map_err(|_| Failure::ConnectTimeout)?,
            None => dial(address).await,
        };
        let stream = opened.map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => Failure::ConnectTimeout,
            _ => Failure::Connect,
        })?;
        // Small requests go out at once; a kernel that refuses the option only makes them later.
        let _ = stream.set_nodelay(true);
        let heard = Arc::new(AtomicBool::new(false));
        let io = TokioIo::new(Line { stream, heard: Arc::clone(&heard), deaf: false });
        let (sender, driver) =
            http1::Builder::new().handshake(io).await.map_err(|_| Failure::Connect)?;
        tokio::task::spawn_local(driver.with_upgrades());
        Ok(Connection { sender, heard })
    }
}

async fn dial(address: &Address) -> io::Result<TcpStream> {
    match address {
        Address::Socket(address) => TcpStream::connect(address).await,
        // Each address of the name is tried in turn.
        Address::Name(name, port) => TcpStream::connect((&**name, *port)).await,
    }
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
        if error.is_parse() {
            Failure::InvalidHead
        } else if self.heard.load(Ordering::Relaxed) {
            Failure::BrokenHead
        } else {
            Failure::Disconnect
        }
    }
}

/// A TCP connection that remembers whether anything came from the other side, which hyper's errors
/// do not tell.
///
/// A backend may answer and close before it has read the whole request, with 413 for example. hyper
/// would give up at the first failed write; here writes stop, and reading finds the answer or the
/// end.
struct Line {
    stream: TcpStream,
    heard: Arc<AtomicBool>,
    deaf: bool,
}

impl Line {
    fn written(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
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
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
