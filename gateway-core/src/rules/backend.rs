//! How backends are spoken to.

use http::StatusCode;
use std::time::Duration;

/// How a backend is spoken to: data for whoever carries the decision out.
#[derive(Debug, Clone, PartialEq)]
pub struct BackendSettings {
    /// What to print for it: the name of a VirtualServer's upstream, `namespace/service`, or
    /// `namespace/name` of an HTTPRoute where several backends share them.
    pub name: Box<str>,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// When another endpoint is tried.
    pub retry: Retry,
    /// Which endpoint is taken.
    pub balance: Balance,
    /// The largest request body in bytes; `None` for no limit. More is answered 413.
    pub max_body: Option<u64>,
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

/// Which endpoint is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Balance {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The better of two taken at random, by requests under way.
    RandomTwoLeastConnections,
    /// The one with the fewest requests under way.
    LeastConnections,
}
