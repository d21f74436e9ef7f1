//! Connections that go on in another protocol, such as WebSocket: octets both ways.

use crate::shutdown::Draining;
use crate::streams::OpenStream;
use http::Extensions;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::cell::Cell;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::time::{Instant, sleep, sleep_until};

/// One side of an exchange that may change its protocol.
pub(crate) struct Upgrade {
    side: OnUpgrade,
    /// That of HTTP/2 which is to become a tunnel.
    stream: Option<OpenStream>,
}

impl Upgrade {
    /// What hyper left with a message that is part of an upgrade.
    pub(crate) fn take(extensions: &mut Extensions) -> Option<Self> {
        extensions.remove::<OnUpgrade>().map(|side| Self { side, stream: None })
    }

    /// It is a stream of HTTP/2 that becomes a tunnel (RFC 8441), not a connection.
    pub(crate) fn on(self, stream: OpenStream) -> Self {
        Self { stream: Some(stream), ..self }
    }

    /// Whether it is.
    pub(crate) fn is_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// Copies octets between both sides until both have ended, until nothing comes from either for
    /// as long as `pause`, or until `grace` after the proxy is told to stop.
    pub(crate) async fn tunnel(
        self,
        other: Self,
        pause: Option<Duration>,
        mut draining: Draining,
        grace: Duration,
    ) {
        let heard = Cell::new(Instant::now());
        let copied = async {
            let (one, two) = tokio::try_join!(self.side, other.side).ok()?;
            let (one_reads, one_writes) = split(TokioIo::new(one));
            let (two_reads, two_writes) = split(TokioIo::new(two));
            let there = copy(one_reads, two_writes, &heard);
            tokio::try_join!(there, copy(two_reads, one_writes, &heard)).ok()
        };
        let silent = async {
            let Some(pause) = pause else { return std::future::pending().await };
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
    }
}

/// Copies octets until their end, and passes the end on; notes when some came.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    heard: &Cell<Instant>,
) -> io::Result<()> {
    let mut octets = vec![0; 8 * 1024];
    loop {
        let read = from.read(&mut octets).await?;
        heard.set(Instant::now());
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&octets[..read]).await?;
        // Within TLS, what was written may still wait here until there is more.
        to.flush().await?;
    }
}
