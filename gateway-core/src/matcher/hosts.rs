//! Host names by hash.

use super::HostTable;
use crate::hash::same;
use crate::rules::{HostPattern, VirtualHost, name_key, shard_of};
use hashbrown::HashTable;
use std::sync::Arc;

/// The hosts of a listener.
pub(crate) struct HostTables {
    /// In the order of the shards of the listener's [`crate::rules::Hosts`].
    pub(crate) shards: Box<[Arc<HostShard>]>,
    /// The host that owns what no name covers.
    pub(crate) any: Option<Host>,
    /// Whether there is a wildcard.
    pub(crate) has_wildcards: bool,
}

/// A host with what answers its requests.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) rules: Arc<VirtualHost>,
    pub(crate) table: Arc<HostTable>,
    pub(crate) facts: Facts,
}

/// What compiling counts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts {
    pub(crate) routes: u32,
    /// Bytes of expressions.
    pub(crate) regex_bytes: usize,
    /// Bytes of what finds many expressions at once.
    pub(crate) automata_bytes: usize,
    /// How many services there have to be.
    pub(crate) services: u32,
}

impl std::ops::Add for Facts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            routes: self.routes.saturating_add(other.routes),
            regex_bytes: self.regex_bytes.saturating_add(other.regex_bytes),
            automata_bytes: self.automata_bytes.saturating_add(other.automata_bytes),
            services: self.services.max(other.services),
        }
    }
}

/// Some hosts by name. Knows nothing of other shards, so that routers can share it.
pub(crate) struct HostShard {
    pub(crate) names: HashTable<HostName>,
    /// The names, one after the other.
    pub(crate) text: Box<[u8]>,
    /// In the order of the rules.
    pub(crate) hosts: Box<[Host]>,
    /// The host that owns what no name covers, if it stands here.
    pub(crate) any: Option<Host>,
    pub(crate) has_wildcards: bool,
    /// Those of all hosts together.
    pub(crate) facts: Facts,
}

/// A name, or the suffix of a wildcard.
pub(crate) struct HostName {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) wildcard: bool,
    /// Index into [`HostShard::hosts`].
    pub(crate) host: u32,
}

impl HostName {
    pub(crate) fn text<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        &text[self.start as usize..self.end as usize]
    }
}

impl HostTables {
    /// The most specific host that covers `name`, which is in normal form.
    #[inline]
    pub(crate) fn find(&self, name: &[u8]) -> Option<&Host> {
        self.named(name, false).or_else(|| self.find_less_specific(name))
    }

    /// The host of exactly this name.
    pub(crate) fn get(&self, name: &HostPattern) -> Option<&Host> {
        match name {
            HostPattern::Exact(name) => self.named(name.as_bytes(), false),
            HostPattern::Wildcard(suffix) => self.named(suffix.as_bytes(), true),
            HostPattern::Any => self.any.as_ref(),
        }
    }

    /// The most specific host that covers `name` but is not the name itself.
    fn find_less_specific(&self, name: &[u8]) -> Option<&Host> {
        let wildcard = self.suffixes(name).find_map(|suffix| self.named(suffix, true));
        wildcard.or(self.any.as_ref())
    }

    /// What stands behind the first dot, the second dot, and so on: from long to short.
    fn suffixes<'n>(&self, name: &'n [u8]) -> impl Iterator<Item = &'n [u8]> {
        let name = if self.has_wildcards { name } else { b"" };
        memchr::memchr_iter(b'.', name).map(|dot| &name[dot + 1..])
    }

    #[inline]
    fn named(&self, name: &[u8], wildcard: bool) -> Option<&Host> {
        let key = name_key(name, wildcard);
        let shard = &self.shards[shard_of(key, self.shards.len())];
        let found = |e: &HostName| e.wildcard == wildcard && same(e.text(&shard.text), name);
        Some(&shard.hosts[shard.names.find(key, found)?.host as usize])
    }

    /// Where a miss of `host` leads: to the next less specific host of its section.
    pub(crate) fn next<'t>(&'t self, host: &'t Host) -> Option<&'t Host> {
        let section = host.rules.section;
        let mut less_specific = host.rules.falls_through.then_some(host)?;
        loop {
            less_specific = match &less_specific.rules.hostname {
                HostPattern::Exact(name) | HostPattern::Wildcard(name) => {
                    self.find_less_specific(name.as_bytes())?
                }
                HostPattern::Any => return None,
            };
            if less_specific.rules.section == section {
                return Some(less_specific);
            }
        }
    }
}
