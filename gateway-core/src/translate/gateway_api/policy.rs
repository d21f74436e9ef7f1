//! How backends are spoken to over TLS, by Service and port (gateway-api §20).

use super::age;
use super::fault::Fault;
use super::grants::{Grants, Referrer};
use super::material::{AuthorityReasons, Finder};
use crate::diagnostic::did_you_mean;
use crate::resource::backend_tls_policy::{BackendTlsPolicy, SubjectName, Target};
use crate::resource::{Resource, Resources};
use crate::rules::{self, BackendTls, HostPattern, ServerTrust, ServiceName, ServiceTls};
use crate::translate::Context;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The most ancestors that the status of a policy has room for (gateway-api §20.4).
const MOST_ANCESTORS: usize = 16;

/// All BackendTLSPolicies, and which of them holds where.
pub(super) struct BackendTlsPolicies<'a> {
    pub(super) all: Vec<PolicyState<'a>>,
    /// Index of the policy by Service and name of its port; `None` for all its ports.
    by_target: BTreeMap<(ServiceName, Option<Box<str>>), usize>,
    /// Why nothing is sent to a Service: nobody knows which of its ports a policy is for.
    undecided: BTreeMap<ServiceName, Box<str>>,
    /// All that name a Service, whatever has become of it.
    by_service: BTreeMap<ServiceName, Vec<usize>>,
}

/// A policy, and what has become of it.
pub(super) struct PolicyState<'a> {
    pub(super) policy: &'a Resource<BackendTlsPolicy>,
    /// What it asks for, or why that cannot be honoured.
    tls: Result<Arc<BackendTls>, Fault>,
    /// The first of its references that leads nowhere.
    pub(super) unresolved: Option<Fault>,
    /// Why none of its targets is left to it.
    lost: Option<Fault>,
    /// The Gateways, by namespace and name, that send requests to one of its targets: the first
    /// [`MOST_ANCESTORS`].
    pub(super) gateways: BTreeSet<(&'a str, &'a str)>,
}

impl PolicyState<'_> {
    /// Why it is not accepted.
    pub(super) fn refused(&self) -> Option<&Fault> {
        self.tls.as_ref().err().or(self.lost.as_ref())
    }
}

impl<'a> BackendTlsPolicies<'a> {
    pub(super) fn of(grants: &Grants<'a>, context: &mut Context<'a>) -> Self {
        let resources = context.resources;
        let mut policies: Vec<_> = resources.backend_tls_policies().collect();
        policies.sort_by_cached_key(|policy| age(policy));
        let mut found = Self {
            all: Vec::new(),
            by_target: BTreeMap::new(),
            undecided: BTreeMap::new(),
            by_service: BTreeMap::new(),
        };
        for policy in policies {
            found.add(policy, grants, context);
        }
        found
    }

    fn add(
        &mut self,
        policy: &'a Resource<BackendTlsPolicy>,
        grants: &Grants<'a>,
        context: &mut Context<'a>,
    ) {
        let index = self.all.len();
        let (tls, unresolved) = settle(policy, grants, context);
        let mut lost = Vec::new();
        for target in &policy.spec.targets {
            let origin = policy.origin(target.at);
            // Also where it is not found: whoever sends requests there is told.
            if target.is_service() {
                let name = ServiceName::new(&policy.meta.namespace, &target.name);
                self.by_service.entry(name).or_default().push(index);
            }
            let placed = find(target, &policy.meta.namespace, context).and_then(|key| {
                match self.by_target.get(&key) {
                    Some(winner) => {
                        let winner = self.all[*winner].policy.object();
                        let message = format!("{winner} speaks for `{}` already", target.name);
                        let help = "the older policy wins".to_owned();
                        Err(Fault::new("Conflicted", message).help(help))
                    }
                    None => Ok(key),
                }
            });
            match placed {
                Ok(key) => drop(self.by_target.insert(key, index)),
                Err(fault) => {
                    fault.warn(&origin, context);
                    let name = ServiceName::new(&policy.meta.namespace, &target.name);
                    let is_known = context.resources.service(&name).is_some();
                    if target.is_service() && target.section.is_some() && !is_known {
                        let reason = format!("{}: {}", policy.object(), fault.message);
                        self.undecided.entry(name).or_insert(reason.into());
                    }
                    lost.push(fault);
                }
            }
        }
        let all_lost = lost.len() == policy.spec.targets.len();
        let lost = lost.into_iter().next().filter(|_| all_lost);
        self.all.push(PolicyState { policy, tls, unresolved, lost, gateways: BTreeSet::new() });
    }

    /// How TLS is spoken with a port of a Service, where a policy says so: what it says of the port
    /// alone goes before what it says of all (gateway-api §20.2).
    pub(super) fn find(
        &self,
        service: &ServiceName,
        port: u16,
        resources: &Resources,
    ) -> Option<ServiceTls> {
        match self.index(service, port, resources) {
            Some(index) => Some(self.tls(index)),
            None => self.undecided(service),
        }
    }

    /// The same of all ports, for a Service whose ports nobody knows by name.
    pub(super) fn of_all_ports(&self, service: &ServiceName) -> Option<ServiceTls> {
        match self.by_target.get(&(service.clone(), None)) {
            Some(index) => Some(self.tls(*index)),
            None => self.undecided(service),
        }
    }

    fn undecided(&self, service: &ServiceName) -> Option<ServiceTls> {
        self.undecided.get(service).map(|reason| ServiceTls::Impossible(reason.clone()))
    }

