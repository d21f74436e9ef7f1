//! The seam between protocol code and everything else: a request's head and body frames in, an
//! answer's head and body frames out.

mod answer;
mod upload;

pub(crate) use answer::{Answer, Relay};
pub(crate) use upload::{Pace, Upload, UploadBody};

use crate::downstream::Unread;
use crate::error::BrokenBody;
use crate::head::Client;
use crate::record::Octets;
use crate::upgrade::Upgrade;
use bytes::Bytes;
use http::request::Parts;
use http_body::{Body, Frame, SizeHint};
use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

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
        let has_body = !body.is_end_stream();
        client.unread.set(has_body);
        let octets = has_body.then(|| Rc::new(Cell::new(0)));
        let body = Received { body, unread: Some(client.unread.clone()), octets };
        Self { head, body, upgrade }
    }
}

/// The frames of a message that is being received, from either side.
pub(crate) struct Received {
    body: hyper::body::Incoming,
    /// Told when a client has sent it to its end.
    unread: Option<Unread>,
    /// How many of a client's there were so far.
    octets: Octets,
}

impl Received {
    /// The frames of a backend's answer.
    pub(crate) fn new(body: hyper::body::Incoming) -> Self {
        Self { body, unread: None, octets: None }
    }

    /// Will tell how many octets have come.
    pub(crate) fn octets(&self) -> Octets {
        self.octets.clone()
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
        if let (Some(octets), Some(Ok(frame))) = (&self.octets, &frame) {
            let more = frame.data_ref().map_or(0, Bytes::len);
            octets.set(octets.get() + more as u64);
        }
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
