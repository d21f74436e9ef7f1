//! Policy of `k8s.nginx.org/v1`.
//!
//! As with VirtualServers, reading settles the shape; what texts mean is for `translate` to say.

mod access;
mod auth;
mod cache;
mod cors;
mod external_auth;
mod hsts;
mod jwt;
mod rate_limit;
mod tls;

pub(crate) use access::AccessControl;
pub(crate) use auth::{ApiKey, BasicAuth};
pub(crate) use cache::{Cache, CacheCode};
pub(crate) use cors::Cors;
pub(crate) use external_auth::ExternalAuth;
pub(crate) use hsts::Hsts;
pub(crate) use jwt::Jwt;
pub(crate) use rate_limit::{LimitCase, LimitCondition, RateLimit};
pub(crate) use tls::{EgressMtls, IngressMtls};

use super::Problems;
use super::document::{At, Mapping, Value};
use super::fields::{exactly_one, mapping, text, whole};
use crate::diagnostic::Diagnostic;

/// As written (virtualserver §15, §16).
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Policy {
    pub(crate) ingress_class: Option<Box<str>>,
    /// `None` when something is wrong with it.
    pub(crate) rule: Option<Box<Rule>>,
    /// What reading found wrong.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The number of errors that reading found.
    pub(crate) errors: usize,
}

/// What a Policy asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rule {
    AccessControl(AccessControl),
    RateLimit(RateLimit),
    Jwt(Jwt),
    BasicAuth(BasicAuth),
    IngressMtls(IngressMtls),
    EgressMtls(EgressMtls),
    ApiKey(ApiKey),
    Cache(Box<Cache>),
    Cors(Cors),
    ExternalAuth(ExternalAuth),
    Hsts(Hsts),
    /// One that is known but cannot be honoured (virtualserver §18), with its name.
    Unsupported(&'static str, At),
}

impl Policy {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let (policy, diagnostics, errors) = whole(root, problems, Self::read_spec)?;
        Some(Self { diagnostics, errors, ..policy })
    }

    fn read_spec(mut spec: Mapping<'_>, problems: &mut Problems) -> Self {
        let ingress_class = text(&mut spec, "ingressClassName", problems).map(|t| t.value);
        let rule = Rule::read(&mut spec, problems).map(Box::new);
        spec.finish(problems);
        Self { ingress_class, rule, ..Self::default() }
    }
}

impl Rule {
    fn read(spec: &mut Mapping<'_>, problems: &mut Problems) -> Option<Self> {
        let kinds = [
            "accessControl",
            "rateLimit",
            "jwt",
            "basicAuth",
            "ingressMTLS",
            "egressMTLS",
            "apiKey",
            "cache",
            "cors",
            "externalAuth",
            "hsts",
            "oidc",
            "waf",
        ];
        let kind = exactly_one(spec, &kinds, problems)?;
        let of = mapping(spec, kind, problems)?;
        Some(match kind {
            "accessControl" => Self::AccessControl(AccessControl::read(of, problems)),
            "rateLimit" => Self::RateLimit(RateLimit::read(of, problems)),
            "jwt" => Self::Jwt(Jwt::read(of, problems)),
            "basicAuth" => Self::BasicAuth(BasicAuth::read(of, problems)),
            "ingressMTLS" => Self::IngressMtls(IngressMtls::read(of, problems)),
            "egressMTLS" => Self::EgressMtls(EgressMtls::read(of, problems)),
            "apiKey" => Self::ApiKey(ApiKey::read(of, problems)),
            "cache" => Self::Cache(Box::new(Cache::read(of, problems))),
            "cors" => Self::Cors(Cors::read(of, problems)),
            "externalAuth" => Self::ExternalAuth(ExternalAuth::read(of, problems)),
            "hsts" => Self::Hsts(Hsts::read(of, problems)),
            unsupported => Self::Unsupported(unsupported, of.value().at()),
        })
    }
}
