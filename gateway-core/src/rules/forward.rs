//! How a request is sent to a Service.

use super::{
    BackendSettings, CaptureRegex, Certificate, HeaderOps, ResponseHeaderOps, ServiceId, Session,
    Template,
};
use crate::origin::Origin;
use http::StatusCode;
use std::sync::Arc;

/// Sends the request to a Service.
#[derive(Debug, Clone, PartialEq)]
pub struct Forward {
    /// The addressed Service and port: where TrafficSplits are looked up (smi R-1).
    pub target: UpstreamTarget,
    /// The path that the backend gets.
    pub path: PathRewrite,
    /// The `Host` that the backend gets.
    pub host: HostRewrite,
    /// Changes to the request's header.
    pub request_headers: HeaderOps,
    /// Changes to the answer's header.
    pub response_headers: ResponseHeaderOps,
    /// Timeouts, retries, load balancing.
    pub settings: Arc<BackendSettings>,
    /// Whether the Service that is chosen in the end says how it is spoken to ([`Service::speech`]),
    /// in place of `settings` and of the route's policies (gateway-api §15.4, §20).
    ///
    /// [`Service::speech`]: super::Service::speech
    pub as_service_says: bool,
    /// What this proxy shows to backends that ask for a certificate, where the route's policies say
    /// nothing of it (gateway-api §20.5).
    pub certificate: Option<Arc<Certificate>>,
    /// Who gets a copy of the request.
    pub mirrors: Vec<Mirror>,
    /// Keeps clients at the endpoint that they had first.
    pub session: Option<Arc<Session>>,
    /// The answer when the Service has no ready endpoint or none could be reached: 502 in
    /// VirtualServer (virtualserver §14), 503 in Gateway API and SMI (gateway-api §15.3, smi S-8).
    pub unavailable: StatusCode,
    /// Where it was written.
    pub origin: Origin,
}

impl Forward {
    /// Sends requests on as they come, and answers back.
    pub fn new(target: UpstreamTarget, settings: Arc<BackendSettings>, origin: Origin) -> Self {
        Self {
            target,
            path: PathRewrite::Keep,
            host: HostRewrite::Keep,
            request_headers: HeaderOps::default(),
            response_headers: ResponseHeaderOps::default(),
            settings,
            as_service_says: false,
            certificate: None,
            mirrors: Vec::new(),
            session: None,
            unavailable: StatusCode::SERVICE_UNAVAILABLE,
            origin,
        }
    }
}

/// Sends a copy of some of the requests to one endpoint of another Service. Its answer is thrown
/// away, and nobody waits for it (gateway-api §13.2).
#[derive(Debug, Clone, PartialEq)]
pub struct Mirror {
    /// Of how many requests out of `denominator` a copy is sent.
    pub numerator: u32,
    /// 1 or more.
    pub denominator: u32,
    /// How the copy is sent.
    pub forward: Arc<Forward>,
}

/// A Service and one of its ports, as a rule names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UpstreamTarget {
    /// The Service.
    pub service: ServiceId,
    /// The Service's port number, not the endpoints'.
    pub port: u16,
    /// Whether TrafficSplits of the Service apply; not where a rule narrows the Service by labels
    /// (smi R-1).
    pub splits: bool,
}

/// The path that the backend gets, or that a redirect names. The query is kept.
#[derive(Debug, Clone, PartialEq)]
pub enum PathRewrite {
    /// The forward path (decisions §2).
    Keep,
    /// This path in its place, byte for byte but for octets that no target may hold, which are
    /// escaped.
    Full(Box<str>),
    /// This text, escaped alike, in place of the part that the route's path pattern covers; what
    /// follows it stays (virtualserver §12.1).
    Prefix(Box<str>),
    /// The same by whole segments, with the slashes of gateway-api §14.1.
    SegmentPrefix(Box<str>),
    /// Where the expression matches the match path: this text with `$1` to `$9` filled in, in
    /// place of the whole path; otherwise [`PathRewrite::Keep`] (virtualserver §12.1).
    Pattern {
        /// The expression with its groups.
        regex: CaptureRegex,
        /// The text with `$1` to `$9`.
        replacement: Box<str>,
    },
}

/// The `Host` that the backend gets.
#[derive(Debug, Clone, PartialEq)]
pub enum HostRewrite {
    /// As the client sent it, port included (gateway-api §3).
    Keep,
    /// The client's host in normal form, without port (virtualserver §12.2).
    WithoutPort,
    /// This value; where it comes out empty, as `WithoutPort`.
    Set(Template),
}
