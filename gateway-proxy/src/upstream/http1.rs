//! HTTP/1.1 with a backend.

use super::connect;
use super::connection::{Unanswered, tells_empty};
use super::line::PATIENCE;
use super::peer::Channel;
use crate::error::Failure;
use crate::exchange::{Received, UploadBody};
use crate::head::Interim;
use crate::http1::{
    self, Batch, Body, Ends, Framing, Outgoing, Sent, Shared, Socket, Start, Tunnel, Unsent, When,
};
use crate::outbound::Outbound;
use crate::stream::Stream;
use crate::tls;
use bytes::BytesMut;
use http::{Method, Response, StatusCode};
use http_body::Body as _;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use tokio::io::AsyncWrite;
use tokio::task::JoinHandle;
use tokio::time::{Sleep, sleep};

/// Most octets that may come before the head of an answer is whole, those of answers that announce
/// it (1xx) included.
const HEAD: usize = 64 << 10;

/// A connection that takes one request after the other.
pub(crate) struct Connection {
    socket: Shared<Stream>,
    /// Whether it may take a request behind the one that it has.
    persists: bool,
    /// Whether anything ever came on it.
    heard: bool,
    /// Sends what is left of a request's body while its answer comes; tells whether all went well.
    upload: Option<JoinHandle<bool>>,
}

impl Connection {
    /// Opens one.
    pub(super) async fn open(channel: &Channel, batch: Batch) -> Result<Self, Failure> {
        let socket = Socket::new(connect::stream(channel).await?, BytesMut::new(), batch);
        Ok(Self { socket, persists: true, heard: false, upload: None })
    }

    /// Whether it can take a request at once.
    pub(super) fn is_ready(&self) -> bool {
        self.watch(Waker::noop())
    }

    /// The same; where it can, `waker` is told when that changes.
    pub(super) fn watch(&self, waker: &Waker) -> bool {
        let mut socket = self.socket.borrow_mut();
        let is_idle =
            socket.incoming.is_over() && socket.incoming.is_empty() && socket.outgoing.is_empty();
        // Whatever comes unasked, it is no answer to the next request.
        self.persists
            && self.is_through()
            && is_idle
            && socket.poll_fill(&mut Context::from_waker(waker)).is_pending()
    }

    /// Whether the request that it has is sent.
    pub(super) fn is_through(&self) -> bool {
        self.upload.is_none()
    }

    /// Waits until it can take a request; `false` if it never will.
    pub(super) async fn ready(&mut self) -> bool {
        if let Some(upload) = &mut self.upload {
            self.persists &= upload.await.unwrap_or(false);
            self.upload = None;
        }
        self.is_ready()
    }

    /// Goes on in another protocol; not before the request is sent, whose rest would be a part of
    /// that.
    pub(super) fn tunnel(&self) -> Option<Tunnel<Stream>> {
        self.is_through().then(|| Tunnel::new(Rc::clone(&self.socket)))
    }

    pub(super) async fn send(
        &mut self,
        request: Outbound<'_>,
        body: UploadBody,
        interim: Option<&Interim>,
    ) -> Result<Response<Received>, Unanswered> {
        self.persists = false;
        let is_head = request.method == Method::HEAD;
        write_head(&mut self.socket.borrow_mut(), &request, &body);
        drop(request);
        let mut sending = Sending::new(body);
        let mut answering = Answering { interim, announced: 0, room: HEAD, hope: None };
        let answer = poll_fn(|cx| {
            let socket = &mut *self.socket.borrow_mut();
            answering.poll(socket, &mut sending, cx)
        });
        match answer.await {
            Ok(start) => {
                self.heard = true;
                self.persists = start.persists && !sending.is_deaf;
                if !sending.is_over && !sending.is_deaf {
                    self.upload = Some(self.go_on(sending));
                }
                Ok(self.response(start, is_head))
            }
            Err(lost) => {
                let socket = self.socket.borrow();
                let unsent = socket.outgoing.sent() == 0;
                let came = answering.room < HEAD || !socket.incoming.is_empty();
                let failure = match lost {
                    Lost::Illegal => Failure::InvalidHead,
                    Lost::Over(_) if came => Failure::BrokenHead,
                    Lost::Over(Some(error)) if !self.heard && tls::is_refusal(&error) => {
                        Failure::Tls
                    }
                    Lost::Over(_) | Lost::Body => Failure::Disconnect,
                };
                Err(Unanswered { failure, unsent })
            }
        }
    }

    /// Sends the rest of a request's body beside its answer: neither waits for the other.
    fn go_on(&self, mut sending: Sending) -> JoinHandle<bool> {
        let socket = Rc::clone(&self.socket);
        tokio::task::spawn_local(poll_fn(move |cx| {
            let socket = &mut *socket.borrow_mut();
            let sent = ready!(sending.poll(socket, cx));
            if sent.is_err() && !sending.is_deaf {
                // Nobody is going to send the rest: the backend need not wait for it.
                let _ = Pin::new(&mut socket.stream).poll_shutdown(cx);
            }
            Poll::Ready(sent.is_ok() && !sending.is_deaf)
        }))
    }

