//! Policies to rules, one mechanism a file (virtualserver §16).

use super::super::grammar::subdomain;
use super::super::report::{Fault, Report};
use super::super::secret::{self, SecretKind};
use super::rate_limit::{self, Limit};
use super::{access, api_key, basic_auth, cache, cors, external_auth, hsts, jwt, tls};
use crate::diagnostic::Severity;
use crate::resource::Resource;
use crate::resource::document::Located;
use crate::resource::fields::Text;
use crate::resource::policy::{Policy, Rule};
use crate::resource::secret::Secret;
use crate::rules::{
    AccessControl, ApiKey, BackendTls, BasicAuth, Cache, ClientCertificates, Cors, ExternalAuth,
    Hsts, Jwt, SecretText, ServerTrust,
};
use crate::translate::Context;
use std::sync::Arc;

/// What a Policy asks for. Names that are particular to a VirtualServer are not in it yet.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mechanism {
    Access(Arc<AccessControl>),
    RateLimit(Box<Limit>),
    BasicAuth(Arc<BasicAuth>),
    ApiKey(Arc<ApiKey>),
    ExternalAuth(Arc<ExternalAuth>),
    Jwt(Arc<Jwt>),
    ClientCertificates(Arc<ClientCertificates>),
    BackendTls(Arc<BackendTls>),
    Cache(Box<Cache>),
    Cors(Arc<Cors>),
    Hsts(Arc<Hsts>),
}

/// Lowers one Policy.
pub(super) struct Lowering<'a, 'c> {
    pub(super) namespace: &'a str,
    pub(super) report: Report,
    pub(super) context: &'a mut Context<'c>,
    /// Set when a Secret cannot be used, with how loudly that was told.
    pub(super) unusable: Option<Severity>,
}

impl<'a, 'c> Lowering<'a, 'c> {
    pub(super) fn new(policy: &'a Resource<Policy>, context: &'a mut Context<'c>) -> Self {
        let report = Report::new(Arc::clone(&policy.document));
        Self { namespace: &policy.meta.namespace, report, context, unusable: None }
    }

    /// What `rule` asks for; `None` when something is wrong with it, or with a Secret that it
    /// needs.
    pub(super) fn lower(&mut self, rule: &Rule) -> Option<Mechanism> {
        Some(match rule {
            Rule::AccessControl(of) => Mechanism::Access(Arc::new(access::lower(of, self)?)),
            Rule::RateLimit(of) => Mechanism::RateLimit(Box::new(rate_limit::lower(of, self)?)),
            Rule::BasicAuth(of) => Mechanism::BasicAuth(Arc::new(basic_auth::lower(of, self)?)),
            Rule::ApiKey(of) => Mechanism::ApiKey(Arc::new(api_key::lower(of, self)?)),
            Rule::ExternalAuth(of) => {
                Mechanism::ExternalAuth(Arc::new(external_auth::lower(of, self)?))
            }
            Rule::Jwt(of) => Mechanism::Jwt(Arc::new(jwt::lower(of, self)?)),
            Rule::IngressMtls(of) => {
                Mechanism::ClientCertificates(Arc::new(tls::clients(of, self)?))
            }
            Rule::EgressMtls(of) => Mechanism::BackendTls(Arc::new(tls::backends(of, self)?)),
            Rule::Cache(of) => Mechanism::Cache(Box::new(cache::lower(of, self)?)),
            Rule::Cors(of) => Mechanism::Cors(Arc::new(cors::lower(of, self)?)),
            Rule::Hsts(of) => Mechanism::Hsts(Arc::new(hsts::lower(of, self)?)),
            Rule::Unsupported(name, at) => {
                let message = format!(
                    "`{name}` is not supported: what the policy is attached to answers 500"
                );
                self.report.error(*at, Fault::new("unsupported-field", message));
                return None;
            }
        })
    }

    /// The Secret of this name in the namespace of the Policy.
    pub(super) fn secret(&mut self, text: &Text, kind: SecretKind) -> Option<&'c Secret> {
        self.report.check(text.at, subdomain(text))?;
        self.secret_of(self.namespace, text, text, kind)
    }

    /// The Secret `namespace/name`, which stands at `text`. One that is missing or not what it
    /// should be is told here, where it is asked for; all that the Policy guards answers 500
    /// (virtualserver §15).
    pub(super) fn secret_of(
        &mut self,
        namespace: &str,
        name: &str,
        text: &Text,
        kind: SecretKind,
    ) -> Option<&'c Secret> {
        let resources = self.context.resources;
        let fault = match secret::find(resources, namespace, name, kind) {
            Ok(secret) => return Some(secret),
            Err(fault) => fault,
        };
        // Routes are often checked without the Secrets, which people keep elsewhere.
        if resources.secrets().next().is_some() {
            self.report.withheld(text.at, fault);
            self.unusable = Some(Severity::Error);
        } else {
            self.report.warning(text.at, fault);
            self.unusable = Some(Severity::Warning);
        }
        None
    }

    /// The text under `key` of a Secret, which [`SecretKind`] says must be there.
    pub(super) fn secret_text(
        &mut self,
        text: &Text,
        kind: SecretKind,
        key: &str,
    ) -> Option<SecretText> {
        self.secret(text, kind)?.data.get(key).cloned()
    }

    /// How a server is verified where it is at all: with these authorities, or whom the system
    /// trusts. `None` when the Secret of the authorities cannot be used.
    pub(super) fn trust(&mut self, secret: Option<&Text>, depth: u32) -> Option<ServerTrust> {
        let authorities = match secret {
            Some(text) => Some(self.secret_text(text, SecretKind::Authorities, "ca.crt")?),
            None => None,
        };
        Some(ServerTrust { verify: true, authorities, depth, names: Vec::new() })
    }

    /// The longest chain of certificates, which has no effect where `verifies` is false.
    pub(super) fn depth(&mut self, written: Option<&Located<u32>>, verifies: bool) -> u32 {
        if let Some(depth) = written.filter(|_| !verifies) {
            let message = "no certificates are verified, however long their chain";
            self.report.notice(depth.at, Fault::new("no-effect", message));
        }
        written.map_or(1, |depth| depth.value)
    }

    /// Warns of a field that changes nothing beside the others.
    pub(super) fn no_effect(&mut self, text: &Text, message: &str) {
        self.report.warning(text.at, Fault::new("no-effect", message));
    }
}
