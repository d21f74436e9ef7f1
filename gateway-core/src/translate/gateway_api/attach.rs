//! Which listeners a route is attached to, and for which hosts (gateway-api §9).

use super::listeners::{self, Found, Listeners, Section};
use super::rivals::Rivals;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::origin::ObjectRef;
use crate::resource::Resource;
use crate::resource::document::Located;
use crate::resource::gateway_route::{GatewayRoute, ParentRef};
use crate::rules::HostPattern;
use crate::translate::Context;
use std::collections::BTreeMap;

/// What became of one parentRef.
pub(super) struct Parent<'a> {
    pub(super) written: &'a ParentRef,
    /// Who serves it, if a document says so.
    pub(super) controller: Option<&'a str>,
    pub(super) outcome: Result<Vec<Attachment<'a>>, Refused>,
}

/// A listener and one of the hosts that a route has there.
#[derive(Clone)]
pub(super) struct Attachment<'a> {
    pub(super) section: usize,
    /// The hosts that both the listener and the route cover.
    pub(super) effective: HostPattern,
    /// The hostname of the route that led there, if it has any.
    pub(super) own: Option<&'a Located<HostPattern>>,
}

/// Why a route is attached to no listener of a parent.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) reason: &'static str,
    pub(super) message: String,
    help: Option<String>,
}

/// Resolves the parentRefs. Those that are not ours have no entry.
pub(super) fn parents<'a>(
    route: &'a Resource<GatewayRoute>,
    listeners: &Listeners<'a>,
    rivals: &Rivals<'a>,
    context: &mut Context<'a>,
) -> Vec<Parent<'a>> {
    let mut parents = Vec::new();
    for parent in &route.spec.parents {
        let warning = |code, message: &str, help: Option<String>| Diagnostic {
            help,
            ..Diagnostic::warning(code, &route.origin(parent.at), message)
        };
        let (group, kind) = (&*parent.group, &*parent.kind);
        if (group, kind) != ("gateway.networking.k8s.io", "Gateway") {
            let message = format!("parents of kind `{kind}` of group `{group}` are not supported");
            context.problems.push(warning("unsupported-parent", &message, None));
            continue;
        }
        let namespace = parent.namespace.as_deref().unwrap_or(&route.meta.namespace);
        let sections = match listeners.gateway(namespace, &parent.name) {
            Some(Found::Ours(sections)) => sections.clone(),
            Some(Found::NotServed) => continue,
            // Its own document says what is wrong.
            None if is_refused(namespace, &parent.name, context) => continue,
            None => {
                let message = format!("there is no Gateway `{namespace}/{}`", parent.name);
                let help = did_you_mean(&parent.name, listeners.names_in(namespace));
                context.problems.push(warning("unknown-parent", &message, help));
                continue;
            }
        };
        let controller = sections.clone().next().and_then(|first| {
            listeners::class(listeners.section(first).gateway, context.resources)
        });
        let sections = sections.map(|index| (index, listeners.section(index))).collect();
        let mut refused = Vec::new();
        let outcome = attach(route, parent, sections).and_then(|attachments| {
            let (left, conflicts) = without_rivals(route, attachments, listeners, rivals);
            refused = conflicts;
            match left.is_empty() && !refused.is_empty() {
                true => Err(refused.remove(0)),
                false => Ok(left),
            }
        });
        for refused in outcome.as_ref().err().into_iter().chain(&refused) {
            let problem = warning(refused.reason, &refused.message, refused.help.clone());
            context.problems.push(problem);
        }
        let controller = controller.map(|class| &*class.spec.controller);
        parents.push(Parent { written: parent, controller, outcome });
    }
    parents
}

fn is_refused(namespace: &str, name: &str, context: &Context<'_>) -> bool {
    let wanted = ObjectRef::new("Gateway", namespace, name);
    context.resources.refused().iter().any(|r| r.object.as_deref() == Some(&wanted))
}

