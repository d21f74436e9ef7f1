//! Regular expressions: linear time, bounded size, no scratch memory while matching.

pub(crate) mod automaton;
mod capture;
mod literals;
mod sample;
mod syntax;

pub use capture::CaptureRegex;

use regex_automata::dfa::{Automaton, sparse};
use regex_automata::util::primitives::PatternID;
use regex_automata::util::start;
use regex_automata::{Anchored, meta};
use regex_syntax::hir::{Hir, Look};
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use syntax::too_large;

/// The longest expression, in characters (smi H-16).
pub const MAX_REGEX_LENGTH: usize = 4096;
/// The largest compiled expression, in bytes (smi H-16).
pub const MAX_REGEX_BYTES: usize = 1 << 20;

/// Where an expression has to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Anchor {
    /// Anywhere (VirtualServer, SMI headers).
    None,
    /// From the first octet on; what follows the match does not matter (SMI paths, smi H-6).
    Start,
    /// The whole value (Gateway API).
    Both,
}

/// A compiled expression.
///
/// The dialect is that of the `regex` crate, on octets: `.` and classes are ASCII where the
/// expression allows it, and Unicode characters where it holds classes that are not. Of letters
/// beyond ASCII the case is ignored with `ignore_case`, not by an `(?i)` in the expression.
/// Compiled to a deterministic automaton: matching needs no memory and is linear in the
/// value.
#[derive(Clone)]
pub struct Regex {
    source: Box<str>,
    anchor: Anchor,
    ignore_case: bool,
    compiled: Arc<Compiled>,
}

struct Compiled {
    dfa: sparse::DFA<Vec<u8>>,
    /// Made when it is first asked for, which most never are.
    groups: OnceLock<Option<meta::Regex>>,
}

/// Why an expression is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidRegex {
    message: String,
}

impl InvalidRegex {
    pub(crate) fn new(message: String) -> Self {
        Self { message }
    }
}

impl fmt::Display for InvalidRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for InvalidRegex {}

impl Regex {
    /// Compiles `source`.
    ///
    /// # Errors
    ///
    /// When it does not parse (the message says where), uses look-around or back-references, is
    /// longer than [`MAX_REGEX_LENGTH`] or compiles to more than [`MAX_REGEX_BYTES`].
    ///
    /// ```
    /// use gateway_core::rules::{Anchor, Regex};
    /// let regex = Regex::new("/v[12]/tea", Anchor::Start, false)?;
    /// assert!(regex.is_match(b"/v1/teapot"));
    /// assert!(!regex.is_match(b"/old/v1/tea"));
    /// # Ok::<(), gateway_core::rules::InvalidRegex>(())
    /// ```
    pub fn new(source: &str, anchor: Anchor, ignore_case: bool) -> Result<Self, InvalidRegex> {
        let hir = anchored(syntax::parse(source, ignore_case)?, anchor);
        let dfa = automaton::build(&[hir], anchor != Anchor::None, MAX_REGEX_BYTES)
            .and_then(|dfa| Ok(dfa.to_sparse()?))
            .map_err(|error| too_large(&*error))?;
        let compiled = Arc::new(Compiled { dfa, groups: OnceLock::new() });
        Ok(Self { source: source.into(), anchor, ignore_case, compiled })
    }

    /// The expression as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Where it has to match.
    pub fn anchor(&self) -> Anchor {
        self.anchor
    }

    /// Whether case is ignored.
    pub fn ignore_case(&self) -> bool {
        self.ignore_case
    }

    /// The size of the compiled form in bytes.
    pub fn memory(&self) -> usize {
        self.compiled.dfa.memory_usage()
    }

    /// Octets with which every value begins that it matches. May be shorter than possible.
    pub(crate) fn literal_prefix(&self) -> Vec<u8> {
        literals::prefix(&self.hir())
    }

    /// The same, and whether it matches every value that begins with them, whatever follows.
    pub(crate) fn beginning(&self) -> (Vec<u8>, bool) {
        let hir = self.hir();
        let prefix = literals::prefix(&hir);
        let is_all = literals::matches_all_with(&prefix, &hir);
        (prefix, is_all)
    }

