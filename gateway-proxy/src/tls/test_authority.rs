//! An authority for tests, and what it signs.

use super::Identity;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use std::sync::Arc;

/// An authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

/// A certificate to be signed.
pub(crate) struct Leaf<'a> {
    pub(crate) uris: &'a [&'a str],
    /// Years in which it begins and ends to count.
    pub(crate) years: (i32, i32),
    pub(crate) usages: &'a [ExtendedKeyUsagePurpose],
}

impl<'a> Leaf<'a> {
    /// A good one.
    pub(crate) fn of(uris: &'a [&'a str]) -> Self {
        const BOTH: &[ExtendedKeyUsagePurpose] =
            &[ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        Self { uris, years: (2000, 2100), usages: BOTH }
    }
}

/// A certificate and its key, in PEM.
pub(crate) struct Signed {
    pub(crate) certificate: String,
    pub(crate) key: KeyPair,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Signs a certificate for a new key.
    pub(crate) fn sign(&self, leaf: &Leaf<'_>) -> Signed {
        self.sign_for(leaf, KeyPair::generate().unwrap())
    }

    /// Signs a certificate for `key`.
    pub(crate) fn sign_for(&self, leaf: &Leaf<'_>, key: KeyPair) -> Signed {
        let mut params = CertificateParams::new(["workload.example".to_owned()]).unwrap();
        let uris = leaf.uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap()));
        params.subject_alt_names.extend(uris);
        params.not_before = date_time_ymd(leaf.years.0, 1, 1);
        params.not_after = date_time_ymd(leaf.years.1, 1, 1);
        params.extended_key_usages = leaf.usages.to_vec();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Signed { certificate, key }
    }

    /// Signs an authority below this one. Its certificate has to come with those that it signs.
    pub(crate) fn below(&self) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(rcgen::DnType::CommonName, "below");
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A workload that trusts this authority, with a certificate from it.
    pub(crate) fn identity(&self, id: &str) -> Arc<Identity> {
        let Signed { certificate, key } = self.sign(&Leaf::of(&[id]));
        Arc::new(
            Identity::from_pem(
                certificate.as_bytes(),
                key.serialize_pem().as_bytes(),
                self.pem.as_bytes(),
            )
            .unwrap(),
        )
    }
}