    /// An answer whose head has come.
    fn response(&mut self, start: Start, is_head: bool) -> Response<Received> {
        let ends = start.ends(is_head);
        let Start { status, headers, .. } = start;
        self.persists &= ends != Ends::WithConnection && status != StatusCode::SWITCHING_PROTOCOLS;
        self.socket.borrow_mut().incoming.begin(ends);
        let body = match ends {
            Ends::After(0) => Received::none(),
            _ => Received::from_backend(Body::of(&self.socket)),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(upload) = &self.upload {
            upload.abort();
        }
        // What is put off would be written after all, though it may be told to be unsent.
        self.socket.borrow_mut().outgoing = Outgoing::default();
    }
}

/// Writes the head of a request, whose length follows from its body.
fn write_head(socket: &mut Socket<Stream>, head: &Outbound<'_>, body: &UploadBody) {
    socket.next_message();
    let length = body.size_hint().exact();
    let framing = match length {
        Some(0) if !tells_empty(head.method) => Framing::None,
        Some(length) => Framing::Length(length),
        None => Framing::Chunks { trailers: true },
    };
    let out = socket.begin(framing);
    http1::write_request(out, head.method, &head.uri);
    http1::write_fields(out, head.fields.iter());
    http1::write_framing(out, framing);
    out.extend_from_slice(b"\r\n");
}

/// A request on its way to the backend.
struct Sending {
    body: Option<UploadBody>,
    /// Whether all of it has gone.
    is_over: bool,
    /// Whether the backend takes nothing any more.
    is_deaf: bool,
}

impl Sending {
    fn new(body: UploadBody) -> Self {
        let body = (!body.is_end_stream()).then_some(body);
        Self { body, is_over: false, is_deaf: false }
    }

    /// Sends what there is. An error is one of the client's body.
    fn poll(
        &mut self,
        socket: &mut Socket<Stream>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Lost>> {
        if self.is_over || self.is_deaf {
            return Poll::Ready(Ok(()));
        }
        match ready!(socket.poll_send(&mut self.body, When::Soon, cx)) {
            Ok(Sent::Whole) => self.is_over = true,
            Ok(Sent::SoFar | Sent::PutOff) => return Poll::Pending,
            Err(Unsent::Body) => return Poll::Ready(Err(Lost::Body)),
            Err(Unsent::Socket) => {
                // It may have answered and closed before it has read all, with 413 for example.
                self.is_deaf = true;
                self.body = None;
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Why there is no answer.
enum Lost {
    /// What came is none.
    Illegal,
    /// The connection is over.
    Over(Option<io::Error>),
    /// The client's body broke off.
    Body,
}

/// A wait for the head of an answer.
struct Answering<'a> {
    interim: Option<&'a Interim>,
    /// How many of these there were.
    announced: u8,
    /// How many octets still may come before it.
    room: usize,
    /// How long a backend that takes nothing any more still has to say why.
    hope: Option<Pin<Box<Sleep>>>,
}

impl Answering<'_> {
    fn poll(
        &mut self,
        socket: &mut Socket<Stream>,
        sending: &mut Sending,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Start, Lost>> {
        if let Poll::Ready(Err(lost)) = sending.poll(socket, cx) {
            return Poll::Ready(Err(lost));
        }
        let answer = self.poll_head(socket, cx);
        if answer.is_pending() && sending.is_deaf {
            let hope = self.hope.get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
            ready!(hope.as_mut().poll(cx));
            return Poll::Ready(Err(Lost::Over(None)));
        }
        answer
    }

    fn poll_head(
        &mut self,
        socket: &mut Socket<Stream>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Start, Lost>> {
        loop {
            if let Some(head) = socket.incoming.find_head() {
                let room = self.room.checked_sub(head.len());
                let (Some(room), Some(start)) = (room, http1::response(&head)) else {
                    return Poll::Ready(Err(Lost::Illegal));
                };
                self.room = room;
                let is_last = !start.status.is_informational()
                    || start.status == StatusCode::SWITCHING_PROTOCOLS;
                if !is_last {
                    // Nobody has asked the backend to say that it may go on.
                    if let Some(interim) = self.interim
                        && start.status != StatusCode::CONTINUE
                        && self.announced < Interim::MOST
                    {
                        self.announced += 1;
                        interim.push(start.status, start.headers);
                    }
                    continue;
                }
                return Poll::Ready(Ok(start));
            }
            if socket.incoming.len() > self.room {
                return Poll::Ready(Err(Lost::Illegal));
            }
            match ready!(socket.poll_fill(cx)) {
                Ok(1..) => {}
                Ok(0) => return Poll::Ready(Err(Lost::Over(None))),
                Err(error) => return Poll::Ready(Err(Lost::Over(Some(error)))),
            }
        }
    }
}

#[cfg(test)]
mod tests;