fn attach<'a>(
    route: &'a Resource<GatewayRoute>,
    parent: &ParentRef,
    all: Vec<(usize, &Section<'_>)>,
) -> Result<Vec<Attachment<'a>>, Refused> {
    let refuse =
        |reason, message: String, help: Option<String>| Err(Refused { reason, message, help });
    let named = |section: &Section<'_>| {
        parent.section.as_ref().is_none_or(|name| *name == section.listener.name)
            && parent.port.is_none_or(|port| port == section.listener.port)
    };
    let (mut left, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, s)| named(s));
    if left.is_empty() {
        let wanted = match (&parent.section, parent.port) {
            (Some(name), None) => format!("`{name}`"),
            (Some(name), Some(port)) => format!("`{name}` with port {port}"),
            (None, port) => format!("with port {}", port.unwrap_or_default()),
        };
        let help = parent.section.as_ref().and_then(|wanted| {
            let listeners = others.iter().map(|(_, section)| section.listener);
            match listeners.clone().find(|listener| listener.name == *wanted) {
                Some(listener) => Some(format!("its port is {}", listener.port)),
                None => did_you_mean(wanted, listeners.map(|listener| &*listener.name)),
            }
        });
        let message = format!("the Gateway `{}` has no listener {wanted}", parent.name);
        return refuse("NoMatchingParent", message, help);
    }
    let namespace = &*route.meta.namespace;
    let kind = route.spec.kind;
    left.retain(|(_, s)| s.kinds().any(|taken| taken == kind) && s.takes_namespace(namespace));
    if left.is_empty() {
        let message = format!(
            "no listener of the Gateway `{}` takes {}s of namespace `{namespace}`",
            parent.name,
            kind.name()
        );
        let help = "see `allowedRoutes` of its listeners".to_owned();
        return refuse("NotAllowedByListeners", message, Some(help));
    }
    let hosts = |(index, section): &(usize, &Section<'_>)| {
        effective(&section.listener.hostname, &route.spec.hostnames)
            .into_iter()
            .map(|(effective, own)| Attachment { section: *index, effective, own })
            .collect::<Vec<_>>()
    };
    let attachments: Vec<_> = left.iter().flat_map(hosts).collect();
    if attachments.is_empty() {
        let list = |names: Vec<String>| names.join("`, `");
        let own = route.spec.hostnames.iter().map(|host| host.value.to_string()).collect();
        let theirs = left.iter().map(|(_, s)| s.listener.hostname.to_string()).collect();
        let message = format!(
            "the hosts `{}` have none in common with the listeners' `{}`",
            list(own),
            list(theirs)
        );
        return refuse("NoMatchingListenerHostname", message, None);
    }
    Ok(attachments)
}

/// The attachments but those to listeners where a route of another kind has one of the hosts, and
/// what is said of each of these listeners (gateway-api §18.4).
fn without_rivals<'a>(
    route: &Resource<GatewayRoute>,
    mut attachments: Vec<Attachment<'a>>,
    listeners: &Listeners<'_>,
    rivals: &Rivals<'_>,
) -> (Vec<Attachment<'a>>, Vec<Refused>) {
    let kind = route.spec.kind;
    let mut conflicts = BTreeMap::new();
    for Attachment { section, effective, .. } in &attachments {
        if let Some(rival) = rivals.rival(*section, kind, effective) {
            conflicts.entry(*section).or_insert((effective.clone(), rival));
        }
    }
    attachments.retain(|attachment| !conflicts.contains_key(&attachment.section));
    let say = |(section, (host, rival)): (usize, (HostPattern, &ObjectRef))| Refused {
        reason: "Conflicted",
        message: format!(
            "{rival} has requests for `{host}` on the listener `{}`",
            listeners.section(section).listener.name
        ),
        help: Some("an HTTPRoute and a GRPCRoute cannot share a host; the older one wins".into()),
    };
    (attachments, conflicts.into_iter().map(say).collect())
}

/// The hosts that a listener and a route share, each with the most specific hostname of the route
/// that led there (gateway-api §9.3).
fn effective<'r>(
    listener: &HostPattern,
    route: &'r [Located<HostPattern>],
) -> Vec<(HostPattern, Option<&'r Located<HostPattern>>)> {
    if route.is_empty() {
        return vec![(listener.clone(), None)];
    }
    let mut by_specificity: Vec<&Located<HostPattern>> = route.iter().collect();
    by_specificity.sort_by(|a, b| a.value.cmp_specificity(&b.value));
    let mut hosts: Vec<(HostPattern, Option<&Located<HostPattern>>)> = Vec::new();
    for own in by_specificity {
        if let Some(shared) = listener.intersection(&own.value)
            && hosts.iter().all(|(host, _)| host != shared)
        {
            hosts.push((shared.clone(), Some(own)));
        }
    }
    hosts
}
