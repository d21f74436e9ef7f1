//! The bodies that come.

use crate::error::BrokenBody;
use crate::head::Interim;
use bytes::Bytes;
use h2::RecvStream;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};
use http_body::{Frame, SizeHint};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// The body of a message that comes.
pub(crate) struct Body {
    stream: RecvStream,
    /// How long the rest of it is, where its head tells.
    rest: Option<u64>,
    /// Whether only trailers may still come.
    has_all_data: bool,
    /// Who tells the other side that it may send the body, if it waits for that.
    awaits_continue: Option<Rc<Interim>>,
}

impl Body {
    /// The body behind a head, whose length h2 holds the other side to.
    pub(crate) fn new(stream: RecvStream, headers: &HeaderMap) -> Self {
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let rest = length.and_then(|length| length.parse().ok());
        Self { stream, rest, has_all_data: false, awaits_continue: None }
    }

    /// The same of a client that waits to be told to send it.
    pub(crate) fn expected(stream: RecvStream, headers: &HeaderMap, interim: Rc<Interim>) -> Self {
        Self { awaits_continue: Some(interim), ..Self::new(stream, headers) }
    }

    /// Reads the next frame. An end that nobody has sent is no end.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        while !self.has_all_data {
            let data = self.stream.poll_data(cx);
            if let Some(interim) = self.awaits_continue.take()
                && data.is_pending()
            {
                interim.push(StatusCode::CONTINUE, HeaderMap::new());
            }
            match ready!(data) {
                Some(Ok(data)) => {
                    // Whoever asks for a frame has room for it: the other side may send as much again.
                    // It fails for what is more than came, which this is not.
                    let _ = self.stream.flow_control().release_capacity(data.len());
                    if !data.is_empty() {
                        self.rest = self.rest.map(|rest| rest.saturating_sub(data.len() as u64));
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                }
                Some(Err(_)) => return Poll::Ready(Some(Err(BrokenBody))),
                None => self.has_all_data = true,
            }
        }
        let trailers = ready!(self.stream.poll_trailers(cx));
        Poll::Ready(match trailers {
            Ok(trailers) => trailers.map(|trailers| Ok(Frame::trailers(trailers))),
            Err(_) => Some(Err(BrokenBody)),
        })
    }

    /// Whether there is nothing left of it.
    pub(crate) fn is_over(&self) -> bool {
        self.stream.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.rest.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
