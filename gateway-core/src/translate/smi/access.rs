//! TrafficTargets and RateLimits to what is asked of the callers of each Service (smi §6.3, §8.1).

use super::age;
use super::limit::{Limit, LimitKey};
use super::target::Target;
use crate::diagnostic::Diagnostic;
use crate::resource::Problems;
use crate::rules::{Access, Grant, ServiceAccount, ServiceLimit, ServiceName, Workload};
use crate::sort::sort_by_key;
use crate::translate::workloads::{Candidate, Kind, account_behind};
use crate::translate::{AccessMode, Context};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The TrafficTargets in force.
pub(super) struct Targets<'a> {
    list: Vec<Target<'a>>,
    by_account: BTreeMap<ServiceAccount, Vec<usize>>,
    /// Those that speak for labels, by namespace.
    by_labels: BTreeMap<&'a str, Vec<usize>>,
    /// Grants of the same TrafficTargets, once each.
    shared: BTreeMap<Vec<usize>, Arc<[Grant]>>,
}

impl<'a> Targets<'a> {
    pub(super) fn new(list: Vec<Target<'a>>) -> Self {
        let (mut by_account, mut by_labels) = (BTreeMap::new(), BTreeMap::new());
        for (at, target) in list.iter().enumerate() {
            for account in target.accounts() {
                let places: &mut Vec<usize> = by_account.entry(account).or_default();
                places.push(at);
            }
            if target.has_labels() {
                let places: &mut Vec<usize> = by_labels.entry(target.namespace()).or_default();
                places.push(at);
            }
        }
        Self { list, by_account, by_labels, shared: BTreeMap::new() }
    }

    fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The first TrafficTarget that speaks for some endpoint of a Service.
    pub(super) fn of_service(&self, name: &ServiceName, kinds: &[Kind<'_>]) -> Option<&Target<'a>> {
        self.speaking_for(kinds, &name.namespace).next().map(|at| &self.list[at])
    }

    /// Warns of each TrafficTarget that speaks for no workload that is known: whoever calls what it
    /// was meant for may.
    pub(super) fn warn_of_ungoverned(&self, context: &mut Context<'_>) {
        let mut spoken = BTreeSet::new();
        for (service, kinds) in context.population.iter() {
            spoken.extend(self.speaking_for(kinds, &service.namespace));
        }
        for (at, target) in self.list.iter().enumerate() {
            let written = target.written;
            // Services without documents have a workload too, of which nothing is known.
            if spoken.contains(&at) || target.speaks_for_unknown() {
                continue;
            }
            let destination = &written.spec.destination.name;
            let message = format!(
                "no Service is known to have endpoints that are `{}`; the TrafficTarget guards none",
                destination.value
            );
            let mut warning =
                Diagnostic::warning("SMI-W15", &written.origin(destination.at), message);
            warning.help = Some(
                "identities are read from Pods, or from what makes them, that Services select"
                    .to_owned(),
            );
            context.problems.push(warning);
        }
    }

    /// The TrafficTargets that speak for one of the workloads that endpoints of a Service may be,
    /// in order. They are of the workload's own namespace (smi T-5).
    fn speaking(&self, candidate: Candidate<'_>, namespace: &str) -> Vec<usize> {
        let account = account_behind(candidate, namespace);
        let by_account = self.by_account.get(&account).into_iter().flatten();
        let by_labels = candidate.and_then(|w| self.by_labels.get(&*w.meta.namespace));
        let has_labels = |at: &&usize| candidate.is_some_and(|w| self.list[**at].is_labelled(w));
        let by_labels = by_labels.into_iter().flatten().filter(has_labels);
        let mut speaking: Vec<usize> = by_account.chain(by_labels).copied().collect();
        speaking.retain(|at| *self.list[*at].namespace() == *account.namespace);
        speaking.sort_unstable();
        speaking.dedup();
        speaking
    }

    fn speaking_for<'s>(
        &'s self,
        kinds: &'s [Kind<'_>],
        namespace: &'s str,
    ) -> impl Iterator<Item = usize> + 's {
        let candidates = kinds.iter().flat_map(Kind::candidates);
        candidates.flat_map(move |candidate| self.speaking(candidate, namespace))
    }

    /// The lists of which callers need one each; none where nothing is asked (smi T-9).
    fn asks(&mut self, kind: &Kind<'_>, namespace: &str, mode: AccessMode) -> Vec<Arc<[Grant]>> {
        let mut asks: Vec<Arc<[Grant]>> = Vec::new();
        for candidate in kind.candidates() {
            let speaking = self.speaking(candidate, namespace);
            if mode == AccessMode::Allow && speaking.is_empty() {
                continue;
            }
            let list = &self.list;
            let grants = |of: &Vec<usize>| of.iter().map(|&at| list[at].grant.clone()).collect();
            let grants = self.shared.entry(speaking).or_insert_with_key(grants);
            if !asks.iter().any(|known| Arc::ptr_eq(known, grants)) {
                asks.push(Arc::clone(grants));
            }
        }
        asks
    }
}

