//! What whoever carries decisions out remembers between requests, as values: each function takes
//! the state before and the time, and returns the state after.
//!
//! Times are those since one moment of the caller's own, by a clock that is not set back. One that
//! goes backwards all the same does no harm: a time before the last one counts as that one.

mod breaker;
mod bucket;

pub use breaker::{Breaker, BreakerRule, Event};
pub use bucket::{Admission, Bucket, Delay, Leak};
