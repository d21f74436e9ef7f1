//! How backends are spoken to in TLS, where documents say it, read once for each table.

use super::targets::{forwards, reached};
use crate::tls::{BackendSpeech, Unspeakable};
use crate::upstream::{HttpVersion, PeerTls, Speech};
use gateway_core::rules::{BackendSettings, Forward, RuleSet};
use gateway_core::{Decision, Diagnostic, Forwarding, TlsToBackend};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Every way of speaking TLS with a backend that some rule asks for.
#[derive(Default)]
pub(super) struct Speeches {
    /// By where they are written.
    by_rule: HashMap<Key, BackendSpeech>,
    /// Those of checks, by where the settings of their upstream are.
    by_upstream: HashMap<usize, BackendSpeech>,
    /// By what they say; `None` where that cannot be done.
    read: HashMap<BackendSpeech, Option<Arc<PeerTls>>>,
}

/// The addresses of the parts of a rule that say it: they stay where they are as long as the rules.
type Key = [usize; 3];

fn key(tls: &TlsToBackend<'_>, forward: &Forward) -> Key {
    let settings = tls.settings.map_or(0, |settings| std::ptr::from_ref(settings).addr());
    let certificate = tls.certificate.map_or(0, |(chain, _)| std::ptr::from_ref(chain).addr());
    [settings, certificate, Arc::as_ptr(&forward.settings).addr()]
}

impl Speeches {
    /// Those of `rules`; what `previous` has read is not read again, so that connections that were
    /// made by it can be used again.
    pub(super) fn new(rules: &RuleSet, previous: Option<&Self>) -> Self {
        let mut found = Self::default();
        for (tls, forward) in asked(rules) {
            let new = || BackendSpeech::of(&tls, &forward.settings.name);
            let speech = found.by_rule.entry(key(&tls, forward)).or_insert_with(new);
            if checks_in_tls(forward) {
                // Where routes differ, the first one says it.
                let upstream = Arc::as_ptr(&forward.settings).addr();
                found.by_upstream.entry(upstream).or_insert_with(|| speech.clone());
            }
            if found.read.contains_key(speech) {
                continue;
            }
            let known = previous.and_then(|previous| previous.read.get(speech)).cloned();
            let read = || {
                let (config, server) = speech.read().ok()?;
                Some(Arc::new(PeerTls::to_server(&config, server)))
            };
            found.read.insert(speech.clone(), known.unwrap_or_else(read));
        }
        found
    }

    /// How TLS is spoken by the checks of an upstream; `None` where it is not, or cannot be.
    pub(super) fn of_checks(&self, settings: &Arc<BackendSettings>) -> Option<Arc<PeerTls>> {
        let speech = self.by_upstream.get(&Arc::as_ptr(settings).addr())?;
        self.read.get(speech)?.clone()
    }

    /// How the backend of a decision is spoken to; `None` where it cannot be as documents ask.
    pub(super) fn of(&self, decision: &Decision<'_>, to: &Forwarding<'_>) -> Option<Speech> {
        let version = HttpVersion::of(to.protocol());
        let Some(tls) = decision.backend_tls() else { return Some(Speech { version, tls: None }) };
        let speech = self.by_rule.get(&key(&tls, to.forward))?;
        let tls = self.read.get(speech)?.clone()?;
        Some(Speech { version, tls: Some(tls) })
    }
}

fn checks_in_tls(forward: &Forward) -> bool {
    forward.settings.health_check.as_ref().is_some_and(|check| check.tls)
}

/// Every way of speaking TLS with a backend that some rule or check asks for, and that rule; once for each
/// place where they are written.
fn asked(rules: &RuleSet) -> impl Iterator<Item = (TlsToBackend<'_>, &Forward)> {
    let mut seen = BTreeSet::new();
    rules
        .listeners
        .iter()
        .flat_map(|listener| listener.hosts.iter())
        .flat_map(|host| &host.routes)
        .flat_map(|route| {
            let policies = route.policies.as_deref();
            forwards(route).map(move |forward| (forward, policies))
        })
        .flat_map(move |(forward, policies)| {
            reached(rules, forward).into_iter().filter_map(move |(id, port)| {
                let of_requests = TlsToBackend::of(forward, policies, rules.service(id), port);
                let of_checks = || {
                    let settings = policies.and_then(|policies| policies.backend_tls.as_deref());
                    let certificate = settings.and_then(|tls| tls.certificate.as_ref());
                    let certificate = certificate.map(|(chain, key)| (chain, key));
                    checks_in_tls(forward).then_some(TlsToBackend { settings, certificate })
                };
                Some((of_requests.or_else(of_checks)?, forward))
            })
        })
        .filter(move |(tls, forward)| seen.insert(key(tls, forward)))
}

/// An error for each place where documents ask for TLS with backends that nobody can speak: because
/// of a certificate, a key or authorities that cannot be used, or versions that are not supported.
pub fn unspeakable(rules: &RuleSet) -> Vec<Diagnostic> {
    let mut known: HashMap<BackendSpeech, Option<Unspeakable>> = HashMap::new();
    let mut told = BTreeSet::new();
    for (tls, forward) in asked(rules) {
        let speech = BackendSpeech::of(&tls, &forward.settings.name);
        let why = known.entry(speech).or_insert_with_key(|speech| speech.read().err());
        let Some(why) = why else { continue };
        let origin = tls.settings.map_or(&forward.settings.origin, |settings| &settings.origin);
        let message = format!("TLS cannot be spoken with the backend, so nothing is sent: {why}");
        told.insert(Diagnostic::error("invalid-backend-tls", origin, message));
    }
    told.into_iter().collect()
}
