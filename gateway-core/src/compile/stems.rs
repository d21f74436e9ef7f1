//! Builds the table of stems.

use super::trie::TrieBuilder;
use crate::matcher::NONE;
use crate::matcher::stems::{DEEPEST, Stem, Stems, stem_key};
use crate::matcher::trie::Trie;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Hosts with at most this many routes have no stems: walking a small trie costs less than hashing
/// all segments.
const FEW: usize = 64;

/// Stems as they come.
pub(super) struct StemsBuilder {
    entries: HashTable<Stem>,
    text: Vec<u8>,
    /// How many segments a stem may have.
    deepest: usize,
}

impl StemsBuilder {
    /// For a host with so many routes.
    pub(super) fn new(routes: usize) -> Self {
        let deepest = if routes > FEW { DEEPEST } else { 0 };
        Self { entries: HashTable::new(), text: Vec::new(), deepest }
    }

    /// The stem that is all of `text`, unless it has too many segments or none.
    pub(super) fn prefix(&mut self, text: &[u8]) -> Option<&mut Stem> {
        (1..=self.deepest).contains(&segments(text)).then(|| self.stem(text))
    }

    /// Where in `trie` a pattern stands that begins with the literal `text`: the root behind its
    /// stem, and what follows the stem.
    pub(super) fn root<'t>(&mut self, text: &'t [u8], trie: &mut TrieBuilder) -> (u32, &'t [u8]) {
        let (head, rest) = text.split_at(memchr::memrchr(b'/', text).unwrap_or(0));
        let depth = segments(head);
        match self.prefix(head) {
            Some(stem) => {
                if stem.root == NONE {
                    stem.root = trie.add_root(depth);
                }
                (stem.root, rest)
            }
            None => (0, text),
        }
    }

    fn stem(&mut self, text: &[u8]) -> &mut Stem {
        let known = &mut self.text;
        let entry = self.entries.entry(
            key(text),
            |stem| stem.text(known) == text,
            |stem| key(stem.text(known)),
        );
        match entry {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let start = known.len() as u32;
                known.extend_from_slice(text);
                let end = known.len() as u32;
                entry.insert(Stem { start, end, group: NONE, root: NONE }).into_mut()
            }
        }
    }

    /// `best` holds the best rank of each group, `roots` the node of each root of `trie`.
    pub(super) fn build(mut self, best: &[u32], roots: &[u32], trie: &Trie) -> Option<Box<Stems>> {
        if self.entries.is_empty() {
            return None;
        }
        let text = self.text;
        self.entries.shrink_to_fit(|stem| key(stem.text(&text)));
        let mut best_of_depth = [NONE; DEEPEST];
        let mut deepest = 0;
        for stem in self.entries.iter_mut() {
            let depth = segments(stem.text(&text));
            let group = if stem.group == NONE { NONE } else { best[stem.group as usize] };
            stem.root = if stem.root == NONE { NONE } else { roots[stem.root as usize] };
            let below = trie.nodes.get(stem.root as usize).map_or(NONE, |node| node.best);
            let of_depth = &mut best_of_depth[depth - 1];
            *of_depth = group.min(below).min(*of_depth);
            deepest = deepest.max(depth);
        }
        let (entries, best) = (self.entries, best_of_depth);
        Some(Box::new(Stems { entries, text: text.into(), best, deepest }))
    }
}

fn segments(text: &[u8]) -> usize {
    memchr::memchr_iter(b'/', text).count()
}

fn key(text: &[u8]) -> u64 {
    text.split(|&octet| octet == b'/').skip(1).fold(0, stem_key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::octets::Octets;

    #[test]
    fn stems_are_found_from_the_longest_on() {
        let mut builder = StemsBuilder::new(FEW + 1);
        let deep = "/a".repeat(DEEPEST);
        let texts = ["/a", "/a/b", "/b", "/a/b/c", &deep];
        for (text, group) in texts.into_iter().zip(0..) {
            builder.prefix(text.as_bytes()).unwrap().group = group;
        }
        assert!(builder.prefix(b"").is_none());
        assert!(builder.prefix(format!("{deep}/a").as_bytes()).is_none());
        let ranks: Vec<u32> = (0..texts.len() as u32).collect();
        let (trie, roots) = TrieBuilder::new().build(&[], 1).unwrap();
        let stems = builder.build(&ranks, &roots, &trie).unwrap();
        assert_eq!(stems.best[..3], [0, 1, 3]);
        let found = |path: &str, mut best: u32| {
            let mut found = Vec::new();
            stems.visit(&Octets::new(path.as_bytes()), &mut best, |stem, end, _| {
                found.push((stem.group, end));
            });
            found
        };
        for (path, want) in [
            ("/", &[][..]),
            ("/a", &[(0, 2)]),
            ("/a/", &[(0, 2)]),
            ("/ab", &[]),
            ("/a/b", &[(1, 4), (0, 2)]),
            ("/a/b/c/d", &[(3, 6), (1, 4), (0, 2)]),
            ("/b/b/c", &[(2, 2)]),
            (&format!("{deep}/a/a"), &[(4, 2 * DEEPEST), (0, 2)]),
        ] {
            assert_eq!(found(path, NONE), want, "{path}");
        }
        assert_eq!(found("/a/b/c", 1), [(0, 2)], "what cannot be better is left out");
    }

    #[test]
    fn a_few_routes_need_no_stems() {
        assert!(StemsBuilder::new(FEW).prefix(b"/a").is_none());
    }

    #[test]
    fn patterns_stand_behind_their_stems() {
        let (mut stems, mut trie) = (StemsBuilder::new(FEW + 1), TrieBuilder::new());
        let deep = "/a".repeat(DEEPEST + 1) + "/";
        for (text, want) in [
            ("/", (0, "/")),
            ("/img-", (0, "/img-")),
            ("/a/", (1, "/")),
            ("/a/x", (1, "/x")),
            ("/a/b/", (2, "/")),
            ("", (0, "")),
            (&*deep, (0, &*deep)),
        ] {
            let (root, rest) = stems.root(text.as_bytes(), &mut trie);
            assert_eq!((root, rest), (want.0, want.1.as_bytes()), "{text}");
        }
    }
}
