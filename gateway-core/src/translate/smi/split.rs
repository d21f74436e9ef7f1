//! One TrafficSplit: its root, its backends and its conditions (smi §3).

use super::group::Groups;
use super::name;
use crate::diagnostic::{Diagnostic, Severity, did_you_mean};
use crate::resource::Resource;
use crate::resource::document::Located;
use crate::resource::traffic_split::{Backend, TrafficSplit};
use crate::rules::{GroupMatches, ServiceName, ServiceSplit, SplitBackend, Sticky};
use crate::translate::Context;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A TrafficSplit that is in force.
pub(super) struct Split<'a> {
    pub(super) written: &'a Resource<TrafficSplit>,
    pub(super) root: ServiceName,
    /// The Services of the backends, in document order.
    pub(super) backends: Vec<ServiceName>,
    pub(super) lowered: ServiceSplit,
}

/// Lowers a split; `None` when it is refused.
pub(super) fn lower<'a>(
    written: &'a Resource<TrafficSplit>,
    groups: &Groups<'_>,
    context: &mut Context<'_>,
) -> Option<Split<'a>> {
    let root = resolve(&written.spec.service, written, context);
    let services: Vec<Option<ServiceName>> =
        written.spec.backends.iter().map(|b| resolve(&b.service, written, context)).collect();
    let distinct = refuse_duplicates(&services, written, context);
    let (root, backends) = (root?, services.into_iter().collect::<Option<Vec<_>>>()?);
    if !distinct {
        return None;
    }
    if !check_backends(&root, &backends, written, context) {
        return None;
    }
    let matches = matches(written, groups, context);
    let share = |(backend, service): (&Backend, &ServiceName)| SplitBackend {
        service: context.services.id(service),
        weight: backend.weight,
        origin: written.origin(backend.at),
    };
    // smi S-22
    let sticky = written.spec.sticky_by.as_ref().map(|by| {
        let names = backends.iter().map(ToString::to_string);
        Arc::new(Sticky::new(by.clone(), &format!("TrafficSplit/{root}"), names))
    });
    let lowered = ServiceSplit {
        sticky,
        matches,
        backends: written.spec.backends.iter().zip(&backends).map(share).collect(),
        origin: written.document.object_origin(),
    };
    Some(Split { written, root, backends, lowered })
}

fn resolve(
    service: &Located<Box<str>>,
    written: &Resource<TrafficSplit>,
    context: &mut Context<'_>,
) -> Option<ServiceName> {
    let namespace = &written.meta.namespace;
    match name::resolve(&service.value, namespace, &context.options.cluster_domain) {
        Ok(name) => Some(ServiceName::new(namespace, name)),
        Err(message) => {
            let origin = written.origin(service.at);
            context.problems.push(Diagnostic::error("invalid-service", &origin, message));
            None
        }
    }
}

/// smi W-8
fn refuse_duplicates(
    services: &[Option<ServiceName>],
    written: &Resource<TrafficSplit>,
    context: &mut Context<'_>,
) -> bool {
    let mut seen = BTreeSet::new();
    let mut distinct = true;
    for (backend, service) in written.spec.backends.iter().zip(services) {
        let Some(service) = service else { continue };
        if !seen.insert(service) {
            distinct = false;
            let message = format!("`{}` is a backend twice", service.name);
            let diagnostic = Diagnostic::error(
                "duplicate-backend",
                &written.origin(backend.service.at),
                message,
            );
            context.problems.push(diagnostic.help("write one entry with the sum of the weights"));
        }
    }
    distinct
}

/// Says which backends are the root itself, and which are left out, whatever their weight
/// (smi W-5). Whether the split can stay.
fn check_backends(
    root: &ServiceName,
    backends: &[ServiceName],
    written: &Resource<TrafficSplit>,
    context: &mut Context<'_>,
) -> bool {
    let mut sound = true;
    let addressed = context.services.service(root).ports.clone().unwrap_or_default();
    let named: BTreeSet<&ServiceName> = backends.iter().chain([root]).collect();
    for (backend, name) in written.spec.backends.iter().zip(backends) {
        let origin = written.origin(backend.service.at);
        if name == root {
            // smi S-21
            let message = "the backend is the root service itself: its own endpoints";
            sound &= !context.options.smi_strict;
            context.problems.push(match context.options.smi_strict {
                false => Diagnostic::notice("SMI-N02", &origin, message),
                true => {
                    Diagnostic::error("SMI-N02", &origin, "SMI forbids a backend that is the root")
                }
            });
        }
        if !context.services.service(name).exists {
            let services = &context.services;
            context.problems.push_with(written.object(), Severity::Warning, || {
                let message = format!("there is no Service `{}`; it is left out", name.name);
                let mut warning = Diagnostic::warning("SMI-W04", &origin, message);
                let is_named = |n: &&str| named.contains(&ServiceName::new(&name.namespace, n));
                let known = services.names_in(&name.namespace).filter(|n| !is_named(n));
                warning.help = did_you_mean(&name.name, known);
                warning
            });
            continue;
        }
        let service = context.services.service(name);
        let missing: Vec<String> =
            addressed.iter().filter(|p| !service.has_port(**p)).map(u16::to_string).collect();
        if !missing.is_empty() {
            let message = format!(
                "`{}` has no port {}, by which `{}` is addressed; it is left out there",
                name.name,
                missing.join(", "),
                root.name
            );
            context.problems.push(Diagnostic::warning("SMI-W03", &origin, message));
        }
    }
    sound
}

/// The matches of all groups (smi S-9 to S-11).
fn matches(
    written: &Resource<TrafficSplit>,
    groups: &Groups<'_>,
    context: &mut Context<'_>,
) -> Option<GroupMatches> {
    if written.spec.matches.is_empty() {
        return None;
    }
    let namespace = &*written.meta.namespace;
    let mut matches = Vec::new();
    let mut seen = BTreeSet::new();
    for name in &written.spec.matches {
        if !seen.insert(&name.value) {
            continue;
        }
        if let Some(found) = groups.get(&(namespace, &*name.value)) {
            matches.push(Arc::clone(&found.matches));
            continue;
        }
        let message = format!(
            "no HTTPRouteGroup `{}` is in force in namespace `{namespace}`; it adds no condition",
            name.value
        );
        let mut diagnostic = Diagnostic::warning("SMI-W05", &written.origin(name.at), message);
        let own = groups.keys().filter(|(of, _)| *of == namespace).map(|(_, name)| *name);
        diagnostic.help = did_you_mean(&name.value, own);
        context.problems.push(diagnostic);
    }
    Some(GroupMatches::new(matches))
}
