//! Host names by hash.

use super::NONE;
use super::hash::hash;
use hashbrown::HashTable;

/// The host names of a listener.
pub(crate) struct HostNames {
    pub(crate) entries: HashTable<HostName>,
    /// The names, one after the other.
    pub(crate) text: Box<[u8]>,
    /// Whether there is a wildcard.
    pub(crate) has_wildcards: bool,
    /// The host that owns what no name covers, else [`NONE`].
    pub(crate) any: u32,
    /// For each host, where a miss leads: the next less specific host of its section, else
    /// [`NONE`].
    pub(crate) next: Box<[u32]>,
}

/// A name, or the suffix of a wildcard.
pub(crate) struct HostName {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) wildcard: bool,
    pub(crate) host: u32,
}

impl HostName {
    pub(crate) fn text<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        &text[self.start as usize..self.end as usize]
    }
}

/// The hash of a name, or of the suffix of a wildcard.
pub(crate) fn name_key(name: &[u8], wildcard: bool) -> u64 {
    hash(name, u32::from(wildcard))
}

impl HostNames {
    /// The most specific host that covers `name`, which is in normal form.
    #[inline]
    pub(crate) fn find(&self, name: &[u8]) -> Option<u32> {
        self.entry(name, false).or_else(|| self.find_less_specific(name))
    }

    /// The most specific host that covers `name` but is not the name itself.
    pub(crate) fn find_less_specific(&self, name: &[u8]) -> Option<u32> {
        let wildcard = self.suffixes(name).find_map(|suffix| self.entry(suffix, true));
        wildcard.or((self.any != NONE).then_some(self.any))
    }

    /// What stands behind the first dot, the second dot, and so on: from long to short.
    fn suffixes<'n>(&self, name: &'n [u8]) -> impl Iterator<Item = &'n [u8]> {
        let name = if self.has_wildcards { name } else { b"" };
        memchr::memchr_iter(b'.', name).map(|dot| &name[dot + 1..])
    }

    #[inline]
    fn entry(&self, name: &[u8], wildcard: bool) -> Option<u32> {
        let same = |e: &HostName| e.wildcard == wildcard && e.text(&self.text) == name;
        self.entries.find(name_key(name, wildcard), same).map(|entry| entry.host)
    }

    /// Where a miss of `host` leads.
    #[inline]
    pub(crate) fn next(&self, host: u32) -> Option<u32> {
        let next = self.next[host as usize];
        (next != NONE).then_some(next)
    }
}
