//! Policies: which of them guard what (virtualserver §15).

mod access;
mod api_key;
mod basic_auth;
mod cache;
mod cors;
mod external_auth;
mod hsts;
mod jwt;
mod lowering;
mod merge;
mod rate_limit;
mod tls;

use super::grammar::{label, subdomain};
use super::is_ours;
use super::report::{Fault, Report};
use super::status;
use crate::diagnostic::{Severity, did_you_mean};
use crate::resource::Resource;
use crate::resource::document::{At, Located};
use crate::resource::policy::Policy;
use crate::resource::virtual_server::PolicyRef;
use crate::rules::{Action, Policies, PolicyFault};
use crate::translate::{Context, Status};
use lowering::{Lowering, Mechanism};
use merge::Merge;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The Policy documents, by namespace and name.
#[derive(Debug, Default)]
pub(super) struct PolicySet {
    by_name: BTreeMap<(Box<str>, Box<str>), Standing>,
}

/// What has become of a Policy.
#[derive(Debug)]
enum Standing {
    /// It belongs to another class, as one that is missing to us (virtualserver §1).
    Foreign(Box<str>),
    /// Something is wrong with it.
    Invalid,
    /// A Secret that it needs cannot be used, which is told this loudly.
    NoSecret(Severity),
    /// It can be honoured.
    Ready(Mechanism),
}

/// A reference to a Policy.
#[derive(Debug, Clone, Copy)]
struct Reference<'a> {
    namespace: &'a str,
    name: &'a str,
    at: At,
}

/// Why a reference cannot be honoured, and how loudly that is told.
struct Refusal {
    severity: Severity,
    fault: Fault,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self { severity: Severity::Error, fault }
    }
}

/// What a list of references stands on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attachment<'a> {
    /// The namespace of references that name none.
    pub(super) namespace: &'a str,
    /// `namespace/name` of the VirtualServer that the requests come through.
    pub(super) server: &'a str,
    /// `namespace/name` of the VirtualServerRoute whose list it is, if it is one's.
    pub(super) delegate: Option<&'a str>,
    /// Whether the list stands on the VirtualServer itself.
    pub(super) is_spec: bool,
    /// Whether the VirtualServer has TLS.
    pub(super) has_tls: bool,
}

impl PolicySet {
    pub(super) fn read(context: &mut Context<'_>) -> Self {
        let resources = context.resources;
        let mut by_name = BTreeMap::new();
        for policy in resources.policies() {
            let class = policy.spec.ingress_class.as_deref();
            let standing = match is_ours(class, context.options) {
                true => translate_one(policy, context),
                false => Standing::Foreign(class.unwrap_or_default().into()),
            };
            by_name.insert((policy.meta.namespace.clone(), policy.meta.name.clone()), standing);
        }
        Self { by_name }
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
        let mut first_fault = None;
        let mut merge = Merge::new(on);
        for policy in references(list, on.namespace, report) {
            let found = self.find(policy);
            let merged = found.and_then(|m| Ok(merge.add(policy, m, report)?));
            let Err(Refusal { severity, mut fault }) = merged else { continue };
            let origin = report.origin(policy.at);
            first_fault.get_or_insert(PolicyFault { reason: fault.message.clone().into(), origin });
            fault.message.push_str(": its scope answers 500");
            match severity {
                Severity::Error => report.withheld(policy.at, fault),
                _ => report.warning(policy.at, fault),
            }
        }
        match first_fault {
            Some(fault) => Policies { fault: Some(fault), ..Policies::default() },
            None => merge.finish(report),
        }
    }

