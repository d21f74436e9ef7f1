//! Choosing by weight from a draw that the caller brings, or by a value of the request (decisions
//! §4).

use crate::request::Request;
use crate::request::field::View;
use crate::rules::{Session, Sticky, ValueHash};

/// Chooses an index by weight: as `sticky` says where the request has its value, which leaves the
/// draw as it is, else by the draw.
#[inline]
pub(crate) fn choose_for<R: Request>(
    sticky: Option<&Sticky>,
    weights: impl Iterator<Item = u64> + Clone,
    draw: u64,
    view: &View<'_, R>,
) -> Option<(usize, u64)> {
    match sticky.and_then(|sticky| Some((sticky, value_hash(sticky, view)?))) {
        Some((sticky, value)) => sticky.choose(weights, value).map(|chosen| (chosen, draw)),
        None => choose(weights, draw),
    }
}

/// The branch that the client of a session had first, if it is known (gateway-api §17).
#[inline(never)]
pub(crate) fn kept<R: Request>(session: &Session, view: &View<'_, R>) -> Option<usize> {
    let backend = view.request().attribute(&session.attribute)?;
    session.backends.iter().position(|name| name.as_bytes() == backend)
}

/// The hash of the value that a request is known by, if it has one.
#[inline(never)]
pub(crate) fn value_hash<R: Request>(sticky: &Sticky, view: &View<'_, R>) -> Option<ValueHash> {
    let value = view.read(sticky.by());
    let mut hash = ValueHash::new();
    value.pieces(|piece| {
        hash.write(piece);
        true
    });
    (!value.is_empty()).then_some(hash)
}

