//! Where requests wait while all endpoints of an upstream have as many as they may.

use crate::error::Failure;
use gateway_core::rules::Queue;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::{Mutex, Notify};
use tokio::time::timeout;

/// The requests that wait for an endpoint of an upstream, of all threads: first come, first served.
/// Outlives the table.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// How many wait.
    count: AtomicU32,
    /// Held by the first of them. tokio hands it on in the order in which it was asked for.
    turn: Mutex<()>,
    /// Woken when an endpoint has room again.
    room: Notify,
}

impl Waiting {
    /// Whether somebody waits, whom nobody may overtake.
    pub(super) fn is_empty(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Notes that an endpoint may have room.
    pub(super) fn room(&self) {
        if !self.is_empty() {
            self.room.notify_one();
        }
    }

    /// Waits until `take` finds an endpoint, or fails for another reason than that all are busy.
    ///
    /// # Errors
    ///
    /// [`Failure::Busy`] where as many wait as may, or time is over.
    pub(super) async fn wait<T>(
        &self,
        queue: Queue,
        take: impl Fn() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let more = |count: u32| (count < queue.size).then(|| count + 1);
        if self.count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_err() {
            return Err(Failure::Busy);
        }
        let place = Place(self);
        let served = timeout(queue.timeout, async {
            let turn = self.turn.lock().await;
            loop {
                match take() {
                    Err(Failure::Busy) => self.room.notified().await,
                    taken => break (taken, turn),
                }
            }
        });
        let served = served.await;
        // The next one looks for room as soon as it is its turn.
        drop(place);
        served.map_or(Err(Failure::Busy), |(taken, _turn)| taken)
    }
}

/// A place among those that wait.
struct Place<'w>(&'w Waiting);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;
    use tokio::runtime::Builder;

    const QUEUE: Queue = Queue { size: 3, timeout: Duration::from_secs(30) };

    #[test]
    fn first_come_first_served_and_no_more_than_may() {
        // virtualserver §4, `queue`
        let waiting = Arc::new(Waiting::default());
        let free = Arc::new(AtomicUsize::new(0));
        let take = {
            let free = Arc::clone(&free);
            move || {
                let less = |n: usize| n.checked_sub(1);
                free.fetch_update(Ordering::AcqRel, Ordering::Acquire, less)
                    .map(drop)
                    .map_err(|_| Failure::Busy)
            }
        };
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let order = Arc::new(std::sync::Mutex::new(Vec::new()));
            let mut tasks = Vec::new();
            for n in 0..3 {
                let (waiting, take, order) =
                    (Arc::clone(&waiting), take.clone(), Arc::clone(&order));
                tasks.push(tokio::spawn(async move {
                    waiting.wait(QUEUE, take).await.unwrap();
                    order.lock().unwrap().push(n);
                }));
                tokio::task::yield_now().await;
            }
            assert_eq!(waiting.wait(QUEUE, take.clone()).await, Err(Failure::Busy), "it is full");
            // One that leaves does not hold up the others.
            tasks.remove(1).abort();
            tokio::task::yield_now().await;
            for _ in 0..2 {
                free.fetch_add(1, Ordering::AcqRel);
                waiting.room();
            }
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(*order.lock().unwrap(), [0, 2]);
            assert!(waiting.is_empty());
            let short = Queue { size: 1, timeout: Duration::from_millis(10) };
            assert_eq!(waiting.wait(short, take).await, Err(Failure::Busy), "time is over");
            assert!(waiting.is_empty());
        });
    }

    #[test]
    fn nothing_is_lost_among_threads() {
        const THREADS: usize = 4;
        const EACH: usize = 500;
        let queue = Queue { size: u32::MAX, timeout: Duration::from_secs(60) };
        let waiting = Arc::new(Waiting::default());
        let busy = Arc::new(AtomicUsize::new(0));
        let work = |_| {
            let (waiting, busy) = (Arc::clone(&waiting), Arc::clone(&busy));
            std::thread::spawn(move || {
                let take = || {
                    let more = |n: usize| (n < 2).then_some(n + 1);
                    let taken = busy.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
                    taken.map(drop).map_err(|_| Failure::Busy)
                };
                Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                    for _ in 0..EACH {
                        waiting.wait(queue, take).await.unwrap();
                        tokio::task::yield_now().await;
                        busy.fetch_sub(1, Ordering::AcqRel);
                        waiting.room();
                    }
                });
            })
        };
        let threads: Vec<_> = (0..THREADS).map(work).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(busy.load(Ordering::Acquire), 0);
    }
}
