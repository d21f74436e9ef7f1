//! The requests that are under way on an HTTP/2 connection. h2 neither closes connections
//! without any, nor gives up on clients that take nothing of an answer.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The requests under way on a connection.
#[derive(Debug, Clone)]
pub(crate) struct Streams(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    slots: RefCell<Vec<Slot>>,
    open: Cell<usize>,
    /// Since when there is none.
    used: Cell<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Free,
    /// Under way; what is waited for is not the client.
    Open,
    /// The client was given something then, and has not asked for more.
    Given(Instant),
}

impl Streams {
    pub(crate) fn new() -> Self {
        let used = Cell::new(Instant::now());
        Self(Rc::new(Shared { slots: RefCell::default(), open: Cell::new(0), used }))
    }

    /// Counts a request as under way as long as what is returned lives.
    pub(crate) fn open(&self) -> OpenStream {
        let shared = &self.0;
        let mut slots = shared.slots.borrow_mut();
        let at = slots.iter().position(|slot| *slot == Slot::Free).unwrap_or_else(|| {
            slots.push(Slot::Free);
            slots.len() - 1
        });
        slots[at] = Slot::Open;
        shared.open.set(shared.open.get() + 1);
        OpenStream { shared: Rc::clone(shared), at }
    }

    /// Waits until there was no request for as long as `most`.
    pub(crate) async fn idle(&self, most: Duration) {
        loop {
            let now = Instant::now();
            let since = if self.0.open.get() > 0 { now } else { self.0.used.get() };
            let Some(end) = since.checked_add(most) else { return pending().await };
            if end <= now {
                return;
            }
            sleep_until(end).await;
        }
    }

    /// Waits until a client takes nothing of an answer for as long as `most`.
    pub(crate) async fn stalled(&self, most: Duration) {
        loop {
            let now = Instant::now();
            let given = |slot: &Slot| match slot {
                Slot::Given(since) => Some(*since),
                Slot::Free | Slot::Open => None,
            };
            let since = self.0.slots.borrow().iter().filter_map(given).min().unwrap_or(now);
            let Some(end) = since.checked_add(most) else { return pending().await };
            if end <= now {
                return;
            }
            sleep_until(end).await;
        }
    }
}

/// A request that is under way.
#[derive(Debug)]
pub(crate) struct OpenStream {
    shared: Rc<Shared>,
    at: usize,
}

impl OpenStream {
    /// Notes that the client has something to take.
    pub(crate) fn given(&self) {
        self.put(Slot::Given(Instant::now()));
    }

    /// Notes that the client waits for more.
    pub(crate) fn waits(&self) {
        self.put(Slot::Open);
    }

    fn put(&self, slot: Slot) {
        self.shared.slots.borrow_mut()[self.at] = slot;
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.put(Slot::Free);
        let open = self.shared.open.get() - 1;
        self.shared.open.set(open);
        if open == 0 {
            self.shared.used.set(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    const MOST: Duration = Duration::from_millis(20);
    const SOON: Duration = Duration::from_millis(200);

    fn on_a_thread(test: impl Future<Output = ()>) {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap().block_on(test);
    }

    #[test]
    fn a_connection_is_idle_only_without_requests() {
        on_a_thread(async {
            let streams = Streams::new();
            let (one, two) = (streams.open(), streams.open());
            drop(one);
            assert!(timeout(SOON, streams.idle(MOST)).await.is_err());
            drop(two);
            assert!(timeout(SOON, streams.idle(MOST)).await.is_ok());
            let _again = streams.open();
            assert!(timeout(SOON, streams.idle(MOST)).await.is_err());
        });
    }

    #[test]
    fn a_client_stalls_only_while_it_has_something_to_take() {
        on_a_thread(async {
            let streams = Streams::new();
            let (one, two) = (streams.open(), streams.open());
            assert!(timeout(SOON, streams.stalled(MOST)).await.is_err());
            one.given();
            two.given();
            one.waits();
            drop(two);
            assert!(timeout(SOON, streams.stalled(MOST)).await.is_err());
            one.given();
            assert!(timeout(SOON, streams.stalled(MOST)).await.is_ok());
        });
    }
}
