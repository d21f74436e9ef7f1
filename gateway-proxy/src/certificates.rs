//! How TLS ends at listeners, as documents say it: the certificates that are shown, and those that
//! clients are asked for.

use crate::tls::{ClientCheck, InvalidMaterial, OwnCertificate, Section};
use gateway_core::rules::{
    Certificate, ClientCertificates, ClientTrust, HostPattern, Listener, Protocol, RuleSet,
    SecretText, ServerTls, VerifyClient, VirtualHost,
};
use gateway_core::{Diagnostic, ListenerKey, ObjectRef, Origin};
use rustls_pki_types::UnixTime;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What is wrong with the certificates that the proxy would show, or ask clients for: an error
/// where one cannot be used, a warning where clients would not take it.
pub fn unusable_certificates(rules: &RuleSet) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    Certificates::default().next(rules, &mut diagnostics);
    diagnostics
}

/// How TLS ends for the hosts of each listener. A host that is missing has nothing to show.
pub(crate) type Sections = HashMap<ListenerKey, HashMap<HostPattern, Arc<Section>>>;

/// Reads certificates, and remembers the last good ones.
#[derive(Default)]
pub(crate) struct Certificates {
    /// By the Secret.
    own: BTreeMap<Arc<ObjectRef>, Known<(SecretText, SecretText), OwnCertificate>>,
    clients: BTreeMap<AskedBy, Known<Asked, ClientCheck>>,
    /// By what they are made of, which lives as long as they do.
    sections: HashMap<SectionKey, Arc<Section>>,
}

/// The object and the field that ask clients for certificates, and whether the handshake fails
/// without a good one: what is asked never becomes less because it cannot be read.
type AskedBy = (Arc<ObjectRef>, Arc<str>, bool);

/// The addresses of certificates, and of what is asked of clients.
type SectionKey = (Vec<usize>, Option<usize>);

/// The texts that say what clients are asked for.
#[derive(PartialEq)]
enum Asked {
    /// In the handshake.
    InHandshake { authorities: Vec<SecretText>, required: bool },
    /// For each request.
    ForRequests { authorities: SecretText, revoked: Option<SecretText>, depth: u32 },
}

/// What is known of a place where texts are written.
struct Known<T, M> {
    /// What is in force: made of the last texts that were good.
    good: Option<Made<T, M>>,
    /// Texts since then that make nothing, and what is wrong with them.
    broken: Option<(T, Vec<InvalidMaterial>)>,
}

/// What was made of texts.
struct Made<T, M> {
    texts: T,
    what: Arc<M>,
    /// What is wrong with those of the texts that were left out.
    faults: Vec<InvalidMaterial>,
}

impl<T: PartialEq, M> Known<T, M> {
    /// The same for other texts, unless they are the same.
    fn next(
        previous: Option<Self>,
        texts: T,
        make: impl FnOnce(&T) -> (Option<M>, Vec<InvalidMaterial>),
    ) -> Self {
        let (good, broken) = previous.map_or((None, None), |known| (known.good, known.broken));
        if good.as_ref().is_some_and(|good| good.texts == texts) {
            return Self { good, broken: None };
        }
        if broken.as_ref().is_some_and(|(broken, _)| *broken == texts) {
            return Self { good, broken };
        }
        match make(&texts) {
            (Some(made), faults) => {
                let made = Made { texts, what: Arc::new(made), faults };
                Self { good: Some(made), broken: None }
            }
            (None, faults) => Self { good, broken: Some((texts, faults)) },
        }
    }

    fn in_force(&self) -> Option<&Arc<M>> {
        self.good.as_ref().map(|made| &made.what)
    }
}

