//! Futures that are hardly ever ready, beside something that is busy.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Polls a future only when that has asked for it. Its task is woken far more often, for other things.
pub(crate) struct Seldom<F> {
    future: F,
    call: Arc<Call>,
    waker: Waker,
}

/// Whether the future wants to be polled.
struct Call {
    is_made: AtomicBool,
    /// That of the task, once it is known.
    task: Mutex<Option<Waker>>,
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        self.is_made.store(true, Ordering::Release);
        // Whoever panicked left a waker all the same.
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        task.into_iter().for_each(Waker::wake);
    }
}

impl<F: Future + Unpin> Seldom<F> {
    pub(crate) fn new(future: F) -> Self {
        let call = Arc::new(Call { is_made: AtomicBool::new(true), task: Mutex::default() });
        let waker = Waker::from(Arc::clone(&call));
        Self { future, call, waker }
    }
}

impl<F: Future + Unpin> Future for Seldom<F> {
    type Output = F::Output;

    /// To be polled by one task.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if !self.call.is_made.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        let this = &mut *self;
        // Set before the flag is taken back: a call that comes in between wakes the task.
        *this.call.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        this.call.is_made.swap(false, Ordering::Acquire);
        Pin::new(&mut this.future).poll(&mut Context::from_waker(&this.waker))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn it_is_polled_when_it_asks_and_then_alone() {
        let polls = Cell::new(0);
        let inner = Cell::new(None);
        let mut seldom = Seldom::new(poll_fn(|cx| {
            polls.set(polls.get() + 1);
            inner.set(Some(cx.waker().clone()));
            if polls.get() < 3 { Poll::Pending } else { Poll::Ready(()) }
        }));
        let task = Arc::<Task>::default();
        let waker = Waker::from(Arc::clone(&task));
        let mut poll = || Pin::new(&mut seldom).poll(&mut Context::from_waker(&waker));
        for _ in 0..5 {
            assert!(poll().is_pending());
        }
        assert_eq!(polls.get(), 1);
        for round in 1..3 {
            inner.take().unwrap().wake();
            assert_eq!(task.0.load(Ordering::Relaxed), round, "its task hears of it");
            assert_eq!(poll().is_ready(), round == 2);
        }
        assert_eq!(polls.get(), 3);
    }
}
