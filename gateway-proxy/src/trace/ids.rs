//! Numbers of traces and spans.

use super::context::{SpanId, TraceId};
use crate::worker::Random;

/// Makes the numbers of one thread. Two generators, both seeded by the operating system, so that
/// 128 bits set threads and restarts apart: with 64, some of a thousand million traces would share
/// a number.
pub(crate) struct Ids {
    high: Random,
    low: Random,
}

impl Ids {
    pub(crate) fn from_system() -> Self {
        Self { high: Random::from_system(), low: Random::from_system() }
    }

    pub(super) fn trace_id(&self) -> TraceId {
        let number = u128::from(self.high.next()) << 64 | u128::from(self.low.next());
        TraceId(number.max(1))
    }

    pub(crate) fn span_id(&self) -> SpanId {
        SpanId((self.high.next() ^ self.low.next().rotate_left(32)).max(1))
    }

    /// 64 bits to decide by.
    pub(super) fn draw(&self) -> u64 {
        self.low.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn numbers_differ_between_threads_and_over_time() {
        let threads = [Ids::from_system(), Ids::from_system()];
        let numbers = || threads.iter().flat_map(|ids| (0..1000).map(|_| ids.trace_id().0));
        assert_eq!(numbers().collect::<HashSet<_>>().len(), 2000);
    }
}
