//! How the backend is spoken to, and who gets a copy.

use super::{Explanation, MirrorSummary, OutcomeKind, TlsSummary, show};
use crate::decision::{Decision, Outcome, TlsToBackend};
use crate::matcher::Router;
use crate::request::Request;
use crate::rules::{BackendProtocol, SubjectName};
use http::HeaderMap;

impl Router {
    /// Adds what can be said of a request that is sent to a Service, and of its copies.
    pub(super) fn explain_backend<R: Request>(
        &self,
        explanation: &mut Explanation,
        decision: &Decision<'_>,
        request: &R,
        draw: u64,
    ) {
        let Outcome::Forward(to) = decision.admitted() else { return };
        explanation.protocol = Some(match to.protocol() {
            BackendProtocol::Http => "http/1.1",
            BackendProtocol::Http2 => "h2",
            BackendProtocol::Grpc => "grpc",
        });
        explanation.tls = decision.backend_tls().map(tls);
        explanation.timeouts = Some(to.forward.settings.timeouts.clone());
        explanation.retry = Some(to.forward.settings.retry.clone());
        explanation.session = to.forward.session.as_ref().map(|session| session.name.to_string());
        let sent: Vec<_> = self.mirrors(decision, request, draw).collect();
        for mirror in &to.forward.mirrors {
            let is_it = |copy: &&Decision<'_>| match copy.admitted() {
                Outcome::Forward(to) => std::ptr::eq(to.forward, &*mirror.forward),
                _ => false,
            };
            let copy = sent.iter().find(is_it);
            let target = copy.map(|copy| {
                let mut target = Vec::new();
                copy.write_target(request, &mut target);
                show::whole(&target)
            });
            explanation.mirrors.push(MirrorSummary {
                origin: mirror.forward.origin.clone(),
                service: self.rules().service(mirror.forward.target.service).name.to_string(),
                port: mirror.forward.target.port,
                numerator: mirror.numerator,
                denominator: mirror.denominator,
                target,
            });
        }
    }
}

/// Says in which form a gRPC client gets an answer that no backend gives.
pub(super) fn explain_form<R: Request>(
    explanation: &mut Explanation,
    decision: &Decision<'_>,
    request: &R,
) {
    let own = explanation.outcome != OutcomeKind::Forward;
    let Some(status) = explanation.status.filter(|_| own) else { return };
    let mut headers = HeaderMap::new();
    if let Some(status) = decision.edit_as_grpc(status, request, &mut headers) {
        let code = headers.get("grpc-status").and_then(|code| code.to_str().ok()?.parse().ok());
        explanation.status = Some(status);
        explanation.grpc_status = code;
    }
}

fn tls(tls: TlsToBackend<'_>) -> TlsSummary {
    let trust = tls.settings.and_then(|settings| settings.trust.as_ref());
    let verified = trust.filter(|trust| trust.verify);
    let name = |name: &SubjectName| match name {
        SubjectName::Dns(name) => name.to_string(),
        SubjectName::Uri(uri) => uri.to_string(),
    };
    TlsSummary {
        origin: tls.settings.map(|settings| settings.origin.clone()),
        server_name: tls
            .settings
            .and_then(|settings| settings.server_name.as_deref())
            .map(Into::into),
        trusts: verified.map(|trust| match trust.authorities {
            Some(_) => "certificates of its own authorities".to_owned(),
            None => "certificates of authorities that the system trusts".to_owned(),
        }),
        names: verified.map(|t| t.names.iter().map(name).collect()).unwrap_or_default(),
        shows_certificate: tls.certificate.is_some(),
    }
}
