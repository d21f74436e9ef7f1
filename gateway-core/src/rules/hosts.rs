//! The virtual hosts of a listener, by name.

use super::{HostPattern, VirtualHost};
use crate::hash::hash;
use crate::sort::sort_by;
use std::fmt;
use std::sync::Arc;

/// As many hosts stand in a shard on average, at most.
const SHARD: usize = 64;

/// The virtual hosts of a listener, each name at most once.
///
/// Copies share what they have in common: cloning a hundred thousand hosts to replace one of them
/// copies some thousand pointers, and [`crate::Router::compile_from`] sees by them what is
/// unchanged.
///
/// ```
/// # use gateway_core::rules::{HostPattern, Hosts, VirtualHost};
/// # use gateway_core::{ObjectRef, Origin};
/// # let origin = Origin::new(ObjectRef::new("Rules", "", "example"), "");
/// # let host = |name: &str| {
/// #     VirtualHost::new(name.parse().unwrap(), Vec::new(), origin.clone())
/// # };
/// let hosts: Hosts = [host("a.example"), host("b.example")].into_iter().collect();
/// let mut changed = hosts.clone();
/// changed.insert(VirtualHost { falls_through: true, ..host("b.example") });
/// let name: HostPattern = "b.example".parse()?;
/// assert!(!hosts.get(&name).unwrap().falls_through);
/// assert!(changed.get(&name).unwrap().falls_through);
/// # Ok::<(), gateway_core::rules::InvalidHostname>(())
/// ```
#[derive(Clone)]
pub struct Hosts {
    /// A power of two of them. Which one holds a name is told by the hash of the name.
    shards: Vec<Arc<Shard>>,
    len: usize,
}

/// Some hosts, in the order in which they came.
pub(crate) type Shard = Vec<Arc<VirtualHost>>;

impl Default for Hosts {
    fn default() -> Self {
        Self { shards: vec![Arc::default()], len: 0 }
    }
}

impl Hosts {
    /// No hosts.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The host of exactly this name.
    pub fn get(&self, name: &HostPattern) -> Option<&Arc<VirtualHost>> {
        self.shards[self.shard_of(name)].iter().find(|host| host.hostname == *name)
    }

    /// Adds a host, or replaces the one of that name, which is handed back.
    pub fn insert(&mut self, host: impl Into<Arc<VirtualHost>>) -> Option<Arc<VirtualHost>> {
        let host = host.into();
        let at = self.shard_of(&host.hostname);
        let shard = Arc::make_mut(&mut self.shards[at]);
        if let Some(known) = shard.iter_mut().find(|known| known.hostname == host.hostname) {
            return Some(std::mem::replace(known, host));
        }
        shard.push(host);
        self.len += 1;
        if self.len > SHARD * self.shards.len() {
            self.grow();
        }
        None
    }

    /// Removes the host of that name, and hands it back.
    pub fn remove(&mut self, name: &HostPattern) -> Option<Arc<VirtualHost>> {
        let shard = self.shard_of(name);
        let at = self.shards[shard].iter().position(|host| host.hostname == *name)?;
        self.len -= 1;
        Some(Arc::make_mut(&mut self.shards[shard]).remove(at))
    }

    /// All of them: a few in the order in which they came, many in no particular one, which is the
    /// same every time.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<VirtualHost>> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }

    /// All of them, the most specific name first, as lists for people are.
    pub fn sorted(&self) -> Vec<&Arc<VirtualHost>> {
        let mut hosts: Vec<_> = self.iter().collect();
        sort_by(&mut hosts, |a, b| a.hostname.cmp_specificity(&b.hostname));
        hosts
    }

    pub(crate) fn shards(&self) -> &[Arc<Shard>] {
        &self.shards
    }

    fn shard_of(&self, name: &HostPattern) -> usize {
        shard_of(name_hash(name), self.shards.len())
    }

    /// Doubles the number of shards.
    fn grow(&mut self) {
        let mut shards = vec![Shard::new(); 2 * self.shards.len()];
        let count = shards.len();
        for host in self.iter() {
            shards[shard_of(name_hash(&host.hostname), count)].push(Arc::clone(host));
        }
        self.shards = shards.into_iter().map(Arc::new).collect();
    }
}

