//! Tasks that answer requests, each one after the other: what a request needs on its way is not small,
//! and is made once for many.

use super::exchange::Asked;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tokio::task::spawn_local;

/// Most tasks of a thread that wait for requests. Each takes as much space as a request under way.
const MOST: usize = 128;

/// The tasks of a thread that wait for requests; the one that has waited least is the next.
#[derive(Default)]
pub(crate) struct Hands(Rc<RefCell<Vec<Rc<Hand>>>>);

/// A task that waits.
#[derive(Default)]
struct Hand {
    next: RefCell<Option<Asked>>,
    waker: Cell<Option<Waker>>,
}

impl Hands {
    /// Lets one of them answer a request, or a new one if all have some.
    pub(super) fn answer(&self, asked: Asked) {
        let Some(hand) = self.0.borrow_mut().pop() else {
            spawn_local(work(Rc::clone(&self.0), asked));
            return;
        };
        *hand.next.borrow_mut() = Some(asked);
        if let Some(waker) = hand.waker.take() {
            waker.wake();
        }
    }
}

async fn work(waiting: Rc<RefCell<Vec<Rc<Hand>>>>, first: Asked) {
    let hand = Rc::<Hand>::default();
    *hand.next.borrow_mut() = Some(first);
    let mut interim = Rc::default();
    loop {
        Asked::answer(&hand.next, &mut interim).await;
        if waiting.borrow().len() >= MOST {
            return;
        }
        waiting.borrow_mut().push(Rc::clone(&hand));
        poll_fn(|cx| hand.poll(cx)).await;
    }
}

impl Hand {
    /// Waits until it has something to do.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.next.borrow().is_some() {
            return Poll::Ready(());
        }
        self.waker.set(Some(cx.waker().clone()));
        Poll::Pending
    }
}
