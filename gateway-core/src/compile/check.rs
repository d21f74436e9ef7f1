//! What has to be true of rules before they become tables.

use super::{CompileError, splits};
use crate::limits::Limits;
use crate::matcher::Tables;
use crate::matcher::hosts::Facts;
use crate::matcher::splits::SplitTables;
use crate::origin::Origin;
use crate::request::MAX_PATH;
use crate::rules::{
    Action, Condition, Form, GroupMatch, GroupMatches, Regex, Route, RuleSet, ServiceId, Sticky,
    Test, VirtualHost,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Add as _;
use std::sync::Arc;

/// Collects the problems of rules.
pub(super) struct Checker<'r> {
    rules: &'r RuleSet,
    limits: &'r Limits,
    regex_bytes: RegexBytes,
    /// One more than the greatest [`ServiceId`] of the host under way.
    services: u32,
    errors: Vec<CompileError>,
}

/// The bytes of automata: copies of an expression share theirs.
#[derive(Default)]
struct RegexBytes {
    counted: BTreeSet<usize>,
    total: usize,
}

impl RegexBytes {
    fn add(&mut self, regex: &Regex) {
        if self.counted.insert(regex.identity()) {
            self.total = self.total.saturating_add(regex.memory());
        }
    }
}

impl<'r> Checker<'r> {
    pub(super) fn new(rules: &'r RuleSet, limits: &'r Limits) -> Self {
        let regex_bytes = RegexBytes::default();
        Self { rules, limits, regex_bytes, services: 0, errors: Vec::new() }
    }

