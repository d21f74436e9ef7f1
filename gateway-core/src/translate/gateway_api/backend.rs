//! What a rule does with a request: its filters' answer, or one of its backends
//! (gateway-api §15, §16).

use super::filter::{self, Filters};
use super::route::LoweredRoute;
use super::sticky::sticky;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::resource::Resource;
use crate::resource::gateway_route::backend::{self, BackendTarget};
use crate::resource::gateway_route::{GatewayRoute, Rule};
use crate::rules::{
    Action, BackendSettings, Branch, Forward, NonIdempotent, Retry, RetryCondition, ServiceName,
    Split, Timeouts, UpstreamTarget,
};
use crate::translate::Context;
use http::StatusCode;
use std::sync::Arc;
use std::time::Duration;

/// The action of a rule; what is wrong with it is noted in `lowered`.
pub(super) fn action(
    index: usize,
    rule: &Rule,
    route: &Resource<GatewayRoute>,
    context: &mut Context<'_>,
    lowered: &mut LoweredRoute,
) -> Action {
    let origin = route.origin(rule.at);
    let filters = Filters::of_rule(&rule.filters, route, context);
    let backends = branches(rule, &filters, route, context, lowered);
    if let Some(message) = filters.unsupported {
        let action = Action::fault(&message, origin.clone());
        lowered.dropped.push((index, message));
        return action;
    }
    if let Some(redirect) = filters.redirect {
        return Action::Redirect(Arc::new(redirect));
    }
    match backends.len() {
        0 => {
            let message = "the rule has no `backendRefs`";
            let problem = Diagnostic::warning("no-backends", &origin, message);
            context.problems.push(problem.help("its requests are answered 500"));
            Action::fault(message, origin)
        }
        1 if backends[0].weight > 0 => backends[0].action.clone(),
        _ => {
            if backends.iter().all(|branch| branch.weight == 0) {
                let message = "all weights are 0";
                let problem = Diagnostic::warning("no-backends", &origin, message);
                context.problems.push(problem.help("requests to the rule are answered 500"));
            }
            let otherwise = StatusCode::INTERNAL_SERVER_ERROR;
            let sticky = sticky(index, route);
            Action::Split(Arc::new(Split {
                session: None,
                sticky,
                branches: backends,
                otherwise,
                origin,
            }))
        }
    }
}

fn branches(
    rule: &Rule,
    filters: &Filters<'_>,
    route: &Resource<GatewayRoute>,
    context: &mut Context<'_>,
    lowered: &mut LoweredRoute,
) -> Vec<Branch> {
    let settings = Arc::new(settings(rule, route));
    let mut branches = Vec::with_capacity(rule.backends.len());
    for backend in &rule.backends {
        let origin = route.origin(backend.at);
        let own = Filters::of_backend(&backend.filters, route, context);
        let resolved = resolve(&backend.target, route, context);
        let action = match (resolved, &own.unsupported) {
            (Err((reason, message)), _) => {
                let action = Action::fault(&message, origin.clone());
                lowered.unresolved.get_or_insert((reason, message));
                action
            }
            (Ok(_), Some(message)) => Action::fault(message, origin.clone()),
            (Ok(target), None) => {
                let (host, path) = filters.rewrite();
                Action::Forward(Arc::new(Forward {
                    path,
                    host,
                    request_headers: filter::request_headers(filters, &own),
                    response_headers: filter::response_headers(filters, &own),
                    ..Forward::new(target, Arc::clone(&settings), origin.clone())
                }))
            }
        };
        branches.push(Branch { weight: backend.weight.into(), action, origin });
    }
    branches
}

