//! Timers that hardly ever fire, for what nearly always comes in time.
//!
//! Most of a timer's cost is to tell the runtime of it and to take that back. So a timer that was
//! not needed stays with the runtime and serves the next who waits: it fires too early for them, is
//! set to their time then, and so takes part in many waits for the price of one.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::time::{Instant, Sleep, sleep_until};

/// Most timers that are kept for others. Each may hold what is left of the task that it would have
/// woken, until it fires.
const MOST: usize = 256;

/// The timers of one thread that nobody waits for.
#[derive(Clone, Default)]
pub(crate) struct Timers(Rc<RefCell<Vec<Pin<Box<Sleep>>>>>);

/// Somebody who may have to wait.
pub(crate) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    timers: Timers,
}

impl Timers {
    /// For somebody who may have to wait.
    pub(crate) fn alarm(&self) -> Alarm {
        Alarm { sleep: None, timers: self.clone() }
    }
}

impl Alarm {
    /// Waits until `end`, which may be another time in each call.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, end: Instant) -> Poll<()> {
        let timers = &self.timers;
        let any = || timers.0.borrow_mut().pop().unwrap_or_else(|| Box::pin(sleep_until(end)));
        let sleep = self.sleep.get_or_insert_with(any);
        loop {
            if sleep.deadline() > end || sleep.is_elapsed() && sleep.deadline() < end {
                sleep.as_mut().reset(end);
            }
            ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() >= end {
                return Poll::Ready(());
            }
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(sleep) = self.sleep.take() {
            let mut kept = self.timers.0.borrow_mut();
            if kept.len() < MOST {
                kept.push(sleep);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::task::Waker;
    use std::time::Duration;

    fn poll_once(alarm: &mut Alarm, end: Instant) -> Poll<()> {
        alarm.poll(&mut Context::from_waker(Waker::noop()), end)
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_serves_the_next_who_waits() {
        let timers = Timers::default();
        let start = Instant::now();
        let (soon, later) = (start + Duration::from_secs(1), start + Duration::from_secs(60));
        for end in [soon, later, soon] {
            assert_eq!(poll_once(&mut timers.alarm(), end), Poll::Pending);
            assert_eq!(timers.0.borrow().len(), 1);
        }
        let mut alarm = timers.alarm();
        // It is set for `soon`, and nobody is told before the time.
        poll_fn(|cx| alarm.poll(cx, later)).await;
        assert_eq!(Instant::now(), later);
        drop(alarm);
        // One that has fired is as good as any.
        let again = later + Duration::from_secs(1);
        let mut alarm = timers.alarm();
        poll_fn(|cx| alarm.poll(cx, again)).await;
        assert_eq!(Instant::now(), again);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_waits_may_be_told_another_time() {
        let timers = Timers::default();
        let start = Instant::now();
        let mut alarm = timers.alarm();
        assert_eq!(poll_once(&mut alarm, start + Duration::from_secs(60)), Poll::Pending);
        let sooner = start + Duration::from_secs(2);
        poll_fn(|cx| alarm.poll(cx, sooner)).await;
        assert_eq!(Instant::now(), sooner);
        assert_eq!(poll_once(&mut alarm, start), Poll::Ready(()), "what is past is over");
    }

    #[tokio::test(start_paused = true)]
    async fn few_are_kept() {
        let timers = Timers::default();
        let end = Instant::now() + Duration::from_secs(1);
        let mut alarms: Vec<Alarm> = (0..MOST + 10).map(|_| timers.alarm()).collect();
        for alarm in &mut alarms {
            assert_eq!(poll_once(alarm, end), Poll::Pending);
        }
        drop(alarms);
        assert_eq!(timers.0.borrow().len(), MOST);
    }
}
