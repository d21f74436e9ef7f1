//! Connections that go on in another protocol, such as WebSocket: octets both ways.

use crate::downstream::Downstream;
use crate::http1::{self, Shared};
use crate::http2::{self, Switched};
use crate::shutdown::Draining;
use crate::stream::Stream;
use crate::streams::OpenStream;
use h2::RecvStream;
use std::cell::Cell;
use std::future::pending;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};

/// Octets that have passed a tunnel.
#[derive(Default)]
pub(crate) struct Passed {
    pub(crate) received: Cell<u64>,
    pub(crate) sent: Cell<u64>,
}

/// How to take over a client's side of an exchange that changes its protocol.
pub(crate) enum Upgrade {
    /// Of HTTP/1: the whole connection, once the answer that says so is written.
    Connection { socket: Shared<Downstream>, switched: oneshot::Receiver<()> },
    /// Of HTTP/2: a stream, whose other half comes once the answer that says so is given to it, and
    /// which counts as open as long as it is a tunnel (RFC 8441).
    Stream { incoming: RecvStream, switched: oneshot::Receiver<Switched>, open: OpenStream },
}

impl Upgrade {
    /// Whether it is a stream of HTTP/2.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self, Self::Stream { .. })
    }

    /// Whether the request is the last of the connection. It is not to be taken over where the
    /// client has sent more already: that was a request for all that anybody on the way could know.
    pub(crate) fn is_last(&self) -> bool {
        match self {
            Self::Connection { socket, .. } => {
                let incoming = &socket.borrow().incoming;
                incoming.is_over() && incoming.is_empty()
            }
            Self::Stream { .. } => true,
        }
    }

    /// The side of the client, and what has to live as long as it.
    async fn open(self) -> Option<(Box<dyn Duplex>, Option<(OpenStream, Switched)>)> {
        match self {
            Self::Connection { socket, switched } => {
                switched.await.ok()?;
                Some((Box::new(http1::Tunnel::new(socket)), None))
            }
            Self::Stream { incoming, switched, open } => {
                let outgoing = switched.await.ok()?;
                let tunnel = http2::Tunnel::new(incoming, outgoing.clone());
                Some((Box::new(tunnel), Some((open, outgoing))))
            }
        }
    }

    /// Copies octets between both sides, the client's and the backend's, until both have ended,
    /// until nothing comes from either for as long as `pause`, or until `grace` after the proxy is
    /// told to stop.
    pub(crate) async fn tunnel(
        self,
        backend: http1::Tunnel<Stream>,
        pause: Option<Duration>,
        mut draining: Draining,
        grace: Duration,
    ) -> Passed {
        let heard = Cell::new(Instant::now());
        let passed = Passed::default();
        let copied = async {
            let (client, stream) = self.open().await?;
            let (one_reads, one_writes) = split(client);
            let (two_reads, two_writes) = split(backend);
            let there = copy(one_reads, two_writes, &heard, &passed.received);
            let back = copy(two_reads, one_writes, &heard, &passed.sent);
            let given_up = async {
                match &stream {
                    Some((_open, stream)) => stream.given_up().await,
                    // What is left of it shows where it is read and written.
                    None => pending().await,
                }
            };
            tokio::select! {
                copied = async { tokio::try_join!(there, back) } => copied.ok().map(|_| ()),
                () = given_up => None,
            }
        };
        let silent = async {
            let Some(pause) = pause else { return pending().await };
            while heard.get().elapsed() < pause {
                sleep_until(heard.get() + pause).await;
            }
        };
        let stopped = async {
            draining.begun().await;
            sleep(grace).await;
        };
        tokio::select! {
            _ = copied => {}
            () = silent => {}
            () = stopped => {}
        }
        passed
    }
}

/// Octets both ways.
trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

/// Copies octets until their end, and passes the end on; notes when some came, and counts them.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    heard: &Cell<Instant>,
    passed: &Cell<u64>,
) -> io::Result<()> {
    let mut octets = vec![0; 8 * 1024];
    loop {
        let read = from.read(&mut octets).await?;
        heard.set(Instant::now());
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&octets[..read]).await?;
        passed.set(passed.get() + read as u64);
        // Within TLS, what was written may still wait here until there is more.
        to.flush().await?;
    }
}
