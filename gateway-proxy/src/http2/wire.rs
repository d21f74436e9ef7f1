//! The socket below a connection of HTTP/2. h2 writes each frame with data by itself; here all that
//! comes of one turn of the connection is gathered, and written at once at its end.

use crate::http1::{Batch, Flush};
use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Most octets that wait to be written; what goes beyond is written with them.
const GATHERED: usize = 64 << 10;

/// A socket that h2 reads from and writes to, while somebody else says when what it has written goes
/// out.
pub(crate) struct Wire<S>(Rc<RefCell<Inner<S>>>);

struct Inner<S> {
    stream: S,
    waiting: Vec<u8>,
    /// How much of that was written.
    written: usize,
    /// Whether a layer below may have kept something.
    is_flushed: bool,
    /// Whether all that has come was read in this turn: h2 asks again for each request.
    is_drained: bool,
    batch: Batch,
    /// Whether what waits is going to be written with what others write.
    is_put_off: bool,
    /// What came of that, where it was not written.
    failure: Option<io::Error>,
}

impl<S> Clone for Wire<S> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Wire<S> {
    pub(crate) fn new(stream: S, batch: Batch) -> Self {
        let inner = Inner {
            stream,
            waiting: Vec::new(),
            written: 0,
            is_flushed: true,
            is_drained: false,
            batch,
            is_put_off: false,
            failure: None,
        };
        Self(Rc::new(RefCell::new(inner)))
    }

    /// Writes what waits, or lets it be written with what others write. To be called at the end of a
    /// turn: when h2 has nothing more to do, before the task waits.
    pub(crate) fn poll_send(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.0.borrow_mut();
        let inner = &mut *inner;
        inner.is_drained = false;
        if let Some(failure) = inner.failure.take() {
            return Poll::Ready(Err(failure));
        }
        let is_done = inner.waiting.is_empty() && inner.is_flushed;
        if is_done || inner.is_put_off {
            return Poll::Ready(Ok(()));
        }
        let this = || Some(Rc::clone(&self.0) as Rc<dyn Flush>);
        inner.is_put_off = inner.batch.put_off(this, cx);
        if inner.is_put_off {
            return Poll::Ready(Ok(()));
        }
        inner.poll_send(cx)
    }
}

impl<S: AsyncWrite + Unpin> Flush for RefCell<Inner<S>> {
    fn flush(&self, cx: &mut Context<'_>) {
        let inner = &mut *self.borrow_mut();
        inner.is_put_off = false;
        if let Poll::Ready(Err(failure)) = inner.poll_send(cx) {
            inner.failure = Some(failure);
            cx.waker().wake_by_ref();
        }
    }
}

impl<S: AsyncWrite + Unpin> Inner<S> {
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.waiting.is_empty() {
            ready!(self.poll_write_with(&[], cx))?;
        }
        if !self.is_flushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.is_flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what waits, and `more` behind it. Tells how much of that was written.
    fn poll_write_with(
        &mut self,
        more: &[IoSlice<'_>],
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let waiting = &self.waiting[self.written..];
        let mut parts = [IoSlice::new(&[]); 4];
        let own = (!waiting.is_empty()).then(|| IoSlice::new(waiting));
        let given = more.iter().filter(|part| !part.is_empty()).copied();
        let mut count = 0;
        for (place, part) in parts.iter_mut().zip(own.into_iter().chain(given)) {
            *place = part;
            count += 1;
        }
        let stream = Pin::new(&mut self.stream);
        let written = ready!(match &parts[..count] {
            [part] => stream.poll_write(cx, part),
            parts => stream.poll_write_vectored(cx, parts),
        })?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.is_flushed = false;
        let own = written.min(waiting.len());
        self.written += own;
        if self.written == self.waiting.len() {
            // A connection on which nothing goes out holds no space for it.
            self.waiting = Vec::new();
            self.written = 0;
        }
        Poll::Ready(Ok(written - own))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let inner = &mut *self.0.borrow_mut();
        if inner.is_drained {
            return Poll::Pending;
        }
        let read = Pin::new(&mut inner.stream).poll_read(cx, buf);
        inner.is_drained = read.is_pending();
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(octets)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let inner = &mut *self.0.borrow_mut();
        let more: usize = parts.iter().map(|part| part.len()).sum();
        if more == 0 {
            return Poll::Ready(Ok(0));
        }
        loop {
            if inner.waiting.len() + more <= GATHERED {
                if inner.waiting.capacity() == 0 {
                    inner.waiting.reserve(GATHERED);
                }
                parts.iter().for_each(|part| inner.waiting.extend_from_slice(part));
                return Poll::Ready(Ok(more));
            }
            let written = ready!(inner.poll_write_with(parts, cx))?;
            if written > 0 {
                return Poll::Ready(Ok(written));
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Nothing: what was written goes out when [`Wire::poll_send`] is called.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let inner = &mut *self.0.borrow_mut();
        ready!(inner.poll_send(cx))?;
        Pin::new(&mut inner.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
