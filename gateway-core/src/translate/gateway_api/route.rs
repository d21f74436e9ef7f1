//! The matches of a route, each as one route with its place in the order of gateway-api §12.

use super::backend::{LoweredRule, RuleSite};
use super::fault::Fault;
use super::reference::References;
use super::{grpc, path, session};
use crate::diagnostic::Diagnostic;
use crate::resource::Resource;
use crate::resource::gateway_route::http_match::{PathKind, PathMatch};
use crate::resource::gateway_route::matching::{Match, Target};
use crate::resource::gateway_route::values::ValueMatch;
use crate::resource::gateway_route::{GatewayRoute, RouteKind, Rule};
use crate::rules::{Anchor, Condition, Field, PathPattern, Route, ServiceName, Test};
use crate::translate::Context;
use crate::translate::expressions::Expressions;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// A whole route.
#[derive(Default)]
pub(super) struct LoweredRoute {
    pub(super) matches: Vec<Lowered>,
    /// Rules that are left out or answer 500, by index, and why.
    pub(super) dropped: Vec<(usize, String)>,
    /// The first reference that could not be resolved.
    pub(super) unresolved: Option<Fault>,
    /// The Services that it names.
    pub(super) services: BTreeSet<ServiceName>,
}

impl LoweredRoute {
    /// Whether it has a say in what becomes of requests: it is accepted, or some of its rules answer
    /// 500.
    pub(super) fn is_in_force(&self, route: &Resource<GatewayRoute>) -> bool {
        !self.has_lost_all_of(&route.spec.rules) || !self.matches.is_empty()
    }

    /// Whether there are rules and none of them is in force.
    pub(super) fn has_lost_all_of(&self, rules: &[Rule]) -> bool {
        !rules.is_empty() && self.dropped.len() == rules.len()
    }
}

/// One match.
#[derive(Clone)]
pub(super) struct Lowered {
    pub(super) precedence: Precedence,
    pub(super) route: Route,
}

/// The criteria 3 to 7 of gateway-api §12, or 3 to 5 of §18.3; the lesser one goes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Precedence {
    target: TargetPrecedence,
    headers: Reverse<usize>,
    query: Reverse<usize>,
}

