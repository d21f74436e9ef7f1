//! A certificate of our own, ready to be shown to clients.

use super::material::{self, InvalidMaterial};
use super::provider;
use super::verify::NotInForce;
use gateway_core::rules::HostPattern;
use rustls::SignatureScheme;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, UnixTime};
use std::fmt;
use std::sync::Arc;
use webpki::{EndEntityCert, KeyUsage};

/// A certificate with its key, and the names that it is for.
pub(crate) struct OwnCertificate {
    key: Arc<CertifiedKey>,
    /// As far as they are host names. A wildcard stands for one label (RFC 9525, section 6.3).
    names: Vec<HostPattern>,
}

/// How well a certificate names a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Naming {
    Not,
    ByWildcard,
    Exactly,
}

impl OwnCertificate {
    /// Reads a certificate with those between it and an authority, and its private key (PKCS#8,
    /// SEC1 or PKCS#1), in PEM.
    ///
    /// # Errors
    ///
    /// When one of them cannot be used, or the key belongs to another certificate.
    pub(crate) fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, InvalidMaterial> {
        let key = Arc::new(material::certified_key(chain, key, &provider())?);
        let leaf = key.cert.first().and_then(|leaf| EndEntityCert::try_from(leaf).ok());
        let names = leaf.iter().flat_map(|leaf| leaf.valid_dns_names());
        let names = names.filter_map(|name| HostPattern::parse(name).ok()).collect();
        Ok(Self { key, names })
    }

    /// Whether it counts at a time, and so do those between it and an authority.
    ///
    /// # Errors
    ///
    /// Since when it does not, or from when on it does.
    pub(crate) fn in_force(&self, now: UnixTime) -> Result<(), NotInForce> {
        self.key.cert.iter().try_for_each(|certificate| in_force(certificate, now))
    }

    /// Whether it names some host that the pattern covers. Who has no name could be any.
    pub(crate) fn serves(&self, hosts: &HostPattern) -> bool {
        *hosts == HostPattern::Any
            || self.names.iter().any(|name| match (name, hosts) {
                // Two wildcards have hosts in common only where the labels left over are the one
                // of the certificate.
                (HostPattern::Wildcard(own), HostPattern::Wildcard(suffix)) => {
                    own == suffix || hosts.covers(own)
                }
                (HostPattern::Exact(name), _) => hosts.covers(name),
                (_, HostPattern::Exact(host)) => self.naming(host) != Naming::Not,
                (_, _) => false,
            })
    }

    pub(super) fn naming(&self, server: &str) -> Naming {
        let above = server.split_once('.').map(|(_, above)| above);
        let naming = |name: &HostPattern| match name {
            HostPattern::Exact(name) if **name == *server => Naming::Exactly,
            HostPattern::Wildcard(suffix) if above == Some(&**suffix) => Naming::ByWildcard,
            _ => Naming::Not,
        };
        self.names.iter().map(naming).max().unwrap_or(Naming::Not)
    }

    /// Whether a client can check what the key signs.
    pub(super) fn suits(&self, schemes: &[SignatureScheme]) -> bool {
        self.key.key.choose_scheme(schemes).is_some()
    }

    pub(super) fn key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }
}

impl fmt::Debug for OwnCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnCertificate").field(&self.names).finish()
    }
}

/// The time of a certificate is looked at before all else that may be wrong with it, such as that
/// nobody is known who signed it.
fn in_force(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), NotInForce> {
    let Ok(certificate) = EndEntityCert::try_from(certificate) else { return Ok(()) };
    let usage = KeyUsage::server_auth();
    match certificate.verify_for_usage(&[], &[], &[], now, usage, None, None) {
        Err(webpki::Error::CertExpired { not_after, .. }) => Err(NotInForce::Ended(not_after)),
        Err(webpki::Error::CertNotValidYet { not_before, .. }) => {
            Err(NotInForce::Begins(not_before))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    fn of(names: &[&str]) -> OwnCertificate {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let pem = CertificateParams::new(names).unwrap().self_signed(&key).unwrap().pem();
        OwnCertificate::from_pem(pem.as_bytes(), key.serialize_pem().as_bytes()).unwrap()
    }

    #[test]
    fn wildcards_of_certificates_stand_for_one_label() {
        // RFC 9525, section 6.3
        let own = of(&["a.example.com", "*.example.com", "127.0.0.1"]);
        for (server, want) in [
            ("a.example.com", Naming::Exactly),
            ("b.example.com", Naming::ByWildcard),
            ("c.b.example.com", Naming::Not),
            ("example.com", Naming::Not),
            ("127.0.0.1", Naming::Not),
            ("", Naming::Not),
        ] {
            assert_eq!(own.naming(server), want, "{server}");
        }
    }

    #[test]
    fn certificates_serve_hosts_that_they_name_one_of() {
        for (name, hosts, want) in [
            ("a.example.com", "a.example.com", true),
            ("a.example.com", "b.example.com", false),
            ("a.b.example.com", "*.example.com", true),
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "*.example.com", true),
            ("*.b.example.com", "*.example.com", true),
            ("*.example.com", "*.b.example.com", false),
        ] {
            let hosts: HostPattern = hosts.parse().unwrap();
            assert_eq!(of(&[name]).serves(&hosts), want, "{name} {hosts}");
        }
        assert!(of(&["a.example.com"]).serves(&HostPattern::Any));
    }
}
