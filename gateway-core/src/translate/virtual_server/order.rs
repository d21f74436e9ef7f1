//! The order in which NGINX looks at paths (virtualserver §9.2), as one list in which the first
//! rule that holds decides.

use super::canned::MAX_UNREAD;
use super::path::{RoutePath, shape};
use super::policy::before_location;
use crate::origin::Origin;
use crate::rules::{
    Action, Boundary, CaptureRegex, Condition, End, ErrorPage, Field, Location as Target,
    MAX_CONDITIONS, PathPart, PathPattern, PathRewrite, PathTemplate, Policies, Redirect, Regex,
    Route, Test,
};
use crate::sort::sort_by;
use http::StatusCode;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

/// The most rules that expressions within `^~` paths may add to a VirtualServer.
pub(super) const MAX_COPIES: usize = 1 << 14;

/// A path of the VirtualServer and what happens there.
#[derive(Debug, Clone)]
pub(super) struct Location {
    pub(super) path: RoutePath,
    pub(super) place: Place,
    /// Whether the path without the `/` at its end is redirected to it: only for single actions.
    pub(super) appends_slash: bool,
    pub(super) origin: Origin,
}

/// What happens at a path.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// In order: the first whose conditions hold decides.
    pub(super) rules: Vec<Rule>,
    /// Of the path and of the host.
    pub(super) policies: Option<Arc<Policies>>,
    /// `None` where none are written; an empty list where that is what is written.
    pub(super) error_pages: Option<Arc<[ErrorPage]>>,
}

/// One thing that happens at a path.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) conditions: Vec<Condition>,
    pub(super) action: Action,
    pub(super) origin: Origin,
}

/// The most pairs of a path with parameters that asks for a `/` and a plain one.
const MAX_PAIRS: usize = 1 << 22;

/// What would take too many rules or conditions.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TooMany {
    /// Copies of expressions: more than [`MAX_COPIES`].
    Copies,
    /// Paths that are not to be redirected: more than [`MAX_CONDITIONS`] of one path, or more than
    /// [`MAX_PAIRS`] of all.
    Exceptions,
}

impl TooMany {
    /// What there is too much of; `of` says whose.
    pub(super) fn message(&self, of: &str) -> String {
        match self {
            Self::Copies => format!(
                "expressions and the paths within `^~` paths{of} make more than {MAX_COPIES} rules"
            ),
            Self::Exceptions => format!(
                "paths{of} with parameters and a `/` at the end have too many plain paths to be \
                 told apart from: more than {MAX_CONDITIONS} for one, or {MAX_PAIRS} for all"
            ),
        }
    }
}

/// Puts locations, given in document order and without duplicates, into one list.
///
/// NGINX takes an exact path; else the longest prefix, unless that is not `^~` and some expression
/// matches, which then goes before it. In the list stand, one after the other:
///
/// 1. exact paths, then redirects of paths that lack the `/` at their end;
/// 2. from the longest to the shortest prefix: those with `^~`, and of the others those that lie
///    in the reach of a shorter `^~` one (*inner* ones), each behind copies of all expressions
///    that hold within that prefix alone;
/// 3. the expressions;
/// 4. from the longest to the shortest, the remaining prefixes.
///
/// Why this is the same: let P be the longest prefix that covers a path. No longer prefix covers
/// it, so neither they nor their copies of expressions hold. If P stands in 2, it is the first
/// there that covers the path, with the expressions ahead of it exactly if it is not `^~`. If P
/// stands in 4, nothing in 2 covers the path: it would be shorter than P and meet it, which would
/// make P an inner one. So the expressions of 3 come first, then P.
pub(super) fn order(locations: Vec<Location>) -> Result<Vec<Route>, TooMany> {
    let redirects = redirects(&locations)?;
    let mut exact = Vec::new();
    let mut prefixes = Vec::new();
    let mut regexes = Vec::new();
    for Location { path, place, .. } in locations {
        match path {
            RoutePath::Exact(template) => exact.push((template, place)),
            RoutePath::Prefix { template, no_regex } => prefixes.push((template, no_regex, place)),
            RoutePath::Regex(regex) => regexes.push((regex, place)),
        }
    }
    exact.sort_by_cached_key(|(template, _)| shape(template));
    prefixes.sort_by_cached_key(|(t, _, _)| (Reverse(t.rank_length()), shape(t)));

    let inner = inner(&prefixes);
    let within: usize = regexes.iter().map(|(_, place)| place.rules.len()).sum();
    if inner.iter().filter(|inner| **inner).count().saturating_mul(within) > MAX_COPIES {
        return Err(TooMany::Copies);
    }

    let mut routes = Vec::new();
    for (template, place) in exact {
        push(&mut routes, &PathPattern::Exact(template), place);
    }
    routes.extend(redirects);
    let mut last = Vec::new();
    for ((template, no_regex, place), inner) in prefixes.into_iter().zip(inner) {
        let path = PathPattern::Prefix { template, boundary: Boundary::Byte };
        if inner {
            for (regex, place) in &regexes {
                push(&mut routes, &path, within_prefix(regex, place));
            }
        }
        if no_regex || inner {
            push(&mut routes, &path, place);
        } else {
            last.push((path, place));
        }
    }
    for (regex, place) in regexes {
        push(&mut routes, &PathPattern::Regex(regex), place);
    }
    for (path, place) in last {
        push(&mut routes, &path, place);
    }
    Ok(routes)
}

