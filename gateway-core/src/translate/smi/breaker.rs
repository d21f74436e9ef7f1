//! CircuitBreakers to those of Services (smi §8.2).

use super::{age, warn_of_missing};
use crate::diagnostic::Diagnostic;
use crate::resource::Resource;
use crate::resource::circuit_breaker::{CircuitBreaker as Written, Fallback};
use crate::rules::{CircuitBreaker, ServiceId, ServiceName};
use crate::sort::sort_by_key;
use crate::translate::Context;
use std::collections::BTreeMap;
use std::time::Duration;

/// Gives each Service its breaker: the oldest one.
pub(super) fn settle(context: &mut Context<'_>) {
    let resources = context.resources;
    let mut by_age: Vec<_> = resources.circuit_breakers().collect();
    sort_by_key(&mut by_age, |written| age(&written.meta));
    let mut winners: BTreeMap<ServiceName, &Resource<Written>> = BTreeMap::new();
    for written in by_age {
        match check(written, &winners, context) {
            Some((service, fallback)) => {
                let origin = written.origin(written.spec.destination.name.at);
                warn_of_missing(&service, &origin, "guarded", context);
                warn_of_split(&service, written, context);
                let breaker = CircuitBreaker {
                    errors: written.spec.errors,
                    window: Duration::from_secs(written.spec.timeout_seconds.into()),
                    counts_5xx: context.options.breaker_counts_5xx,
                    fallback,
                    origin: written.document.object_origin(),
                };
                context.services.set_breaker(&service, breaker);
                winners.insert(service, written);
            }
            None => context.refused.push(written.object().clone()),
        }
    }
}

/// The Service that a breaker guards, and what is asked instead; `None` when it is refused.
fn check(
    written: &Resource<Written>,
    winners: &BTreeMap<ServiceName, &Resource<Written>>,
    context: &mut Context<'_>,
) -> Option<(ServiceName, Option<(ServiceId, u16)>)> {
    let destination = &written.spec.destination;
    let own = &written.meta.namespace;
    let namespace = destination.namespace.as_ref().map_or(own, |of| &of.value);
    let service = ServiceName::new(namespace, &destination.name.value);
    if let Some(older) = winners.get(&service) {
        // smi N-12
        let message = format!("{} guards `{service}` too, and is older", older.object());
        let origin = written.origin(destination.at);
        context.problems.push(Diagnostic::error("conflicting-breaker", &origin, message));
        return None;
    }
    match &written.spec.fallback {
        None => Some((service, None)),
        Some(fallback) => {
            let instead = check_fallback(fallback, &service, written, context)?;
            Some((service, Some(instead)))
        }
    }
}

/// smi N-10, N-11
fn check_fallback(
    fallback: &Fallback,
    guarded: &ServiceName,
    written: &Resource<Written>,
    context: &mut Context<'_>,
) -> Option<(ServiceId, u16)> {
    let Fallback { service, port, .. } = fallback;
    let origin = written.origin(service.at);
    if service.value.namespace != guarded.namespace {
        let message =
            format!("the fallback `{}` is not of the namespace of `{guarded}`", service.value);
        let help = format!("did you mean `{}/{}`?", guarded.namespace, service.value.name);
        let diagnostic = Diagnostic::error("foreign-fallback", &origin, message);
        context.problems.push(diagnostic.help(help));
        return None;
    }
    if service.value == *guarded {
        let message = "the fallback is the Service itself, whose endpoints pause then";
        context.problems.push(Diagnostic::warning("no-fallback", &origin, message));
    } else if !context.services.service(&service.value).has_port(*port) {
        let message = format!(
            "there is no Service `{}` with port {port}; while all endpoints pause, the answer is 503",
            service.value
        );
        context.problems.push(Diagnostic::warning("no-fallback", &origin, message));
    }
    Some((context.services.id(&service.value), *port))
}

/// smi N-12
fn warn_of_split(service: &ServiceName, written: &Resource<Written>, context: &mut Context<'_>) {
    let id = context.services.id(service);
    let splits = &context.services.service(service).splits;
    let mut backends = splits.iter().flat_map(|split| &split.backends);
    if backends.any(|backend| backend.service != id && backend.weight > 0) {
        let message = format!(
            "the TrafficSplits of `{service}` send requests elsewhere, where this breaker does not \
             see them"
        );
        let origin = written.origin(written.spec.destination.at);
        context.problems.push(Diagnostic::warning("SMI-W14", &origin, message));
    }
}
