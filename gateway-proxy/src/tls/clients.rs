//! The certificates of clients at ordinary listeners: asked for in the handshake, and judged there
//! (gateway-api §7.4) or for each request (virtualserver §16.6).

use super::material::{self, InvalidMaterial};
use super::{chain, provider};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::sync::Arc;
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, RevocationOptionsBuilder,
};

/// What a client's certificate comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientVerdict {
    /// It has shown none.
    Missing,
    /// One of the authorities vouches for it.
    Valid,
    /// None of the authorities does, but nothing else is wrong; why, in the words of OpenSSL.
    Untrusted(&'static str),
    /// It must not be taken; why, in the words of OpenSSL.
    Invalid(&'static str),
}

/// Asks clients for a certificate, and tells what it is worth.
#[derive(Debug)]
pub(crate) struct ClientCheck {
    authorities: RootCertStore,
    /// Their names, by which clients choose a certificate.
    hints: Vec<DistinguishedName>,
    revoked: Vec<CertRevocationList<'static>>,
    /// Most certificates between that of the client and an authority.
    depth: Option<u32>,
    /// Whether a handshake fails without a valid one.
    required: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCheck {
    /// Of clients that `authorities`, in PEM, vouch for. Those that cannot be read are in the
    /// second part; what is left of them is used.
    ///
    /// # Errors
    ///
    /// What is wrong with the authorities, where none is left.
    pub(crate) fn of_section<'t>(
        authorities: impl IntoIterator<Item = &'t [u8]>,
        required: bool,
    ) -> (Option<Self>, Vec<InvalidMaterial>) {
        let (mut all, mut faults) = (RootCertStore::empty(), Vec::new());
        for text in authorities {
            match material::authorities(text) {
                Ok(found) => all.roots.extend(found.roots),
                Err(fault) => faults.push(fault),
            }
        }
        let check = (!all.is_empty()).then(|| Self::new(all, Vec::new(), None, required));
        (check, faults)
    }

    /// Of clients that `authorities` vouch for over at most `depth` others, unless a list in
    /// `revoked` takes that back; both in PEM. The handshake succeeds whatever they show.
    ///
    /// # Errors
    ///
    /// When one of the texts cannot be used.
    pub(crate) fn of_requests(
        authorities: &[u8],
        revoked: Option<&[u8]>,
        depth: u32,
    ) -> Result<Self, InvalidMaterial> {
        let authorities = material::authorities(authorities)?;
        let revoked = revoked.map(material::revocation_lists).transpose()?.unwrap_or_default();
        Ok(Self::new(authorities, revoked, Some(depth), false))
    }

    fn new(
        authorities: RootCertStore,
        revoked: Vec<CertRevocationList<'static>>,
        depth: Option<u32>,
        required: bool,
    ) -> Self {
        let hints = authorities.subjects();
        let algorithms = provider().signature_verification_algorithms;
        Self { authorities, hints, revoked, depth, required, algorithms }
    }

    /// What the certificate of a client, with those between it and an authority, is worth.
    pub(crate) fn judge(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> ClientVerdict {
        let Some((leaf, between)) = chain.split_first() else { return ClientVerdict::Missing };
        match self.verify(leaf, between, now) {
            Ok(()) => ClientVerdict::Valid,
            Err(error) => verdict(&error),
        }
    }

    fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), webpki::Error> {
        let leaf = EndEntityCert::try_from(leaf)?;
        let lists: Vec<_> = self.revoked.iter().collect();
        // As NGINX does, every certificate of the chain needs a list that is in force.
        let revocation = RevocationOptionsBuilder::new(&lists).ok();
        let revocation =
            revocation.map(|of| of.with_expiration_policy(ExpirationPolicy::Enforce).build());
        let (roots, usage) = (&self.authorities.roots, KeyUsage::client_auth());
        chain::verify(&leaf, between, roots, self.depth, usage, revocation, now)
    }
}

/// Which errors NGINX passes on to the backend with `optional_no_ca`, and what it calls them.
fn verdict(error: &webpki::Error) -> ClientVerdict {
    use webpki::Error as E;
    match error {
        E::UnknownIssuer => ClientVerdict::Untrusted("unable to verify the first certificate"),
        // An authority of that name is known, but it has another key.
        E::InvalidSignatureForPublicKey => {
            ClientVerdict::Untrusted("unable to verify the first certificate")
        }
        E::CertExpired { .. } => ClientVerdict::Invalid("certificate has expired"),
        E::CertNotValidYet { .. } => ClientVerdict::Invalid("certificate is not yet valid"),
        E::CertRevoked => ClientVerdict::Invalid("certificate revoked"),
        E::UnknownRevocationStatus => ClientVerdict::Invalid("unable to get certificate CRL"),
        E::CrlExpired { .. } => ClientVerdict::Invalid("CRL has expired"),
        E::MaximumPathDepthExceeded => ClientVerdict::Invalid("certificate chain too long"),
        E::RequiredEkuNotFoundContext(_) => {
            ClientVerdict::Invalid("unsuitable certificate purpose")
        }
        _ => ClientVerdict::Invalid("certificate rejected"),
    }
}

/// The same for the alert that the client gets.
fn refusal(error: webpki::Error) -> Error {
    use webpki::Error as E;
    Error::InvalidCertificate(match error {
        E::BadDer | E::BadDerTime => CertificateError::BadEncoding,
        E::UnknownIssuer | E::InvalidSignatureForPublicKey => CertificateError::UnknownIssuer,
        E::CertExpired { time, not_after } => CertificateError::ExpiredContext { time, not_after },
        E::CertNotValidYet { time, not_before } => {
            CertificateError::NotValidYetContext { time, not_before }
        }
        E::RequiredEkuNotFoundContext(_) => CertificateError::InvalidPurpose,
        error => CertificateError::Other(OtherError(Arc::new(error))),
    })
}

impl ClientCertVerifier for ClientCheck {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.required {
            self.verify(leaf, between, now).map_err(refusal)?;
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
