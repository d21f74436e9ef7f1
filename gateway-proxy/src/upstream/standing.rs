//! How an endpoint fares as one of an upstream: whether it is left out because requests failed
//! there, how long it takes to answer, and how many requests are under way. Outlives the table: a
//! reload does not forget it.

use gateway_core::rules::{FailureLimit, HealthCheck};
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How an endpoint fares as one of an upstream, by all threads. Times are in milliseconds since it
/// was first heard of, but for those of answers.
#[derive(Debug)]
pub(crate) struct Standing {
    born: Instant,
    /// Requests under way.
    active: AtomicU32,
    /// The sum of the times at which those began, in microseconds; wraps.
    begun: AtomicU64,
    failures: Mutex<Failures>,
    /// When it stops to be left out; 0 where it is not. Set within the lock of `failures`.
    ejected_until: AtomicU64,
    /// When it began to take requests again, plus 1; 0 where it always did.
    back_since: AtomicU64,
    /// In microseconds, where answers are timed.
    answers: Mutex<Option<Answers>>,
    /// What checks have found, as a number of [`Health`].
    health: AtomicU8,
}

/// What checks have found of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// Nothing yet.
    Unchecked,
    /// It works.
    Healthy,
    /// It does not.
    Unhealthy,
}

/// The failures that count.
#[derive(Debug, Default)]
struct Failures {
    count: u32,
    /// When the first of them was.
    since: u64,
}

/// How long answers take, of late.
#[derive(Debug, Clone, Copy)]
struct Answers {
    /// Exponentially weighted mean.
    mean: f64,
    measured: u64,
}

/// How much the newest answer counts.
const NEWEST: f64 = 0.25;

/// After so long without an answer half is forgotten: an endpoint that was slow once is tried again.
const HALF_LIFE: Duration = Duration::from_secs(10);

/// The share that an endpoint gets at least once it is back.
const LEAST_SHARE: f64 = 0.01;

impl Standing {
    pub(crate) fn new() -> Self {
        Self {
            born: Instant::now(),
            active: AtomicU32::new(0),
            begun: AtomicU64::new(0),
            failures: Mutex::default(),
            ejected_until: AtomicU64::new(0),
            back_since: AtomicU64::new(0),
            answers: Mutex::new(None),
            health: AtomicU8::new(Health::Unchecked as u8),
        }
    }

    /// One that others of its upstream were there before: it starts slowly, where that is asked.
    pub(crate) fn late() -> Self {
        let standing = Self::new();
        standing.back_since.store(1, Ordering::Relaxed);
        standing
    }

    fn now(&self) -> u64 {
        millis(self.born.elapsed())
    }

