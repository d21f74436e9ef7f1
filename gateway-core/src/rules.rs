//! The one form that every dialect is translated to.
//!
//! A request passes four questions, in this order: which [`Listener`] took it, which
//! [`VirtualHost`] of that listener owns its host name, which [`Route`] of that host is the first
//! whose path and conditions all hold, and which [`Service`] the route sends it to (where a
//! [`ServiceSplit`] may send it on, once). Nothing after this module knows which dialect a rule
//! came from, except by its [`Origin`].

mod access;
mod action;
mod backend;
mod error_page;
mod forward;
mod group;
mod hostname;
mod hosts;
mod mesh;
mod path;
mod policy;
mod predicate;
mod regex;
mod server_tls;
mod service;
mod service_limit;
mod session;
mod sticky;
mod template;

pub use access::{Access, Caller, Grant, ServiceAccount, Workload};
pub(crate) use action::FRAMING;
pub use action::{
    Action, Branch, HeaderEdit, HeaderOps, Location, Redirect, Respond, ResponseHeaderAdd,
    ResponseHeaderOps, Split,
};
pub use backend::{
    AnswerTime, BackendProtocol, BackendSettings, Balance, CookieAge, EndpointChoice, FailureLimit,
    HealthCheck, NonIdempotent, Probe, Queue, Retry, RetryCondition, SameSite, SessionCookie,
    StatusMatch, Timeouts, grpc_status,
};
pub use error_page::{ErrorPage, Page};
pub use forward::{Forward, HostRewrite, Mirror, PathRewrite, UpstreamTarget};
pub use group::{GroupMatch, GroupMatches};
pub use hostname::{HostPattern, InvalidHostname};
pub use hosts::Hosts;
pub(crate) use hosts::{Shard, name_key, shard_of};
pub use mesh::MeshIdentity;
pub use path::{Boundary, InvalidPath, PathPart, PathPattern, PathTemplate};
pub(crate) use path::{End, Form, Reach};
pub use policy::{
    AccessControl, AccessRule, ApiClient, ApiKey, AuthCheck, AuthProtocol, AuthRequest, BackendTls,
    BasicAuth, Cache, CacheLock, CacheStatuses, ClientCertificates, Cors, CorsGrant, CorsHeaders,
    CorsNames, CorsOrigin, CorsOrigins, ExternalAuth, Hsts, InvalidNetwork, Jwt, JwtKeys,
    LimitCase, LimitLog, Network, Networks, OriginHost, OriginPattern, Policies, PolicyFault, Rate,
    RateLimit, RateLimitChoice, RemoteKeys, SecretText, ServerTrust, SignIn, StaleCondition,
    SubjectName, VerifyClient,
};
pub(crate) use predicate::MAX_CONDITIONS;
pub use predicate::{Condition, Field, Test};
pub(crate) use regex::automaton;
pub use regex::{Anchor, CaptureRegex, InvalidRegex, MAX_REGEX_BYTES, MAX_REGEX_LENGTH, Regex};
pub use server_tls::{Certificate, ClientTrust, ServerTls};
pub use service::{
    PortSpeech, Service, ServiceId, ServiceName, ServiceSplit, ServiceTls, SplitBackend,
};
pub use service_limit::{CircuitBreaker, ServiceLimit, WorkloadName};
pub use session::{Session, SessionName};
pub use sticky::Sticky;
pub(crate) use sticky::ValueHash;
pub(crate) use template::visible;
pub use template::{Template, TemplatePart};

pub use crate::request::Protocol;

use crate::origin::Origin;
use crate::request::PathPolicy;
use std::net::IpAddr;
use std::sync::Arc;

/// Everything that routes: listeners with their hosts and routes, and the services they name.
///
/// The order of listeners, hosts and services does not matter; the order of the routes of a host
/// is their precedence, first come first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuleSet {
    /// One entry per socket.
    pub listeners: Vec<Listener>,
    /// What [`ServiceId`]s stand for. Shared by copies, as the hosts are.
    pub services: Arc<Vec<Service>>,
    /// Who this proxy is in mutual TLS.
    pub identity: Option<Arc<MeshIdentity>>,
}

