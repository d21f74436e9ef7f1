//! The matches of an HTTPRoute, each as one route with its place in the order of gateway-api §12.

use super::{backend, path};
use crate::diagnostic::Diagnostic;
use crate::resource::Resource;
use crate::resource::gateway_route::matching::{Match, PathKind, ValueMatch};
use crate::resource::gateway_route::{GatewayRoute, Rule};
use crate::rules::{Action, Anchor, Condition, Field, PathPattern, Route, Test};
use crate::translate::Context;
use crate::translate::expressions::Expressions;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// A whole HTTPRoute.
#[derive(Default)]
pub(super) struct LoweredRoute {
    pub(super) matches: Vec<Lowered>,
    /// Rules that are left out or answer 500, by index, and why.
    pub(super) dropped: Vec<(usize, String)>,
    /// The first reference that could not be resolved: reason and message.
    pub(super) unresolved: Option<(&'static str, String)>,
}

/// One match.
#[derive(Clone)]
pub(super) struct Lowered {
    pub(super) precedence: Precedence,
    pub(super) route: Route,
}

/// The criteria 3 to 7 of gateway-api §12; the lesser one goes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Precedence {
    path: PathPrecedence,
    any_method: bool,
    headers: Reverse<usize>,
    query: Reverse<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum PathPrecedence {
    Exact,
    /// By the length of the expression, in characters.
    Regex(Reverse<usize>),
    /// By the length of the path, without the `/` at its end.
    Prefix(Reverse<usize>),
}

/// Lowers all rules.
pub(super) fn lower(route: &Resource<GatewayRoute>, context: &mut Context<'_>) -> LoweredRoute {
    let mut lowered = LoweredRoute::default();
    if let Some(at) = route.spec.use_default_gateways {
        unsupported("useDefaultGateways", at, route, context);
    }
    for (index, rule) in route.spec.rules.iter().enumerate() {
        if let Some(at) = rule.session_persistence {
            unsupported("sessionPersistence", at, route, context);
        }
        match tests(route, rule, context) {
            Ok(tests) => {
                let action = backend::action(index, rule, route, context, &mut lowered);
                lowered.matches.extend(tests.into_iter().map(|test| test.lower(&action)));
            }
            // A match that is left out would leave its requests to another rule.
            Err(message) => lowered.dropped.push((index, message)),
        }
    }
    lowered
}

fn unsupported(
    name: &str,
    at: crate::resource::document::At,
    route: &Resource<GatewayRoute>,
    context: &mut Context<'_>,
) {
    let message = format!("`{name}` is not supported and has no effect");
    context.problems.push(Diagnostic::warning("unsupported-field", &route.origin(at), message));
}

/// What a match asks of a request.
struct Tests {
    precedence: Precedence,
    path: PathPattern,
    conditions: Vec<Condition>,
    origin: crate::Origin,
}

impl Tests {
    fn lower(self, action: &Action) -> Lowered {
        let route = Route::new(self.path, self.conditions, action.clone(), self.origin);
        Lowered { precedence: self.precedence, route }
    }
}

/// The tests of all matches of a rule, or what is wrong with the first bad one.
fn tests(
    route: &Resource<GatewayRoute>,
    rule: &Rule,
    context: &mut Context<'_>,
) -> Result<Vec<Tests>, String> {
    let lowered: Vec<_> = rule.matches.iter().map(|m| lower_match(route, m, context)).collect();
    lowered.into_iter().collect()
}

fn lower_match(
    route: &Resource<GatewayRoute>,
    wanted: &Match,
    context: &mut Context<'_>,
) -> Result<Tests, String> {
    let mut first_problem = Ok(());
    let mut problem = |at, message: String| {
        context.problems.push(Diagnostic::error("UnsupportedValue", &route.origin(at), &*message));
        if first_problem.is_ok() {
            first_problem = Err(message);
        }
    };
    let path = lower_path(wanted, &mut context.expressions)
        .map_err(|message| problem(wanted.path.at, message))
        .ok();
    let mut conditions = Vec::new();
    if let Some(method) = wanted.method {
        conditions.push(Condition::equals(Field::Method, method));
    }
    let headers = distinct(&wanted.headers);
    for header in &headers {
        let field = Field::Header(header.name.to_ascii_lowercase().into());
        match condition(field, header, &mut context.expressions) {
            Ok(condition) => conditions.push(condition),
            Err(message) => problem(header.at, message),
        }
    }
    for parameter in &wanted.query {
        let name = parameter.name.clone();
        let field = Field::Argument { name, ignore_case: false, decoded: true };
        match condition(field, parameter, &mut context.expressions) {
            Ok(condition) => conditions.push(condition),
            Err(message) => problem(parameter.at, message),
        }
    }
    first_problem?;
    if let Some((pattern, _)) = &path
        && path::has_dot_segment(pattern)
    {
        let message = format!("no request has the path `{}`", wanted.path.value);
        let problem =
            Diagnostic::warning("unreachable-path", &route.origin(wanted.path.at), message);
        context.problems.push(problem.help("dot segments are removed before paths are compared"));
    }
    for repeated in wanted.headers.iter().filter(|h| !headers.iter().any(|kept| kept.at == h.at)) {
        let message = format!("only the first test of header `{}` counts", repeated.name);
        let origin = route.origin(repeated.at);
        context.problems.push(Diagnostic::warning("duplicate", &origin, message));
    }
    let (path, by_path) = path.ok_or_else(String::new)?;
    let precedence = Precedence {
        path: by_path,
        any_method: wanted.method.is_none(),
        headers: Reverse(headers.len()),
        query: Reverse(wanted.query.len()),
    };
    Ok(Tests { precedence, path, conditions, origin: route.origin(wanted.at) })
}

fn lower_path(
    wanted: &Match,
    expressions: &mut Expressions,
) -> Result<(PathPattern, PathPrecedence), String> {
    let value = &wanted.path.value;
    Ok(match wanted.path.kind {
        PathKind::Exact => (PathPattern::Exact(path::template(value)?), PathPrecedence::Exact),
        PathKind::Prefix => {
            let pattern = path::prefix(value)?;
            let length = Reverse(path::prefix_length(&pattern));
            (pattern, PathPrecedence::Prefix(length))
        }
        PathKind::Regex => {
            let regex = expressions.compile(value, Anchor::Both, false);
            let regex = regex.map_err(|e| describe(value, &e))?;
            let length = Reverse(value.chars().count());
            (PathPattern::Regex(regex), PathPrecedence::Regex(length))
        }
    })
}

/// Of header names that differ in case only, the first counts (gateway-api §11.3).
fn distinct(headers: &[ValueMatch]) -> Vec<&ValueMatch> {
    let mut seen = BTreeSet::new();
    headers.iter().filter(|header| seen.insert(header.name.to_ascii_lowercase())).collect()
}

fn condition(
    field: Field,
    wanted: &ValueMatch,
    expressions: &mut Expressions,
) -> Result<Condition, String> {
    if !wanted.regex {
        return Ok(Condition::equals(field, &wanted.value));
    }
    let regex = expressions.compile(&wanted.value, Anchor::Both, false);
    let regex = regex.map_err(|error| describe(&wanted.value, &error))?;
    Ok(Condition::new(field, Test::Matches { regex, empty_matches: true }))
}

fn describe(source: &str, error: &crate::rules::InvalidRegex) -> String {
    let source = crate::resource::document::shorten(source);
    format!("`{source}` is not a valid expression: {error}")
}
