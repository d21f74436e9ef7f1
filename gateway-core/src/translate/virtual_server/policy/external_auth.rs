//! `externalAuth` (virtualserver §16.11).

use super::super::grammar::{subdomain, target};
use super::super::report::Fault;
use super::super::secret::SecretKind;
use super::super::upstream::service;
use super::lowering::Lowering;
use crate::resource::fields::Text;
use crate::resource::policy::ExternalAuth as Written;
use crate::rules::{ExternalAuth, ServerTrust, SignIn, UpstreamTarget};

pub(super) fn lower(written: &Written, lowering: &mut Lowering<'_, '_>) -> Option<ExternalAuth> {
    let report = &mut lowering.report;
    let mut path = |written: &Option<Text>, default: &str| match written {
        Some(text) => report.check(text.at, target(text)).map(|()| text.value.clone()),
        None => Some(default.into()),
    };
    let uri = path(&written.auth_uri, "/");
    let base_path = path(&written.base_path, "/oauth2");
    let sign_in = path(&written.sign_in_uri, "");
    for text in [&written.auth_uri, &written.base_path, &written.sign_in_uri].into_iter().flatten()
    {
        if text.contains('$') {
            lowering.no_effect(text, "`$` stands for itself: variables cannot stand here");
        }
    }
    let report = &mut lowering.report;
    if let Some(at) = written.snippets {
        let message = "`authSnippets` is not supported: snippets are never applied";
        report.error(at, Fault::new("unsupported-field", message));
    }
    if let (Some(text), None) = (&written.base_path, &written.sign_in_uri) {
        lowering.no_effect(text, "without `authSigninURI` nobody is sent to log in");
    }
    for more in written.ports.iter().skip(1) {
        let message = "only the first port is used";
        lowering.report.warning(more.at, Fault::new("no-effect", message));
    }
    let tls = tls(written, lowering);
    let origin = lowering.report.origin(written.at);
    let text = written.service.as_ref()?;
    let port = written.ports.first();
    let (services, report) = (&mut lowering.context.services, &mut lowering.report);
    let service =
        service(text, port, "requests are answered 500", lowering.namespace, services, report)?;
    let default_port = if written.ssl_enabled.is_some() { 443 } else { 80 };
    // Its TrafficSplits are for the requests of clients, not for what is asked about them.
    let target = UpstreamTarget {
        service: services.id(&service),
        port: port.map_or(default_port, |port| port.value),
        splits: false,
    };
    services.bypass(target.service, "externalAuth", report.origin(text.at));
    let server_name = match &written.sni_name {
        Some(name) => report.check(name.at, subdomain(name)).map(|()| name.value.clone()),
        None => Some(format!("{}.{}.svc", service.name, service.namespace).into()),
    };
    let (sign_in, base_path) = (sign_in?, base_path?);
    let sign_in = (!sign_in.is_empty()).then_some(SignIn { uri: sign_in, base_path });
    Some(ExternalAuth { uri: uri?, target, server_name: server_name?, tls: tls?, sign_in, origin })
}

/// TLS with the service; the inner `None` for plain HTTP.
fn tls(written: &Written, lowering: &mut Lowering<'_, '_>) -> Option<Option<ServerTrust>> {
    if let (Some(at), None) = (written.ssl_verify, written.ssl_enabled) {
        let message = "`sslVerify` needs `sslEnabled`";
        lowering.report.error(at, Fault::new("conflicting-fields", message));
    }
    let depth = lowering.depth(written.ssl_verify_depth.as_ref(), written.ssl_verify.is_some());
    let authorities = match &written.trusted_cert_secret {
        Some(text) if written.ssl_verify.is_none() || written.ssl_enabled.is_none() => {
            let message = "`trustedCertSecret` needs `sslEnabled` and `sslVerify`";
            lowering.report.error(text.at, Fault::new("conflicting-fields", message));
            return None;
        }
        Some(text) => {
            let (namespace, name) = text.split_once('/').unwrap_or((lowering.namespace, text));
            let names = subdomain(namespace).and_then(|()| subdomain(name));
            lowering.report.check(text.at, names)?;
            let secret = lowering.secret_of(namespace, name, text, SecretKind::Authorities)?;
            Some(secret.data.get("ca.crt").cloned()?)
        }
        None => None,
    };
    Some(written.ssl_enabled.map(|_| ServerTrust {
        names: Vec::new(),
        verify: written.ssl_verify.is_some(),
        authorities,
        depth,
    }))
}
