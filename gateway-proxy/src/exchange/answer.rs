//! An answer's body on its way to a client.

use super::Received;
use super::gunzip::Gunzip;
use crate::error::BrokenBody;
use crate::gate::Pass;
use crate::record::Record;
use crate::timers::Alarm;
use crate::upstream::Lease;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The body of an answer on its way to a client.
pub(crate) struct Answer {
    content: Content,
    record: Option<Box<Record>>,
    /// That of the request among those under way.
    place: Pass,
    /// Whether it has broken off.
    is_broken: bool,
}

#[expect(
    clippy::large_enum_variant,
    reason = "most answers are relayed, without another allocation"
)]
enum Content {
    Empty,
    Full(Bytes),
    Relayed(Relay),
    /// Behind a pointer, so that others do not pay for its size.
    Unpacked(Box<Gunzip>),
    /// What follows is another protocol; the record goes to the tunnel.
    Switched(Option<oneshot::Sender<Box<Record>>>),
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
    /// Since when a frame is missed.
    pub(crate) missed: Option<Instant>,
    pub(crate) alarm: Alarm,
}

impl Answer {
    pub(crate) fn empty() -> Self {
        let place = Pass::default();
        Self { content: Content::Empty, record: None, place, is_broken: false }
    }

    /// The end of HTTP: what follows is another protocol, and `tunnel` has the record.
    pub(crate) fn switched(tunnel: oneshot::Sender<Box<Record>>) -> Self {
        Self { content: Content::Switched(Some(tunnel)), ..Self::empty() }
    }

    /// Whether it is.
    pub(crate) fn is_switched(&self) -> bool {
        matches!(self.content, Content::Switched(_))
    }

    pub(crate) fn full(body: impl Into<Bytes>) -> Self {
        Self { content: Content::Full(body.into()), ..Self::empty() }
    }

    pub(crate) fn relayed(relay: Relay) -> Self {
        Self { content: Content::Relayed(relay), ..Self::empty() }
    }

    /// The same, unpacked on its way.
    pub(crate) fn unpacked(relay: Relay) -> Self {
        Self { content: Content::Unpacked(Box::new(Gunzip::new(relay))), ..Self::empty() }
    }

    /// For an answer that another one takes the place of. What is left of a backend's is read if it
    /// is little and comes soon, so that its connection can be used again.
    pub(crate) fn discard(self) {
        const MOST: usize = 64 << 10;
        const SOON: Duration = Duration::from_secs(1);
        let mut relay = match self.content {
            Content::Relayed(relay) => relay,
            Content::Unpacked(unpacked) => unpacked.packed(),
            Content::Empty | Content::Switched(_) | Content::Full(_) => return,
        };
        if relay.body.size_hint().lower() > MOST as u64 {
            return;
        }
        let soon = Instant::now() + SOON;
        relay.deadline = Some(relay.deadline.map_or(soon, |end| end.min(soon)));
        tokio::task::spawn_local(async move {
            let mut left = MOST;
            while let Some(Ok(frame)) = poll_fn(|cx| relay.poll(cx)).await {
                match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                    Some(fewer) => left = fewer,
                    None => break,
                }
            }
        });
    }

    /// Keeps the place of the request until the answer is over.
    pub(crate) fn hold(&mut self, place: Pass) {
        self.place = place;
    }

    /// Keeps what is known about the exchange until the answer is over, or else the tunnel.
    pub(crate) fn record(&mut self, record: Box<Record>) {
        match &mut self.content {
            Content::Switched(tunnel) => {
                // A tunnel that is gone already lets go of it.
                let _ = tunnel.take().map(|tunnel| tunnel.send(record));
            }
            _ => self.record = Some(record),
        }
    }
}

impl Relay {
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            return self.poll_timer(cx).map(|()| {
                self.lease = None;
                Some(Err(BrokenBody))
            });
        };
        self.missed = None;
        match &frame {
            // Nothing comes after trailers, and nobody asks for it.
            Some(Ok(frame)) if frame.is_trailers() => self.give_back(),
            Some(Ok(_)) => {}
            Some(Err(_)) => self.lease = None,
            None => self.give_back(),
        }
        Poll::Ready(frame)
    }

    /// Waits for the end of the pause or of the exchange.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let missed = *self.missed.get_or_insert_with(Instant::now);
        let pause = self.pause.map(|pause| missed + pause);
        match pause.into_iter().chain(self.deadline).min() {
            Some(end) => self.alarm.poll(cx, end),
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
        // Nobody asks for the end of a body whose length is known.
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
            Content::Empty | Content::Switched(_) => None,
            Content::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                this.content = Content::Empty;
                (!bytes.is_empty()).then(|| Ok(Frame::data(bytes)))
            }
            _ if this.is_broken => Some(Err(BrokenBody)),
            Content::Relayed(relay) => ready!(relay.poll(cx)),
            Content::Unpacked(unpacked) => ready!(unpacked.poll(cx)),
        };
        if let Some(Err(BrokenBody)) = frame
            && !this.is_broken
        {
            this.record.iter_mut().for_each(|record| record.broken());
            this.is_broken = true;
        }
        if let (Some(record), Some(Ok(frame))) = (&mut this.record, &frame) {
            record.sent(frame.data_ref().map_or(0, Bytes::len));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Empty | Content::Switched(_) => true,
            Content::Full(bytes) => bytes.is_empty(),
            Content::Relayed(relay) => !self.is_broken && relay.body.is_end_stream(),
            Content::Unpacked(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Empty | Content::Switched(_) => SizeHint::with_exact(0),
            Content::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Relayed(relay) => relay.body.size_hint(),
            Content::Unpacked(_) => SizeHint::default(),
        }
    }
}
