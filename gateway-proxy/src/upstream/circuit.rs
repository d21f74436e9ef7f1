//! When an endpoint of a Service pauses, because it fails (smi §8.2).

use gateway_core::rules::CircuitBreaker;
use gateway_core::state::{Breaker, BreakerRule, Event};
use http::StatusCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What is remembered of an endpoint of a Service with a circuit breaker, by all threads. Outlives
/// the table.
#[derive(Debug)]
pub(crate) struct History {
    breaker: Mutex<Breaker>,
    born: Instant,
}

impl History {
    pub(crate) fn new() -> Self {
        Self { breaker: Mutex::default(), born: Instant::now() }
    }
}

/// The circuit breaker of a Service, and what it knows of one endpoint.
#[derive(Debug)]
pub(crate) struct Circuit {
    rule: BreakerRule,
    counts_5xx: bool,
    history: Arc<History>,
}

impl Circuit {
    pub(crate) fn new(breaker: &CircuitBreaker, history: Arc<History>) -> Self {
        let rule = BreakerRule { errors: breaker.errors, window: breaker.window };
        Self { rule, counts_5xx: breaker.counts_5xx, history }
    }

    /// Whether the endpoint is tried.
    pub(super) fn admits(&self) -> bool {
        self.admits_at(self.history.born.elapsed())
    }

    fn admits_at(&self, now: Duration) -> bool {
        let breaker = self.history.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        breaker.admits(&self.rule, now)
    }

    /// Notes that the endpoint answered.
    pub(super) fn answered(&self, status: StatusCode) {
        let is_failure = self.counts_5xx && status.as_u16() >= 500;
        self.note(if is_failure { Event::Failure } else { Event::Success });
    }

    /// Notes that it did not answer as it should, or not in time.
    pub(super) fn failed(&self) {
        self.note(Event::Failure);
    }

    fn note(&self, event: Event) {
        self.note_at(event, self.history.born.elapsed());
    }

    fn note_at(&self, event: Event, now: Duration) {
        let mut breaker = self.history.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        *breaker = std::mem::take(&mut *breaker).after(&self.rule, now, event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::{ObjectRef, Origin};

    fn breaker(errors: u32, counts_5xx: bool) -> CircuitBreaker {
        CircuitBreaker {
            errors,
            window: Duration::from_secs(10),
            counts_5xx,
            fallback: None,
            origin: Origin::new(ObjectRef::new("CircuitBreaker", "shop", "a"), "spec"),
        }
    }

    #[test]
    fn statuses_are_failures_only_where_they_count() {
        // smi N-9
        for (counts_5xx, status, want) in [
            (false, 500, true),
            (false, 503, true),
            (true, 499, true),
            (true, 500, false),
            (true, 599, false),
            (true, 999, false),
        ] {
            let circuit = Circuit::new(&breaker(1, counts_5xx), Arc::new(History::new()));
            circuit.answered(StatusCode::from_u16(status).unwrap());
            assert_eq!(circuit.admits_at(Duration::ZERO), want, "{counts_5xx} {status}");
        }
    }

    #[test]
    fn an_endpoint_pauses_for_the_window_and_is_tried_again() {
        // smi N-9
        let circuit = Circuit::new(&breaker(2, false), Arc::new(History::new()));
        let second = Duration::from_secs(1);
        for (event, at, now, want) in [
            (Event::Failure, 1, 1, true),
            (Event::Failure, 5, 5, false),
            (Event::Success, 6, 14, false),
            (Event::Failure, 15, 24, false),
            (Event::Success, 25, 25, true),
            (Event::Failure, 26, 26, true),
        ] {
            circuit.note_at(event, second * at);
            assert_eq!(circuit.admits_at(second * now), want, "{at} {now}");
        }
    }

    #[test]
    fn another_rule_goes_on_with_what_is_known() {
        let history = Arc::new(History::new());
        let circuit = Circuit::new(&breaker(3, false), Arc::clone(&history));
        circuit.note_at(Event::Failure, Duration::ZERO);
        assert!(circuit.admits_at(Duration::ZERO));
        let stricter = Circuit::new(&breaker(2, false), history);
        stricter.note_at(Event::Failure, Duration::ZERO);
        assert!(!stricter.admits_at(Duration::ZERO));
        assert!(!circuit.admits_at(Duration::ZERO));
    }
}
