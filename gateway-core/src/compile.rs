//! Rules to tables.

mod check;
mod dispatch;
mod exact;
mod hosts;
mod paths;
mod trie;

use crate::diagnostic::{Diagnostic, Severity};
use crate::matcher::{HostTable, ListenerTable, NONE, Router, Tables};
use crate::origin::Origin;
use crate::request::ListenerKey;
use crate::rules::{Listener, MAX_CONDITIONS, RuleSet, VirtualHost};
use paths::Place;
use std::fmt;
use std::sync::Arc;

/// What compiling refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most routes of one host: 1,000,000 by default.
    pub routes_per_host: usize,
    /// Most routes in all: 10,000,000 by default.
    pub routes: usize,
    /// Most conditions of one route: 256 by default.
    pub conditions_per_route: usize,
    /// Most bytes of all compiled expressions together: 1 GiB by default.
    pub regex_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            routes_per_host: 1_000_000,
            routes: 10_000_000,
            conditions_per_route: MAX_CONDITIONS,
            regex_bytes: 1 << 30,
        }
    }
}

/// One thing that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError {
    /// Where it was written; `None` when the rules as a whole are meant.
    pub origin: Option<Origin>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl From<CompileError> for Diagnostic {
    fn from(error: CompileError) -> Self {
        let (object, field, span) = match error.origin {
            Some(origin) => (Some(origin.object), origin.field, origin.span),
            None => (None, "".into(), None),
        };
        let severity = Severity::Error;
        Self { severity, code: "limit", object, field, span, message: error.message, help: None }
    }
}

/// Every problem found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileErrors(pub Vec<CompileError>);

impl fmt::Display for CompileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for CompileErrors {}

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
    /// address and port, two hosts of one name in a listener, a Service that is not there, weights
    /// whose sum does not fit 63 bits.
    pub fn compile_with(rules: &RuleSet, limits: &Limits) -> Result<Self, CompileErrors> {
        let mut errors = check::check(rules, limits);
        if !errors.is_empty() {
            return Err(CompileErrors(errors));
        }
        let mut listeners = Vec::with_capacity(rules.listeners.len());
        for listener in &rules.listeners {
            listeners.push(compile_listener(listener, &mut errors));
        }
        if !errors.is_empty() {
            return Err(CompileErrors(errors));
        }
        let sockets = rules.listeners.iter().enumerate();
        let mut sockets: Vec<_> =
            sockets.map(|(at, l)| (ListenerKey { address: l.address, port: l.port }, at)).collect();
        sockets.sort_unstable();
        Ok(Self { tables: Arc::new(Tables { rules: rules.clone(), sockets, listeners }) })
    }
}

fn compile_listener(listener: &Listener, errors: &mut Vec<CompileError>) -> ListenerTable {
    let mut tables = Vec::with_capacity(listener.hosts.len());
    for host in &listener.hosts {
        match compile_host(host) {
            Ok(table) => tables.push(Arc::new(table)),
            Err(error) => errors.push(error),
        }
    }
    ListenerTable { names: hosts::build(&listener.hosts), hosts: tables }
}

fn compile_host(host: &VirtualHost) -> Result<HostTable, CompileError> {
    let error = |message| CompileError { origin: Some(host.origin.clone()), message };
    let mut groups = Groups::default();
    let mut exact = exact::ExactBuilder::default();
    let mut trie = trie::TrieBuilder::new();
    let mut expressions = Vec::new();
    for (route, rank) in host.routes.iter().zip(0..) {
        let place = Place::of(&route.path).map_err(|error| CompileError {
            origin: Some(route.origin.clone()),
            message: format!("the path, as an expression: {error}"),
        })?;
        let add = || groups.add();
        let group = match &place {
            Place::Exact(path) => exact.insert(path, add),
            Place::Trie(template, end) => trie.insert(template.parts(), *end, add),
            Place::Regex(regex) => trie.insert_literal(&regex.literal_prefix(), add),
        };
        groups.0[group as usize].push(rank);
        if let Place::Regex(regex) = place {
            expressions.push((rank, regex));
        }
    }
    let best: Vec<u32> =
        groups.0.iter().map(|ranks| ranks.first().copied().unwrap_or(NONE)).collect();
    let trie = trie.build(&best).map_err(|depth| {
        error(format!(
            "the paths of the host `{}` have a parameter beside a literal on {depth} levels, more \
             than {}",
            host.hostname,
            trie::MAX_CROSSINGS
        ))
    })?;
    let dispatch = dispatch::build(&host.routes, &expressions, &groups.0);
    Ok(HostTable { exact: exact.build(), trie, dispatch })
}

/// The ranks of the routes of each path pattern, in ascending order.
#[derive(Default)]
struct Groups(Vec<Vec<u32>>);

impl Groups {
    fn add(&mut self) -> u32 {
        self.0.push(Vec::new());
        self.0.len() as u32 - 1
    }
}

#[cfg(test)]
mod tests;
