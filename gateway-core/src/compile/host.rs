//! The routes of a host to its tables.

use super::paths::{Place, Written, expression};
use super::{CompileError, dispatch, exact, stems, trie};
use crate::limits::Limits;
use crate::matcher::hosts::Facts;
use crate::matcher::{HostTable, NONE};
use crate::rules::{Condition, End, PathTemplate, Regex, Route, VirtualHost};
use hashbrown::HashMap;
use std::borrow::Cow;

/// The tables of `host`. What they take for expressions is added to `facts`.
pub(super) fn compile(
    host: &VirtualHost,
    limits: &Limits,
    facts: &mut Facts,
) -> Result<HostTable, CompileError> {
    let mut groups = Groups::default();
    let mut exact = exact::ExactBuilder::default();
    let mut stems = stems::StemsBuilder::new(host.routes.len());
    let mut trie = trie::TrieBuilder::new();
    let mut made = Made::default();
    let mut expressions = Vec::new();
    for (route, rank) in host.routes.iter().zip(0..) {
        let add = || groups.add();
        let mut regex = None;
        let group = match Place::of(&route.path) {
            Place::Exact(path) => exact.insert(path, add),
            Place::Prefix(path) => match stems.prefix(path) {
                Some(stem) => stem.group_or(add),
                None => trie.insert((0, path), &[], End::Segment, add),
            },
            Place::Trie(template, end) => {
                let (text, parts) = template.split_first();
                let place = stems.root(text, &mut trie);
                trie.insert(place, parts, end, add)
            }
            Place::Expression(written) => {
                let found = match written {
                    Written::Regex(regex) => Cow::Borrowed(regex),
                    Written::Template(template, end) => {
                        let regex = made.regex(template, end, limits, facts);
                        Cow::Owned(regex.map_err(|error| too_large(route, &error))?)
                    }
                };
                let text = regex.insert(found).literal_prefix();
                let place = stems.root(&text, &mut trie);
                trie.insert(place, &[], End::Byte, add)
            }
        };
        groups.of_route.push(group);
        expressions.extend(regex.map(|regex| (rank, regex)));
    }
    let members = groups.members();
    let best: Vec<u32> = members.iter().map(|ranks| ranks[0]).collect();
    let (trie, roots) = trie.build(&best, limits.crossing_width).map_err(|error| CompileError {
        origin: Some(host.origin.clone()),
        message: format!("the paths of the host `{}` {error}", host.hostname),
    })?;
    let stems = stems.build(&best, &roots, &trie);
    let conditions: Vec<&[Condition]> = host.routes.iter().map(|r| &*r.conditions).collect();
    let (dispatch, automata_bytes) = dispatch::build(&conditions, &expressions, members.iter());
    facts.automata_bytes += automata_bytes;
    Ok(HostTable { exact: exact.build(), stems, trie, dispatch })
}

/// Whether the same tables serve both: they know the paths and conditions of routes, not what the
/// routes do.
pub(super) fn same_tables(a: &VirtualHost, b: &VirtualHost) -> bool {
    let same = |(a, b): (&Route, &Route)| a.path == b.path && a.conditions == b.conditions;
    a.routes.len() == b.routes.len() && a.routes.iter().zip(&b.routes).all(same)
}

fn too_large(route: &Route, error: &str) -> CompileError {
    let message = format!("the path is matched by an expression: {error}");
    CompileError { origin: Some(route.origin.clone()), message }
}

/// Which routes share a path pattern.
#[derive(Default)]
struct Groups {
    count: u32,
    /// The group of each route, by rank.
    of_route: Vec<u32>,
}

impl Groups {
    fn add(&mut self) -> u32 {
        self.count += 1;
        self.count - 1
    }

    fn members(&self) -> GroupMembers {
        let mut ends = vec![0; self.count as usize + 1];
        for &group in &self.of_route {
            ends[group as usize + 1] += 1;
        }
        for group in 1..ends.len() {
            ends[group] += ends[group - 1];
        }
        let (starts, mut next) = (ends.clone(), ends);
        let mut ranks = vec![NONE; self.of_route.len()];
        for (&group, rank) in self.of_route.iter().zip(0..) {
            let place = &mut next[group as usize];
            ranks[*place] = rank;
            *place += 1;
        }
        GroupMembers { starts, ranks }
    }
}

/// The ranks of the routes of each group, in ascending order. None is empty.
pub(super) struct GroupMembers {
    /// Where the ranks of a group begin; one more at the end.
    starts: Vec<usize>,
    ranks: Vec<u32>,
}

impl GroupMembers {
    /// The groups, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u32]> {
        self.starts.windows(2).map(|ends| &self.ranks[ends[0]..ends[1]])
    }
}

/// The expressions that are made of templates, each once.
#[derive(Default)]
struct Made<'r> {
    known: HashMap<(&'r PathTemplate, End), Regex>,
}

impl<'r> Made<'r> {
    /// # Errors
    ///
    /// What is too large: the expression, or all of the host together.
    fn regex(
        &mut self,
        template: &'r PathTemplate,
        end: End,
        limits: &Limits,
        facts: &mut Facts,
    ) -> Result<Regex, String> {
        if let Some(known) = self.known.get(&(template, end)) {
            return Ok(known.clone());
        }
        let regex = expression(template, end).map_err(|error| error.to_string())?;
        facts.regex_bytes = facts.regex_bytes.saturating_add(regex.memory());
        if facts.regex_bytes > limits.regex_bytes {
            return Err(format!("all of this host take more than {} bytes", limits.regex_bytes));
        }
        self.known.insert((template, end), regex.clone());
        Ok(regex)
    }
}
