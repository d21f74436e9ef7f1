//! `ingressMTLS` and `egressMTLS` (virtualserver §16.6, §16.7).

use super::super::grammar::{no_controls, subdomain};
use super::super::report::Fault;
use super::super::secret::SecretKind;
use super::lowering::Lowering;
use crate::resource::fields::Text;
use crate::resource::policy::{EgressMtls, IngressMtls};
use crate::rules::{BackendTls, ClientCertificates, VerifyClient};

const VERIFY: [(&str, VerifyClient); 4] = [
    ("on", VerifyClient::On),
    ("off", VerifyClient::Off),
    ("optional", VerifyClient::Optional),
    ("optional_no_ca", VerifyClient::OptionalNoAuthority),
];

const PROTOCOLS: [&str; 4] = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

/// `ingressMTLS`.
pub(super) fn clients(
    written: &IngressMtls,
    lowering: &mut Lowering<'_, '_>,
) -> Option<ClientCertificates> {
    let report = &mut lowering.report;
    let verify = match &written.verify_client {
        Some(text) => {
            let known = VERIFY.iter().find(|(name, _)| *name == &*text.value);
            let fault = || Fault::unsupported("mode", text, VERIFY.map(|(name, _)| name));
            report.check(text.at, known.map(|(_, verify)| *verify).ok_or_else(fault))
        }
        None => Some(VerifyClient::default()),
    };
    if let Some(text) = &written.crl_file_name {
        let message = "`crlFileName` is not supported: no files are read";
        let fault = Fault::new("unsupported-field", message);
        report.error(text.at, fault.help("put the list into the Secret, under `ca.crl`"));
    }
    let origin = report.origin(written.at);
    let depth = lowering.depth(written.verify_depth.as_ref(), verify != Some(VerifyClient::Off));
    let secret = written.client_cert_secret.as_ref();
    let secret = secret.and_then(|text| lowering.secret(text, SecretKind::Authorities))?;
    Some(ClientCertificates {
        authorities: secret.data.get("ca.crt").cloned()?,
        revoked: secret.data.get("ca.crl").cloned(),
        verify: verify?,
        depth,
        origin,
    })
}

/// `egressMTLS`.
pub(super) fn backends(
    written: &EgressMtls,
    lowering: &mut Lowering<'_, '_>,
) -> Option<BackendTls> {
    let report = &mut lowering.report;
    if let Some(text) = &written.protocols {
        for word in text.split_ascii_whitespace().filter(|word| !PROTOCOLS.contains(word)) {
            report.error(text.at, Fault::unsupported("version of TLS", word, PROTOCOLS));
        }
    }
    if let Some(text) = &written.ciphers {
        report.check(text.at, no_controls(text));
    }
    if let Some(text) = &written.ssl_name {
        report.check(text.at, subdomain(text));
    }
    let origin = report.origin(written.at);
    let certificate = match &written.tls_secret {
        Some(text) => lowering.secret(text, SecretKind::Tls).and_then(|secret| {
            let [certificate, key] = ["tls.crt", "tls.key"].map(|key| secret.data.get(key));
            Some(Some((certificate?.clone(), key?.clone())))
        }),
        None => Some(None),
    };
    let depth = lowering.depth(written.verify_depth.as_ref(), written.verify_server);
    let secret = written.trusted_cert_secret.as_ref();
    let trust = if written.verify_server {
        // That it is missing is told already.
        secret.and_then(|s| lowering.trust(Some(s), depth)).map(Some)
    } else {
        if let Some(text) = secret {
            lowering.no_effect(text, "without `verifyServer` nobody is verified");
        }
        Some(None)
    };
    let text = |written: &Option<Text>, default: &str| match written {
        Some(text) => text.value.clone(),
        None => Box::from(default),
    };
    Some(BackendTls {
        certificate: certificate?,
        trust: trust?,
        protocols: text(&written.protocols, "TLSv1 TLSv1.1 TLSv1.2"),
        ciphers: text(&written.ciphers, "DEFAULT"),
        session_reuse: written.session_reuse,
        sni: written.server_name,
        server_name: written.ssl_name.as_ref().map(|name| name.value.clone()),
        origin,
    })
}
