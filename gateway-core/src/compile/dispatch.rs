//! Builds the groups of a host.

use super::regexes::{FoundBy, Set, divide};
use crate::matcher::dispatch::{
    Candidates, Check, Column, Dispatch, Group, LONGEST_KEY, List, Members, Probe, Scanned,
    Signature, Wanted, probe_key, value_key, values_key,
};
use crate::matcher::regexes::{Automaton, Finder, Literals, Scan};
use crate::rules::{Condition, Field, Regex, Test};
use hashbrown::{HashMap, HashTable};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Groups of at most this many routes are lists: looking at all of them is cheaper than probing.
const SMALL: usize = 8;

/// Divides routes, of which there are the conditions by rank, into the `groups`, each of which
/// holds ranks in ascending order.
///
/// `expressions` are the further conditions on the path that routes have, by rank. Tells besides
/// how many bytes the automata take that find many expressions at once.
pub(super) fn build<'g>(
    routes: &[&[Condition]],
    expressions: &[(u32, Cow<'_, Regex>)],
    groups: impl Iterator<Item = &'g [u32]>,
) -> (Dispatch, usize) {
    let mut builder = DispatchBuilder::default();
    builder.first_check.push(0);
    let mut expressions = expressions.iter().peekable();
    for (conditions, rank) in routes.iter().zip(0..) {
        let of_path = expressions.next_if(|(of, _)| *of == rank);
        builder.push_route(conditions, of_path.map(|(_, regex)| &**regex));
    }
    for members in groups {
        builder.push_group(routes, members);
    }
    builder.build()
}

#[derive(Default)]
struct DispatchBuilder<'r> {
    groups: Vec<Group>,
    signatures: Vec<Signature>,
    columns: Vec<Column>,
    lists: Vec<u32>,
    scanned: Vec<Scanned>,
    /// Keys and ranks.
    probes: Vec<(u64, u32)>,
    fields: Vec<Field>,
    field_indexes: HashMap<&'r Field, u32>,
    checks: Vec<Check>,
    first_check: Vec<u32>,
    text: Vec<u8>,
    texts: HashMap<&'r str, u32>,
    others: Vec<Condition>,
    automata_bytes: usize,
}

/// The residual test of a route with a regular expression for a path.
const PATH: &Field = &Field::Path;

impl<'r> DispatchBuilder<'r> {
    fn push_route(&mut self, conditions: &'r [Condition], of_path: Option<&Regex>) {
        if let Some(regex) = of_path {
            let test = Test::Matches { regex: regex.clone(), empty_matches: true };
            let wanted = self.other(Condition::new(Field::Path, test));
            let field = self.field(PATH);
            self.checks.push(Check { field, wanted });
        }
        for condition in conditions {
            let field = self.field(&condition.field);
            let wanted = match &condition.test {
                Test::Equals { value, ignore_case } if !condition.negated => {
                    let start = self.text(value);
                    let end = start + value.len() as u32;
                    match ignore_case {
                        false => Wanted::Text(start, end),
                        true => Wanted::TextInAnyCase(start, end),
                    }
                }
                _ => self.other(condition.clone()),
            };
            self.checks.push(Check { field, wanted });
        }
        self.first_check.push(self.checks.len() as u32);
    }

    fn other(&mut self, condition: Condition) -> Wanted {
        self.others.push(condition);
        Wanted::Other(self.others.len() as u32 - 1)
    }

    fn field(&mut self, field: &'r Field) -> u32 {
        *self.field_indexes.entry(field).or_insert_with(|| {
            self.fields.push(field.clone());
            self.fields.len() as u32 - 1
        })
    }

    fn text(&mut self, text: &'r str) -> u32 {
        *self.texts.entry(text).or_insert_with(|| {
            let start = self.text.len() as u32;
            self.text.extend_from_slice(text.as_bytes());
            start
        })
    }

    fn is_unconditional(&self, rank: u32) -> bool {
        self.first_check[rank as usize] == self.first_check[rank as usize + 1]
    }