    /// Takes a request, where there are fewer than `most`. Tells when, for [`Standing::give_back`].
    pub(super) fn take(&self, most: Option<u32>) -> Option<Instant> {
        let more =
            |active: u32| most.is_none_or(|most| active < most).then(|| active.saturating_add(1));
        // In one order with who waits for room.
        self.active.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).ok()?;
        let now = Instant::now();
        self.begun.fetch_add(self.micros(now), Ordering::Relaxed);
        Some(now)
    }

    /// Notes that a request which was taken at that time is over.
    pub(super) fn give_back(&self, since: Instant) {
        self.begun.fetch_sub(self.micros(since), Ordering::Relaxed);
        self.active.fetch_sub(1, Ordering::SeqCst);
    }

    fn micros(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.born).as_micros()).unwrap_or(u64::MAX)
    }

    /// Whether it may take one more request.
    pub(super) fn has_room(&self, most: Option<u32>) -> bool {
        most.is_none_or(|most| self.active() < most)
    }

    /// Requests under way.
    pub(super) fn active(&self) -> u32 {
        self.active.load(Ordering::Relaxed)
    }

    /// Notes that a request failed (virtualserver §14).
    pub(super) fn failed(&self, limit: FailureLimit) {
        self.failed_at(limit, self.now());
    }

    fn failed_at(&self, limit: FailureLimit, now: u64) {
        if limit.failures == 0 {
            return;
        }
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let period = millis(limit.period);
        let ejected_until = self.ejected_until.load(Ordering::Relaxed);
        if ejected_until == 0 {
            if failures.count == 0 || now.saturating_sub(failures.since) > period {
                *failures = Failures { count: 0, since: now };
            }
            failures.count = failures.count.saturating_add(1);
            if failures.count < limit.failures {
                return;
            }
        }
        // Where it was left out before and has not answered since, one failure is enough.
        failures.count = 0;
        self.ejected_until.store(now.saturating_add(period).max(1), Ordering::Relaxed);
    }

    /// Notes that it answered as it should.
    pub(super) fn answered(&self) {
        if self.ejected_until.load(Ordering::Relaxed) != 0 {
            self.answered_at(self.now());
        }
    }

    fn answered_at(&self, now: u64) {
        let mut failures: MutexGuard<'_, _> =
            self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let ejected_until = self.ejected_until.swap(0, Ordering::Relaxed);
        if ejected_until != 0 {
            *failures = Failures::default();
            self.is_back(ejected_until.min(now));
        }
    }

    /// Notes that it takes requests again from `now` on.
    fn is_back(&self, now: u64) {
        self.back_since.store(now.saturating_add(1), Ordering::Relaxed);
    }

    /// Whether it is left out, where there are others.
    pub(super) fn is_ejected(&self) -> bool {
        self.ejected_until.load(Ordering::Relaxed) != 0 && self.is_ejected_at(self.now())
    }

    fn is_ejected_at(&self, now: u64) -> bool {
        now < self.ejected_until.load(Ordering::Relaxed)
    }

    /// What checks have found.
    pub(crate) fn health(&self) -> Health {
        match self.health.load(Ordering::Relaxed) {
            health if health == Health::Healthy as u8 => Health::Healthy,
            health if health == Health::Unhealthy as u8 => Health::Unhealthy,
            _ => Health::Unchecked,
        }
    }

    /// Whether requests are sent there, as far as `check` says.
    pub(super) fn is_healthy(&self, check: &HealthCheck) -> bool {
        match self.health() {
            Health::Unchecked => !check.mandatory,
            Health::Healthy => true,
            Health::Unhealthy => false,
        }
    }

    /// Notes what checks have found. One that works again starts slowly, where that is asked.
    pub(crate) fn set_health(&self, health: Health) {
        let before = self.health.swap(health as u8, Ordering::Relaxed);
        if before == Health::Unhealthy as u8 && health == Health::Healthy {
            self.is_back(self.now());
        }
    }

    /// The part of its share that it gets, above 0 and at most 1: it grows evenly for as long as
    /// `slow_start` asks since it is back.
    pub(super) fn share(&self, slow_start: Option<Duration>) -> f64 {
        match slow_start {
            Some(slow_start) => self.share_at(slow_start, self.now()),
            None => 1.0,
        }
    }

    fn share_at(&self, slow_start: Duration, now: u64) -> f64 {
        // One that was left out is back as soon as it is tried.
        let back_since = match self.ejected_until.load(Ordering::Relaxed) {
            0 => self.back_since.load(Ordering::Relaxed),
            until => until.saturating_add(1),
        };
        if back_since == 0 || slow_start.is_zero() {
            return 1.0;
        }
        let passed = now.saturating_sub(back_since - 1) as f64;
        (passed / millis(slow_start).max(1) as f64).clamp(LEAST_SHARE, 1.0)
    }

    /// Notes how long an answer took.
    pub(super) fn timed(&self, took: Duration) {
        self.timed_at(took, self.now());
    }

    fn timed_at(&self, took: Duration, now: u64) {
        let took = took.as_secs_f64() * 1e6;
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let mean = answers.map_or(took, |known| known.mean + NEWEST * (took - known.mean));
        *answers = Some(Answers { mean, measured: now });
    }

    /// How long an answer will probably take, in microseconds; `None` where none was timed. With
    /// `inflight` at least as long as those under way wait on average.
    pub(super) fn expected(&self, inflight: bool) -> Option<f64> {
        let known = self.expected_at(self.now());
        let (active, begun) = (self.active(), self.begun.load(Ordering::Relaxed));
        if !inflight || active == 0 {
            return known;
        }
        let waited = self.micros(Instant::now()) as f64 - begun as f64 / f64::from(active);
        Some(known.unwrap_or(0.0).max(waited))
    }

    fn expected_at(&self, now: u64) -> Option<f64> {
        let answers = (*self.answers.lock().unwrap_or_else(PoisonError::into_inner))?;
        let age = now.saturating_sub(answers.measured) as f64 / millis(HALF_LIFE) as f64;
        Some(answers.mean * (-age).exp2())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(failures: u32, seconds: u64) -> FailureLimit {
        let period = Duration::from_secs(seconds);
        FailureLimit { failures, period, ..FailureLimit::default() }
    }

    #[test]
    fn so_many_failures_within_the_period_leave_it_out_for_the_period() {
        // virtualserver §14, passive health
        let standing = Standing::new();
        let limit = limit(3, 10);
        for (at, want) in [(0, false), (9_000, false), (10_001, false), (11_000, false)] {
            standing.failed_at(limit, at);
            assert_eq!(standing.is_ejected_at(at), want, "{at}: the first is long ago");
        }
        standing.failed_at(limit, 12_000);
        for (now, want) in [(12_000, true), (21_999, true), (22_000, false)] {
            assert_eq!(standing.is_ejected_at(now), want, "{now}");
        }
        standing.failed_at(limit, 23_000);
        assert!(standing.is_ejected_at(23_000), "it has not answered since");
        standing.answered_at(34_000);
        standing.failed_at(limit, 34_001);
        assert!(!standing.is_ejected_at(34_001), "all is forgiven");
    }

    #[test]
    fn without_a_limit_it_is_never_left_out() {
        // virtualserver §4, `max-fails: 0`
        let standing = Standing::new();
        for at in 0..100 {
            standing.failed_at(limit(0, 10), at);
            assert!(!standing.is_ejected_at(at));
        }
    }

    #[test]
    fn one_that_is_back_gets_its_share_little_by_little() {
        // virtualserver §4, `slow-start`
        let slow = Duration::from_secs(10);
        let standing = Standing::new();
        assert_eq!(standing.share_at(slow, 0), 1.0, "it was there from the beginning");
        standing.failed_at(limit(1, 5), 1_000);
        for (now, want) in [(6_000, 0.01), (7_000, 0.1)] {
            assert_eq!(standing.share_at(slow, now), want, "{now}");
        }
        standing.answered_at(8_500);
        for (now, want) in [(8_500, 0.25), (11_000, 0.5), (16_000, 1.0), (60_000, 1.0)] {
            assert_eq!(standing.share_at(slow, now), want, "{now}");
        }
        assert_eq!(Standing::late().share_at(slow, 1_000), 0.1);
        assert_eq!(standing.share(None), 1.0);
    }

    #[test]
    fn requests_are_taken_up_to_the_limit() {
        // virtualserver §4, `max-conns`
        let standing = Standing::new();
        let first = standing.take(Some(2)).unwrap();
        assert!(standing.has_room(Some(2)));
        let second = standing.take(Some(2)).unwrap();
        assert!(!standing.has_room(Some(2)) && standing.take(Some(2)).is_none());
        standing.give_back(second);
        standing.give_back(first);
        assert_eq!(standing.active(), 0);
        assert_eq!(standing.begun.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn slow_answers_are_remembered_for_a_while() {
        let standing = Standing::new();
        assert_eq!(standing.expected_at(0), None);
        standing.timed_at(Duration::from_millis(100), 0);
        standing.timed_at(Duration::from_millis(200), 0);
        assert_eq!(standing.expected_at(0), Some(125_000.0));
        assert_eq!(standing.expected_at(10_000), Some(62_500.0));
        let since = standing.take(None).unwrap();
        let expected = standing.expected(true).unwrap();
        assert!(expected >= standing.expected(false).unwrap() * 0.9, "{expected}");
        standing.give_back(since);
    }
}
