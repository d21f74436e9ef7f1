//! What goes wrong: at start, and between the proxy and a backend.

use gateway_core::rules::RetryCondition;
use http::StatusCode;
use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Why the proxy does not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// A socket cannot be bound.
    Bind {
        /// The listener that asks for it.
        listener: String,
        /// Its address.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// The access log cannot be opened.
    AccessLog {
        /// Where it was to be.
        path: std::path::PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Traces cannot be told to the collector.
    Tracing {
        /// Where it was to be.
        endpoint: String,
        /// Why not.
        why: &'static str,
    },
    /// The place of another proxy cannot be taken, or this one's not be given away.
    Takeover {
        /// Where the two meet.
        path: std::path::PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The documents make no table.
    Table(String),
    /// The system refuses a thread, a runtime or a signal handler.
    System(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { listener, address, error } => {
                write!(f, "listener `{listener}`: cannot bind {address}: {error}")?;
                match error.kind() {
                    io::ErrorKind::PermissionDenied if address.port() < 1024 => {
                        f.write_str("; ports below 1024 need a privilege, or another port in place")
                    }
                    // Where the error has no number, it says itself who has the address.
                    io::ErrorKind::AddrInUse if error.raw_os_error().is_some() => {
                        f.write_str("; another program listens there")
                    }
                    _ => Ok(()),
                }
            }
            Self::AccessLog { path, error } => {
                write!(f, "cannot open the access log `{}`: {error}", path.display())
            }
            Self::Tracing { endpoint, why } => write!(f, "collector `{endpoint}`: {why}"),
            Self::Takeover { path, error } => {
                write!(f, "cannot take over at `{}`: {error}", path.display())
            }
            Self::Table(message) => f.write_str(message),
            Self::System(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// Why a request, or one try to get an answer from a backend, failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Failure {
    /// The Service has no ready endpoint.
    NoEndpoint,
    /// No endpoint admits the caller.
    Denied,
    /// The circuit breaker of the Service keeps all endpoints out.
    CircuitOpen,
    /// A limit of a Service has no room for the request.
    RateLimit,
    /// All endpoints have as many requests as they may, and the queue, if there is one, is full or
    /// was too slow.
    Busy,
    /// No endpoint works: it is the backup's turn.
    NoneWorks,
    /// The endpoint's name does not resolve, or it refuses the connection.
    Connect,
    /// Connecting took too long.
    ConnectTimeout,
    /// The TLS handshake failed: the endpoint has no certificate that counts, or refuses ours.
    Tls,
    /// The connection ended before the first octet of an answer.
    Disconnect,
    /// The backend refuses to look at the request (HTTP/2).
    Refused,
    /// The backend gave the request up before it answered (HTTP/2).
    Reset,
    /// The connection ended within the head of the answer.
    BrokenHead,
    /// The answer is not HTTP.
    InvalidHead,
    /// Sending the request or waiting for the answer took too long.
    Timeout,
    /// The whole exchange took too long.
    RequestTimeout,
    /// The rule asks for what the proxy does not do with backends.
    Unsupported,
    /// The request cannot be sent as the rule has rewritten it.
    Unsendable,
    /// The request's body is larger than the rule allows.
    TooLarge,
    /// The client broke off within its body, or sent one that is not framed as HTTP asks.
    ClientBody,
    /// The client paused for too long within its body.
    ClientTimeout,
    /// The answer broke off in its body, or came too late: the client has its head already.
    BrokenBody,
}

impl Failure {
    /// Every failure, for metrics.
    pub(crate) const ALL: [Self; 22] = [
        Self::NoEndpoint,
        Self::Denied,
        Self::CircuitOpen,
        Self::RateLimit,
        Self::Busy,
        Self::NoneWorks,
        Self::Connect,
        Self::ConnectTimeout,
        Self::Tls,
        Self::Disconnect,
        Self::Refused,
        Self::Reset,
        Self::BrokenHead,
        Self::InvalidHead,
        Self::Timeout,
        Self::RequestTimeout,
        Self::Unsupported,
        Self::Unsendable,
        Self::TooLarge,
        Self::ClientBody,
        Self::ClientTimeout,
        Self::BrokenBody,
    ];

    /// One word, for metrics and logs.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NoEndpoint => "no_endpoint",
            Self::Denied => "denied",
            Self::CircuitOpen => "circuit_open",
            Self::RateLimit => "rate_limit",
            Self::Busy => "busy",
            Self::NoneWorks => "none_works",
            Self::Connect => "connect",
            Self::ConnectTimeout => "connect_timeout",
            Self::Tls => "tls",
            Self::Disconnect => "disconnect",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::BrokenHead => "broken_head",
            Self::InvalidHead => "invalid_head",
            Self::Timeout => "timeout",
            Self::RequestTimeout => "request_timeout",
            Self::Unsupported => "unsupported",
            Self::Unsendable => "unsendable",
            Self::TooLarge => "too_large",
            Self::ClientBody => "client_body",
            Self::ClientTimeout => "client_timeout",
            Self::BrokenBody => "broken_body",
        }
    }

    /// What the client is answered; `unavailable` is what the rule says about Services that
    /// cannot be reached (virtualserver §14, gateway-api §15.3).
    pub(crate) fn status(self, unavailable: StatusCode) -> StatusCode {
        match self {
            Self::NoEndpoint
            | Self::NoneWorks
            | Self::Connect
            | Self::Tls
            | Self::Disconnect
            | Self::Refused => unavailable,
            Self::Denied => StatusCode::FORBIDDEN,
            Self::CircuitOpen | Self::RateLimit => StatusCode::SERVICE_UNAVAILABLE,
            // virtualserver §4, `queue`
            Self::Busy
            | Self::Reset
            | Self::BrokenHead
            | Self::InvalidHead
            | Self::Unsendable
            | Self::BrokenBody => StatusCode::BAD_GATEWAY,
            Self::Unsupported => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ConnectTimeout | Self::Timeout | Self::RequestTimeout => {
                StatusCode::GATEWAY_TIMEOUT
            }
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ClientBody => StatusCode::BAD_REQUEST,
            Self::ClientTimeout => StatusCode::REQUEST_TIMEOUT,
        }
    }

    /// What a rule's `retry` calls it; `None` where another try is no help.
    pub(crate) fn retry_condition(self) -> Option<RetryCondition> {
        match self {
            Self::Connect
            | Self::Tls
            | Self::Disconnect
            | Self::Refused
            | Self::Reset
            | Self::BrokenHead => Some(RetryCondition::Error),
            Self::ConnectTimeout | Self::Timeout => Some(RetryCondition::Timeout),
            Self::InvalidHead => Some(RetryCondition::InvalidHeader),
            _ => None,
        }
    }

    /// Whether no part of the request can have reached the backend.
    pub(crate) fn before_sending(self) -> bool {
        self.costs_nothing() || self == Self::Refused
    }

    /// Whether the backend had nothing to do with it, so that another try is no burden beyond the
    /// first.
    pub(crate) fn costs_nothing(self) -> bool {
        matches!(self, Self::Connect | Self::ConnectTimeout | Self::Tls)
    }

    /// Whether it speaks against the endpoint.
    pub(crate) fn blames_endpoint(self) -> bool {
        self.retry_condition().is_some()
    }
}

/// A body that ended before its end, or was abandoned. The connection it was on is closed, so that
/// nobody takes what came for the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BrokenBody;

impl fmt::Display for BrokenBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body ended early")
    }
}

impl std::error::Error for BrokenBody {}
