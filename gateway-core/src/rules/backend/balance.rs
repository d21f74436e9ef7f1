//! Which endpoint is taken.

use crate::rules::Template;
use std::time::Duration;

/// Which endpoint is taken (virtualserver §14).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Balance {
    /// One after the other.
    #[default]
    RoundRobin,
    /// Any.
    Random,
    /// The better of two taken at random, by requests under way.
    RandomTwoLeastConnections,
    /// The better of two taken at random, by how long they take to answer.
    RandomTwoLeastTime(AnswerTime),
    /// The one with the fewest requests under way.
    LeastConnections,
    /// The one with the fewest requests under way and the quickest answers.
    LeastTime {
        /// What is measured.
        until: AnswerTime,
        /// Whether requests under way count, too.
        inflight: bool,
    },
    /// The same for all clients of a network: the first three octets of an IPv4 address, or a
    /// whole IPv6 address.
    ClientAddress,
    /// The same for all requests with the same key.
    Hash {
        /// The key.
        key: Template,
        /// Whether most keys keep their endpoint when endpoints come and go (ketama).
        consistent: bool,
    },
}

/// How long an endpoint takes to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnswerTime {
    /// Until the head of the answer is there.
    Head,
    /// Until the whole answer is there.
    Whole,
}

/// A cookie that makes a client's requests go to the same endpoint (virtualserver §14). A client
/// without one, or with one of an endpoint that is gone, goes where [`Balance`] says and gets one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionCookie {
    /// Its name.
    pub name: Box<str>,
    /// `Path`.
    pub path: Option<Box<str>>,
    /// How long it lasts; `None`: as long as the browser runs.
    pub expires: Option<CookieAge>,
    /// `Domain`.
    pub domain: Option<Box<str>>,
    /// `HttpOnly`.
    pub http_only: bool,
    /// `Secure`.
    pub secure: bool,
    /// `SameSite`.
    pub same_site: Option<SameSite>,
}

/// How long a cookie lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CookieAge {
    /// This long.
    For(Duration),
    /// As long as browsers allow: to the end of 2037 (`max`).
    Max,
}

impl CookieAge {
    /// `Max-Age` of a cookie that lasts for `time`: in seconds, rounded up, and never 0, which would
    /// take it away at once (RFC 6265 section 5.2.2).
    pub fn max_age(time: Duration) -> u64 {
        let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
        seconds.max(1)
    }
}

/// `SameSite` of a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SameSite {
    /// `Strict`.
    Strict,
    /// `Lax`.
    Lax,
    /// `None`.
    None,
}
