//! Which endpoints are left out because they do not work.

use super::Timeouts;
use crate::rules::HeaderEdit;
use std::ops::RangeInclusive;
use std::time::Duration;

/// When an endpoint is left out because requests failed there (virtualserver §14). The only
/// endpoint of a Service never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureLimit {
    /// How many failures within `period` are too many; 0: endpoints are never left out.
    pub failures: u32,
    /// In what time, and how long the endpoint is left out.
    pub period: Duration,
    /// Whether an answer with a status that is tried again is a failure, too. One with 403 or 404
    /// never is.
    pub counts_statuses: bool,
}

impl Default for FailureLimit {
    /// NGINX's: one failure, 10 s; of connections and answers that are none, not of statuses.
    fn default() -> Self {
        Self { failures: 1, period: Duration::from_secs(10), counts_statuses: false }
    }
}

/// Requests of our own that tell whether an endpoint works (virtualserver §4, `healthCheck`).
#[derive(Debug, Clone, PartialEq)]
pub struct HealthCheck {
    /// What is asked, and what has to be answered.
    pub probe: Probe,
    /// Between two checks.
    pub interval: Duration,
    /// Each interval is longer by up to this much, at random.
    pub jitter: Duration,
    /// How many failures in a row make an endpoint unhealthy.
    pub fails: u32,
    /// How many successes in a row make it healthy again.
    pub passes: u32,
    /// The port that is asked; `None`: that of the endpoint.
    pub port: Option<u16>,
    /// Whether TLS is spoken.
    pub tls: bool,
    /// How long a check may take.
    pub timeouts: Timeouts,
    /// Whether a new endpoint gets no requests before its first check has passed.
    pub mandatory: bool,
    /// Whether that does not hold for endpoints that were healthy before a reload.
    pub persistent: bool,
    /// How long a connection is kept for further checks.
    pub keepalive: Duration,
}

/// A request that tells whether an endpoint works.
#[derive(Debug, Clone, PartialEq)]
pub enum Probe {
    /// GET.
    Http {
        /// The path.
        path: Box<str>,
        /// More header fields.
        headers: Vec<HeaderEdit>,
        /// The statuses of success.
        statuses: StatusMatch,
    },
    /// `grpc.health.v1.Health/Check`.
    Grpc {
        /// The service that is asked for; empty for the whole server.
        service: Box<str>,
        /// More header fields.
        headers: Vec<HeaderEdit>,
        /// The `grpc-status` of success.
        status: u8,
    },
}

/// A set of statuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusMatch {
    /// Whether all others are meant.
    pub negated: bool,
    /// Within 100 to 999.
    pub ranges: Vec<RangeInclusive<u16>>,
}

impl Default for StatusMatch {
    /// 2xx and 3xx.
    fn default() -> Self {
        Self { negated: false, ranges: vec![200..=399] }
    }
}
