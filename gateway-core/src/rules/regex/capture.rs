//! Expressions whose groups are wanted.

use super::syntax::{self, too_large};
use super::{InvalidRegex, MAX_REGEX_BYTES};
use regex_automata::meta;
use regex_syntax::hir::Hir;
use std::fmt;

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
    /// As [`super::Regex::new`].
    pub fn new(source: &str, ignore_case: bool) -> Result<Self, InvalidRegex> {
        let regex = with_groups(&syntax::parse(source, ignore_case)?)?;
        Ok(Self { source: source.into(), ignore_case, regex })
    }

    /// How many groups there are beside the whole match.
    pub(crate) fn groups(&self) -> usize {
        self.regex.captures_len() - 1
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

/// Compiles an expression with its groups.
pub(super) fn with_groups(hir: &Hir) -> Result<meta::Regex, InvalidRegex> {
    let config = meta::Config::new()
        .nfa_size_limit(Some(MAX_REGEX_BYTES))
        .onepass_size_limit(Some(MAX_REGEX_BYTES))
        .utf8_empty(false);
    meta::Regex::builder().configure(config).build_from_hir(hir).map_err(|error| too_large(&error))
}