/// Gives each Service that rules name what it asks of its callers and how often it may be asked,
/// and its endpoints their place in that.
pub(super) fn settle(mut targets: Targets<'_>, limits: &[Limit<'_>], context: &mut Context<'_>) {
    let mode = context.options.access_mode;
    let asks_nothing = targets.is_empty() && mode == AccessMode::Allow;
    if asks_nothing && limits.is_empty() {
        return;
    }
    // Those of a Service, and those of workloads, which may be behind any of their namespace.
    let mut limits_of: BTreeMap<LimitKey<'_>, Vec<&Limit<'_>>> = BTreeMap::new();
    for limit in limits {
        limits_of.entry(limit.key()).or_default().push(limit);
    }
    for name in context.services.names() {
        let namespace = &*name.namespace;
        let kinds = context.population.kinds(&name);
        let keys = [(namespace, Some(&*name.name)), (namespace, None)];
        let near = keys.iter().filter_map(|key| limits_of.get(key)).flatten().copied();
        let limits = of_service(near, &name, kinds, &mut context.problems);
        let mut workloads = Workloads::default();
        let places: Vec<usize> = kinds
            .iter()
            .map(|kind| {
                let workload = Workload {
                    account: kind.account(namespace),
                    port: kind.port,
                    target_port: kind.target_port,
                    asks: targets.asks(kind, namespace, mode),
                };
                let protects = |limit: &&Limit<'_>| limit.protects(kind);
                workloads.place(workload, limits.iter().map(protects).collect())
            })
            .collect();
        let Workloads { list, protected } = workloads;
        let lowered = limits.iter().enumerate().map(|(at, limit)| {
            let protects = |place: &usize| protected[*place][at];
            let some = (0..list.len()).filter(protects).collect();
            let workloads = (!limit.is_of(&name)).then_some(some);
            Arc::new(ServiceLimit { workloads, ..limit.lowered.clone() })
        });
        context.services.set_limits(&name, lowered.collect());
        let is_governed = list.iter().any(|workload| !workload.asks.is_empty());
        if is_governed || limits.iter().any(|limit| !limit.is_of(&name)) {
            let anonymous = context.options.gateway_identity.clone();
            context.services.set_access(&name, Access { anonymous, workloads: list });
            context.endpoints.renumber(&name, &places);
        }
    }
}

/// Kinds of endpoints that differ in something that counts; many Pods do not.
#[derive(Default)]
struct Workloads {
    list: Vec<Workload>,
    /// Which limits protect each.
    protected: Vec<Vec<bool>>,
}

impl Workloads {
    fn place(&mut self, workload: Workload, protected: Vec<bool>) -> usize {
        let mut known = self.list.iter().zip(&self.protected);
        let place = known.position(|(w, p)| is_same(w, &workload) && *p == protected);
        place.unwrap_or_else(|| {
            self.list.push(workload);
            self.protected.push(protected);
            self.list.len() - 1
        })
    }
}

fn is_same(a: &Workload, b: &Workload) -> bool {
    let lists = |w: &Workload| -> Vec<_> {
        w.asks.iter().map(|grants| Arc::as_ptr(grants).cast::<Grant>()).collect()
    };
    (&a.account, a.port, a.target_port, lists(a)) == (&b.account, b.port, b.target_port, lists(b))
}

/// The limits of a Service's endpoints, the oldest first. Of two that limit one caller there, the
/// younger has no part in it (smi N-6).
fn of_service<'l, 'a>(
    limits: impl Iterator<Item = &'l Limit<'a>>,
    name: &ServiceName,
    kinds: &[Kind<'_>],
    problems: &mut Problems,
) -> Vec<&'l Limit<'a>> {
    let mut limits: Vec<_> = limits.collect();
    sort_by_key(&mut limits, |limit| age(&limit.written.meta));
    let mut found: Vec<&Limit<'_>> = Vec::new();
    for limit in limits {
        if !limit.is_of(name) && !kinds.iter().any(|kind| limit.protects(kind)) {
            continue;
        }
        let meets = |other: &&&Limit<'_>| {
            let both = |kind: &Kind<'_>| {
                (limit.is_of(name) || limit.protects(kind))
                    && (other.is_of(name) || other.protects(kind))
            };
            other.shares_a_source_with(limit) && kinds.iter().any(both)
        };
        let Some(older) = found.iter().find(meets) else {
            found.push(limit);
            continue;
        };
        let message = format!(
            "{} limits a caller of the same endpoints, those of `{name}`, and is older: this one \
             has no part there",
            older.written.object()
        );
        let origin = limit.written.origin(limit.written.spec.sources_at);
        problems.push(Diagnostic::warning("conflicting-limit", &origin, message));
    }
    found
}
