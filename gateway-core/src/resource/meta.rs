//! `metadata` of every object.

use std::collections::BTreeMap;

/// What `metadata` says.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Meta {
    pub(crate) namespace: Box<str>,
    pub(crate) name: Box<str>,
    /// As written, RFC 3339 in UTC, which orders as text. `None` counts as newest.
    pub(crate) creation_timestamp: Option<Box<str>>,
    pub(crate) uid: Option<Box<str>>,
    pub(crate) generation: Option<i64>,
    pub(crate) labels: BTreeMap<Box<str>, Box<str>>,
    pub(crate) annotations: BTreeMap<Box<str>, Box<str>>,
}
