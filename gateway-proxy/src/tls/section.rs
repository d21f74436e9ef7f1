//! How TLS ends for the hosts of a section: which certificate is shown, and what is asked of
//! clients.

use super::certificate::OwnCertificate;
use super::clients::ClientCheck;
use super::{PROTOCOLS, VERSIONS, provider};
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error, ServerConfig};
use std::sync::Arc;

/// How TLS ends for some hosts. Connections of one may take up sessions of another one of the same
/// section; a section with other certificates, or that asks other things of clients, has other keys
/// for its tickets.
#[derive(Debug)]
pub(crate) struct Section {
    config: Arc<ServerConfig>,
    clients: Option<Arc<ClientCheck>>,
}

impl Section {
    /// Shows the best one of these certificates, in their order, and asks what `clients` says.
    ///
    /// # Errors
    ///
    /// When the system has no random numbers.
    pub(crate) fn new(
        certificates: Vec<Arc<OwnCertificate>>,
        clients: Option<Arc<ClientCheck>>,
    ) -> Result<Self, Error> {
        let builder =
            ServerConfig::builder_with_provider(provider()).with_protocol_versions(VERSIONS)?;
        let builder = match &clients {
            Some(clients) => builder.with_client_cert_verifier(Arc::clone(clients) as _),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(Best(certificates)));
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        // Clients keep their sessions, in tickets: nothing is held for those who never come back.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        match &clients {
            None => config.ticketer = Ticketer::new()?,
            // A session that is taken up again would go by a certificate past its end, or that
            // has been withdrawn since.
            Some(_) => config.send_tls13_tickets = 0,
        }
        Ok(Self { config: Arc::new(config), clients })
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// What is asked of clients, if anything.
    pub(crate) fn clients(&self) -> Option<&Arc<ClientCheck>> {
        self.clients.as_ref()
    }
}

/// Certificates of which the best one is shown: among those whose signatures the client can check,
/// the first of those that name the server best.
#[derive(Debug)]
struct Best(Vec<Arc<OwnCertificate>>);

impl ResolvesServerCert for Best {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let server = hello.server_name().unwrap_or_default();
        let server = server.strip_suffix('.').unwrap_or(server);
        let rank = |certificate: &OwnCertificate| {
            (certificate.suits(hello.signature_schemes()), certificate.naming(server))
        };
        // Of equal ones the last is taken.
        let best = self.0.iter().rev().max_by_key(|certificate| rank(certificate))?;
        Some(Arc::clone(best.key()))
    }
}
