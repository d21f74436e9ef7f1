//! The naive twin of the router: what a rule set means, with nothing clever.
//!
//! It shares the *types* of `rules` with the router and none of the matching, normalising,
//! reading, splitting or precedence code. Everything is a scan over lists and a copy of strings,
//! so that it can be compared with the specification line by line.

mod access;
mod answer;
mod conditions;
mod path;
mod policies;
mod target;
mod weights;

pub use answer::{Answer, SplitAnswer, StepAnswer, Verdict};

use conditions::{View, passes};
use gateway_core::rules::{
    Action, Branch, Field, Forward, HostPattern, Listener, PathPattern, Policies, PortSpeech,
    Protocol, Route, RuleSet, Service, ServiceId, ServiceName, ServiceTls, Split, Sticky, Test,
    VirtualHost,
};
use gateway_core::{NoRoute, Origin, Request};
use weights::choose;

/// Decides what to do with `request`.
pub fn decide<R: Request>(rules: &RuleSet, request: &R, draw: u64) -> Answer {
    let mut answer = Answer::nothing(NoRoute::NoListener);
    let Some(listener) = listener_of(rules, request) else { return answer };
    answer.listener = Some(listener.origin.clone());

    // The target and the host are refused before any rule is looked at (decisions §2).
    let view = match View::of(request, &listener.paths) {
        Ok(view) => view,
        Err(reason) => {
            answer.verdict = Verdict::NoRoute(NoRoute::Invalid(reason));
            return answer;
        }
    };

    let hosts = hosts_of(listener, &view.host);
    let Some(owner) = hosts.first() else {
        answer.verdict = Verdict::NoRoute(NoRoute::NoHost);
        return answer;
    };
    answer.host = Some(owner.origin.clone());
    if misdirected(listener, owner, &view) {
        answer.verdict = Verdict::NoRoute(NoRoute::Misdirected);
        return answer;
    }
    answer.verdict = Verdict::NoRoute(NoRoute::NoMatch);
    for host in hosts {
        let holding = host.routes.iter().position(|route| holds(route, &view));
        if let Some(at) = holding {
            answer.host = Some(host.origin.clone());
            answer.route = Some(host.routes[at].origin.clone());
            let acted = act(rules, &host.routes, at, &view, draw);
            answer.verdict = acted.verdict;
            answer.branch = acted.branch.map(|branch| branch.origin.clone());
            let policies = host.routes[at].policies.as_deref();
            let none = Policies::default();
            let of_backend = acted.branch.and_then(|branch| branch.cors.as_deref());
            answer.steps =
                policies::steps(policies.unwrap_or(&none), of_backend, &answer.verdict, &view);
            let ended =
                answer.steps.last().is_some_and(|s| ["refuse", "preflight"].contains(&s.kind));
            if let Some(addressed) = acted.addressed.filter(|_| !ended) {
                let chosen = match &answer.verdict {
                    Verdict::Forward { service, .. } => {
                        rules.services.iter().find(|s| s.name == *service)
                    }
                    _ => None,
                };
                answer.steps.extend(access::limits(addressed, chosen, &view));
            }
            break;
        }
    }
    answer
}

/// The Services and the rules of the copies that are sent of a request which was given `answer`
/// (gateway-api §13.2).
pub fn mirrors<R: Request>(
    rules: &RuleSet,
    request: &R,
    draw: u64,
    answer: &Answer,
) -> Vec<(ServiceName, Origin)> {
    let (Verdict::Forward { rule, .. }, Some(listener)) =
        (&answer.verdict, listener_of(rules, request))
    else {
        return Vec::new();
    };
    let Ok(view) = View::of(request, &listener.paths) else { return Vec::new() };
    let Some(forward) = forward_of(rules, rule) else { return Vec::new() };
    let mut copies = Vec::new();
    for (nth, mirror) in forward.mirrors.iter().enumerate() {
        // A share of the numbers that the mirror could draw.
        let drawn = u128::from(weights::nth_draw(draw, nth));
        let takes =
            drawn * u128::from(mirror.denominator) < u128::from(mirror.numerator) * (1_u128 << 64);
        let Forward { target, origin, as_service_says, .. } = &*mirror.forward;
        let (id, port, by_service) = (target.service, target.port, *as_service_says);
        let verdict = arrive(rules, id, port, origin.clone(), None, by_service, &view);
        if let Verdict::Forward { service, rule, .. } = verdict
            && takes
        {
            copies.push((service, rule));
        }
    }
    copies
}

