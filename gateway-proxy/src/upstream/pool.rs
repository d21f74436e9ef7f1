//! The connections of one thread to endpoints.
//!
//! Of those for one request at a time, the one used last goes out first, so that those not needed
//! grow old and are closed.

use super::connection::Connection;
use super::endpoint::Holding;
use super::peer::{Channel, HttpVersion, Peer};
use super::{http1, http2};
use crate::error::Failure;
use crate::http1::Batch;
use hashbrown::HashMap;
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// A connection whose exchange is over, but which is not ready after this long, is closed.
const SETTLE: Duration = Duration::from_secs(5);

/// The connections of a thread.
#[derive(Clone)]
pub(crate) struct Pool {
    shared: Rc<Shared>,
}

struct Shared {
    idle: RefCell<HashMap<Channel, Vec<Idle>>>,
    multiplexed: RefCell<HashMap<Channel, Rc<http2::Connections>>>,
    most: usize,
    timeout: Duration,
    ended: Arc<Ended>,
    /// Tells that one of the idle connections has ended.
    waker: Waker,
    batch: Batch,
}

/// Told when something comes on an idle connection: most often its end.
#[derive(Default)]
struct Ended(Notify);

impl Wake for Ended {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

struct Idle {
    connection: http1::Connection,
    since: Instant,
}

/// A connection for one exchange.
pub(crate) struct Checkout {
    pub(crate) connection: Connection,
    /// How long it took to open; `None` where it was open before: then the other side may have closed
    /// it unnoticed.
    pub(crate) opened: Option<Duration>,
}

impl Pool {
    /// A pool that keeps connections for `timeout` without use; of those for one request at a time,
    /// at most `most` for each endpoint.
    pub(crate) fn new(most: usize, timeout: Duration, batch: Batch) -> Self {
        let (idle, multiplexed) = Default::default();
        let ended = Arc::<Ended>::default();
        let waker = Waker::from(Arc::clone(&ended));
        Self { shared: Rc::new(Shared { idle, multiplexed, most, timeout, ended, waker, batch }) }
    }

    /// An open connection if there is one, else a new one; none that was opened before `newer_than`,
    /// where that is a moment.
    pub(crate) async fn checkout(
        &self,
        channel: &Channel,
        newer_than: Option<Instant>,
        connect_timeout: Option<Duration>,
    ) -> Result<Checkout, Failure> {
        let now = Instant::now();
        if channel.speech.version == HttpVersion::Http2 {
            // Those that are closed are known to be, and left out.
            let connections = self.multiplexed(channel);
            let (stream, reused) =
                within(connect_timeout, connections.stream(channel, newer_than)).await?;
            let opened = (!reused).then(|| now.elapsed());
            return Ok(Checkout { connection: Connection::Http2(stream), opened });
        }
        if newer_than.is_none()
            && let Some(connection) = self.pop(channel, now)
        {
            return Ok(Checkout { connection: Connection::Http1(connection), opened: None });
        }
        // Boxed, so that requests on a connection that is there do not pay for its size.
        let opened = Box::pin(http1::Connection::open(channel, self.shared.batch.clone()));
        let connection = within(connect_timeout, opened).await?;
        Ok(Checkout { connection: Connection::Http1(connection), opened: Some(now.elapsed()) })
    }

    fn multiplexed(&self, channel: &Channel) -> Rc<http2::Connections> {
        let mut multiplexed = self.shared.multiplexed.borrow_mut();
        if let Some(connections) = multiplexed.get(channel) {
            return Rc::clone(connections);
        }
        let connections = Rc::new(http2::Connections::new(self.shared.batch.clone()));
        multiplexed.insert(channel.clone(), Rc::clone(&connections));
        connections
    }

    fn pop(&self, channel: &Channel, now: Instant) -> Option<http1::Connection> {
        let mut idle = self.shared.idle.borrow_mut();
        let stack = idle.get_mut(channel)?;
        while let Some(Idle { connection, since }) = stack.pop() {
            if now.duration_since(since) < self.shared.timeout && connection.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection, if it can take another request.
    fn push(&self, channel: Channel, connection: http1::Connection) {
        if !connection.watch(&self.shared.waker) {
            return;
        }
        let mut idle = self.shared.idle.borrow_mut();
        let stack = idle.entry(channel).or_default();
        if stack.len() < self.shared.most {
            stack.push(Idle { connection, since: Instant::now() });
        }
    }

    /// How many idle connections there are.
    pub(super) fn idle(&self, channel: &Channel) -> usize {
        self.shared.idle.borrow().get(channel).map_or(0, Vec::len)
    }

    /// Closes connections to all but these: the idle ones, and others when their requests are over.
    pub(crate) fn keep_only(&self, stays: impl Fn(&Peer) -> bool) {
        self.shared.idle.borrow_mut().retain(|channel, _| stays(&channel.peer));
        self.shared.multiplexed.borrow_mut().retain(|channel, _| stays(&channel.peer));
    }

    /// Closes what has ended or been idle for too long, again and again.
    pub(crate) async fn sweep(self) {
        let most = self.shared.timeout;
        let pause = (most / 4).max(Duration::from_millis(50));
        loop {
            let _ = timeout(pause, self.shared.ended.0.notified()).await;
            self.shared.idle.borrow_mut().retain(|_, stack| {
                stack.retain(|Idle { connection, since }| {
                    since.elapsed() < most && connection.watch(&self.shared.waker)
                });
                !stack.is_empty()
            });
            self.shared.multiplexed.borrow_mut().retain(|_, connections| {
                // Somebody may be about to open one.
                connections.sweep(most) || Rc::strong_count(connections) > 1
            });
        }
    }
}

async fn within<T>(
    most: Option<Duration>,
    opened: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match most {
        Some(most) => {
            let opened = timeout(most, opened).await;
            opened.map_err(|_| Failure::ConnectTimeout)?
        }
        None => opened.await,
    }
}

/// A connection that is in use for an exchange, and its endpoint. Dropped, the exchange is broken
/// off.
pub(crate) struct Lease {
    pub(crate) connection: Connection,
    pub(crate) channel: Channel,
    pub(crate) holding: Holding,
    pub(crate) pool: Pool,
}

impl Lease {
    /// Keeps the connection for another request: its exchange is over.
    pub(crate) fn give_back(self) {
        let Self { connection, channel, holding, pool } = self;
        let may_idle = holding.may_idle(&pool, &channel);
        // What settles on the connection is no exchange any more.
        drop(holding);
        let mut connection = match connection {
            Connection::Http1(connection) => connection,
            Connection::Http2(stream) => return stream.settle(),
        };
        if !may_idle {
            return;
        }
        if connection.is_through() {
            return pool.push(channel, connection);
        }
        // The answer is here, but the request's body is not through yet.
        tokio::task::spawn_local(async move {
            if let Ok(true) = timeout(SETTLE, connection.ready()).await {
                pool.push(channel, connection);
            }
        });
    }
}
