//! Choosing by weight (decisions §4).

use gateway_core::rules::Sticky;

/// The index that is chosen among `weights`: for a client that is known by `value`, if there is one,
/// else by the draw; and what that leaves of the draw.
pub(super) fn choose(
    weights: &[u64],
    sticky: Option<(&Sticky, &[u8])>,
    draw: u64,
) -> Option<(usize, u64)> {
    match sticky {
        Some((sticky, value)) => rendezvous(weights, sticky, value).map(|chosen| (chosen, draw)),
        None => pick(weights, draw),
    }
}

/// The branch that a client stays with (`docs/spec/sticky.md`), reckoned with floating point.
fn rendezvous(weights: &[u64], sticky: &Sticky, value: &[u8]) -> Option<usize> {
    let mut best: Option<(f64, usize)> = None;
    for (index, (&weight, branch)) in weights.iter().zip(sticky.branches()).enumerate() {
        if weight == 0 {
            continue;
        }
        let parts = [sticky.name().as_bytes(), value, branch.as_bytes()];
        let message: Vec<u8> = parts.iter().flat_map(|part| hash(part).to_le_bytes()).collect();
        let share = (hash(&message).max(1) as f64) / 2f64.powi(64);
        let distance = -share.log2() / weight as f64;
        if best.is_none_or(|(nearest, _)| distance < nearest) {
            best = Some((distance, index));
        }
    }
    best.map(|(_, index)| index)
}

/// SipHash-2-4 with the key of sticky splits, as the standard library has it.
#[expect(deprecated, reason = "the one implementation that names its rounds")]
fn hash(octets: &[u8]) -> u64 {
    use std::hash::{Hasher, SipHasher};
    let [low, high] = [&b"gateway/"[..], &b"sticky/1"[..]]
        .map(|half| half.iter().rev().fold(0, |key, &b| key << 8 | u64::from(b)));
    let mut hasher = SipHasher::new_with_keys(low, high);
    hasher.write(octets);
    hasher.finish()
}

/// The index that `draw` chooses among `weights`, and what the choice leaves of the draw for the
/// next one; `None` where all weights are 0.
fn pick(weights: &[u64], draw: u64) -> Option<(usize, u64)> {
    let sum: u128 = weights.iter().map(|&w| u128::from(w)).sum();
    if sum == 0 {
        return None;
    }
    let product = u128::from(draw) * sum;
    let (ticket, rest) = (product >> 64, product & u128::from(u64::MAX));
    let mut before = 0;
    for (index, &weight) in weights.iter().enumerate() {
        let weight = u128::from(weight);
        if ticket < before + weight {
            let residual = (((ticket - before) << 64) | rest) / weight;
            return Some((index, residual as u64));
        }
        before += weight;
    }
    unreachable!("the ticket is below the sum of the weights")
}

/// The draw of the mirror at this place, from 0: SplitMix64 with `seed`, as its author writes it.
pub(super) fn nth_draw(seed: u64, place: usize) -> u64 {
    let mut state = seed;
    let mut drawn = 0;
    for _ in 0..=place {
        state = state.wrapping_add(0x9e3779b97f4a7c15);
        drawn = state;
        drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94d049bb133111eb);
        drawn ^= drawn >> 31;
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::pick;

    fn fraction(part: f64) -> u64 {
        (part * 2f64.powi(64)) as u64
    }

    #[test]
    fn ranges_are_half_open_and_in_document_order() {
        // smi §12
        for (weights, draw, want) in [
            (&[90, 10][..], 0.0, 0),
            (&[90, 10], 0.8999, 0),
            (&[90, 10], 0.9001, 1),
            (&[90, 10], 0.9999, 1),
            (&[0, 100], 0.0, 1),
            (&[0, 100], 0.9999, 1),
            (&[100, 0], 0.9999, 0),
            (&[5, 2, 1], 0.624, 0),
            (&[5, 2, 1], 0.625, 1),
            (&[5, 2, 1], 0.874, 1),
            (&[5, 2, 1], 0.875, 2),
            (&[2, 1], 0.6666, 0),
            (&[2, 1], 0.6667, 1),
        ] {
            let chosen = pick(weights, fraction(draw)).map(|(index, _)| index);
            assert_eq!(chosen, Some(want), "{weights:?} {draw}");
        }
        assert_eq!(pick(&[0, 0], 7), None);
        assert_eq!(pick(&[], 7), None);
        assert_eq!(pick(&[1 << 62, 0, (1 << 62) - 1], u64::MAX).map(|p| p.0), Some(2));
    }

    #[test]
    fn what_a_choice_leaves_of_the_draw_is_spread_over_its_share() {
        for (draw, residual) in [(0.0, 0.0), (0.25, 0.5), (0.5, 0.0), (0.75, 0.5)] {
            let (_, left) = pick(&[50, 50], fraction(draw)).unwrap();
            assert_eq!(left, fraction(residual), "{draw}");
        }
        assert_eq!(pick(&[0, 7], u64::MAX / 3), Some((1, u64::MAX / 3)));
    }
}
