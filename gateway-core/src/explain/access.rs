//! Who calls, and what the endpoints of the Service say to that (smi §6).

use super::{AccessSummary, Considered, Explanation, Failure, splits};
use crate::decision::access::{Refused, Source, admit};
use crate::decision::{Decision, Forwarding, Outcome};
use crate::request::Request;
use crate::request::field::View;
use crate::rules::{Caller, Grant, Workload};

/// Adds what each kind of endpoint of the chosen Service admits.
pub(super) fn explain<R: Request>(
    explanation: &mut Explanation,
    decision: &Decision<'_>,
    view: &View<'_, R>,
) {
    let (Outcome::Forward(forwarding) | Outcome::Deny(forwarding)) = decision.admitted() else {
        return;
    };
    let (service, port) = (forwarding.service, forwarding.port);
    let Some(access) = &service.access else { return };
    // Limits of workloads tell endpoints apart too.
    if access.workloads.iter().all(|workload| workload.asks.is_empty()) {
        return;
    }
    let source = Source::of(view, access);
    explanation.caller = source.name();
    let of_workload = |(_, workload): (usize, &Workload)| {
        let mut summary = AccessSummary {
            workload: workload.account.to_string(),
            admitted: true,
            by: None,
            matched: None,
            tried: Vec::new(),
        };
        for grants in &workload.asks {
            let mut by = None;
            for grant in &**grants {
                match admit(grant, (workload, port), &source, view) {
                    Ok(matched) => {
                        by = Some((grant, matched));
                        break;
                    }
                    Err(refused) => {
                        summary.tried.extend(why_not(refused, grant, (&source, port), view));
                    }
                }
            }
            // The last of several, all of which have to admit.
            summary.by = by.map(|(grant, _)| grant.origin.clone());
            summary.matched = by.and_then(|(_, m)| m.map(|m| m.origin.clone()));
            summary.admitted = by.is_some();
            if by.is_none() {
                break;
            }
        }
        summary
    };
    explanation.access = access.reachable(port).map(of_workload).collect();
}

/// Why nobody admits the request.
pub(super) fn refusal(denied: &Forwarding<'_>) -> &'static str {
    let asks = denied.service.access.iter().flat_map(|access| access.reachable(denied.port));
    let mut grants = asks.flat_map(|(_, workload)| workload.asks.iter().flat_map(|a| a.iter()));
    match grants.next() {
        Some(_) => "no TrafficTarget admits the caller",
        None => "no TrafficTarget speaks for what the Service has, and then nobody may call it",
    }
}

/// The first test of a grant that failed; where none of its matches held, then that of each.
fn why_not<R: Request>(
    refused: Refused,
    grant: &Grant,
    (source, port): (&Source<'_>, u16),
    view: &View<'_, R>,
) -> Vec<Considered> {
    let (field, wanted, actual) = match refused {
        Refused::Caller => ("caller", one_of(grant.callers.iter().map(caller)), source.name()),
        Refused::Port => {
            let ports = grant.port.into_iter().chain(grant.layer4.iter().flatten().copied());
            ("port", one_of(ports.map(|port| port.to_string())), Some(port.to_string()))
        }
        Refused::Request => ("matches", "one that holds".to_owned(), None),
    };
    let failed = Some(Failure { field: field.to_owned(), wanted, actual });
    let mut considered = vec![Considered { origin: grant.origin.clone(), failed }];
    if refused == Refused::Request {
        let matches = grant.matches.iter().filter(|matches| !matches.is_empty());
        considered.extend(matches.flat_map(|m| splits::why_not(&grant.origin, m, view)));
    }
    considered
}

fn caller(caller: &Caller) -> String {
    match caller {
        Caller::Account(account) => format!("`{account}`"),
        Caller::Spiffe(identity) => format!("`{identity}`"),
        Caller::Labelled { namespace, labels } => {
            let labels: Vec<_> = labels.iter().map(|(n, v)| format!("{n}={v}")).collect();
            format!("a Pod of `{namespace}` with `{}`", labels.join(","))
        }
    }
}

fn one_of(names: impl Iterator<Item = String>) -> String {
    let names: Vec<_> = names.collect();
    if names.is_empty() { "none at all".to_owned() } else { names.join(" or ") }
}