    /// A short printable text that it matches, to be shown; not all expressions have one.
    pub(crate) fn sample(&self) -> Option<String> {
        sample::sample(&self.hir()).filter(|text| self.is_match(text.as_bytes()))
    }

    /// Runs of octets, in lower case, each of which stands in every value that it matches, whatever
    /// the case of the value. Not all there are.
    pub(crate) fn required_literals(&self) -> Vec<Vec<u8>> {
        literals::required(&self.hir())
    }

    /// Its syntax tree, with its anchors.
    pub(crate) fn hir(&self) -> Hir {
        let hir = syntax::parse(&self.source, self.ignore_case);
        anchored(hir.unwrap_or_else(|_| Hir::fail()), self.anchor)
    }

    /// The same for copies of one expression, which share the compiled form.
    pub(crate) fn identity(&self) -> usize {
        Arc::as_ptr(&self.compiled).addr()
    }

    /// Whether it matches `value`.
    pub fn is_match(&self, value: &[u8]) -> bool {
        let mut run = self.run();
        run.feed(value);
        run.finish()
    }

    /// Starts matching a value that comes in pieces.
    pub(crate) fn run(&self) -> Run<'_> {
        let anchored = match self.anchor {
            Anchor::None => Anchored::No,
            Anchor::Start | Anchor::Both => Anchored::Yes,
        };
        // The automaton has no quit bytes at its start, and the kind of start it was built for.
        let dfa = &self.compiled.dfa;
        let state = dfa.start_state(&start::Config::new().anchored(anchored));
        Run { dfa, state: state.ok(), matched: false }
    }

    /// The groups that took part in the first match in `value`, by name, or by number where they
    /// have none.
    pub(crate) fn captures(&self, value: &[u8]) -> Vec<(Cow<'_, str>, Range<usize>)> {
        let compile = || capture::with_groups(&self.hir()).ok();
        let groups = self.compiled.groups.get_or_init(compile);
        let Some(groups) = groups else { return Vec::new() };
        let mut found = groups.create_captures();
        groups.captures(value, &mut found);
        let names = groups.group_info().pattern_names(PatternID::ZERO).enumerate().skip(1);
        names
            .filter_map(|(at, name)| {
                let name = name.map_or_else(|| at.to_string().into(), Cow::Borrowed);
                Some((name, found.get_group(at)?.range()))
            })
            .collect()
    }
}

/// A match under way.
pub(crate) struct Run<'r> {
    dfa: &'r sparse::DFA<Vec<u8>>,
    state: Option<regex_automata::util::primitives::StateID>,
    matched: bool,
}

impl Run<'_> {
    /// Goes on with the next piece.
    pub(crate) fn feed(&mut self, piece: &[u8]) {
        let Some(mut state) = self.state else { return };
        for &byte in piece {
            state = self.dfa.next_state(state, byte);
            if self.dfa.is_special_state(state) {
                if self.dfa.is_match_state(state) {
                    self.matched = true;
                    self.state = None;
                    return;
                }
                if self.dfa.is_dead_state(state) || self.dfa.is_quit_state(state) {
                    self.state = None;
                    return;
                }
            }
        }
        self.state = Some(state);
    }

    /// Whether the whole value matched.
    pub(crate) fn finish(self) -> bool {
        let end = |state| self.dfa.is_match_state(self.dfa.next_eoi_state(state));
        self.matched || self.state.is_some_and(end)
    }
}

impl PartialEq for Regex {
    fn eq(&self, other: &Self) -> bool {
        (&self.source, self.anchor, self.ignore_case)
            == (&other.source, other.anchor, other.ignore_case)
    }
}

impl Eq for Regex {}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Regex({self})")
    }
}

impl fmt::Display for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.source)?;
        match self.anchor {
            Anchor::None => f.write_str(" anywhere")?,
            Anchor::Start => f.write_str(" at the start")?,
            Anchor::Both => f.write_str(" as a whole")?,
        }
        if self.ignore_case { f.write_str(" in any case") } else { Ok(()) }
    }
}

