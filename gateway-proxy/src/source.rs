//! Where documents come from.

mod files;

pub use files::{Sources, Text};
