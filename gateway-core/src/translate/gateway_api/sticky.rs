//! What the splits of a route and their branches are called, where the annotation makes them sticky
//! (decisions §4).

use crate::resource::Resource;
use crate::resource::gateway_route::GatewayRoute;
use crate::resource::gateway_route::backend::BackendTarget;
use crate::rules::Sticky;
use std::sync::Arc;

/// What decides between the backends of a rule in place of the draw, if the route says so and there
/// are several.
pub(super) fn sticky(index: usize, route: &Resource<GatewayRoute>) -> Option<Arc<Sticky>> {
    let by = route.spec.sticky_by.clone()?;
    let rule = &route.spec.rules[index];
    if !rule.is_split() {
        return None;
    }
    let namespace = &route.meta.namespace;
    let branches = rule.backends.iter().map(|backend| branch(&backend.target, namespace));
    Some(Arc::new(Sticky::new(by, &rule_name(index, route), branches)))
}

/// What tells a rule from all others of its kind of route.
pub(super) fn rule_name(index: usize, route: &Resource<GatewayRoute>) -> String {
    let within = route.object().path();
    let rule = &route.spec.rules[index];
    // Only the experimental channel refuses several rules of one name.
    let before = &route.spec.rules[..index];
    match rule.name.as_ref().filter(|_| before.iter().all(|r| r.name != rule.name)) {
        Some(name) => format!("{within}/{name}"),
        // The brackets tell it from any name.
        None => format!("{within}/rules[{index}]"),
    }
}

/// `namespace/name:port`.
pub(super) fn branch(backend: &BackendTarget, own: &str) -> String {
    let port = backend.port.map(|port| format!(":{port}")).unwrap_or_default();
    let namespace = backend.namespace.as_deref().unwrap_or(own);
    format!("{namespace}/{}{port}", backend.name)
}
