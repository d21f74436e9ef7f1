//! Clients that stay where they were sent first.

use crate::origin::Origin;
use http::HeaderName;
use std::fmt;
use std::time::Duration;

/// Keeps a client at the backend and the endpoint that its first request of a rule went to, over
/// all weights (gateway-api §17).
///
/// What tells the client is opaque to it and made by whoever carries decisions out, who also checks
/// it when it comes back: then the attribute [`Session::attribute`] of the request names the
/// backend, and a [`Split`](super::Split) with this session chooses that branch.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// What carries it.
    pub name: SessionName,
    /// How long it lasts at most, from its first request on; `None` for no limit.
    pub absolute_timeout: Option<Duration>,
    /// The attribute by which the engine asks for the backend of a request's session; unique among
    /// rules, since two rules never share a session.
    pub attribute: Box<str>,
    /// The backends as `namespace/name:port`, in the order of the branches.
    pub backends: Vec<Box<str>>,
    /// Where it was written.
    pub origin: Origin,
}

impl fmt::Display for SessionName {
    /// ``cookie `session` ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cookie { name, .. } => write!(f, "cookie `{name}`"),
            Self::Header(name) => write!(f, "header `{name}`"),
        }
    }
}

/// What carries a [`Session`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionName {
    /// A cookie.
    Cookie {
        /// Its name.
        name: Box<str>,
        /// Its `Path`.
        path: Box<str>,
        /// Whether the client is told when it ends; otherwise it ends with the browser.
        permanent: bool,
    },
    /// A header field that answers bring and the client repeats.
    Header(HeaderName),
}
