//! `jwt` (virtualserver §16.4).

use super::super::grammar::{subdomain, time, url};
use super::super::report::Fault;
use super::super::secret::SecretKind;
use super::super::variables::token_field;
use super::basic_auth::realm;
use super::lowering::Lowering;
use crate::resource::fields::Text;
use crate::resource::policy::Jwt as Written;
use crate::rules::{Jwt, JwtKeys, RemoteKeys};

pub(super) fn lower(written: &Written, lowering: &mut Lowering<'_, '_>) -> Option<Jwt> {
    let report = &mut lowering.report;
    let realm = written.realm.as_ref().and_then(|text| report.check(text.at, realm(text)));
    let token = match &written.token {
        Some(text) => report.check(text.at, token_field(text)).map(Some),
        None => Some(None),
    };
    if let (Some(secret), None) = (&written.trusted_cert_secret, written.ssl_verify) {
        let message = "`trustedCertSecret` needs `sslVerify`";
        report.error(secret.at, Fault::new("conflicting-fields", message));
    }
    let origin = report.origin(written.at);
    let verifies = written.ssl_verify.is_some() && written.jwks_uri.is_some();
    let depth = lowering.depth(written.ssl_verify_depth.as_ref(), verifies);
    let keys = match (&written.secret, &written.jwks_uri) {
        (Some(secret), None) => known(written, secret, lowering),
        (None, Some(uri)) => remote(written, uri, depth, lowering),
        (None, None) => None,
        (Some(secret), Some(_)) => {
            let message = "`secret` and `jwksURI` exclude each other";
            lowering.report.error(secret.at, Fault::new("conflicting-fields", message));
            None
        }
    };
    Some(Jwt { realm: realm?, token: token?, keys: keys?, origin })
}

/// The keys of a Secret. What is said of fetching keys cannot stand beside it.
fn known(written: &Written, secret: &Text, lowering: &mut Lowering<'_, '_>) -> Option<JwtKeys> {
    let report = &mut lowering.report;
    let fetching = [
        ("keyCache", written.key_cache.as_ref().map(|text| text.at)),
        ("sniEnabled", written.sni_enabled),
        ("sniName", written.sni_name.as_ref().map(|text| text.at)),
    ];
    for (name, at) in fetching {
        if let Some(at) = at {
            let message = format!("`{name}` stands only beside `jwksURI`");
            report.error(at, Fault::new("conflicting-fields", message));
        }
    }
    if let Some(at) = written.ssl_verify {
        let message = "without `jwksURI` there is no server to verify";
        report.warning(at, Fault::new("no-effect", message));
    }
    lowering.secret_text(secret, SecretKind::KeySet, "jwk").map(JwtKeys::Known)
}

/// Keys that are fetched.
fn remote(
    written: &Written,
    uri: &Text,
    depth: u32,
    lowering: &mut Lowering<'_, '_>,
) -> Option<JwtKeys> {
    let report = &mut lowering.report;
    let url = report.check(uri.at, url(uri));
    let keep = written.key_cache.as_ref();
    let keep = keep.and_then(|text| report.check(text.at, time(text)));
    if let Some(name) = &written.sni_name {
        if written.sni_enabled.is_none() {
            let message = "`sniName` needs `sniEnabled`";
            report.error(name.at, Fault::new("conflicting-fields", message));
        }
        report.check(name.at, subdomain(name));
    }
    let trust = match written.ssl_verify {
        Some(_) => {
            let secret = written.trusted_cert_secret.as_ref();
            lowering.trust(secret, depth).map(Some)
        }
        None => Some(None),
    };
    url?;
    Some(JwtKeys::Remote(RemoteKeys {
        uri: uri.value.clone(),
        keep: keep?,
        server_name: written.sni_name.as_ref().map(|name| name.value.clone()),
        sni: written.sni_enabled.is_some(),
        trust: trust?,
    }))
}
