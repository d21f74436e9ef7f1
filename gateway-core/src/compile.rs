//! Rules to tables.

mod check;
mod dispatch;
mod error;
mod exact;
mod host;
mod hosts;
mod paths;
mod regexes;
mod splits;
mod stems;
mod trie;

pub use error::{CompileError, CompileErrors};

use crate::limits::Limits;
use crate::matcher::{Router, Tables};
use crate::request::ListenerKey;
use crate::rules::{Listener, RuleSet};
use check::Checker;
use std::sync::Arc;

impl Router {
    /// Lowers `rules` into lookup tables, within the default [`Limits`].
    ///
    /// # Errors
    ///
    /// Every problem found, not only the first.
    pub fn compile(rules: &RuleSet) -> Result<Self, CompileErrors> {
        Self::compile_with(rules, &Limits::default())
    }

    /// Lowers `rules` into lookup tables.
    ///
    /// # Errors
    ///
    /// Every problem found, not only the first: what exceeds `limits`, two listeners of one
    /// address and port, a Service that is not there, weights whose sum does not fit 63 bits.
    pub fn compile_with(rules: &RuleSet, limits: &Limits) -> Result<Self, CompileErrors> {
        compile(rules, limits, None)
    }

    /// Lowers `rules` into lookup tables, within the limits of `previous`, and shares with it the
    /// tables of all hosts whose routes have the same paths and conditions.
    ///
    /// What the two rule sets share is not even looked at: where `rules` is a changed copy of
    /// [`Router::rules`], the cost is that of the hosts that changed. The result is the same as
    /// that of [`Router::compile_with`].
    ///
    /// # Errors
    ///
    /// As [`Router::compile_with`].
    ///
    /// ```
    /// # use gateway_core::{Options, Resources, RequestHead, Router, rules::*, translate};
    /// # let yaml = "{apiVersion: k8s.nginx.org/v1, kind: VirtualServer, metadata: {name: cafe}, \
    /// #     spec: {host: cafe.example.com, routes: [{path: /, action: {return: {body: hello}}}]}}";
    /// # let resources = Resources::from_yaml(yaml)?;
    /// # let first = translate(&resources, &Options::default()).rules;
    /// let router = Router::compile(&first)?;
    /// let mut rules = router.rules().clone();
    /// rules.listeners[0].hosts.remove(&"cafe.example.com".parse()?);
    /// let next = Router::compile_from(&router, &rules)?;
    /// let request = RequestHead::get("cafe.example.com", "/");
    /// assert!(router.decide(&request, 0).route().is_some());
    /// assert!(next.decide(&request, 0).route().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compile_from(previous: &Self, rules: &RuleSet) -> Result<Self, CompileErrors> {
        compile(rules, &previous.tables.limits, Some(&previous.tables))
    }
}

fn compile(
    rules: &RuleSet,
    limits: &Limits,
    previous: Option<&Tables>,
) -> Result<Router, CompileErrors> {
    let mut checker = Checker::new(rules, limits);
    checker.listeners();
    let (services, splits) = checker.services(previous);
    let mut listeners = Vec::with_capacity(rules.listeners.len());
    for listener in &rules.listeners {
        let known = previous.and_then(|previous| previous.listener_like(listener));
        listeners.push(hosts::compile(listener, known, &mut checker));
    }
    let shards = listeners.iter().flat_map(|hosts| &hosts.shards);
    checker.totals(shards.map(|shard| shard.facts).chain([services]));
    let errors = checker.into_errors();
    if !errors.is_empty() {
        return Err(CompileErrors(errors));
    }
    let mut sockets: Vec<_> =
        rules.listeners.iter().enumerate().map(|(at, listener)| (key(listener), at)).collect();
    sockets.sort_unstable();
    let (rules, limits) = (rules.clone(), limits.clone());
    Ok(Router { tables: Arc::new(Tables { rules, limits, sockets, listeners, services, splits }) })
}

fn key(listener: &Listener) -> ListenerKey {
    ListenerKey { address: listener.address, port: listener.port }
}

impl Tables {
    /// The listener of the same address and port, with its tables.
    fn listener_like(&self, listener: &Listener) -> Option<hosts::Known<'_>> {
        let at = self.sockets.binary_search_by_key(&key(listener), |&(key, _)| key).ok()?;
        let at = self.sockets[at].1;
        Some((&self.rules.listeners[at].hosts, &self.listeners[at]))
    }
}

#[cfg(test)]
mod tests;
