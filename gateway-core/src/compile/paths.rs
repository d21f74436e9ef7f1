//! Which table finds a path pattern.

use crate::rules::{Anchor, End, Form, InvalidRegex, PathPart, PathPattern, PathTemplate, Regex};
use std::borrow::Cow;
use std::fmt::Write as _;

/// The table that finds a path pattern.
pub(super) enum Place<'r> {
    /// The hash table of whole paths.
    Exact(&'r [u8]),
    /// The trie.
    Trie(&'r PathTemplate, End),
    /// The trie, by what the expression begins with; the expression is one more condition.
    Regex(Cow<'r, Regex>),
}

impl<'r> Place<'r> {
    /// # Errors
    ///
    /// A template that the trie cannot hold is compiled to an expression, which may be too large.
    pub(super) fn of(pattern: &'r PathPattern) -> Result<Self, InvalidRegex> {
        match pattern.form() {
            Form::Template(template, End::Whole) if template.as_literal().is_some() => {
                Ok(Self::Exact(template.as_literal().unwrap_or_default()))
            }
            Form::Template(template, end) if template.takes_whole_segments() => {
                Ok(Self::Trie(template, end))
            }
            Form::Template(template, end) => {
                Ok(Self::Regex(Cow::Owned(expression(template, end)?)))
            }
            Form::Regex(regex) => Ok(Self::Regex(Cow::Borrowed(regex))),
        }
    }
}

/// An expression that holds where the template does.
fn expression(template: &PathTemplate, end: End) -> Result<Regex, InvalidRegex> {
    let mut source = String::new();
    for part in template.parts() {
        match part {
            PathPart::Literal(text) => push_literal(&mut source, text),
            PathPart::Parameter(_) => source.push_str("[^/]+"),
            PathPart::Wildcard(_) => source.push_str("(?s:.)+"),
        }
    }
    let takes_segment = matches!(template.parts().last(), Some(PathPart::Parameter(_)));
    let anchor = if end == End::Whole { Anchor::Both } else { Anchor::Start };
    if end == End::Segment || end == End::Byte && takes_segment {
        source.push_str(r"(?:/|\z)");
    }
    Regex::new(&source, anchor, false)
}

fn push_literal(source: &mut String, text: &[u8]) {
    for &octet in text {
        if octet.is_ascii_alphanumeric() || matches!(octet, b'/' | b'_') {
            source.push(char::from(octet));
        } else {
            let _ = write!(source, r"\x{octet:02x}");
        }
    }
}
