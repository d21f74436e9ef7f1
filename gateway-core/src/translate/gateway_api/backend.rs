//! What a rule does with a request: its filters' answer, or one of its backends
//! (gateway-api §15, §16).

use super::filter::{self, Filters, Mirrored};
use super::reference::References;
use super::route::LoweredRoute;
use super::session;
use super::sticky::sticky;
use crate::diagnostic::Diagnostic;
use crate::origin::Origin;
use crate::resource::Resource;
use crate::resource::gateway_route::backend::{self, BackendRef};
use crate::resource::gateway_route::{GatewayRoute, RouteKind, Rule};
use crate::rules::{
    Action, AuthRequest, BackendProtocol, BackendSettings, Branch, Cors, Forward, Mirror,
    NonIdempotent, Policies, Retry, RetryCondition, ServiceName, Session, Split, Timeouts,
};
use crate::translate::Context;
use http::StatusCode;
use std::sync::Arc;
use std::time::Duration;

/// A rule, and what it needs to be lowered.
pub(super) struct RuleSite<'r, 'a> {
    pub(super) index: usize,
    pub(super) rule: &'r Rule,
    pub(super) route: &'r Resource<GatewayRoute>,
    pub(super) references: References<'r, 'a>,
}

/// What a rule does, and what it asks first.
pub(super) struct LoweredRule {
    pub(super) action: Action,
    pub(super) policies: Option<Arc<Policies>>,
}

impl RuleSite<'_, '_> {
    /// Lowers the rule; what is wrong with it is noted in `lowered`.
    pub(super) fn lower(
        &self,
        context: &mut Context<'_>,
        lowered: &mut LoweredRoute,
    ) -> LoweredRule {
        let filters = Filters::of(&self.rule.filters, "the rule", self.route, context);
        let auth = self.auth(&filters, context, lowered);
        let (action, of_backend) = self.action(&filters, context, lowered);
        let (action, of_backend) = match &auth {
            Err(message) => (self.fault(message, self.origin()), None),
            Ok(_) => (action, of_backend),
        };
        let policies = Policies {
            cors: filters.cors.or(of_backend),
            auth_request: auth.ok().flatten().map(|check| AuthRequest::Check(Arc::new(check))),
            ..Policies::default()
        };
        LoweredRule { action, policies: (!policies.is_empty()).then(|| Arc::new(policies)) }
    }

    /// What is done, and what holds for cross-origin requests where that is for a backend to say
    /// that needs no draw.
    fn action(
        &self,
        filters: &Filters<'_>,
        context: &mut Context<'_>,
        lowered: &mut LoweredRoute,
    ) -> (Action, Option<Arc<Cors>>) {
        let origin = self.origin();
        let session = session::lower(self.index, self.route);
        let rival = session.as_ref().and_then(|session| self.affine(session, context));
        let mut branches = self.branches(filters, session.as_ref(), context, lowered);
        if let Some(message) = filters.unsupported.as_ref().or(rival.as_ref()) {
            lowered.dropped.push((self.index, message.clone()));
            return (Action::fault(message, origin), None);
        }
        if let Some(redirect) = &filters.redirect {
            return (Action::Redirect(Arc::new(redirect.clone())), None);
        }
        if let [Branch { weight: 1.., .. }] = &*branches
            && let Some(Branch { action, cors, .. }) = branches.pop()
        {
            return (action, cors);
        }
        let action = match branches.len() {
            0 => {
                let message = "the rule has no `backendRefs`";
                let problem = Diagnostic::warning("no-backends", &origin, message);
                context.problems.push(problem.help(self.answered()));
                self.fault(message, origin)
            }
            _ => {
                if branches.iter().all(|branch| branch.weight == 0) {
                    let message = "all weights are 0";
                    let problem = Diagnostic::warning("no-backends", &origin, message);
                    context.problems.push(problem.help(self.answered()));
                }
                let otherwise = self.broken();
                let sticky = sticky(self.index, self.route);
                Action::Split(Arc::new(Split { session, sticky, branches, otherwise, origin }))
            }
        };
        (action, None)
    }

    /// What is wrong where a Service keeps clients in its own way, which the session of the rule
    /// would contradict (gateway-api §17).
    fn affine(&self, session: &Session, context: &mut Context<'_>) -> Option<String> {
        let namespace = &self.route.meta.namespace;
        let backends = self.rule.backends.iter().map(|backend| &backend.target);
        let mut names = backends.filter(|target| target.is_service()).map(|target| {
            ServiceName::new(target.namespace.as_ref().unwrap_or(namespace), &target.name)
        });
        let resources = context.resources;
        let affine = names.find(|name| resources.service(name).is_some_and(|s| s.spec.sticky))?;
        let message =
            format!("the Service `{affine}` has a `sessionAffinity`, which excludes sessions");
        let problem = Diagnostic::error("UnsupportedValue", &session.origin, &*message);
        context.problems.push(problem.help("requests to the rule are answered 500"));
        Some(message)
    }

