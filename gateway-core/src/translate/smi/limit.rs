//! RateLimits to limits of Services (smi §8.1).

use super::selected::{Specs, select};
use super::{age, warn_of_missing};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::resource::Resource;
use crate::resource::rate_limit::{RateLimit, Target};
use crate::resource::smi::reference::Reference;
use crate::resource::workload::Workload;
use crate::rules::{Rate, ServiceLimit, ServiceName, WorkloadName};
use crate::sort::sort_by_key;
use crate::translate::Context;
use crate::translate::workloads::Kind;
use std::collections::BTreeMap;
use std::time::Duration;

/// A RateLimit that is in force.
pub(super) struct Limit<'a> {
    pub(super) written: &'a Resource<RateLimit>,
    /// What it protects.
    destination: WorkloadName,
    /// Its document, where that is a workload.
    workload: Option<&'a Resource<Workload>>,
    pub(super) lowered: ServiceLimit,
}

/// Where a limit is looked for: the namespace of what it protects, and its name if that is a
/// Service.
pub(super) type LimitKey<'l> = (&'l str, Option<&'l str>);

impl Limit<'_> {
    pub(super) fn key(&self) -> LimitKey<'_> {
        let WorkloadName { kind, namespace, name } = &self.destination;
        (namespace, (**kind == *"Service").then_some(name))
    }

    /// Whether it protects all endpoints of the Service.
    pub(super) fn is_of(&self, service: &ServiceName) -> bool {
        let WorkloadName { kind, namespace, name } = &self.destination;
        **kind == *"Service" && *namespace == service.namespace && *name == service.name
    }

    /// Whether endpoints of this kind are part of the workload that it protects.
    pub(super) fn protects(&self, kind: &Kind<'_>) -> bool {
        let Some(workload) = self.workload else { return false };
        kind.candidates.iter().any(|candidate| is_part(candidate, workload))
    }

    /// Whether both would limit one caller (smi N-6).
    pub(super) fn shares_a_source_with(&self, other: &Self) -> bool {
        let (own, others) = (&self.lowered.sources, &other.lowered.sources);
        own.is_empty() && others.is_empty() || own.iter().any(|source| others.contains(source))
    }
}

/// Whether `whole` makes `candidate`, or both are the same.
fn is_part(candidate: &Resource<Workload>, whole: &Resource<Workload>) -> bool {
    std::ptr::eq(candidate, whole) || whole.makes(candidate)
}

/// Those in force, the oldest first.
pub(super) fn lower<'a>(specs: &Specs<'_>, context: &mut Context<'a>) -> Vec<Limit<'a>> {
    let resources = context.resources;
    let mut by_age: Vec<_> = resources.rate_limits().collect();
    sort_by_key(&mut by_age, |written| age(&written.meta));
    let mut limits: Vec<Limit<'a>> = Vec::new();
    let mut by_destination: BTreeMap<WorkloadName, Vec<usize>> = BTreeMap::new();
    for written in by_age {
        let limit = lower_one(written, specs, context);
        let rivals = by_destination.entry(limit.destination.clone()).or_default();
        let is_rival = |at: &&usize| limits[**at].shares_a_source_with(&limit);
        let Some(older) = rivals.iter().find(is_rival).map(|at| &limits[*at]) else {
            rivals.push(limits.len());
            limits.push(limit);
            continue;
        };
        // smi N-6
        let message = format!(
            "{} limits a caller of `{}` too, and is older",
            older.written.object(),
            limit.destination
        );
        let origin = written.origin(written.spec.sources_at);
        context.problems.push(Diagnostic::error("conflicting-limit", &origin, message));
        context.refused.push(written.object().clone());
    }
    limits
}

fn lower_one<'a>(
    written: &'a Resource<RateLimit>,
    specs: &Specs<'_>,
    context: &mut Context<'a>,
) -> Limit<'a> {
    let spec = &written.spec;
    let mut sources: Vec<WorkloadName> = Vec::with_capacity(spec.sources.len());
    for source in spec.sources.iter().map(|source| named(source, written)) {
        // One that is written twice has one share.
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    let destination = named(&spec.destination, written);
    let workload = find(&spec.destination, &destination, written, context);
    let (requests, per) = match spec.rate.value {
        Rate::PerSecond(requests) => (requests, 1),
        Rate::PerMinute(requests) => (requests, 60),
    };
    // smi N-2: each source has an even share.
    let shares = u32::try_from(sources.len()).unwrap_or(u32::MAX).max(1);
    let matches = select(&spec.rules, written, specs, context).matches;
    let lowered = ServiceLimit {
        requests,
        per: Duration::from_secs(per) * shares,
        sources,
        burst: spec.burst,
        at_once: spec.delay,
        matches,
        workloads: None,
        origin: written.document.object_origin(),
    };
    Limit { written, destination, workload, lowered }
}

/// smi D-26
fn named(reference: &Reference<Target>, written: &Resource<RateLimit>) -> WorkloadName {
    let own = &written.meta.namespace;
    let namespace = reference.namespace.as_ref().map_or(own, |of| &of.value);
    let kind = match reference.kind.value {
        Target::Service => "Service",
        Target::Workload(kind) => kind.name(),
    };
    let name = reference.name.value.clone();
    WorkloadName { kind: kind.into(), namespace: namespace.clone(), name }
}

/// The workload that a reference names. Where there is none, nothing is protected.
fn find<'a>(
    reference: &Reference<Target>,
    name: &WorkloadName,
    written: &Resource<RateLimit>,
    context: &mut Context<'a>,
) -> Option<&'a Resource<Workload>> {
    let Target::Workload(kind) = reference.kind.value else {
        let service = ServiceName::new(&name.namespace, &name.name);
        warn_of_missing(&service, &written.origin(reference.name.at), "limited", context);
        return None;
    };
    let resources = context.resources;
    let found = resources.workload(kind, &name.namespace, &name.name);
    if found.is_none() {
        let message = format!("there is no document of `{name}`; nothing is limited");
        let origin = written.origin(reference.name.at);
        let mut diagnostic = Diagnostic::warning("SMI-W12", &origin, message);
        let alike =
            |w: &&Resource<Workload>| w.spec.kind == kind && w.meta.namespace == name.namespace;
        let known = resources.workloads().filter(alike).map(|w| &*w.meta.name);
        diagnostic.help = did_you_mean(&name.name, known);
        context.problems.push(diagnostic);
    }
    found
}
