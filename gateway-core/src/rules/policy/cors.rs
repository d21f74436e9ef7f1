//! Cross-origin requests.

use crate::origin::Origin;
use http::HeaderValue;

/// What browsers are told of requests from pages of other origins (virtualserver §16.8).
#[derive(Debug, Clone, PartialEq)]
pub struct Cors {
    /// The origins that may read answers.
    pub origins: CorsOrigins,
    /// `Access-Control-Allow-Methods`.
    pub methods: Option<HeaderValue>,
    /// `Access-Control-Allow-Headers`.
    pub headers: Option<HeaderValue>,
    /// `Access-Control-Expose-Headers`.
    pub expose: Option<HeaderValue>,
    /// `Access-Control-Allow-Credentials`; `None`: the header is not sent.
    pub credentials: Option<bool>,
    /// `Access-Control-Max-Age`, in seconds.
    pub max_age: Option<u64>,
    /// Where it was written.
    pub origin: Origin,
}

/// Which origins may read answers.
#[derive(Debug, Clone, PartialEq)]
pub enum CorsOrigins {
    /// `*`: all of them.
    Any,
    /// One, which every client is told, whatever origin it comes from.
    One(HeaderValue),
    /// Those that fit one of these; others are told nothing.
    Listed(Vec<CorsOrigin>),
}

/// A pattern of origins. Case is of no account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsOrigin {
    /// This text; clients are told it as it is written here.
    Exact(HeaderValue),
    /// One more label before this host: `https://*.example.com:8443`.
    Subdomain {
        /// `https://`.
        scheme: Box<str>,
        /// `.example.com:8443`.
        suffix: Box<str>,
    },
}
