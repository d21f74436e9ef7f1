//! HTTPRouteGroups to conditions (smi §4).

use super::lint;
use crate::diagnostic::Diagnostic;
use crate::resource::document::{At, Located};
use crate::resource::http_route_group::{HttpRouteGroup, Match};
use crate::resource::{Problems, Resource};
use crate::rules::{Anchor, Condition, Field, GroupMatch, Regex, Test};
use crate::translate::expressions::Expressions;
use http::{HeaderName, Method};
use regex_syntax::hir::{Hir, HirKind, Look};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

/// The groups in force, by namespace and name.
pub(super) type Groups<'a> = BTreeMap<(&'a str, &'a str), Group<'a>>;

/// A group that is in force.
pub(super) struct Group<'a> {
    /// All its matches, in document order.
    pub(super) matches: Arc<[GroupMatch]>,
    /// Where those of a name stand.
    by_name: BTreeMap<&'a str, Range<usize>>,
}

impl Group<'_> {
    /// Those of a name, if there is one.
    pub(super) fn named(&self, name: &str) -> Option<&[GroupMatch]> {
        self.by_name.get(name).map(|range| &self.matches[range.clone()])
    }

    /// The names, for hints.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().copied()
    }
}

/// A match of several methods becomes one [`GroupMatch`] for each, so that methods are compared as
/// exact values, as long as that makes no more conditions than this.
const MOST_CONDITIONS: usize = 32;

/// The methods that are raised to upper case (smi H-9).
const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];

/// The matches of a group in document order; `None` when the group is refused.
pub(super) fn lower<'a>(
    group: &'a Resource<HttpRouteGroup>,
    expressions: &mut Expressions,
    problems: &mut Problems,
) -> Option<Group<'a>> {
    let mut lowering = Lowering { group, expressions, problems, sound: true };
    lowering.check_names();
    let (mut matches, mut by_name) = (Vec::new(), BTreeMap::new());
    for written in &group.spec.matches {
        let start = matches.len();
        matches.extend(lowering.lower(written));
        if let Some(name) = &written.name {
            by_name.insert(&*name.value, start..matches.len());
        }
    }
    lowering.sound.then(|| Group { matches: matches.into(), by_name })
}

struct Lowering<'a> {
    group: &'a Resource<HttpRouteGroup>,
    expressions: &'a mut Expressions,
    problems: &'a mut Problems,
    /// Whether no error was found so far.
    sound: bool,
}

