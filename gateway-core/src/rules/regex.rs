//! Regular expressions: linear time, bounded size, no scratch memory while matching.

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::primitives::PatternID;
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind, meta};
use regex_syntax::hir::Look;
use regex_syntax::hir::literal::Extractor;
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

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
/// The dialect is that of the `regex` crate, on octets: `.`, classes and `(?i)` are ASCII where
/// the expression allows it, and on Unicode characters where it holds characters or classes that
/// are not. Compiled to a deterministic automaton: matching needs no memory and is linear in the
/// value.
#[derive(Clone)]
pub struct Regex {
    source: Box<str>,
    anchor: Anchor,
    ignore_case: bool,
    compiled: Arc<Compiled>,
}

struct Compiled {
    dfa: dense::DFA<Vec<u32>>,
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
        let unicode = check(source, ignore_case)?;
        let pattern = anchored_source(source, anchor);
        let start = match anchor {
            Anchor::None => StartKind::Unanchored,
            Anchor::Start | Anchor::Both => StartKind::Anchored,
        };
        let dfa = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .start_kind(start)
                    .match_kind(MatchKind::All)
                    .dfa_size_limit(Some(MAX_REGEX_BYTES))
                    .determinize_size_limit(Some(4 * MAX_REGEX_BYTES)),
            )
            .syntax(syntax_config(unicode, ignore_case))
            .thompson(nfa_config())
            .build(&pattern)
            .map_err(|error| too_large(&error))?;
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
        let parsed = check(&self.source, self.ignore_case).and_then(|unicode| {
            let config = syntax_config(unicode, self.ignore_case);
            syntax::parse_with(&self.source, &config).map_err(|e| too_large(&e))
        });
        let Ok(hir) = parsed else { return Vec::new() };
        let at_start = hir.properties().look_set_prefix().contains(Look::Start);
        if self.anchor == Anchor::None && !at_start {
            return Vec::new();
        }
        let literals = Extractor::new().extract(&hir);
        literals.longest_common_prefix().map(<[u8]>::to_vec).unwrap_or_default()
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
        let groups = self.compiled.groups.get_or_init(|| {
            let unicode = check(&self.source, self.ignore_case).ok()?;
            let source = anchored_source(&self.source, self.anchor);
            with_groups(&source, unicode, self.ignore_case).ok()
        });
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
    dfa: &'r dense::DFA<Vec<u32>>,
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

/// An expression whose groups are wanted: for rewrites, where the winner's alone are looked at.
#[derive(Clone)]
pub struct CaptureRegex {
    source: Box<str>,
    ignore_case: bool,
    regex: meta::Regex,
}

impl CaptureRegex {
    /// Compiles `source`, to be searched anywhere in a value.
    ///
    /// # Errors
    ///
    /// As [`Regex::new`].
    pub fn new(source: &str, ignore_case: bool) -> Result<Self, InvalidRegex> {
        let unicode = check(source, ignore_case)?;
        let regex = with_groups(source, unicode, ignore_case)?;
        Ok(Self { source: source.into(), ignore_case, regex })
    }

    /// The groups of the first match in `value`, group 0 being the whole match.
    pub(crate) fn captures<'v>(&self, value: &'v [u8]) -> Option<Vec<Option<&'v [u8]>>> {
        let mut captures = self.regex.create_captures();
        self.regex.captures(value, &mut captures);
        captures.is_match().then(|| {
            captures.iter().map(|group| group.map(|span| &value[span.start..span.end])).collect()
        })
    }
}

impl PartialEq for CaptureRegex {
    fn eq(&self, other: &Self) -> bool {
        (&self.source, self.ignore_case) == (&other.source, other.ignore_case)
    }
}

impl fmt::Debug for CaptureRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CaptureRegex({:?})", self.source)
    }
}

fn with_groups(
    source: &str,
    unicode: bool,
    ignore_case: bool,
) -> Result<meta::Regex, InvalidRegex> {
    let config = meta::Config::new()
        .nfa_size_limit(Some(MAX_REGEX_BYTES))
        .onepass_size_limit(Some(MAX_REGEX_BYTES))
        .utf8_empty(false);
    meta::Regex::builder()
        .configure(config)
        .syntax(syntax_config(unicode, ignore_case))
        .build(source)
        .map_err(|error| too_large(&error))
}

