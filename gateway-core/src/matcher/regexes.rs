//! Many expressions on one field, found at once.
//!
//! What is found here are candidates: every condition of a route is verified afterwards, so that
//! nothing here decides. A value is read once, in pieces as it comes, and each candidate is named
//! at most once for a value, however often it is hit: no value makes this worse than trying the
//! expressions one by one.

use super::dispatch::List;
use aho_corasick::automaton::Automaton as _;
use aho_corasick::nfa::contiguous::NFA;
use regex_automata::dfa::{Automaton as _, dense};
use regex_automata::util::start;
use regex_automata::{Anchored, util::primitives::StateID};

/// The most expressions of an [`Automaton`]: a set of them is a word.
pub(crate) const MOST_PATTERNS: usize = 64;

/// The most literals of [`Literals`]: a set of them lies on the stack.
pub(crate) const MOST_LITERALS: usize = 16 * 1024;

/// Routes by an expression that they want one field to match.
pub(crate) struct Scan {
    /// The best of their ranks.
    pub(crate) best: u32,
    /// Index into [`super::dispatch::Dispatch::fields`].
    pub(crate) field: u32,
    pub(crate) finder: Finder,
}

/// How expressions are found.
pub(crate) enum Finder {
    Automaton(Automaton),
    Literals(Literals),
}

/// All expressions as one deterministic automaton.
pub(crate) struct Automaton {
    pub(crate) dfa: Box<dense::DFA<Vec<u32>>>,
    pub(crate) anchored: bool,
    /// The routes of each expression, in the order of their best ranks.
    pub(crate) lists: Box<[List]>,
}

/// One literal for each expression, that stands in whatever it matches in some case.
pub(crate) struct Literals {
    pub(crate) nfa: Box<NFA>,
    /// The routes of each literal.
    pub(crate) lists: Box<[List]>,
}

impl Automaton {
    /// Starts reading a value.
    pub(super) fn run(&self) -> AutomatonRun<'_> {
        let anchored = if self.anchored { Anchored::Yes } else { Anchored::No };
        // The automaton has no quit bytes at its start, and the kind of start it was built for.
        let state = self.dfa.start_state(&start::Config::new().anchored(anchored)).ok();
        AutomatonRun { dfa: &self.dfa, state, known: None, found: 0 }
    }
}

/// A value under way in an [`Automaton`].
pub(super) struct AutomatonRun<'a> {
    dfa: &'a dense::DFA<Vec<u32>>,
    /// `None` once nothing can match any more.
    state: Option<StateID>,
    /// The last state whose expressions were added: values often stay in one.
    known: Option<StateID>,
    found: u64,
}

impl AutomatonRun<'_> {
    pub(super) fn feed(&mut self, piece: &[u8]) {
        let Some(mut state) = self.state else { return };
        for &octet in piece {
            state = self.dfa.next_state(state, octet);
            if self.dfa.is_special_state(state) {
                if self.dfa.is_match_state(state) {
                    self.add(state);
                } else if self.dfa.is_dead_state(state) || self.dfa.is_quit_state(state) {
                    self.state = None;
                    return;
                }
            }
        }
        self.state = Some(state);
    }

    fn add(&mut self, state: StateID) {
        if self.known != Some(state) {
            self.known = Some(state);
            for index in 0..self.dfa.match_len(state) {
                self.found |= 1 << self.dfa.match_pattern(state, index).as_usize();
            }
        }
    }

    /// The expressions that match, a bit each.
    pub(super) fn finish(mut self) -> u64 {
        if let Some(state) = self.state {
            let end = self.dfa.next_eoi_state(state);
            if self.dfa.is_match_state(end) {
                self.add(end);
            }
        }
        self.found
    }
}

impl Literals {
    /// Starts reading a value.
    pub(super) fn run(&self) -> LiteralsRun<'_> {
        let state = self.nfa.start_state(aho_corasick::Anchored::No).ok();
        LiteralsRun { literals: self, state, seen: None }
    }
}

/// A value under way in [`Literals`].
pub(super) struct LiteralsRun<'a> {
    literals: &'a Literals,
    state: Option<aho_corasick::automaton::StateID>,
    /// The literals that were found, a bit each; made for the first one.
    seen: Option<[u64; MOST_LITERALS / 64]>,
}

impl LiteralsRun<'_> {
    /// Goes on with the next piece, and hands over the routes of each literal when it is first
    /// found.
    pub(super) fn feed(&mut self, piece: &[u8], mut found: impl FnMut(List)) {
        let Some(mut state) = self.state else { return };
        let nfa = &*self.literals.nfa;
        for &octet in piece {
            state = nfa.next_state(aho_corasick::Anchored::No, state, octet);
            if nfa.is_special(state) && nfa.is_match(state) {
                let seen = self.seen.get_or_insert([0; MOST_LITERALS / 64]);
                for index in 0..nfa.match_len(state) {
                    let literal = nfa.match_pattern(state, index).as_usize();
                    let (word, bit) = (&mut seen[literal / 64], 1 << (literal % 64));
                    if *word & bit == 0 {
                        *word |= bit;
                        found(self.literals.lists[literal]);
                    }
                }
            }
        }
        self.state = Some(state);
    }
}