/// The rule of an origin.
fn forward_of<'r>(rules: &'r RuleSet, origin: &Origin) -> Option<&'r Forward> {
    let hosts = rules.listeners.iter().flat_map(|listener| listener.hosts.iter());
    let routes = hosts.flat_map(|host| &host.routes);
    routes.flat_map(|route| route.action.forwards()).find(|forward| forward.origin == *origin)
}

/// What happens in place of `answer`, which the request was given, while all endpoints of the
/// Service are out: the verdict, and the limits that the request falls under (smi N-10).
pub fn fall_back<R: Request>(
    rules: &RuleSet,
    request: &R,
    answer: &Answer,
) -> Option<(Verdict, Vec<StepAnswer>)> {
    let Verdict::Forward { service, rule, .. } = &answer.verdict else { return None };
    let service = rules.services.iter().find(|s| s.name == *service)?;
    let (id, port) = service.breaker.as_ref()?.fallback?;
    let instead = rules.service(id);
    let has_port = instead.ports.as_ref().is_none_or(|ports| ports.contains(&port));
    if !instead.exists || !has_port {
        return None;
    }
    let view = View::of(request, &listener_of(rules, request)?.paths).ok()?;
    let forward = forward_of(rules, rule)?;
    let verdict = arrive(rules, id, port, rule.clone(), None, forward.as_service_says, &view);
    let steps = match &verdict {
        Verdict::Forward { .. } => access::limits(instead, Some(instead), &view),
        _ => Vec::new(),
    };
    Some((verdict, steps))
}

/// What the parameters of `route`'s path stand for in a request that it has taken: names and pieces
/// of the match path, from left to right.
pub fn captures<R: Request>(
    listener: &Listener,
    route: &Route,
    request: &R,
) -> Vec<(String, Vec<u8>)> {
    match View::of(request, &listener.paths) {
        Ok(View { path: Some(path), .. }) => path::captures(&route.path, &path),
        _ => Vec::new(),
    }
}

/// Whether a pattern holds for a match path.
pub fn path_holds(pattern: &PathPattern, path: &[u8]) -> bool {
    path::matches(pattern, path)
}

/// The listener of the address, else the one of all addresses.
fn listener_of<'r, R: Request>(rules: &'r RuleSet, request: &R) -> Option<&'r Listener> {
    let key = request.connection().listener;
    let find =
        |address| rules.listeners.iter().find(|l| l.port == key.port && l.address == address);
    match key.address {
        Some(address) => find(Some(address)).or_else(|| find(None)),
        None => find(None),
    }
}

/// The virtual hosts that are asked, in order: the most specific one that covers the host, and as
/// long as they fall through the less specific ones of its section (decisions §1).
fn hosts_of<'r>(listener: &'r Listener, host: &str) -> Vec<&'r VirtualHost> {
    let mut covering: Vec<&VirtualHost> = Vec::new();
    for candidate in listener.hosts.iter() {
        let covers = match &candidate.hostname {
            HostPattern::Exact(name) => **name == *host,
            HostPattern::Wildcard(suffix) => {
                let ending = format!(".{suffix}");
                host.ends_with(&ending) && host.len() > ending.len()
            }
            HostPattern::Any => true,
        };
        if covers {
            covering.push(candidate);
        }
    }
    covering.sort_by_key(|candidate| match &candidate.hostname {
        HostPattern::Exact(_) => (0, 0),
        HostPattern::Wildcard(suffix) => (1, usize::MAX - suffix.len()),
        HostPattern::Any => (2, 0),
    });
    let mut asked: Vec<&VirtualHost> = Vec::new();
    for candidate in covering {
        match asked.last() {
            None => asked.push(candidate),
            Some(last) if !last.falls_through => break,
            Some(last) if last.section == candidate.section => asked.push(candidate),
            Some(_) => {}
        }
    }
    asked
}