fn anchored_source(source: &str, anchor: Anchor) -> String {
    match anchor {
        Anchor::None => source.to_owned(),
        Anchor::Start => format!(r"\A(?:{source})"),
        Anchor::Both => format!(r"\A(?:{source})\z"),
    }
}

fn syntax_config(unicode: bool, ignore_case: bool) -> syntax::Config {
    syntax::Config::new().unicode(unicode).utf8(false).case_insensitive(ignore_case).nest_limit(100)
}

fn nfa_config() -> regex_automata::nfa::thompson::Config {
    regex_automata::nfa::thompson::Config::new()
        .utf8(false)
        .nfa_size_limit(Some(MAX_REGEX_BYTES))
        .which_captures(regex_automata::nfa::thompson::WhichCaptures::None)
}

/// Parses the expression alone, so that a group cannot be closed by a stray parenthesis and
/// positions are those of the user's text. Tells whether it needs Unicode.
fn check(source: &str, ignore_case: bool) -> Result<bool, InvalidRegex> {
    if source.chars().count() > MAX_REGEX_LENGTH {
        let message = format!("the expression is longer than {MAX_REGEX_LENGTH} characters");
        return Err(InvalidRegex { message });
    }
    if syntax::parse_with(source, &syntax_config(false, ignore_case)).is_ok() {
        // ASCII case folding would miss capital letters beyond ASCII.
        let plain = source.is_ascii() || !ignore_case;
        return Ok(!plain);
    }
    match syntax::parse_with(source, &syntax_config(true, ignore_case)) {
        Ok(_) => Ok(true),
        Err(error) => Err(InvalidRegex { message: describe(&error) }),
    }
}

fn describe(error: &regex_syntax::Error) -> String {
    let (what, span) = match error {
        regex_syntax::Error::Parse(e) => (e.kind().to_string(), *e.span()),
        regex_syntax::Error::Translate(e) => (e.kind().to_string(), *e.span()),
        _ => return "not a regular expression".into(),
    };
    // The parser adds what look-around includes.
    let what = match what.split_once(',') {
        Some(("look-around", _)) => "look-around is not supported",
        Some((what, _)) => what,
        None => &*what,
    };
    format!("{what} (at character {} of the expression)", span.start.column)
}

fn too_large(error: &dyn std::error::Error) -> InvalidRegex {
    let message = if error.to_string().contains("word boundar") {
        r"Unicode word boundaries are not supported; use `(?-u:\b)`".to_owned()
    } else {
        format!("the compiled expression is larger than {MAX_REGEX_BYTES} bytes")
    };
    InvalidRegex { message }
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
    fn literal_prefixes() {
        for (source, anchor, ignore_case, want) in [
            ("/api/v[12]/x", Anchor::Start, false, "/api/v"),
            ("/api/v[12]/x", Anchor::Both, false, "/api/v"),
            ("^/api/.*", Anchor::None, false, "/api/"),
            ("/api/.*", Anchor::None, false, ""),
            ("^/api/.*", Anchor::Both, false, "/api/"),
            ("^/api", Anchor::None, true, "/"),
            ("(?i)^/api", Anchor::None, false, "/"),
            ("(?m)^/api", Anchor::None, false, ""),
            ("^/a|/b", Anchor::None, false, ""),
            ("^(?:/a/x|/a/y)", Anchor::None, false, "/a/"),
            ("/a/x|/a/y", Anchor::Start, false, "/a/"),
            ("/a*", Anchor::Start, false, "/"),
            ("(/a)?/b", Anchor::Start, false, "/"),
            (r"/a\.b$", Anchor::Start, false, "/a.b"),
            ("", Anchor::Start, false, ""),
            (".*", Anchor::Both, false, ""),
        ] {
            let regex = Regex::new(source, anchor, ignore_case).unwrap();
            let prefix = String::from_utf8(regex.literal_prefix()).unwrap();
            assert_eq!(prefix, want, "{source} {anchor:?}");
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