/// The hash of an exact name, or of the suffix of a wildcard.
#[inline]
pub(crate) fn name_key(name: &[u8], wildcard: bool) -> u64 {
    hash(name, u32::from(wildcard))
}

fn name_hash(name: &HostPattern) -> u64 {
    match name {
        HostPattern::Exact(name) => name_key(name.as_bytes(), false),
        HostPattern::Wildcard(suffix) => name_key(suffix.as_bytes(), true),
        HostPattern::Any => 0,
    }
}

/// Which of `count` shards, a power of two, holds the names with this hash. By bits that the hash
/// tables within the shards do not look at.
#[inline]
pub(crate) fn shard_of(hash: u64, count: usize) -> usize {
    (hash >> 32) as usize & (count - 1)
}

impl<H: Into<Arc<VirtualHost>>> Extend<H> for Hosts {
    fn extend<T: IntoIterator<Item = H>>(&mut self, hosts: T) {
        for host in hosts {
            self.insert(host);
        }
    }
}

impl<H: Into<Arc<VirtualHost>>> FromIterator<H> for Hosts {
    /// Of several hosts of one name the last stays.
    fn from_iter<T: IntoIterator<Item = H>>(hosts: T) -> Self {
        let mut all = Self::new();
        all.extend(hosts);
        all
    }
}

impl PartialEq for Hosts {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len
            && self.iter().all(|host| other.get(&host.hostname).is_some_and(|own| own == host))
    }
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ObjectRef, Origin};

    fn host(name: &str) -> VirtualHost {
        let hostname = match name {
            "*" => HostPattern::Any,
            _ => HostPattern::parse(name).unwrap(),
        };
        let origin = Origin::new(ObjectRef::new("Test", "", name), "");
        VirtualHost::new(hostname, Vec::new(), origin)
    }

    #[test]
    fn hosts_are_found_by_name_however_many_there_are() {
        let name = |n: usize| format!("h{n}.example");
        let mut hosts = Hosts::new();
        for n in 0..3 * SHARD {
            assert_eq!(hosts.insert(host(&name(n))), None);
        }
        for special in ["*", "*.example"] {
            assert_eq!(hosts.insert(host(special)), None);
            assert_eq!(hosts.get(&host(special).hostname).unwrap().origin, host(special).origin);
        }
        assert_eq!(hosts.shards.len(), 4);
        assert_eq!((hosts.len(), hosts.iter().count()), (3 * SHARD + 2, 3 * SHARD + 2));
        for n in 0..3 * SHARD {
            assert_eq!(**hosts.get(&host(&name(n)).hostname).unwrap(), host(&name(n)));
        }
        assert_eq!(hosts.get(&host("none.example").hostname), None);

        let reversed: Hosts = hosts.iter().cloned().collect::<Vec<_>>().into_iter().rev().collect();
        assert_eq!(reversed, hosts);
        let before = hosts.clone();
        assert_eq!(hosts.remove(&host("h7.example").hostname), Some(Arc::new(host("h7.example"))));
        assert_eq!(hosts.remove(&host("h7.example").hostname), None);
        assert_eq!((hosts.len(), before.len()), (3 * SHARD + 1, 3 * SHARD + 2));
        assert_ne!(hosts, before);
        let shared = hosts.shards.iter().zip(&before.shards).filter(|(a, b)| Arc::ptr_eq(a, b));
        assert_eq!(shared.count(), 3, "a change copies one shard");
    }

    #[test]
    fn a_host_of_the_same_name_is_replaced() {
        let mut hosts: Hosts = [host("a"), host("b")].into_iter().collect();
        let other = VirtualHost { section: 7, ..host("a") };
        assert_eq!(hosts.insert(other).map(|known| known.section), Some(0));
        let sections: Vec<u32> = hosts.iter().map(|host| host.section).collect();
        assert_eq!((hosts.len(), sections), (2, vec![7, 0]));
    }
}
