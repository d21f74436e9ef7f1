//! Routes to locations (virtualserver §5, §10, §11).

use super::action::{Actions, Site};
use super::condition::condition;
use super::delegate::Delegation;
use super::order::{Location, Place, Rule};
use super::outside;
use super::path::{PathKey, RoutePath};
use super::policy::{Attachment, PolicySet, merged};
use super::report::{Fault, Report};
use super::sticky::SplitPlace;
use crate::resource::document::Located;
use crate::resource::virtual_server::{Match, Route, Split as Entry, Target};
use crate::rules::{Action, BackendProtocol, Branch, MAX_CONDITIONS, Policies, Split, grpc_status};
use http::StatusCode;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What guards the routes of one object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guards<'a> {
    pub(super) set: &'a PolicySet,
    /// The policies of the VirtualServer itself.
    pub(super) of_server: &'a Arc<Policies>,
    pub(super) on: Attachment<'a>,
}

/// What the routes of one object become.
#[derive(Debug, Default)]
pub(super) struct Lowered<'r> {
    /// Of the routes that do something themselves, in document order.
    pub(super) locations: Vec<Location>,
    /// The routes that VirtualServerRoutes take over, in document order.
    pub(super) delegations: Vec<Delegation<'r>>,
}

/// The locations and delegations of `routes`. Those that something is wrong with are left out, in
/// which case the whole object is refused.
pub(super) fn lower_all<'r>(
    routes: &'r [Route],
    guards: Guards<'_>,
    actions: &mut Actions<'_>,
) -> Lowered<'r> {
    let mut seen = BTreeMap::new();
    let mut lowered = Lowered::default();
    for route in routes {
        let path = route.path.as_ref();
        let path =
            path.and_then(|p| actions.report.check(p.at, RoutePath::parse(p, actions.expressions)));
        if let (Some(path), Some(text)) = (&path, &route.path) {
            unique(path, route, text, &mut seen, actions);
            if let Some(slip) = RoutePath::literal_slip(text) {
                actions.report.warning(text.at, slip);
            }
        }
        let own = route.policies.as_ref();
        let own = own.map(|list| guards.set.resolve(list, guards.on, actions.report));
        let mut own = own.unwrap_or_default();
        let error_pages = route.error_pages.as_ref();
        let error_pages = error_pages.and_then(|pages| actions.error_pages(pages));
        outside::add_header_inherit(route.add_header_inherit.as_ref(), actions.report);
        if let Some(Target::Delegate(to)) = &route.target {
            outside::dos_of_delegation(route.dos.as_ref(), actions.report);
            let policies = merged(guards.of_server, own);
            let place = Place { rules: Vec::new(), policies, error_pages };
            let to = Delegation::lower(route, to, place, actions.report);
            lowered.delegations.extend(path.and(to));
            continue;
        }
        outside::dos(route.dos.as_ref(), &mut own, actions.report);
        let policies = merged(guards.of_server, own);
        let rules = lower(route, path.as_ref(), actions);
        let (Some(path), Some(rules)) = (path, rules) else { continue };
        check_error_pages(route, &rules, actions.report);
        if let Some(list) = &route.policies {
            let all = rules.iter().map(|rule| &rule.action);
            guards.set.check_backend_tls(list, guards.on.namespace, all, actions.report);
        }
        let origin = actions.report.origin(route.at);
        let appends_slash =
            route.matches.is_empty() && matches!(route.target, Some(Target::Action(_)));
        let place = Place { rules, policies, error_pages };
        lowered.locations.push(Location { path, place, appends_slash, origin });
    }
    lowered
}

/// Reports a path that stands twice.
fn unique<'r>(
    path: &RoutePath,
    route: &'r Route,
    text: &Located<Box<str>>,
    seen: &mut BTreeMap<PathKey, &'r Route>,
    actions: &mut Actions<'_>,
) {
    let Some(first) = seen.insert(path.key(), route) else { return };
    let field = actions.report.origin(first.at).field;
    let mut fault = Fault::new(
        "duplicate-value",
        format!("the path `{}` is that of `{field}` already", text.value),
    );
    if first.path.as_ref().is_some_and(|p| p.starts_with("^~") != text.starts_with("^~")) {
        fault = fault.help("with and without `^~` it is one path");
    }
    actions.report.error(text.at, fault);
}