impl Certificates {
    /// How TLS ends for the hosts of `rules`: with the same pointers as before where the texts are
    /// the same, so that clients can take up their sessions. What cannot be used is told, and the
    /// last good one of its place stays in force.
    pub(crate) fn next(&mut self, rules: &RuleSet, diagnostics: &mut Vec<Diagnostic>) -> Sections {
        let previous = std::mem::take(self);
        let mut reader = Reader { previous, next: Self::default(), told: BTreeSet::new() };
        let mut sections = Sections::new();
        for listener in rules.listeners.iter().filter(|listener| ends_tls(listener)) {
            let mut of_listener = HashMap::new();
            for host in listener.hosts.sorted() {
                if let Some(section) = reader.section(host) {
                    of_listener.insert(host.hostname.clone(), section);
                }
            }
            let key = ListenerKey { address: listener.address, port: listener.port };
            sections.insert(key, of_listener);
        }
        reader.tell_of_names(rules);
        *self = reader.next;
        diagnostics.extend(reader.told);
        sections
    }
}

/// Whether TLS with certificates of documents ends there.
pub(crate) fn ends_tls(listener: &Listener) -> bool {
    listener.protocol == Protocol::Https && !listener.mutual_tls
}

/// One look at all rules.
struct Reader {
    previous: Certificates,
    next: Certificates,
    told: BTreeSet<Diagnostic>,
}

impl Reader {
    /// How TLS ends for a host, if it can.
    fn section(&mut self, host: &VirtualHost) -> Option<Arc<Section>> {
        let tls = host.tls.as_deref()?;
        let certificates: Vec<_> = tls.certificates.iter().filter_map(|c| self.own(c)).collect();
        let clients = match self.clients(host, tls) {
            Ok(clients) => clients,
            // Nobody is let in without what should be asked.
            Err(()) => return None,
        };
        if certificates.is_empty() {
            return None;
        }
        let key = (
            certificates.iter().map(|one| Arc::as_ptr(one).addr()).collect(),
            clients.as_ref().map(|clients| Arc::as_ptr(clients).addr()),
        );
        if let Some(section) = self.next.sections.get(&key) {
            return Some(Arc::clone(section));
        }
        let section = match self.previous.sections.remove(&key) {
            Some(section) => section,
            // Only a system without random numbers makes none.
            None => Arc::new(Section::new(certificates, clients).ok()?),
        };
        self.next.sections.insert(key, Arc::clone(&section));
        Some(section)
    }

    fn own(&mut self, written: &Certificate) -> Option<Arc<OwnCertificate>> {
        let Certificate { chain, key, origin } = written;
        if let Some(known) = self.next.own.get(&origin.object) {
            return known.in_force().cloned();
        }
        let previous = self.previous.own.remove(&origin.object);
        let texts = (chain.clone(), key.clone());
        let known = Known::next(previous, texts, |(chain, key)| {
            match OwnCertificate::from_pem(chain.octets(), key.octets()) {
                Ok(certificate) => (Some(certificate), Vec::new()),
                Err(fault) => (None, vec![fault]),
            }
        });
        let made = known.in_force().cloned();
        self.tell(&known, "invalid-certificate", "the certificate cannot be shown", origin);
        if let Some(why) = made.as_ref().and_then(|made| made.in_force(UnixTime::now()).err()) {
            let message = format!("clients do not take the certificate: {why}");
            self.told.insert(Diagnostic::warning("certificate-not-in-force", origin, message));
        }
        self.next.own.insert(Arc::clone(&origin.object), known);
        made
    }

