//! What a match of an HTTPRoute says of path, query and method (gateway-api §11).

use super::Reader;
use super::values::{self, ValueMatch};
use crate::diagnostic::Diagnostic;
use crate::resource::document::{At, Mapping, Value};
use crate::resource::scalar::{self, PATH_VALUE};

/// Tests of all but the header.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HttpMatch {
    pub(crate) path: PathMatch,
    pub(crate) query: Vec<ValueMatch>,
    pub(crate) method: Option<&'static str>,
}

/// A test of the path.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PathMatch {
    pub(crate) kind: PathKind,
    pub(crate) value: Box<str>,
    pub(crate) at: At,
}

/// How paths are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathKind {
    Exact,
    Prefix,
    Regex,
}

impl PathMatch {
    fn all(at: At) -> Self {
        Self { kind: PathKind::Prefix, value: "/".into(), at }
    }

    /// Whether the type is `PathPrefix`.
    pub(crate) fn is_prefix(&self) -> bool {
        self.kind == PathKind::Prefix
    }
}

impl HttpMatch {
    /// The default: every request.
    pub(super) fn all(at: At) -> Self {
        Self { path: PathMatch::all(at), query: Vec::new(), method: None }
    }
}

pub(super) const METHODS: [(&str, &str); 9] = [
    ("GET", "GET"),
    ("HEAD", "HEAD"),
    ("POST", "POST"),
    ("PUT", "PUT"),
    ("DELETE", "DELETE"),
    ("CONNECT", "CONNECT"),
    ("OPTIONS", "OPTIONS"),
    ("TRACE", "TRACE"),
    ("PATCH", "PATCH"),
];

pub(super) fn read(fields: &mut Mapping<'_>, reader: &mut Reader<'_>) -> HttpMatch {
    let mut result = HttpMatch::all(fields.value().at());
    if let Some(path) = fields.field("path").and_then(|v| read_path(v, reader)) {
        result.path = path;
    }
    if let Some(list) = fields.field("queryParams") {
        result.query = values::read_query(list, reader);
    }
    let method = fields.field("method");
    result.method = method.and_then(|v| scalar::one_of(v, &METHODS, reader.problems));
    result
}

fn read_path(value: Value<'_>, reader: &mut Reader<'_>) -> Option<PathMatch> {
    let kinds = [
        ("Exact", PathKind::Exact),
        ("PathPrefix", PathKind::Prefix),
        ("RegularExpression", PathKind::Regex),
    ];
    let mut fields = value.mapping(reader.problems)?;
    let mut path = PathMatch::all(value.at());
    if let Some(field) = fields.field("type") {
        path.kind = scalar::one_of(field, &kinds, reader.problems)?;
    }
    if let Some(field) = fields.field("value") {
        path.value = PATH_VALUE.read(field, reader.problems)?.into();
        path.at = field.at();
    }
    if path.kind != PathKind::Regex
        && let Some((problem, help)) = path_problem(&path.value)
    {
        let at = fields.field("value").unwrap_or(value);
        let message = format!("`{}` {problem}", path.value);
        let mut problem = Diagnostic::error("invalid-path", &at.origin(), message);
        if !help.is_empty() {
            problem = problem.help(help);
        }
        reader.problems.push(problem);
    }
    fields.finish(reader.problems);
    Some(path)
}

/// What is wrong with the value of an `Exact` or `PathPrefix` match, and what to do
/// (gateway-api §25).
fn path_problem(path: &str) -> Option<(&'static str, &'static str)> {
    const REGEX: &str = "expressions need `type: RegularExpression`";
    if !path.starts_with('/') {
        return Some(("does not begin with `/`", ""));
    }
    if path.contains("//") {
        return Some(("has an empty segment", "requests are matched with repeated slashes merged"));
    }
    if path.contains("/./")
        || path.contains("/../")
        || path.ends_with("/.")
        || path.ends_with("/..")
    {
        return Some(("has a dot segment", ""));
    }
    if path.contains("%2f") || path.contains("%2F") {
        return Some(("holds an escaped slash", ""));
    }
    let mut rest = path.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'%' => match after {
                [a, b, after @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
                    rest = after
                }
                _ => return Some(("has a `%` without two hexadecimal digits after it", "")),
            },
            b'?' => return Some(("holds a `?`", "match the query with `queryParams`")),
            b'#' => return Some(("holds a `#`", "fragments are not sent to servers")),
            b'^' | b'[' | b']' | b'{' | b'}' | b'|' | b'\\' => {
                return Some(("holds a character that paths do not have", REGEX));
            }
            b if scalar::is_path_octet(*b) => {}
            _ => {
                let help = "write blanks and characters beyond ASCII as percent-escapes";
                return Some(("holds a character that paths do not have", help));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::PathTemplate;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn paths_that_pass_can_be_compiled(path in "/[/a.%2F?é~]{0,12}") {
            if path_problem(&path).is_none() {
                prop_assert!(PathTemplate::escaped(&path).is_ok(), "{}", path);
            }
        }
    }
}
