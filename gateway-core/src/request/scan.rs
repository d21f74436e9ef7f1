//! Looking at many octets at once.

const WIDTH: usize = 16;

/// Whether `fine` holds for each octet of `text` but the first, with the octet before it. It has
/// to hold for letters behind whatever `text` ends with.
///
/// In runs of one length and without branches, which the compiler turns into vector code. The last
/// run overlaps the one before it.
#[inline]
pub(super) fn all_fine(text: &[u8], fine: impl Fn(u8, u8) -> bool) -> bool {
    let run = |octets: &[u8; WIDTH + 1]| {
        let pairs = octets[..WIDTH].iter().zip(&octets[1..]);
        pairs.fold(true, |ok, (&before, &octet)| ok & fine(before, octet))
    };
    let Some(last) = text.last_chunk() else { return run(&padded(text)) };
    let mut rest = text;
    while let Some(head) = rest.first_chunk()
        && rest.len() > WIDTH + 1
    {
        if !run(head) {
            return false;
        }
        rest = &rest[WIDTH..];
    }
    run(last)
}

/// A short text, and `a` behind it.
#[inline]
fn padded(text: &[u8]) -> [u8; WIDTH + 1] {
    let mut padded = [b'a'; WIDTH + 1];
    match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        // Two words, which may overlap, instead of a call.
        (Some(first), Some(last)) => {
            padded[..8].copy_from_slice(first);
            padded[text.len() - 8..text.len()].copy_from_slice(last);
        }
        _ => padded.iter_mut().zip(text).for_each(|(place, &octet)| *place = octet),
    }
    padded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_is_looked_at_with_the_one_before_it() {
        for len in 0..70 {
            let text = vec![b'a'; len];
            assert!(all_fine(&text, |before, octet| before == b'a' && octet == b'a'), "{len}");
            for at in 1..len {
                let mut text = text.clone();
                text[at - 1] = b'1';
                text[at] = b'2';
                assert!(!all_fine(&text, |_, octet| octet != b'2'), "{at} of {len}");
                assert!(!all_fine(&text, |a, b| !((a == b'1') & (b == b'2'))), "{at} of {len}");
            }
        }
    }
}
