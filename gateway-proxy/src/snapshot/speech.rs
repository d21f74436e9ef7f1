//! How backends are spoken to in TLS, where documents say it, read once for each table.

use super::targets::{forwards, reached};
use crate::tls::{BackendSpeech, Unspeakable};
use crate::upstream::{HttpVersion, PeerTls, Speech};
use gateway_core::rules::{Forward, RuleSet};
use gateway_core::{Decision, Diagnostic, Forwarding, TlsToBackend};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Every way of speaking TLS with a backend that some rule asks for.
#[derive(Default)]
pub(super) struct Speeches {
    /// By where they are written.
    by_rule: HashMap<Key, BackendSpeech>,
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

    /// How the backend of a decision is spoken to; `None` where it cannot be as documents ask.
    pub(super) fn of(&self, decision: &Decision<'_>, to: &Forwarding<'_>) -> Option<Speech> {
        let version = HttpVersion::of(to.protocol());
        let Some(tls) = decision.backend_tls() else { return Some(Speech { version, tls: None }) };
        let speech = self.by_rule.get(&key(&tls, to.forward))?;
        let tls = self.read.get(speech)?.clone()?;
        Some(Speech { version, tls: Some(tls) })
    }
}

/// Every way of speaking TLS with a backend that some rule asks for, and that rule; once for each
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
                let tls = TlsToBackend::of(forward, policies, rules.service(id), port)?;
                Some((tls, forward))
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
