//! The seam between protocol code and everything else: a request's head and body frames in, an
//! answer's head and body frames out.

mod answer;
mod copy;
pub(crate) mod gunzip;
mod upload;

pub(crate) use answer::{Answer, Relay};
pub(crate) use upload::{Pace, Upload, UploadBody};

use crate::downstream::{Downstream, Unread};
use crate::error::BrokenBody;
use crate::head::{Client, Interim};
use crate::http1::{self, Shared};
use crate::http2::{self, Switched};
use crate::record::Octets;
use crate::stream::Stream;
use crate::upgrade::Upgrade;
use crate::worker::Random;
use bytes::Bytes;
use copy::{BodyCopy, Copies};
use h2::RecvStream;
use http::header::EXPECT;
use http::request::Parts;
use http::{Request, Version};
use http_body::{Body, Frame, SizeHint};
use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::sync::oneshot;

/// A request as it came from a client.
pub(crate) struct Exchange {
    pub(crate) head: Parts,
    pub(crate) body: Received,
    /// How to take the connection over, if the client asks for another protocol.
    pub(crate) upgrade: Option<Upgrade>,
    /// Where answers go that announce the one to come; `None` where nobody takes them.
    pub(crate) interim: Option<Rc<Interim>>,
}

impl Exchange {
    /// A request of HTTP/1, whose head was read from a socket.
    pub(crate) fn http1(
        head: Parts,
        socket: &Shared<Downstream>,
        client: &Client,
        upgrade: Option<Upgrade>,
    ) -> Self {
        // Old clients would take them for the answer (RFC 9110, section 15.2).
        let interim = (head.version == Version::HTTP_11).then(|| Rc::clone(&client.interim));
        if socket.borrow().incoming.is_over() {
            client.unread.set(false);
            return Self { head, body: Received::none(), upgrade, interim };
        }
        client.unread.set(true);
        let octets = Some(Rc::new(Cell::new(0)));
        let unread = Some(client.unread.clone());
        let body = Received { octets, unread, ..Received::from_client(http1::Body::of(socket)) };
        Self { head, body, upgrade, interim }
    }

    /// A request of HTTP/2, and whom to give the stream to if it goes on in another protocol.
    pub(crate) fn http2(
        request: Request<RecvStream>,
        client: &Client,
        random: &Random,
        interim: Rc<Interim>,
    ) -> (Self, Option<oneshot::Sender<Switched>>) {
        let (mut head, incoming) = request.into_parts();
        if http2::as_http1(&mut head, random) {
            let (switched, waits) = oneshot::channel();
            let open = client.streams.open();
            let upgrade = Some(Upgrade::Stream { incoming, switched: waits, open });
            let body = Received::none();
            return (Self { head, body, upgrade, interim: Some(interim) }, Some(switched));
        }
        let body = if incoming.is_end_stream() {
            Received::none()
        } else {
            let octets = Some(Rc::new(Cell::new(0)));
            let body = match head.headers.contains_key(EXPECT) {
                true => http2::Body::expected(incoming, &head.headers, Rc::clone(&interim)),
                false => http2::Body::new(incoming, &head.headers),
            };
            Received { octets, ..Received::framed(body) }
        };
        (Self { head, body, upgrade: None, interim: Some(interim) }, None)
    }
}

/// The frames of a message that is being received, from either side.
pub(crate) struct Received {
    source: Source,
    /// Told when a client has sent it to its end.
    unread: Option<Unread>,
    copies: Option<Box<Copies>>,
    /// How many of a client's there were so far.
    octets: Octets,
}

enum Source {
    /// There are none.
    None,
    Client(http1::Body<Downstream>),
    Backend(http1::Body<Stream>),
    /// Those of HTTP/2.
    Framed(http2::Body),
    Copy(BodyCopy),
}

impl Received {
    /// No frames.
    pub(crate) fn none() -> Self {
        Self::of(Source::None)
    }

    /// The frames of a client's request in HTTP/1.
    pub(crate) fn from_client(body: http1::Body<Downstream>) -> Self {
        Self::of(Source::Client(body))
    }

    /// The frames of a backend's answer in HTTP/1.
    pub(crate) fn from_backend(body: http1::Body<Stream>) -> Self {
        Self::of(Source::Backend(body))
    }

    /// The frames of a message of HTTP/2.
    pub(crate) fn framed(body: http2::Body) -> Self {
        Self::of(Source::Framed(body))
    }

    fn of(source: Source) -> Self {
        Self { source, unread: None, copies: None, octets: None }
    }

    /// Will tell how many octets have come.
    pub(crate) fn octets(&self) -> Octets {
        self.octets.clone()
    }

    /// Another body with the same frames, as far as they are read here. To be called before any is.
    pub(crate) fn copy(&mut self) -> Self {
        let hint = self.size_hint();
        let copies = self.copies.get_or_insert_default();
        let copy = copies.add(hint);
        if self.source.is_end_stream() {
            copies.end();
        }
        Self::of(Source::Copy(copy))
    }
}

impl Source {
    fn is_end_stream(&self) -> bool {
        match self {
            Self::None => true,
            Self::Client(body) => body.is_over(),
            Self::Backend(body) => body.is_over(),
            Self::Framed(body) => body.is_over(),
            Self::Copy(copy) => copy.is_end_stream(),
        }
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = BrokenBody;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        let this = &mut *self;
        let frame = match &mut this.source {
            Source::None => None,
            Source::Client(body) => ready!(body.poll_frame(cx)),
            Source::Backend(body) => ready!(body.poll_frame(cx)),
            Source::Framed(body) => ready!(body.poll_frame(cx)),
            Source::Copy(copy) => return copy.poll_frame(cx),
        };
        if let (Some(octets), Some(Ok(frame))) = (&this.octets, &frame) {
            let more = frame.data_ref().map_or(0, Bytes::len);
            octets.set(octets.get() + more as u64);
        }
        if let Some(copies) = &mut this.copies {
            copies.push(frame.as_ref());
        }
        // Nothing comes after trailers.
        let last = frame.as_ref().is_none_or(|f| f.as_ref().is_ok_and(Frame::is_trailers));
        if last || this.source.is_end_stream() {
            this.unread.iter().for_each(|unread| unread.set(false));
            this.copies.iter_mut().for_each(|copies| copies.end());
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::None => SizeHint::with_exact(0),
            Source::Client(body) => body.size_hint(),
            Source::Backend(body) => body.size_hint(),
            Source::Framed(body) => body.size_hint(),
            Source::Copy(copy) => copy.size_hint(),
        }
    }
}
