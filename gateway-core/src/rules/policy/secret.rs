//! Texts that must not show in logs.

use std::fmt;
use std::sync::Arc;

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
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretText({} octets)", self.0.len())
    }
}
