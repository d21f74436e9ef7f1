//! The path of a route and its kind (virtualserver §5.1).

use super::grammar::{escaped, path, unescape};
use super::report::Fault;
use crate::rules::{Anchor, PathPart, PathTemplate, Regex};
use crate::translate::expressions::Expressions;

/// The path of a route.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum RoutePath {
    /// `=/tea`.
    Exact(PathTemplate),
    /// `/tea`, or `^~/tea`.
    Prefix {
        template: PathTemplate,
        /// `^~`: where this is the longest prefix, no expression is tried.
        no_regex: bool,
    },
    /// `~tea`, or `~*tea`.
    Regex(Regex),
}

/// The kinds of paths that delegation tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathKind {
    Prefix,
    /// A prefix with `^~`.
    LongestPrefix,
    Exact,
    Regex,
}

impl PathKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Prefix => "a prefix",
            Self::LongestPrefix => "a prefix with `^~`",
            Self::Exact => "an exact path",
            Self::Regex => "an expression",
        }
    }
}

/// The normal form of a path: what stands before it, and the path without blanks between the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NormalPath {
    pub(super) kind: PathKind,
    pub(super) text: Box<str>,
}

impl NormalPath {
    pub(super) fn of(text: &str) -> Self {
        let (modifier, path) = split(text);
        let kind = match modifier {
            "=" => PathKind::Exact,
            "^~" => PathKind::LongestPrefix,
            "~" | "~*" => PathKind::Regex,
            _ => PathKind::Prefix,
        };
        Self { kind, text: format!("{modifier}{path}").into() }
    }
}

/// What stands before a path, and the path itself.
fn split(text: &str) -> (&'static str, &str) {
    let modifiers = ["=", "^~", "~*", "~"].into_iter();
    let mut splits = modifiers.filter_map(|m| Some((m, text.strip_prefix(m)?.trim())));
    splits.next().unwrap_or(("", text))
}

/// What two routes of one VirtualServer must not share.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PathKey {
    Exact(Vec<u16>),
    /// `/tea` and `^~/tea` are one place.
    Prefix(Vec<u16>),
    Regex(Box<str>, bool),
}

impl RoutePath {
    pub(super) fn parse(text: &str, expressions: &mut Expressions) -> Result<Self, Fault> {
        match split(text) {
            ("=", rest) => path(rest).map(Self::Exact),
            ("^~", rest) => Ok(Self::Prefix { template: path(rest)?, no_regex: true }),
            ("~*", rest) => regex(rest, true, expressions).map(Self::Regex),
            ("~", rest) => regex(rest, false, expressions).map(Self::Regex),
            (_, rest) if rest.starts_with('/') => {
                Ok(Self::Prefix { template: path(rest)?, no_regex: false })
            }
            _ => {
                let message = format!("`{text}` does not begin with `/`, `=`, `^~`, `~` or `~*`");
                let begins = |text: &str| ["/", "=", "^~", "~"].iter().any(|m| text.starts_with(m));
                let modifier = match text.trim() {
                    trimmed if begins(trimmed) => "",
                    trimmed if trimmed.starts_with('^') => "~ ",
                    _ => "/",
                };
                Err(Fault::invalid(message)
                    .help(format!("did you mean `{modifier}{}`?", text.trim())))
            }
        }
    }

    /// What stands for itself in a path that is no expression, though it looks as if it did more.
    pub(super) fn literal_slip(text: &str) -> Option<Fault> {
        let (modifier, path) = split(text);
        if modifier.starts_with('~') {
            return None;
        }
        let expression = [".*", "[", "|", "^"].into_iter().find(|sign| path.contains(sign));
        let (sign, help) = if let Some(sign) = expression {
            (sign, "put `~ ` before an expression")
        } else if path.contains('*') {
            ("*", "a path without `=` takes all paths that begin with it: leave the `*` out")
        } else if path.contains('?') {
            ("?", "a path ends before the query: use a condition on an `argument`")
        } else if path.contains("/:") {
            (":", "write a parameter as in `/{name}`")
        } else if has_escape(path) {
            ("%", "write the character itself: paths are compared after decoding")
        } else {
            return None;
        };
        let message = format!("`{sign}` in `{text}` stands for itself");
        Some(Fault::new("no-effect", message).help(help))
    }

    pub(super) fn key(&self) -> PathKey {
        match self {
            Self::Exact(template) => PathKey::Exact(shape(template)),
            Self::Prefix { template, .. } => PathKey::Prefix(shape(template)),
            Self::Regex(regex) => PathKey::Regex(regex.source().into(), regex.ignore_case()),
        }
    }
}

/// Whether `%` and two digits of an escape stand in `path`.
fn has_escape(path: &str) -> bool {
    let digits = |after: &str| {
        after.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    };
    path.split('%').skip(1).any(digits)
}

/// An expression searched anywhere in a value, escapes processed first.
pub(super) fn regex(
    text: &str,
    ignore_case: bool,
    expressions: &mut Expressions,
) -> Result<Regex, Fault> {
    escaped(text)?;
    let source = unescape(text);
    if source.is_empty() {
        return Err(Fault::invalid("the expression is empty"));
    }
    expressions
        .compile(&source, Anchor::None, ignore_case)
        .map_err(|error| Fault::invalid(format!("`{source}` is not an expression: {error}")))
}

/// The octets of a template, each parameter as one element above all octets: templates are the
/// same if their shapes are, and ordered by shape a literal goes before a parameter.
pub(super) fn shape(template: &PathTemplate) -> Vec<u16> {
    let mut shape = Vec::new();
    for part in template.parts() {
        match part {
            PathPart::Literal(text) => shape.extend(text.iter().map(|b| u16::from(*b))),
            PathPart::Parameter(_) | PathPart::Wildcard(_) => shape.push(PARAMETER),
        }
    }
    shape
}

const PARAMETER: u16 = 256;
