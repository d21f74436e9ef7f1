//! Builds what finds many expressions on one field at once.

use crate::matcher::regexes::{MOST_LITERALS, MOST_PATTERNS};
use crate::rules::{Anchor, Regex, automaton};
use aho_corasick::automaton::Automaton as _;
use aho_corasick::nfa::contiguous::{Builder, NFA};
use hashbrown::{HashMap, HashSet};
use regex_automata::dfa::dense::DFA;
use std::collections::BTreeMap;

/// The most expressions that may share a literal: so many are tried one by one where it is found.
const SHARED: usize = 8;

/// The shortest literal that is looked for; shorter ones stand in most values.
const SHORTEST: usize = 2;

/// The most bytes of an automaton of several expressions.
const AUTOMATON_BYTES: usize = 256 << 10;

/// How many automata may turn out too large before the remaining expressions are left to be tried
/// one by one: each costs the time to build it.
const FAILURES: usize = 8;

/// A route and the expressions that it wants fields to match.
pub(super) type Wish<'r> = (u32, Vec<(u32, &'r Regex)>);

/// Routes by what finds them.
#[derive(Default)]
pub(super) struct Divided {
    pub(super) sets: Vec<Set>,
    /// The routes that nothing finds, in ascending order.
    pub(super) rest: Vec<u32>,
}

/// The expressions of one field that are found together, each with its routes in ascending order.
pub(super) struct Set {
    pub(super) field: u32,
    pub(super) found_by: FoundBy,
    pub(super) routes: Vec<Vec<u32>>,
}

pub(super) enum FoundBy {
    Automaton { dfa: Box<DFA<Vec<u32>>>, anchored: bool },
    Literals(Box<NFA>),
}

impl Set {
    pub(super) fn best(&self) -> u32 {
        self.routes.iter().map(|ranks| ranks[0]).min().unwrap_or(u32::MAX)
    }
}

impl FoundBy {
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Automaton { dfa, .. } => dfa.memory_usage(),
            Self::Literals(nfa) => nfa.memory_usage(),
        }
    }
}

/// One expression and its routes.
struct Pattern<'r> {
    regex: &'r Regex,
    ranks: Vec<u32>,
}

