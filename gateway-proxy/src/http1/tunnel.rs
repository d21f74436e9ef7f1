//! A socket that goes on in another protocol.

use super::socket::Shared;
use bytes::Bytes;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A socket that goes on in another protocol; what has come of that is read first.
pub(crate) struct Tunnel<S> {
    socket: Shared<S>,
    begun: Bytes,
}

impl<S> Tunnel<S> {
    /// Takes over a socket whose head of an answer is behind it.
    pub(crate) fn new(socket: Shared<S>) -> Self {
        let begun = socket.borrow_mut().incoming.take_all();
        Self { socket, begun }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tunnel<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.begun.is_empty() {
            return Pin::new(&mut self.socket.borrow_mut().stream).poll_read(cx, buf);
        }
        let most = self.begun.len().min(buf.remaining());
        buf.put_slice(&self.begun.split_to(most));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tunnel<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket.borrow_mut().stream).poll_write(cx, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket.borrow_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket.borrow_mut().stream).poll_shutdown(cx)
    }
}
