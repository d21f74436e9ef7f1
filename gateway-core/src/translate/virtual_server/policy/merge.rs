//! The policies of one list, brought together (virtualserver §15).

use super::super::report::{Fault, Report};
use super::lowering::Mechanism;
use super::rate_limit::Limit;
use super::{Attachment, Reference};
use crate::rules::{
    AccessControl, AccessRule, AuthRequest, Cache, LimitCase, Networks, Policies, RateLimit,
    RateLimitChoice, Test,
};
use std::sync::Arc;

/// Takes the policies of a list one by one.
#[derive(Debug)]
pub(super) struct Merge<'a> {
    on: Attachment<'a>,
    policies: Policies,
    access: Vec<(Reference<'a>, Arc<AccessControl>)>,
    limits: Vec<RateLimitChoice>,
    first_limit: Option<Arc<RateLimit>>,
}

impl<'a> Merge<'a> {
    pub(super) fn new(on: Attachment<'a>) -> Self {
        let (policies, access, limits) = (Policies::default(), Vec::new(), Vec::new());
        Self { on, policies, access, limits, first_limit: None }
    }

    /// Adds what `policy` asks for; a fault where that cannot be honoured here.
    pub(super) fn add(
        &mut self,
        policy: Reference<'a>,
        mechanism: &Mechanism,
        report: &mut Report,
    ) -> Result<(), Fault> {
        let (on, own) = (self.on, &mut self.policies);
        match mechanism {
            Mechanism::Access(access) => self.access.push((policy, Arc::clone(access))),
            Mechanism::RateLimit(limit) => return self.add_limit(policy, limit, report),
            Mechanism::BasicAuth(of) => first(&mut own.basic_auth, || of.clone(), policy, report),
            Mechanism::Jwt(of) => first(&mut own.jwt, || of.clone(), policy, report),
            Mechanism::BackendTls(of) => first(&mut own.backend_tls, || of.clone(), policy, report),
            Mechanism::Cache(of) => {
                let cache = || {
                    let zone = match on.delegate {
                        None => format!("{}/{}", on.server, of.zone),
                        Some(delegate) => format!("{}/{delegate}/{}", on.server, of.zone),
                    };
                    Arc::new(Cache { zone: zone.into(), ..(**of).clone() })
                };
                first(&mut own.cache, cache, policy, report);
            }
            Mechanism::ClientCertificates(of) => {
                self.only_on_server("ingressMTLS", true, policy)?;
                first(&mut self.policies.client_certificates, || of.clone(), policy, report);
            }
            Mechanism::Hsts(of) => {
                self.only_on_server("hsts", !of.behind_proxy, policy)?;
                first(&mut self.policies.hsts, || of.clone(), policy, report);
            }
            Mechanism::ApiKey(of) => {
                if own.auth_request.is_some() {
                    return Err(one_slot(policy));
                }
                own.auth_request = Some(AuthRequest::ApiKey(of.clone()));
            }
            Mechanism::ExternalAuth(of) => {
                if matches!(own.auth_request, Some(AuthRequest::ApiKey(_))) {
                    return Err(one_slot(policy));
                }
                let external = || AuthRequest::External(of.clone());
                first(&mut own.auth_request, external, policy, report);
            }
            Mechanism::Cors(of) => {
                if own.cors.replace(of.clone()).is_some() {
                    let message = format!(
                        "`{policy}` takes the place of the `cors` policy above: the last counts"
                    );
                    report.warning(policy.at, Fault::new("no-effect", message));
                }
            }
        }
        Ok(())
    }

    /// What they say together.
    pub(super) fn finish(self, report: &mut Report) -> Policies {
        let access = joined(self.access, report);
        Policies { access, rate_limits: self.limits.into(), ..self.policies }
    }

    /// Some mechanisms are about connections, which belong to the whole VirtualServer.
    fn only_on_server(
        &self,
        mechanism: &str,
        needs_tls: bool,
        policy: Reference<'_>,
    ) -> Result<(), Fault> {
        let (message, help) = if !self.on.is_spec {
            ("is not for single routes", "name the policy in `spec.policies`")
        } else if needs_tls && !self.on.has_tls {
            ("needs TLS", "give the VirtualServer `tls.secret`")
        } else {
            return Ok(());
        };
        let message = format!("`{mechanism}` of `{policy}` {message}");
        Err(Fault::new("misplaced-policy", message).help(help))
    }

