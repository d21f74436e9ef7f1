//! Edits of a rule set: from one configuration to the next.

use super::Source;
use super::rules::Maker;
use gateway_core::rules::{Listener, Route, RuleSet, Test, VirtualHost};
use std::sync::Arc;

/// Edits, one after the other. New rules have new origins.
#[derive(Debug, Default)]
pub struct Edits {
    /// How many origins there are.
    origins: u32,
}

impl Edits {
    /// Rules to begin with.
    pub fn begin(&mut self, source: &mut Source<'_>) -> RuleSet {
        let rules = super::rule_set(source);
        // Beyond all origins of the rules.
        self.origins = 1_000_000;
        rules
    }

    /// Edits `rules` in one place, seldom in several. What comes out need not compile: a rule may
    /// name a Service that is gone.
    pub fn next(&mut self, rules: &mut RuleSet, source: &mut Source<'_>) {
        loop {
            let mut maker = Maker { source: &mut *source, origins: self.origins };
            maker.edit(rules);
            self.origins = maker.origins;
            if !source.once_in(6) {
                break;
            }
        }
    }
}

impl Maker<'_, '_> {
    fn edit(&mut self, rules: &mut RuleSet) {
        let kind = self.source.below(25);
        match kind {
            0 => {
                let services = self.services(rules.services.len() + 1);
                Arc::make_mut(&mut rules.services).extend(services.into_iter().last());
            }
            1 => {
                let at = self.source.below(rules.services.len().max(1));
                let made = self.services(at + 1).pop();
                let place = Arc::make_mut(&mut rules.services).get_mut(at);
                place.zip(made).into_iter().for_each(|(place, made)| *place = made);
            }
            2 => self.listeners(rules),
            // Some rule may need it: then this is no configuration.
            23 => drop(Arc::make_mut(&mut rules.services).pop()),
            3 => self.move_host(rules),
            _ => {
                if let Some(listener) = self.some_of(&mut rules.listeners) {
                    self.edit_listener(listener, kind);
                }
            }
        }
    }

    fn some_of<'r, T>(&mut self, items: &'r mut [T]) -> Option<&'r mut T> {
        if items.is_empty() { None } else { items.get_mut(self.source.below(items.len())) }
    }

    /// One listener more or less, or in another place.
    fn listeners(&mut self, rules: &mut RuleSet) {
        let at = self.source.below(rules.listeners.len() + 1);
        match self.source.below(3) {
            0 if at < rules.listeners.len() => drop(rules.listeners.remove(at)),
            1 => self.source.shuffle(&mut rules.listeners),
            _ => {
                let (port, bound) = self.source.pick(&[(8080, true), (81, false), (8080, false)]);
                let listener = self.listener(port, bound);
                let same = |l: &Listener| (l.port, l.address) == (port, listener.address);
                if !rules.listeners.iter().any(same) {
                    rules.listeners.insert(at, listener);
                }
            }
        }
    }

    /// A host of one listener becomes one of another too, or instead.
    fn move_host(&mut self, rules: &mut RuleSet) {
        let both = self.source.once_in(2);
        let Some(from) = self.some_of(&mut rules.listeners) else { return };
        let Some(host) = self.some_host(from) else { return };
        if !both {
            from.hosts.remove(&host.hostname);
        }
        if let Some(to) = self.some_of(&mut rules.listeners) {
            to.hosts.insert(host);
        }
    }

    fn some_host(&mut self, listener: &Listener) -> Option<Arc<VirtualHost>> {
        let at = self.source.below(listener.hosts.len().max(1));
        listener.hosts.iter().nth(at).cloned()
    }

    fn edit_listener(&mut self, listener: &mut Listener, kind: usize) {
        let Some(host) = self.some_host(listener) else {
            let hostname = self.hostname();
            listener.hosts.insert(self.host(hostname));
            return;
        };
        match kind {
            4 => listener.paths = self.path_policy(),
            5 => listener.origin = self.origin(),
            6 => {
                let mut hosts: Vec<_> = listener.hosts.iter().cloned().collect();
                self.source.shuffle(&mut hosts);
                listener.hosts = hosts.into_iter().collect();
            }
            7 | 8 => {
                let hostname = self.hostname();
                listener.hosts.insert(self.host(hostname));
            }
            9 | 10 => drop(listener.hosts.remove(&host.hostname)),
            11 => drop(listener.hosts.insert(self.host(host.hostname.clone()))),
            12 => {
                // Two hosts with the routes of each other.
                if let Some(other) = self.some_host(listener) {
                    let swapped = |a: &VirtualHost, b: &VirtualHost| VirtualHost {
                        hostname: b.hostname.clone(),
                        ..a.clone()
                    };
                    listener.hosts.insert(swapped(&host, &other));
                    listener.hosts.insert(swapped(&other, &host));
                }
            }
            _ => {
                // Another allocation, even of equal rules.
                let mut edited = VirtualHost::clone(&host);
                self.edit_host(&mut edited, kind);
                listener.hosts.insert(edited);
            }
        }
    }

    fn edit_host(&mut self, host: &mut VirtualHost, kind: usize) {
        let at = self.source.below(host.routes.len().max(1));
        match kind {
            13 => host.falls_through = !host.falls_through,
            14 => host.section = self.source.below(2) as u32,
            15 => {}
            16 => {
                let route = self.route();
                host.routes.push(route);
            }
            17 => drop(host.routes.pop()),
            18 => {
                let action = self.action(0);
                if let Some(route) = host.routes.get_mut(at) {
                    route.action = action;
                }
            }
            19 => {
                let mut source = self.source.fork();
                if let Some(route) = host.routes.get_mut(at) {
                    edit_condition(route, &mut source);
                }
            }
            20 => {
                let policies = self.policies();
                if let Some(route) = host.routes.get_mut(at) {
                    route.policies = policies;
                }
            }
            _ => {
                let route = self.route();
                if let Some(place) = host.routes.get_mut(at) {
                    *place = route;
                }
            }
        }
    }
}

/// The smallest changes, which must not go unseen.
fn edit_condition(route: &mut Route, source: &mut Source<'_>) {
    let count = route.conditions.len();
    let Some(condition) = route.conditions.get_mut(source.below(count.max(1))) else { return };
    match &mut condition.test {
        Test::Equals { ignore_case, .. } if source.once_in(2) => *ignore_case = !*ignore_case,
        Test::Matches { empty_matches, .. } if source.once_in(2) => {
            *empty_matches = !*empty_matches;
        }
        Test::Equals { value, .. } if source.once_in(2) => *value = format!("{value}a").into(),
        _ => condition.negated = !condition.negated,
    }
}