    fn tls(&self, index: usize) -> ServiceTls {
        let state = &self.all[index];
        match &state.tls {
            Ok(tls) => ServiceTls::Verified(Arc::clone(tls)),
            Err(fault) => {
                let reason = format!("{}: {}", state.policy.object(), fault.message);
                ServiceTls::Impossible(reason.into())
            }
        }
    }

    fn index(&self, service: &ServiceName, port: u16, resources: &Resources) -> Option<usize> {
        if self.by_target.is_empty() {
            return None;
        }
        let written = resources.service(service);
        let named = written.and_then(|written| {
            let port = written.spec.tcp_ports().find(|written| written.port == port)?;
            let key = (service.clone(), Some(port.name.clone()));
            self.by_target.get(&key)
        });
        named.or_else(|| self.by_target.get(&(service.clone(), None))).copied()
    }

    /// Notes that a Gateway sends requests to a Service: the policies that speak for it, or would
    /// if another one did not, tell the Gateway.
    pub(super) fn note(&mut self, service: &ServiceName, gateway: (&'a str, &'a str)) {
        for index in self.by_service.get(service).into_iter().flatten() {
            let gateways = &mut self.all[*index].gateways;
            gateways.insert(gateway);
            if gateways.len() > MOST_ANCESTORS {
                gateways.pop_last();
            }
        }
    }
}

/// What a target is: a Service, and maybe one of its ports.
fn find(
    target: &Target,
    namespace: &str,
    context: &mut Context<'_>,
) -> Result<(ServiceName, Option<Box<str>>), Fault> {
    let not_found = |message: String| Fault::new("TargetNotFound", message);
    let unheard =
        |message: String| not_found(format!("{message}: no TLS is spoken because of this entry"));
    if !target.is_service() {
        let message = format!("targets of kind `{}` are not supported", target.kind);
        return Err(unheard(message).help("a target is a `Service` of the core group".to_owned()));
    }
    let name = ServiceName::new(namespace, &target.name);
    if !context.services.service(&name).exists {
        let fault = unheard(format!("there is no Service `{name}`"));
        return Err(fault.help(context.services.meant(&name)));
    }
    if let Some(section) = target.section.as_deref() {
        let Some(service) = context.resources.service(&name) else {
            let message = format!(
                "no document tells which port of `{name}` is `{section}`: nothing is sent to it"
            );
            let help = "give the document of the Service, or leave `sectionName` out".to_owned();
            return Err(not_found(message).help(help));
        };
        let ports = || service.spec.tcp_ports().map(|port| &*port.name);
        if !ports().any(|port| port == section) {
            let message = format!("the Service `{name}` has no port `{section}`");
            return Err(unheard(message).help(did_you_mean(section, ports())));
        }
    }
    Ok((name, target.section.clone()))
}

/// What a policy says, with its references followed, or why it cannot be honoured; and the first of
/// its references that leads nowhere.
fn settle<'a>(
    policy: &'a Resource<BackendTlsPolicy>,
    grants: &Grants<'a>,
    context: &mut Context<'a>,
) -> (Result<Arc<BackendTls>, Fault>, Option<Fault>) {
    let Some(validation) = &policy.spec.validation else {
        context.refused.push(Arc::clone(policy.object()));
        return (Err(Fault::new("Invalid", "the document has errors")), None);
    };
    let referrer = Referrer { kind: "BackendTLSPolicy", namespace: &policy.meta.namespace };
    let finder = Finder { resources: context.resources, grants, referrer };
    let reasons = AuthorityReasons { reference: "InvalidCACertificateRef", kind: "InvalidKind" };
    let (mut unresolved, mut refused) = (None, None);
    let mut authorities: Vec<u8> = Vec::new();
    for reference in &validation.authorities {
        match finder.authority(reference, reasons) {
            Ok(found) => {
                authorities.extend_from_slice(found.octets());
                authorities.push(b'\n');
            }
            Err(fault) => {
                fault.tell(&policy.origin(reference.at), context);
                unresolved.get_or_insert(fault);
            }
        }
    }
    if authorities.is_empty() && !validation.authorities.is_empty() {
        let message = "none of the authorities can be used";
        refused = Some(Fault::new("NoValidCACertificate", message));
    }
    if let Some(set) = &validation.well_known
        && &*set.value != "System"
    {
        let message = format!("the set of authorities `{}` is not known", set.value);
        let fault = Fault::new("Invalid", message).help("`System` is".to_owned());
        fault.tell(&policy.origin(set.at), context);
        refused = Some(fault);
    }
    let names = validation.names.iter().map(|name| match name {
        SubjectName::Hostname(HostPattern::Any) => rules::SubjectName::Dns("*".into()),
        SubjectName::Hostname(pattern) => rules::SubjectName::Dns(pattern.to_string().into()),
        SubjectName::Uri(uri) => rules::SubjectName::Uri(uri.clone()),
    });
    let trust = ServerTrust {
        verify: true,
        authorities: validation.well_known.is_none().then(|| rules::SecretText::new(authorities)),
        depth: u32::MAX,
        names: names.collect(),
    };
    let tls = BackendTls {
        certificate: None,
        trust: Some(trust),
        protocols: "TLSv1.2 TLSv1.3".into(),
        ciphers: "DEFAULT".into(),
        session_reuse: true,
        sni: true,
        server_name: Some(validation.hostname.clone()),
        origin: policy.origin(validation.at),
    };
    (refused.map_or_else(|| Ok(Arc::new(tls)), Err), unresolved)
}