/// Chooses an index by weight, and returns what the choice leaves of the draw.
///
/// smi W-6: with `W` the sum, `t = floor(draw * W / 2^64)`, and the first index whose running sum
/// is greater than `t` is chosen. The ranges are half-open, so weight 0 is never chosen; `None`
/// when the sum is 0. The sum must fit 63 bits.
///
/// What is left is the place of the draw within the chosen range, spread over 64 bits again: it is
/// as uniform as the draw was and does not depend on the choice. So a choice that follows is
/// independent of this one, and a choice among one leaves the draw as it is.
pub(crate) fn choose(
    weights: impl Iterator<Item = u64> + Clone,
    draw: u64,
) -> Option<(usize, u64)> {
    let sum: u64 = weights.clone().sum();
    // Fits: less than 2^64 times less than 2^63.
    let scaled = u128::from(draw) * u128::from(sum);
    let target = scaled >> 64;
    let mut before = 0;
    for (index, weight) in weights.enumerate() {
        let weight = u128::from(weight);
        if before + weight > target {
            // `before <= target < before + weight`, so this is less than `weight * 2^64`, and the
            // quotient less than 2^64.
            let within = scaled - (before << 64);
            return Some((index, (within / weight) as u64));
        }
        before += weight;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn index(weights: &[u64], draw: u64) -> Option<usize> {
        choose(weights.iter().copied(), draw).map(|(index, _)| index)
    }

    /// `numerator / denominator` of 2^64, rounded up: the first draw of that share.
    fn share(numerator: u64, denominator: u64) -> u64 {
        let draw = (u128::from(numerator) << 64).div_ceil(u128::from(denominator));
        u64::try_from(draw).unwrap()
    }

    #[test]
    fn the_vectors_of_smi_section_12() {
        // smi W-6
        for (weights, draw, want) in [
            (&[90, 10][..], 0, 0),
            (&[90, 10], share(8999, 10_000), 0),
            (&[90, 10], share(9, 10), 1),
            (&[90, 10], share(9999, 10_000), 1),
            (&[0, 100], 0, 1),
            (&[0, 100], u64::MAX, 1),
            (&[5, 2, 1], share(624, 1000), 0),
            (&[5, 2, 1], share(625, 1000), 1),
            (&[5, 2, 1], share(874, 1000), 1),
            (&[5, 2, 1], share(875, 1000), 2),
            (&[2, 1], share(6666, 10_000), 0),
            (&[2, 1], share(6667, 10_000), 1),
        ] {
            assert_eq!(index(weights, draw), Some(want), "{weights:?} {draw}");
        }
    }

    #[test]
    fn ranges_are_half_open() {
        // smi W-6: the border belongs to the next range.
        for (weights, border, below, at) in [
            (&[1, 1][..], share(1, 2), 0, 1),
            (&[90, 10], share(9, 10), 0, 1),
            (&[1, 0, 2], share(1, 3), 0, 2),
            (&[1, 2], share(1, 3), 0, 1),
        ] {
            assert_eq!(index(weights, border - 1), Some(below), "below: {weights:?}");
            assert_eq!(index(weights, border), Some(at), "at: {weights:?}");
        }
    }

    #[test]
    fn without_weight_nothing_is_chosen() {
        // smi S-14
        for weights in [&[][..], &[0], &[0, 0]] {
            for draw in [0, 1 << 63, u64::MAX] {
                assert_eq!(choose(weights.iter().copied(), draw), None, "{weights:?} {draw}");
            }
        }
    }

    #[test]
    fn the_largest_sum_does_not_overflow() {
        let largest = i64::MAX as u64;
        for (weights, draw, want) in [
            (&[largest][..], u64::MAX, (0, u64::MAX)),
            (&[1, largest - 1], u64::MAX, (1, u64::MAX - 1)),
            // Only two or three draws lead to such a branch.
            (&[largest - 1, 1], u64::MAX, (1, (1 << 63) + 1)),
            (&[largest - 1, 1], 0, (0, 0)),
        ] {
            assert_eq!(choose(weights.iter().copied(), draw), Some(want), "{weights:?} {draw}");
        }
    }

    /// How often each pair of indices comes out of two choices in a row, over evenly spread draws.
    fn nested(first: &[u64], second: &[u64], draws: u64) -> Vec<u64> {
        let mut counts = vec![0; first.len() * second.len()];
        for i in 0..draws {
            let draw = share(i, draws);
            let (a, rest) = choose(first.iter().copied(), draw).unwrap();
            let (b, _) = choose(second.iter().copied(), rest).unwrap();
            counts[a * second.len() + b] += 1;
        }
        counts
    }

    #[test]
    fn a_split_behind_a_split_divides_the_shares() {
        // A route's 50/50, and an 80/20 behind its first branch: 40/10/50.
        let counts = nested(&[50, 50], &[80, 20], 100_000);
        assert!(counts[0].abs_diff(40_000) < 10, "{counts:?}");
        assert!(counts[1].abs_diff(10_000) < 10, "{counts:?}");
        assert!((counts[2] + counts[3]).abs_diff(50_000) < 10, "{counts:?}");
    }

    fn weights() -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec(prop_oneof![Just(0), 1..4u64, 1..1000u64], 1..5)
            .prop_filter("some weight", |w| w.iter().any(|w| *w > 0))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn the_first_running_sum_above_the_target_is_chosen(weights in weights(), draw: u64) {
            // smi W-6, W-5
            let sum: u64 = weights.iter().sum();
            let target = ((u128::from(draw) * u128::from(sum)) >> 64) as u64;
            let chosen = index(&weights, draw).unwrap();
            prop_assert!(weights[..chosen].iter().sum::<u64>() <= target);
            prop_assert!(weights[..=chosen].iter().sum::<u64>() > target);
            prop_assert!(weights[chosen] > 0);
        }

        #[test]
        fn one_branch_leaves_the_draw_as_it_is(
            weight in 1..=i64::MAX as u64, zeros in 0..3usize, draw: u64,
        ) {
            let mut weights = vec![0; zeros];
            weights.push(weight);
            prop_assert_eq!(choose(weights.iter().copied(), draw), Some((zeros, draw)));
        }

        #[test]
        fn what_is_left_covers_all_64_bits(weights in weights(), at in 0..5usize) {
            // The first draw of a range leaves about 0, the last one about 2^64.
            let sum: u64 = weights.iter().sum();
            let at = at % weights.len();
            prop_assume!(weights[at] > 0);
            let before: u64 = weights[..at].iter().sum();
            let end = before + weights[at];
            let first = share(before, sum);
            let last = if end == sum { u64::MAX } else { share(end, sum) - 1 };
            let step = sum / weights[at] + 1;
            let (chosen, rest) = choose(weights.iter().copied(), first).unwrap();
            prop_assert_eq!(chosen, at);
            prop_assert!(rest <= step, "{rest}");
            let (chosen, rest) = choose(weights.iter().copied(), last).unwrap();
            prop_assert_eq!(chosen, at);
            prop_assert!(rest >= u64::MAX - step, "{rest}");
        }

        #[test]
        fn choices_in_a_row_are_independent(first in weights(), second in weights()) {
            let draws = 20_000;
            let counts = nested(&first, &second, draws);
            let total = (first.iter().sum::<u64>() * second.iter().sum::<u64>()) as f64;
            for (i, a) in first.iter().enumerate() {
                for (j, b) in second.iter().enumerate() {
                    let want = draws as f64 * (a * b) as f64 / total;
                    let got = counts[i * second.len() + j] as f64;
                    // Evenly spread draws miss each border by less than one.
                    prop_assert!((got - want).abs() <= 2.0, "{i} {j}: {got} for {want}");
                }
            }
        }
    }
}
