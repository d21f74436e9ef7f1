//! ConfigMap (`v1`): certificates of authorities (gateway-api §7.4, §20).
//!
//! People keep all kinds of things there, so nothing is said of other fields.

use super::document::Value;
use super::{Problems, meta};
use std::collections::BTreeMap;

/// A ConfigMap as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ConfigMap {
    pub(crate) data: BTreeMap<Box<str>, Box<str>>,
}

impl ConfigMap {
    /// Reads a whole document.
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let data = root.mapping(problems)?.field("data");
        Some(Self { data: data.map(|v| meta::texts(v, problems)).unwrap_or_default() })
    }
}
