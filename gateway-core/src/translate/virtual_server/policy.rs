//! Policies: which of them guard what (virtualserver §15).

use super::grammar::{label, subdomain};
use super::report::{Fault, Report};
use crate::resource::document::Located;
use crate::resource::virtual_server::PolicyRef;
use crate::rules::{Policies, PolicyFault};
use crate::translate::Context;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The Policy documents that are ours.
#[derive(Debug, Default)]
pub(super) struct PolicySet {}

/// What a list of references stands on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attachment<'a> {
    /// The namespace of references that name none.
    pub(super) namespace: &'a str,
    /// `namespace/name` of the VirtualServer that the requests come through.
    pub(super) server: &'a str,
    /// Whether the list stands on the VirtualServer itself.
    pub(super) is_spec: bool,
    /// Whether the VirtualServer has TLS.
    pub(super) has_tls: bool,
}

impl PolicySet {
    pub(super) fn read(_: &mut Context<'_>) -> Self {
        Self::default()
    }

    /// What the policies of a list say together. One that is missing or invalid voids all of them:
    /// their scope answers 500, so that nothing passes that was meant to be guarded
    /// (virtualserver §15).
    pub(super) fn resolve(
        &self,
        list: &Located<Vec<PolicyRef>>,
        on: Attachment<'_>,
        report: &mut Report,
    ) -> Policies {
        check_references(list, on.namespace, report);
        let reason = "policies are not enforced yet";
        let fault = Fault::new("unsupported-field", format!("{reason}: their scope answers 500"));
        report.withheld(list.at, fault);
        let fault = PolicyFault { reason: reason.into(), origin: report.origin(list.at) };
        Policies { fault: Some(fault), ..Policies::default() }
    }
}

/// Each policy stands in a list once (virtualserver §3).
fn check_references(list: &Located<Vec<PolicyRef>>, namespace: &str, report: &mut Report) {
    let mut seen = BTreeSet::new();
    for policy in &list.value {
        let Some(name) = &policy.name else { continue };
        report.check(name.at, subdomain(name));
        if let Some(namespace) = &policy.namespace {
            report.check(namespace.at, label(namespace));
        }
        let namespace = policy.namespace.as_ref().map_or(namespace, |text| text);
        if !seen.insert((namespace, &*name.value)) {
            let message = format!("the policy `{namespace}/{}` stands above already", name.value);
            report.error(policy.at, Fault::new("duplicate-value", message));
        }
    }
}

/// The policies of a route: its own, and of those of its VirtualServer the mechanisms that it has
/// none of its own for (virtualserver §15).
pub(super) fn merged(of_server: &Policies, own: Policies) -> Policies {
    Policies {
        fault: own.fault.or_else(|| of_server.fault.clone()),
        client_certificates: of_server.client_certificates.clone(),
        cors: own.cors.or_else(|| of_server.cors.clone()),
        rate_limits: match own.rate_limits.is_empty() {
            true => of_server.rate_limits.clone(),
            false => own.rate_limits,
        },
        access: own.access.or_else(|| of_server.access.clone()),
        basic_auth: own.basic_auth.or_else(|| of_server.basic_auth.clone()),
        auth_request: own.auth_request.or_else(|| of_server.auth_request.clone()),
        jwt: own.jwt.or_else(|| of_server.jwt.clone()),
        backend_tls: own.backend_tls.or_else(|| of_server.backend_tls.clone()),
        cache: own.cache.or_else(|| of_server.cache.clone()),
        hsts: of_server.hsts.clone(),
    }
}

/// The policies as routes share them.
pub(super) fn shared(policies: Policies) -> Option<Arc<Policies>> {
    (!policies.is_empty()).then(|| Arc::new(policies))
}

/// What guards the paths of a VirtualServer that no route takes: all but what is about backends
/// (virtualserver §7).
pub(super) fn of_unmatched(of_server: &Policies) -> Option<Arc<Policies>> {
    shared(Policies { cors: None, backend_tls: None, ..of_server.clone() })
}

/// What is left of policies for redirects that go before them: what answers tell.
pub(super) fn answers_only(policies: &Policies) -> Option<Arc<Policies>> {
    shared(Policies { hsts: policies.hsts.clone(), ..Policies::default() })
}
