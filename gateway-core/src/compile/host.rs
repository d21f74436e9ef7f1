//! The routes of a host to its tables.

use super::paths::Place;
use super::{CompileError, dispatch, exact, stems, trie};
use crate::limits::Limits;
use crate::matcher::{HostTable, NONE};
use crate::rules::{End, InvalidRegex, PathPattern, Route, VirtualHost};
use hashbrown::HashMap;

/// The tables of `host`, and how many bytes the automata take that find many expressions at once.
pub(super) fn compile(
    host: &VirtualHost,
    limits: &Limits,
) -> Result<(HostTable, usize), CompileError> {
    let mut groups = Groups::default();
    let mut exact = exact::ExactBuilder::default();
    let mut stems = stems::StemsBuilder::new(host.routes.len());
    let mut trie = trie::TrieBuilder::new();
    let mut expressions = Vec::new();
    let mut places = Places::default();
    for (route, rank) in host.routes.iter().zip(0..) {
        let place = places.of(&route.path).map_err(|error| not_compiled(route, &error))?;
        let mut add = || groups.add();
        let group = match &place {
            Place::Exact(path) => exact.insert(path, add),
            Place::Prefix(path) => match stems.prefix(path) {
                Some(stem) => {
                    if stem.group == NONE {
                        stem.group = add();
                    }
                    stem.group
                }
                None => trie.insert((0, path), &[], End::Segment, add),
            },
            Place::Trie(template, end) => {
                let (text, parts) = template.split_first();
                let place = stems.root(text, &mut trie);
                trie.insert(place, parts, *end, add)
            }
            Place::Regex(regex) => {
                let text = regex.literal_prefix();
                let place = stems.root(&text, &mut trie);
                trie.insert(place, &[], End::Byte, add)
            }
        };
        groups.of_route.push(group);
        if let Place::Regex(regex) = place {
            expressions.push((rank, regex));
        }
    }
    let members = groups.members();
    let best: Vec<u32> = members.iter().map(|ranks| ranks[0]).collect();
    let (trie, roots) = trie.build(&best, limits.crossing_width).map_err(|error| CompileError {
        origin: Some(host.origin.clone()),
        message: format!("the paths of the host `{}` {error}", host.hostname),
    })?;
    let stems = stems.build(&best, &roots, &trie);
    let (dispatch, automata_bytes) = dispatch::build(&host.routes, &expressions, &members);
    Ok((HostTable { exact: exact.build(), stems, trie, dispatch }, automata_bytes))
}

/// Whether the same tables serve both: they know the paths and conditions of routes, not what the
/// routes do.
pub(super) fn same_tables(a: &VirtualHost, b: &VirtualHost) -> bool {
    let same = |(a, b): (&Route, &Route)| a.path == b.path && a.conditions == b.conditions;
    a.routes.len() == b.routes.len() && a.routes.iter().zip(&b.routes).all(same)
}

fn not_compiled(route: &Route, error: &InvalidRegex) -> CompileError {
    let origin = Some(route.origin.clone());
    CompileError { origin, message: format!("the path is matched by an expression: {error}") }
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

    fn members(&self) -> Members {
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
        Members { starts, ranks }
    }
}

/// The ranks of the routes of each group, in ascending order. None is empty.
pub(super) struct Members {
    /// Where the ranks of a group begin; one more at the end.
    starts: Vec<usize>,
    ranks: Vec<u32>,
}

impl Members {
    /// The groups, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u32]> {
        self.starts.windows(2).map(|ends| &self.ranks[ends[0]..ends[1]])
    }
}

/// The places of patterns. An expression made of a template is made once.
#[derive(Default)]
struct Places<'r> {
    expressions: HashMap<String, Place<'r>>,
}

impl<'r> Places<'r> {
    fn of(&mut self, pattern: &'r PathPattern) -> Result<Place<'r>, InvalidRegex> {
        if !Place::is_made(pattern) {
            return Place::of(pattern);
        }
        let known = self.expressions.entry(pattern.to_string());
        Ok(known.or_insert(Place::of(pattern)?).clone())
    }
}
