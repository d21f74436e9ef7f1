//! What the `rules` of a TrafficTarget or a RateLimit select (smi §6.4, §8.1).

use super::group::Groups;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::origin::Origin;
use crate::resource::Resource;
use crate::resource::document::At;
use crate::resource::layer4_route::Layer4Route;
use crate::resource::smi::reference::{RouteKind, Rule};
use crate::rules::{GroupMatch, GroupMatches};
use crate::translate::Context;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What rules can name, by namespace and name.
pub(super) struct Specs<'a> {
    pub(super) groups: Groups<'a>,
    pub(super) tcp_routes: Layer4Routes<'a>,
    pub(super) udp_routes: Layer4Routes<'a>,
}

pub(super) type Layer4Routes<'a> = BTreeMap<(&'a str, &'a str), &'a Resource<Layer4Route>>;

/// What rules select, for requests of HTTP.
#[derive(Default)]
pub(super) struct Selected {
    /// Of which one must hold, where a group is named; what is missing adds none (smi T-7).
    pub(super) matches: Option<GroupMatches>,
    /// The ports of TCPRoutes, where one is named; those that are missing add none. `Some(None)`:
    /// every port.
    pub(super) layer4: Option<Option<Vec<u16>>>,
}

/// Reads `rules` of the object `written`. What is missing is told.
pub(super) fn select<T>(
    rules: &[Rule],
    written: &Resource<T>,
    specs: &Specs<'_>,
    context: &mut Context<'_>,
) -> Selected {
    let namespace = &*written.meta.namespace;
    let mut selected = Selected::default();
    let mut matches: Vec<Arc<[GroupMatch]>> = Vec::new();
    let mut missing = Missing { context, origin: |at| written.origin(at) };
    for rule in rules {
        let name = &*rule.name.value;
        match rule.kind.value {
            RouteKind::HttpRouteGroup => {
                selected.matches.get_or_insert_default();
                let Some(group) = specs.groups.get(&(namespace, name)) else {
                    let known = specs.groups.keys();
                    missing.tell("HTTPRouteGroup", (rule.name.at, name), namespace, known);
                    continue;
                };
                if rule.matches.is_empty() {
                    matches.push(Arc::clone(&group.matches));
                }
                for wanted in &rule.matches {
                    match group.named(&wanted.value) {
                        Some(named) => matches.push(named.into()),
                        None => {
                            let message = format!(
                                "the HTTPRouteGroup `{name}` has no match `{}`; it selects nothing",
                                wanted.value
                            );
                            let help = did_you_mean(&wanted.value, group.names());
                            missing.warn(wanted.at, message, help);
                        }
                    }
                }
            }
            RouteKind::TcpRoute => {
                let ports = selected.layer4.get_or_insert_with(|| Some(Vec::new()));
                match (specs.tcp_routes.get(&(namespace, name)), ports) {
                    (Some(route), Some(ports)) if !route.spec.ports.is_empty() => {
                        ports.extend(&route.spec.ports);
                    }
                    (Some(_), ports) => *ports = None,
                    (None, _) => {
                        let known = specs.tcp_routes.keys();
                        missing.tell("TCPRoute", (rule.name.at, name), namespace, known);
                    }
                }
            }
            // Nothing of HTTP.
            RouteKind::UdpRoute if specs.udp_routes.contains_key(&(namespace, name)) => {}
            RouteKind::UdpRoute => {
                let known = specs.udp_routes.keys();
                missing.tell("UDPRoute", (rule.name.at, name), namespace, known);
            }
        }
    }
    if selected.matches.is_some() {
        selected.matches = Some(GroupMatches::new(matches));
    }
    selected
}

/// Tells what is named and not there.
struct Missing<'c, 'a, F> {
    context: &'c mut Context<'a>,
    origin: F,
}

impl<F: Fn(At) -> Origin> Missing<'_, '_, F> {
    fn tell<'n>(
        &mut self,
        kind: &str,
        (at, name): (At, &str),
        namespace: &str,
        known: impl Iterator<Item = &'n (&'n str, &'n str)>,
    ) {
        let message = format!(
            "no {kind} `{name}` is in force in namespace `{namespace}`; it selects nothing"
        );
        let own = known.filter(|(of, _)| *of == namespace).map(|(_, name)| *name);
        self.warn(at, message, did_you_mean(name, own));
    }

    /// smi T-7
    fn warn(&mut self, at: At, message: String, help: Option<String>) {
        let diagnostic = Diagnostic::warning("SMI-W12", &(self.origin)(at), message);
        self.context.problems.push(Diagnostic { help, ..diagnostic });
    }
}