/// Divides routes, given in ascending order, by their expressions.
pub(super) fn divide(routes: &[Wish<'_>]) -> Divided {
    let mut divided = Divided::default();
    let distinct = distinct(routes);
    let mut fields: BTreeMap<u32, Patterns<'_>> = BTreeMap::new();
    for (rank, wishes) in routes {
        // Where there are most expressions, one of them says most.
        let most = wishes.iter().max_by_key(|(field, _)| distinct.get(field));
        match most.filter(|(field, _)| distinct[field] > 1) {
            Some((field, regex)) => fields.entry(*field).or_default().add(regex, *rank),
            None => divided.rest.push(*rank),
        }
    }
    for (field, patterns) in fields {
        divided.push_field(field, patterns.list);
    }
    divided.rest.sort_unstable();
    divided.sets.sort_by_key(Set::best);
    divided
}

/// How many expressions each field is wanted to match.
fn distinct(routes: &[Wish<'_>]) -> HashMap<u32, usize> {
    let mut seen = HashSet::new();
    let mut distinct = HashMap::new();
    for (field, regex) in routes.iter().flat_map(|(_, wishes)| wishes) {
        if seen.insert((*field, regex.identity())) {
            *distinct.entry(*field).or_default() += 1;
        }
    }
    distinct
}

#[derive(Default)]
struct Patterns<'r> {
    list: Vec<Pattern<'r>>,
    known: HashMap<usize, usize>,
}

impl<'r> Patterns<'r> {
    fn add(&mut self, regex: &'r Regex, rank: u32) {
        let at = *self.known.entry(regex.identity()).or_insert(self.list.len());
        match self.list.get_mut(at) {
            Some(pattern) => pattern.ranks.push(rank),
            None => self.list.push(Pattern { regex, ranks: vec![rank] }),
        }
    }
}

impl Divided {
    fn push_field(&mut self, field: u32, patterns: Vec<Pattern<'_>>) {
        let (by_literal, others) = choose_literals(patterns);
        for literals in by_literal.chunks(MOST_LITERALS) {
            self.push_literals(field, literals);
        }
        let mut failures = 0;
        let (anchored, anywhere): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|pattern| pattern.regex.anchor() != Anchor::None);
        for (patterns, anchored) in [(anchored, true), (anywhere, false)] {
            for patterns in patterns.chunks(MOST_PATTERNS) {
                self.push_automata(field, patterns, anchored, &mut failures);
            }
        }
    }

    fn push_literals(&mut self, field: u32, literals: &[(Vec<u8>, Vec<u32>)]) {
        let nfa = Builder::new()
            .ascii_case_insensitive(true)
            .build(literals.iter().map(|(literal, _)| literal));
        let routes = literals.iter().map(|(_, ranks)| ranks.clone());
        match nfa {
            Ok(nfa) => {
                let found_by = FoundBy::Literals(Box::new(nfa));
                self.sets.push(Set { field, found_by, routes: routes.collect() });
            }
            Err(_) => self.rest.extend(routes.flatten()),
        }
    }

    /// One automaton if it is small enough, else one for each half, and so on.
    fn push_automata(
        &mut self,
        field: u32,
        patterns: &[Pattern<'_>],
        anchored: bool,
        failures: &mut usize,
    ) {
        let routes = || patterns.iter().map(|pattern| pattern.ranks.clone());
        if patterns.len() < 2 || *failures >= FAILURES {
            self.rest.extend(routes().flatten());
            return;
        }
        let expressions: Vec<_> = patterns.iter().map(|pattern| pattern.regex.hir()).collect();
        match automaton::build(&expressions, anchored, AUTOMATON_BYTES) {
            Ok(dfa) => {
                let found_by = FoundBy::Automaton { dfa: Box::new(dfa), anchored };
                self.sets.push(Set { field, found_by, routes: routes().collect() });
            }
            Err(_) => {
                *failures += 1;
                let (first, second) = patterns.split_at(patterns.len() / 2);
                self.push_automata(field, first, anchored, failures);
                self.push_automata(field, second, anchored, failures);
            }
        }
    }
}

/// The literals that few of the expressions share, one for each expression, with the routes of
/// each literal; and the expressions that have none.
#[expect(clippy::type_complexity, reason = "two lists, each of which says what it holds")]
fn choose_literals(patterns: Vec<Pattern<'_>>) -> (Vec<(Vec<u8>, Vec<u32>)>, Vec<Pattern<'_>>) {
    let runs: Vec<Vec<Vec<u8>>> = patterns
        .iter()
        .map(|pattern| {
            let mut runs = pattern.regex.required_literals();
            runs.retain(|run| run.len() >= SHORTEST);
            runs.sort_unstable();
            runs.dedup();
            runs
        })
        .collect();
    let mut shared: HashMap<&[u8], usize> = HashMap::new();
    for run in runs.iter().flatten() {
        *shared.entry(run).or_default() += 1;
    }
    let mut by_literal: BTreeMap<&[u8], Vec<u32>> = BTreeMap::new();
    let mut others = Vec::new();
    for (pattern, runs) in patterns.into_iter().zip(&runs) {
        let rarest = runs.iter().min_by_key(|run| (shared[&***run], usize::MAX - run.len()));
        match rarest.filter(|run| shared[&***run] <= SHARED) {
            Some(run) => by_literal.entry(run).or_default().extend(&pattern.ranks),
            None => others.push(pattern),
        }
    }
    let by_literal = by_literal.into_iter().map(|(literal, mut ranks)| {
        ranks.sort_unstable();
        (literal.to_vec(), ranks)
    });
    (by_literal.collect(), others)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How the expressions, each of a route of its own, are divided: what the sets look for, and
    /// how many are left.
    fn divided(expressions: &[String], anchor: Anchor) -> (Vec<String>, usize) {
        let regexes: Vec<Regex> =
            expressions.iter().map(|source| Regex::new(source, anchor, false).unwrap()).collect();
        let wishes: Vec<Wish<'_>> =
            regexes.iter().zip(0..).map(|(regex, rank)| (rank, vec![(7, regex)])).collect();
        let divided = divide(&wishes);
        let kind = |set: &Set| {
            assert_eq!(set.field, 7);
            let kind = match &set.found_by {
                FoundBy::Automaton { anchored: true, .. } => "anchored",
                FoundBy::Automaton { anchored: false, .. } => "anywhere",
                FoundBy::Literals(_) => "literals",
            };
            format!("{kind} {}", set.routes.len())
        };
        (divided.sets.iter().map(kind).collect(), divided.rest.len())
    }

    fn many(count: usize, expression: impl Fn(usize) -> String) -> Vec<String> {
        (0..count).map(expression).collect()
    }

    #[test]
    fn rare_literals_find_expressions() {
        let inner = many(100, |n| format!("^/[a-z]+/v[0-9]+/svc{n}/[^/]+$"));
        assert_eq!(divided(&inner, Anchor::None), (vec!["literals 100".into()], 0));
        // Eight share each literal, then nine do.
        let eight = many(80, |n| format!("[a-c]{}x+svc{}/", n % 8, n / 8));
        assert_eq!(divided(&eight, Anchor::None), (vec!["literals 10".into()], 0));
        let nine = many(90, |n| format!("[a-c]{}x+svc{}/", n % 9, n / 9));
        let want = vec!["anywhere 64".into(), "anywhere 26".into()];
        assert_eq!(divided(&nine, Anchor::None), (want, 0));
    }

    #[test]
    fn others_are_automata() {
        let digits = many(70, |n| format!("[0-9]{{{}}}[a-f]", n + 1));
        let want = vec!["anchored 64".into(), "anchored 6".into()];
        assert_eq!(divided(&digits, Anchor::Start), (want, 0));
        // What blows up together is tried one by one.
        let stars = many(32, |n| {
            let (a, b) = (char::from(b'a' + n as u8 % 16), char::from(b'a' + n as u8 / 2));
            format!("{a}.*{b}.*{a}.*{b}")
        });
        let (sets, rest) = divided(&stars, Anchor::None);
        assert!(rest > 0, "{sets:?}");
        assert!(divided(&many(1, |_| "abc".into()), Anchor::None).0.is_empty());
    }

    #[test]
    fn the_field_with_the_most_expressions_divides() {
        let one = Regex::new("[a-c]+", Anchor::None, false).unwrap();
        let many: Vec<Regex> = (10..30)
            .map(|n| Regex::new(&format!("[a-c]{n}"), Anchor::None, false).unwrap())
            .collect();
        let mut wishes: Vec<Wish<'_>> =
            many.iter().zip(0..).map(|(regex, rank)| (rank, vec![(1, &one), (2, regex)])).collect();
        wishes.push((20, vec![(1, &one)]));
        wishes.push((21, vec![]));
        let divided = divide(&wishes);
        assert_eq!(divided.sets.iter().map(|set| set.field).collect::<Vec<_>>(), [2]);
        assert_eq!(divided.rest, [20, 21]);
    }
}
