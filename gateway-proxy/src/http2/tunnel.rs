//! A stream that goes on in another protocol (RFC 8441).

use bytes::{Buf, Bytes};
use h2::{RecvStream, SendStream};
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What goes out on a stream that goes on in another protocol.
#[derive(Clone)]
pub(crate) struct Switched(Rc<RefCell<SendStream<Bytes>>>);

impl Switched {
    pub(crate) fn new(stream: SendStream<Bytes>) -> Self {
        Self(Rc::new(RefCell::new(stream)))
    }

    /// Waits until the other side gives it up. That of what comes tells nothing of it once it has
    /// ended.
    pub(crate) async fn given_up(&self) {
        let _ = poll_fn(|cx| self.0.borrow_mut().poll_reset(cx)).await;
    }
}

/// A stream that goes on in another protocol.
pub(crate) struct Tunnel {
    incoming: RecvStream,
    outgoing: Switched,
    /// What has come and was not read yet.
    begun: Bytes,
}

impl Tunnel {
    pub(crate) fn new(incoming: RecvStream, outgoing: Switched) -> Self {
        Self { incoming, outgoing, begun: Bytes::new() }
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.begun.is_empty() {
            match ready!(this.incoming.poll_data(cx)) {
                Some(Ok(data)) => this.begun = data,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let most = this.begun.len().min(buf.remaining());
        buf.put_slice(&this.begun[..most]);
        this.begun.advance(most);
        // It fails for what is more than came, which this is not.
        let _ = this.incoming.flow_control().release_capacity(most);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let stream = &mut *self.outgoing.0.borrow_mut();
        stream.reserve_capacity(octets.len());
        while stream.capacity() == 0 {
            match ready!(stream.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        let most = stream.capacity().min(octets.len());
        let sent = stream.send_data(Bytes::copy_from_slice(&octets[..most]), false);
        Poll::Ready(sent.map(|()| most).map_err(io::Error::other))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = self.outgoing.0.borrow_mut().send_data(Bytes::new(), true);
        Poll::Ready(ended.map_err(io::Error::other))
    }
}
