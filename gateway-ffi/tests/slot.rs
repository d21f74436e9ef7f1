//! All orders in which threads can take their steps at the slot of the router in force, and all
//! that they may see of each other's: loom tries them. A test of threads that really run would meet
//! few of them.

#[path = "../src/slot.rs"]
mod slot;

/// What the slot is made of here.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
    pub(crate) use loom::sync::{Arc, Mutex, MutexGuard};
    pub(crate) use std::sync::PoisonError;
}

use loom::thread;
use slot::{Seen, Slot};
use sync::Arc;

/// What deciders do: go on with what was seen last, as long as that is in force.
fn refresh(slot: &Slot<char>, seen: &mut Seen<char>) -> (u64, char) {
    if !slot.is_in_force(seen) {
        *seen = slot.look();
    }
    (seen.generation, *seen.value)
}

#[test]
fn each_publish_has_a_generation_of_its_own_and_readers_never_go_back() {
    loom::model(|| {
        let slot = Arc::new(Slot::new(Arc::new('a')));
        let publishers = ['b', 'c'].map(|value| {
            let slot = Arc::clone(&slot);
            thread::spawn(move || (slot.publish(Arc::new(value)), value))
        });
        let reader = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || {
                let mut seen = slot.look();
                let first = (seen.generation, *seen.value);
                [first, refresh(&slot, &mut seen)]
            })
        };
        let mut published = publishers.map(|publisher| publisher.join().unwrap());
        published.sort_unstable();
        let [second, third] = published;
        assert_eq!((second.0, third.0), (2, 3));
        let read = reader.join().unwrap();
        // A number always stands for the same value, and what was seen first is not newer.
        assert!(read[0].0 <= read[1].0, "{read:?}");
        for seen in read {
            assert!([(1, 'a'), second, third].contains(&seen), "{seen:?} of {published:?}");
        }
        let last = slot.look();
        assert_eq!((last.generation, *last.value), third);
    });
}

#[test]
fn who_knows_of_a_publish_uses_what_was_published() {
    loom::model(|| {
        let slot = Arc::new(Slot::new(Arc::new('a')));
        let mut seen = slot.look();
        let another = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || refresh(&slot, &mut slot.look()))
        };
        let publisher = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || slot.publish(Arc::new('b')))
        };
        assert_eq!(publisher.join().unwrap(), 2);
        assert_eq!(refresh(&slot, &mut seen), (2, 'b'));
        assert!(slot.is_in_force(&seen));
        another.join().unwrap();
    });
}

#[test]
fn what_nobody_uses_any_more_is_dropped_by_who_used_it_last() {
    /// Says when it is dropped.
    struct Told(Arc<loom::sync::atomic::AtomicUsize>);

    impl Drop for Told {
        fn drop(&mut self) {
            self.0.fetch_add(1, loom::sync::atomic::Ordering::SeqCst);
        }
    }

    loom::model(|| {
        let dropped = Arc::new(loom::sync::atomic::AtomicUsize::new(0));
        let count = || dropped.load(loom::sync::atomic::Ordering::SeqCst);
        let slot = Arc::new(Slot::new(Arc::new(Told(Arc::clone(&dropped)))));
        let reader = {
            let (slot, dropped) = (Arc::clone(&slot), Arc::clone(&dropped));
            thread::spawn(move || {
                let seen = slot.look();
                // While it is held, it lives, whatever is published.
                let alive =
                    dropped.load(loom::sync::atomic::Ordering::SeqCst) < seen.generation as usize;
                drop(seen);
                alive
            })
        };
        slot.publish(Arc::new(Told(Arc::clone(&dropped))));
        assert!(reader.join().unwrap());
        assert_eq!(count(), 1, "the first one, once");
        drop(slot);
        assert_eq!(count(), 2);
    });
}
