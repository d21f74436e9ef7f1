//! Mutual TLS: both sides of a connection prove which workload they are (smi T-2).
//!
//! A connection is let in or used by what its handshake proved, so no handshake is cut short: there
//! are no tickets and no sessions to resume, by which a certificate would count beyond its end, or
//! for another workload than the one that is expected. Connections are kept open and used again
//! instead.

#[cfg(test)]
mod tests;

use super::material;
use super::spiffe::{InvalidSpiffeId, SpiffeId};
use super::svid::{self, InvalidIdentity};
use super::verify::{Clients, NotInForce, Servers};
use super::{PROTOCOLS, VERSIONS, provider};
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Who this proxy is to others, and whose word it takes for who they are.
pub(crate) struct Identity {
    id: SpiffeId,
    /// Its certificate, and those between it and an authority.
    chain: Vec<CertificateDer<'static>>,
    key: Arc<SingleCertAndKey>,
    clients: Arc<Clients>,
    authorities: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
    server: Arc<ServerConfig>,
}

impl Identity {
    /// Reads a certificate with those between it and an authority, its private key (PKCS#8, SEC1 or
    /// PKCS#1), and the certificates of the authorities, all in PEM.
    ///
    /// # Errors
    ///
    /// When one of them cannot be used, the key belongs to another certificate, or the certificate
    /// names no workload.
    pub(crate) fn from_pem(
        certificate: &[u8],
        key: &[u8],
        authorities: &[u8],
    ) -> Result<Self, InvalidIdentity> {
        let provider = provider();
        let key = material::certified_key(certificate, key, &provider)?;
        let id = svid::workload_of(&key.cert)?;
        let authorities = Arc::new(material::authorities(authorities)?);
        let chain = key.cert.clone();
        let key = Arc::new(SingleCertAndKey::from(key));
        let clients = Clients::new(Arc::clone(&authorities), id.clone(), &provider)
            .expect("there is an authority, and no list of revoked certificates to misread");
        let clients = Arc::new(clients);
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(VERSIONS)
            .expect("the provider has suites for both versions")
            .with_client_cert_verifier(Arc::clone(&clients) as _)
            .with_cert_resolver(Arc::clone(&key) as _);
        server.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        let server = Arc::new(server);
        Ok(Self { id, chain, key, clients, authorities, provider, server })
    }

    /// Whether those who trust the same authorities take this identity at a time, from a server and
    /// from a client.
    ///
    /// # Errors
    ///
    /// Why they do not.
    pub(crate) fn in_force(&self, now: UnixTime) -> Result<(), NotInForce> {
        let [leaf, between @ ..] = &*self.chain else { return Err(NotInForce::Unsigned) };
        self.servers(None).verify_server_cert(leaf, between, &nobody(), &[], now)?;
        self.clients.verify_client_cert(leaf, between, now)?;
        Ok(())
    }

    /// Takes `expected`, or any workload of the own trust domain.
    fn servers(&self, expected: Option<&SpiffeId>) -> Servers {
        let (authorities, own) = (Arc::clone(&self.authorities), self.id.clone());
        Servers::new(authorities, own, expected.cloned(), &self.provider)
    }

    /// The workload of the own trust domain that runs as a service account (smi T-2).
    ///
    /// # Errors
    ///
    /// When one of the names cannot stand in an id.
    pub(crate) fn workload(
        &self,
        namespace: &str,
        account: &str,
    ) -> Result<SpiffeId, InvalidSpiffeId> {
        let domain = self.id.trust_domain();
        SpiffeId::parse(&format!("spiffe://{domain}/ns/{namespace}/sa/{account}"))
    }

    /// For connections of clients, each of which has to prove to be a workload of the own trust
    /// domain; [`peer_identity`](super::peer_identity) tells which.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }

    /// For connections to a server that has to prove to be the workload `expected`, or any of the
    /// own trust domain.
    pub(crate) fn client_config(&self, expected: Option<&SpiffeId>) -> Arc<ClientConfig> {
        let mut client = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(VERSIONS)
            .expect("the provider has suites for both versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(self.servers(expected)))
            .with_client_cert_resolver(Arc::clone(&self.key) as _);
        client.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        client.resumption = Resumption::disabled();
        // Whom a connection is meant for is nobody's business but that of the two.
        client.enable_sni = false;
        Arc::new(client)
    }
}

/// The name of a server, of which certificates tell who it is. An address, unlike a name, is not
/// sent.
pub(crate) fn nobody() -> ServerName<'static> {
    IpAddr::V4(Ipv4Addr::UNSPECIFIED).into()
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.id).finish()
    }
}
