//! A client's socket. It gives up on a client that does not take what it is sent, and it ends
//! without losing the answer: closed while octets wait to be read, it would be reset, and the client
//! might never see why its body was refused.

use crate::framing::Inbound;
use crate::stream::Stream;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long a client that still sends is listened to after the answer.
const LINGER: Duration = Duration::from_secs(2);

/// Whether a client has more of a request's body to send.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unread(Arc<AtomicBool>);

impl Unread {
    pub(crate) fn set(&self, unread: bool) {
        self.0.store(unread, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The socket of a client.
pub(crate) struct Downstream {
    stream: Stream,
    unread: Unread,
    inbound: Inbound,
    /// How long it may take nothing of what it is sent.
    patience: Duration,
    /// Whether it takes nothing at present.
    stalled: bool,
    /// Whether all was sent that will be.
    ended: bool,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Downstream {
    pub(crate) fn new(
        stream: Stream,
        unread: Unread,
        inbound: Inbound,
        patience: Duration,
    ) -> Self {
        Self { stream, unread, inbound, patience, stalled: false, ended: false, timer: None }
    }

    fn start_timer(&mut self, duration: Duration) {
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(Instant::now() + duration),
            None => self.timer = Some(Box::pin(sleep(duration))),
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().map_or(Poll::Pending, |timer| timer.as_mut().poll(cx))
    }

    fn written<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = false;
            return written;
        }
        if !self.stalled {
            self.stalled = true;
            self.start_timer(self.patience);
        }
        self.poll_timer(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Reads what the client still sends, until it ends or [`LINGER`] is over.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.poll_timer(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut space = [0; 4096];
        loop {
            let mut buf = ReadBuf::new(&mut space);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf));
            if read.is_err() || buf.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }
}

impl AsyncRead for Downstream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.inbound.poll_read(&mut this.stream, cx, buf)
    }
}

impl AsyncWrite for Downstream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Within TLS, what was written may still wait here for the client to take it.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.written(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.ended {
            let ended = Pin::new(&mut self.stream).poll_shutdown(cx);
            ready!(self.written(cx, ended))?;
            self.ended = true;
            if !(self.unread.get() || self.inbound.is_refused()) {
                return Poll::Ready(Ok(()));
            }
            self.start_timer(LINGER);
        }
        self.poll_rest(cx).map(Ok)
    }
}
