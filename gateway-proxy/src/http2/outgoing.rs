//! The bodies that go out.

use crate::error::BrokenBody;
use crate::http1::is_no_trailer;
use bytes::Bytes;
use h2::{Reason, SendStream};
use http::HeaderMap;
use http_body::Body;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A body on its way out.
pub(crate) struct Outgoing<B> {
    stream: SendStream<Bytes>,
    body: B,
    /// What waits for room, and whether it is the last of the body.
    held: Option<(Bytes, bool)>,
    /// How many frames had to wait so far.
    waited: u64,
    /// Whether the body has broken off.
    is_broken: bool,
}

/// Why the rest of a body is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// It broke off, of which the other side is still to be told.
    Body,
    /// The other side does not take it.
    Stream,
}

impl<B: Body<Data = Bytes, Error = BrokenBody> + Unpin> Outgoing<B> {
    pub(crate) fn new(stream: SendStream<Bytes>, body: B) -> Self {
        Self { stream, body, held: None, waited: 0, is_broken: false }
    }

    /// Sends frames as they come, until the body is over. Of what the other side has no room for, a
    /// frame is kept, and what h2 keeps for it.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Unsent>> {
        loop {
            if self.held.is_some() {
                ready!(self.poll_room(cx))?;
            }
            if let Some((data, is_last)) = self.held.take() {
                self.data(data, is_last)?;
                if is_last {
                    return Poll::Ready(Ok(()));
                }
            }
            if self.is_broken {
                return Poll::Ready(Err(Unsent::Body));
            }
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
                // Nobody else hears that the other side has given up.
                ready!(self.stream.poll_reset(cx)).map_err(|_| Unsent::Stream)?;
                return Poll::Ready(Err(Unsent::Stream));
            };
            match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        let is_last = self.body.is_end_stream();
                        if !data.is_empty() {
                            // More is asked for when it is there: room that a body without data has
                            // taken is missed by others.
                            self.stream.reserve_capacity(1);
                            self.held = Some((data, is_last));
                            self.waited += 1;
                        } else if is_last {
                            return Poll::Ready(self.data(data, true));
                        }
                    }
                    Err(frame) => {
                        let trailers = frame.into_trailers().unwrap_or_default();
                        return Poll::Ready(self.trailers(trailers));
                    }
                },
                None => return Poll::Ready(self.data(Bytes::new(), true)),
                Some(Err(BrokenBody)) => {
                    // A reset would overtake what was given to h2 so far, be it the head.
                    self.is_broken = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
    }

    /// The number of the frame that waits for room.
    pub(crate) fn waits_with(&self) -> Option<u64> {
        self.held.is_some().then_some(self.waited)
    }

    /// Waits until the other side takes something.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Unsent>> {
        while self.stream.capacity() == 0 {
            match ready!(self.stream.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Poll::Ready(Err(Unsent::Stream)),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn data(&mut self, data: Bytes, is_last: bool) -> Result<(), Unsent> {
        self.stream.send_data(data, is_last).map_err(|_| Unsent::Stream)
    }

    fn trailers(&mut self, mut trailers: HeaderMap) -> Result<(), Unsent> {
        // There is nothing more to send that would need room.
        self.stream.reserve_capacity(0);
        while let Some(name) = trailers.keys().find(|name| is_no_trailer(name)).cloned() {
            trailers.remove(name);
        }
        self.stream.send_trailers(trailers).map_err(|_| Unsent::Stream)
    }

    /// Tells the other side that nothing more comes of it.
    pub(crate) fn give_up(&mut self, reason: Reason) {
        self.stream.send_reset(reason);
    }
}
