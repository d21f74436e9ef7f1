//! HTTP/2 with a backend: a few connections that many requests share.

use super::connect;
use super::connection::{Unanswered, tells_empty};
use super::line::{Hearing, Line};
use super::peer::Channel;
use crate::error::Failure;
use crate::exchange::{Received, UploadBody};
use crate::head::Interim;
use crate::http1::{Batch, tells_end};
use crate::http2::{Body, Outgoing, Unsent, Wire, strip};
use crate::tls;
use bytes::Bytes;
use h2::client::{self, Builder, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream};
use http::header::{CONTENT_LENGTH, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Most requests under way on a connection, where the backend allows as many.
const STREAMS: usize = 100;

/// Most connections to one peer; beyond that, requests wait for each other.
const CONNECTIONS: usize = 16;

/// What a backend may send of one answer before the client takes it, in octets: bounds what a slow
/// client makes the proxy hold.
const STREAM_WINDOW: u32 = 256 << 10;

/// The same for all answers of a connection: so much that a few slow clients do not hold up the
/// others.
const CONNECTION_WINDOW: u32 = 8 << 20;

/// What is kept of a request that the backend has not taken yet, in octets.
const SEND_BUFFER: usize = 64 << 10;

/// Most octets of the fields of an answer, as they are counted in HTTP/2.
const HEADER_LIST: u32 = 64 << 10;

/// A connection on which nothing came for as long as a request waited in vain gets no more requests,
/// if that was at least this long: nothing else would tell that the backend is gone.
const SILENCE: Duration = Duration::from_secs(1);

/// The connections of a thread to one peer.
pub(super) struct Connections {
    open: RefCell<Vec<Shared>>,
    /// How many requests at once the peer allowed on the last of them.
    most: Cell<usize>,
    /// Held by whoever opens another one, so that not everybody does who finds none.
    opening: Mutex<()>,
    batch: Batch,
}

/// A connection that requests share.
struct Shared {
    sender: SendRequest<Bytes>,
    usage: Rc<Usage>,
}

/// How much a connection is used.
struct Usage {
    /// Requests under way.
    streams: Cell<usize>,
    /// When one began or ended.
    last: Cell<Instant>,
    hearing: Rc<Hearing>,
    /// Whether a request waited in vain while nothing came.
    is_silent: Cell<bool>,
    born: Instant,
}

/// A request's share of a connection.
pub(crate) struct Stream {
    sender: SendRequest<Bytes>,
    usage: Rc<Usage>,
    begun: Instant,
    /// How often something had come then.
    heard: u64,
    /// Sends what is left of the request's body while its answer comes.
    upload: Option<JoinHandle<()>>,
}

impl Connections {
    pub(super) fn new(batch: Batch) -> Self {
        let (open, opening) = Default::default();
        Self { open, most: Cell::new(STREAMS), opening, batch }
    }

    /// A share of a connection, and whether that was open before; of none that was opened before
    /// `newer_than`, unless there are too many.
    pub(super) async fn stream(
        &self,
        channel: &Channel,
        newer_than: Option<Instant>,
    ) -> Result<(Stream, bool), Failure> {
        if let Some(stream) = self.vacant(newer_than) {
            return Ok((stream, true));
        }
        let _turn = self.opening.lock().await;
        if let Some(stream) = self.vacant(newer_than) {
            return Ok((stream, true));
        }
        if self.open.borrow().len() >= CONNECTIONS
            && let Some(busy) = self.least_busy(|_| true)
        {
            return Ok((busy, true));
        }
        // Boxed, so that requests on a connection that is there do not pay for its size.
        let connection = Box::pin(Shared::open(channel, self.most.get(), &self.batch)).await?;
        let stream = connection.share();
        self.open.borrow_mut().push(connection);
        Ok((stream, false))
    }

    fn vacant(&self, newer_than: Option<Instant>) -> Option<Stream> {
        // What is under way on those that are left goes on.
        let stays = |it: &mut Shared| is_open(&mut it.sender) && !it.usage.is_silent.get();
        self.open.borrow_mut().retain_mut(stays);
        self.least_busy(|connection| {
            let most = connection.sender.current_max_send_streams().min(STREAMS);
            self.most.set(most);
            let usage = &connection.usage;
            usage.streams.get() < most && newer_than.is_none_or(|moment| usage.born >= moment)
        })
    }

    fn least_busy(&self, usable: impl Fn(&Shared) -> bool) -> Option<Stream> {
        let open = self.open.borrow();
        let usable = open.iter().filter(|it| usable(it));
        usable.min_by_key(|it| it.usage.streams.get()).map(Shared::share)
    }

    /// Closes what is without requests for longer than `most`. Tells whether anything is left.
    pub(super) fn sweep(&self, most: Duration) -> bool {
        let mut open = self.open.borrow_mut();
        open.retain_mut(|Shared { sender, usage }| {
            is_open(sender) && (usage.streams.get() > 0 || usage.last.get().elapsed() < most)
        });
        !open.is_empty()
    }
}

impl Shared {
    /// Opens one, on which the peer is taken to allow `most` requests at once until it says so.
    async fn open(channel: &Channel, most: usize, batch: &Batch) -> Result<Self, Failure> {
        let hearing = Rc::<Hearing>::default();
        let line = Line::new(connect::stream(channel).await?, Rc::clone(&hearing));
        let wire = Wire::new(line, batch.clone());
        let built = Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buffer_size(SEND_BUFFER)
            .max_header_list_size(HEADER_LIST)
            .initial_max_send_streams(most)
            .enable_push(false)
            .handshake(wire.clone());
        let (sender, driver) = built.await.map_err(|_| Failure::Connect)?;
        tokio::task::spawn_local(drive(driver, wire));
        let now = Instant::now();
        let usage = Usage {
            streams: Cell::new(0),
            last: Cell::new(now),
            hearing,
            is_silent: Cell::new(false),
            born: now,
        };
        Ok(Self { sender, usage: Rc::new(usage) })
    }

    fn share(&self) -> Stream {
        let usage = Rc::clone(&self.usage);
        usage.streams.set(usage.streams.get() + 1);
        let begun = Instant::now();
        usage.last.set(begun);
        let heard = usage.hearing.times();
        Stream { sender: self.sender.clone(), usage, begun, heard, upload: None }
    }
}

/// Whether a connection takes requests: it is not over, nor has the backend said that it is going to
/// be.
fn is_open(sender: &mut SendRequest<Bytes>) -> bool {
    let ready = sender.poll_ready(&mut Context::from_waker(Waker::noop()));
    !matches!(ready, Poll::Ready(Err(_)))
}

/// Lets what goes on beside the requests of a connection go on. What is left of it when it is over
/// is dropped at once, by which those who wait for answers hear of it.
async fn drive(mut connection: client::Connection<Wire<Line>, Bytes>, wire: Wire<Line>) {
    poll_fn(|cx| {
        // How it ends is told to those who wait.
        if Pin::new(&mut connection).poll(cx).is_ready() {
            return Poll::Ready(());
        }
        match wire.poll_send(cx) {
            Poll::Ready(Err(_)) => Poll::Ready(()),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    })
    .await;
}

impl Stream {
    pub(super) fn is_ready(&mut self) -> bool {
        is_open(&mut self.sender)
    }

    pub(super) async fn send(
        &mut self,
        mut request: Request<()>,
        body: UploadBody,
        interim: Option<&Interim>,
    ) -> Result<Response<Received>, Unanswered> {
        complete(&mut request, &body);
        let has_body = !body.is_end_stream();
        let sent = self.sender.send_request(request, !has_body);
        let (answer, stream) = sent.map_err(|error| {
            let (failure, _) = self.failure(&error);
            Unanswered { failure, unsent: true }
        })?;
        let mut upload = has_body.then(|| Outgoing::new(stream, body));
        let mut answering = Answering { answer, interim, announced: 0 };
        let answered = poll_fn(|cx| {
            if let Some(sending) = &mut upload
                && let Poll::Ready(sent) = sending.poll(cx)
            {
                if sent == Err(Unsent::Body) {
                    sending.give_up(Reason::CANCEL);
                    return Poll::Ready(None);
                }
                // Where the backend takes nothing any more, the answer tells why.
                upload = None;
            }
            answering.poll(cx).map(Some)
        });
        match answered.await {
            Some(Ok(response)) if !tells_end(response.headers()) => {
                Err(Unanswered { failure: Failure::InvalidHead, unsent: false })
            }
            Some(Ok(response)) => {
                self.upload = upload.map(go_on);
                Ok(received(response))
            }
            Some(Err(error)) => {
                let (failure, unsent) = self.failure(&error);
                Err(Unanswered { failure, unsent })
            }
            None => Err(Unanswered { failure: Failure::Disconnect, unsent: false }),
        }
    }

    /// Lets go of it when its answer is over; what is left of the request is sent all the same.
    pub(super) fn settle(mut self) {
        self.upload = None;
    }

    /// What went wrong, and whether the backend says that it has not looked at the request
    /// (RFC 9113, section 8.7).
    fn failure(&self, error: &h2::Error) -> (Failure, bool) {
        let reason = error.reason();
        if let Some(io) = error.get_io() {
            // Later on, an alert is about the connection, whose requests may have been looked at.
            let is_refusal = self.usage.hearing.times() == 0 && tls::is_refusal(io);
            return (if is_refusal { Failure::Tls } else { Failure::Disconnect }, false);
        }
        if error.is_remote() {
            match (error.is_reset(), reason) {
                (true, Some(Reason::REFUSED_STREAM)) => (Failure::Refused, true),
                (true, _) => (Failure::Reset, false),
                (false, Some(Reason::NO_ERROR)) => (Failure::Disconnect, error.is_go_away()),
                (false, _) => (Failure::Disconnect, false),
            }
        } else if error.is_reset() || error.is_go_away() {
            // What came was not HTTP/2.
            (Failure::InvalidHead, false)
        } else {
            (Failure::Disconnect, false)
        }
    }
}

/// Brings the head of a request into the form that it has in HTTP/2. Its length follows from the body.
fn complete(request: &mut Request<()>, body: &UploadBody) {
    strip(request.headers_mut());
    if let Some(length) = body.size_hint().exact()
        && (length > 0 || tells_empty(request.method()))
    {
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
}

/// Sends the rest of a request's body beside its answer: neither waits for the other.
fn go_on(mut upload: Outgoing<UploadBody>) -> JoinHandle<()> {
    tokio::task::spawn_local(async move {
        if poll_fn(|cx| upload.poll(cx)).await == Err(Unsent::Body) {
            upload.give_up(Reason::CANCEL);
        }
    })
}

fn received(response: Response<RecvStream>) -> Response<Received> {
    let (head, stream) = response.into_parts();
    let body = match stream.is_end_stream() {
        true => Received::none(),
        false => Received::framed(Body::new(stream, &head.headers)),
    };
    Response::from_parts(head, body)
}

/// A wait for the head of an answer.
struct Answering<'a> {
    answer: ResponseFuture,
    interim: Option<&'a Interim>,
    /// How many answers that announce it there were.
    announced: u8,
}

impl Answering<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<RecvStream>, h2::Error>> {
        // Of those that nobody is told of, h2 lets go.
        while let Some(interim) = self.interim.filter(|_| self.announced < Interim::MOST)
            && let Some(Ok(announced)) = ready!(self.answer.poll_informational(cx))
        {
            // Nobody has asked the backend to say that it may go on, and there is no 101 in HTTP/2
            // (RFC 9113, section 8.6).
            let is_told = ![StatusCode::CONTINUE, StatusCode::SWITCHING_PROTOCOLS]
                .contains(&announced.status());
            if is_told {
                self.announced += 1;
                let (head, ()) = announced.into_parts();
                interim.push(head.status, head.headers);
            }
        }
        Pin::new(&mut self.answer).poll(cx)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(upload) = &self.upload {
            upload.abort();
        }
        let now = Instant::now();
        let was_silent = self.usage.hearing.times() == self.heard;
        if was_silent && now.duration_since(self.begun) >= SILENCE {
            self.usage.is_silent.set(true);
        }
        self.usage.streams.set(self.usage.streams.get() - 1);
        self.usage.last.set(now);
    }
}
