//! Cross-origin requests.

use crate::origin::Origin;
use http::HeaderValue;

/// What browsers are told of requests from pages of other origins.
#[derive(Debug, Clone, PartialEq)]
pub enum Cors {
    /// Every answer tells the same, and every OPTIONS is a pre-flight request (virtualserver
    /// §16.8).
    Told(CorsHeaders),
    /// Answers to requests with an `Origin` tell what pages of that origin may do (gateway-api
    /// §13.3).
    Granted(CorsGrant),
}

impl Cors {
    /// Where it was written.
    pub fn origin(&self) -> &Origin {
        match self {
            Self::Told(headers) => &headers.origin,
            Self::Granted(grant) => &grant.origin,
        }
    }
}

/// The header of every answer (virtualserver §16.8).
#[derive(Debug, Clone, PartialEq)]
pub struct CorsHeaders {
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

/// What pages of some origins may do (gateway-api §13.3).
#[derive(Debug, Clone, PartialEq)]
pub struct CorsGrant {
    /// Whose pages; `None`: everybody's.
    pub origins: Option<Vec<OriginPattern>>,
    /// Whether they may send cookies and the like, and read what comes of it.
    pub credentials: bool,
    /// The methods that they may use.
    pub methods: CorsNames,
    /// The header fields that they may send.
    pub headers: CorsNames,
    /// The header fields of answers that they may read.
    pub expose: CorsNames,
    /// How long browsers may remember that, in seconds.
    pub max_age: u32,
    /// Where it was written.
    pub origin: Origin,
}

/// Names that a page may use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CorsNames {
    /// Nothing is said of them.
    #[default]
    Unsaid,
    /// `*`: all of them.
    Any,
    /// These, as one header value.
    Listed(HeaderValue),
}

/// Origins of one scheme and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginPattern {
    /// `https`, or else `http`.
    pub https: bool,
    /// The host.
    pub host: OriginHost,
    /// The port; 443 or 80 where none is written.
    pub port: u16,
}

/// Hosts of an [`OriginPattern`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginHost {
    /// Every host.
    Any,
    /// This one, in lower case.
    Exact(Box<str>),
    /// Those with one label or more before this one, in lower case.
    Under(Box<str>),
}
