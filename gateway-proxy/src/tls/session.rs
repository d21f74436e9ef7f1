//! What the handshake of a connection came to.

use super::clients::{ClientCheck, ClientVerdict};
use super::distinguished_name;
use rustls::{CipherSuite, HandshakeKind, ProtocolVersion, ServerConnection};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::cell::RefCell;
use std::fmt::Write;
use std::sync::Arc;
use webpki::EndEntityCert;

/// A TLS connection after its handshake.
pub(crate) struct Session {
    /// The server name that the client gave, without a final dot; empty for none.
    pub(crate) server_name: Box<str>,
    version: Option<ProtocolVersion>,
    suite: Option<CipherSuite>,
    resumed: bool,
    /// Whether the client was asked for a certificate.
    pub(crate) is_asked: bool,
    /// The one that it has shown, with those between it and an authority.
    chain: Vec<CertificateDer<'static>>,
    /// What it was worth last, and to whom: most connections are asked by one only.
    judged: RefCell<Option<(Arc<ClientCheck>, ClientVerdict)>>,
}

impl Session {
    /// Of a finished handshake.
    pub(crate) fn new(connection: &ServerConnection, asked: Option<&Arc<ClientCheck>>) -> Self {
        let server_name = connection.server_name().unwrap_or_default();
        let chain = connection.peer_certificates().filter(|_| asked.is_some());
        let session = Self {
            server_name: server_name.strip_suffix('.').unwrap_or(server_name).into(),
            version: connection.protocol_version(),
            suite: connection.negotiated_cipher_suite().map(|suite| suite.suite()),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            is_asked: asked.is_some(),
            chain: chain.unwrap_or_default().to_vec(),
            judged: RefCell::default(),
        };
        if let Some(check) = asked {
            session.judge(check);
        }
        session
    }

    /// What the certificate that the client has shown is worth to `check`. A connection that goes
    /// on asks only once: as in NGINX, one that ends meanwhile counts until the connection does.
    pub(crate) fn judge(&self, check: &Arc<ClientCheck>) -> ClientVerdict {
        if let Some((by, verdict)) = &*self.judged.borrow()
            && Arc::ptr_eq(by, check)
        {
            return *verdict;
        }
        let verdict = check.judge(&self.chain, UnixTime::now());
        self.judged.replace(Some((Arc::clone(check), verdict)));
        verdict
    }

    /// `TLSv1.3`, as NGINX calls it.
    pub(crate) fn protocol(&self) -> &'static str {
        match self.version {
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "",
        }
    }

    /// The suite by the name that OpenSSL has for it.
    pub(crate) fn cipher(&self) -> &'static str {
        use CipherSuite as Suite;
        match self.suite {
            Some(Suite::TLS13_AES_256_GCM_SHA384) => "TLS_AES_256_GCM_SHA384",
            Some(Suite::TLS13_AES_128_GCM_SHA256) => "TLS_AES_128_GCM_SHA256",
            Some(Suite::TLS13_CHACHA20_POLY1305_SHA256) => "TLS_CHACHA20_POLY1305_SHA256",
            Some(Suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384) => "ECDHE-ECDSA-AES256-GCM-SHA384",
            Some(Suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256) => "ECDHE-ECDSA-AES128-GCM-SHA256",
            Some(Suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256) => {
                "ECDHE-ECDSA-CHACHA20-POLY1305"
            }
            Some(Suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) => "ECDHE-RSA-AES256-GCM-SHA384",
            Some(Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256) => "ECDHE-RSA-AES128-GCM-SHA256",
            Some(Suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256) => {
                "ECDHE-RSA-CHACHA20-POLY1305"
            }
            _ => "",
        }
    }

    /// `r` for a session that was taken up again, else `.`.
    pub(crate) fn reused(&self) -> &'static str {
        if self.resumed { "r" } else { "." }
    }

    /// `SUCCESS`, `FAILED:reason` or `NONE`, for whoever asked last.
    pub(crate) fn client_verify(&self) -> String {
        match &*self.judged.borrow() {
            Some((_, ClientVerdict::Valid)) => "SUCCESS".to_owned(),
            Some((_, ClientVerdict::Untrusted(why) | ClientVerdict::Invalid(why))) => {
                format!("FAILED:{why}")
            }
            Some((_, ClientVerdict::Missing)) | None => "NONE".to_owned(),
        }
    }

    /// Who the client says to be, as RFC 2253 writes it; empty without a certificate.
    pub(crate) fn client_subject(&self) -> String {
        self.leaf(|leaf| distinguished_name::text(leaf.subject()))
    }

    /// Who has signed that.
    pub(crate) fn client_issuer(&self) -> String {
        self.leaf(|leaf| distinguished_name::text(leaf.issuer()))
    }

    /// The number of the certificate, in upper-case hexadecimal digits.
    pub(crate) fn client_serial(&self) -> String {
        self.leaf(|leaf| {
            // A number that would be negative has a zero before it.
            let serial = leaf.serial();
            let serial = serial.strip_prefix(&[0]).filter(|s| !s.is_empty()).unwrap_or(serial);
            let mut text = String::with_capacity(serial.len() * 2);
            for octet in serial {
                let _ = write!(text, "{octet:02X}");
            }
            text
        })
    }

    fn leaf(&self, read: impl FnOnce(&EndEntityCert<'_>) -> String) -> String {
        let leaf = self.chain.first().and_then(|leaf| EndEntityCert::try_from(leaf).ok());
        leaf.as_ref().map_or_else(String::new, read)
    }
}
