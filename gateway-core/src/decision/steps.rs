//! What the policies of a route ask before its action is carried out.

use super::{Counted, Decision, Outcome, cors, limits, template};
use crate::origin::Origin;
use crate::request::Request;
use crate::request::field::View;
use crate::rules::{
    ApiKey, AuthCheck, AuthRequest, BasicAuth, Cache, ClientCertificates, Cors, ExternalAuth,
    Field, Jwt, Policies, Protocol, RateLimit, RateLimitChoice,
};
use http::StatusCode;
use std::sync::Arc;

/// One thing that policies ask, in the order of virtualserver §7. Whoever carries decisions out
/// does it, or answers 500 where it cannot.
///
/// Exhaustive on purpose, as [`Outcome`] is: nothing may pass because a step was overlooked.
#[derive(Debug, Clone, PartialEq)]
pub enum Step<'r> {
    /// Answer with a status, and with the header that [`Decision::edit_refusal`] makes. Always the
    /// last step.
    Refuse(Refusal<'r>),
    /// Answer 204 with the header that [`Decision::edit_preflight`] makes. Always the last step.
    Preflight(&'r Cors),
    /// The client of this TLS connection shows a certificate, as far as
    /// [`verify`](ClientCertificates::verify) demands one; else the answer is 400. Where the
    /// connection was opened for another host, which has not asked for it, the answer is 421.
    ClientCertificate(&'r ClientCertificates),
    /// The bucket of this key takes the request; else the answer is [`RateLimit::reject`].
    RateLimit {
        /// The limit.
        limit: &'r RateLimit,
        /// The value of its key for this request.
        key: Vec<u8>,
    },
    /// The request has a name and a password; else the answer is 401.
    BasicAuth(&'r BasicAuth),
    /// A client has this key; else the answer is [`ApiKey::UNKNOWN`].
    ApiKey {
        /// Who has which.
        policy: &'r ApiKey,
        /// The key that the request presents. Not empty.
        key: Vec<u8>,
    },
    /// Another service says yes; else the answer is what it says, or 500.
    ExternalAuth(&'r ExternalAuth),
    /// Another service says yes; else the answer is what it says, or [`AuthCheck::FAILED`].
    AuthCheck(&'r AuthCheck),
    /// The request has a valid token; else the answer is 401.
    Jwt(&'r Jwt),
    /// An answer may be taken from here, or kept.
    Cache(&'r Cache),
    /// The bucket takes the request, at once or later; else the answer is 503 (smi N-1).
    ServiceLimit(Counted<'r>),
}

impl Step<'_> {
    /// Whether it ends the request whatever it is.
    fn ends(&self) -> bool {
        matches!(self, Self::Refuse(_) | Self::Preflight(_))
    }
}

/// Why a request is turned away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refusal<'r> {
    /// The status of the answer.
    pub status: StatusCode,
    /// The reason, for logs and explanations.
    pub reason: &'r str,
    /// The policy, or the reference to one that is not there.
    pub origin: &'r Origin,
}

impl<'r> Decision<'r> {
    /// What has to be done before a guarded request ([`Verdict::Guarded`](super::Verdict)) is treated as
    /// [`Decision::admitted`] says: one step after the other, until one turns it away.
    ///
    /// `request` is the one that was decided.
    pub fn steps(&self, request: &impl Request) -> Vec<Step<'r>> {
        let Some(route) = self.route else { return Vec::new() };
        let of_view = |view: &View<'_, _>| {
            let asks = !self.fell_back;
            let mut steps = if asks { steps(self, view) } else { Vec::new() };
            let ends = steps.last().is_some_and(Step::ends);
            if let Some(addressed) = self.addressed.filter(|_| !ends) {
                let counted = limits::counted(addressed, &self.outcome, view);
                steps.extend(counted.into_iter().map(Step::ServiceLimit));
            }
            steps
        };
        self.with_view(request, of_view).unwrap_or_else(|| {
            // A request with a route has a target that is not refused.
            let reason = "this is not the request that was decided";
            let (status, origin) = (StatusCode::INTERNAL_SERVER_ERROR, &route.origin);
            vec![Step::Refuse(Refusal { status, reason, origin })]
        })
    }
}

impl Policies {
    /// What [`Decision::steps`] may ask of requests that come by `protocol`, whatever they hold, for
    /// those who tell beforehand what they do not do: not what turns a request away or answers it, nor
    /// limits of Services. Keys are empty.
    pub fn steps(&self, protocol: Protocol) -> impl Iterator<Item = Step<'_>> {
        let Self {
            fault: _,
            client_certificates,
            rate_limits,
            basic_auth,
            auth_request,
            jwt,
            cache,
            // They are refusals and what answers tell.
            access: _,
            cors: _,
            hsts: _,
            backend_tls: _,
        } = self;
        let certificates = client_certificates.as_deref().filter(|_| protocol == Protocol::Https);
        let cases = rate_limits.iter().flat_map(|choice| &choice.cases).map(|case| &case.limit);
        let others = rate_limits.iter().filter_map(|choice| choice.otherwise.as_ref());
        let limits = cases.chain(others).map(|limit| Step::RateLimit { limit, key: Vec::new() });
        let asked = auth_request.as_ref().map(|asked| match asked {
            AuthRequest::ApiKey(policy) => Step::ApiKey { policy, key: Vec::new() },
            AuthRequest::External(policy) => Step::ExternalAuth(policy),
            AuthRequest::Check(check) => Step::AuthCheck(check),
        });
        let certificates = certificates.map(Step::ClientCertificate).into_iter();
        let rest = [
            basic_auth.as_deref().map(Step::BasicAuth),
            asked,
            jwt.as_deref().map(Step::Jwt),
            cache.as_deref().map(Step::Cache),
        ];
        certificates.chain(limits).chain(rest.into_iter().flatten())
    }
}

/// Whether there may be steps for the request. Allocates nothing, unlike [`steps`].
#[inline(never)]
pub(crate) fn guards<R: Request>(policies: &Policies, view: &View<'_, R>) -> bool {
    let Policies {
        fault,
        client_certificates,
        cors,
        rate_limits,
        access,
        basic_auth,
        auth_request,
        jwt,
        cache,
        backend_tls: _,
        hsts: _,
    } = policies;
    fault.is_some()
        || client_certificates.is_some()
        || cors.as_ref().is_some_and(|cors| cors::is_preflight(cors, view))
        || !rate_limits.is_empty()
        || access.is_some()
        || basic_auth.is_some()
        || auth_request.is_some()
        || jwt.is_some()
        || cache.is_some()
}

fn steps<'r, R: Request>(decision: &Decision<'r>, view: &View<'_, R>) -> Vec<Step<'r>> {
    let mut steps = Vec::new();
    let cors = decision
        .cors()
        .filter(|cors| cors::answers(cors, &decision.outcome) && cors::is_preflight(cors, view));
    let preflight = cors.map(Step::Preflight);
    let Some(policies) = decision.policies() else { return preflight.into_iter().collect() };
    let outcome = &decision.outcome;
    let connection = view.request().connection();
    if let Some(certificates) = &policies.client_certificates
        && connection.protocol == Protocol::Https
    {
        steps.push(Step::ClientCertificate(certificates));
    }
    if let Some(fault) = &policies.fault {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        steps.push(Step::Refuse(Refusal { status, reason: &fault.reason, origin: &fault.origin }));
        return steps;
    }
    if let Some(preflight) = preflight {
        if let Some(AuthRequest::Check(check)) = &policies.auth_request
            && check.before_cors
        {
            steps.push(Step::AuthCheck(check));
        }
        steps.push(preflight);
        return steps;
    }
    for choice in &*policies.rate_limits {
        steps.extend(chosen(choice, view).and_then(|limit| limited(limit, view)));
    }
    if let Some(access) = &policies.access
        && !access.allows(connection.peer.map(|peer| peer.ip()))
    {
        let reason = "the client's address may not come";
        let (status, origin) = (StatusCode::FORBIDDEN, &access.origin);
        steps.push(Step::Refuse(Refusal { status, reason, origin }));
        return steps;
    }
    if let Some(policy) = &policies.basic_auth {
        steps.push(Step::BasicAuth(policy));
    }
    match &policies.auth_request {
        Some(AuthRequest::ApiKey(policy)) => match presented(policy, view) {
            key if key.is_empty() => {
                let reason = "the request has no API key";
                let (status, origin) = (ApiKey::MISSING, &policy.origin);
                steps.push(Step::Refuse(Refusal { status, reason, origin }));
                return steps;
            }
            key => steps.push(Step::ApiKey { policy, key }),
        },
        Some(AuthRequest::External(policy)) => steps.push(Step::ExternalAuth(policy)),
        Some(AuthRequest::Check(check)) => steps.push(Step::AuthCheck(check)),
        None => {}
    }
    if let Some(policy) = &policies.jwt {
        steps.push(Step::Jwt(policy));
    }
    if let Some(policy) = &policies.cache
        && matches!(outcome, Outcome::Forward(_))
    {
        steps.push(Step::Cache(policy));
    }
    steps
}

/// The limit that a request falls under.
fn chosen<'r, R: Request>(
    choice: &'r RateLimitChoice,
    view: &View<'_, R>,
) -> Option<&'r Arc<RateLimit>> {
    let value = choice.on.as_ref().map(|field| view.read(field));
    let held = value.and_then(|value| choice.cases.iter().find(|case| value.passes(&case.test)));
    held.map(|case| &case.limit).or(choice.otherwise.as_ref())
}

fn limited<'r, R: Request>(limit: &'r RateLimit, view: &View<'_, R>) -> Option<Step<'r>> {
    let mut key = Vec::new();
    template::write(&limit.key, view, &mut key);
    (limit.counts_empty || !key.is_empty()).then_some(Step::RateLimit { limit, key })
}

/// All that the request shows where keys may stand, one after the other (virtualserver §16.5).
fn presented<R: Request>(policy: &ApiKey, view: &View<'_, R>) -> Vec<u8> {
    let mut key = Vec::new();
    for name in &policy.headers {
        view.read(&Field::Header(name.as_str().into())).append_to(&mut key);
    }
    for name in &policy.arguments {
        let argument = Field::Argument { name: name.clone(), ignore_case: true, decoded: false };
        view.read(&argument).append_to(&mut key);
    }
    key
}
