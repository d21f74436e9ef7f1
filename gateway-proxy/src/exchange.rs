//! The seam between protocol code and everything else: a request's head and body frames in, an
//! answer's head and body frames out.

use crate::access_log::Entry;
use crate::downstream::Unread;
use crate::error::{BrokenBody, Failure};
use crate::head::Client;
use crate::upgrade::Upgrade;
use crate::upstream::Lease;
use bytes::Bytes;
use http::request::Parts;
use http_body::{Body, Frame, SizeHint};
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// A request as it came from a client.
pub(crate) struct Exchange {
    pub(crate) head: Parts,
    pub(crate) body: Received,
    /// How to take the connection over, if the client asks for another protocol.
    pub(crate) upgrade: Option<Upgrade>,
}

impl Exchange {
    /// Takes what hyper has read.
    pub(crate) fn new(request: http::Request<hyper::body::Incoming>, client: &Client) -> Self {
        let (mut head, body) = request.into_parts();
        let upgrade = Upgrade::take(&mut head.extensions);
        client.unread.set(!body.is_end_stream());
        Self { head, body: Received { body, unread: Some(client.unread.clone()) }, upgrade }
    }
}

/// The frames of a message that is being received, from either side.
pub(crate) struct Received {
    body: hyper::body::Incoming,
    /// Told when a client has sent it to its end.
    unread: Option<Unread>,
}

impl Received {
    /// The frames of a backend's answer.
    pub(crate) fn new(body: hyper::body::Incoming) -> Self {
        Self { body, unread: None }
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = BrokenBody;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(unread) = &self.unread {
            // Nothing comes after trailers.
            let last = frame.as_ref().is_none_or(|f| f.as_ref().is_ok_and(Frame::is_trailers));
            if last || self.body.is_end_stream() {
                unread.set(false);
            }
        }
        Poll::Ready(frame.map(|frame| frame.map_err(|_| BrokenBody)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

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
            Poll::Ready(frame) => frame,
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
        stream.pace = if frame.is_some() { Pace::Sending(now) } else { Pace::Answer(now) };
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

/// The body of an answer on its way to a client.
pub(crate) struct Answer {
    content: Content,
    entry: Option<Box<Entry>>,
}

enum Content {
    Empty,
    Full(Bytes),
    Relayed(Relay),
}

/// A backend's body. However it ends, the connection that it came on goes back to the pool only if
/// it was read to its end.
pub(crate) struct Relay {
    pub(crate) body: Received,
    pub(crate) lease: Option<Lease>,
    /// Longest pause between two frames.
    pub(crate) pause: Option<Duration>,
    /// When the whole exchange has to be over.
    pub(crate) deadline: Option<Instant>,
    pub(crate) timer: Option<Pin<Box<Sleep>>>,
}

impl Answer {
    pub(crate) fn empty() -> Self {
        Self { content: Content::Empty, entry: None }
    }

    pub(crate) fn full(body: impl Into<Bytes>) -> Self {
        Self { content: Content::Full(body.into()), entry: None }
    }

    pub(crate) fn relayed(relay: Relay) -> Self {
        Self { content: Content::Relayed(relay), entry: None }
    }

    /// Logs the exchange when the answer is over.
    pub(crate) fn logged(mut self, entry: Option<Box<Entry>>) -> Self {
        self.entry = entry;
        self
    }
}

impl Relay {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            return self.poll_timer(cx).map(|()| {
                self.lease = None;
                Some(Err(BrokenBody))
            });
        };
        self.timer = None;
        match &frame {
            // Nothing comes after trailers, and hyper does not ask for it.
            Some(Ok(frame)) if frame.is_trailers() => self.give_back(),
            Some(Ok(_)) => {}
            Some(Err(_)) => self.lease = None,
            None => self.give_back(),
        }
        Poll::Ready(frame)
    }

    /// Waits for the end of the pause or of the exchange; begun when a frame is first missed.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.timer.is_none() {
            let pause = self.pause.map(|pause| Instant::now() + pause);
            let Some(end) = pause.into_iter().chain(self.deadline).min() else {
                return Poll::Pending;
            };
            self.timer = Some(Box::pin(sleep_until(end)));
        }
        match &mut self.timer {
            Some(timer) => timer.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }

    fn give_back(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // hyper does not ask for the end of a body whose length it knows.
        if self.body.is_end_stream() {
            self.give_back();
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = BrokenBody;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        let this = &mut *self;
        let frame = match &mut this.content {
            Content::Empty => None,
            Content::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                this.content = Content::Empty;
                (!bytes.is_empty()).then(|| Ok(Frame::data(bytes)))
            }
            Content::Relayed(relay) => ready!(relay.poll(cx)),
        };
        if let Some(entry) = &mut this.entry {
            match &frame {
                Some(Ok(frame)) => entry.sent(frame.data_ref().map_or(0, Bytes::len)),
                Some(Err(_)) => entry.broken(),
                None => {}
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Empty => true,
            Content::Full(bytes) => bytes.is_empty(),
            Content::Relayed(relay) => relay.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Empty => SizeHint::with_exact(0),
            Content::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Relayed(relay) => relay.body.size_hint(),
        }
    }
}