/// Whether the connection was opened for a name of another section than that of `owner`, which has
/// the request's host (gateway-api §7.3).
fn misdirected(listener: &Listener, owner: &VirtualHost, view: &View<'_, impl Request>) -> bool {
    let exclusive = owner.tls.as_ref().is_some_and(|tls| tls.exclusive);
    let tls = view.request().connection().protocol == Protocol::Https;
    let (true, true, Some(name)) = (exclusive, tls, view.request().server_name()) else {
        return false;
    };
    let Ok(name) = String::from_utf8(name.to_ascii_lowercase()) else { return true };
    if name == view.host {
        return false;
    }
    if name.len() > 253 || name.starts_with('.') {
        return true;
    }
    let opened = hosts_of(listener, &name);
    opened.first().is_none_or(|host| host.section != owner.section)
}

fn holds(route: &Route, view: &View<'_, impl Request>) -> bool {
    pattern_holds(&route.path, view) && route.conditions.iter().all(|c| view.holds(c))
}

fn pattern_holds(pattern: &PathPattern, view: &View<'_, impl Request>) -> bool {
    match (&view.path, pattern) {
        // `OPTIONS *` and CONNECT have no path: only a prefix without parts holds for them.
        (None, PathPattern::Prefix { template, .. }) => template.parts().is_empty(),
        (None, _) => false,
        (Some(path), pattern) => path::matches(pattern, path),
    }
}

/// What a route does.
struct Acted<'r> {
    verdict: Verdict,
    /// The innermost branch of its own split that was drawn.
    branch: Option<&'r Branch>,
    /// The Service that it names.
    addressed: Option<&'r Service>,
}

/// What the route at `at` does.
fn act<'r>(
    rules: &'r RuleSet,
    routes: &'r [Route],
    at: usize,
    view: &View<'_, impl Request>,
    draw: u64,
) -> Acted<'r> {
    let (mut branch, mut addressed) = (None, None);
    let mut draw = draw;
    let mut action = &routes[at].action;
    loop {
        let verdict = match action {
            Action::Split(split) => {
                let weights: Vec<u64> = split.branches.iter().map(|b| b.weight).collect();
                let client = client(split.sticky.as_deref(), view);
                let sticky = client.as_ref().map(|(sticky, value)| (*sticky, &value[..]));
                let chosen = match kept(split, view) {
                    Some(index) => Some((index, draw)),
                    None => choose(&weights, sticky, draw),
                };
                let Some((chosen, residual)) = chosen else {
                    let verdict = Verdict::NoRoute(NoRoute::NoBranch(split.otherwise));
                    return Acted { verdict, branch, addressed };
                };
                branch = Some(&split.branches[chosen]);
                action = &split.branches[chosen].action;
                draw = residual;
                continue;
            }
            Action::Forward(forward) => {
                addressed = Some(rules.service(forward.target.service));
                resolve(rules, forward, view, draw)
            }
            Action::Redirect(redirect) => {
                Verdict::Redirect { status: redirect.status, origin: redirect.origin.clone() }
            }
            Action::Respond(respond) => {
                Verdict::Respond { status: respond.status, origin: respond.origin.clone() }
            }
            Action::Unmatched { alternatives } => {
                let first = at.saturating_sub(*alternatives as usize);
                Verdict::NoRoute(unmatched(&routes[first..at], view))
            }
        };
        return Acted { verdict, branch, addressed };
    }
}

/// The branch that the client had first, if it says so (gateway-api §17).
fn kept(split: &Split, view: &View<'_, impl Request>) -> Option<usize> {
    let session = split.session.as_ref()?;
    let said = view.value(&Field::Attribute(session.attribute.clone())).joined?;
    let index = session.backends.iter().position(|name| name.as_bytes() == said)?;
    (index < split.branches.len()).then_some(index)
}

