//! From a route to what becomes of the request.

use crate::decision::split::choose;
use crate::decision::steps::guards;
use crate::decision::{Decision, Forwarding, NoRoute, Outcome, SplitChoice, methods_of};
use crate::request::Request;
use crate::request::field::View;
use crate::rules::{
    Action, Forward, GroupMatch, Listener, Route, RuleSet, ServiceSplit, VirtualHost,
};

/// What the route of a rank does with the request.
#[inline]
pub(super) fn decide<'r, R: Request>(
    rules: &'r RuleSet,
    (listener, host, rank): (&'r Listener, &'r VirtualHost, usize),
    view: &View<'_, R>,
    draw: u64,
) -> Decision<'r> {
    let route = &host.routes[rank];
    let mut branch = None;
    let mut draw = draw;
    let mut action = &route.action;
    let outcome = loop {
        action = match action {
            Action::Split(split) => {
                let weights = split.branches.iter().map(|branch| branch.weight);
                let Some((chosen, rest)) = choose(weights, draw) else {
                    break Outcome::NoRoute(NoRoute::NoBranch(split.otherwise));
                };
                let taken = &split.branches[chosen];
                branch = Some(taken);
                draw = rest;
                &taken.action
            }
            Action::Forward(forward) => break send(rules, forward, view, draw),
            Action::Redirect(redirect) => break Outcome::Redirect(redirect),
            Action::Respond(respond) => break Outcome::Respond(respond),
            Action::Unmatched { alternatives } => {
                let ways = &host.routes[rank - *alternatives as usize..rank];
                break Outcome::NoRoute(unmatched(ways, view));
            }
        };
    };
    let guarded = route.policies.as_ref().is_some_and(|policies| guards(policies, view));
    let (listener, host, route) = (Some(listener), Some(host), Some(route));
    Decision { listener, host, route, branch, outcome, guarded }
}

/// None of `ways` held: if one would with another method, the method alone is to blame
/// (decisions §7).
fn unmatched<R: Request>(ways: &[Route], view: &View<'_, R>) -> NoRoute {
    match ways.iter().any(|way| methods_of(way, view).next().is_some()) {
        true => NoRoute::MethodNotAllowed,
        false => NoRoute::NoMatch,
    }
}

/// The addressed Service, or where the first of its splits that applies sends the request
/// (smi S-16: that is final).
#[inline]
fn send<'r, R: Request>(
    rules: &'r RuleSet,
    forward: &'r Forward,
    view: &View<'_, R>,
    draw: u64,
) -> Outcome<'r> {
    let target = forward.target;
    let root = rules.service(target.service);
    let port = target.port;
    let splits = if target.splits { &root.splits[..] } else { &[] };
    let Some((split, matched)) = splits.iter().find_map(|split| applies(split, view)) else {
        // Without splits the rule itself says how a missing Service is answered
        // ([`Forward::unavailable`]).
        if !root.exists && !splits.is_empty() {
            return Outcome::NoRoute(NoRoute::NoBackend);
        }
        let (service, id) = (root, target.service);
        return Outcome::Forward(Forwarding { forward, service, id, port, split: None });
    };
    // A backend that does not take part counts as one of weight 0 (smi S-6).
    let weights = split.backends.iter().map(|backend| {
        if rules.service(backend.service).has_port(port) { backend.weight } else { 0 }
    });
    let Some((chosen, _)) = choose(weights, draw) else {
        return Outcome::NoRoute(NoRoute::NoBackend);
    };
    let backend = &split.backends[chosen];
    Outcome::Forward(Forwarding {
        forward,
        service: rules.service(backend.service),
        id: backend.service,
        port,
        split: Some(SplitChoice { root, split, matched, backend }),
    })
}

/// The split and the match that holds, if it applies.
fn applies<'r, R: Request>(
    split: &'r ServiceSplit,
    view: &View<'_, R>,
) -> Option<(&'r ServiceSplit, Option<&'r GroupMatch>)> {
    let Some(matches) = &split.matches else { return Some((split, None)) };
    let holds = |m: &&GroupMatch| m.conditions.iter().all(|condition| view.holds(condition));
    matches.iter().find(holds).map(|matched| (split, Some(matched)))
}
