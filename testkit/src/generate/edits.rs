//! Edits of a rule set: from one configuration to the next.

use super::Source;
use super::rules::Maker;
use gateway_core::rules::{Listener, RuleSet, VirtualHost};
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

    /// Edits `rules` in one place, seldom in several.
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
        let kind = self.source.below(20);
        match kind {
            0 => rules.services.push(self.service(rules.services.len())),
            1 => {
                let at = self.source.below(rules.services.len());
                rules.services[at] = self.service(at);
            }
            2 => self.listeners(rules),
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
        if from.hosts.is_empty() {
            return;
        }
        let at = self.source.below(from.hosts.len());
        let host = if both { from.hosts[at].clone() } else { from.hosts.remove(at) };
        if let Some(to) = self.some_of(&mut rules.listeners)
            && to.hosts.iter().all(|other| other.hostname != host.hostname)
        {
            to.hosts.push(host);
        }
    }

    fn edit_listener(&mut self, listener: &mut Listener, kind: usize) {
        match kind {
            4 => listener.paths = self.path_policy(),
            5 => listener.origin = self.origin(),
            6 => self.source.shuffle(&mut listener.hosts),
            7 | 8 => {
                let hostname = self.hostname();
                if listener.hosts.iter().all(|host| host.hostname != hostname) {
                    let host = Arc::new(self.host(hostname));
                    let at = self.source.below(listener.hosts.len() + 1);
                    listener.hosts.insert(at, host);
                }
            }
            9 | 10 if !listener.hosts.is_empty() => {
                let at = self.source.below(listener.hosts.len());
                listener.hosts.remove(at);
            }
            11 => {
                // The same name again, in another place: the table of neither is that of the other.
                if let Some(host) = self.some_of(&mut listener.hosts) {
                    *host = Arc::new(self.host(host.hostname.clone()));
                }
            }
            12 if listener.hosts.len() > 1 => {
                let names = listener.hosts.len();
                let (a, b) = (self.source.below(names), self.source.below(names));
                let routes = listener.hosts[a].routes.clone();
                let other = listener.hosts[b].routes.clone();
                Arc::make_mut(&mut listener.hosts[a]).routes = other;
                Arc::make_mut(&mut listener.hosts[b]).routes = routes;
            }
            _ => {
                if let Some(host) = self.some_of(&mut listener.hosts) {
                    // Another allocation, even of equal rules.
                    let mut edited = VirtualHost::clone(host);
                    self.edit_host(&mut edited, kind);
                    *host = Arc::new(edited);
                }
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
            _ => {
                let route = self.route();
                if let Some(place) = host.routes.get_mut(at) {
                    *place = route;
                }
            }
        }
    }
}
