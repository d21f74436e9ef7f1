//! How many requests may come: a leaky bucket.

use std::time::Duration;

/// A leaky bucket, as NGINX's `limit_req` has it (smi N-1, virtualserver §16.2). A key that no
/// request has come for yet has none.
///
/// ```
/// use gateway_core::state::{Admission, Bucket, Delay, Leak};
/// use std::time::Duration;
///
/// // `rate: 1r/s`, `burst: 2`, `delay: 1`
/// let second = Duration::from_secs(1);
/// let limit = Leak { requests: 1, per: second, burst: 2, delay: Delay::After(1) };
/// let mut bucket = None;
/// let mut take = |now| {
///     let (after, admission) = Bucket::take(bucket, &limit, now);
///     bucket = Some(after);
///     admission
/// };
/// let now = Duration::from_secs(7);
/// assert_eq!(take(now), Admission::Pass);
/// assert_eq!(take(now), Admission::Pass);
/// assert_eq!(take(now), Admission::Wait(second));
/// assert_eq!(take(now), Admission::Refuse);
/// assert_eq!(take(now + second), Admission::Wait(second));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// How far requests have run ahead of the rate, in thousandths of a request.
    excess: u64,
    /// When the last one was admitted, in nanoseconds.
    last: u64,
}

/// How fast a bucket leaks, and what it holds.
///
/// The rate is so many requests in a period, which keeps it exact however it is shared: `10r/m` for
/// one of three sources (smi N-2) is ten requests in three minutes. Without requests a bucket never
/// leaks; where the period is 0, it is always empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leak {
    /// How many requests leak in a period.
    pub requests: u32,
    /// The period.
    pub per: Duration,
    /// How many requests beyond the rate a bucket holds.
    pub burst: u32,
    /// Which of them wait.
    pub delay: Delay,
}

/// Which requests beyond the rate are held up until they are within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// None: `nodelay`.
    None,
    /// Those after so many, which go at once.
    After(u32),
}

/// Whether a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Pass,
    /// It may, after so long.
    Wait(Duration),
    /// It may not. It has not been counted.
    Refuse,
}

/// One request, in the unit of [`Bucket::excess`].
const REQUEST: u64 = 1000;

impl Bucket {
    /// Takes a request at time `now` into the bucket that stood there before, if any. A request
    /// that is refused leaves it as it was.
    ///
    /// What has leaked is rounded down to a thousandth of a request, and what is waited is rounded
    /// up to a nanosecond, so that the rate is never exceeded. Times of more than 584 years count
    /// as that.
    pub fn take(previous: Option<Self>, limit: &Leak, now: Duration) -> (Self, Admission) {
        let now = nanoseconds(now);
        let Some(before) = previous else {
            return (Self { excess: 0, last: now }, Admission::Pass);
        };
        let leaked = limit.leaked(now.saturating_sub(before.last));
        let excess = (before.excess + REQUEST).saturating_sub(leaked);
        if excess > u64::from(limit.burst) * REQUEST {
            return (before, Admission::Refuse);
        }
        // Not before `last`: what has leaked by then must not leak again.
        let after = Self { excess, last: now.max(before.last) };
        let at_once = match limit.delay {
            Delay::None => u64::MAX,
            Delay::After(requests) => u64::from(requests) * REQUEST,
        };
        match excess.saturating_sub(at_once) {
            0 => (after, Admission::Pass),
            ahead => (after, Admission::Wait(limit.until_leaked(ahead))),
        }
    }

    /// Whether it can be forgotten: a request at time `now` or later finds it as if none had come
    /// for its key yet.
    ///
    /// ```
    /// # use gateway_core::state::{Bucket, Delay, Leak};
    /// # use std::time::Duration;
    /// let second = Duration::from_secs(1);
    /// let limit = Leak { requests: 1, per: second, burst: 2, delay: Delay::None };
    /// let (bucket, _) = Bucket::take(None, &limit, second);
    /// assert!(!bucket.is_spent(&limit, second));
    /// assert!(bucket.is_spent(&limit, 2 * second));
    /// ```
    pub fn is_spent(&self, limit: &Leak, now: Duration) -> bool {
        let leaked = limit.leaked(nanoseconds(now).saturating_sub(self.last));
        self.excess + REQUEST <= leaked
    }
}

impl Leak {
    /// How many thousandths leak in so many nanoseconds.
    fn leaked(&self, elapsed: u64) -> u64 {
        // At most 2^42 times 2^64.
        let leaked = self.thousandths() * u128::from(elapsed);
        let leaked = leaked.checked_div(u128::from(nanoseconds(self.per)));
        leaked.and_then(|leaked| u64::try_from(leaked).ok()).unwrap_or(u64::MAX)
    }

    /// How long so many thousandths, of at most 2^32 requests, take to leak.
    fn until_leaked(&self, thousandths: u64) -> Duration {
        if self.requests == 0 {
            return Duration::from_nanos(u64::MAX);
        }
        let wait = u128::from(thousandths) * u128::from(nanoseconds(self.per));
        let wait = wait.div_ceil(self.thousandths());
        Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX))
    }

    /// How many thousandths leak in a period.
    fn thousandths(&self) -> u128 {
        u128::from(self.requests) * u128::from(REQUEST)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
