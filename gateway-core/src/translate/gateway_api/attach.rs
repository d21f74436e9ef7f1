//! Which listeners a route is attached to, and for which hosts (gateway-api §9).

mod defaults;

use super::fault::Fault;
use super::listeners::{self, Found, Listeners, Section};
use super::mesh::{self, Frontage};
use super::rivals::Rivals;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::origin::ObjectRef;
use crate::resource::GATEWAY_GROUP;
use crate::resource::Resource;
use crate::resource::document::{At, Located};
use crate::resource::gateway_route::{GatewayRoute, ParentRef};
use crate::rules::HostPattern;
use crate::sort::sort_by;
use crate::translate::{Context, ParentReference};
use std::collections::BTreeMap;
use std::ops::Range;

/// What became of one parentRef.
pub(super) struct Parent<'a> {
    pub(super) reference: ParentReference,
    /// Who serves it, if a document says so.
    pub(super) controller: Option<&'a str>,
    pub(super) outcome: Result<Place<'a>, Fault>,
    /// Whether it is a Service.
    pub(super) is_mesh: bool,
}

/// Where a route is attached.
pub(super) enum Place<'a> {
    /// To listeners, for hosts.
    Listeners(Vec<Attachment<'a>>),
    /// To ports of Services.
    Services(Vec<Frontage>),
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

/// What routes can be attached to.
pub(super) struct World<'w, 'a> {
    pub(super) listeners: &'w Listeners<'a>,
    pub(super) rivals: &'w Rivals<'a>,
    pub(super) mesh: &'w mesh::Kinds,
}

/// Resolves the parentRefs. Those that are not ours have no entry.
pub(super) fn parents<'a>(
    route: &'a Resource<GatewayRoute>,
    world: &World<'_, 'a>,
    context: &mut Context<'a>,
) -> Vec<Parent<'a>> {
    let mut parents = Vec::new();
    if route.spec.parents.is_empty() && route.spec.use_default_gateways.is_none() {
        let message = "the route has no `parentRefs`, so that no requests come to it";
        let problem = Diagnostic::warning("no-parent", &route.document.object_origin(), message);
        context.problems.push(problem);
    }
    for written in &route.spec.parents {
        parents.extend(parent(route, written, world, context));
    }
    if let Some(at) = route.spec.use_default_gateways {
        parents.extend(defaults::gateways(route, at, world, context));
    }
    parents
}

fn parent<'a>(
    route: &'a Resource<GatewayRoute>,
    written: &'a ParentRef,
    world: &World<'_, 'a>,
    context: &mut Context<'a>,
) -> Option<Parent<'a>> {
    let namespace = written.namespace.as_deref().unwrap_or(&route.meta.namespace);
    let kind = match (&*written.group, &*written.kind) {
        (GATEWAY_GROUP, "Gateway") => "Gateway",
        (GATEWAY_GROUP, "ListenerSet") => "ListenerSet",
        ("", "Service") if context.options.mesh => {
            let outcome = mesh::attach(route, written, world.mesh, context)?;
            return Some(Parent {
                reference: reference(written),
                controller: None,
                outcome: outcome.map(Place::Services),
                is_mesh: true,
            });
        }
        (group, kind) => {
            let (message, help) = match (group, kind) {
                ("", "Service") => (
                    "routes of Services have no effect: nothing is answered at their addresses",
                    Some("they have with `--mesh`".to_owned()),
                ),
                _ => (
                    &*format!("parents of kind `{kind}` of group `{group}` are not supported"),
                    None,
                ),
            };
            let fault = Fault::new("unsupported-parent", message).help(help);
            fault.warn(&route.origin(written.at), context);
            return None;
        }
    };
    let (sections, gateway) = match world.listeners.named(kind, namespace, &written.name) {
        Some(Found::Ours { sections, gateway }) => (sections.clone(), *gateway),
        Some(Found::NotServed) => return None,
        // Its own document says what is wrong.
        None if context.resources.is_refused(kind, namespace, &written.name) => return None,
        None => {
            let message = format!("there is no {kind} `{namespace}/{}`", written.name);
            let help = world.listeners.meant(kind, namespace, &written.name);
            let fault = Fault::new("unknown-parent", message).help(help);
            fault.warn(&route.origin(written.at), context);
            return None;
        }
    };
    let wanted = Wanted {
        kind,
        name: &written.name,
        section: written.section.as_deref(),
        port: written.port,
        at: written.at,
    };
    let outcome = to_listeners(route, &wanted, sections, world, context);
    let gateway = &world.listeners.gateways[gateway];
    let class = listeners::class(gateway.gateway, context.resources);
    Some(Parent {
        reference: reference(written),
        controller: class.map(|class| &*class.spec.controller),
        outcome: outcome.map(Place::Listeners),
        is_mesh: false,
    })
}

/// The most routes that one HTTPRoute or GRPCRoute comes to: each of its matches is one for each host
/// of each listener.
const MOST: usize = 16_384;

