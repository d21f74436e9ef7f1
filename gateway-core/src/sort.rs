//! Sorting what documents hold.
//!
//! The standard library's sorting is compiled anew for each type, some ten kilobytes each time. Here
//! it is compiled once: positions are sorted, and what stands there is moved afterwards. That costs
//! more, so what is sorted for each request, or by the ten thousand, is not sorted here.

use std::cmp::Ordering;

/// As [`slice::sort_by`]: what compares as equal keeps its order.
pub(crate) fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let mut places = places(items.len(), &|a, b| compare(&items[a], &items[b]));
    for at in 0..places.len() {
        // Each swap brings one to its place.
        while places[at] != at {
            let place = places[at];
            items.swap(at, place);
            places.swap(at, place);
        }
    }
}

/// As [`slice::sort_by_key`].
pub(crate) fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(items, |a, b| key(a).cmp(&key(b)));
}

/// Where what stands at each position belongs in the order that `compare` says.
fn places(len: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    order.sort_unstable_by(|&a, &b| compare(a, b).then(a.cmp(&b)));
    let mut places = vec![0; len];
    order.iter().enumerate().for_each(|(place, &at)| places[at] = place);
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_order_is_that_of_the_standard_library(keys: Vec<u8>) {
            let numbered = || keys.iter().map(|key| key % 8).zip(0..).collect::<Vec<(u8, usize)>>();
            let (mut got, mut want) = (numbered(), numbered());
            sort_by_key(&mut got, |(key, _)| *key);
            want.sort_by_key(|(key, _)| *key);
            prop_assert_eq!(got, want);
        }
    }
}
