//! How TLS ends at a listener.

use super::SecretText;
use crate::origin::Origin;
use std::sync::Arc;

/// How TLS ends for the names of a host: data for whoever ends it. Hosts of one section share it.
///
/// [`crate::Router::server_name`] finds the host of a connection's server name.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerTls {
    /// Our own certificates, one of which is shown: the one that names the server best. None: every
    /// handshake fails.
    pub certificates: Vec<Certificate>,
    /// What is asked of clients; `None`: nothing.
    pub clients: Option<Arc<ClientTrust>>,
    /// Whether requests for this host are answered 421 on connections that were opened for the
    /// name of another section (gateway-api §7.3, RFC 9110 section 15.5.20).
    pub exclusive: bool,
}

/// A certificate of our own.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// The certificate and those that vouch for it, in PEM.
    pub chain: SecretText,
    /// Its private key, in PEM.
    pub key: SecretText,
    /// The Secret that it was taken from.
    pub origin: Origin,
}

/// Asks clients for a certificate, in the handshake (gateway-api §7.4).
#[derive(Debug, Clone, PartialEq)]
pub struct ClientTrust {
    /// Who may have signed it: certificates in PEM, of which one is enough.
    pub authorities: Vec<SecretText>,
    /// Whether a handshake succeeds all the same where the certificate is missing or invalid.
    pub insecure_fallback: bool,
    /// Where it was written.
    pub origin: Origin,
}