impl Lowering<'_> {
    fn refuse(&mut self, code: &'static str, at: At, message: String) {
        self.sound = false;
        self.problems.push(Diagnostic::error(code, &self.group.origin(at), message));
    }

    fn warn(&mut self, code: &'static str, at: At, message: String) {
        self.problems.push(Diagnostic::warning(code, &self.group.origin(at), message));
    }

    /// smi H-1
    fn check_names(&mut self) {
        let mut seen = BTreeSet::new();
        for written in &self.group.spec.matches {
            match &written.name {
                Some(name) if !seen.insert(&name.value) => {
                    let message = format!("two matches of the group are called `{}`", name.value);
                    self.refuse("duplicate-name", name.at, message);
                }
                Some(_) => {}
                None => {
                    let message = "a match without `name` cannot be referred to by name";
                    self.warn("SMI-W08", written.at, message.into());
                }
            }
        }
    }

    /// One match for each method, in the order in which they were written.
    fn lower(&mut self, written: &Match) -> Vec<GroupMatch> {
        let path = written.path_regex.as_ref().and_then(|path| self.path(path));
        let methods = self.methods(&written.methods);
        let headers = written.headers.iter().filter_map(|(name, value)| self.header(name, value));
        let others: Vec<Condition> = path.into_iter().chain(headers.collect::<Vec<_>>()).collect();
        let origin = self.group.origin(written.at);
        let with = |method: Option<Condition>| GroupMatch {
            conditions: method.into_iter().chain(others.iter().cloned()).collect(),
            origin: origin.clone(),
        };
        if methods.is_empty() {
            vec![with(None)]
        } else if methods.len() * (others.len() + 1) <= MOST_CONDITIONS {
            let one = |method: &&str| with(Some(Condition::equals(Field::Method, method)));
            methods.iter().map(one).collect()
        } else {
            let escaped: Vec<String> = methods.iter().map(|m| regex_syntax::escape(m)).collect();
            match self.expressions.compile(&escaped.join("|"), Anchor::Both, false) {
                Ok(regex) => vec![with(Some(matching(Field::Method, regex)))],
                Err(error) => {
                    self.refuse(
                        "too-many-methods",
                        written.at,
                        format!("too many methods: {error}"),
                    );
                    Vec::new()
                }
            }
        }
    }

    /// The methods of which one is wanted; none means any (smi H-9).
    fn methods<'m>(&mut self, written: &'m [Located<Box<str>>]) -> Vec<&'m str> {
        let mut methods = Vec::with_capacity(written.len());
        let mut seen = BTreeSet::new();
        for method in written {
            if Method::from_bytes(method.value.as_bytes()).is_err() {
                let message = format!("`{}` is not a method", method.value);
                self.refuse("invalid-method", method.at, message);
                continue;
            }
            let standard = METHODS.iter().find(|m| m.to_ascii_lowercase() == *method.value);
            if let Some(standard) = standard {
                let message = format!("methods are in upper case; read as `{standard}`");
                self.warn("SMI-W11", method.at, message);
            }
            let name: &'m str = standard.copied().unwrap_or(&method.value);
            if seen.insert(name) {
                methods.push(name);
            }
        }
        if seen.contains("*") { Vec::new() } else { methods }
    }

    /// smi H-6, H-7
    fn path(&mut self, written: &Located<Box<str>>) -> Option<Condition> {
        let expression = match &*written.value {
            "*" => {
                let message = "`*` is not an expression; read as `.*`";
                self.warn("SMI-W10", written.at, message.into());
                return None;
            }
            // Every request, also those without a path.
            "" | ".*" => return None,
            expression => expression,
        };
        let lint = lint::path(expression, &self.group.origin(written.at));
        lint.into_iter().for_each(|diagnostic| self.problems.push(diagnostic));
        self.expression(Field::Path, written, Anchor::Start)
    }

    /// smi H-10 to H-14
    fn header(&mut self, name: &str, written: &Located<Box<str>>) -> Option<Condition> {
        let lower = name.to_ascii_lowercase();
        let name = if lower == ":authority" { "host" } else { &*lower };
        if name.starts_with(':') {
            let message = format!("`{name}` is not a header; only `:authority` can be tested");
            self.refuse("invalid-header", written.at, message);
            return None;
        }
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            self.refuse("invalid-header", written.at, format!("`{name}` is not a header name"));
            return None;
        }
        if name == "cookie" && self.group.spec.exact_cookies {
            return self.exact_cookie(written);
        }
        if name == "cookie" {
            let lint = lint::cookie(&written.value, &self.group.origin(written.at));
            lint.into_iter().for_each(|diagnostic| self.problems.push(diagnostic));
        }
        self.expression(Field::Header(name.into()), written, Anchor::None)
    }

    /// smi D-21
    fn exact_cookie(&mut self, written: &Located<Box<str>>) -> Option<Condition> {
        match written.value.split_once('=') {
            Some((name, value)) if HeaderName::from_bytes(name.as_bytes()).is_ok() => {
                let field = Field::Cookie { name: name.into(), ignore_case: false };
                Some(Condition::equals(field, value))
            }
            _ => {
                let message = format!("`{}` is not a cookie as `name=value`", written.value);
                self.refuse("invalid-cookie", written.at, message);
                None
            }
        }
    }

    /// smi H-16
    fn expression(
        &mut self,
        field: Field,
        written: &Located<Box<str>>,
        anchor: Anchor,
    ) -> Option<Condition> {
        match self.expressions.compile(&written.value, anchor, false) {
            Ok(regex) => Some(match only_text(&written.value, anchor) {
                Some(text) => Condition::equals(field, &text),
                None => matching(field, regex),
            }),
            Err(error) => {
                let message = format!("invalid regular expression: {error}");
                self.refuse("invalid-regex", written.at, message);
                None
            }
        }
    }
}

/// The empty value may match, unlike an absent one (smi H-11, H-12).
fn matching(field: Field, regex: Regex) -> Condition {
    Condition::new(field, Test::Matches { regex, empty_matches: true })
}

/// The text that the expression stands for, if that is the only one it matches: `^true$` is an
/// exact value, which is looked up by hash.
fn only_text(expression: &str, anchor: Anchor) -> Option<Box<str>> {
    let parsed = regex_syntax::parse(expression).ok()?;
    let HirKind::Concat(parts) = parsed.kind() else { return None };
    let is = |part: &Hir, look| matches!(part.kind(), HirKind::Look(found) if *found == look);
    let (literal, end) = match (&parts[..], anchor) {
        ([start, literal, end], _) if is(start, Look::Start) => (literal, end),
        ([literal, end], Anchor::Start) => (literal, end),
        _ => return None,
    };
    let HirKind::Literal(text) = literal.kind() else { return None };
    if !is(end, Look::End) {
        return None;
    }
    std::str::from_utf8(&text.0).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_anchored_at_both_ends_are_exact_values() {
        for (expression, anchor, want) in [
            ("^true$", Anchor::None, Some("true")),
            (r"^1\.2$", Anchor::None, Some("1.2")),
            (r"\Atrue\z", Anchor::None, Some("true")),
            ("^é$", Anchor::None, Some("é")),
            ("^/ping$", Anchor::Start, Some("/ping")),
            ("/ping$", Anchor::Start, Some("/ping")),
            ("/ping$", Anchor::None, None),
            ("^true", Anchor::None, None),
            ("true", Anchor::None, None),
            ("^1.2$", Anchor::None, None),
            ("(?i)^true$", Anchor::None, None),
            ("(?m)^true$", Anchor::None, None),
            ("^a$|^b$", Anchor::None, None),
            ("^$", Anchor::None, None),
            ("/ping", Anchor::Start, None),
        ] {
            let text = only_text(expression, anchor);
            assert_eq!(text.as_deref(), want, "{expression} {anchor:?}");
            let Some(text) = text else { continue };
            let regex = Regex::new(expression, anchor, false).unwrap();
            for value in [&*text, &format!("x{text}"), &format!("{text}x"), &format!("{text}\n")] {
                let same = value == &*text;
                assert_eq!(regex.is_match(value.as_bytes()), same, "{expression} {value}");
            }
        }
    }
}
