//! Which limits of Services a request falls under (smi §8.1). Counting is for whoever has a clock.

use super::Outcome;
use crate::request::Request;
use crate::request::attributes::SOURCE_WORKLOADS;
use crate::request::field::View;
use crate::rules::{Service, ServiceLimit, WorkloadName};
use std::sync::Arc;

/// A limit that a request falls under, and the bucket that it goes into.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counted<'r> {
    /// The limit.
    pub limit: &'r Arc<ServiceLimit>,
    /// Which of its sources called; `None` where it is one for everybody. Each has a bucket.
    pub source: Option<usize>,
    /// Whether each endpoint of the Service has a bucket of its own (smi N-3), of those that the
    /// limit protects. Not where the Service passes its requests on to another (smi N-7).
    pub by_endpoint: bool,
}

/// Whether a request may fall under a limit.
#[inline]
pub(crate) fn is_limited(addressed: &Service, outcome: &Outcome<'_>) -> bool {
    let chosen = match outcome {
        Outcome::Forward(forwarding) => !forwarding.service.limits.is_empty(),
        _ => false,
    };
    chosen || !addressed.limits.is_empty()
}

/// The limits of the addressed Service, then those of the one that was chosen (smi N-7).
pub(crate) fn counted<'r, R: Request>(
    addressed: &'r Service,
    outcome: &Outcome<'r>,
    view: &View<'_, R>,
) -> Vec<Counted<'r>> {
    let chosen = match outcome {
        Outcome::Forward(forwarding) => Some(forwarding.service),
        _ => None,
    };
    // A denied request has been addressed all the same.
    let is_same = chosen.is_some_and(|chosen| std::ptr::eq(chosen, addressed));
    let mut counted = Vec::new();
    if !is_same {
        // Nobody asks an endpoint of it, so what protects only some of them has no part in this.
        let limits = of_service(addressed, view, false);
        counted.extend(limits.filter(|counted| counted.limit.workloads.is_none()));
    }
    counted.extend(chosen.into_iter().flat_map(|service| of_service(service, view, true)));
    counted
}

fn of_service<'r, R: Request>(
    service: &'r Service,
    view: &View<'_, R>,
    by_endpoint: bool,
) -> impl Iterator<Item = Counted<'r>> {
    let callers = view.request().attribute(SOURCE_WORKLOADS).unwrap_or_default();
    let source = move |limit: &ServiceLimit| limit.sources.iter().position(|s| calls(s, callers));
    // By one of the same destination (smi N-4).
    let is_listed = move |limit: &ServiceLimit| {
        let mut others = service.limits.iter().filter(|other| other.workloads == limit.workloads);
        others.any(|other| source(other).is_some())
    };
    service.limits.iter().filter_map(move |limit| {
        // smi N-5
        let source = source(limit);
        let applies = if limit.sources.is_empty() { !is_listed(limit) } else { source.is_some() };
        let selected = || limit.matches.as_ref().is_none_or(|m| view.first_held(m).is_some());
        (applies && selected()).then_some(Counted { limit, source, by_endpoint })
    })
}

/// Whether `name` is one of the caller's (smi N-8).
fn calls(name: &WorkloadName, callers: &[u8]) -> bool {
    let WorkloadName { kind, namespace, name } = name;
    callers.split(|&b| b == b',').any(|caller| {
        let mut parts = caller.splitn(3, |&b| b == b'/');
        [kind, namespace, name].iter().all(|part| parts.next() == Some(part.as_bytes()))
    })
}
