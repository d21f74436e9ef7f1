//! The tables that answer a request, read-only.
//!
//! Within a host, a route's *rank* is its position in the host's list: the lower the better. Every
//! table knows the best rank below it, and what cannot be better than the best route found so far
//! is not looked at.

pub(crate) mod dispatch;
pub(crate) mod exact;
mod fallback;
pub(crate) mod hosts;
mod mirrors;
pub(crate) mod octets;
mod outcome;
pub(crate) mod regexes;
mod server_name;
pub(crate) mod splits;
pub(crate) mod stems;
pub(crate) mod trie;

use crate::decision::{Decision, NoRoute};
use crate::limits::Limits;
use crate::request::field::View;
use crate::request::{ListenerKey, Request};
use crate::rules::{Listener, RuleSet};
use dispatch::{Dispatch, Values};
use exact::ExactPaths;
use hosts::{Facts, HostTables};
use octets::Octets;
use splits::SplitTables;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use stems::Stems;
use trie::Trie;

/// No index; also the rank that is worse than all others.
pub(crate) const NONE: u32 = u32::MAX;

/// Indices as a range.
fn range((start, end): (u32, u32)) -> Range<usize> {
    start as usize..end as usize
}

/// An immutable routing table, cheap to clone and safe to share. New configuration, new table.
#[derive(Clone)]
pub struct Router {
    pub(crate) tables: Arc<Tables>,
}

/// Everything a router knows.
pub(crate) struct Tables {
    pub(crate) rules: RuleSet,
    /// The sockets by port, then by address (none first), each with the position of its listener.
    pub(crate) sockets: Vec<(ListenerKey, usize)>,
    /// In the order of the rules' listeners.
    pub(crate) listeners: Vec<HostTables>,
    /// What the rules were compiled within.
    pub(crate) limits: Limits,
    /// What compiling counted of the services.
    pub(crate) services: Facts,
    /// Which TrafficSplit of a Service applies.
    pub(crate) splits: Arc<SplitTables>,
}

/// The routes of a host. Knows nothing of other hosts, so that routers can share it.
pub(crate) struct HostTable {
    pub(crate) exact: ExactPaths,
    /// Small hosts have none.
    pub(crate) stems: Option<Box<Stems>>,
    pub(crate) trie: Trie,
    pub(crate) dispatch: Dispatch,
}

impl Tables {
    /// The listener of that address, else the one of all addresses.
    #[inline]
    fn listener(&self, key: ListenerKey) -> Option<usize> {
        let start = self.sockets.partition_point(|(socket, _)| socket.port < key.port);
        let (first, at) = self.sockets.get(start).filter(|(first, _)| first.port == key.port)?;
        // The one of all addresses stands before the others of its port.
        let anywhere = first.address.is_none().then_some(*at);
        key.address.and_then(|_| self.listener_of_address(key)).or(anywhere)
    }

    fn listener_of_address(&self, key: ListenerKey) -> Option<usize> {
        let at = self.sockets.binary_search_by_key(&key, |&(socket, _)| socket).ok()?;
        Some(self.sockets[at].1)
    }
}

impl HostTable {
    /// The rank of the first route whose path and conditions hold.
    #[inline]
    fn find<R: Request>(&self, view: &View<'_, R>) -> Option<usize> {
        if self.dispatch.has_conditions() {
            let mut values = Values::new(view);
            self.search(view, |group, best| self.dispatch.evaluate(group, &mut values, best))
        } else {
            self.search(view, |group, best| self.dispatch.take(group, best))
        }
    }

    /// The same, where `evaluate` lowers a rank to the best of a group.
    #[inline]
    fn search<R: Request>(
        &self,
        view: &View<'_, R>,
        mut evaluate: impl FnMut(u32, &mut u32),
    ) -> Option<usize> {
        let mut best = NONE;
        if let Some(paths) = view.paths() {
            if let Some(group) = self.exact.find(paths.matched) {
                evaluate(group, &mut best);
            }
            self.search_prefixes(&Octets::new(paths.matched), &mut best, &mut evaluate);
        } else if self.trie.empty_prefix() != NONE {
            // Expressions are in this group too; they fail where there is no path.
            evaluate(self.trie.empty_prefix(), &mut best);
        }
        (best != NONE).then_some(best as usize)
    }

    #[inline]
    fn search_prefixes(
        &self,
        path: &Octets<'_>,
        best: &mut u32,
        evaluate: &mut impl FnMut(u32, &mut u32),
    ) {
        if let Some(stems) = &self.stems {
            stems.visit(path, best, |stem, end, best| {
                if stem.root != NONE {
                    self.trie.walk(stem.root, path, end, best, evaluate);
                }
                if stem.group != NONE {
                    evaluate(stem.group, best);
                }
            });
        }
        self.trie.walk(0, path, 0, best, evaluate);
    }
}

impl Router {
    /// Decides what to do with `request`. Never fails: no match is an outcome too.
    ///
    /// `draw` is 64 uniformly random bits, for choices by weight.
    pub fn decide<R: Request>(&self, request: &R, draw: u64) -> Decision<'_> {
        let tables = &*self.tables;
        let Some(at) = tables.listener(request.connection().listener) else {
            return Decision::none(None, NoRoute::NoListener);
        };
        let listener = &tables.rules.listeners[at];
        let table = &tables.listeners[at];
        View::with(request, &listener.paths, |view| match view {
            Ok(view) => tables.decide(table, listener, view, draw),
            Err(reason) => Decision::none(Some(listener), NoRoute::Invalid(reason)),
        })
    }

    /// The rules that the router was compiled from.
    pub fn rules(&self) -> &RuleSet {
        &self.tables.rules
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("rules", self.rules()).finish_non_exhaustive()
    }
}

impl Tables {
    #[inline(never)]
    fn decide<'r, R: Request>(
        &'r self,
        hosts: &'r HostTables,
        listener: &'r Listener,
        view: &View<'_, R>,
        draw: u64,
    ) -> Decision<'r> {
        let Some(owner) = hosts.find(view.host()) else {
            return Decision::none(Some(listener), NoRoute::NoHost);
        };
        if owner.rules.tls.as_deref().is_some_and(|tls| tls.exclusive)
            && server_name::is_misdirected(hosts, owner, view)
        {
            let host = Some(&*owner.rules);
            return Decision { host, ..Decision::none(Some(listener), NoRoute::Misdirected) };
        }
        let mut candidate = Some(owner);
        while let Some(host) = candidate {
            if let Some(rank) = host.table.find(view) {
                return outcome::decide(self, (listener, &host.rules, rank), view, draw);
            }
            candidate = hosts.next(host);
        }
        let host = Some(&*owner.rules);
        Decision { host, ..Decision::none(Some(listener), NoRoute::NoMatch) }
    }
}

#[cfg(test)]
mod tests;
