//! Of policies, for each Gateway that they matter to.

use super::{object_status, unless};
use crate::resource::GATEWAY_GROUP;
use crate::translate::gateway_api::policy::PolicyState;
use crate::translate::{AncestorStatus, ObjectStatus, ParentReference, Status};

/// Of a BackendTLSPolicy; `controller` knows who serves a Gateway.
pub(in super::super) fn backend_tls_policy<'a>(
    state: &PolicyState<'a>,
    controller: impl Fn((&'a str, &'a str)) -> Option<&'a str>,
) -> ObjectStatus {
    let conditions = vec![
        unless("Accepted", state.refused()),
        unless("ResolvedRefs", state.unresolved.as_ref()),
    ];
    let ancestors = state.gateways.iter().map(|&(namespace, name)| AncestorStatus {
        ancestor: ParentReference {
            group: GATEWAY_GROUP.into(),
            kind: "Gateway".into(),
            namespace: Some(namespace.into()),
            name: name.into(),
            section_name: None,
            port: None,
        },
        controller: controller((namespace, name)).map(Into::into),
        conditions: conditions.clone(),
    });
    object_status(state.policy, Status::BackendTlsPolicy { ancestors: ancestors.collect() })
}