    fn push_group(&mut self, routes: &[&'r [Condition]], members: &[u32]) {
        // An unconditional route hides all that come after it.
        let shown = members.iter().position(|&rank| self.is_unconditional(rank));
        let members = shown.map_or(members, |last| &members[..=last]);
        let best = members[0];
        let members = if self.is_unconditional(best) {
            Members::Unconditional
        } else if members.len() <= SMALL {
            Members::Few(self.list(members))
        } else {
            let first = self.signatures.len() as u32;
            self.push_signatures(routes, members);
            Members::Signatures(first, self.signatures.len() as u32)
        };
        self.groups.push(Group { best, members });
    }

    fn push_without_columns(&mut self, members: &[u32]) {
        let candidates = self.candidates(members);
        self.signatures.push(Signature { best: members[0], columns: (0, 0), candidates });
    }

    /// A list of `members`, or where that would be long, what finds them by their expressions.
    fn candidates(&mut self, members: &[u32]) -> Candidates {
        if members.len() <= SMALL {
            return self.list(members).into();
        }
        let wishes: Vec<_> = members.iter().map(|&rank| (rank, self.wishes(rank))).collect();
        let divided = divide(&wishes);
        if divided.sets.is_empty() {
            return self.list(members).into();
        }
        let scans = divided.sets.into_iter().map(|set| self.scan(set)).collect();
        let rest = self.list(&divided.rest);
        self.scanned.push(Scanned { scans, rest });
        Candidates::scanned(self.scanned.len() as u32 - 1)
    }

    /// The expressions that a route wants fields to match.
    fn wishes(&self, rank: u32) -> Vec<(u32, &Regex)> {
        let checks = self.first_check[rank as usize]..self.first_check[rank as usize + 1];
        let checks = &self.checks[checks.start as usize..checks.end as usize];
        let wish = |check: &Check| {
            let Wanted::Other(other) = check.wanted else { return None };
            match &self.others[other as usize] {
                Condition { test: Test::Matches { regex, .. }, negated: false, .. } => {
                    Some((check.field, regex))
                }
                _ => None,
            }
        };
        checks.iter().filter_map(wish).collect()
    }

    fn scan(&mut self, set: Set) -> Scan {
        let best = set.best();
        self.automata_bytes += set.found_by.memory();
        let lists = set.routes.iter().map(|ranks| self.list(ranks)).collect();
        let finder = match set.found_by {
            FoundBy::Automaton { dfa, anchored } => {
                Finder::Automaton(Automaton { dfa, anchored, lists })
            }
            FoundBy::Literals(nfa) => Finder::Literals(Literals { nfa, lists }),
        };
        Scan { best, field: set.field, finder }
    }

    fn list(&mut self, members: &[u32]) -> List {
        if members.is_empty() {
            return List::EMPTY;
        }
        let start = self.lists.len() as u32;
        self.lists.extend(members);
        List { start, end: self.lists.len() as u32 }
    }

    fn push_signatures(&mut self, routes: &[&'r [Condition]], members: &[u32]) {
        let mut by_columns: BTreeMap<Vec<Column>, Vec<(u32, u64)>> = BTreeMap::new();
        for &rank in members {
            let keys = self.keys(routes[rank as usize]);
            let values = values_key(keys.values().copied().map(Some)).unwrap_or_default();
            by_columns.entry(keys.into_keys().collect()).or_default().push((rank, values));
        }
        let mut divided: Vec<_> = by_columns.into_iter().collect();
        divided.sort_by_key(|(_, routes)| routes[0].0);
        for (columns, routes) in divided {
            if columns.is_empty() {
                let ranks: Vec<u32> = routes.into_iter().map(|(rank, _)| rank).collect();
                self.push_without_columns(&ranks);
                continue;
            }
            let signature = self.signatures.len() as u32;
            let key = |&(rank, values): &(u32, u64)| (probe_key(signature, values), rank);
            self.probes.extend(routes.iter().map(key));
            let start = self.columns.len() as u32;
            self.columns.extend(columns);
            let columns = (start, self.columns.len() as u32);
            let candidates = List::EMPTY.into();
            self.signatures.push(Signature { best: routes[0].0, columns, candidates });
        }
    }

    /// The fields that a route wants to have exactly some value, with the hash of the value.
    fn keys(&self, conditions: &[Condition]) -> BTreeMap<Column, u64> {
        let mut keys = BTreeMap::new();
        for condition in conditions {
            let Test::Equals { value, ignore_case } = &condition.test else { continue };
            if condition.negated || value.len() > LONGEST_KEY {
                continue;
            }
            let field = self.field_indexes[&condition.field];
            let column = Column { field, ignore_case: *ignore_case };
            let key = match ignore_case {
                false => value_key(value.as_bytes()),
                true => value_key(value.to_ascii_lowercase().as_bytes()),
            };
            // Of two values for one field one is enough to find the route.
            keys.entry(column).or_insert(key);
        }
        keys
    }

    fn build(mut self) -> (Dispatch, usize) {
        let mut found = std::mem::take(&mut self.probes);
        found.sort_unstable();
        let keys = found.chunk_by(|a, b| a.0 == b.0);
        let mut probes = HashTable::with_capacity(keys.clone().count());
        for routes in keys {
            let key = routes[0].0;
            let members: Vec<u32> = routes.iter().map(|&(_, rank)| rank).collect();
            let candidates = self.candidates(&members);
            probes.insert_unique(key, Probe { key, candidates }, |probe| probe.key);
        }
        let automata_bytes = self.automata_bytes;
        let dispatch = Dispatch {
            groups: self.groups.into(),
            signatures: self.signatures.into(),
            columns: self.columns.into(),
            lists: self.lists.into(),
            scanned: self.scanned.into(),
            probes,
            fields: self.fields.into(),
            checks: self.checks.into(),
            first_check: self.first_check.into(),
            text: self.text.into(),
            others: self.others.into(),
        };
        (dispatch, automata_bytes)
    }
}
