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
