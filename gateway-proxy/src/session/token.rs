//! What clients of a session hold: opaque to them, and proved by a key.

use crate::upstream::{Tag, from_hex, hex};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::{constant_time, hmac, rand};
use std::time::Duration;

/// A backend, an endpoint and a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    backend: [u8; 8],
    pub(super) endpoint: Tag,
    /// When the session began, since 1970, in whole seconds.
    pub(super) begun: Duration,
}

impl Token {
    pub(super) fn new(backend: &str, endpoint: Tag, begun: Duration) -> Self {
        Self {
            backend: tag_of_backend(backend),
            endpoint,
            begun: Duration::from_secs(begun.as_secs()),
        }
    }

    pub(super) fn is_of_backend(&self, name: &str) -> bool {
        self.backend == tag_of_backend(name)
    }

    /// The form in which it is proved: backend, endpoint and time.
    fn octets(&self) -> [u8; CONTENT] {
        let mut octets = [0; CONTENT];
        octets[..8].copy_from_slice(&self.backend);
        octets[8..24].copy_from_slice(&self.endpoint.0);
        octets[24..].copy_from_slice(&self.begun.as_secs().to_be_bytes());
        octets
    }
}

const CONTENT: usize = 32;

/// Octets of the proof.
const PROOF: usize = 16;

fn tag_of_backend(name: &str) -> [u8; 8] {
    let digest = digest(&SHA256, name.as_bytes());
    let mut tag = [0; 8];
    tag.copy_from_slice(&digest.as_ref()[..8]);
    tag
}

/// What tokens are proved by.
pub(crate) struct Key(Option<hmac::Key>);

impl Key {
    /// A key that others may have, too.
    pub(super) fn new(secret: &[u8]) -> Self {
        Self(Some(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// A key that nobody else has. Where the system gives no randomness, there is none, and so no
    /// token is taken for one.
    pub(super) fn random() -> Self {
        Self(hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new()).ok())
    }

    /// The text of a token for the session of this name.
    pub(super) fn seal(&self, session: &str, token: &Token) -> String {
        let content = token.octets();
        let proof = self.proof(session, &content).unwrap_or_default();
        hex(&content) + &hex(&proof)
    }

    /// The token that a text made by [`Key::seal`] stands for.
    pub(super) fn open(&self, session: &str, text: &[u8]) -> Option<Token> {
        let octets: [u8; CONTENT + PROOF] = from_hex(text)?;
        let (content, given) = octets.split_first_chunk::<CONTENT>()?;
        let proof = self.proof(session, content)?;
        constant_time::verify_slices_are_equal(&proof, given).ok()?;
        let (backend, rest) = content.split_first_chunk()?;
        let (endpoint, begun) = rest.split_first_chunk()?;
        let begun = u64::from_be_bytes(*begun.first_chunk()?);
        let (endpoint, begun) = (Tag(*endpoint), Duration::from_secs(begun));
        Some(Token { backend: *backend, endpoint, begun })
    }

    /// That of one session is none of another.
    fn proof(&self, session: &str, content: &[u8; CONTENT]) -> Option<[u8; PROOF]> {
        let mut context = hmac::Context::with_key(self.0.as_ref()?);
        // The content has one length, so that it is clear where the name begins.
        context.update(content);
        context.update(session.as_bytes());
        context.sign().as_ref().first_chunk().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_for_the_session_is_taken() {
        // gateway-api §17: opaque and authenticated
        let token = Token::new("shop/tea:80", Tag([7; 16]), Duration::from_secs(1_700_000_000));
        let key = Key::new(b"secret");
        let text = key.seal("session a", &token);
        assert!(text.bytes().all(|b| b.is_ascii_hexdigit()), "legal in a cookie and in a header");
        assert_eq!(Key::new(b"secret").open("session a", text.as_bytes()), Some(token));
        assert!(token.is_of_backend("shop/tea:80") && !token.is_of_backend("shop/tea:8"));
        assert_eq!(key.open("session b", text.as_bytes()), None, "another session");
        assert_eq!(Key::random().open("session a", text.as_bytes()), None, "another key");
        for at in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(key.open("session a", &other), None, "{at}");
        }
        for other in ["", "zz", &text[1..], &format!("{text}00")] {
            assert_eq!(key.open("session a", other.as_bytes()), None, "{other}");
        }
        let none = Key(None);
        assert_eq!(none.open("a", none.seal("a", &token).as_bytes()), None, "no key, no token");
    }
}
