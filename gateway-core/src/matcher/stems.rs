//! What paths begin with, by whole segments, by hash.
//!
//! A *stem* is the literal text of a pattern up to the last `/` before its first parameter, or all
//! of a prefix that ends with a segment. A path has as many stems as segments; each leads to the
//! routes of the prefix that it is, and into the trie of what stands behind it.

use super::NONE;
use super::octets::Octets;
use crate::hash::{hash, mix, same};
use hashbrown::HashTable;

/// Most segments of a stem. What is deeper stands in the trie from a shorter stem on.
pub(crate) const DEEPEST: usize = 8;

/// The stems of a host.
pub(crate) struct Stems {
    pub(crate) entries: HashTable<Stem>,
    /// The stems, one after the other.
    pub(crate) text: Box<[u8]>,
    /// The best rank behind the stems of so many segments, from one on.
    pub(crate) best: [u32; DEEPEST],
    /// How many segments the longest one has.
    pub(crate) deepest: usize,
}

/// A stem.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stem {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// The group of the prefix, else [`NONE`].
    pub(crate) group: u32,
    /// The root of what follows in the trie, else [`NONE`].
    pub(crate) root: u32,
}

impl Stem {
    /// The group of the prefix; a new prefix gets the one that `new_group` makes.
    pub(crate) fn group_or(&mut self, new_group: impl FnOnce() -> u32) -> u32 {
        if self.group == NONE {
            self.group = new_group();
        }
        self.group
    }

    pub(crate) fn text<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        &text[self.start as usize..self.end as usize]
    }
}

/// The key of a stem, from that of the stem without its last segment; 0 for none.
#[inline]
pub(crate) fn stem_key(before: u64, segment: &[u8]) -> u64 {
    mix(before, hash(segment, 0))
}

impl Stems {
    /// Calls `visit` for the stems of `path`, with where they end, from the longest to the
    /// shortest, leaving out those behind which nothing can be better than `best`. It lowers
    /// `best`.
    #[inline]
    pub(crate) fn visit(
        &self,
        path: &Octets<'_>,
        best: &mut u32,
        mut visit: impl FnMut(&Stem, usize, &mut u32),
    ) {
        let mut found = [(0, 0); DEEPEST];
        let (mut count, mut key, mut start) = (0, 0, 1);
        for place in &mut found[..self.deepest.min(DEEPEST)] {
            if start > path.len() {
                break;
            }
            let end = path.segment_end(start);
            key = stem_key(key, path.slice(start, end));
            *place = (end, key);
            count += 1;
            start = end + 1;
        }
        for (&(end, key), &rank) in found[..count].iter().zip(&self.best).rev() {
            if rank < *best {
                let same = |stem: &Stem| same(stem.text(&self.text), path.slice(0, end));
                if let Some(stem) = self.entries.find(key, same) {
                    visit(stem, end, best);
                }
            }
        }
    }
}
