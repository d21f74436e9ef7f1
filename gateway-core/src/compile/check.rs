//! What has to be true of rules before they become tables.

use super::{CompileError, Limits};
use crate::origin::Origin;
use crate::rules::{
    Action, Condition, Listener, PathPart, PathPattern, Regex, Route, RuleSet, ServiceId,
    SplitMatch, SplitMatches, Test, VirtualHost,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Every problem of `rules`.
pub(super) fn check(rules: &RuleSet, limits: &Limits) -> Vec<CompileError> {
    let mut checker =
        Checker { rules, limits, counted: BTreeSet::new(), regex_bytes: 0, errors: Vec::new() };
    checker.listeners();
    checker.services();
    checker.totals();
    checker.errors
}

struct Checker<'r> {
    rules: &'r RuleSet,
    limits: &'r Limits,
    /// The automata counted so far: copies of an expression share theirs.
    counted: BTreeSet<usize>,
    regex_bytes: usize,
    errors: Vec<CompileError>,
}

impl Checker<'_> {
    fn error(&mut self, origin: impl Into<Option<Origin>>, message: String) {
        self.errors.push(CompileError { origin: origin.into(), message });
    }

    fn listeners(&mut self) {
        let mut sockets = BTreeMap::new();
        for listener in &self.rules.listeners {
            if let Some(other) = sockets.insert((listener.address, listener.port), listener) {
                let message = format!(
                    "the listeners `{}` and `{}` have the same address and port {}",
                    other.name, listener.name, listener.port
                );
                self.error(listener.origin.clone(), message);
            }
            self.hosts(listener);
        }
    }

    fn hosts(&mut self, listener: &Listener) {
        let mut names = BTreeMap::new();
        for host in &listener.hosts {
            if names.insert(host.hostname.to_string(), host).is_some() {
                let message = format!(
                    "the host `{}` stands twice in the listener `{}`",
                    host.hostname, listener.name
                );
                self.error(host.origin.clone(), message);
            }
            self.host(host);
        }
    }

    fn host(&mut self, host: &Arc<VirtualHost>) {
        if host.routes.len() > self.limits.routes_per_host {
            let message = format!(
                "the host `{}` has {} routes, more than {}",
                host.hostname,
                host.routes.len(),
                self.limits.routes_per_host
            );
            self.error(host.origin.clone(), message);
        }
        let size: usize = host.routes.iter().map(size).sum();
        if size >= u32::MAX as usize {
            let message = format!("the routes of the host `{}` do not fit 32 bits", host.hostname);
            self.error(host.origin.clone(), message);
        }
        for (rank, route) in host.routes.iter().enumerate() {
            self.route(rank, route);
        }
    }

    fn route(&mut self, rank: usize, route: &Route) {
        if route.conditions.len() > self.limits.conditions_per_route {
            let message = format!(
                "a route has {} conditions, more than {}",
                route.conditions.len(),
                self.limits.conditions_per_route
            );
            self.error(route.origin.clone(), message);
        }
        if let PathPattern::Regex(regex) = &route.path {
            self.regex(regex);
        }
        self.conditions(&route.conditions);
        self.action(rank, route);
    }

    fn conditions(&mut self, conditions: &[Condition]) {
        for condition in conditions {
            if let Test::Matches { regex, .. } = &condition.test {
                self.regex(regex);
            }
        }
    }

    fn regex(&mut self, regex: &Regex) {
        if self.counted.insert(regex.identity()) {
            self.regex_bytes = self.regex_bytes.saturating_add(regex.memory());
        }
    }

    fn action(&mut self, rank: usize, route: &Route) {
        let mut pending = vec![&route.action];
        while let Some(action) = pending.pop() {
            match action {
                Action::Forward(forward) => {
                    self.service(forward.target.service, &forward.origin);
                }
                Action::Split(split) => {
                    self.weights(split.branches.iter().map(|b| b.weight), &split.origin);
                    pending.extend(split.branches.iter().map(|branch| &branch.action));
                }
                Action::Unmatched { alternatives } if *alternatives as usize > rank => {
                    let message = format!(
                        "a route stands for {alternatives} routes before it, of which there are \
                         {rank}"
                    );
                    self.error(route.origin.clone(), message);
                }
                Action::Unmatched { .. } | Action::Redirect(_) | Action::Respond(_) => {}
            }
        }
    }

    fn service(&mut self, id: ServiceId, origin: &Origin) {
        let count = self.rules.services.len();
        if id.0 as usize >= count {
            let message = format!("there is no service number {}, only {count} of them", id.0);
            self.error(origin.clone(), message);
        }
    }

    fn weights(&mut self, weights: impl Iterator<Item = u64>, origin: &Origin) {
        let sum = weights.map(u128::from).sum::<u128>();
        if sum >= 1 << 63 {
            self.error(origin.clone(), "the sum of the weights does not fit 63 bits".into());
        }
    }

    fn services(&mut self) {
        // Splits share groups of matches.
        let mut seen = BTreeSet::new();
        for split in self.rules.services.iter().flat_map(|service| &service.splits) {
            self.weights(split.backends.iter().map(|b| b.weight), &split.origin);
            for backend in &split.backends {
                self.service(backend.service, &backend.origin);
            }
            for group in split.matches.iter().flat_map(SplitMatches::groups) {
                if seen.insert(Arc::as_ptr(group).cast::<SplitMatch>()) {
                    group.iter().for_each(|m| self.conditions(&m.conditions));
                }
            }
        }
    }

    fn totals(&mut self) {
        let routes = self.rules.route_count();
        if routes > self.limits.routes {
            let message = format!("there are {routes} routes, more than {}", self.limits.routes);
            self.error(None, message);
        }
        if self.regex_bytes > self.limits.regex_bytes {
            let message = format!(
                "all expressions together compile to {} bytes, more than {}",
                self.regex_bytes, self.limits.regex_bytes
            );
            self.error(None, message);
        }
    }
}

/// No table of a host has more entries or octets than the sum of this over its routes: it bounds
/// all indices.
fn size(route: &Route) -> usize {
    let part = |part: &PathPart| match part {
        PathPart::Literal(text) => text.len() + 1,
        PathPart::Parameter(_) | PathPart::Wildcard(_) => 2,
    };
    let path: usize = match &route.path {
        PathPattern::Exact(template) | PathPattern::Prefix { template, .. } => {
            template.parts().iter().map(part).sum()
        }
        PathPattern::Regex(regex) => regex.source().len(),
    };
    let condition = |condition: &Condition| match &condition.test {
        Test::Equals { value, .. } => value.len() + 1,
        Test::Empty | Test::Matches { .. } => 1,
    };
    path + route.conditions.iter().map(condition).sum::<usize>() + 2
}
