//! HTTP/2 with a backend: a few connections that many requests share.

use super::connect::{Io, open};
use super::connection::Unanswered;
use super::line::Hearing;
use super::peer::Channel;
use crate::error::Failure;
use crate::exchange::{Received, UploadBody};
use crate::executor::Local;
use crate::http1::tells_end;
use crate::tls;
use h2::Reason;
use http::{Request, Response};
use hyper::client::conn::http2::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioTimer;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::Mutex;
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
}

/// What goes on beside the requests of a connection.
type Driver = Connection<Io, UploadBody, Local>;

/// A connection that requests share.
struct Shared {
    sender: SendRequest<UploadBody>,
    /// `None` once it is over.
    driver: Rc<RefCell<Option<Driver>>>,
    usage: Rc<Usage>,
}

/// How much a connection is used.
struct Usage {
    /// Requests under way.
    streams: Cell<usize>,
    /// When one began or ended.
    last: Cell<Instant>,
    hearing: Arc<Hearing>,
    /// Whether a request waited in vain while nothing came.
    is_silent: Cell<bool>,
    born: Instant,
}

/// A request's share of a connection.
pub(crate) struct Stream {
    sender: SendRequest<UploadBody>,
    usage: Rc<Usage>,
    begun: Instant,
    /// How often something had come then.
    heard: u64,
}

impl Connections {
    pub(super) fn new() -> Self {
        Self { open: RefCell::default(), most: Cell::new(STREAMS), opening: Mutex::default() }
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
        let connection = Box::pin(Shared::open(channel, self.most.get())).await?;
        let stream = connection.share();
        self.open.borrow_mut().push(connection);
        Ok((stream, false))
    }

    fn vacant(&self, newer_than: Option<Instant>) -> Option<Stream> {
        // What is under way on those that are left goes on.
        self.open.borrow_mut().retain(|it| !it.sender.is_closed() && !it.usage.is_silent.get());
        self.least_busy(|connection| {
            let most = connection.most();
            self.most.set(most);
            let usage = &connection.usage;
            usage.streams.get() < most && newer_than.is_none_or(|moment| usage.born >= moment)
        })
    }

    fn least_busy(&self, usable: impl Fn(&Shared) -> bool) -> Option<Stream> {
        let open = self.open.borrow();
        let usable = open.iter().filter(|it| it.sender.is_ready() && usable(it));
        usable.min_by_key(|it| it.usage.streams.get()).map(Shared::share)
    }

    /// Closes what is without requests for longer than `most`. Tells whether anything is left.
    pub(super) fn sweep(&self, most: Duration) -> bool {
        let mut open = self.open.borrow_mut();
        open.retain(|Shared { sender, usage, .. }| {
            !sender.is_closed() && (usage.streams.get() > 0 || usage.last.get().elapsed() < most)
        });
        !open.is_empty()
    }
}

impl Shared {
    /// Opens one, on which the peer is taken to allow `most` requests at once until it says so.
    async fn open(channel: &Channel, most: usize) -> Result<Self, Failure> {
        let hearing = Arc::<Hearing>::default();
        let io: Io = open(channel, &hearing).await?;
        let built = Builder::new(Local)
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(HEADER_LIST)
            .initial_max_send_streams(most)
            .handshake(io);
        let (sender, driver) = built.await.map_err(|_| Failure::Connect)?;
        let driver = Rc::new(RefCell::new(Some(driver)));
        tokio::task::spawn_local(drive(Rc::clone(&driver)));
        let now = Instant::now();
        let usage = Usage {
            streams: Cell::new(0),
            last: Cell::new(now),
            hearing,
            is_silent: Cell::new(false),
            born: now,
        };
        Ok(Self { sender, driver, usage: Rc::new(usage) })
    }

    /// How many requests at once it takes.
    fn most(&self) -> usize {
        let driver = self.driver.borrow();
        driver.as_ref().map_or(0, |driver| driver.current_max_send_streams().min(STREAMS))
    }

    fn share(&self) -> Stream {
        let usage = Rc::clone(&self.usage);
        usage.streams.set(usage.streams.get() + 1);
        let begun = Instant::now();
        usage.last.set(begun);
        let heard = usage.hearing.times();
        Stream { sender: self.sender.clone(), usage, begun, heard }
    }
}

/// Lets what goes on beside the requests of a connection go on. What is left of it when it is over
/// is dropped at once, by which those who wait for answers hear of it.
fn drive(driver: Rc<RefCell<Option<Driver>>>) -> impl Future<Output = ()> {
    poll_fn(move |cx| {
        let mut driver = driver.borrow_mut();
        let over = driver.as_mut().is_none_or(|driver| Pin::new(driver).poll(cx).is_ready());
        if !over {
            return Poll::Pending;
        }
        *driver = None;
        Poll::Ready(())
    })
}

impl Stream {
    pub(super) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    pub(super) async fn send(
        &mut self,
        request: Request<UploadBody>,
    ) -> Result<Response<Received>, Unanswered> {
        match self.sender.try_send_request(request).await {
            Ok(response) if !tells_end(response.headers()) => {
                Err(Unanswered { failure: Failure::InvalidHead, unsent: false })
            }
            Ok(response) => Ok(response.map(Received::framed)),
            Err(mut error) => {
                let (failure, unseen) = self.failure(error.error());
                let unsent = unseen || error.take_message().is_some();
                Err(Unanswered { failure, unsent })
            }
        }
    }

    /// What went wrong, and whether the backend says that it has not looked at the request
    /// (RFC 9113, section 8.7).
    fn failure(&self, error: &hyper::Error) -> (Failure, bool) {
        let cause = error.source();
        let lost = |io: &std::io::Error| {
            // Later on, an alert is about the connection, whose requests may have been looked at.
            let is_refusal = self.usage.hearing.times() == 0 && tls::is_refusal(io);
            if is_refusal { Failure::Tls } else { Failure::Disconnect }
        };
        if let Some(io) = cause.and_then(|cause| cause.downcast_ref::<std::io::Error>()) {
            return (lost(io), false);
        }
        let Some(cause) = cause.and_then(|cause| cause.downcast_ref::<h2::Error>()) else {
            return (Failure::Disconnect, false);
        };
        let reason = cause.reason();
        if cause.is_remote() {
            match (cause.is_reset(), reason) {
                (true, Some(Reason::REFUSED_STREAM)) => (Failure::Refused, true),
                (true, _) => (Failure::Reset, false),
                (false, Some(Reason::NO_ERROR)) => (Failure::Disconnect, cause.is_go_away()),
                (false, _) => (Failure::Disconnect, false),
            }
        } else if let Some(io) = cause.get_io() {
            (lost(io), false)
        } else if cause.is_reset() || cause.is_go_away() {
            // What came was not HTTP/2.
            (Failure::InvalidHead, false)
        } else {
            (Failure::Disconnect, false)
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let now = Instant::now();
        let was_silent = self.usage.hearing.times() == self.heard;
        if was_silent && now.duration_since(self.begun) >= SILENCE {
            self.usage.is_silent.set(true);
        }
        self.usage.streams.set(self.usage.streams.get() - 1);
        self.usage.last.set(now);
    }
}
