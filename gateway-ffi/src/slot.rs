//! A value that threads use while others put a new one in its place.

use crate::sync::{Arc, AtomicU64, Mutex, MutexGuard, Ordering, PoisonError};

/// Holds the value in force, and the how manieth it is, from 1.
///
/// Who uses it keeps what was [`Seen`] last, and asks before each use whether that is in force
/// still: one load, and no store that threads would share. Only after a publish the lock is taken, for
/// as long as it takes to count one more share.
///
/// `tests/slot.rs` tries all orders in which threads can take their steps here.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    /// Changes while `value` is locked.
    generation: AtomicU64,
    value: Mutex<Arc<T>>,
}

/// What was in force when it was looked at.
#[derive(Debug)]
pub(crate) struct Seen<T> {
    pub(crate) generation: u64,
    pub(crate) value: Arc<T>,
}

impl<T> Slot<T> {
    /// Puts the first value in force.
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self { generation: AtomicU64::new(1), value: Mutex::new(value) }
    }

    /// Puts a value in the place of the one in force, and says the how manieth it is.
    pub(crate) fn publish(&self, value: Arc<T>) -> u64 {
        let (before, generation) = {
            let mut current = self.lock();
            let generation = self.generation.load(Ordering::Relaxed) + 1;
            let before = std::mem::replace(&mut *current, value);
            self.generation.store(generation, Ordering::Relaxed);
            (before, generation)
        };
        // Perhaps the last share, which takes its time: nobody has to wait for that.
        drop(before);
        generation
    }

    /// The value in force.
    pub(crate) fn look(&self) -> Seen<T> {
        let current = self.lock();
        let generation = self.generation.load(Ordering::Relaxed);
        Seen { generation, value: Arc::clone(&current) }
    }

    /// Whether `seen`, which is of this slot, is in force still.
    #[inline]
    pub(crate) fn is_in_force(&self, seen: &Seen<T>) -> bool {
        // Nothing is read because of it: where it is another, the lock is taken.
        self.generation.load(Ordering::Relaxed) == seen.generation
    }

    fn lock(&self) -> MutexGuard<'_, Arc<T>> {
        // Nothing panics while it is locked.
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
