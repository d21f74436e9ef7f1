//! A request's body on its way to a backend, over all tries.

use super::Received;
use crate::error::{BrokenBody, Failure};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::cell::RefCell;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Instant;

/// What has been sent of a request's body is kept for another try, up to this many octets.
const REPLAY_LIMIT: usize = 64 * 1024;

/// A request's body on its way to a backend, over all tries.
#[derive(Clone)]
pub(crate) enum Upload {
    /// There is none.
    Empty,
    /// Frames that the client is still sending.
    Streamed(Rc<RefCell<Stream>>),
}

/// The client's body, and what may have to be sent once more.
pub(crate) struct Stream {
    source: Received,
    /// What was sent already; `None` once it is too much to keep.
    sent: Option<Vec<Bytes>>,
    ended: bool,
    taken: u64,
    limit: u64,
    failure: Option<Failure>,
    /// Counts tries: the connection of an earlier one may still ask for frames.
    attempt: u32,
    pace: Pace,
    /// How long it was the client that was waited for, up to the present pace.
    waited: Duration,
}

/// Whom an exchange is waiting for, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// For the client to send more of its body.
    Client(Instant),
    /// For the backend to take what it was given.
    Sending(Instant),
    /// For the backend's answer.
    Answer(Instant),
}

impl Upload {
    /// The body of a request, of which at most `limit` octets are let through.
    pub(crate) fn new(source: Received, limit: Option<u64>) -> Self {
        if source.is_end_stream() {
            return Self::Empty;
        }
        Self::Streamed(Rc::new(RefCell::new(Stream {
            source,
            sent: Some(Vec::new()),
            ended: false,
            taken: 0,
            limit: limit.unwrap_or(u64::MAX),
            failure: None,
            attempt: 0,
            pace: Pace::Sending(Instant::now()),
            waited: Duration::ZERO,
        })))
    }

    /// Begins a try: earlier ones get no more frames.
    pub(crate) fn attempt(&self) -> UploadBody {
        match self {
            Self::Empty => UploadBody { stream: None, attempt: 0, next: 0 },
            Self::Streamed(stream) => {
                let mut inner = stream.borrow_mut();
                inner.attempt += 1;
                inner.pace = Pace::Sending(Instant::now());
                UploadBody { stream: Some(Rc::clone(stream)), attempt: inner.attempt, next: 0 }
            }
        }
    }

    /// Whether it can be sent once more from its beginning.
    pub(crate) fn replayable(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Streamed(stream) => {
                let stream = stream.borrow();
                stream.failure.is_none() && stream.sent.is_some()
            }
        }
    }

    /// What went wrong with it on the client's side.
    pub(crate) fn failure(&self) -> Option<Failure> {
        match self {
            Self::Empty => None,
            Self::Streamed(stream) => stream.borrow().failure,
        }
    }

    /// Whether it is the client that the exchange waits for.
    pub(crate) fn waits_for_client(&self) -> bool {
        match self {
            Self::Empty => false,
            Self::Streamed(stream) => matches!(stream.borrow().pace, Pace::Client(_)),
        }
    }

    /// How long the client may be waited for in the present pace: `pause` at most, and no longer
    /// in all than that and a second for each `rate` octets that came.
    pub(crate) fn patience(&self, pause: Duration, rate: Option<NonZeroU64>) -> Duration {
        let (Self::Streamed(stream), Some(rate)) = (self, rate) else { return pause };
        let stream = stream.borrow();
        let earned = pause.saturating_add(Duration::from_secs(stream.taken / rate));
        earned.saturating_sub(stream.waited).min(pause)
    }

    /// Whom the exchange waits for; `since` is when the request was sent, for one without a body.
    pub(crate) fn pace(&self, since: Instant) -> Pace {
        match self {
            Self::Empty => Pace::Answer(since),
            Self::Streamed(stream) => stream.borrow().pace,
        }
    }
}

impl Stream {
    fn poll_source(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        let frame = match Pin::new(&mut self.source).poll_frame(cx) {
            Poll::Ready(frame) => {
                if let Pace::Client(since) = self.pace {
                    self.waited += since.elapsed();
                }
                frame
            }
            Poll::Pending => {
                if !matches!(self.pace, Pace::Client(_)) {
                    self.pace = Pace::Client(Instant::now());
                }
                return Poll::Pending;
            }
        };
        Poll::Ready(match frame {
            None => {
                self.ended = true;
                None
            }
            Some(Err(broken)) => {
                self.failure = Some(Failure::ClientBody);
                Some(Err(broken))
            }
            Some(Ok(frame)) => Some(self.take(frame)),
        })
    }

    /// Whether a try that has got `given` frames has got all.
    fn is_over(&self, given: usize) -> bool {
        let has_replayed = self.sent.as_ref().is_none_or(|sent| given >= sent.len());
        has_replayed && (self.ended || self.source.is_end_stream())
    }

    fn take(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, BrokenBody> {
        let Some(data) = frame.data_ref() else {
            // Trailers are not kept; without them a second try would be another request.
            self.sent = None;
            return Ok(frame);
        };
        self.taken = self.taken.saturating_add(data.len() as u64);
        if self.taken > self.limit {
            self.failure = Some(Failure::TooLarge);
            return Err(BrokenBody);
        }
        if self.taken > REPLAY_LIMIT as u64 {
            self.sent = None;
        } else if let Some(sent) = &mut self.sent {
            sent.push(data.clone());
        }
        Ok(frame)
    }
}

/// The body of one try.
pub(crate) struct UploadBody {
    stream: Option<Rc<RefCell<Stream>>>,
    attempt: u32,
    next: usize,
}

impl Body for UploadBody {
    type Data = Bytes;
    type Error = BrokenBody;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        let this = &mut *self;
        let Some(stream) = &this.stream else {
            return Poll::Ready(None);
        };
        let mut stream = stream.borrow_mut();
        if stream.attempt != this.attempt || stream.failure.is_some() {
            return Poll::Ready(Some(Err(BrokenBody)));
        }
        let again = stream.sent.as_ref().and_then(|sent| sent.get(this.next)).cloned();
        let frame = match again {
            Some(data) => Some(Ok(Frame::data(data))),
            None if stream.ended => None,
            None => ready!(stream.poll_source(cx)),
        };
        this.next += 1;
        let now = Instant::now();
        // Nobody asks for the end of a body whose length is known.
        let is_last = frame.is_none() || stream.is_over(this.next);
        stream.pace = if is_last { Pace::Answer(now) } else { Pace::Sending(now) };
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.stream {
            None => SizeHint::with_exact(0),
            Some(stream) => {
                let stream = stream.borrow();
                // Counted from the beginning, as this try will send it.
                let mut hint = stream.source.size_hint();
                if let Some(rest) = hint.exact() {
                    hint.set_exact(rest.saturating_add(stream.taken));
                }
                hint
            }
        }
    }
}
