//! A rule as all engines understand it.

use super::Request;
use regex::bytes::{Regex, RegexBuilder};
use std::sync::OnceLock;

/// Tests of a request, all of which have to hold.
#[derive(Clone)]
pub struct Rule {
    /// The whole host name.
    pub host: String,
    /// The test of the path.
    pub path: PathTest,
    /// The method, if it matters.
    pub method: Option<&'static str>,
    /// The name of a header field and the test of its value.
    pub header: Option<(&'static str, ValueTest)>,
}

/// Which paths a rule takes.
#[derive(Clone)]
pub enum PathTest {
    /// This path; each parameter is a segment in braces.
    Whole(String),
    /// This literal path and all below it.
    Below(String),
    /// The paths that it matches.
    Matches(Expression),
}

/// Which values of a header field a rule takes.
#[derive(Clone)]
pub enum ValueTest {
    /// This one.
    Equals(String),
    /// Those that it matches.
    Matches(Expression),
}

/// A regular expression on octets, with its own anchors.
#[derive(Clone)]
pub struct Expression {
    /// As written.
    pub source: String,
    /// Whether case does not matter.
    pub ignore_case: bool,
    regex: OnceLock<Regex>,
}

impl Expression {
    pub(super) fn new(source: String, ignore_case: bool) -> Self {
        Self { source, ignore_case, regex: OnceLock::new() }
    }

    /// Compiles it. Without Unicode, as this engine does.
    pub fn compile(&self) -> Regex {
        let mut builder = RegexBuilder::new(&self.source);
        builder.unicode(false).case_insensitive(self.ignore_case).build().unwrap()
    }

    fn is_match(&self, text: &str) -> bool {
        self.regex.get_or_init(|| self.compile()).is_match(text.as_bytes())
    }
}

impl Rule {
    pub(super) fn new(path: PathTest) -> Self {
        Self { host: super::HOST.to_owned(), path, method: None, header: None }
    }

    /// For a path with or without parameters.
    pub(super) fn whole(path: String) -> Self {
        Self::new(PathTest::Whole(path))
    }

    /// For a path and all below it.
    pub(super) fn below(path: impl Into<String>) -> Self {
        Self::new(PathTest::Below(path.into()))
    }

    /// Whether all tests but that of the host hold.
    pub fn holds(&self, request: &Request) -> bool {
        self.method.is_none_or(|method| method == request.method)
            && self.path.holds(request.path)
            && self.header.as_ref().is_none_or(|(name, test)| {
                request.header(name).is_some_and(|value| test.holds(value))
            })
    }
}

impl ValueTest {
    fn holds(&self, value: &str) -> bool {
        match self {
            Self::Equals(wanted) => wanted == value,
            Self::Matches(expression) => expression.is_match(value),
        }
    }
}

impl PathTest {
    fn holds(&self, path: &str) -> bool {
        match self {
            Self::Whole(pattern) if pattern.contains('{') => fits(pattern, path),
            Self::Whole(literal) => literal == path,
            Self::Below(prefix) => path
                .strip_prefix(prefix.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            Self::Matches(expression) => expression.is_match(path),
        }
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut segments) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), segments.next()) {
            (None, None) => return true,
            (Some(w), Some(s)) if w == s || (w.starts_with('{') && !s.is_empty()) => {}
            _ => return false,
        }
    }
}
