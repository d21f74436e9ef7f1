//! Counts of durations, by how long they are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the buckets in microseconds, and in seconds as Prometheus reads them; above
/// the last there is one without a bound.
pub(super) const BOUNDS: [(u64, &str); 16] = [
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (5_000_000, "5"),
    (10_000_000, "10"),
    (30_000_000, "30"),
    (60_000_000, "60"),
];

/// Durations that were measured by one thread.
#[derive(Default)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    /// Microseconds in all.
    sum: AtomicU64,
}

impl Histogram {
    pub(super) fn observe(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|(most, _)| *most < micros);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(micros, Ordering::Relaxed);
    }
}

/// Durations of all threads.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Durations {
    /// How many there are in each bucket alone.
    buckets: [u64; BOUNDS.len() + 1],
    /// Microseconds in all.
    pub(super) sum: u64,
}

impl Durations {
    pub(super) fn add(&mut self, counted: &Histogram) {
        for (sum, bucket) in self.buckets.iter_mut().zip(&counted.buckets) {
            *sum += bucket.load(Ordering::Relaxed);
        }
        self.sum += counted.sum.load(Ordering::Relaxed);
    }

    /// How many there are up to each bound, and in all, which is the last one.
    pub(super) fn cumulated(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let bounds = BOUNDS.into_iter().map(|(_, seconds)| seconds).chain(["+Inf"]);
        bounds.zip(self.buckets).scan(0, |count, (bound, more)| {
            *count += more;
            Some((bound, *count))
        })
    }

    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let histogram = Histogram::default();
        for micros in [0, 500, 501, 1_000, 60_000_000, 60_000_001] {
            histogram.observe(Duration::from_micros(micros));
        }
        let mut durations = Durations::default();
        durations.add(&histogram);
        durations.add(&Histogram::default());
        assert_eq!(durations.sum, 120_002_002);
        assert_eq!(durations.count(), 6);
        let cumulated: Vec<_> = durations.cumulated().collect();
        assert_eq!(cumulated[..3], [("0.0005", 2), ("0.001", 4), ("0.0025", 4)]);
        assert_eq!(cumulated[15..], [("60", 5), ("+Inf", 6)]);
    }

    #[test]
    fn bounds_are_the_same_in_both_units() {
        for (micros, seconds) in BOUNDS {
            assert_eq!((seconds.parse::<f64>().unwrap() * 1e6).round() as u64, micros);
        }
    }
}