    fn add_limit(
        &mut self,
        policy: Reference<'_>,
        limit: &Limit,
        report: &mut Report,
    ) -> Result<(), Fault> {
        let mut rate = limit.rate.clone();
        rate.bucket = format!("{policy} {}", self.on.server).into();
        if let Some(first) = &self.first_limit {
            follow(first, &mut rate, policy, report);
        }
        let rate = Arc::new(rate);
        self.first_limit.get_or_insert_with(|| Arc::clone(&rate));
        let choices = &mut self.limits;
        let Some(when) = &limit.when else {
            choices.push(RateLimitChoice { on: None, cases: Vec::new(), otherwise: Some(rate) });
            return Ok(());
        };
        let group = choices.iter().position(|choice| choice.on.as_ref() == Some(&when.field));
        let group = group.unwrap_or_else(|| {
            let on = Some(when.field.clone());
            choices.push(RateLimitChoice { on, cases: Vec::new(), otherwise: None });
            choices.len() - 1
        });
        let group = &mut choices[group];
        if when.default && group.otherwise.is_some() {
            let message = format!("`{policy}` is a second default of the limits by {}", when.field);
            return Err(Fault::new("conflicting-fields", message));
        }
        if when.default {
            group.otherwise = Some(Arc::clone(&rate));
        }
        if group.cases.iter().any(|case| is_same(&case.test, &when.test)) {
            let message = format!("a limit above has the case of `{policy}` already");
            report.warning(policy.at, Fault::new("no-effect", message));
            return Ok(());
        }
        // Texts are looked up before expressions are tried, whatever their order.
        let is_text = |test: &Test| matches!(test, Test::Equals { .. });
        let place = match is_text(&when.test) {
            true => group.cases.iter().position(|case| !is_text(&case.test)),
            false => None,
        };
        let case = LimitCase { test: when.test.clone(), limit: rate };
        group.cases.insert(place.unwrap_or(group.cases.len()), case);
        Ok(())
    }
}

/// How requests are turned away is for the first limit of a list to say.
fn follow(first: &RateLimit, rate: &mut RateLimit, policy: Reference<'_>, report: &mut Report) {
    let differing = [
        ("dryRun", first.dry_run != rate.dry_run),
        ("logLevel", first.log != rate.log),
        ("rejectCode", first.reject != rate.reject),
    ];
    for (name, _) in differing.iter().filter(|(_, differs)| *differs) {
        let message = format!("`{name}` of `{policy}` gives way to that of the first `rateLimit`");
        report.warning(policy.at, Fault::new("no-effect", message));
    }
    (rate.dry_run, rate.log, rate.reject) = (first.dry_run, first.log, first.reject);
}

/// Whether two tests of a group are one.
fn is_same(a: &Test, b: &Test) -> bool {
    match (a, b) {
        (Test::Equals { value: a, .. }, Test::Equals { value: b, .. }) => a.eq_ignore_ascii_case(b),
        (a, b) => a == b,
    }
}

/// The lists of all `accessControl` policies as one. Where there is any `allow` list, they alone
/// count. An empty list says nothing (virtualserver §16.1): it does not take the place of what is
/// said elsewhere.
fn joined(
    lists: Vec<(Reference<'_>, Arc<AccessControl>)>,
    report: &mut Report,
) -> Option<Arc<AccessControl>> {
    let lists = lists.into_iter().filter(|(_, list)| !networks_of(list).is_empty());
    let (mut counting, denying): (Vec<_>, Vec<_>) =
        lists.partition(|(_, list)| matches!(list.rule, AccessRule::Allow(_)));
    let allows = !counting.is_empty();
    if allows {
        for (policy, _) in denying {
            let message = format!("`deny` of `{policy}` gives way to the `allow` lists beside it");
            report.warning(policy.at, Fault::new("deny-inert", message));
        }
    } else {
        counting = denying;
    }
    // A single list may be long, and stand on many routes.
    let (_, first) = counting.first()?;
    if counting.len() == 1 {
        return Some(Arc::clone(first));
    }
    let networks = Networks::union(counting.iter().map(|(_, list)| networks_of(list)));
    let rule = if allows { AccessRule::Allow(networks) } else { AccessRule::Deny(networks) };
    Some(Arc::new(AccessControl { rule, origin: first.origin.clone() }))
}

fn networks_of(access: &AccessControl) -> &Networks {
    let (AccessRule::Allow(networks) | AccessRule::Deny(networks)) = &access.rule;
    networks
}

/// The first of its mechanism counts.
fn first<T>(
    slot: &mut Option<T>,
    value: impl FnOnce() -> T,
    policy: Reference<'_>,
    report: &mut Report,
) {
    if slot.is_none() {
        *slot = Some(value());
        return;
    }
    let message = format!("`{policy}` gives way to the policy of its type above");
    report.warning(policy.at, Fault::new("no-effect", message));
}

/// `apiKey` and `externalAuth` share one place, which takes one of them.
fn one_slot(policy: Reference<'_>) -> Fault {
    let message = format!("`{policy}` cannot stand beside the `apiKey` or `externalAuth` above");
    Fault::new("conflicting-policies", message)
}
