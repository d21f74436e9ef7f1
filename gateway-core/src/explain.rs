//! Why a request is decided as it is: every route looked at, and the first test that failed.
//!
//! An explanation is made of a decision by walking the same rules one by one. It costs what such a
//! walk costs, and nothing where it is not asked for.

mod access;
mod backend;
mod explanation;
mod handshake;
mod no_route;
mod policies;
mod routes;
mod show;
mod splits;

pub use explanation::{
    AccessSummary, BreakerSummary, Candidate, Considered, ConsideredHost, Explanation, Failure,
    HeaderChange, HeaderOperation, MirrorSummary, OutcomeKind, PageSummary, PolicySummary,
    RouteSummary, SplitSummary, TlsSummary,
};
pub use handshake::{ClientsSummary, HandshakeSummary};
pub use routes::MAX_CONSIDERED;

use crate::decision::{Decision, NoRoute, Outcome};
use crate::matcher::Router;
use crate::request::Request;
use crate::rules::Location;
use http::StatusCode;

impl Router {
    /// Decides `request` as [`Router::decide`] does, and says why.
    ///
    /// ```
    /// use gateway_core::{OutcomeKind, RequestHead, Router, rules::RuleSet};
    /// let router = Router::compile(&RuleSet::default())?;
    /// let explanation = router.explain(&RequestHead::get("shop.example.com", "/cart"), 0);
    /// assert_eq!(explanation.outcome, OutcomeKind::NoRoute);
    /// assert_eq!(explanation.reason.as_deref(), Some("there is no listener on port 80"));
    /// # Ok::<(), gateway_core::CompileErrors>(())
    /// ```
    pub fn explain<R: Request>(&self, request: &R, draw: u64) -> Explanation {
        let decision = self.decide(request, draw);
        let mut explanation = explain(self, &decision, request, draw);
        if explanation.outcome == OutcomeKind::Forward {
            explanation.breaker = self.breaker(&decision, request);
            self.explain_backend(&mut explanation, &decision, request, draw);
        }
        backend::explain_form(&mut explanation, &decision, request);
        explanation
    }

    fn breaker<R: Request>(&self, decision: &Decision<'_>, request: &R) -> Option<BreakerSummary> {
        let Outcome::Forward(forwarding) = decision.admitted() else { return None };
        let breaker = forwarding.service.breaker.as_ref()?;
        let instead = self.fall_back(decision, request).map(|instead| instead.admitted());
        let fallback = match instead {
            Some(Outcome::Forward(to)) => Some(format!("{}:{}", to.service.name, to.port)),
            _ => None,
        };
        let (errors, seconds) = (breaker.errors, breaker.window.as_secs());
        Some(BreakerSummary { origin: breaker.origin.clone(), errors, seconds, fallback })
    }
}

/// Says why `request` was decided so.
fn explain<R: Request>(
    router: &Router,
    decision: &Decision<'_>,
    request: &R,
    draw: u64,
) -> Explanation {
    let mut explanation = of_outcome(router, decision, request);
    handshake::explain(&mut explanation, router, decision, request);
    policies::explain(&mut explanation, decision, request);
    explanation.listener = decision.listener().map(|listener| listener.name.to_string());
    explanation.route = decision.route().map(|route| RouteSummary {
        origin: route.origin.clone(),
        path: route.path.to_string(),
        conditions: route.conditions.iter().map(show::condition).collect(),
    });
    decision.with_view(request, |view| {
        explanation.host = Some(show::whole(view.host()));
        explanation.match_path = view.paths().map(|paths| show::whole(paths.matched));
        explanation.forward_path = view.paths().map(|paths| show::whole(paths.forward));
        match decision.listener() {
            // None is looked at.
            _ if explanation.no_route == Some(NoRoute::Misdirected) => {
                explanation.hosts.extend(decision.host().map(ConsideredHost::of));
            }
            Some(listener) => routes::explain(&mut explanation, listener, view),
            None => {}
        }
        if let Some(route) = decision.route() {
            splits::explain(&mut explanation, router.rules(), route, view, draw);
            access::explain(&mut explanation, decision, view);
        }
        if let Outcome::Forward(forwarding) = decision.admitted() {
            let forward = forwarding.forward;
            explanation.request_headers = show::request_changes(&forward.request_headers, view);
            explanation.response_headers = show::response_changes(&forward.response_headers, view);
        }
        explanation.response_headers.extend(policies::headers(decision, view));
        let pages = decision.error_pages();
        explanation.error_pages = pages.map(|page| show::error_page(page, view)).collect();
    });
    explanation
}

/// What the outcome by itself says.
fn of_outcome<R: Request>(router: &Router, decision: &Decision<'_>, request: &R) -> Explanation {
    match decision.admitted() {
        Outcome::Forward(forwarding) => {
            let mut target = Vec::new();
            decision.write_target(request, &mut target);
            let host_header = decision.host_header(request);
            let missing = !forwarding.service.exists;
            Explanation {
                outcome: OutcomeKind::Forward,
                reason: missing.then(|| "the Service does not exist".to_owned()),
                target: Some(show::whole(&target)),
                host_header: host_header.map(|host| show::whole(host.as_bytes())),
                service: Some(forwarding.service.name.to_string()),
                port: Some(forwarding.port),
                backend: Some(forwarding.forward.settings.name.to_string()),
                ..Explanation::default()
            }
        }
        Outcome::Deny(forwarding) => Explanation {
            outcome: OutcomeKind::Refuse,
            status: Some(StatusCode::FORBIDDEN),
            reason: Some(access::refusal(&forwarding).to_owned()),
            service: Some(forwarding.service.name.to_string()),
            port: Some(forwarding.port),
            ..Explanation::default()
        },
        Outcome::Redirect(redirect) => {
            let mut location = Vec::new();
            decision.write_location(request, &mut location);
            let location = match &redirect.location {
                Location::Url(template) => show::rendered(template, &location),
                Location::Parts { .. } => show::whole(&location),
            };
            Explanation {
                outcome: OutcomeKind::Redirect,
                status: Some(redirect.status),
                location: Some(location),
                ..Explanation::default()
            }
        }
        Outcome::Respond(respond) => Explanation {
            outcome: OutcomeKind::Respond,
            status: Some(respond.status),
            reason: respond.reason.as_deref().map(str::to_owned),
            ..Explanation::default()
        },
        Outcome::NoRoute(reason) => Explanation {
            outcome: OutcomeKind::NoRoute,
            status: Some(reason.status()),
            reason: Some(no_route::told(reason, router, decision, request)),
            no_route: Some(reason),
            allow: decision.allow(request).into_iter().map(show::text).collect(),
            ..Explanation::default()
        },
    }
}

#[cfg(test)]
mod tests;