/// What counts before the header. Kinds never meet: a host has routes of one of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TargetPrecedence {
    Http {
        path: PathPrecedence,
        any_method: bool,
    },
    /// By the lengths of both parts, in characters.
    Grpc {
        service: Reverse<usize>,
        method: Reverse<usize>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PathPrecedence {
    Exact,
    /// By the length of the expression, in characters.
    Regex(Reverse<usize>),
    /// By the length of the path, without the `/` at its end.
    Prefix(Reverse<usize>),
}

/// Lowers all rules.
pub(super) fn lower(
    route: &Resource<GatewayRoute>,
    references: References<'_, '_>,
    context: &mut Context<'_>,
) -> LoweredRoute {
    let mut lowered = LoweredRoute::default();
    session::warn_of_shared(route, context);
    let every = match route.spec.kind {
        RouteKind::Http => Ok(Vec::new()),
        RouteKind::Grpc => grpc::every_call(&mut context.expressions),
    };
    for (index, rule) in route.spec.rules.iter().enumerate() {
        match tests(route, rule, &every, context) {
            Ok(tests) => {
                let site = RuleSite { index, rule, route, references };
                let rule = site.lower(context, &mut lowered);
                lowered.matches.extend(tests.into_iter().map(|test| test.lower(&rule)));
            }
            // A match that is left out would leave its requests to another rule.
            Err(message) => lowered.dropped.push((index, message)),
        }
    }
    lowered
}

/// What a match asks of a request.
struct Tests {
    precedence: Precedence,
    path: PathPattern,
    conditions: Vec<Condition>,
    origin: crate::Origin,
}

impl Tests {
    fn lower(self, rule: &LoweredRule) -> Lowered {
        let route = Route::new(self.path, self.conditions, rule.action.clone(), self.origin);
        let route = Route { policies: rule.policies.clone(), ..route };
        Lowered { precedence: self.precedence, route }
    }
}

/// The tests of all matches of a rule, or what is wrong with the first bad one.
fn tests(
    route: &Resource<GatewayRoute>,
    rule: &Rule,
    every: &Result<Vec<Condition>, String>,
    context: &mut Context<'_>,
) -> Result<Vec<Tests>, String> {
    let lowered: Vec<_> =
        rule.matches.iter().map(|m| lower_match(route, m, every, context)).collect();
    lowered.into_iter().collect()
}

/// `every` is what requests of this kind have in common.
fn lower_match(
    route: &Resource<GatewayRoute>,
    wanted: &Match,
    every: &Result<Vec<Condition>, String>,
    context: &mut Context<'_>,
) -> Result<Tests, String> {
    let mut first_problem = Ok(());
    let mut problem = |at, message: String| {
        context.problems.push(Diagnostic::error("UnsupportedValue", &route.origin(at), &*message));
        if first_problem.is_ok() {
            first_problem = Err(message);
        }
    };
    let every = every.as_ref().map_err(|message| problem(wanted.at, message.clone()));
    let mut conditions = every.cloned().unwrap_or_default();
    let (target, query) = match &wanted.target {
        Target::Http(http) => {
            let method = http.method.map(|method| Condition::equals(Field::Method, method));
            conditions.extend(method);
            let any_method = http.method.is_none();
            let path = lower_path(&http.path, &mut context.expressions)
                .map(|(pattern, path)| (pattern, TargetPrecedence::Http { path, any_method }))
                .map_err(|message| (http.path.at, message));
            (path, &*http.query)
        }
        Target::Grpc(call) => (grpc::target(call, &mut context.expressions), &[][..]),
    };
    let target = target.map_err(|(at, message)| problem(at, message)).ok();
    let headers = distinct(&wanted.headers);
    for header in &headers {
        let field = Field::Header(header.name.to_ascii_lowercase().into());
        match condition(field, header, &mut context.expressions) {
            Ok(condition) => conditions.push(condition),
            Err(message) => problem(header.at, message),
        }
    }
    for parameter in query {
        let name = parameter.name.clone();
        let field = Field::Argument { name, ignore_case: false, decoded: true };
        match condition(field, parameter, &mut context.expressions) {
            Ok(condition) => conditions.push(condition),
            Err(message) => problem(parameter.at, message),
        }
    }
    first_problem?;
    let (path, target) = target.ok_or_else(String::new)?;
    warn_of_unreachable(wanted, &path, route, context);
    for repeated in wanted.headers.iter().filter(|h| !headers.iter().any(|kept| kept.at == h.at)) {
        let message = format!("only the first test of header `{}` counts", repeated.name);
        let origin = route.origin(repeated.at);
        context.problems.push(Diagnostic::warning("duplicate", &origin, message));
    }
    let precedence =
        Precedence { target, headers: Reverse(headers.len()), query: Reverse(query.len()) };
    Ok(Tests { precedence, path, conditions, origin: route.origin(wanted.at) })
}

/// Says so where no request, or none of those that are meant, has such a path.
fn warn_of_unreachable(
    wanted: &Match,
    pattern: &PathPattern,
    route: &Resource<GatewayRoute>,
    context: &mut Context<'_>,
) {
    let (at, message, help) = match &wanted.target {
        Target::Http(http) if path::has_dot_segment(pattern) => {
            let message = format!("no request has the path `{}`", http.path.value);
            (http.path.at, message, "dot segments are removed before paths are compared")
        }
        Target::Http(_) => return,
        Target::Grpc(call) => {
            let Some(service) = grpc::has_leading_dot(call) else { return };
            let message = format!("no client calls a service `{}`", service.value);
            (service.at, message, "in requests no dot stands before the name of a service")
        }
    };
    let problem = Diagnostic::warning("unreachable-path", &route.origin(at), message);
    context.problems.push(problem.help(help));
}

fn lower_path(
    wanted: &PathMatch,
    expressions: &mut Expressions,
) -> Result<(PathPattern, PathPrecedence), String> {
    let value = &wanted.value;
    Ok(match wanted.kind {
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

/// What is wrong with an expression.
pub(super) fn describe(source: &str, error: &crate::rules::InvalidRegex) -> String {
    let source = crate::resource::document::shorten(source);
    format!("`{source}` is not a valid expression: {error}")
}
