//! Who this proxy is to others, as documents say it.

use crate::tls::{Identity, InvalidIdentity};
use gateway_core::Diagnostic;
use gateway_core::rules::{MeshIdentity, RuleSet};
use rustls_pki_types::UnixTime;
use std::sync::Arc;

/// What is wrong with the certificate, the key or the authorities that the proxy would show: an
/// error where it cannot show them, a warning where nobody would take them now.
pub fn unusable_identity(rules: &RuleSet) -> Option<Diagnostic> {
    let written = rules.identity.as_deref()?;
    match read(written) {
        Ok(identity) => not_in_force(written, &identity),
        Err(why) => Some(unusable(written, &why)),
    }
}

/// Reads identities, and remembers the last good one.
#[derive(Default)]
pub(crate) struct Identities {
    last: Option<(Arc<MeshIdentity>, Arc<Identity>)>,
}

impl Identities {
    /// The identity that documents say: the same pointer as long as its texts are the same. One
    /// that cannot be used is told, and the last good one stays in force.
    pub(crate) fn next(
        &mut self,
        written: Option<&Arc<MeshIdentity>>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Arc<Identity>> {
        let Some(written) = written else {
            self.last = None;
            return None;
        };
        let is_known = self.last.as_ref().is_some_and(|(last, _)| are_same(last, written));
        if !is_known {
            match read(written) {
                Ok(identity) => self.last = Some((Arc::clone(written), Arc::new(identity))),
                Err(why) => {
                    let mut diagnostic = unusable(written, &why);
                    if self.last.is_some() {
                        diagnostic = diagnostic.help("the last good one stays in force");
                    }
                    diagnostics.push(diagnostic);
                }
            }
        }
        let (last, identity) = self.last.as_ref()?;
        diagnostics.extend(not_in_force(last, identity));
        Some(Arc::clone(identity))
    }
}

fn read(written: &MeshIdentity) -> Result<Identity, InvalidIdentity> {
    let MeshIdentity { certificate, key, authorities, origin: _ } = written;
    Identity::from_pem(certificate.octets(), key.octets(), authorities.octets())
}

fn unusable(written: &MeshIdentity, why: &InvalidIdentity) -> Diagnostic {
    let message = format!("the identity of the proxy cannot be used: {why}");
    Diagnostic::error("invalid-identity", &written.origin, message)
}

/// Others would be told nothing but that the handshake fails.
fn not_in_force(written: &MeshIdentity, identity: &Identity) -> Option<Diagnostic> {
    let why = identity.in_force(UnixTime::now()).err()?;
    let message = format!("other proxies do not take the certificate of this one: {why}");
    Some(Diagnostic::warning("identity-not-in-force", &written.origin, message))
}

/// Whether two say the same, wherever they say it.
fn are_same(a: &MeshIdentity, b: &MeshIdentity) -> bool {
    a.certificate == b.certificate && a.key == b.key && a.authorities == b.authorities
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::{Authority, Leaf};
    use gateway_core::rules::SecretText;
    use gateway_core::{ObjectRef, Origin};

    fn written(authority: &Authority, uri: &str, field: &str) -> Arc<MeshIdentity> {
        of(authority, &Leaf::of(&[uri]), field)
    }

    fn of(authority: &Authority, leaf: &Leaf<'_>, field: &str) -> Arc<MeshIdentity> {
        let signed = authority.sign(leaf);
        Arc::new(MeshIdentity {
            certificate: SecretText::new(signed.certificate.as_bytes()),
            key: SecretText::new(signed.key.serialize_pem().as_bytes()),
            authorities: SecretText::new(authority.pem.as_bytes()),
            origin: Origin::new(ObjectRef::new("Secret", "shop", "web"), field),
        })
    }

    #[test]
    fn an_identity_that_has_ended_is_told_each_time() {
        let authority = Authority::new();
        let web = "spiffe://cluster.local/ns/shop/sa/web";
        let ended = of(&authority, &Leaf { years: (2000, 2001), ..Leaf::of(&[web]) }, "");
        let message = "warning[identity-not-in-force]: Secret shop/web: other proxies do not take \
                       the certificate of this one: it ended at 2001-01-01T00:00:00.000Z";
        let rules = RuleSet { identity: Some(Arc::clone(&ended)), ..RuleSet::default() };
        assert_eq!(unusable_identity(&rules).unwrap().to_string(), message);
        let rules = RuleSet { identity: Some(written(&authority, web, "")), ..rules };
        assert_eq!(unusable_identity(&rules), None);
        let mut identities = Identities::default();
        for _ in 0..2 {
            let mut diagnostics = Vec::new();
            assert!(identities.next(Some(&ended), &mut diagnostics).is_some(), "it is tried");
            let told: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
            assert_eq!(told, [message]);
        }
    }

    #[test]
    fn an_identity_stays_until_another_one_is_good() {
        let authority = Authority::new();
        let web = written(&authority, "spiffe://cluster.local/ns/shop/sa/web", "");
        let moved = Arc::new(MeshIdentity {
            origin: Origin::new(ObjectRef::new("Secret", "shop", "web"), "moved"),
            ..(*web).clone()
        });
        let renewed = written(&authority, "spiffe://cluster.local/ns/shop/sa/web", "");
        let broken = written(&authority, "https://web.example", "");
        let mut identities = Identities::default();
        let mut next = |written: Option<&Arc<MeshIdentity>>| {
            let mut diagnostics = Vec::new();
            let identity = identities.next(written, &mut diagnostics);
            let told: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
            (identity, told)
        };
        let message = "error[invalid-identity]: Secret shop/web: the identity of the proxy cannot \
                       be used: the certificate has the URI name `https://web.example`, which is \
                       no SPIFFE id";
        let (none, told) = next(Some(&broken));
        assert!(none.is_none() && told.len() == 1 && told[0].starts_with(message), "{told:?}");
        let first = next(Some(&web)).0.unwrap();
        for same in [&web, &moved] {
            let (identity, told) = next(Some(same));
            assert!(Arc::ptr_eq(&first, &identity.unwrap()) && told.is_empty(), "{told:?}");
        }
        let second = next(Some(&renewed)).0.unwrap();
        assert!(!Arc::ptr_eq(&first, &second));
        let (kept, told) = next(Some(&broken));
        assert!(Arc::ptr_eq(&second, &kept.unwrap()));
        assert!(told[0].ends_with("; the last good one stays in force"), "{told:?}");
        assert!(next(None).0.is_none(), "gone on purpose");
    }
}
