//! Whether an endpoint is tried: a circuit breaker.

use std::time::Duration;

/// What is remembered of one endpoint behind a circuit breaker (smi N-9).
///
/// The window slides: an endpoint is out once `errors` failures lie within a window that ends now,
/// whatever succeeded between them. NGINX keeps but a number and the time of the last failure, so
/// that failures add up for ever as long as each comes within a window of the one before. Here
/// their times are kept while they count, up to 64 of them: an endpoint that does not fail takes no
/// memory but its own. Where more than 64 errors are allowed, failures within a 64th of the window
/// count as having come with the first of them: an endpoint may be out a little later than by the
/// exact number, never sooner.
///
/// While an endpoint is out, what becomes of requests that were sent before is passed over: it
/// neither ends the pause nor prolongs it. After the pause whatever comes first decides: a success
/// clears the count, a failure puts the endpoint out again.
///
/// ```
/// use gateway_core::state::{Breaker, BreakerRule, Event};
/// use std::time::Duration;
///
/// let seconds = Duration::from_secs;
/// let rule = BreakerRule { errors: 2, window: seconds(10) };
/// let breaker = Breaker::default()
///     .after(&rule, seconds(1), Event::Failure)
///     .after(&rule, seconds(4), Event::Failure);
/// assert!(!breaker.admits(&rule, seconds(5)));
/// assert!(breaker.admits(&rule, seconds(14)));
/// let again = breaker.after(&rule, seconds(14), Event::Failure);
/// assert!(!again.admits(&rule, seconds(15)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Breaker(Standing);

/// When an endpoint is not tried any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerRule {
    /// So many failures within the window put the endpoint out; 0: none ever do.
    pub errors: u32,
    /// The length of the window, and of the pause.
    pub window: Duration,
}

/// What became of a request to an endpoint. Which answers are failures is the caller's to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// It was answered.
    Success,
    /// It was not.
    Failure,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    /// Tried, after these failures: the oldest first.
    In(Vec<Moment>),
    /// Out since then, for a window; on trial after that.
    Out { since: Duration },
}

/// Failures that count as having come at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    time: Duration,
    failures: u32,
}

/// How many moments are kept.
const MOMENTS: u32 = 64;

impl Default for Standing {
    fn default() -> Self {
        Self::In(Vec::new())
    }
}

impl Breaker {
    /// Whether requests may be sent to the endpoint at time `now`.
    pub fn admits(&self, rule: &BreakerRule, now: Duration) -> bool {
        match self.0 {
            Standing::Out { since } if rule.errors > 0 => rule.is_over(since, now),
            Standing::Out { .. } | Standing::In(_) => true,
        }
    }

    /// What is remembered after something became known at time `now`.
    #[must_use]
    pub fn after(self, rule: &BreakerRule, now: Duration, event: Event) -> Self {
        if rule.errors == 0 {
            return Self::default();
        }
        Self(match (self.0, event) {
            (Standing::Out { since }, _) if !rule.is_over(since, now) => Standing::Out { since },
            (Standing::Out { .. }, Event::Success) => Standing::default(),
            (Standing::Out { since }, Event::Failure) => Standing::Out { since: now.max(since) },
            (Standing::In(moments), Event::Success) => Standing::In(moments),
            (Standing::In(moments), Event::Failure) => rule.failed(moments, now),
        })
    }
}

impl BreakerRule {
    /// Whether a pause that began then is over.
    fn is_over(&self, since: Duration, now: Duration) -> bool {
        now.saturating_sub(since) >= self.window
    }

    /// Where one more failure leaves an endpoint.
    fn failed(&self, mut moments: Vec<Moment>, now: Duration) -> Standing {
        let now = moments.last().map_or(now, |last| now.max(last.time));
        moments.retain(|moment| now.saturating_sub(moment.time) <= self.window);
        // With so few errors, fewer moments than are kept are enough to tell.
        let exact = self.errors <= MOMENTS;
        let apart = if exact { Duration::ZERO } else { self.window / MOMENTS };
        // Rules may change, so that more moments lie within the window than are kept.
        let full = moments.len() >= MOMENTS as usize;
        match moments.last_mut() {
            Some(last) if full || now.saturating_sub(last.time) <= apart => {
                last.failures = last.failures.saturating_add(1);
            }
            _ => moments.push(Moment { time: now, failures: 1 }),
        }
        let failures: u64 = moments.iter().map(|moment| u64::from(moment.failures)).sum();
        if failures >= u64::from(self.errors) {
            Standing::Out { since: now }
        } else {
            Standing::In(moments)
        }
    }
}

#[cfg(test)]
mod tests;
