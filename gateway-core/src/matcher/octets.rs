//! A path in words, whatever its length.

const ONES: u64 = 0x0101_0101_0101_0101;

/// How many octets are read at once.
pub(crate) const WIDTH: usize = 16;

/// Octets that are read sixteen at a time; behind the last one stand zeros.
pub(crate) struct Octets<'t> {
    text: &'t [u8],
    /// From here on, fewer than sixteen follow.
    tail: usize,
    /// What follows there, and zeros.
    padded: [u8; 2 * WIDTH],
}

impl<'t> Octets<'t> {
    #[inline]
    pub(crate) fn new(text: &'t [u8]) -> Self {
        let mut padded = [0; 2 * WIDTH];
        let tail = match text.last_chunk::<WIDTH>() {
            Some(last) => {
                padded[..WIDTH].copy_from_slice(last);
                text.len() - WIDTH
            }
            None => {
                padded.iter_mut().zip(text).for_each(|(place, &octet)| *place = octet);
                0
            }
        };
        Self { text, tail, padded }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<u8> {
        self.text.get(at).copied()
    }

    #[inline]
    pub(crate) fn slice(&self, start: usize, end: usize) -> &'t [u8] {
        &self.text[start..end]
    }

    /// The octets from `at` on, the first one at the bottom of the first word. `at` is not behind
    /// the end.
    #[inline]
    pub(crate) fn words(&self, at: usize) -> [u64; 2] {
        let rest = match at.checked_sub(self.tail) {
            None => self.text.get(at..),
            Some(at) => self.padded.get(at..),
        };
        rest.and_then(<[u8]>::first_chunk).map_or([0; 2], words)
    }

    /// Where the segment ends that `at` stands in: at the next `/` or the end.
    #[inline]
    pub(crate) fn segment_end(&self, mut at: usize) -> usize {
        while at < self.len() {
            let [low, high] = self.words(at);
            if let Some(found) = find_octet(low, b'/') {
                return at + found;
            }
            if let Some(found) = find_octet(high, b'/') {
                return at + 8 + found;
            }
            at += WIDTH;
        }
        self.len()
    }
}

#[inline]
pub(crate) fn words(octets: &[u8; WIDTH]) -> [u64; 2] {
    let both = u128::from_le_bytes(*octets);
    [both as u64, (both >> 64) as u64]
}

/// The position of the first octet in `word` that equals `octet`.
#[inline]
pub(crate) fn find_octet(word: u64, octet: u8) -> Option<usize> {
    let differs = word ^ (ONES * u64::from(octet));
    // The lowest octet that is zero sets its highest bit; octets above it may be wrong.
    let zeros = differs.wrapping_sub(ONES) & !differs & (ONES << 7);
    (zeros != 0).then_some(zeros.trailing_zeros() as usize / 8)
}

/// The octets that count, by number. As many entries as there are indices of five bits.
const MASKS: [[u64; 2]; 32] = {
    let mut masks = [[u64::MAX; 2]; 32];
    let mut len = 0;
    while len < WIDTH {
        let mask = (1u128 << (8 * len)) - 1;
        masks[len] = [mask as u64, (mask >> 64) as u64];
        len += 1;
    }
    masks
};

/// Whether the first `len` octets of two are the same; of at most sixteen.
#[inline]
pub(crate) fn same(a: [u64; 2], b: [u64; 2], len: u8) -> bool {
    let mask = MASKS[usize::from(len % 32)];
    ((a[0] ^ b[0]) & mask[0]) | ((a[1] ^ b[1]) & mask[1]) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_with_zeros() {
        let text: Vec<u8> = (1..=70).collect();
        for len in 0..text.len() {
            let octets = Octets::new(&text[..len]);
            for at in 0..=len {
                let mut want = [0; WIDTH];
                let rest = &text[at..len.min(at + WIDTH)];
                want[..rest.len()].copy_from_slice(rest);
                assert_eq!(octets.words(at), words(&want), "{at} of {len}");
            }
        }
    }

    #[test]
    fn segments_end_at_slashes() {
        for len in 0..50 {
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
    }

    #[test]
    fn so_many_octets_are_compared() {
        let text = words(b"0123456789abcdef");
        for at in 0..WIDTH {
            let mut other = *b"0123456789abcdef";
            other[at] = b'x';
            for len in 0..=WIDTH as u8 {
                assert_eq!(same(text, words(&other), len), usize::from(len) <= at, "{at} {len}");
            }
        }
    }
}