    /// What clients of a host are asked for, if anything.
    ///
    /// # Errors
    ///
    /// When something has to be asked, and cannot be.
    fn clients(
        &mut self,
        host: &VirtualHost,
        tls: &ServerTls,
    ) -> Result<Option<Arc<ClientCheck>>, ()> {
        let (asked, origin) = match (tls.clients.as_deref(), asked_for_requests(host)) {
            (Some(ClientTrust { authorities, insecure_fallback, origin }), _) => {
                let (authorities, required) = (authorities.clone(), !insecure_fallback);
                (Asked::InHandshake { authorities, required }, origin)
            }
            (None, Some(of)) => {
                let (authorities, revoked) = (of.authorities.clone(), of.revoked.clone());
                (Asked::ForRequests { authorities, revoked, depth: of.depth }, &of.origin)
            }
            (None, None) => return Ok(None),
        };
        let required = matches!(asked, Asked::InHandshake { required: true, .. });
        let key = (Arc::clone(&origin.object), Arc::clone(&origin.field), required);
        if let Some(known) = self.next.clients.get(&key) {
            return known.in_force().cloned().map(Some).ok_or(());
        }
        let previous = self.previous.clients.remove(&key);
        let known = Known::next(previous, asked, check);
        let made = known.in_force().cloned();
        let what = "clients cannot be asked for certificates as wanted";
        self.tell(&known, "invalid-client-authorities", what, origin);
        self.next.clients.insert(key, known);
        made.map(Some).ok_or(())
    }

    fn tell<T, M>(&mut self, known: &Known<T, M>, code: &'static str, what: &str, origin: &Origin) {
        let (faults, help) = match (&known.broken, &known.good) {
            (Some((_, faults)), Some(_)) => (faults, "the last good one stays in force"),
            (Some((_, faults)), None) => (faults, "TLS handshakes that need it fail"),
            (None, Some(made)) => (&made.faults, "the others are used"),
            (None, None) => return,
        };
        for fault in faults {
            let message = format!("{what}: {fault}");
            self.told.insert(Diagnostic::error(code, origin, message).help(help));
        }
    }

    /// Warns of certificates that name none of the hosts that they are for.
    fn tell_of_names(&mut self, rules: &RuleSet) {
        let mut hosts_of: BTreeMap<&Arc<ObjectRef>, (&Origin, Vec<&HostPattern>)> = BTreeMap::new();
        let listeners = rules.listeners.iter().filter(|listener| ends_tls(listener));
        for host in listeners.flat_map(|listener| listener.hosts.sorted()) {
            for certificate in host.tls.iter().flat_map(|tls| &tls.certificates) {
                let origin = &certificate.origin;
                let hosts = hosts_of.entry(&origin.object).or_insert((origin, Vec::new()));
                hosts.1.push(&host.hostname);
            }
        }
        for (secret, (origin, hosts)) in hosts_of {
            let known = self.next.own.get(secret).and_then(Known::in_force);
            let is_for_none = |own: &&Arc<OwnCertificate>| !hosts.iter().any(|h| own.serves(h));
            if let (Some(_), Some(host)) = (known.filter(is_for_none), hosts.first()) {
                let more = match hosts.len() - 1 {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let message = format!(
                    "clients do not take the certificate: it names none of the hosts that it is \
                     for, which are `{host}`{more}"
                );
                self.told.insert(Diagnostic::warning("certificate-name", origin, message));
            }
        }
    }
}

/// What a host asks of the certificate that comes with a request.
fn asked_for_requests(host: &VirtualHost) -> Option<&ClientCertificates> {
    let policies = host.routes.iter().filter_map(|route| route.policies.as_deref());
    let mut asked = policies.filter_map(|policies| policies.client_certificates.as_deref());
    asked.next().filter(|asked| asked.verify != VerifyClient::Off)
}

fn check(asked: &Asked) -> (Option<ClientCheck>, Vec<InvalidMaterial>) {
    match asked {
        Asked::InHandshake { authorities, required } => {
            ClientCheck::of_section(authorities.iter().map(SecretText::octets), *required)
        }
        Asked::ForRequests { authorities, revoked, depth } => {
            let revoked = revoked.as_ref().map(SecretText::octets);
            match ClientCheck::of_requests(authorities.octets(), revoked, *depth) {
                Ok(check) => (Some(check), Vec::new()),
                Err(fault) => (None, vec![fault]),
            }
        }
    }
}

#[cfg(test)]
mod tests;
