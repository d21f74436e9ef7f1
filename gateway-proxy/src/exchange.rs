//! The seam between protocol code and everything else: a request's head and body frames in, an
//! answer's head and body frames out.

mod answer;
mod http2;
mod upload;

pub(crate) use answer::{Answer, Relay};
pub(crate) use upload::{Pace, Upload, UploadBody};

use crate::downstream::Unread;
use crate::error::BrokenBody;
use crate::head::Client;
use crate::upgrade::Upgrade;
use crate::worker::Random;
use bytes::Bytes;
use http::request::Parts;
use http::{Request, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
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
    pub(crate) fn new(request: Request<Incoming>, client: &Client, random: &Random) -> Self {
        let (mut head, body) = request.into_parts();
        let upgrade = Upgrade::take(&mut head.extensions);
        if head.version == Version::HTTP_2 {
            let wanted = http2::as_http1(&mut head, random);
            let upgrade = upgrade.filter(|_| wanted).map(|it| it.on(client.streams.open()));
            return Self { head, body: Received::new(body), upgrade };
        }
        client.unread.set(!body.is_end_stream());
        Self { head, body: Received { body, unread: Some(client.unread.clone()) }, upgrade }
    }
}

/// The frames of a message that is being received, from either side.
pub(crate) struct Received {
    body: Incoming,
    /// Told when a client has sent it to its end.
    unread: Option<Unread>,
}

impl Received {
    /// The frames of a backend's answer.
    pub(crate) fn new(body: Incoming) -> Self {
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