    /// The status of answers in place of a backend that is invalid: clients of gRPC are to take it
    /// for one that is not available (gateway-api §15.2).
    fn broken(&self) -> StatusCode {
        match self.route.spec.kind {
            RouteKind::Http => StatusCode::INTERNAL_SERVER_ERROR,
            RouteKind::Grpc => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn answered(&self) -> String {
        format!("its requests are answered {}", self.broken().as_u16())
    }

    fn fault(&self, message: &str, origin: Origin) -> Action {
        Action::broken(self.broken(), message, origin)
    }

    fn origin(&self) -> Origin {
        self.route.origin(self.rule.at)
    }

    fn branches(
        &self,
        filters: &Filters<'_>,
        session: Option<&Arc<Session>>,
        context: &mut Context<'_>,
        lowered: &mut LoweredRoute,
    ) -> Vec<Branch> {
        let settings = Arc::new(self.settings());
        let of_rule = self.mirrors(&filters.mirrors, &[], &settings, context, lowered);
        let mut branches = Vec::with_capacity(self.rule.backends.len());
        for backend in &self.rule.backends {
            let origin = self.route.origin(backend.at);
            let own = Filters::of_backend(&backend.filters, self.route, context);
            let target =
                self.references.resolve(&backend.target, true, self.route, context, lowered);
            let action = match (target, &own.unsupported, &own.redirect) {
                (Err(message), ..) => self.fault(&message, origin.clone()),
                (Ok(_), Some(message), _) => Action::fault(message, origin.clone()),
                (Ok(_), None, Some(redirect)) => Action::Redirect(Arc::new(redirect.clone())),
                (Ok(target), None, None) => {
                    let changes = [filters.changes, own.changes];
                    let (host, path) = filter::rewrite(&changes);
                    let mut mirrors = of_rule.clone();
                    let before = [filters.changes];
                    let of_backend =
                        self.mirrors(&own.mirrors, &before, &settings, context, lowered);
                    mirrors.extend(of_backend);
                    Action::Forward(Arc::new(Forward {
                        path,
                        host,
                        request_headers: filter::request_headers(&changes),
                        response_headers: filter::response_headers(filters, &own),
                        as_service_says: true,
                        mirrors,
                        session: session.cloned(),
                        ..Forward::new(target, Arc::clone(&settings), origin.clone())
                    }))
                }
            };
            // Whatever its answers are, those of nobody included (gateway-api §13.3).
            let cors = own.cors;
            branches.push(Branch { weight: backend.weight.into(), action, cors, origin });
        }
        branches
    }

    /// The copies that a list asks for; `before` is what other lists have changed. Those to a
    /// Service that is invalid are not sent (gateway-api §13.2).
    fn mirrors<'f>(
        &self,
        mirrors: &[Mirrored<'f>],
        before: &[filter::Changes<'f>],
        settings: &Arc<BackendSettings>,
        context: &mut Context<'_>,
        lowered: &mut LoweredRoute,
    ) -> Vec<Mirror> {
        let mut found = Vec::with_capacity(mirrors.len());
        for Mirrored { mirror, before: in_list, at } in mirrors {
            let target =
                self.references.resolve(&mirror.target, false, self.route, context, lowered);
            let Ok(target) = target else { continue };
            let changes: Vec<_> = before.iter().copied().chain([*in_list]).collect();
            let (host, path) = filter::rewrite(&changes);
            let forward = Forward {
                path,
                host,
                request_headers: filter::request_headers(&changes),
                as_service_says: true,
                ..Forward::new(target, Arc::clone(settings), self.route.origin(*at))
            };
            let share = mirror.share;
            let (numerator, denominator) = (share.numerator, share.denominator);
            found.push(Mirror { numerator, denominator, forward: Arc::new(forward) });
        }
        found
    }

    fn settings(&self) -> BackendSettings {
        let meta = &self.route.meta;
        let name = match &*self.rule.backends {
            [BackendRef { target, .. }] => {
                format!("{}/{}", target.namespace.as_ref().unwrap_or(&meta.namespace), target.name)
            }
            _ => format!("{}/{}", meta.namespace, meta.name),
        };
        BackendSettings {
            protocol: match self.route.spec.kind {
                RouteKind::Http => BackendProtocol::Http,
                RouteKind::Grpc => BackendProtocol::Http2,
            },
            timeouts: timeouts(self.rule.timeouts),
            retry: retry(self.rule.retry.as_ref()),
            ..BackendSettings::new(&name, self.route.document.origin(self.rule.at))
        }
    }
}

/// Zero means no limit. A rule that says how long an exchange or a try may take is not cut short
/// by anything else but the connect timeout.
fn timeouts(wanted: backend::Timeouts) -> Timeouts {
    let limit = |wanted: Option<Duration>| wanted.filter(|duration| !duration.is_zero());
    let defaults = Timeouts::default();
    let silent = wanted == backend::Timeouts::default();
    Timeouts {
        connect: defaults.connect,
        read: defaults.read.filter(|_| silent),
        send: defaults.send.filter(|_| silent),
        request: limit(wanted.request),
        backend_request: limit(wanted.backend_request),
    }
}

/// Without `retry` nothing is tried again; with it, connection errors and timeouts are, whatever
/// the codes; every method is after one of the codes (gateway-api §16).
fn retry(wanted: Option<&backend::Retry>) -> Retry {
    let Some(wanted) = wanted else {
        return Retry { on: Vec::new(), tries: 1, ..Retry::default() };
    };
    let codes = wanted.codes.iter().map(|code| RetryCondition::Status(*code));
    let errors = [RetryCondition::Error, RetryCondition::Timeout];
    Retry {
        on: errors.into_iter().chain(codes).collect(),
        tries: wanted.attempts.unwrap_or(1).saturating_add(1),
        backoff: Some(wanted.backoff.unwrap_or(Duration::from_millis(25))),
        non_idempotent: NonIdempotent::AfterStatus,
        ..Retry::default()
    }
}
