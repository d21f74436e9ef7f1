//! Idle connections of one thread, by endpoint: the one used last goes out first, so that those
//! not needed grow old and are closed.

use super::connect::{Connection, Connector};
use super::endpoint::Holding;
use super::peer::Peer;
use crate::error::Failure;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// A connection whose exchange is over, but which is not ready after this long, is closed.
const SETTLE: Duration = Duration::from_secs(5);

/// The idle connections of a thread.
#[derive(Clone)]
pub(crate) struct Pool {
    shared: Rc<Shared>,
}

struct Shared {
    idle: RefCell<HashMap<Peer, Vec<Idle>>>,
    most: usize,
    timeout: Duration,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

/// A connection for one exchange.
pub(crate) struct Checkout {
    pub(crate) connection: Connection,
    /// Whether it has been idle: then the other side may have closed it unnoticed.
    pub(crate) reused: bool,
}

impl Pool {
    /// A pool that keeps at most `most` connections per endpoint, each for `timeout`.
    pub(crate) fn new(most: usize, timeout: Duration) -> Self {
        Self { shared: Rc::new(Shared { idle: RefCell::default(), most, timeout }) }
    }

    /// An idle connection if there is one and `fresh` does not ask for another, else a new one.
    pub(crate) async fn checkout(
        &self,
        peer: &Peer,
        fresh: bool,
        connect_timeout: Option<Duration>,
    ) -> Result<Checkout, Failure> {
        if !fresh && let Some(connection) = self.pop(peer) {
            return Ok(Checkout { connection, reused: true });
        }
        let connection = Connector.open(peer, connect_timeout).await?;
        Ok(Checkout { connection, reused: false })
    }

    fn pop(&self, peer: &Peer) -> Option<Connection> {
        let mut idle = self.shared.idle.borrow_mut();
        let stack = idle.get_mut(peer)?;
        while let Some(Idle { connection, since }) = stack.pop() {
            if since.elapsed() < self.shared.timeout && connection.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    fn push(&self, peer: Peer, connection: Connection) {
        let mut idle = self.shared.idle.borrow_mut();
        let stack = idle.entry(peer).or_default();
        if stack.len() < self.shared.most {
            stack.push(Idle { connection, since: Instant::now() });
        }
    }

    /// How many idle connections there are.
    pub(super) fn idle(&self, peer: &Peer) -> usize {
        self.shared.idle.borrow().get(peer).map_or(0, Vec::len)
    }

    /// Closes idle connections to all but these.
    pub(crate) fn keep_only(&self, stays: impl Fn(&Peer) -> bool) {
        self.shared.idle.borrow_mut().retain(|peer, _| stays(peer));
    }

    /// Closes what has been idle for too long, again and again.
    pub(crate) async fn sweep(self) {
        let pause = (self.shared.timeout / 4).max(Duration::from_millis(50));
        loop {
            tokio::time::sleep(pause).await;
            self.shared.idle.borrow_mut().retain(|_, stack| {
                stack.retain(|idle| {
                    idle.since.elapsed() < self.shared.timeout && !idle.connection.is_closed()
                });
                !stack.is_empty()
            });
        }
    }
}

/// A connection that is in use for an exchange, and its endpoint. Dropped, it is closed.
pub(crate) struct Lease {
    pub(crate) connection: Connection,
    pub(crate) holding: Holding,
    pub(crate) pool: Pool,
}

impl Lease {
    /// Keeps the connection for another request: its exchange is over.
    pub(crate) fn give_back(self) {
        let Self { mut connection, holding, pool } = self;
        if !holding.may_idle(&pool) {
            return;
        }
        let peer = holding.endpoint().peer.clone();
        if connection.is_ready() {
            pool.push(peer, connection);
        } else if !connection.is_closed() {
            // The answer is here, but the request's body or the last octets are not through yet.
            tokio::task::spawn_local(async move {
                if let Ok(true) = tokio::time::timeout(SETTLE, connection.ready()).await {
                    pool.push(peer, connection);
                }
            });
        }
    }
}
