//! How many requests of a Service are sent once more: a share of them, so that a Service that fails
//! for what it has to carry is not given a multiple of it.

use gateway_core::rules::ServiceName;
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How far is looked back, in seconds.
const WINDOW: usize = 10;

/// Retries that the window always has room for: ten for each second.
const LEAST: u32 = 100;

/// One of so many requests may be sent once more.
const SHARE: u32 = 5;

/// The budgets of a thread.
pub(crate) struct Budgets {
    by_service: RefCell<HashMap<ServiceName, Budget>>,
    born: Instant,
}

impl Budgets {
    pub(crate) fn new() -> Self {
        Self { by_service: RefCell::default(), born: Instant::now() }
    }

    /// Counts a request that may be tried more than once.
    pub(crate) fn request(&self, service: &ServiceName) {
        let now = self.born.elapsed();
        let mut budgets = self.by_service.borrow_mut();
        if let Some(budget) = budgets.get_mut(service) {
            budget.request(now);
        } else {
            budgets.entry(service.clone()).or_default().request(now);
        }
    }

    /// Whether there is room for another try; then it is counted.
    pub(crate) fn retry(&self, service: &ServiceName) -> bool {
        let now = self.born.elapsed();
        let mut budgets = self.by_service.borrow_mut();
        // Whoever tries again has counted the request, or a Service without requests is forgotten.
        budgets.get_mut(service).is_none_or(|budget| budget.retry(now))
    }

    /// Forgets Services without requests in the window: tables come and go, and their Services with
    /// them.
    pub(crate) fn forget_unused(&self) {
        let now = self.born.elapsed();
        self.by_service.borrow_mut().retain(|_, budget| budget.is_used(now));
    }
}

/// What was asked of a Service lately.
#[derive(Debug, Default)]
struct Budget {
    /// By second, in turn.
    slots: [Slot; WINDOW],
    /// The second of the newest slot.
    second: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    requests: u32,
    retries: u32,
}

impl Budget {
    fn request(&mut self, now: Duration) {
        let slot = self.slot(now);
        slot.requests = slot.requests.saturating_add(1);
    }

    fn retry(&mut self, now: Duration) -> bool {
        self.slot(now);
        let sum =
            |read: fn(&Slot) -> u32| self.slots.iter().map(|slot| u64::from(read(slot))).sum();
        let (requests, retries): (u64, u64) = (sum(|slot| slot.requests), sum(|slot| slot.retries));
        let most = u64::from(LEAST) + requests / u64::from(SHARE);
        if retries >= most {
            return false;
        }
        self.slot(now).retries += 1;
        true
    }

    fn is_used(&self, now: Duration) -> bool {
        now.as_secs().saturating_sub(self.second) < WINDOW as u64
    }

    /// The slot of the present second; those that are over are empty.
    fn slot(&mut self, now: Duration) -> &mut Slot {
        let second = now.as_secs().max(self.second);
        for over in (self.second + 1..=second).take(WINDOW) {
            *self.at(over) = Slot::default();
        }
        self.second = second;
        self.at(second)
    }

    fn at(&mut self, second: u64) -> &mut Slot {
        &mut self.slots[(second % WINDOW as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retries(budget: &mut Budget, now: Duration, tries: u32) -> u32 {
        (0..tries).map(|_| u32::from(budget.retry(now))).sum()
    }

    const fn at(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    #[test]
    fn few_retries_always_have_room() {
        let mut budget = Budget::default();
        budget.request(at(3));
        assert_eq!(retries(&mut budget, at(3), 1000), LEAST);
        // As long as they are within the window.
        assert_eq!(retries(&mut budget, at(12), 1000), 0);
        assert_eq!(retries(&mut budget, at(13), 1000), LEAST);
        assert_eq!(retries(&mut budget, at(1_000_000), 1000), LEAST);
    }

    #[test]
    fn many_are_a_share_of_the_requests() {
        let mut budget = Budget::default();
        for second in 0..10 {
            (0..1000).for_each(|_| budget.request(at(second)));
        }
        assert_eq!(retries(&mut budget, at(9), 10_000), LEAST + 10_000 / SHARE);
        // The first second's requests are forgotten, but the retries are not yet.
        assert_eq!(retries(&mut budget, at(10), 10_000), 0);
        (0..1005).for_each(|_| budget.request(at(10)));
        assert_eq!(retries(&mut budget, at(10), 10_000), 1);
    }

    #[test]
    fn services_have_budgets_of_their_own_and_are_forgotten() {
        let budgets = Budgets::new();
        let [tea, milk] = ["tea", "milk"].map(|name| ServiceName::new("shop", name));
        budgets.request(&tea);
        budgets.request(&milk);
        let granted = (0..1000).filter(|_| budgets.retry(&tea)).count();
        assert!(granted >= LEAST as usize && granted < 1000, "{granted}");
        assert!(budgets.retry(&milk));
        assert!(budgets.by_service.borrow()[&tea].is_used(at(9)));
        budgets.by_service.borrow_mut().retain(|_, budget| budget.is_used(at(60)));
        assert!(budgets.by_service.borrow().is_empty());
    }
}