fn push(routes: &mut Vec<Route>, path: &PathPattern, place: Place) {
    let Place { rules, policies, error_pages } = place;
    routes.extend(rules.into_iter().map(|Rule { conditions, action, origin }| Route {
        policies: policies.clone(),
        // They are not for redirects that somebody wrote (virtualserver §13).
        error_pages: error_pages.clone().filter(|_| !matches!(action, Action::Redirect(_))),
        ..Route::new(path.clone(), conditions, action, origin)
    }));
}

/// A copy of `place` for the paths of some prefix that `regex` matches.
fn within_prefix(regex: &Regex, place: &Place) -> Place {
    let matches =
        Condition::new(Field::Path, Test::Matches { regex: regex.clone(), empty_matches: false });
    let mut copy = place.clone();
    copy.rules.iter_mut().for_each(|rule| rule.conditions.insert(0, matches.clone()));
    copy
}

/// Which of the sorted prefixes are inner ones: not `^~`, and behind them stands a `^~` or an
/// inner one that may cover some of the same paths.
fn inner(prefixes: &[(PathTemplate, bool, Place)]) -> Vec<bool> {
    let mut inner = vec![false; prefixes.len()];
    // What templates begin with, up to the first parameter. Two that cover a common path begin
    // alike as far as both go.
    let mut heads: BTreeSet<&[u8]> = BTreeSet::new();
    for (i, (template, no_regex, _)) in prefixes.iter().enumerate().rev() {
        let head = head(template);
        let meets = |heads: &BTreeSet<&[u8]>| {
            heads.range(head..).next().is_some_and(|other| other.starts_with(head))
                || (0..head.len()).any(|end| heads.contains(&head[..end]))
        };
        inner[i] = !no_regex && meets(&heads);
        if *no_regex || inner[i] {
            heads.insert(head);
        }
    }
    inner
}

fn head(template: &PathTemplate) -> &[u8] {
    match template.parts().first() {
        Some(PathPart::Literal(text)) => text,
        _ => b"",
    }
}

/// The redirects to paths that end in `/` (virtualserver §9.2, trailing slash rule).
///
/// They stand behind the exact paths, so that these need no test here. A path that some prefix
/// equals is not redirected; of prefixes with parameters only the one of the same form counts.
fn redirects(locations: &[Location]) -> Result<Vec<Route>, TooMany> {
    let prefixes: Vec<&PathTemplate> = locations
        .iter()
        .filter_map(|location| match &location.path {
            RoutePath::Prefix { template, .. } => Some(template),
            _ => None,
        })
        .collect();
    let mut taken: BTreeSet<Vec<u16>> = prefixes.iter().map(|template| shape(template)).collect();
    let mut redirects = Vec::new();
    let mut pairs = 0;
    let asking = locations.iter().filter(|location| location.appends_slash);
    let (exact, others): (Vec<_>, Vec<_>) =
        asking.partition(|location| matches!(location.path, RoutePath::Exact(_)));
    // Of `=/x/` and `/x/` the exact one rules, wherever it stands.
    for location in exact.into_iter().chain(others) {
        let (RoutePath::Exact(template) | RoutePath::Prefix { template, .. }) = &location.path
        else {
            continue;
        };
        let ends_in_slash = matches!(template.parts().last(), Some(PathPart::Literal(text))
            if text.ends_with(b"/"));
        let bare = template.clone().without_final_slash();
        if !ends_in_slash || bare.parts().is_empty() || !taken.insert(shape(&bare)) {
            continue;
        }
        let mut conditions = Vec::new();
        if bare.as_literal().is_none() {
            pairs += prefixes.len();
            let equal = prefixes.iter().filter_map(|prefix| prefix.as_literal());
            let equal = equal.filter(|text| bare.covers(End::Whole, text).is_some());
            conditions.extend(equal.map(|text| {
                Condition::equals(Field::Path, &String::from_utf8_lossy(text)).negate()
            }));
        }
        if conditions.len() > MAX_CONDITIONS || pairs > MAX_PAIRS {
            return Err(TooMany::Exceptions);
        }
        redirects.push((shape(&bare), append_slash(bare, conditions, location)));
    }
    sort_by(&mut redirects, |a, b| a.0.cmp(&b.0));
    Ok(redirects.into_iter().map(|(_, route)| route).collect())
}

/// Group 1 is the whole path.
static ALL: LazyLock<CaptureRegex> = LazyLock::new(|| {
    CaptureRegex::new("(?s)^(.*)$", false).expect("a constant expression compiles")
});

/// The redirect from `bare` to `location`. It goes before the policies of the location; of its
/// error pages, those of a location that proxies may take its place (virtualserver §7, §13).
fn append_slash(bare: PathTemplate, conditions: Vec<Condition>, location: &Location) -> Route {
    let redirect = Redirect {
        status: StatusCode::MOVED_PERMANENTLY,
        location: Target::Parts {
            scheme: None,
            host: None,
            port: None,
            path: PathRewrite::Pattern { regex: ALL.clone(), replacement: "$1/".into() },
        },
        max_body: Some(MAX_UNREAD),
        origin: location.origin.clone(),
    };
    let Place { rules, policies, error_pages } = &location.place;
    let proxies = matches!(&rules[..], [Rule { action: Action::Forward(_), .. }]);
    Route {
        policies: policies.as_ref().and_then(|policies| before_location(policies)),
        error_pages: error_pages.clone().filter(|_| proxies),
        ..Route::new(
            PathPattern::Exact(bare),
            conditions,
            Action::Redirect(Arc::new(redirect)),
            location.origin.clone(),
        )
    }
}

#[cfg(test)]
mod tests;