    /// Warns of an `egressMTLS` policy of a list, where none of the routes that it is for are sent to
    /// an upstream with TLS (virtualserver §16.7).
    pub(super) fn check_backend_tls<'r>(
        &self,
        list: &Located<Vec<PolicyRef>>,
        namespace: &str,
        mut actions: impl Iterator<Item = &'r Action>,
        report: &mut Report,
    ) {
        let is_backend_tls = |policy: &&PolicyRef| {
            let namespace = policy.namespace.as_ref().map_or(namespace, |text| text);
            let name = policy.name.as_ref().map_or("", |text| text);
            let standing = self.by_name.get(&(namespace.into(), name.into()));
            matches!(standing, Some(Standing::Ready(Mechanism::BackendTls(_))))
        };
        let Some(policy) = list.iter().find(is_backend_tls) else { return };
        if !actions.any(|action| action.forwards().any(|forward| forward.settings.tls)) {
            let message = "`egressMTLS` has no effect: no upstream here has TLS";
            let fault = Fault::new("no-effect", message);
            report.warning(policy.at, fault.help("set `tls.enable` of the upstream"));
        }
    }

    fn find(&self, policy: Reference<'_>) -> Result<&Mechanism, Refusal> {
        let key = (policy.namespace.into(), policy.name.into());
        let standing = self.by_name.get(&key);
        let (severity, fault) = match standing {
            Some(Standing::Ready(mechanism)) => return Ok(mechanism),
            Some(Standing::Foreign(class)) => {
                let fault = Fault::new("not-found", format!("there is no policy `{policy}`"));
                (Severity::Error, fault.help(format!("one of this name has class `{class}`")))
            }
            Some(Standing::Invalid) => {
                let message = format!("the policy `{policy}` is invalid");
                (Severity::Error, Fault::new("invalid-policy", message))
            }
            Some(Standing::NoSecret(severity)) => {
                let message = format!("a Secret of the policy `{policy}` cannot be used");
                (*severity, Fault::new("invalid-policy", message))
            }
            None => {
                let mut fault = Fault::new("not-found", format!("there is no policy `{policy}`"));
                fault.help = did_you_mean(policy.name, self.names_in(policy.namespace));
                (Severity::Error, fault)
            }
        };
        Err(Refusal { severity, fault })
    }

    fn names_in(&self, namespace: &str) -> impl Iterator<Item = &str> {
        let names = self.by_name.range((namespace.into(), Box::default())..);
        let names = names.map(|((namespace, name), _)| (&**namespace, &**name));
        names.take_while(move |(of, _)| *of == namespace).map(|(_, name)| name)
    }
}

impl std::fmt::Display for Reference<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

fn translate_one(policy: &Resource<Policy>, context: &mut Context<'_>) -> Standing {
    context.expressions.next_object();
    let mut lowering = Lowering::new(policy, context);
    let rule = policy.spec.rule.as_ref();
    let mechanism = rule.and_then(|rule| lowering.lower(rule));
    let Lowering { report, unusable, .. } = lowering;
    let refused = report.refused() || policy.spec.errors > 0;
    let found = report.into_problems();
    let all = policy.spec.diagnostics.iter().chain(found.told());
    let state = status::state(refused, all);
    context.statuses.push(status::of(policy, Status::Policy(state)));
    context.problems.append(found);
    match (mechanism, unusable) {
        (Some(mechanism), None) if !refused => Standing::Ready(mechanism),
        (_, Some(severity)) if !refused => Standing::NoSecret(severity),
        _ => {
            context.refused.push(Arc::clone(policy.object()));
            Standing::Invalid
        }
    }
}

/// The references of a list, each of which stands in it once (virtualserver §3).
fn references<'a>(
    list: &'a Located<Vec<PolicyRef>>,
    namespace: &'a str,
    report: &mut Report,
) -> Vec<Reference<'a>> {
    let mut seen = BTreeSet::new();
    let mut references = Vec::with_capacity(list.len());
    for policy in &list.value {
        let Some(name) = &policy.name else { continue };
        let checked = subdomain(name).map_err(|fault| match name.split_once('/') {
            Some((of, name)) => fault.help(format!("write `name: {name}` and `namespace: {of}`")),
            None => fault,
        });
        let name_is_legal = report.check(name.at, checked).is_some();
        let namespace_is_legal = policy
            .namespace
            .as_ref()
            .is_none_or(|namespace| report.check(namespace.at, label(namespace)).is_some());
        let namespace = policy.namespace.as_ref().map_or(namespace, |text| text);
        let reference = Reference { namespace, name, at: policy.at };
        if !seen.insert((namespace, &*name.value)) {
            let message = format!("the policy `{reference}` stands above already");
            report.error(policy.at, Fault::new("duplicate-value", message));
        } else if name_is_legal && namespace_is_legal {
            references.push(reference);
        }
    }
    references
}

/// The policies of a route: its own, and of those of its VirtualServer the mechanisms that it has
/// none of its own for (virtualserver §15). Routes without any share those of their VirtualServer.
pub(super) fn merged(of_server: &Arc<Policies>, own: Policies) -> Option<Arc<Policies>> {
    if own.is_empty() {
        return (!of_server.is_empty()).then(|| Arc::clone(of_server));
    }
    Some(Arc::new(Policies {
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
    }))
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

/// What is left of policies for redirects that go before them (virtualserver §7): what is asked
/// of the connection, and what answers tell.
pub(super) fn before_location(policies: &Policies) -> Option<Arc<Policies>> {
    shared(Policies {
        client_certificates: policies.client_certificates.clone(),
        hsts: policies.hsts.clone(),
        ..Policies::default()
    })
}

#[cfg(all(test, feature = "yaml"))]
mod tests;
