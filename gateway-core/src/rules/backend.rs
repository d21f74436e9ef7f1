//! How backends are spoken to.

mod balance;
mod health;

pub use balance::{AnswerTime, Balance, CookieAge, SameSite, SessionCookie};
pub use health::{FailureLimit, HealthCheck, Probe, StatusMatch};

use super::UpstreamTarget;
use crate::origin::Origin;
use http::StatusCode;
use std::fmt;
use std::time::Duration;

/// How a backend is spoken to: data for whoever carries the decision out.
#[derive(Debug, Clone, PartialEq)]
pub struct BackendSettings {
    /// What to print for it: the name of a VirtualServer's upstream, `namespace/service`, or
    /// `namespace/name` of an HTTPRoute where several backends share them.
    pub name: Box<str>,
    /// What is spoken.
    pub protocol: BackendProtocol,
    /// Whether it is spoken within TLS.
    pub tls: bool,
    /// Which endpoints of the Service are meant.
    pub endpoints: EndpointChoice,
    /// What takes the requests while no endpoint works.
    pub backup: Option<UpstreamTarget>,
    /// Which endpoint is taken.
    pub balance: Balance,
    /// Keeps clients at the endpoint that they had first.
    pub session_cookie: Option<SessionCookie>,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// When another endpoint is tried.
    pub retry: Retry,
    /// When an endpoint is left out because requests failed there.
    pub failure_limit: FailureLimit,
    /// Tells which endpoints work without waiting for requests to fail.
    pub health_check: Option<HealthCheck>,
    /// How long an endpoint that is back takes to get its whole share.
    pub slow_start: Option<Duration>,
    /// The most requests under way with one endpoint; `None` for no limit.
    pub max_connections: Option<u32>,
    /// Where requests wait while all endpoints have as many as they may.
    pub queue: Option<Queue>,
    /// How many idle connections a worker keeps; `None`: as many as it likes.
    pub keepalive: Option<u32>,
    /// The largest request body in bytes; `None` for no limit. More is answered 413.
    pub max_body: Option<u64>,
    /// Where it was written.
    pub origin: Origin,
}

impl BackendSettings {
    /// NGINX's defaults, but for a limit of bodies, of which there is none.
    pub fn new(name: &str, origin: Origin) -> Self {
        Self {
            name: name.into(),
            protocol: BackendProtocol::default(),
            tls: false,
            endpoints: EndpointChoice::default(),
            backup: None,
            balance: Balance::default(),
            session_cookie: None,
            timeouts: Timeouts::default(),
            retry: Retry::default(),
            failure_limit: FailureLimit::default(),
            health_check: None,
            slow_start: None,
            max_connections: None,
            queue: None,
            keepalive: None,
            max_body: None,
            origin,
        }
    }

    /// Whether an answer with `status` is told to the client as a `grpc-status`.
    pub fn tells_as_grpc(&self, status: StatusCode) -> bool {
        self.protocol == BackendProtocol::Grpc && grpc_status(status).is_some()
    }
}

/// What is spoken with a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BackendProtocol {
    /// HTTP/1.1.
    #[default]
    Http,
    /// HTTP/2, even without TLS.
    Http2,
    /// gRPC: HTTP/2, even without TLS. An answer with a status that [`grpc_status`] knows is told
    /// to the client as gRPC tells it; no error page takes its place.
    Grpc,
}

/// The `grpc-status` that stands for an answer with `status` where gRPC is spoken
/// (virtualserver §13): the client gets 204 with `content-type: application/grpc` and no body.
pub fn grpc_status(status: StatusCode) -> Option<u8> {
    Some(match status.as_u16() {
        400 | 405 | 415 | 426 | 497 | 500 | 501 => 13,
        401 | 495 | 496 => 16,
        403 => 7,
        404 => 12,
        408 => 4,
        413 | 414 => 8,
        429 | 502..=504 => 14,
        _ => return None,
    })
}

