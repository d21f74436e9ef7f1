//! A path in words of eight octets, whatever its length.

const ONES: u64 = 0x0101_0101_0101_0101;

/// Octets that are read eight at a time; behind the last one stand zeros.
#[derive(Clone, Copy)]
pub(crate) struct Octets<'t> {
    text: &'t [u8],
    /// The last eight octets, the last one at the top; zeros where there are fewer.
    tail: u64,
}

impl<'t> Octets<'t> {
    #[inline]
    pub(crate) fn new(text: &'t [u8]) -> Self {
        let tail = match text.last_chunk() {
            Some(last) => u64::from_le_bytes(*last),
            None => text.iter().fold(0, |word, &octet| word >> 8 | u64::from(octet) << 56),
        };
        Self { text, tail }
    }

    #[inline]
    pub(crate) fn len(self) -> usize {
        self.text.len()
    }

    #[inline]
    pub(crate) fn get(self, at: usize) -> Option<u8> {
        self.text.get(at).copied()
    }

    /// The octets from `at` on, the first one at the bottom. `at` is not behind the end.
    #[inline]
    pub(crate) fn word(self, at: usize) -> u64 {
        let rest = self.text.get(at..).unwrap_or_default();
        match rest.first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => self.tail.checked_shr(64 - 8 * rest.len() as u32).unwrap_or(0),
        }
    }

    /// Where the segment ends that `at` stands in: at the next `/` or the end.
    #[inline]
    pub(crate) fn segment_end(self, mut at: usize) -> usize {
        while at < self.len() {
            if let Some(found) = find_octet(self.word(at), b'/') {
                return at + found;
            }
            at += 8;
        }
        self.len()
    }
}

/// The position of the first octet in `word` that equals `octet`.
#[inline]
pub(crate) fn find_octet(word: u64, octet: u8) -> Option<usize> {
    let differs = word ^ (ONES * u64::from(octet));
    // The lowest octet that is zero sets its highest bit; octets above it may be wrong.
    let zeros = differs.wrapping_sub(ONES) & !differs & (ONES << 7);
    (zeros != 0).then_some(zeros.trailing_zeros() as usize / 8)
}

/// The lowest octets that count, by number; eight of them from eight on.
const MASKS: [u64; 9] = [
    0,
    0xff,
    0xffff,
    0xff_ffff,
    0xffff_ffff,
    0xff_ffff_ffff,
    0xffff_ffff_ffff,
    0xff_ffff_ffff_ffff,
    u64::MAX,
];

/// Whether the first `len` octets of two words are the same.
#[inline]
pub(crate) fn same(a: u64, b: u64, len: usize) -> bool {
    (a ^ b) & MASKS[len.min(8)] == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_with_zeros() {
        let text: Vec<u8> = (1..=40).collect();
        for len in 0..text.len() {
            let octets = Octets::new(&text[..len]);
            for at in 0..=len {
                let mut want = [0; 8];
                let rest = &text[at..len.min(at + 8)];
                want[..rest.len()].copy_from_slice(rest);
                assert_eq!(octets.word(at), u64::from_le_bytes(want), "{at} of {len}");
            }
        }
    }

    #[test]
    fn segments_end_at_slashes() {
        for len in 0..40 {
            let mut text = vec![b'0'; len];
            for from in 0..=len {
                assert_eq!(Octets::new(&text).segment_end(from), len, "{from} of {len}");
            }
            for slash in 0..len {
                text[slash] = b'/';
                for from in 0..=slash {
                    let end = Octets::new(&text).segment_end(from);
                    assert_eq!(end, slash, "{from} to {slash} of {len}");
                }
                text[slash] = b'.';
            }
        }
    }

    #[test]
    fn octets_are_found_in_words() {
        for octet in [0, 1, b'/', 0x7f, 0x80, 0xff] {
            assert_eq!(find_octet(ONES * u64::from(octet ^ 1), octet), None, "{octet}");
            for at in 0..8 {
                let word = (ONES * u64::from(octet ^ 1)) ^ (1 << (8 * at));
                assert_eq!(find_octet(word, octet), Some(at), "{octet} at {at}");
            }
        }
        assert!(same(0x0102_0304, 0x0902_0304, 3) && !same(0x0102_0304, 0x0902_0304, 4));
    }
}
