//! Counts of answers by status. Statuses that are usual are counted each, others by class, so that
//! no backend can make up more series than these.

use std::sync::atomic::{AtomicU64, Ordering};

/// The statuses that are told apart.
const KNOWN: [u16; 33] = [
    101, 200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 408, 409,
    412, 413, 414, 421, 422, 429, 431, 499, 500, 501, 502, 503, 504, 505,
];

/// The names of the others, and where they are counted.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

const ALL: usize = KNOWN.len() + CLASSES.len();

/// Answers that were counted by one thread.
pub(crate) struct Codes([AtomicU64; ALL]);

impl Default for Codes {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; ALL])
    }
}

impl Codes {
    pub(super) fn count(&self, status: u16) {
        let class = || KNOWN.len() + usize::from(status / 100).clamp(1, CLASSES.len()) - 1;
        let at = KNOWN.binary_search(&status).unwrap_or_else(|_| class());
        self.0[at].fetch_add(1, Ordering::Relaxed);
    }
}

/// Answers of all threads.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CodeSums([u64; ALL]);

impl Default for CodeSums {
    fn default() -> Self {
        Self([0; ALL])
    }
}

impl CodeSums {
    pub(super) fn add(&mut self, counted: &Codes) {
        for (sum, counter) in self.0.iter_mut().zip(&counted.0) {
            *sum += counter.load(Ordering::Relaxed);
        }
    }

    /// The statuses that there were, and how often.
    pub(super) fn iter(&self) -> impl Iterator<Item = (String, u64)> {
        let known = KNOWN.iter().map(u16::to_string);
        let names = known.chain(CLASSES.iter().map(ToString::to_string));
        names.zip(self.0).filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusual_statuses_are_counted_by_class() {
        assert!(KNOWN.is_sorted(), "they are searched");
        let codes = Codes::default();
        for status in [200, 200, 299, 404, 418, 599, 999] {
            codes.count(status);
        }
        let mut sums = CodeSums::default();
        sums.add(&codes);
        sums.add(&codes);
        let want = [("200", 4), ("404", 2), ("2xx", 2), ("4xx", 2), ("5xx", 4)];
        assert_eq!(sums.iter().collect::<Vec<_>>(), want.map(|(name, n)| (name.to_owned(), n)));
    }
}
