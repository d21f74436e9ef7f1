//! Whom a handshake lets in: who has a certificate that an authority signed, which is in force, and
//! which names one workload of the own trust domain (X509-SVID, sections 2 and 5).

use super::spiffe::SpiffeId;
use super::svid::name_of;
use crate::clock::Moment;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{
    AlertDescription, CertificateError, DigitallySignedStruct, DistinguishedName, Error,
    RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use webpki::EndEntityCert;

/// The workload that the client of a finished handshake has proved to be.
pub(crate) fn peer_identity(connection: &rustls::ServerConnection) -> Option<SpiffeId> {
    let leaf = connection.peer_certificates()?.first()?;
    name_of(&EndEntityCert::try_from(leaf).ok()?).ok()
}

/// Whether an error tells that the other side refused the handshake. In TLS 1.3 a client hears of
/// that only when it reads, after it has sent its first request, which then nobody has looked at.
pub(crate) fn is_refusal(error: &io::Error) -> bool {
    use AlertDescription as Alert;
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    matches!(
        inner,
        Some(Error::AlertReceived(
            Alert::AccessDenied
                | Alert::BadCertificate
                | Alert::CertificateExpired
                | Alert::CertificateRequired
                | Alert::CertificateRevoked
                | Alert::CertificateUnknown
                // Of the signatures in certificates; records that are broken have another alert.
                | Alert::DecryptError
                | Alert::UnknownCA
                | Alert::UnsupportedCertificate
        ))
    )
}

/// Checks the certificates of clients.
#[derive(Debug)]
pub(super) struct Clients {
    chain: Arc<dyn ClientCertVerifier>,
    own: SpiffeId,
}

impl Clients {
    /// Lets in the workloads of the trust domain of `own`.
    pub(super) fn new(
        roots: Arc<RootCertStore>,
        own: SpiffeId,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        let chain = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider))
            // The names of the authorities are nobody's business who is not one of us.
            .clear_root_hint_subjects()
            .build()?;
        Ok(Self { chain, own })
    }
}

impl ClientCertVerifier for Clients {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.chain.verify_client_cert(leaf, intermediates, now)?;
        check_name(leaf, &self.own, None)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// Checks the certificates of servers: not whether they have a host's name, but a workload's.
#[derive(Debug)]
pub(super) struct Servers {
    roots: Arc<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
    own: SpiffeId,
    expected: Option<SpiffeId>,
}

impl Servers {
    /// Takes the workload `expected`, or any of the trust domain of `own`.
    pub(super) fn new(
        roots: Arc<RootCertStore>,
        own: SpiffeId,
        expected: Option<SpiffeId>,
        provider: &CryptoProvider,
    ) -> Self {
        Self { roots, algorithms: provider.signature_verification_algorithms, own, expected }
    }
}

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(leaf)?;
        let algorithms = self.algorithms.all;
        verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &self.roots,
            intermediates,
            now,
            algorithms,
        )?;
        check_name(leaf, &self.own, self.expected.as_ref())?;
        Ok(ServerCertVerified::assertion())
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

/// Why those who trust the same authorities do not take a certificate.
#[derive(Debug)]
pub(crate) enum NotInForce {
    /// It has ended, or one between it and an authority has.
    Ended(UnixTime),
    /// It begins later, or one between it and an authority does.
    Begins(UnixTime),
    /// No authority has signed it.
    Unsigned,
    /// Something else.
    Other(Error),
}

impl From<Error> for NotInForce {
    fn from(error: Error) -> Self {
        use CertificateError as Why;
        match error {
            Error::InvalidCertificate(Why::ExpiredContext { not_after, .. }) => {
                Self::Ended(not_after)
            }
            Error::InvalidCertificate(Why::NotValidYetContext { not_before, .. }) => {
                Self::Begins(not_before)
            }
            // That of an authority with the same name, but another key.
            Error::InvalidCertificate(Why::UnknownIssuer | Why::BadSignature) => Self::Unsigned,
            error => Self::Other(error),
        }
    }
}

impl fmt::Display for NotInForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment =
            |time: &UnixTime| Moment::after_epoch(Duration::from_secs(time.as_secs())).timestamp();
        match self {
            Self::Ended(time) => write!(f, "it ended at {}", moment(time)),
            Self::Begins(time) => write!(f, "it begins at {}", moment(time)),
            Self::Unsigned => f.write_str("none of its own authorities has signed it"),
            Self::Other(error) => error.fmt(f),
        }
    }
}

fn check_name(
    leaf: &CertificateDer<'_>,
    own: &SpiffeId,
    expected: Option<&SpiffeId>,
) -> Result<(), Error> {
    let refused = Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure);
    let parsed = EndEntityCert::try_from(leaf)
        .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
    let Ok(name) = name_of(&parsed) else { return Err(refused) };
    let right = name.trust_domain() == own.trust_domain()
        && expected.is_none_or(|expected| *expected == name);
    if right { Ok(()) } else { Err(refused) }
}
