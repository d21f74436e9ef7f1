//! The socket of a backend.

use crate::stream::Stream;
use std::cell::Cell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A backend that does not take the end of a connection for this long is not waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What came on a connection, which h2 does not tell.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    /// How often something came.
    times: Cell<u64>,
}

impl Hearing {
    /// How often something came.
    pub(super) fn times(&self) -> u64 {
        self.times.get()
    }
}

/// A connection that notes what comes from the other side.
///
/// A backend may answer and close before it has read the whole request, with 413 for example. h2 would
/// give up at the first failed write; here writes stop, and reading finds the answer or the end.
pub(super) struct Line {
    stream: Stream,
    hearing: Rc<Hearing>,
    /// Whether the backend takes nothing any more.
    deaf: bool,
    /// Whether nothing comes any more.
    over: bool,
    /// How long writes still wait for what a backend that takes nothing has to say. Somebody who
    /// does not read any more never hears its end.
    hope: Option<Pin<Box<Sleep>>>,
    /// How long the backend still has to take the end.
    patience: Option<Pin<Box<Sleep>>>,
}

impl Line {
    pub(super) fn new(stream: Stream, hearing: Rc<Hearing>) -> Self {
        Self { stream, hearing, deaf: false, over: false, hope: None, patience: None }
    }

    /// Lets a backend that takes nothing say why first.
    fn write<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut Stream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        use io::ErrorKind::{BrokenPipe, ConnectionReset};
        if self.deaf {
            // Once there is nothing to read either, nobody may wait for a write.
            if !self.over {
                let hope = self.hope.get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
                ready!(hope.as_mut().poll(cx));
                self.over = true;
            }
            return Poll::Ready(Err(BrokenPipe.into()));
        }
        match write(Pin::new(&mut self.stream), cx) {
            Poll::Ready(Err(error))
                if !self.over && matches!(error.kind(), BrokenPipe | ConnectionReset) =>
            {
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
        match &polled {
            Poll::Ready(Ok(())) if buf.filled().len() > before => {
                self.hearing.times.set(self.hearing.times.get() + 1);
                if let Some(hope) = &mut self.hope {
                    hope.as_mut().reset(Instant::now() + PATIENCE);
                }
            }
            Poll::Ready(_) => {
                self.over = true;
                if self.deaf {
                    // Whoever waits for a write on this connection need not any more.
                    cx.waker().wake_by_ref();
                }
            }
            Poll::Pending => {}
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
        self.write(cx, |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, |stream, cx| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write(cx, |stream, cx| stream.poll_flush(cx))
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

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::SockRef;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    const SOON: Duration = Duration::from_millis(50);
    const IN_TIME: Duration = Duration::from_secs(20);

    #[test]
    fn writes_wait_for_what_a_backend_says_but_not_for_ever() {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (mut backend, _) = listener.accept().await.unwrap();
            let mut line = Line::new(Stream::Plain(stream), Rc::default());
            backend.write_all(b"no").await.unwrap();
            SockRef::from(&backend).set_linger(Some(Duration::ZERO)).unwrap();
            drop(backend);
            let write = async { while line.write_all(b"request").await.is_ok() {} };
            assert!(timeout(SOON, write).await.is_err(), "it may have said why");
            let mut said = Vec::new();
            // The reset may come with it.
            let _ = timeout(IN_TIME, line.read_to_end(&mut said)).await.unwrap();
            let write = async { while line.write_all(b"request").await.is_ok() {} };
            timeout(IN_TIME, write).await.unwrap();
            timeout(IN_TIME, line.flush()).await.unwrap().unwrap_err();
        });
    }

    #[test]
    fn writes_end_where_nobody_reads() {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (backend, _) = listener.accept().await.unwrap();
            let mut line = Line::new(Stream::Plain(stream), Rc::default());
            SockRef::from(&backend).set_linger(Some(Duration::ZERO)).unwrap();
            drop(backend);
            // An hour of the clock that the runtime advances while all wait.
            let write = async { while line.write_all(b"request").await.is_ok() {} };
            timeout(Duration::from_secs(3600), write).await.unwrap();
            line.flush().await.unwrap_err();
        });
    }
}
