//! Who may call a Service, and how often (smi §6, §8.1).

use super::answer::StepAnswer;
use super::conditions::View;
use gateway_core::Request;
use gateway_core::rules::{Access, Caller, Grant, GroupMatches, Service, ServiceLimit, Workload};

/// Whether some endpoint of the Service admits the request by this port.
pub(super) fn admits(service: &Service, port: u16, view: &View<'_, impl Request>) -> bool {
    let Some(access) = &service.access else { return true };
    let caller = Person::of(access, view);
    for workload in &access.workloads {
        if workload.port.is_some() && workload.port != Some(port) {
            continue;
        }
        let mut by_all = true;
        for grants in &workload.asks {
            by_all &= grants.iter().any(|grant| admitted(grant, workload, port, &caller, view));
        }
        if by_all {
            return true;
        }
    }
    false
}

struct Person {
    /// Namespace and name of the service account.
    account: Option<(String, String)>,
    spiffe: Option<String>,
    labels: Vec<String>,
}

impl Person {
    /// In the order of smi T-2.
    fn of(access: &Access, view: &View<'_, impl Request>) -> Self {
        // What is no text reads as the name of nobody.
        let text = |name: &str| {
            let value = view.request().attribute(name)?;
            Some(String::from_utf8(value.to_vec()).unwrap_or_default())
        };
        let pair = |text: &str| {
            let mut parts = text.splitn(2, '/');
            Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
        };
        let spiffe = text("source_identity");
        let account = if let Some(given) = text("source_account") {
            pair(&given)
        } else if let Some(id) = &spiffe {
            let parts: Vec<&str> = id.split('/').collect();
            match parts[..] {
                ["spiffe:", "", domain, "ns", namespace, "sa", name]
                    if !domain.is_empty() && !namespace.is_empty() && !name.is_empty() =>
                {
                    Some((namespace.to_owned(), name.to_owned()))
                }
                _ => None,
            }
        } else {
            let own = access.anonymous.as_ref();
            let account = own.map(|a| (a.namespace.to_string(), a.name.to_string()));
            return Self { account, spiffe: None, labels: Vec::new() };
        };
        let labels = text("source_labels").unwrap_or_default();
        Self { account, spiffe, labels: labels.split(',').map(str::to_owned).collect() }
    }

    fn is(&self, caller: &Caller) -> bool {
        match caller {
            Caller::Account(wanted) => self.account.as_ref().is_some_and(|(namespace, name)| {
                **namespace == *wanted.namespace && **name == *wanted.name
            }),
            Caller::Spiffe(wanted) => self.spiffe.as_deref() == Some(&**wanted),
            Caller::Labelled { namespace, labels } => {
                let at_home = self.account.as_ref().is_some_and(|(of, _)| **of == **namespace);
                let has = |(name, value)| self.labels.contains(&format!("{name}={value}"));
                at_home && labels.iter().all(has)
            }
        }
    }
}

/// All of smi §6.4.
fn admitted(
    grant: &Grant,
    workload: &Workload,
    port: u16,
    caller: &Person,
    view: &View<'_, impl Request>,
) -> bool {
    let ports = [Some(port), workload.target_port];
    let by_caller = grant.callers.iter().any(|wanted| caller.is(wanted));
    let by_port = match grant.port {
        None => true,
        wanted => ports.contains(&wanted),
    };
    let by_layer4 = match &grant.layer4 {
        None => true,
        Some(wanted) => wanted.iter().any(|wanted| ports.contains(&Some(*wanted))),
    };
    by_caller && by_port && by_layer4 && hold(grant.matches.as_ref(), view)
}

/// Whether one of the matches holds; without any to ask for, yes.
fn hold(matches: Option<&GroupMatches>, view: &View<'_, impl Request>) -> bool {
    let Some(matches) = matches else { return true };
    matches.iter().any(|m| m.conditions.iter().all(|c| view.holds(c)))
}

/// The limits that a request falls under, those of the addressed Service first (smi N-7).
pub(super) fn limits(
    addressed: &Service,
    chosen: Option<&Service>,
    view: &View<'_, impl Request>,
) -> Vec<StepAnswer> {
    let mut steps = Vec::new();
    if chosen.is_none_or(|chosen| chosen.name != addressed.name) {
        for (limit, source) in of_service(addressed, view) {
            if limit.workloads.is_none() {
                steps.push(step(limit, source, false));
            }
        }
    }
    for (limit, source) in chosen.into_iter().flat_map(|chosen| of_service(chosen, view)) {
        steps.push(step(limit, source, true));
    }
    steps
}

fn step(limit: &ServiceLimit, source: Option<usize>, by_endpoint: bool) -> StepAnswer {
    let origin = limit.origin.clone();
    StepAnswer { kind: "service-limit", origin, detail: StepAnswer::bucket(source, by_endpoint) }
}

/// smi N-2, N-4, N-5, N-8
fn of_service<'r>(
    service: &'r Service,
    view: &View<'_, impl Request>,
) -> Vec<(&'r ServiceLimit, Option<usize>)> {
    let callers = view.request().attribute("source_workloads").unwrap_or_default();
    let callers = String::from_utf8_lossy(callers).into_owned();
    let callers: Vec<&str> = callers.split(',').collect();
    let listed = |limit: &ServiceLimit| {
        limit.sources.iter().position(|source| callers.contains(&&*source.to_string()))
    };
    let mut found = Vec::new();
    for limit in &service.limits {
        let source = listed(limit);
        let by_others = service
            .limits
            .iter()
            .any(|other| other.workloads == limit.workloads && listed(other).is_some());
        let meant = source.is_some() || (limit.sources.is_empty() && !by_others);
        if meant && hold(limit.matches.as_ref(), view) {
            found.push((&**limit, source));
        }
    }
    found
}
