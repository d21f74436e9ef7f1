//! Builds the table of literal paths.

use crate::hash::hash;
use crate::matcher::exact::{ExactPath, ExactPaths};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Literal paths as they come.
#[derive(Default)]
pub(super) struct ExactBuilder {
    entries: HashTable<ExactPath>,
    text: Vec<u8>,
}

impl ExactBuilder {
    /// The group of `path`; a new path gets the one that `new_group` makes.
    pub(super) fn insert(&mut self, path: &[u8], new_group: impl FnOnce() -> u32) -> u32 {
        let text = &mut self.text;
        let entry = self.entries.entry(
            hash(path, 0),
            |entry| entry.text(text) == path,
            |entry| hash(entry.text(text), 0),
        );
        match entry {
            Entry::Occupied(entry) => entry.get().group,
            Entry::Vacant(entry) => {
                let (start, group) = (text.len() as u32, new_group());
                text.extend_from_slice(path);
                entry.insert(ExactPath { start, end: text.len() as u32, group });
                group
            }
        }
    }

    pub(super) fn build(mut self) -> ExactPaths {
        let text = &self.text;
        self.entries.shrink_to_fit(|entry| hash(entry.text(text), 0));
        ExactPaths { entries: self.entries, text: self.text.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_octet_for_octet() {
        let mut builder = ExactBuilder::default();
        let mut next = 0..;
        for path in ["/a", "/b", "/a/", "/a", "", "/é"] {
            builder.insert(path.as_bytes(), || next.next().unwrap());
        }
        let table = builder.build();
        for (path, want) in [
            ("/a", Some(0)),
            ("/b", Some(1)),
            ("/a/", Some(2)),
            ("", Some(3)),
            ("/é", Some(4)),
            ("/A", None),
            ("/aa", None),
        ] {
            assert_eq!(table.find(path.as_bytes()), want, "{path}");
        }
        assert_eq!(ExactBuilder::default().build().find(b"/"), None);
    }
}
