//! SipHash-2-4, in pieces.

/// The state after any number of octets: `v0` to `v3` of the paper, and what does not fill a word.
#[derive(Clone, Copy)]
pub(super) struct SipHash {
    state: [u64; 4],
    /// Octets that do not fill a word yet, the first one lowest.
    pending: u64,
    /// Octets so far.
    length: u64,
}

impl SipHash {
    pub(super) const fn new(key: &[u8; 16]) -> Self {
        let both = u128::from_le_bytes(*key);
        let (low, high) = (both as u64, (both >> 64) as u64);
        // `somepseudorandomlygeneratedbytes`, as the paper has it.
        let state = [
            low ^ 0x736f_6d65_7073_6575,
            high ^ 0x646f_7261_6e64_6f6d,
            low ^ 0x6c79_6765_6e65_7261,
            high ^ 0x7465_6462_7974_6573,
        ];
        Self { state, pending: 0, length: 0 }
    }

    /// Takes the octets that come next. How a message is cut into pieces does not matter.
    pub(super) fn write(&mut self, octets: &[u8]) {
        for &octet in octets {
            let place = self.length % 8;
            self.pending |= u64::from(octet) << (8 * place);
            self.length = self.length.wrapping_add(1);
            if place == 7 {
                let word = std::mem::take(&mut self.pending);
                self.absorb(word);
            }
        }
    }

    /// Takes the eight octets of `word`, the lowest first.
    pub(super) fn write_word(&mut self, word: u64) {
        self.write(&word.to_le_bytes());
    }

    pub(super) fn finish(mut self) -> u64 {
        self.absorb(self.length << 56 | self.pending);
        self.state[2] ^= 0xff;
        for _ in 0..4 {
            self.round();
        }
        self.state.iter().fold(0, |hash, word| hash ^ word)
    }

    fn absorb(&mut self, word: u64) {
        self.state[3] ^= word;
        self.round();
        self.round();
        self.state[0] ^= word;
    }

    fn round(&mut self) {
        let [mut v0, mut v1, mut v2, mut v3] = self.state;
        v0 = v0.wrapping_add(v1);
        v2 = v2.wrapping_add(v3);
        v1 = v1.rotate_left(13) ^ v0;
        v3 = v3.rotate_left(16) ^ v2;
        v0 = v0.rotate_left(32);
        v2 = v2.wrapping_add(v1);
        v0 = v0.wrapping_add(v3);
        v1 = v1.rotate_left(17) ^ v2;
        v3 = v3.rotate_left(21) ^ v0;
        v2 = v2.rotate_left(32);
        self.state = [v0, v1, v2, v3];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::hash::Hasher;

    /// The outputs that the authors publish for the key 00 01 … 0f: the message of row `n` is the
    /// octets 00 01 … `n - 1`.
    const PUBLISHED: [u64; 17] = [
        0x726f_db47_dd0e_0e31,
        0x74f8_39c5_93dc_67fd,
        0x0d6c_8009_d9a9_4f5a,
        0x8567_6696_d7fb_7e2d,
        0xcf27_94e0_2771_87b7,
        0x1876_5564_cd99_a68d,
        0xcbc9_466e_58fe_e3ce,
        0xab02_00f5_8b01_d137,
        0x93f5_f579_9a93_2462,
        0x9e00_82df_0ba9_e4b0,
        0x7a5d_bbc5_94dd_b9f3,
        0xf4b3_2f46_226b_ada7,
        0x751e_8fbc_860e_e5fb,
        0x14ea_5627_c084_3d90,
        0xf723_ca90_8e7a_f2ee,
        0xa129_ca61_49be_45e5,
        0x3f2a_cc7f_57c2_9bdb,
    ];

    #[test]
    fn the_published_vectors() {
        let key = std::array::from_fn(|i| i as u8);
        let mut hash = SipHash::new(&key);
        for (length, want) in (0..).zip(PUBLISHED) {
            assert_eq!(hash.finish(), want, "length {length}");
            hash.write(&[length]);
        }
    }

    proptest! {
        #[test]
        fn pieces_hash_as_the_whole_does_in_the_standard_library(
            key: [u8; 16],
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12),
        ) {
            let halves = u128::from_le_bytes(key);
            #[expect(deprecated, reason = "the standard library's SipHash-2-4 is a second opinion")]
            let mut whole =
                std::hash::SipHasher::new_with_keys(halves as u64, (halves >> 64) as u64);
            whole.write(&pieces.concat());
            let mut hash = SipHash::new(&key);
            pieces.iter().for_each(|piece| hash.write(piece));
            prop_assert_eq!(hash.finish(), whole.finish());
        }
    }
}
