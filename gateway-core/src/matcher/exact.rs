//! Literal paths by hash.

use crate::hash::{hash, same};
use hashbrown::HashTable;

/// Whole paths without parameters, each with the group of its routes.
pub(crate) struct ExactPaths {
    pub(crate) entries: HashTable<ExactPath>,
    /// The paths, one after the other.
    pub(crate) text: Box<[u8]>,
}

/// A literal path.
pub(crate) struct ExactPath {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) group: u32,
}

impl ExactPath {
    pub(crate) fn text<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        &text[self.start as usize..self.end as usize]
    }
}

impl ExactPaths {
    /// The group of `path`.
    #[inline]
    pub(crate) fn find(&self, path: &[u8]) -> Option<u32> {
        if self.entries.is_empty() {
            return None;
        }
        let same = |entry: &ExactPath| same(entry.text(&self.text), path);
        self.entries.find(hash(path, 0), same).map(|entry| entry.group)
    }
}