    pub(super) fn limits(&self) -> &'r Limits {
        self.limits
    }

    pub(super) fn push(&mut self, error: CompileError) {
        self.errors.push(error);
    }

    pub(super) fn into_errors(self) -> Vec<CompileError> {
        self.errors
    }

    fn error(&mut self, origin: impl Into<Option<Origin>>, message: String) {
        self.errors.push(CompileError { origin: origin.into(), message });
    }

    pub(super) fn listeners(&mut self) {
        let mut sockets = BTreeMap::new();
        for listener in &self.rules.listeners {
            if let Some(other) = sockets.insert((listener.address, listener.port), listener) {
                let message = format!(
                    "the listeners `{}` and `{}` have the same address and port {}",
                    other.name, listener.name, listener.port
                );
                self.error(listener.origin.clone(), message);
            }
        }
    }

    /// Whether what was fine in a router of the same limits is fine with these rules too.
    pub(super) fn allows(&self, facts: Facts) -> bool {
        facts.services as usize <= self.rules.services.len()
    }

    /// Looks at a host; `None` where something is wrong with it.
    pub(super) fn host(&mut self, host: &VirtualHost) -> Option<Facts> {
        let problems = self.errors.len();
        (self.regex_bytes, self.services) = (RegexBytes::default(), 0);
        let routes = host.routes.len();
        if routes > self.limits.routes_per_host {
            let message = format!(
                "the host `{}` has {routes} routes, more than {}",
                host.hostname, self.limits.routes_per_host
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
        let (regex_bytes, services) = (self.regex_bytes.total, self.services);
        let routes = routes.try_into().unwrap_or(u32::MAX);
        let facts = Facts { routes, regex_bytes, automata_bytes: 0, services };
        (self.errors.len() == problems).then_some(facts)
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
        match route.path.form() {
            Form::Regex(regex) => self.regex_bytes.add(regex),
            Form::Template(template, _) => {
                let (length, most) = (template.length(), self.limits.path_length.min(MAX_PATH));
                if length > most {
                    let message = format!("the path has {length} octets, more than {most}");
                    self.error(route.origin.clone(), message);
                }
            }
        }
        self.conditions(&route.conditions);
        self.action(rank, route);
    }

    fn conditions(&mut self, conditions: &[Condition]) {
        for condition in conditions {
            if let Test::Matches { regex, .. } = &condition.test {
                self.regex_bytes.add(regex);
            }
        }
    }

    fn action(&mut self, rank: usize, route: &Route) {
        let mut pending = vec![&route.action];
        while let Some(action) = pending.pop() {
            match action {
                Action::Forward(forward) => {
                    let copies = forward.mirrors.iter().map(|mirror| &*mirror.forward);
                    for forward in std::iter::once(&**forward).chain(copies) {
                        let targets = [forward.target].into_iter().chain(forward.settings.backup);
                        targets.for_each(|target| self.service(target.service, &forward.origin));
                    }
                }
                Action::Split(split) => {
                    self.weights(split.branches.iter().map(|b| b.weight), &split.origin);
                    self.sticky(split.sticky.as_deref(), split.branches.len(), &split.origin);
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
        let (number, count) = (id.0, self.rules.services.len());
        self.services = self.services.max(number.saturating_add(1));
        if number as usize >= count {
            let message = format!("there is no service number {number}, only {count} of them");
            self.error(origin.clone(), message);
        }
    }

    fn weights(&mut self, weights: impl Iterator<Item = u64>, origin: &Origin) {
        let sum = weights.map(u128::from).sum::<u128>();
        if sum >= 1 << 63 {
            self.error(origin.clone(), "the sum of the weights does not fit 63 bits".into());
        }
    }

    fn sticky(&mut self, sticky: Option<&Sticky>, branches: usize, origin: &Origin) {
        let known = sticky.map(|sticky| sticky.branches().len());
        if let Some(known) = known.filter(|known| *known != branches) {
            let message = format!("a split of {branches} branches is sticky among {known}");
            self.error(origin.clone(), message);
        }
    }

    /// Looks at the services and makes their tables, unless they are those of `previous`.
    pub(super) fn services(&mut self, previous: Option<&Tables>) -> (Facts, Arc<SplitTables>) {
        if let Some(previous) = previous
            && Arc::ptr_eq(&previous.rules.services, &self.rules.services)
        {
            return (previous.services, Arc::clone(&previous.splits));
        }
        (self.regex_bytes, self.services) = (RegexBytes::default(), 0);
        // What refers to groups of matches shares them.
        let mut seen = BTreeSet::new();
        for service in &*self.rules.services {
            if let Some(breaker) = &service.breaker
                && let Some((fallback, _)) = breaker.fallback
            {
                self.service(fallback, &breaker.origin);
            }
            let workloads = service.access.iter().flat_map(|access| &access.workloads);
            let grants = workloads.flat_map(|w| w.asks.iter().flat_map(|grants| grants.iter()));
            let matches = service.splits.iter().filter_map(|split| split.matches.as_ref());
            let matches = matches
                .chain(service.limits.iter().filter_map(|limit| limit.matches.as_ref()))
                .chain(grants.filter_map(|grant| grant.matches.as_ref()));
            for group in matches.flat_map(GroupMatches::groups) {
                if seen.insert(Arc::as_ptr(group).cast::<GroupMatch>()) {
                    group.iter().for_each(|m| self.conditions(&m.conditions));
                }
            }
        }
        for split in self.rules.services.iter().flat_map(|service| &service.splits) {
            self.weights(split.backends.iter().map(|b| b.weight), &split.origin);
            self.sticky(split.sticky.as_deref(), split.backends.len(), &split.origin);
            for backend in &split.backends {
                self.service(backend.service, &backend.origin);
            }
        }
        let (regex_bytes, services) = (self.regex_bytes.total, self.services);
        let mut facts = Facts { regex_bytes, services, ..Facts::default() };
        let tables = splits::compile(&self.rules.services, self.limits, &mut facts);
        (facts, Arc::new(tables))
    }

    /// Looks at what all have together.
    pub(super) fn totals(&mut self, facts: impl Iterator<Item = Facts>) {
        let Facts { routes, regex_bytes, automata_bytes, .. } =
            facts.fold(Facts::default(), Facts::add);
        let Limits {
            routes: most_routes,
            regex_bytes: most_regex_bytes,
            automata_bytes: most_automata_bytes,
            ..
        } = *self.limits;
        if routes as usize > most_routes {
            self.error(None, format!(
                "there are {routes} routes and matches of TrafficSplits, more than {most_routes}"
            ));
        }
        if regex_bytes > most_regex_bytes {
            let message = format!(
                "all expressions together compile to {regex_bytes} bytes, more than \
                 {most_regex_bytes}"
            );
            self.error(None, message);
        }
        if automata_bytes > most_automata_bytes {
            let message = format!(
                "the automata that find many expressions at once take {automata_bytes} bytes \
                 together, more than {most_automata_bytes}"
            );
            self.error(None, message);
        }
    }
}

/// No table of a host has more entries or octets than the sum of this over its routes: it bounds
/// all indices.
fn size(route: &Route) -> usize {
    let path = match route.path.form() {
        Form::Template(template, _) => template.length() + 2 * template.parts().len(),
        Form::Regex(regex) => regex.source().len(),
    };
    let condition = |condition: &Condition| match &condition.test {
        Test::Equals { value, .. } => value.len() + 1,
        Test::Empty | Test::Matches { .. } => 1,
    };
    path + route.conditions.iter().map(condition).sum::<usize>() + 2
}
