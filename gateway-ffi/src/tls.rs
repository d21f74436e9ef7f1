//! How TLS is spoken with a server, as C sees it.

use crate::bytes::{gw_str, text};
use crate::settings::gw_backend_tls;
use crate::sized::zeroed;
use gateway_core::TlsToBackend;
use gateway_core::rules::{SecretText, ServerTrust, SubjectName};

/// Keeps the names of a certificate until C has seen them.
#[derive(Default)]
pub(crate) struct SubjectNames {
    texts: Vec<Box<str>>,
    shown: Vec<gw_str>,
}

impl SubjectNames {
    /// All that is said of TLS with a server.
    pub(crate) fn show(&mut self, tls: TlsToBackend<'_>) -> gw_backend_tls {
        let TlsToBackend { settings, certificate } = tls;
        let own = gw_backend_tls {
            certificate: secret(certificate.map(|(chain, _)| chain)),
            key: secret(certificate.map(|(_, key)| key)),
            ..zeroed()
        };
        let Some(settings) = settings else { return self.show_trust(None, own) };
        let shown = gw_backend_tls {
            server_name: gw_str::of_option(settings.server_name.as_deref().map(str::as_bytes)),
            sni: i32::from(settings.sni),
            session_reuse: i32::from(settings.session_reuse),
            protocols: text(&settings.protocols),
            ciphers: text(&settings.ciphers),
            ..own
        };
        self.show_trust(settings.trust.as_ref(), shown)
    }

    /// `shown`, and how the server is verified.
    pub(crate) fn show_trust(
        &mut self,
        trust: Option<&ServerTrust>,
        shown: gw_backend_tls,
    ) -> gw_backend_tls {
        let names = trust.iter().flat_map(|trust| &trust.names);
        self.texts.clear();
        self.texts.extend(names.map(|name| match name {
            SubjectName::Dns(name) => format!("dns:{name}").into(),
            SubjectName::Uri(name) => format!("uri:{name}").into(),
        }));
        self.shown.clear();
        self.shown.extend(self.texts.iter().map(|name| gw_str::of(name.as_bytes())));
        gw_backend_tls {
            verify: trust.map_or(0, |trust| i32::from(trust.verify)),
            depth: trust.map_or(0, |trust| trust.depth),
            authorities: secret(trust.and_then(|trust| trust.authorities.as_ref())),
            names: self.shown.as_ptr(),
            names_len: self.shown.len(),
            ..shown
        }
    }
}

fn secret(secret: Option<&SecretText>) -> gw_str {
    gw_str::of_option(secret.map(SecretText::octets))
}