fn anchored(hir: Hir, anchor: Anchor) -> Hir {
    match anchor {
        Anchor::None => hir,
        Anchor::Start => Hir::concat(vec![Hir::look(Look::Start), hir]),
        Anchor::Both => Hir::concat(vec![Hir::look(Look::Start), hir, Hir::look(Look::End)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors() {
        for (source, anchor, value, want) in [
            // smi H-6
            ("/metrics", Anchor::Start, "/metricsfoo", true),
            ("/metrics", Anchor::Start, "/v1/metrics", false),
            ("/a|/b", Anchor::Start, "/bc", true),
            ("/a|/b", Anchor::Start, "/c/b", false),
            ("^/ping$", Anchor::Start, "/ping", true),
            ("^/ping$", Anchor::Start, "/ping/", false),
            ("", Anchor::Start, "/x", true),
            // smi H-11
            ("^demo-1$", Anchor::None, "demo-1", true),
            ("^demo-1$", Anchor::None, "demo-10", false),
            ("demo", Anchor::None, "a demo-2", true),
            (".*", Anchor::None, "", true),
            // gateway-api §11.2
            ("/v[0-9]+", Anchor::Both, "/v12", true),
            ("/v[0-9]+", Anchor::Both, "/v12/", false),
            ("a|ab", Anchor::Both, "ab", true),
            // virtualserver §10.2
            ("^GET|HEAD$", Anchor::None, "GETX", true),
            // octets that are not UTF-8 text of their own
            ("caf.", Anchor::None, "café", true),
            ("[é]$", Anchor::None, "café", true),
        ] {
            let regex = Regex::new(source, anchor, false).unwrap();
            assert_eq!(regex.is_match(value.as_bytes()), want, "{source} {anchor:?} {value}");
            let mut run = regex.run();
            value.as_bytes().chunks(1).for_each(|piece| run.feed(piece));
            assert_eq!(run.finish(), want, "in pieces: {source} {anchor:?} {value}");
        }
        assert!(Regex::new("tea", Anchor::Both, true).unwrap().is_match(b"TeA"));
    }

    #[test]
    fn values_are_octets() {
        // smi H-15
        for (source, value, want) in [
            ("caf.", &b"caf\xFF"[..], true),
            ("^[^a]$", b"\xFF", true),
            ("beta", b"\xFF\xFEbeta\x80", true),
            ("^\\p{L}$", b"\xFF", false),
            ("^.$", "é".as_bytes(), false),
            ("^..$", "é".as_bytes(), true),
            ("^(?u:.)$", "é".as_bytes(), true),
            ("^\\p{L}$", "é".as_bytes(), true),
            ("^(?u:.)$", b"\xFF", false),
            // smi H-16: all that Unicode says of characters
            ("^\\p{Lu}\\p{Greek}$", "Éβ".as_bytes(), true),
            ("^\\p{Alphabetic}\\p{Age=3.0}$", "éa".as_bytes(), true),
            ("^(?u:\\w\\d)$", "é٣".as_bytes(), true),
            ("^(?iu:É)$", "é".as_bytes(), true),
        ] {
            let regex = Regex::new(source, Anchor::None, false).unwrap();
            assert_eq!(regex.is_match(value), want, "{source} {value:?}");
        }
    }

    #[test]
    fn refusals_say_what_and_where() {
        for (source, want) in [
            ("/a(", "unclosed group (at character 3 of the expression)"),
            ("a)|(b", "unopened group (at character 2 of the expression)"),
            ("(?=x)", "look-around is not supported (at character 1 of the expression)"),
            (r"(a)\1", "backreferences are not supported (at character 4 of the expression)"),
        ] {
            let error = Regex::new(source, Anchor::Start, false).unwrap_err();
            assert!(
                error.to_string().contains(want.split(" (").next().unwrap()),
                "{source}: {error}"
            );
            assert!(
                error.to_string().ends_with(want.rsplit(" (").next().unwrap()),
                "{source}: {error}"
            );
        }
        let big = Regex::new("[ab]*a[ab]{24}", Anchor::None, false).unwrap_err();
        assert_eq!(big.to_string(), "the compiled expression is larger than 1048576 bytes");
        assert!(Regex::new(&"a".repeat(5000), Anchor::None, false).is_err());
    }
}