/// The Service and port, or the first fault in the order of gateway-api §15.2.
fn resolve(
    backend: &BackendTarget,
    route: &Resource<GatewayRoute>,
    context: &mut Context<'_>,
) -> Result<UpstreamTarget, (&'static str, String)> {
    let own = &route.meta.namespace;
    let namespace = backend.namespace.as_ref().unwrap_or(own);
    let name = ServiceName::new(namespace, &backend.name);
    let fields = backend.fields;
    let (reason, at, message, help) = if namespace != own {
        // Checked first, so that nothing is told about objects of other namespaces.
        let message = format!("`{name}` is in another namespace");
        let help = "ReferenceGrant, which could permit it, is not supported yet".to_owned();
        ("RefNotPermitted", fields.namespace, message, Some(help))
    } else if !backend.is_service() {
        let group = match &*backend.group {
            "" => "the core group".to_owned(),
            group => format!("group `{group}`"),
        };
        let message = format!("backends of kind `{}` of {group} are not supported", backend.kind);
        let help = "a backend is a `Service` of the core group".to_owned();
        ("InvalidKind", fields.kind, message, Some(help))
    } else if is_external(&name, context) {
        let message = format!("the Service `{name}` is an ExternalName, which is no backend");
        ("InvalidKind", fields.name, message, None)
    } else {
        let port = backend.port.unwrap_or_default();
        let service = context.services.service(&name);
        if service.has_port(port) {
            return Ok(UpstreamTarget { service: context.services.id(&name), port, splits: true });
        }
        if service.exists {
            let ports: Vec<_> = service.ports.iter().flatten().map(u16::to_string).collect();
            let message = format!("the Service `{name}` has no port {port}");
            let help = (!ports.is_empty()).then(|| format!("it has {}", ports.join(", ")));
            ("BackendNotFound", fields.port, message, help)
        } else {
            let help = did_you_mean(&name.name, context.services.names_in(&name.namespace));
            ("BackendNotFound", fields.name, format!("there is no Service `{name}`"), help)
        }
    };
    let mut problem = Diagnostic::error(reason, &route.origin(at), &*message);
    problem.help = help;
    context.problems.push(problem);
    Err((reason, message))
}

/// Such a Service could be made to point anywhere (gateway-api §15.1).
fn is_external(name: &ServiceName, context: &Context<'_>) -> bool {
    context.resources.service(name).is_some_and(|service| service.spec.external_name.is_some())
}

fn settings(rule: &Rule, route: &Resource<GatewayRoute>) -> BackendSettings {
    let meta = &route.meta;
    let name = match &*rule.backends {
        [only] => format!(
            "{}/{}",
            only.target.namespace.as_ref().unwrap_or(&meta.namespace),
            only.target.name
        ),
        _ => format!("{}/{}", meta.namespace, meta.name),
    };
    BackendSettings {
        timeouts: timeouts(rule.timeouts),
        retry: retry(rule.retry.as_ref()),
        ..BackendSettings::new(&name, route.document.origin(rule.at))
    }
}

/// Zero means no limit. A rule that says how long an exchange or a try may take is not cut short
/// by anything else but the connect timeout.
fn timeouts(wanted: backend::Timeouts) -> Timeouts {
    let limit = |wanted: Option<Duration>| wanted.filter(|duration| !duration.is_zero());
    let defaults = Timeouts::default();
    let silent = wanted == backend::Timeouts::default();
    Timeouts {
        connect: defaults.connect,
        read: defaults.read.filter(|_| silent),
        send: defaults.send.filter(|_| silent),
        request: limit(wanted.request),
        backend_request: limit(wanted.backend_request),
    }
}

/// Without `retry` nothing is tried again; with it, connection errors and timeouts are, whatever
/// the codes; every method is after one of the codes (gateway-api §16).
fn retry(wanted: Option<&backend::Retry>) -> Retry {
    let Some(wanted) = wanted else {
        return Retry { on: Vec::new(), tries: 1, ..Retry::default() };
    };
    let codes = wanted.codes.iter().map(|code| RetryCondition::Status(*code));
    let errors = [RetryCondition::Error, RetryCondition::Timeout];
    Retry {
        on: errors.into_iter().chain(codes).collect(),
        tries: wanted.attempts.unwrap_or(1).saturating_add(1),
        backoff: Some(wanted.backoff.unwrap_or(Duration::from_millis(25))),
        non_idempotent: NonIdempotent::AfterStatus,
        ..Retry::default()
    }
}
