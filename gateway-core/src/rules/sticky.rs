//! Choosing by weight so that who was sent somewhere stays there (decisions §4, smi S-22).
//!
//! Weighted rendezvous hashing, in integers alone, so that every implementation agrees to the bit:
//! `docs/spec/sticky.md` has it octet by octet.

mod siphash;

use super::Field;
use siphash::SipHash;
use std::collections::BTreeMap;

/// What decides in place of the draw, where a request has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sticky {
    by: Field,
    name: Box<str>,
    split: u64,
    /// What they are called, and the hashes of that.
    branches: Box<[(Box<str>, u64)]>,
}

impl Sticky {
    /// Requests that agree in `by` get the same branch of the split called `split`, whose branches
    /// are called `branches`, in order. Of branches of one name the second counts as `name#2`, and
    /// so on, so that each has its share.
    pub fn new(
        by: Field,
        split: &str,
        branches: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let mut times: BTreeMap<String, u32> = BTreeMap::new();
        let branch = |name: String| {
            let times = times.entry(name.clone()).or_default();
            *times += 1;
            let name = if *times == 1 { name } else { format!("{name}#{times}") };
            let hash = identity(name.as_bytes());
            (name.into(), hash)
        };
        let branches = branches.into_iter().map(Into::into).map(branch).collect();
        Self { by, name: split.into(), split: identity(split.as_bytes()), branches }
    }

    /// Requests that agree in this get the same branch. Where it is absent or empty, the draw
    /// decides.
    pub fn by(&self) -> &Field {
        &self.by
    }

    /// What the split is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the branches are called, in order.
    pub fn branches(&self) -> impl ExactSizeIterator<Item = &str> {
        self.branches.iter().map(|(name, _)| &**name)
    }

    /// The branch for a value, by its index; `None` where no weight is above 0.
    pub(crate) fn choose(
        &self,
        weights: impl Iterator<Item = u64>,
        value: ValueHash,
    ) -> Option<usize> {
        let hashes = self.branches.iter().map(|(_, hash)| *hash);
        choose(weights.zip(hashes), self.split, value.finish())
    }
}

/// Nothing secret: the key tells this use of the hash from others, and is never changed.
const KEY: &[u8; 16] = b"gateway/sticky/1";

/// The hash of what a split or a branch is called.
fn identity(text: &[u8]) -> u64 {
    let mut hash = ValueHash::new();
    hash.write(text);
    hash.finish()
}

/// The hash of the value by which a client is known, taken in pieces.
#[derive(Clone, Copy)]
pub(crate) struct ValueHash(SipHash);

impl ValueHash {
    /// The hash of nothing yet.
    pub(crate) const fn new() -> Self {
        Self(SipHash::new(KEY))
    }

    /// Takes the octets that come next. How a value is cut into pieces does not matter.
    pub(crate) fn write(&mut self, piece: &[u8]) {
        self.0.write(piece);
    }

    /// The hash of all pieces.
    pub(crate) fn finish(self) -> u64 {
        self.0.finish()
    }
}

/// Chooses a branch for a value, and returns its index. `branches` are weights and identities in
/// document order; `None` when no weight is above 0.
///
/// Each branch lies at some distance from the value, which knows nothing of weights and of other
/// branches; the nearest one in proportion to its weight is chosen. So a change of one weight moves
/// values to or from that branch alone. Branches of one identity would be at
/// one distance, and the heavier would hide the other.
fn choose(branches: impl Iterator<Item = (u64, u64)>, split: u64, value: u64) -> Option<usize> {
    let mut common = SipHash::new(KEY);
    common.write_word(split);
    common.write_word(value);
    let mut best: Option<(usize, u128, u128)> = None;
    for (index, (weight, branch)) in branches.enumerate() {
        if weight == 0 {
            continue;
        }
        let mut hash = common;
        hash.write_word(branch);
        let (hash, weight) = (hash.finish(), u128::from(weight));
        // Compares `distance / weight`. A distance has at most 39 bits and a weight 64.
        let is_nearer = |distance: u64| {
            best.is_none_or(|(_, nearest, of)| u128::from(distance) * of < nearest * weight)
        };
        // Its whole part is known at once; most branches are too far away by that.
        if is_nearer(u64::from(hash.leading_zeros()) << 32) {
            let distance = distance(hash);
            if is_nearer(distance) {
                best = Some((index, u128::from(distance), weight));
            }
        }
    }
    best.map(|(index, ..)| index)
}

/// `-log2(hash / 2^64)` with 32 fractional bits, from 1 to `64 << 32`. Of evenly spread hashes it
/// is distributed exponentially, which is what makes the shares those of the weights.
fn distance(hash: u64) -> u64 {
    let hash = hash.max(1);
    let zeros = hash.leading_zeros();
    // The logarithm, whose whole part is the place of the highest bit, and the number between 1 and
    // 2 that is left of the hash, with 63 fractional bits.
    let mut log = u64::from(63 - zeros);
    let mut rest = hash << zeros;
    for _ in 0..32 {
        // Squaring doubles the logarithm of the rest; from 2 on, that is one more binary digit.
        let square = u128::from(rest) * u128::from(rest);
        let (half, whole) = ((square >> 64) as u64, (square >> 63) as u64);
        let digit = half >> 63;
        rest = if digit == 1 { half } else { whole };
        log = log << 1 | digit;
    }
    (64 << 32) - log
}

#[cfg(test)]
mod tests;