impl RuleSet {
    /// The service that `id` stands for.
    pub fn service(&self, id: ServiceId) -> &Service {
        &self.services[id.0 as usize]
    }

    /// The number of routes of all hosts.
    pub fn route_count(&self) -> usize {
        self.listeners.iter().flat_map(|l| l.hosts.iter()).map(|h| h.routes.len()).sum()
    }
}

/// A socket that takes requests. At most one per (address, port).
#[derive(Debug, Clone, PartialEq)]
pub struct Listener {
    /// What to print for it, for example `default/cafe`.
    pub name: Box<str>,
    /// The one address that it is bound to; `None` for all.
    pub address: Option<IpAddr>,
    /// The port as documents name it.
    pub port: u16,
    /// What is spoken on it.
    pub protocol: Protocol,
    /// Whether clients have to show a certificate of the mesh, as this proxy shows its own
    /// ([`RuleSet::identity`]).
    pub mutual_tls: bool,
    /// As [`VirtualHost::tells_grpc`], for requests to hosts that it does not have.
    pub tells_grpc: bool,
    /// Which request paths are refused, and how the others are brought to normal form.
    pub paths: PathPolicy,
    /// The hosts, by name.
    pub hosts: Hosts,
    /// The document that asked for the socket.
    pub origin: Origin,
}

impl Listener {
    /// Whether what comes here for the Service `addressed` goes on to `service`, which has this
    /// `id`, in mutual TLS: where the Service asks for that, unless it has come in mutual TLS for
    /// this very Service. Then this proxy is the one that stands before the workload.
    pub fn calls_in_mutual_tls(
        &self,
        addressed: ServiceId,
        id: ServiceId,
        service: &Service,
    ) -> bool {
        service.mutual_tls && !(self.mutual_tls && id == addressed)
    }
}

/// A host name of a listener and its routes.
#[derive(Debug, Clone, PartialEq)]
pub struct VirtualHost {
    /// Which hosts it owns. The most specific pattern of the listener that covers the request's
    /// host is asked first.
    pub hostname: HostPattern,
    /// Part of the listener that this host belongs to (a Gateway's listener section, a
    /// VirtualServer). A miss never leads out of it.
    pub section: u32,
    /// When no route holds: ask the next less specific host of the same section (Gateway API), or
    /// answer 404 (VirtualServer).
    pub falls_through: bool,
    /// How TLS ends for its names; `None` where it does not, or where nothing says how.
    pub tls: Option<Arc<ServerTls>>,
    /// Whether gRPC calls are answered in gRPC's own form where no backend answers them
    /// ([`crate::Decision::edit_as_grpc`]).
    pub tells_grpc: bool,
    /// Whether answers of backends that come in gzip are unpacked for clients that do not take it
    /// (virtualserver §3, `gunzip`).
    pub gunzip: bool,
    /// In order of precedence: the first whose path and conditions hold decides.
    pub routes: Vec<Route>,
    /// The document that owns the host name.
    pub origin: Origin,
}

impl VirtualHost {
    /// A host of a section of its own that answers 404 where no route holds, without TLS.
    pub fn new(hostname: HostPattern, routes: Vec<Route>, origin: Origin) -> Self {
        Self {
            hostname,
            section: 0,
            falls_through: false,
            tls: None,
            tells_grpc: false,
            gunzip: false,
            routes,
            origin,
        }
    }
}

/// Predicates and what to do where all of them hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The test on the match path.
    pub path: PathPattern,
    /// All of them must hold.
    pub conditions: Vec<Condition>,
    /// What to do.
    pub action: Action,
    /// What is asked of requests first, and what answers tell; `None` for nothing.
    pub policies: Option<Arc<Policies>>,
    /// What takes the place of answers with certain statuses: of those that come of sending the
    /// request to a backend, and of those of a redirect that is the route's whole action. A
    /// branch of a split that redirects or responds has none (virtualserver §13).
    pub error_pages: Option<Arc<[ErrorPage]>>,
    /// Where it was written.
    pub origin: Origin,
}

impl Route {
    /// A route without policies and error pages.
    pub fn new(
        path: PathPattern,
        conditions: Vec<Condition>,
        action: Action,
        origin: Origin,
    ) -> Self {
        Self { path, conditions, action, policies: None, error_pages: None, origin }
    }
}