/// The path is known, and none of `alternatives` held: is the method alone to blame for one of
/// them (decisions §7)?
fn unmatched(alternatives: &[Route], view: &View<'_, impl Request>) -> NoRoute {
    for route in alternatives {
        let (on_method, others): (Vec<_>, Vec<_>) =
            route.conditions.iter().partition(|condition| condition.field == Field::Method);
        if !others.iter().all(|condition| view.holds(condition)) {
            continue;
        }
        // The route did not hold, so a condition on the method failed. Would they hold together
        // for some other method?
        let mut methods = vec!["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
        methods.extend(on_method.iter().filter_map(|condition| match &condition.test {
            Test::Equals { value, .. } => Some(&**value),
            _ => None,
        }));
        let would_hold = |method: &&str| {
            on_method.iter().all(|c| passes(&c.test, Some(method.as_bytes())) != c.negated)
        };
        if methods.iter().any(would_hold) {
            return NoRoute::MethodNotAllowed;
        }
    }
    NoRoute::NoMatch
}

/// The addressed Service, or where its first applying TrafficSplit sends the request (smi §3.6).
fn resolve(
    rules: &RuleSet,
    forward: &Forward,
    view: &View<'_, impl Request>,
    draw: u64,
) -> Verdict {
    let target = forward.target;
    let root = rules.service(target.service);
    let rule = forward.origin.clone();
    let by_service = forward.as_service_says;
    let splits = if target.splits { root.splits.as_slice() } else { &[] };
    for split in splits {
        let mut matched = None;
        if let Some(matches) = &split.matches {
            let held = matches.iter().find(|m| m.conditions.iter().all(|c| view.holds(c)));
            let Some(held) = held else { continue };
            matched = Some(held.origin.clone());
        }
        // Who takes part: weight, existence, port (smi S-6).
        let mut weights = Vec::new();
        for backend in &split.backends {
            let service = rules.service(backend.service);
            let known = match &service.ports {
                None => true,
                Some(ports) => ports.contains(&target.port),
            };
            let ready = match &service.ready {
                None => true,
                Some(ports) => ports.contains(&target.port),
            };
            weights.push(if service.exists && known && ready { backend.weight } else { 0 });
        }
        let client = client(split.sticky.as_deref(), view);
        let sticky = client.as_ref().map(|(sticky, value)| (*sticky, &value[..]));
        let Some((chosen, _)) = choose(&weights, sticky, draw) else {
            return Verdict::NoRoute(NoRoute::NoBackend); // smi S-14
        };
        let backend = &split.backends[chosen];
        let answer = SplitAnswer {
            root: root.name.clone(),
            split: split.origin.clone(),
            matched,
            backend: backend.origin.clone(),
        };
        let split = Some(Box::new(answer));
        return arrive(rules, backend.service, target.port, rule, split, by_service, view);
    }
    if !splits.is_empty() && !root.exists {
        return Verdict::NoRoute(NoRoute::NoBackend); // smi S-15
    }
    arrive(rules, target.service, target.port, rule, None, by_service, view)
}

/// The Service takes the request, unless nobody there admits it (smi §6.5).
fn arrive(
    rules: &RuleSet,
    id: ServiceId,
    port: u16,
    rule: Origin,
    split: Option<Box<SplitAnswer>>,
    by_service: bool,
    view: &View<'_, impl Request>,
) -> Verdict {
    let service = rules.service(id);
    let name = service.name.clone();
    let of_port = |speech: &&PortSpeech| speech.port.is_none_or(|of| of == port);
    let distrusted = service
        .speech
        .iter()
        .filter(of_port)
        .any(|speech| matches!(speech.tls, Some(ServiceTls::Impossible(_))));
    if by_service && distrusted {
        return Verdict::NoRoute(NoRoute::NoTrust);
    }
    if !access::admits(service, port, view) {
        return Verdict::Deny { service: name, port };
    }
    Verdict::Forward { service: name, port, rule, split }
}

/// The value by which a split knows the client, if the request has one.
fn client<'s>(
    sticky: Option<&'s Sticky>,
    view: &View<'_, impl Request>,
) -> Option<(&'s Sticky, Vec<u8>)> {
    let sticky = sticky?;
    let value = view.value(sticky.by()).joined?;
    (!value.is_empty()).then_some((sticky, value))
}

#[cfg(test)]
mod tests;
