//! Which table finds a path pattern.

use crate::rules::{Anchor, End, Form, InvalidRegex, PathPart, PathPattern, PathTemplate, Regex};
use std::fmt::Write as _;

/// The table that finds a path pattern.
pub(super) enum Place<'r> {
    /// The hash table of whole paths.
    Exact(&'r [u8]),
    /// The hash table of stems: a literal prefix that ends with a segment.
    Prefix(&'r [u8]),
    /// The trie.
    Trie(&'r PathTemplate, End),
    /// The trie, by what the expression begins with; the expression is one more condition.
    Expression(Written<'r>),
}

/// What an expression is made of.
pub(super) enum Written<'r> {
    Regex(&'r Regex),
    /// The [`expression`] that holds where the template does.
    Template(&'r PathTemplate, End),
}

impl<'r> Place<'r> {
    pub(super) fn of(pattern: &'r PathPattern) -> Self {
        let (template, end) = match pattern.form() {
            Form::Template(template, end) => (template, end),
            Form::Regex(regex) => return Self::Expression(Written::Regex(regex)),
        };
        match (template.as_literal(), end) {
            (Some(text), End::Whole) => Self::Exact(text),
            (Some(text), End::Segment) => Self::Prefix(text),
            _ if fits_trie(template.parts(), end) => Self::Trie(template, end),
            _ => Self::Expression(Written::Template(template, end)),
        }
    }
}

/// The trie holds templates with at most one parameter in each segment, and a wildcard at the end.
fn fits_trie(parts: &[PathPart], end: End) -> bool {
    parts.iter().enumerate().all(|(at, part)| match (part, parts.get(at + 1)) {
        (PathPart::Literal(_), _) => true,
        (PathPart::Wildcard(_), next) => next.is_none(),
        (PathPart::Parameter(_), Some(PathPart::Literal(text))) => {
            // With the segment ends what is compared from its end.
            let ends_segment = text.contains(&b'/');
            ends_segment || at + 2 == parts.len() && end != End::Byte
        }
        (PathPart::Parameter(_), next) => next.is_none(),
    })
}

/// An expression that holds where the template does.
///
/// # Errors
///
/// When it is too large.
pub(super) fn expression(template: &PathTemplate, end: End) -> Result<Regex, InvalidRegex> {
    let mut source = String::new();
    for part in template.parts() {
        match part {
            PathPart::Literal(text) => push_literal(&mut source, text),
            PathPart::Parameter(_) => source.push_str("[^/]+"),
            PathPart::Wildcard(_) => source.push_str("(?s:.)+"),
        }
    }
    let anchor = if end == End::Whole { Anchor::Both } else { Anchor::Start };
    if end == End::Segment {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Boundary;

    fn place(pattern: &PathPattern) -> String {
        match Place::of(pattern) {
            Place::Exact(_) => "exact".into(),
            Place::Prefix(_) => "prefix".into(),
            Place::Trie(..) => "trie".into(),
            Place::Expression(Written::Regex(regex)) => regex.to_string(),
            Place::Expression(Written::Template(template, end)) => {
                expression(template, end).unwrap().to_string()
            }
        }
    }

    #[test]
    fn what_the_trie_cannot_hold_is_an_expression() {
        let template = |text| PathTemplate::parse(text).unwrap();
        let prefix = |text, boundary| PathPattern::Prefix { template: template(text), boundary };
        for (text, whole, segment, byte) in [
            ("/a", "exact", "prefix", "trie"),
            ("/{x}", "trie", "trie", "trie"),
            ("/{x}/b", "trie", "trie", "trie"),
            ("/a{x}", "trie", "trie", "trie"),
            ("/a/{x}.js/c", "trie", "trie", "trie"),
            ("/a/{*x}", "trie", "trie", "trie"),
            ("/{x}.js", "trie", "trie", r"`/[^/]+\x2ejs` at the start"),
            (
                "/{x}-{y}",
                r"`/[^/]+\x2d[^/]+` as a whole",
                r"`/[^/]+\x2d[^/]+(?:/|\z)` at the start",
                r"`/[^/]+\x2d[^/]+(?:/|\z)` at the start",
            ),
            (
                "/{*x}/é",
                r"`/(?s:.)+/\xc3\xa9` as a whole",
                r"`/(?s:.)+/\xc3\xa9(?:/|\z)` at the start",
                r"`/(?s:.)+/\xc3\xa9` at the start",
            ),
        ] {
            assert_eq!(place(&PathPattern::Exact(template(text))), whole, "{text}");
            assert_eq!(place(&prefix(text, Boundary::Segment)), segment, "{text} by segments");
            assert_eq!(place(&prefix(text, Boundary::Byte)), byte, "{text} by octets");
        }
    }
}