/// Which endpoints of a Service are meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum EndpointChoice {
    /// All that are ready.
    #[default]
    Ready,
    /// Those of pods that carry all these labels.
    Labelled(Vec<(Box<str>, Box<str>)>),
    /// The Service's own address.
    ClusterIp,
}

/// Where requests wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// How many, 1 or more.
    pub size: u32,
    /// How long; then the answer is 502.
    pub timeout: Duration,
}

/// How long things may take. `None` means no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// To open a connection to the endpoint.
    pub connect: Option<Duration>,
    /// Between two reads from the endpoint.
    pub read: Option<Duration>,
    /// Between two writes to the endpoint.
    pub send: Option<Duration>,
    /// The whole exchange with the client, over all tries (gateway-api §16).
    pub request: Option<Duration>,
    /// One try (gateway-api §16).
    pub backend_request: Option<Duration>,
}

impl Default for Timeouts {
    /// NGINX's: 60 s each to connect, read and send; nothing over all.
    fn default() -> Self {
        let minute = Some(Duration::from_secs(60));
        Self { connect: minute, read: minute, send: minute, request: None, backend_request: None }
    }
}

/// When another endpoint is tried. Never after a byte of the answer went to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// What is tried again.
    pub on: Vec<RetryCondition>,
    /// How many tries in all; 0: as many as there are endpoints.
    pub tries: u32,
    /// No new try after this long.
    pub timeout: Option<Duration>,
    /// When requests with POST, LOCK or PATCH are sent again after they may have reached an
    /// endpoint.
    pub non_idempotent: NonIdempotent,
    /// Wait at least this long between two tries.
    pub backoff: Option<Duration>,
}

impl Default for Retry {
    /// NGINX's: connection errors and timeouts, idempotent methods only.
    fn default() -> Self {
        Self {
            on: vec![RetryCondition::Error, RetryCondition::Timeout],
            tries: 0,
            timeout: None,
            non_idempotent: NonIdempotent::Never,
            backoff: None,
        }
    }
}

/// When a request whose method is not idempotent is sent again after it may have reached an
/// endpoint. One that surely reached none always may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum NonIdempotent {
    /// Never (NGINX's default, virtualserver §14).
    #[default]
    Never,
    /// After an answer with a [`RetryCondition::Status`]; not where it is unknown what the
    /// endpoint did (gateway-api §16).
    AfterStatus,
    /// Whenever another request would be (virtualserver §14, `non_idempotent`).
    Always,
}

impl NonIdempotent {
    /// `never`, `after-status` or `always`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::AfterStatus => "after-status",
            Self::Always => "always",
        }
    }
}

/// What is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetryCondition {
    /// Connecting, sending or reading the head of the answer failed.
    Error,
    /// Connecting, sending or reading the head of the answer took too long.
    Timeout,
    /// The answer was empty or not HTTP.
    InvalidHeader,
    /// The answer has this status.
    Status(StatusCode),
}

impl fmt::Display for RetryCondition {
    /// `error`, `timeout`, `invalid_header` or the number of the status.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error => f.write_str("error"),
            Self::Timeout => f.write_str("timeout"),
            Self::InvalidHeader => f.write_str("invalid_header"),
            Self::Status(status) => f.write_str(status.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_a_grpc_status() {
        // virtualserver §13
        for (status, want) in [
            ("13", &[400, 405, 415, 426, 497, 500, 501][..]),
            ("16", &[401, 495, 496]),
            ("7", &[403]),
            ("12", &[404]),
            ("4", &[408]),
            ("8", &[413, 414]),
            ("14", &[429, 502, 503, 504]),
            ("none", &[200, 301, 402, 406, 412, 428, 430, 494, 498, 499, 505, 599]),
        ] {
            for code in want {
                let got = grpc_status(StatusCode::from_u16(*code).unwrap());
                assert_eq!(got.map_or("none".to_owned(), |n| n.to_string()), status, "{code}");
            }
        }
    }
}
