//! `unreachable-route`: a route all of whose requests an earlier one takes.

mod places;

use super::{Findings, example, implied};
use crate::diagnostic::Diagnostic;
use crate::origin::Origin;
use crate::rules::{Action, Listener, Reach, Route, RuleSet, VirtualHost};
use places::Places;
use std::collections::HashMap;
use std::sync::Arc;

/// As many routes with conditions, and at least as many without, are kept for each place as such
/// that may take the requests of others.
const MOST_TAKERS: usize = 64;

/// As many routes are compared with each route.
const MOST_COMPARED: usize = 256;

pub(super) fn lint(rules: &RuleSet, found: &mut Findings) {
    let mut all = Vec::new();
    for listener in &rules.listeners {
        for host in listener.hosts.sorted() {
            let hidden = hidden(&host.routes).into_iter();
            all.extend(hidden.map(|(at, by)| Hidden { listener, host, at, by }));
        }
    }
    // What was written once may have become several routes, some of which can be reached.
    let mut reached: HashMap<&Origin, isize> = HashMap::new();
    for hidden in &all {
        *reached.entry(&hidden.route().origin).or_default() -= 1;
    }
    if !all.is_empty() {
        for route in super::routes_of_hosts(rules).flatten() {
            reached.entry(&route.origin).and_modify(|copies| *copies += 1);
        }
    }
    for hidden in all {
        // One of them is told.
        if reached.remove(&hidden.route().origin) == Some(0) {
            found.push(hidden.tell());
        }
    }
}

/// A route that cannot be reached, and the one that takes its requests.
struct Hidden<'r> {
    listener: &'r Listener,
    host: &'r Arc<VirtualHost>,
    at: usize,
    by: usize,
}

impl<'r> Hidden<'r> {
    fn route(&self) -> &'r Route {
        &self.host.routes[self.at]
    }

    fn tell(&self) -> Diagnostic {
        let (route, by) = (self.route(), &self.host.routes[self.by]);
        let mut message = format!("no request gets here: {} takes all of them first", by.origin);
        if let Some(request) = example::request(self.listener, &self.host.hostname, [route, by]) {
            message += &format!(", {request} for one");
        }
        Diagnostic::warning("unreachable-route", &route.origin, message)
            .help("remove this one, or narrow the other by its path or with a condition")
    }
}

/// The routes that cannot be reached, each with an earlier one that can and takes all its requests.
/// None of those found is a mistake, but some may be missed.
///
/// A route is compared only with those whose path begins with the same octets as far as it is
/// literal, at most [`MOST_COMPARED`] of them, the longest paths first.
fn hidden(routes: &[Route]) -> Vec<(usize, usize)> {
    let reaches: Vec<Reach<'_>> = routes.iter().map(|route| Reach::of(&route.path)).collect();
    let places = Places::of(&reaches);
    let mut takers: Vec<Vec<usize>> = vec![Vec::new(); places.len()];
    let mut hidden = Vec::new();
    for (at, route) in routes.iter().enumerate() {
        let takes = |&&by: &&usize| {
            implied::all(&routes[by].conditions, &route.conditions)
                && reaches[by].includes(&reaches[at])
        };
        let place = places.of_route(at);
        let mut near = places.above(place).flat_map(|place| &takers[place]).take(MOST_COMPARED);
        match near.find(takes) {
            // It stands for routes before it, and is reached where none of them holds.
            Some(_) if matches!(route.action, Action::Unmatched { .. }) => {}
            Some(&by) => hidden.push((at, by)),
            None => {
                let most = if route.conditions.is_empty() { 2 * MOST_TAKERS } else { MOST_TAKERS };
                if takers[place].len() < most {
                    takers[place].push(at);
                }
            }
        }
    }
    hidden
}

#[cfg(test)]
mod tests;
