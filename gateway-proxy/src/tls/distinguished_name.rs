//! Names of subjects and issuers in certificates, as RFC 2253 and OpenSSL write them.

use std::fmt::Write;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;

/// Types of attributes, and what OpenSSL calls them.
const TYPES: [(&[u8], &str); 17] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 4], "SN"),
    (&[0x55, 4, 5], "serialNumber"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 9], "street"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x55, 4, 12], "title"),
    (&[0x55, 4, 17], "postalCode"),
    (&[0x55, 4, 42], "GN"),
    (&[0x55, 4, 43], "initials"),
    (&[0x55, 4, 46], "dnQualifier"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1], "UID"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25], "DC"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1], "emailAddress"),
];

/// The text of a name, given the content of its DER sequence: `CN=cart,O=shop`. The last part
/// comes first. Empty where it is broken.
pub(super) fn text(content: &[u8]) -> String {
    let mut parts = Vec::new();
    let mut rest = content;
    while !rest.is_empty() {
        match part(&mut rest) {
            Some(part) => parts.push(part),
            None => return String::new(),
        }
    }
    parts.reverse();
    parts.join(",")
}

/// One set of attributes.
fn part(from: &mut &[u8]) -> Option<String> {
    let (tag, _, mut set) = element(from)?;
    if tag != SET {
        return None;
    }
    let mut attributes = Vec::new();
    while !set.is_empty() {
        let (tag, _, mut attribute) = element(&mut set)?;
        let (kind_tag, _, kind) = element(&mut attribute)?;
        let (value_tag, whole, value) = element(&mut attribute)?;
        if (tag, kind_tag) != (SEQUENCE, OBJECT_IDENTIFIER) {
            return None;
        }
        let known = TYPES.iter().find(|(octets, _)| *octets == kind);
        let text = match value_tag {
            UTF8_STRING | PRINTABLE_STRING | IA5_STRING if known.is_some() => escaped(value),
            // What has no name, or is no text, stands as it is.
            _ => format!("#{}", hexadecimal(whole)),
        };
        let name = known.map_or_else(|| dotted(kind), |(_, name)| (*name).to_owned());
        attributes.push(format!("{name}={text}"));
    }
    Some(attributes.join("+"))
}

/// The tag of the next element, all of it, and its content.
fn element<'d>(from: &mut &'d [u8]) -> Option<(u8, &'d [u8], &'d [u8])> {
    let all = *from;
    let (&tag, rest) = all.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // No name is longer than 65,535 octets.
        0x81 => {
            let (&length, rest) = rest.split_first()?;
            (usize::from(length), rest)
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    *from = rest;
    Some((tag, &all[..all.len() - rest.len()], content))
}

/// RFC 2253, section 2.4; what is not ASCII as OpenSSL has it, octet by octet.
fn escaped(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len());
    for (i, &octet) in value.iter().enumerate() {
        let at_an_end = i == 0 || i + 1 == value.len();
        match octet {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => {
                text.push('\\');
                text.push(char::from(octet));
            }
            b'#' if i == 0 => text.push_str("\\#"),
            b' ' if at_an_end => text.push_str("\\ "),
            b' '..=b'~' => text.push(char::from(octet)),
            _ => {
                let _ = write!(text, "\\{octet:02X}");
            }
        }
    }
    text
}

fn hexadecimal(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() * 2);
    for octet in octets {
        let _ = write!(text, "{octet:02X}");
    }
    text
}

/// An object identifier: `2.5.4.3`.
fn dotted(octets: &[u8]) -> String {
    let mut text = String::new();
    let mut value: u64 = 0;
    for octet in octets {
        value = value << 7 | u64::from(octet & 0x7f);
        if octet & 0x80 != 0 {
            continue;
        }
        if text.is_empty() {
            let first = (value / 40).min(2);
            let _ = write!(text, "{first}.{}", value - first * 40);
        } else {
            let _ = write!(text, ".{value}");
        }
        value = 0;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An attribute in a set of its own.
    fn set(kind: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
        let wrap = |tag: u8, content: &[u8]| {
            let mut element = vec![tag];
            match u8::try_from(content.len()).unwrap() {
                short @ 0..=0x7f => element.push(short),
                long => element.extend([0x81, long]),
            }
            element.extend(content);
            element
        };
        let attribute = [wrap(OBJECT_IDENTIFIER, kind), wrap(tag, value)].concat();
        wrap(SET, &wrap(SEQUENCE, &attribute))
    }

    #[test]
    fn names_are_written_as_rfc_2253_says() {
        // virtualserver §17.7
        let cn = [0x55, 4, 3];
        for (name, want) in [
            (vec![], ""),
            (
                [
                    set(&[0x55, 4, 6], PRINTABLE_STRING, b"DE"),
                    set(&[0x55, 4, 10], UTF8_STRING, b"A, B"),
                    set(&cn, UTF8_STRING, b" #cart "),
                ]
                .concat(),
                "CN=\\ #cart\\ ,O=A\\, B,C=DE",
            ),
            (set(&cn, UTF8_STRING, "é\n#".as_bytes()), "CN=\\C3\\A9\\0A#"),
            (set(&cn, UTF8_STRING, b"#<>;+\"\\"), "CN=\\#\\<\\>\\;\\+\\\"\\\\"),
            (set(&cn, 0x1e, b"\0A"), "CN=#1E020041"),
            (set(&[0x2a, 0x86, 0x48, 0x01], UTF8_STRING, b"a"), "1.2.840.1=#0C0161"),
            (set(&cn, UTF8_STRING, &[b'x'; 200]), &*format!("CN={}", "x".repeat(200))),
        ] {
            assert_eq!(text(&name), want);
        }
    }

    #[test]
    fn broken_names_are_none() {
        let good = set(&[0x55, 4, 3], UTF8_STRING, b"cart");
        for end in 1..good.len() {
            assert_eq!(text(&good[..end]), "", "{end}");
        }
        assert_eq!(text(&[SET, 0x80]), "");
        assert_eq!(text(&[SEQUENCE, 0]), "");
    }
}
