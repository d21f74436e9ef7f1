//! Certificates on both sides.

use super::SecretText;
use crate::origin::Origin;

/// Asks clients for a certificate (virtualserver §16.6). Not on plain connections.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientCertificates {
    /// Who may have signed it, in PEM.
    pub authorities: SecretText,
    /// Certificates that are withdrawn.
    pub revoked: Option<SecretText>,
    /// Whether it is demanded.
    pub verify: VerifyClient,
    /// The longest chain, in certificates between the client's and the authority's.
    pub depth: u32,
    /// Where it was written.
    pub origin: Origin,
}

/// How much is made of a client's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VerifyClient {
    /// Without a valid one the answer is 400.
    #[default]
    On,
    /// None is asked for.
    Off,
    /// It may be missing, but not invalid.
    Optional,
    /// Whoever signed it: the backend decides.
    OptionalNoAuthority,
}

/// TLS with backends (virtualserver §16.7, gateway-api §20).
#[derive(Debug, Clone, PartialEq)]
pub struct BackendTls {
    /// Our own certificate and key, in PEM.
    pub certificate: Option<(SecretText, SecretText)>,
    /// How the backend is verified; `None`: not at all.
    pub trust: Option<ServerTrust>,
    /// Versions of TLS, as written: `TLSv1.2 TLSv1.3`.
    pub protocols: Box<str>,
    /// Ciphers, as written.
    pub ciphers: Box<str>,
    /// Whether sessions are taken up again.
    pub session_reuse: bool,
    /// Whether TLS names the server.
    pub sni: bool,
    /// The server's name; `None`: that of the upstream.
    pub server_name: Option<Box<str>>,
    /// Where it was written.
    pub origin: Origin,
}

/// How a server is verified.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServerTrust {
    /// Whether its certificate is verified.
    pub verify: bool,
    /// Who may have signed it, in PEM; `None`: whom the system trusts.
    pub authorities: Option<SecretText>,
    /// The longest chain, in certificates between the server's and the authority's.
    pub depth: u32,
    /// Who the server may be: its certificate has one of these. None: it has the server's name.
    pub names: Vec<SubjectName>,
}

/// A name in a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SubjectName {
    /// A host name; with `*.` for one label.
    Dns(Box<str>),
    /// A URI, like a SPIFFE id.
    Uri(Box<str>),
}
