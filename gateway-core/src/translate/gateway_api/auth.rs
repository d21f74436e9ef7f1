//! The filter `ExternalAuth`: what is asked of another service (gateway-api §13.4).

use super::backend::RuleSite;
use super::filter::Filters;
use super::reference::References;
use super::route::LoweredRoute;
use crate::diagnostic::Diagnostic;
use crate::resource::gateway_route::external_auth::ExternalAuthProtocol;
use crate::resource::gateway_route::filter::FilterKind;
use crate::rules::{AuthCheck, AuthProtocol, ServiceTls};
use crate::translate::Context;

impl RuleSite<'_, '_> {
    /// What is asked of another service, if anything is (gateway-api §13.4).
    pub(super) fn auth(
        &self,
        filters: &Filters<'_>,
        context: &mut Context<'_>,
        lowered: &mut LoweredRoute,
    ) -> Result<Option<AuthCheck>, String> {
        let Some(auth) = &filters.auth else { return Ok(None) };
        let written = auth.written;
        let References { policies, .. } = self.references;
        let target =
            self.references.resolve(&written.target, false, self.route, context, lowered)?;
        let service = context.services.named_by(target.service).clone();
        let tls = match policies.find(&service, target.port, context.resources) {
            None => None,
            Some(ServiceTls::Verified(tls)) => Some(tls),
            Some(ServiceTls::Impossible(reason)) => return Err(reason.into()),
        };
        let origin = self.route.origin(auth.at);
        // The filters of backends come after all of the rule's.
        let at_backends = self.rule.backends.iter().flat_map(|backend| &backend.filters);
        let mut at_backends = at_backends.map(|filter| &filter.kind);
        let has_cors =
            filters.cors.is_some() || at_backends.any(|kind| matches!(kind, FilterKind::Cors(_)));
        let before_cors = auth.before_cors && has_cors;
        if before_cors {
            let message = "pre-flight requests are asked about too, and carry no credentials";
            let problem = Diagnostic::warning("auth-before-cors", &origin, message);
            let help = "put the filter `CORS` first, so that it answers them";
            context.problems.push(problem.help(help));
        }
        let protocol = match &written.protocol {
            ExternalAuthProtocol::Http { path, allowed_headers, allowed_response_headers } => {
                AuthProtocol::Http {
                    path: path.clone(),
                    request_headers: allowed_headers.clone(),
                    response_headers: allowed_response_headers.clone(),
                }
            }
            ExternalAuthProtocol::Grpc { allowed_headers } => {
                AuthProtocol::Grpc { request_headers: allowed_headers.clone() }
            }
        };
        Ok(Some(AuthCheck {
            protocol,
            target,
            tls,
            certificate: None,
            max_body: written.max_body,
            before_cors,
            name: format!("{service}:{}", target.port).into(),
            origin,
        }))
    }
}
