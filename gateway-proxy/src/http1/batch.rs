//! Writes that are put off until all tasks have run that are awake.
//!
//! A write most often wakes somebody. Where a thread has much to do, whoever it wakes has answered and
//! sleeps again before the next write comes; of writes in a row, most find the other side awake. And
//! what makes messages stays in the processor's caches while it makes many. Where there is little to
//! do, nothing is put off for longer than it takes to get back to the runtime.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::mem;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The writes of a thread that are put off. Without anybody to make them, none is.
#[derive(Clone, Default)]
pub(crate) struct Batch(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    /// What there is to write, each with the waker of whom it belongs to.
    put_off: Vec<(Rc<dyn Flush>, Waker)>,
    /// That of whoever writes it.
    writer: Option<Waker>,
}

/// Something that writes can be put off for.
pub(crate) trait Flush {
    /// Makes them, for the task that `cx` is about.
    fn flush(&self, cx: &mut Context<'_>);
}

impl Batch {
    /// Whether a write is going to be made soon that `make` describes.
    pub(crate) fn put_off(
        &self,
        make: impl FnOnce() -> Option<Rc<dyn Flush>>,
        cx: &Context<'_>,
    ) -> bool {
        let mut state = self.0.borrow_mut();
        let State { put_off, writer } = &mut *state;
        let Some(writer) = writer else { return false };
        let Some(write) = make() else { return false };
        if put_off.is_empty() {
            writer.wake_by_ref();
        }
        put_off.push((write, cx.waker().clone()));
        true
    }

    /// Makes the writes that are put off, for ever. Woken by the first of them, it comes behind all
    /// tasks that were awake then.
    pub(crate) fn write(self) -> impl Future<Output = ()> {
        poll_fn(move |cx| {
            let mut state = self.0.borrow_mut();
            if !state.writer.as_ref().is_some_and(|writer| writer.will_wake(cx.waker())) {
                state.writer = Some(cx.waker().clone());
            }
            let mut writes = mem::take(&mut state.put_off);
            drop(state);
            for (write, owner) in writes.drain(..) {
                write.flush(&mut Context::from_waker(&owner));
            }
            // Nobody puts anything off meanwhile; what space there is serves again.
            self.0.borrow_mut().put_off = writes;
            Poll::Pending
        })
    }
}

#[cfg(test)]
mod tests;
