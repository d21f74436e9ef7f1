//! One TrafficTarget: for whom it speaks, and what it grants (smi §6).

use super::selected::{Specs, select};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::resource::Resource;
use crate::resource::identity_binding::Scheme;
use crate::resource::smi::reference::Reference;
use crate::resource::traffic_target::{Identity, TrafficTarget};
use crate::resource::workload::Workload;
use crate::rules::{Caller, Grant, ServiceAccount};
use crate::translate::Context;

/// A TrafficTarget that is in force.
pub(super) struct Target<'a> {
    pub(super) written: &'a Resource<TrafficTarget>,
    /// Whose callers it admits: workloads that are one of these.
    destination: Vec<Caller>,
    pub(super) grant: Grant,
}

impl<'a> Target<'a> {
    pub(super) fn namespace(&self) -> &'a str {
        &self.written.meta.namespace
    }

    /// The service accounts that it speaks for.
    pub(super) fn accounts(&self) -> impl Iterator<Item = ServiceAccount> {
        self.destination.iter().filter_map(|wanted| match wanted {
            Caller::Account(account) => Some(account.clone()),
            // Of whichever trust domain: workloads of documents have none.
            Caller::Spiffe(identity) => {
                let (namespace, name) = claimed(identity.strip_prefix("spiffe://")?)?;
                Some(ServiceAccount::new(namespace, name))
            }
            Caller::Labelled { .. } => None,
        })
    }

    /// Whether it speaks for workloads of which nothing is known.
    pub(super) fn speaks_for_unknown(&self) -> bool {
        self.accounts().any(|account| *account.name == *"default")
    }

    pub(super) fn has_labels(&self) -> bool {
        self.destination.iter().any(|wanted| matches!(wanted, Caller::Labelled { .. }))
    }

    /// Whether it speaks for workloads with the labels of this one.
    pub(super) fn is_labelled(&self, workload: &Resource<Workload>) -> bool {
        self.destination.iter().any(|wanted| match wanted {
            Caller::Labelled { namespace, labels } => {
                workload.meta.namespace == *namespace && workload.has_labels(labels)
            }
            Caller::Account(_) | Caller::Spiffe(_) => false,
        })
    }
}

/// Lowers a TrafficTarget; `None` when it is refused.
pub(super) fn lower<'a>(
    written: &'a Resource<TrafficTarget>,
    specs: &Specs<'_>,
    context: &mut Context<'_>,
) -> Option<Target<'a>> {
    let TrafficTarget { destination, port, rules, sources } = &written.spec;
    let namespace = &*written.meta.namespace;
    if let Some(of) = &destination.namespace
        && *of.value != *namespace
    {
        // smi T-5
        let message = format!(
            "a TrafficTarget of namespace `{namespace}` does not speak for the workloads of `{}`",
            of.value
        );
        let diagnostic = Diagnostic::error("foreign-destination", &written.origin(of.at), message);
        let help = format!("move it to namespace `{}`", of.value);
        context.problems.push(diagnostic.help(help));
        return None;
    }
    let destination = identities(destination, written, context);
    let callers: Vec<Caller> =
        sources.iter().flat_map(|source| identities(source, written, context)).collect();
    let selected = select(rules, written, specs, context);
    let (matches, layer4) = match (selected.matches, selected.layer4) {
        // Layer 4 does not look inside; without any of both, nothing of HTTP is admitted.
        (None, None) => (Some(Default::default()), None),
        (matches, layer4) => (matches, layer4.flatten()),
    };
    let is_void = |ports: &Option<Vec<u16>>| ports.as_ref().is_some_and(Vec::is_empty);
    let origin = written.document.object_origin();
    if callers.is_empty() || matches.as_ref().is_some_and(|m| m.is_empty()) || is_void(&layer4) {
        // smi T-12
        let what = if callers.is_empty() { "nobody" } else { "nothing of HTTP" };
        let message = format!("the TrafficTarget admits {what}");
        context.problems.push(Diagnostic::warning("SMI-W13", &origin, message));
    }
    let port = port.as_ref().map(|port| port.value);
    let grant = Grant { callers, port, layer4, matches, origin };
    Some(Target { written, destination, grant })
}

/// Who is meant by a reference; nobody where it names what is not there.
fn identities(
    reference: &Reference<Identity>,
    written: &Resource<TrafficTarget>,
    context: &mut Context<'_>,
) -> Vec<Caller> {
    let own = &*written.meta.namespace;
    // smi T-4
    let namespace = reference.namespace.as_ref().map_or(own, |of| &*of.value);
    let name = &*reference.name.value;
    match reference.kind.value {
        Identity::ServiceAccount => vec![Caller::Account(ServiceAccount::new(namespace, name))],
        Identity::IdentityBinding => {
            let resources = context.resources;
            let origin = written.origin(reference.name.at);
            if let Some(binding) = resources.identity_binding(namespace, name) {
                let mut callers = Vec::new();
                for scheme in &binding.spec.schemes {
                    match caller(scheme, namespace) {
                        Ok(caller) => callers.push(caller),
                        Err(foreign) => {
                            let message = format!(
                                "`{foreign}` of the IdentityBinding `{name}` is not of its \
                                 namespace `{namespace}`; it stands for nobody"
                            );
                            let warning = Diagnostic::warning("SMI-W12", &origin, message);
                            context.problems.push(warning);
                        }
                    }
                }
                return callers;
            }
            let message = format!(
                "no IdentityBinding `{name}` is in force in namespace `{namespace}`; it stands for \
                 nobody"
            );
            let mut diagnostic = Diagnostic::warning("SMI-W12", &origin, message);
            let there = resources.identity_bindings().filter(|b| *b.meta.namespace == *namespace);
            diagnostic.help = did_you_mean(name, there.map(|b| &*b.meta.name));
            context.problems.push(diagnostic);
            Vec::new()
        }
    }
}

/// Who a scheme of a binding of `namespace` stands for; a SPIFFE id of another namespace, for which
/// a binding does not speak (smi T-6).
fn caller<'s>(scheme: &'s Scheme, namespace: &str) -> Result<Caller, &'s str> {
    Ok(match scheme {
        Scheme::PodLabels(labels) => {
            Caller::Labelled { namespace: namespace.into(), labels: labels.value.clone() }
        }
        Scheme::Spiffe(identity) if claimed(identity).is_some_and(|(of, _)| of != namespace) => {
            return Err(identity);
        }
        Scheme::Spiffe(identity) => Caller::Spiffe(format!("spiffe://{}", identity.value).into()),
        Scheme::ServiceAccount(name) => {
            Caller::Account(ServiceAccount::new(namespace, &name.value))
        }
    })
}

/// The namespace and the service account that a SPIFFE id, without `spiffe://`, is written for.
/// Unlike those of callers it need not be well-formed: a slip in it frees nobody from being asked.
fn claimed(identity: &str) -> Option<(&str, &str)> {
    let (_, path) = identity.split_once('/')?;
    path.strip_prefix("ns/")?.split_once("/sa/")
}
