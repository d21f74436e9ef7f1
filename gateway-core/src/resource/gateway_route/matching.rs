//! `matches` of a rule (gateway-api §11).

use super::Reader;
use crate::diagnostic::Diagnostic;
use crate::resource::document::{At, Value};
use crate::resource::scalar::{
    self, HEADER_NAME, HEADER_VALUE, PATH_VALUE, QUERY_NAME, QUERY_VALUE, Scalar,
};

/// All its parts must hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Match {
    pub(crate) path: PathMatch,
    pub(crate) headers: Vec<ValueMatch>,
    pub(crate) query: Vec<ValueMatch>,
    pub(crate) method: Option<&'static str>,
    pub(crate) at: At,
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

/// A test of a header field or a query parameter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ValueMatch {
    pub(crate) name: Box<str>,
    pub(crate) value: Box<str>,
    /// Whether the value is an expression.
    pub(crate) regex: bool,
    pub(crate) at: At,
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

impl Match {
    /// The default: every request.
    pub(crate) fn all(at: At) -> Self {
        let path = PathMatch::all(at);
        Self { path, headers: Vec::new(), query: Vec::new(), method: None, at }
    }
}

const METHODS: [(&str, &str); 9] = [
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

pub(super) fn read(value: Value<'_>, reader: &mut Reader<'_>) -> Option<Match> {
    let mut fields = value.mapping(reader.problems)?;
    let mut result = Match::all(value.at());
    if let Some(path) = fields.field("path").and_then(|v| read_path(v, reader)) {
        result.path = path;
    }
    if let Some(list) = fields.field("headers") {
        result.headers = read_values(list, &HEADER_NAME, &HEADER_VALUE, reader);
        for item in list.children() {
            let value = item.children().find(|field| field.key() == Some("value"));
            value.into_iter().for_each(|value| check_strict_value(value, reader));
        }
    }
    if let Some(list) = fields.field("queryParams") {
        result.query = read_values(list, &QUERY_NAME, &QUERY_VALUE, reader);
    }
    let method = fields.field("method");
    result.method = method.and_then(|v| scalar::one_of(v, &METHODS, reader.problems));
    fields.finish(reader.problems);
    Some(result)
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
            b if b.is_ascii_alphanumeric() || b"-/._~!$&'()*+,;=:@".contains(b) => {}
            _ => {
                let help = "write blanks and characters beyond ASCII as percent-escapes";
                return Some(("holds a character that paths do not have", help));
            }
        }
    }
    None
}

fn read_values(
    list: Value<'_>,
    name_form: &Scalar,
    value_form: &Scalar,
    reader: &mut Reader<'_>,
) -> Vec<ValueMatch> {
    let kinds = [("Exact", false), ("RegularExpression", true)];
    let mut matches = Vec::new();
    let mut names = Vec::new();
    for item in scalar::items(list, 0, 16, reader.problems) {
        let Some(mut fields) = item.mapping(reader.problems) else { continue };
        let kind = match fields.field("type") {
            Some(field) => scalar::one_of(field, &kinds, reader.problems),
            None => Some(false),
        };
        let name = fields.required("name", reader.problems);
        let name = name.and_then(|v| name_form.read(v, reader.problems));
        let value = fields.required("value", reader.problems);
        let value = value.and_then(|v| value_form.read(v, reader.problems));
        fields.finish(reader.problems);
        names.extend(name.map(|name| (item, name)));
        if let (Some(regex), Some(name), Some(value)) = (kind, name, value) {
            let at = item.at();
            matches.push(ValueMatch { name: name.into(), value: value.into(), regex, at });
        }
    }
    scalar::unique(names, reader.problems);
    matches
}

/// The experimental channel takes fewer header values (gateway-api §2).
pub(super) fn check_strict_value(value: Value<'_>, reader: &mut Reader<'_>) {
    if let crate::resource::document::Kind::String(text) = value.kind()
        && !text.is_empty()
        && !scalar::is_strict_field_value(text)
    {
        let message = "a header value is made of ASCII words with single blanks between them";
        let problem = Diagnostic::error("invalid-value", &value.origin(), message);
        reader.channels.experimental.push(problem);
    }
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
