//! TLS with backends that documents describe: who they have to be, and what is shown to them
//! (virtualserver §16.7, gateway-api §20).

use super::material::{self, InvalidMaterial};
use super::{chain, nobody, provider};
use gateway_core::TlsToBackend;
use gateway_core::rules::{SecretText, ServerTrust, SubjectName};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::sign::SingleCertAndKey;
use rustls::version::{TLS12, TLS13};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::fmt;
use std::sync::{Arc, LazyLock};
use webpki::{EndEntityCert, KeyUsage};

/// All that tells one way of speaking TLS with a backend from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct BackendSpeech {
    certificate: Option<(SecretText, SecretText)>,
    trust: Option<Trust>,
    /// Whether TLS 1.2 and TLS 1.3 may be spoken.
    versions: [bool; 2],
    resumes: bool,
    tells_name: bool,
    /// The server's name.
    name: Box<str>,
}

/// How a server is verified.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Trust {
    /// `None`: those of the system.
    authorities: Option<SecretText>,
    depth: u32,
    names: Vec<SubjectName>,
}

/// Why TLS cannot be spoken as documents ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unspeakable {
    /// A text cannot be used.
    Material(InvalidMaterial),
    /// None of the versions is supported.
    Versions,
    /// The server's name is none that a certificate could have.
    Name(Box<str>),
    /// The system trusts nobody.
    NoSystemAuthorities,
}

impl fmt::Display for Unspeakable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Material(why) => why.fmt(f),
            Self::Versions => f.write_str("TLS 1.2 and TLS 1.3 alone are supported"),
            Self::Name(name) => write!(f, "no certificate can have the name `{name}`"),
            Self::NoSystemAuthorities => f.write_str("the system has no certificates to trust"),
        }
    }
}

impl BackendSpeech {
    /// What `tls` asks for; `upstream` is the server's name where nothing else is said.
    pub(crate) fn of(tls: &TlsToBackend<'_>, upstream: &str) -> Self {
        let certificate = tls.certificate.map(|(chain, key)| (chain.clone(), key.clone()));
        let Some(settings) = tls.settings else {
            return Self {
                certificate,
                trust: None,
                versions: [true; 2],
                resumes: true,
                tells_name: false,
                name: upstream.into(),
            };
        };
        let asks = |version| settings.protocols.split_ascii_whitespace().any(|it| it == version);
        Self {
            certificate,
            trust: settings.trust.as_ref().filter(|trust| trust.verify).map(Trust::of),
            versions: ["TLSv1.2", "TLSv1.3"].map(asks),
            resumes: settings.session_reuse,
            tells_name: settings.sni,
            name: settings.server_name.as_deref().unwrap_or(upstream).into(),
        }
    }

    /// What it takes, and the name of the server.
    ///
    /// # Errors
    ///
    /// Why nothing can be sent like this.
    pub(crate) fn read(&self) -> Result<(ClientConfig, ServerName<'static>), Unspeakable> {
        let versions: Vec<&'static SupportedProtocolVersion> = [&TLS12, &TLS13]
            .into_iter()
            .zip(self.versions)
            .filter_map(|(version, asked)| asked.then_some(version))
            .collect();
        let algorithms = provider().signature_verification_algorithms;
        let verifier = match &self.trust {
            None => Verifier { roots: None, algorithms, depth: 0, names: Vec::new() },
            Some(trust) => trust.verifier(algorithms)?,
        };
        let is_named = self.tells_name || self.trust.as_ref().is_some_and(|t| t.names.is_empty());
        let name = match ServerName::try_from(self.name.to_string()) {
            Ok(name) => name,
            Err(_) if is_named => return Err(Unspeakable::Name(self.name.clone())),
            Err(_) => nobody(),
        };
        let building = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&versions)
            .map_err(|_| Unspeakable::Versions)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.certificate {
            None => building.with_no_client_auth(),
            Some((chain, key)) => {
                let key = material::certified_key(chain.octets(), key.octets(), &provider())
                    .map_err(Unspeakable::Material)?;
                building.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)))
            }
        };
        config.enable_sni = self.tells_name;
        if !self.resumes {
            config.resumption = Resumption::disabled();
        }
        Ok((config, name))
    }
}

impl Trust {
    fn of(trust: &ServerTrust) -> Self {
        let ServerTrust { verify: _, authorities, depth, names } = trust;
        Self { authorities: authorities.clone(), depth: *depth, names: names.clone() }
    }

    fn verifier(&self, algorithms: WebPkiSupportedAlgorithms) -> Result<Verifier, Unspeakable> {
        let roots = match &self.authorities {
            Some(text) => {
                Arc::new(material::authorities(text.octets()).map_err(Unspeakable::Material)?)
            }
            None => Arc::clone(&SYSTEM),
        };
        if roots.is_empty() {
            return Err(Unspeakable::NoSystemAuthorities);
        }
        let (depth, names) = (self.depth, self.names.clone());
        Ok(Verifier { roots: Some(roots), algorithms, depth, names })
    }
}

/// Whom the system trusts, read once.
static SYSTEM: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    // Those that cannot be read vouch for nobody.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Arc::new(roots)
});

/// Checks the certificate of a server.
#[derive(Debug)]
struct Verifier {
    /// `None`: whoever it is, it is as good as any.
    roots: Option<Arc<RootCertStore>>,
    algorithms: WebPkiSupportedAlgorithms,
    /// The longest chain, in certificates between the server's and the authority's.
    depth: u32,
    /// It has one of these; none: it has the server's name.
    names: Vec<SubjectName>,
}

impl Verifier {
    fn has_name(&self, certificate: &EndEntityCert<'_>, server: &ServerName<'_>) -> bool {
        let is = |name: &ServerName<'_>| certificate.verify_is_valid_for_subject_name(name).is_ok();
        if self.names.is_empty() {
            return is(server);
        }
        self.names.iter().any(|name| match name {
            SubjectName::Uri(uri) => certificate.valid_uri_names().any(|found| found == &**uri),
            SubjectName::Dns(name) => match name.strip_prefix("*.") {
                None => ServerName::try_from(&**name).is_ok_and(|name| is(&name)),
                // Any one label: so the certificate has the wildcard itself, or a name below.
                Some(parent) => certificate.valid_dns_names().any(|found| {
                    let rest = found.split_once('.').map(|(_, rest)| rest);
                    rest.is_some_and(|rest| rest.eq_ignore_ascii_case(parent))
                }),
            },
        })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(roots) = &self.roots else { return Ok(ServerCertVerified::assertion()) };
        let bad = |why| Error::InvalidCertificate(why);
        let certificate =
            EndEntityCert::try_from(leaf).map_err(|_| bad(CertificateError::BadEncoding))?;
        let (roots, usage) = (&roots.roots, KeyUsage::server_auth());
        let verified =
            chain::verify(&certificate, intermediates, roots, Some(self.depth), usage, None, now);
        verified.map_err(|error| {
            bad(match error {
                webpki::Error::CertExpired { .. } => CertificateError::Expired,
                webpki::Error::CertNotValidYet { .. } => CertificateError::NotValidYet,
                webpki::Error::UnknownIssuer | webpki::Error::MaximumPathDepthExceeded => {
                    CertificateError::UnknownIssuer
                }
                _ => CertificateError::ApplicationVerificationFailure,
            })
        })?;
        if !self.has_name(&certificate, server) {
            return Err(bad(CertificateError::NotValidForName));
        }
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
