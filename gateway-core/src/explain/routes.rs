//! The walk over hosts and routes, one by one.

use super::{Considered, ConsideredHost, Explanation, Failure, show};
use crate::request::Request;
use crate::request::field::View;
use crate::rules::{Action, Listener, PathPart, PathPattern, Route, VirtualHost};
use crate::sort::sort_by;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The most routes that an [`Explanation`] lists as considered.
pub const MAX_CONSIDERED: usize = 100;

/// How many of them are named as nearest where no route holds.
const MAX_NEAREST: usize = 3;

/// Adds which hosts and routes of `listener` are looked at for a request.
pub(super) fn explain<R: Request>(
    explanation: &mut Explanation,
    listener: &Listener,
    view: &View<'_, R>,
) {
    let walk = Walk::over(listener, view);
    explanation.hosts = walk.hosts.iter().map(|host| ConsideredHost::of(host)).collect();
    let mut misses = walk.misses.into_sorted_vec();
    explanation.left_out = walk.missed - misses.len();
    let considered = |route: &Route| Considered {
        origin: route.origin.clone(),
        failed: first_failure(route, view),
    };
    if walk.winner.is_none_or(|route| matches!(route.action, Action::Unmatched { .. })) {
        explanation.nearest =
            misses.iter().take(MAX_NEAREST).map(|miss| considered(miss.route)).collect();
    }
    misses.sort_unstable_by_key(|miss| miss.order);
    let in_order = misses.iter().map(|miss| miss.route).chain(walk.winner);
    explanation.considered = in_order.map(considered).collect();
}

/// The routes that are looked at, without those that are left out.
struct Walk<'r> {
    hosts: Vec<&'r VirtualHost>,
    /// The first route that holds.
    winner: Option<&'r Route>,
    /// Those before it that were nearest to holding.
    misses: BinaryHeap<Miss<'r>>,
    /// How many there are before it.
    missed: usize,
}

impl<'r> Walk<'r> {
    fn over<R: Request>(listener: &'r Listener, view: &View<'_, R>) -> Self {
        let mut walk =
            Self { hosts: Vec::new(), winner: None, misses: BinaryHeap::new(), missed: 0 };
        for host in hosts_in_order(listener, view) {
            walk.hosts.push(host);
            for route in &host.routes {
                let Some(distance) = Distance::of(route, view) else {
                    walk.winner = Some(route);
                    return walk;
                };
                walk.misses.push(Miss { distance, order: walk.missed, route });
                walk.missed += 1;
                // Room for the winner.
                if walk.misses.len() >= MAX_CONSIDERED {
                    walk.misses.pop();
                }
            }
        }
        walk
    }
}

/// The hosts of `listener` that are asked, as long as none has a route that holds.
fn hosts_in_order<'r, R: Request>(
    listener: &'r Listener,
    view: &View<'_, R>,
) -> impl Iterator<Item = &'r VirtualHost> {
    let name = String::from_utf8_lossy(view.host());
    let mut hosts: Vec<&VirtualHost> =
        listener.hosts.iter().map(|host| &**host).filter(|h| h.hostname.covers(&name)).collect();
    sort_by(&mut hosts, |a, b| a.hostname.cmp_specificity(&b.hostname));
    let section = hosts.first().map(|host| host.section);
    let mut goes_on = true;
    hosts
        .into_iter()
        .filter(move |host| Some(host.section) == section)
        .take_while(move |host| std::mem::replace(&mut goes_on, host.falls_through))
}

/// How far a route is from holding; the smaller, the nearer.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Distance {
    /// The path holds, this many conditions do not.
    Conditions(usize),
    /// The path does not hold, but begins like the route's for this many octets.
    Path(Reverse<usize>),
}

impl Distance {
    /// `None` for a route that holds.
    fn of<R: Request>(route: &Route, view: &View<'_, R>) -> Option<Self> {
        let path = view.paths().map(|paths| paths.matched);
        if route.path.covers(path).is_none() {
            return Some(Self::Path(Reverse(common(&route.path, path.unwrap_or_default()))));
        }
        match route.conditions.iter().filter(|condition| !view.holds(condition)).count() {
            0 => None,
            failed => Some(Self::Conditions(failed)),
        }
    }
}

/// How many octets `path` begins with that the pattern begins with too.
fn common(pattern: &PathPattern, path: &[u8]) -> usize {
    let template = match pattern {
        PathPattern::Exact(template) | PathPattern::Prefix { template, .. } => template,
        PathPattern::Regex(_) => return 0,
    };
    let Some(PathPart::Literal(text)) = template.parts().first() else { return 0 };
    text.iter().zip(path).take_while(|(a, b)| a == b).count()
}

/// A route that does not hold. The farthest is the greatest; of equally far ones, the last.
struct Miss<'r> {
    distance: Distance,
    order: usize,
    route: &'r Route,
}

impl Miss<'_> {
    fn key(&self) -> (&Distance, usize) {
        (&self.distance, self.order)
    }
}

impl Ord for Miss<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Miss<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Miss<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Miss<'_> {}

/// The first test of `route` that fails; `None` if it holds.
fn first_failure<R: Request>(route: &Route, view: &View<'_, R>) -> Option<Failure> {
    let path = view.paths().map(|paths| paths.matched);
    if route.path.covers(path).is_none() {
        return Some(Failure {
            field: "path".to_owned(),
            wanted: route.path.to_string(),
            actual: path.map(show::whole),
        });
    }
    let failed = route.conditions.iter().find(|condition| !view.holds(condition));
    failed.map(|condition| show::failure(condition, view))
}
