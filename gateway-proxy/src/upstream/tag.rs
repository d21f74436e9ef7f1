//! What stands for an endpoint where clients can see it.

use super::peer::Address;
use aws_lc_rs::digest::{Context, SHA256};
use std::fmt::Write;

/// Stands for the address of an endpoint, the same in every replica. It tells nothing of the
/// address to who does not know it, and leads nowhere but to endpoints that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag(pub(crate) [u8; 16]);

impl Tag {
    pub(super) fn of(address: &Address) -> Self {
        let mut context = Context::new(&SHA256);
        // Tells this use of the hash from others; never changed.
        context.update(b"gateway/endpoint/1 ");
        context.update(address.to_string().as_bytes());
        let mut tag = [0; 16];
        tag.copy_from_slice(&context.finish().as_ref()[..16]);
        Self(tag)
    }

    /// 32 hexadecimal digits.
    pub(crate) fn text(self) -> String {
        hex(&self.0)
    }

    /// The reverse of [`Tag::text`].
    pub(crate) fn from_text(text: &[u8]) -> Option<Self> {
        from_hex(text).map(Self)
    }
}

/// Octets as hexadecimal digits, in lower case.
pub(crate) fn hex(octets: &[u8]) -> String {
    let mut text = String::with_capacity(2 * octets.len());
    for octet in octets {
        // Writing to a string never fails.
        let _ = write!(text, "{octet:02x}");
    }
    text
}

/// The reverse of [`hex`]; `None` for another length or anything else.
pub(crate) fn from_hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * N {
        return None;
    }
    let mut octets = [0; N];
    for (octet, pair) in octets.iter_mut().zip(text.chunks_exact(2)) {
        *octet = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_the_same_everywhere_and_are_read_as_they_are_written() {
        let tag = Tag::of(&Address::new("10.0.0.1", 8080));
        assert_eq!(tag.text(), "da7f2f3fdad55b1d80c738ed60c50914");
        assert_eq!(Tag::from_text(tag.text().as_bytes()), Some(tag));
        assert_ne!(tag, Tag::of(&Address::new("10.0.0.1", 8081)));
        for text in ["", "00", &tag.text()[1..], &tag.text().to_uppercase(), "10.0.0.1:8080"] {
            assert_eq!(Tag::from_text(text.as_bytes()), None, "{text}");
        }
    }
}