/// Attaches a route to no listener where it would come to too many routes: a short document could
/// ask for gigabytes.
pub(super) fn limit(
    route: &Resource<GatewayRoute>,
    parents: &mut [Parent<'_>],
    matches: usize,
    context: &mut Context<'_>,
) {
    let hosts = |parent: &Parent<'_>| match &parent.outcome {
        Ok(Place::Listeners(of)) => of.len(),
        _ => 0,
    };
    let hosts: usize = parents.iter().map(hosts).sum();
    let routes = hosts.saturating_mul(matches);
    if routes <= MOST {
        return;
    }
    let message = format!(
        "{matches} matches for {hosts} hosts of listeners are {routes} routes, and at most {MOST} \
         are allowed"
    );
    let fault = Fault::new("UnsupportedValue", message)
        .help("name fewer listeners or hosts in each of several routes".to_owned());
    fault.tell(&route.document.object_origin(), context);
    for parent in parents.iter_mut().filter(|parent| !parent.is_mesh) {
        parent.outcome = Err(fault.clone());
    }
}

fn reference(written: &ParentRef) -> ParentReference {
    ParentReference {
        group: written.group.clone(),
        kind: written.kind.clone(),
        namespace: written.namespace.clone(),
        name: written.name.clone(),
        section_name: written.section.clone(),
        port: written.port,
    }
}

/// Which listeners of a parent are meant.
struct Wanted<'r> {
    kind: &'static str,
    name: &'r str,
    section: Option<&'r str>,
    port: Option<u16>,
    at: At,
}

fn to_listeners<'a>(
    route: &'a Resource<GatewayRoute>,
    wanted: &Wanted<'_>,
    sections: Range<usize>,
    world: &World<'_, 'a>,
    context: &mut Context<'a>,
) -> Result<Vec<Attachment<'a>>, Fault> {
    match attach(route, wanted, sections, world, context) {
        Ok(attachments) => without_rivals(route, wanted.at, attachments, world, context),
        Err(fault) => {
            fault.warn(&route.origin(wanted.at), context);
            Err(fault)
        }
    }
}

/// The listeners that take the route, or why none does. Rivals are not looked at.
fn attach<'a>(
    route: &'a Resource<GatewayRoute>,
    wanted: &Wanted<'_>,
    sections: Range<usize>,
    world: &World<'_, 'a>,
    context: &Context<'_>,
) -> Result<Vec<Attachment<'a>>, Fault> {
    let all = sections.map(|index| (index, world.listeners.section(index)));
    let named = |section: &Section<'_>| {
        wanted.section.is_none_or(|name| *name == *section.listener.name)
            && wanted.port.is_none_or(|port| port == section.listener.port)
    };
    let (mut left, others): (Vec<_>, Vec<_>) = all.partition(|(_, s)| named(s));
    if left.is_empty() {
        let listeners: Vec<_> = others.iter().map(|(_, section)| section.listener).collect();
        let listener = match (wanted.section, wanted.port) {
            (Some(name), None) => format!("listener `{name}`"),
            (Some(name), Some(port)) => format!("listener `{name}` with port {port}"),
            (None, Some(port)) => format!("listener with port {port}"),
            (None, None) => "listener in force".to_owned(),
        };
        let help = wanted.section.and_then(|name| {
            match listeners.iter().find(|listener| *listener.name == *name) {
                Some(listener) => Some(format!("its port is {}", listener.port)),
                None => did_you_mean(name, listeners.iter().map(|listener| &*listener.name)),
            }
        });
        let message = format!("the {} `{}` has no {listener}", wanted.kind, wanted.name);
        return Err(Fault::new("NoMatchingParent", message).help(help));
    }
    let namespace = &*route.meta.namespace;
    let kind = route.spec.kind;
    left.retain(|(_, section)| {
        section.kinds().any(|taken| taken == kind)
            && section.takes_namespace(namespace, context.resources)
    });
    if left.is_empty() {
        let message = format!(
            "no listener of the {} `{}` takes {}s of namespace `{namespace}`",
            wanted.kind,
            wanted.name,
            kind.name()
        );
        let help = "see `allowedRoutes` of its listeners".to_owned();
        return Err(Fault::new("NotAllowedByListeners", message).help(help));
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
        return Err(Fault::new("NoMatchingListenerHostname", message));
    }
    Ok(attachments)
}

/// The attachments but those to listeners where a route of another kind has one of the hosts, of
/// each of which a warning is given; a fault where no others are left (gateway-api §18.4).
fn without_rivals<'a>(
    route: &Resource<GatewayRoute>,
    at: At,
    mut attachments: Vec<Attachment<'a>>,
    world: &World<'_, 'a>,
    context: &mut Context<'_>,
) -> Result<Vec<Attachment<'a>>, Fault> {
    let kind = route.spec.kind;
    let mut conflicts = BTreeMap::new();
    for Attachment { section, effective, .. } in &attachments {
        if let Some(rival) = world.rivals.rival(*section, kind, effective) {
            conflicts.entry(*section).or_insert((effective.clone(), rival));
        }
    }
    attachments.retain(|attachment| !conflicts.contains_key(&attachment.section));
    let say = |(section, (host, rival)): (usize, (HostPattern, &ObjectRef))| {
        let listener = &world.listeners.section(section).listener.name;
        let message =
            format!("{rival} has requests that `{host}` covers on the listener `{listener}`");
        let help = "an HTTPRoute and a GRPCRoute cannot share a host; the older one wins";
        Fault::new("Conflicted", message).help(help.to_owned())
    };
    let faults: Vec<Fault> = conflicts.into_iter().map(say).collect();
    faults.iter().for_each(|fault| fault.warn(&route.origin(at), context));
    match faults.into_iter().next() {
        Some(first) if attachments.is_empty() => Err(first),
        _ => Ok(attachments),
    }
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
    sort_by(&mut by_specificity, |a, b| a.value.cmp_specificity(&b.value));
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
