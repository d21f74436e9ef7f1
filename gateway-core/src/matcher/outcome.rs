//! From a route to what becomes of the request.

use super::{Tables, splits};
use crate::decision::access::is_open;
use crate::decision::cors::is_preflight;
use crate::decision::limits::is_limited;
use crate::decision::split::{choose_for, kept};
use crate::decision::steps::guards;
use crate::decision::{Decision, Forwarding, NoRoute, Outcome, SplitChoice, methods_of};
use crate::request::Request;
use crate::request::field::View;
use crate::rules::{Action, Forward, Listener, Route, ServiceTls, VirtualHost};

/// What the route of a rank does with the request.
#[inline]
pub(super) fn decide<'r, R: Request>(
    tables: &'r Tables,
    (listener, host, rank): (&'r Listener, &'r VirtualHost, usize),
    view: &View<'_, R>,
    draw: u64,
) -> Decision<'r> {
    let route = &host.routes[rank];
    let (mut branch, mut addressed) = (None, None);
    let mut draw = draw;
    let mut action = &route.action;
    let outcome = loop {
        action = match action {
            Action::Split(split) => {
                let weights = split.branches.iter().map(|branch| branch.weight);
                let sticky = split.sticky.as_deref();
                let kept = split.session.as_deref().and_then(|session| kept(session, view));
                let kept = kept.filter(|index| *index < split.branches.len());
                let chosen = kept.map(|index| (index, draw));
                let chosen = chosen.or_else(|| choose_for(sticky, weights, draw, view));
                let Some((chosen, rest)) = chosen else {
                    break Outcome::NoRoute(NoRoute::NoBranch(split.otherwise));
                };
                let taken = &split.branches[chosen];
                branch = Some(taken);
                draw = rest;
                &taken.action
            }
            Action::Forward(forward) => {
                addressed = Some(forward.target.service);
                break send(tables, forward, view, draw);
            }
            Action::Redirect(redirect) => break Outcome::Redirect(redirect),
            Action::Respond(respond) => break Outcome::Respond(respond),
            Action::Unmatched { alternatives } => {
                let ways = &host.routes[rank - *alternatives as usize..rank];
                break Outcome::NoRoute(unmatched(ways, view));
            }
        };
    };
    let addressed = addressed.map(|service| tables.rules.service(service));
    let guarded = route.policies.as_ref().is_some_and(|policies| guards(policies, view))
        || branch
            .and_then(|branch| branch.cors.as_deref())
            .is_some_and(|cors| is_preflight(cors, view))
        || addressed.is_some_and(|service| is_limited(service, &outcome));
    Decision {
        listener: Some(listener),
        host: Some(host),
        route: Some(route),
        branch,
        outcome,
        is_plain: view.is_plain(),
        target_is_normal: view.target_is_normal(),
        addressed,
        guarded,
        fell_back: false,
    }
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
    tables: &'r Tables,
    forward: &'r Forward,
    view: &View<'_, R>,
    draw: u64,
) -> Outcome<'r> {
    let rules = &tables.rules;
    let target = forward.target;
    let root = rules.service(target.service);
    let port = target.port;
    let has_splits = target.splits && !root.splits.is_empty();
    let find = || splits::find(&tables.splits, target.service, root, view);
    let Some((split, matched)) = has_splits.then(find).flatten() else {
        // Without splits the rule itself says how a missing Service is answered
        // ([`Forward::unavailable`]).
        if !root.exists && has_splits {
            return Outcome::NoRoute(NoRoute::NoBackend);
        }
        let (service, id) = (root, target.service);
        return checked(Forwarding { forward, service, id, port, split: None }, view);
    };
    // A backend that does not take part counts as one of weight 0 (smi S-6).
    let weights = split.backends.iter().map(|backend| {
        if rules.service(backend.service).takes_part(port) { backend.weight } else { 0 }
    });
    let Some((chosen, _)) = choose_for(split.sticky.as_deref(), weights, draw, view) else {
        return Outcome::NoRoute(NoRoute::NoBackend);
    };
    let backend = &split.backends[chosen];
    let split = Some(SplitChoice { root, split, matched, backend });
    let (service, id) = (rules.service(backend.service), backend.service);
    checked(Forwarding { forward, service, id, port, split }, view)
}

/// The same, unless nothing may be sent to the Service, or no endpoint admits the request (smi
/// T-14: what is refused is not drawn again).
#[inline]
pub(super) fn checked<'r, R: Request>(
    forwarding: Forwarding<'r>,
    view: &View<'_, R>,
) -> Outcome<'r> {
    if forwarding.forward.as_service_says
        && let Some(speech) = forwarding.service.speech(forwarding.port)
        && let Some(ServiceTls::Impossible(_)) = speech.tls
    {
        return Outcome::NoRoute(NoRoute::NoTrust);
    }
    match &forwarding.service.access {
        Some(access) if !is_open(access, forwarding.port, view) => Outcome::Deny(forwarding),
        _ => Outcome::Forward(forwarding),
    }
}
