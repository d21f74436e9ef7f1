//! A socket on which HTTP/1 is spoken, and the bodies that come on it.

use super::batch::{Batch, Flush};
use super::incoming::Incoming;
use super::outgoing::{Framing, Outgoing};
use crate::error::BrokenBody;
use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncWrite};

/// A socket on which HTTP/1 is spoken.
pub(crate) struct Socket<S> {
    pub(crate) stream: S,
    pub(crate) incoming: Incoming,
    pub(crate) outgoing: Outgoing,
    /// Whether the other side waits to be told that it may send the body.
    pub(crate) awaits_continue: bool,
    /// Whether it is being told so.
    continues: bool,
    /// How many messages came: the body of an earlier one is over.
    message: u64,
    /// Who watches the other side once its message is over.
    watcher: Option<Waker>,
    /// Itself.
    this: Weak<RefCell<Self>>,
    batch: Batch,
    /// Whether what goes out may be put off, once for each message.
    may_wait: bool,
    /// Whether it is.
    is_put_off: bool,
}

/// How far a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    Whole,
    /// To its end, which is going to be written with other things.
    PutOff,
    /// Up to a frame that is still to come.
    SoFar,
}

/// Why the rest of a message is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// Its body broke off, or has another length than was announced.
    Body,
    /// The other side takes nothing any more.
    Socket,
}

/// When the end of a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Now,
    /// With what others write, where that is soon.
    Soon,
}

/// A socket and those who read from it.
pub(crate) type Shared<S> = Rc<RefCell<Socket<S>>>;

/// The body of the message that a socket is at.
pub(crate) struct Body<S> {
    socket: Shared<S>,
    message: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Socket<S> {
    /// Of a stream from which `begun` was read.
    pub(crate) fn new(stream: S, begun: BytesMut, batch: Batch) -> Shared<S> {
        Rc::new_cyclic(|this| {
            RefCell::new(Self {
                stream,
                incoming: Incoming::new(begun),
                outgoing: Outgoing::default(),
                awaits_continue: false,
                continues: false,
                message: 0,
                watcher: None,
                this: Weak::clone(this),
                batch,
                may_wait: false,
                is_put_off: false,
            })
        })
    }

    /// Begins to write a message whose body is framed so.
    pub(crate) fn begin(&mut self, framing: Framing) -> &mut Vec<u8> {
        // What goes out from now on belongs to the message.
        self.awaits_continue = false;
        self.continues = false;
        self.may_wait = true;
        self.outgoing.begin(framing)
    }

    /// What comes belongs to another message from now on.
    pub(crate) fn next_message(&mut self) {
        self.message += 1;
        self.incoming.rest();
        self.outgoing.rest();
    }

    /// Writes what there is.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing.poll_write(&mut self.stream, cx)
    }

    /// Writes what there is, and what a layer below has kept.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Writes what there is, unless that is put off.
    pub(crate) fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_put_off || self.outgoing.is_empty() {
            return Poll::Ready(Ok(()));
        }
        self.poll_flush(cx)
    }

    /// Sends what has been begun, and the frames of its body as they come. The body is dropped when
    /// it is over.
    pub(crate) fn poll_send<B>(
        &mut self,
        body: &mut Option<B>,
        when: When,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Sent, Unsent>>
    where
        B: http_body::Body<Data = Bytes, Error = BrokenBody> + Unpin,
    {
        loop {
            let waits = self.poll_frames(body, cx).map_err(|_| Unsent::Body)?.is_pending();
            if when == When::Soon && body.is_none() && self.is_put_off(cx) {
                return Poll::Ready(Ok(Sent::PutOff));
            }
            let written =
                if waits || body.is_none() { self.poll_flush(cx) } else { self.poll_write(cx) };
            ready!(written).map_err(|_| Unsent::Socket)?;
            if body.is_none() {
                return Poll::Ready(Ok(Sent::Whole));
            }
            if waits {
                return Poll::Ready(Ok(Sent::SoFar));
            }
        }
    }

    /// Whether what there is will be written with other things.
    fn is_put_off(&mut self, cx: &Context<'_>) -> bool {
        // Much is written at once: it takes the other side longer than to wake up.
        if self.may_wait && self.outgoing.has_room() {
            self.may_wait = false;
            let this = || Some(self.this.upgrade()? as Rc<dyn Flush>);
            self.is_put_off = self.batch.put_off(this, cx);
        }
        self.is_put_off
    }

    /// Takes frames of the body as long as there is room for them.
    fn poll_frames<B>(
        &mut self,
        body: &mut Option<B>,
        cx: &mut Context<'_>,
    ) -> Result<Poll<()>, BrokenBody>
    where
        B: http_body::Body<Data = Bytes, Error = BrokenBody> + Unpin,
    {
        loop {
            if self.outgoing.is_whole() {
                *body = None;
            }
            let Some(frames) = body.as_mut().filter(|_| self.outgoing.has_room()) else {
                return Ok(Poll::Ready(()));
            };
            let Poll::Ready(frame) = Pin::new(frames).poll_frame(cx) else {
                return Ok(Poll::Pending);
            };
            match frame {
                Some(frame) => self.outgoing.frame(frame?)?,
                None => self.outgoing.end()?,
            }
        }
    }

    /// Waits until the message that comes is over, whoever reads it.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.incoming.is_over() {
            return Poll::Ready(());
        }
        self.watcher = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Reads more; `Ok(0)` is the end.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.incoming.poll_fill(&mut self.stream, cx)
    }

    /// Reads the next frame of the body.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        if self.awaits_continue {
            self.awaits_continue = false;
            if self.incoming.is_empty() {
                self.continues = true;
                self.outgoing.interim().extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            }
        }
        if self.continues {
            // What is not through yet goes with the next that is written; an error shows there, too.
            self.continues = self.poll_flush(cx).is_pending();
        }
        let frame = self.incoming.poll_frame(&mut self.stream, cx);
        if self.incoming.is_over()
            && let Some(watcher) = self.watcher.take()
            // Who reads it is about to look.
            && !watcher.will_wake(cx.waker())
        {
            watcher.wake();
        }
        frame
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Flush for RefCell<Socket<S>> {
    fn flush(&self, cx: &mut Context<'_>) {
        let mut socket = self.borrow_mut();
        socket.is_put_off = false;
        match socket.poll_flush(cx) {
            Poll::Ready(Ok(())) => socket.outgoing.rest(),
            // Whose it is sees that as well, and knows what to do.
            Poll::Ready(Err(_)) => cx.waker().wake_by_ref(),
            Poll::Pending => {}
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Body<S> {
    /// The body of the message that the socket is at.
    pub(crate) fn of(socket: &Shared<S>) -> Self {
        let message = socket.borrow().message;
        Self { socket: Rc::clone(socket), message }
    }

    pub(crate) fn poll_frame(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        let mut socket = self.socket.borrow_mut();
        if socket.message == self.message {
            socket.poll_frame(cx)
        } else {
            Poll::Ready(Some(Err(BrokenBody)))
        }
    }

    /// Whether there is nothing left of it.
    pub(crate) fn is_over(&self) -> bool {
        let socket = self.socket.borrow();
        socket.message != self.message || socket.incoming.is_over()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        let socket = self.socket.borrow();
        if socket.message == self.message {
            socket.incoming.size_hint()
        } else {
            SizeHint::default()
        }
    }
}

#[cfg(test)]
mod tests;
