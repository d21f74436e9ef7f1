//! Base64 of RFC 4648 §4, as `data` of a Secret and names with passwords are written.

/// The octets that `text` stands for; `None` where it is not base64. Padding is demanded and bits
/// that stand for nothing must be 0, so that each text has one meaning. Line ends are left out, as
/// tools wrap long texts.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    if !digits.len().is_multiple_of(4) {
        return None;
    }
    let padding = digits.iter().rev().take(2).take_while(|b| **b == b'=').count();
    let digits = &digits[..digits.len() - padding];
    let mut octets = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let mut bits = 0;
        for digit in group {
            bits = bits << 6 | u32::from(value(*digit)?);
        }
        // Two digits hold one octet, three hold two, four hold three.
        let octets_held = group.len() - 1;
        let spare = group.len() * 6 - octets_held * 8;
        if bits & ((1 << spare) - 1) != 0 {
            return None;
        }
        let [_, held @ ..] = (bits >> spare).to_be_bytes();
        octets.extend(&held[held.len() - octets_held..]);
    }
    Some(octets)
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_one_meaning() {
        // RFC 4648 §10
        for (text, want) in [
            ("", Some(&b""[..])),
            ("Zg==", Some(b"f")),
            ("Zm8=", Some(b"fo")),
            ("Zm9v", Some(b"foo")),
            ("Zm9vYg==", Some(b"foob")),
            ("Zm9v\nYmE=\r\n", Some(b"fooba")),
            ("+/+/", Some(&[0xfb, 0xff, 0xbf])),
            ("AAAA", Some(&[0, 0, 0])),
            ("////", Some(&[255, 255, 255])),
            ("Zg", None),
            ("Zg=", None),
            ("Zh==", None),
            ("Zm9=", None),
            ("Z===", None),
            ("====", None),
            ("=", None),
            ("Zg==Zg==", None),
            ("Z g=", None),
            ("-_-_", None),
            ("Zm9é", None),
        ] {
            assert_eq!(decode(text).as_deref(), want, "{text:?}");
        }
    }
}
