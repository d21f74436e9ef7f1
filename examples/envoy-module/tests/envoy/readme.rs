//! The README's configuration works as it stands.
