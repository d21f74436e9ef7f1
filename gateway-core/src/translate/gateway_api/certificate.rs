//! What Gateways show to backends that ask for a certificate (gateway-api §20.5).

use super::listeners::Listeners;
use crate::rules::{AuthRequest, Certificate, Route};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The certificates of Gateways that have one, by namespace and name.
pub(super) fn by_gateway<'a>(
    listeners: &Listeners<'a>,
) -> BTreeMap<(&'a str, &'a str), Arc<Certificate>> {
    let with_certificate = listeners.gateways.iter().filter_map(|state| {
        let certificate = state.client_certificate.as_ref()?.as_ref().ok()?;
        let meta = &state.gateway.meta;
        Some(((&*meta.namespace, &*meta.name), Arc::new(certificate.clone())))
    });
    with_certificate.collect()
}

/// Shows a certificate to everybody that `route` speaks to.
pub(super) fn show(certificate: &Arc<Certificate>, route: &mut Route) {
    route.action.edit_forwards(&mut |forward| {
        forward.certificate = Some(Arc::clone(certificate));
        for mirror in &mut forward.mirrors {
            Arc::make_mut(&mut mirror.forward).certificate = Some(Arc::clone(certificate));
        }
    });
    if let Some(policies) = &mut route.policies
        && let Some(AuthRequest::Check(_)) = policies.auth_request
        && let Some(AuthRequest::Check(check)) = &mut Arc::make_mut(policies).auth_request
    {
        Arc::make_mut(check).certificate = Some(Arc::clone(certificate));
    }
}