/// Reports error pages of a route that cannot take the place of anything (virtualserver §13).
fn check_error_pages(route: &Route, rules: &[Rule], report: &mut Report) {
    let Some(pages) = route.error_pages.as_ref().filter(|pages| !pages.is_empty()) else { return };
    if rules.iter().all(|rule| rule.action.forwards().next().is_none()) {
        let message = "`errorPages` has no effect: nothing here is sent to an upstream";
        report.warning(pages.at, Fault::new("no-effect", message));
    }
    let forwards = rules.iter().flat_map(|rule| rule.action.forwards());
    let grpc = forwards
        .map(|forward| &forward.settings)
        .find(|settings| settings.protocol == BackendProtocol::Grpc);
    let Some(upstream) = grpc else { return };
    for code in pages.iter().flat_map(|page| &page.codes) {
        if StatusCode::from_u16(code.value).is_ok_and(|status| grpc_status(status).is_some()) {
            let message = format!(
                "`{}` has no effect on the gRPC upstream `{}`: it is answered with a `grpc-status`",
                code.value, upstream.name
            );
            report.warning(code.at, Fault::new("no-effect", message));
        }
    }
}

/// What happens at a route, in order.
fn lower(route: &Route, path: Option<&RoutePath>, actions: &mut Actions<'_>) -> Option<Vec<Rule>> {
    let mut rules = Vec::with_capacity(route.matches.len() + 1);
    let mut complete = true;
    for (index, written) in route.matches.iter().enumerate() {
        let place = SplitPlace { route, of_match: Some(index) };
        match lower_match(written, place, path, actions) {
            Some(rule) => rules.push(rule),
            None => complete = false,
        }
    }
    let direct = route.matches.is_empty();
    let origin = actions.report.origin(route.at);
    let action = match &route.target {
        Some(Target::LeftOut) => {
            let message = "`matches` without a default: a request that holds none is answered \
                           404, or 405 if only its method is to blame";
            let fault = Fault::new("no-default-action", message).help("add `action` or `splits`");
            actions.report.warning(route.at, fault);
            let alternatives = u32::try_from(rules.len()).unwrap_or(u32::MAX);
            Some(Action::Unmatched { alternatives })
        }
        target => target.as_ref().and_then(|t| {
            lower_target(t, SplitPlace { route, of_match: None }, Site { path, direct }, actions)
        }),
    };
    rules.push(Rule { conditions: Vec::new(), action: action?, origin });
    complete.then_some(rules)
}

fn lower_match(
    written: &Match,
    place: SplitPlace<'_>,
    path: Option<&RoutePath>,
    actions: &mut Actions<'_>,
) -> Option<Rule> {
    // One is left for the expression of the path (`order::within_prefix`).
    const MOST: usize = MAX_CONDITIONS - 1;
    if written.conditions.len() > MOST {
        let count = written.conditions.len();
        let message = format!("there are {count} conditions, more than {MOST}");
        actions.report.error(written.at, Fault::new("too-many", message));
        return None;
    }
    let mut conditions = Vec::with_capacity(written.conditions.len());
    for one in &written.conditions {
        conditions.extend(condition(one, actions.expressions, actions.report));
    }
    let target = written.target.as_ref();
    let action =
        target.and_then(|t| lower_target(t, place, Site { path, direct: false }, actions))?;
    // An empty list, and any condition that was left out, is an error already.
    (conditions.len() == written.conditions.len()).then(|| Rule {
        conditions,
        action,
        origin: actions.report.origin(written.at),
    })
}

fn lower_target(
    target: &Target,
    place: SplitPlace<'_>,
    site: Site<'_>,
    actions: &mut Actions<'_>,
) -> Option<Action> {
    match target {
        Target::Action(action) => actions.lower(action, site),
        Target::Splits(splits) => {
            let split = lower_splits(splits, place, Site { direct: false, ..site }, actions);
            split.map(|split| Action::Split(Arc::new(split)))
        }
        Target::LeftOut | Target::Delegate(_) => None,
    }
}

fn lower_splits(
    splits: &Located<Vec<Entry>>,
    place: SplitPlace<'_>,
    site: Site<'_>,
    actions: &mut Actions<'_>,
) -> Option<Split> {
    let mut branches = Vec::with_capacity(splits.len());
    for entry in &splits.value {
        let action = entry.action.as_ref().and_then(|action| actions.lower(action, site));
        let origin = actions.report.origin(entry.at);
        if let (Some(weight), Some(action)) = (entry.weight, action) {
            branches.push(Branch { weight, action, cors: None, origin });
        }
    }
    if splits.len() < 2 {
        let message = "`splits` needs at least two entries";
        actions.report.error(splits.at, Fault::invalid(message));
        return None;
    }
    let weights: Option<Vec<u64>> = splits.iter().map(|entry| entry.weight).collect();
    let sum: u64 = weights?.iter().sum();
    if sum != 100 {
        let message = format!("the weights add up to {sum}, not to 100");
        actions.report.error(splits.at, Fault::invalid(message));
        return None;
    }
    (branches.len() == splits.len()).then(|| Split {
        session: None,
        sticky: place.sticky(splits, actions),
        branches,
        otherwise: StatusCode::INTERNAL_SERVER_ERROR,
        origin: actions.report.origin(splits.at),
    })
}
