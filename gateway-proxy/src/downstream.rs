//! A client's socket. It gives up on a client that does not take what it is sent, and it ends
//! without losing the answer: closed while octets wait to be read, it would be reset, and the client
//! might never see why its body was refused.

use crate::stream::Stream;
use bytes::BytesMut;
use socket2::SockRef;
use std::cell::Cell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long a client that still sends is listened to after the answer.
const LINGER: Duration = Duration::from_secs(2);

/// Whether a client has more of a request's body to send.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unread(Rc<Cell<bool>>);

impl Unread {
    pub(crate) fn set(&self, unread: bool) {
        self.0.set(unread);
    }

    pub(crate) fn get(&self) -> bool {
        self.0.get()
    }
}

/// The socket of a client.
pub(crate) struct Downstream {
    stream: Stream,
    unread: Unread,
    /// How long it may take nothing of what it is sent.
    patience: Duration,
    /// Whether it takes nothing at present.
    stalled: bool,
    /// Whether all was sent that will be.
    ended: bool,
    timer: Option<Pin<Box<Sleep>>>,
    /// What was read to tell the protocol, and is still to be read as part of it.
    begun: BytesMut,
}

/// What a client that speaks HTTP/2 begins with (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What is read at once to tell the protocol: most often a whole request.
const FIRST_READ: usize = 4096;

impl Downstream {
    pub(crate) fn new(stream: Stream, unread: Unread, patience: Duration) -> Self {
        Self {
            stream,
            unread,
            patience,
            stalled: false,
            ended: false,
            timer: None,
            begun: BytesMut::new(),
        }
    }

    /// Whether the client begins as HTTP/2 does; what it sends is still to be read afterwards.
    ///
    /// # Errors
    ///
    /// When the connection fails or ends before that is clear.
    pub(crate) async fn speaks_http2(&mut self) -> io::Result<bool> {
        let mut begun = BytesMut::with_capacity(FIRST_READ);
        loop {
            if self.stream.read_buf(&mut begun).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let known = begun.len().min(PREFACE.len());
            let is_preface = begun[..known] == PREFACE[..known];
            if !is_preface || known == PREFACE.len() {
                self.begun = begun;
                return Ok(is_preface);
            }
        }
    }

    /// What was read to tell the protocol, for somebody else to read.
    pub(crate) fn take_begun(&mut self) -> BytesMut {
        std::mem::take(&mut self.begun)
    }

    /// Makes its end one that nobody takes for an orderly one. TLS tells these apart by itself.
    pub(crate) fn reset(&self) {
        if let Stream::Plain(stream) = &self.stream {
            // A kernel that refuses the option ends it as any other.
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
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
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.begun.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let most = self.begun.len().min(buf.remaining());
        buf.put_slice(&self.begun.split_to(most));
        Poll::Ready(Ok(()))
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
            if !self.unread.get() {
                return Poll::Ready(Ok(()));
            }
            self.start_timer(LINGER);
        }
        self.poll_rest(cx).map(Ok)
    }
}
