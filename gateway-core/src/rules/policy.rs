//! What is asked of requests before they are served, and what their answers tell clients.
//!
//! Policies are data. What can be said of a request without state, secrets or the network is said
//! by [`crate::Decision::steps`]; the rest is for whoever carries decisions out.

mod access;
mod auth;
mod auth_check;
mod cache;
mod cors;
mod hsts;
mod rate_limit;
mod secret;
mod tls;

pub use access::{AccessControl, AccessRule, InvalidNetwork, Network, Networks};
pub use auth::{
    ApiClient, ApiKey, AuthRequest, BasicAuth, ExternalAuth, Jwt, JwtKeys, RemoteKeys, SignIn,
};
pub use auth_check::{AuthCheck, AuthProtocol};
pub use cache::{Cache, CacheLock, CacheStatuses, StaleCondition};
pub use cors::{
    Cors, CorsGrant, CorsHeaders, CorsNames, CorsOrigin, CorsOrigins, OriginHost, OriginPattern,
};
pub use hsts::Hsts;
pub use rate_limit::{LimitCase, LimitLog, Rate, RateLimit, RateLimitChoice};
pub use secret::SecretText;
pub use tls::{BackendTls, ClientCertificates, ServerTrust, SubjectName, VerifyClient};

use crate::origin::Origin;
use std::sync::Arc;

/// The policies of a route: of its own and of its host, merged by mechanism (virtualserver §15).
/// Routes share them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policies {
    /// Every request is answered 500, because a policy is missing or invalid (virtualserver §15).
    pub fault: Option<PolicyFault>,
    /// Client certificates, on TLS connections.
    pub client_certificates: Option<Arc<ClientCertificates>>,
    /// Cross-origin requests.
    pub cors: Option<Arc<Cors>>,
    /// All of them must let a request pass, in order.
    pub rate_limits: Arc<[RateLimitChoice]>,
    /// Which clients may come.
    pub access: Option<Arc<AccessControl>>,
    /// A name and a password.
    pub basic_auth: Option<Arc<BasicAuth>>,
    /// API keys, or the word of another service: they share one place (virtualserver §15).
    pub auth_request: Option<AuthRequest>,
    /// Signed tokens.
    pub jwt: Option<Arc<Jwt>>,
    /// How TLS is spoken with backends.
    pub backend_tls: Option<Arc<BackendTls>>,
    /// What is kept of answers.
    pub cache: Option<Arc<Cache>>,
    /// `Strict-Transport-Security`.
    pub hsts: Option<Arc<Hsts>>,
}

/// Why a route answers 500 instead of what it was written for.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyFault {
    /// The reason, for logs and explanations.
    pub reason: Box<str>,
    /// The reference that cannot be honoured.
    pub origin: Origin,
}

impl Policies {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
