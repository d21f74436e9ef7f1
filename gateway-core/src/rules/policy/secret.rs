//! Texts that must not show in logs.

use std::sync::Arc;
use std::{fmt, hint};

/// The octets of a Secret: keys, passwords, certificates. Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct SecretText(Arc<[u8]>);

impl SecretText {
    /// Takes the octets in.
    pub fn new(octets: impl Into<Arc<[u8]>>) -> Self {
        Self(octets.into())
    }

    /// The octets themselves.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is `presented`. How long that takes tells how long both are, and nothing of where
    /// they differ.
    pub fn is(&self, presented: &[u8]) -> bool {
        let pairs = self.0.iter().zip(presented);
        let differing = pairs.fold(0, |all, (one, other)| all | hint::black_box(one ^ other));
        self.0.len() == presented.len() && differing == 0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretText({} octets)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_a_secret_is_compared() {
        let secret = SecretText::new(*b"key-1");
        for (presented, want) in [
            ("key-1", true),
            ("key-2", false),
            ("Key-1", false),
            ("key-", false),
            ("key-11", false),
            ("", false),
        ] {
            assert_eq!(secret.is(presented.as_bytes()), want, "{presented}");
        }
        assert!(SecretText::default().is(b""));
    }
}
