//! Random bits for choices by weight.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher, RandomState};

thread_local! {
    static STATE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// 64 bits, uniform: SplitMix64, seeded for each thread by the operating system.
pub fn draw() -> u64 {
    STATE.with(|state| {
        let last = state.get().unwrap_or_else(|| RandomState::new().build_hasher().finish());
        let next = last.wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(Some(next));
        let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn draws_are_spread() {
        let draws: BTreeSet<u64> = (0..1000).map(|_| draw()).collect();
        assert_eq!(draws.len(), 1000);
        for bit in 0..64 {
            // A fair bit leaves 350..650 less often than once in 10^20 runs.
            let ones = draws.iter().filter(|draw| *draw >> bit & 1 == 1).count();
            assert!((350..650).contains(&ones), "bit {bit}: {ones}");
        }
    }
}
