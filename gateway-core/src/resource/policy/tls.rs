//! `spec.ingressMTLS` and `spec.egressMTLS` (virtualserver §16.6, §16.7).

use crate::resource::Problems;
use crate::resource::document::{At, Located, Mapping};
use crate::resource::fields::{Text, flag, located_count, optional_text, required_text};

/// `spec.ingressMTLS`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct IngressMtls {
    pub(crate) at: At,
    pub(crate) client_cert_secret: Option<Text>,
    pub(crate) crl_file_name: Option<Text>,
    pub(crate) verify_client: Option<Text>,
    pub(crate) verify_depth: Option<Located<u32>>,
}

impl IngressMtls {
    pub(super) fn read(mut of: Mapping<'_>, problems: &mut Problems) -> Self {
        let read = Self {
            at: of.value().at(),
            client_cert_secret: required_text(&mut of, "clientCertSecret", problems),
            crl_file_name: optional_text(&mut of, "crlFileName", problems),
            verify_client: optional_text(&mut of, "verifyClient", problems),
            verify_depth: located_count(&mut of, "verifyDepth", problems),
        };
        of.finish(problems);
        read
    }
}

/// `spec.egressMTLS`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EgressMtls {
    pub(crate) at: At,
    pub(crate) tls_secret: Option<Text>,
    pub(crate) verify_server: bool,
    pub(crate) verify_depth: Option<Located<u32>>,
    pub(crate) protocols: Option<Text>,
    pub(crate) session_reuse: bool,
    pub(crate) ciphers: Option<Text>,
    pub(crate) trusted_cert_secret: Option<Text>,
    /// Whether TLS names the server.
    pub(crate) server_name: bool,
    pub(crate) ssl_name: Option<Text>,
}

impl EgressMtls {
    pub(super) fn read(mut mapping: Mapping<'_>, problems: &mut Problems) -> Self {
        let of = &mut mapping;
        let verify_server = flag(of, "verifyServer", false, problems);
        let trusted = if verify_server { required_text } else { optional_text };
        let read = Self {
            at: of.value().at(),
            tls_secret: optional_text(of, "tlsSecret", problems),
            verify_server,
            verify_depth: located_count(of, "verifyDepth", problems),
            protocols: optional_text(of, "protocols", problems),
            session_reuse: flag(of, "sessionReuse", true, problems),
            ciphers: optional_text(of, "ciphers", problems),
            trusted_cert_secret: trusted(of, "trustedCertSecret", problems),
            server_name: flag(of, "serverName", false, problems),
            ssl_name: optional_text(of, "sslName", problems),
        };
        mapping.finish(problems);
        read
    }
}
