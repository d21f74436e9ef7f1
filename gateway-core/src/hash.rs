//! Hashing and comparing short texts.

const KEYS: [u64; 3] = [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3];

/// Hashes octets. The key is fixed: whoever could choose names that collide writes the rules, and
/// what collides is compared octet for octet.
#[inline]
pub(crate) fn hash(bytes: &[u8], seed: u32) -> u64 {
    // Spread over all bits, so that it does not cancel out with octets of the text.
    let mut hash = ((u64::from(seed) << 32) | bytes.len() as u64).wrapping_mul(KEYS[0]);
    let mut rest = bytes;
    while let Some((head, tail)) = rest.split_first_chunk::<16>() {
        let (low, high) = halves(head);
        hash = mix(low ^ hash, high);
        rest = tail;
    }
    let (low, high) = match (rest.first_chunk::<8>(), rest.first_chunk::<4>()) {
        (Some(first), _) => (u64::from_le_bytes(*first), last_word(rest)),
        (None, Some(first)) => (u64::from(u32::from_le_bytes(*first)), last_half_word(rest)),
        (None, None) => (rest.iter().fold(0, |word, &b| word << 8 | u64::from(b)), 0),
    };
    mix(low ^ hash, high)
}

/// Whether two texts are the same: those of up to sixteen octets without a call.
#[inline]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    fn ends<const N: usize>(text: &[u8]) -> Option<(&[u8; N], &[u8; N])> {
        Some((text.first_chunk()?, text.last_chunk()?))
    }
    a.len() == b.len()
        && match a.len() {
            8..=16 => ends::<8>(a) == ends::<8>(b),
            4..=7 => ends::<4>(a) == ends::<4>(b),
            _ => a == b,
        }
}

/// Adds one more hash to `hash`.
#[inline]
pub(crate) fn mix(hash: u64, more: u64) -> u64 {
    let product = u128::from(hash ^ KEYS[1]) * u128::from(more ^ KEYS[2]);
    (product as u64) ^ ((product >> 64) as u64)
}

fn halves(bytes: &[u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(*bytes);
    (both as u64, (both >> 64) as u64)
}

fn last_word(bytes: &[u8]) -> u64 {
    bytes.last_chunk().map_or(0, |last| u64::from_le_bytes(*last))
}

fn last_half_word(bytes: &[u8]) -> u64 {
    bytes.last_chunk().map_or(0, |last| u64::from(u32::from_le_bytes(*last)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_octet_is_compared() {
        for length in 0..40 {
            let text = vec![b'a'; length];
            assert!(same(&text, &text.clone()), "{length}");
            assert!(!same(&text, &vec![b'a'; length + 1]), "{length}");
            for at in 0..length {
                let mut other = text.clone();
                other[at] = b'b';
                assert!(!same(&text, &other), "octet {at} of {length}");
            }
        }
    }

    #[test]
    fn texts_that_differ_a_little_have_other_hashes() {
        let mut seen = BTreeSet::new();
        for length in 0..64 {
            let text = vec![b'a'; length];
            assert!(seen.insert(hash(&text, 0)), "length {length}");
            for at in 0..length {
                let mut other = text.clone();
                other[at] = b'b';
                assert!(seen.insert(hash(&other, 0)), "length {length}, octet {at}");
            }
            assert_ne!(hash(&text, 0), hash(&text, 1), "length {length}");
        }
    }
}
