//! What is kept of answers.

use crate::origin::Origin;
use crate::rules::{Networks, Template};
use http::{Method, StatusCode};
use std::time::Duration;

/// Keeps answers (virtualserver §16.9).
#[derive(Debug, Clone, PartialEq)]
pub struct Cache {
    /// The store: routes of one name share it, which are of one document.
    pub zone: Box<str>,
    /// Room for its index, in bytes.
    pub zone_size: u64,
    /// Most bytes of answers that are kept; `None` for no limit.
    pub max_size: Option<u64>,
    /// Least bytes that are left free on the disk.
    pub min_free: Option<u64>,
    /// Answers that nobody asked for for so long are dropped.
    pub inactive: Duration,
    /// What tells answers apart; `None`: scheme, backend and target.
    pub key: Option<Template>,
    /// Answers to these methods are kept; GET and HEAD are always among them.
    pub methods: Vec<Method>,
    /// Which answers are kept, and for how long, where they do not say so themselves.
    pub statuses: Option<CacheStatuses>,
    /// What the backend says of caching is of no account.
    pub overrides_backend: bool,
    /// When an answer that is too old is given all the same.
    pub stale: Vec<StaleCondition>,
    /// Whether old answers are asked for with `If-Modified-Since` and `If-None-Match`.
    pub revalidate: bool,
    /// Whether a new answer is fetched after the old one was given.
    pub background_update: bool,
    /// So many requests come before the answer is kept.
    pub min_uses: u32,
    /// One request fetches, the others wait.
    pub lock: Option<CacheLock>,
    /// An answer is not kept where one of them is neither empty nor `0`.
    pub no_cache: Vec<Template>,
    /// An answer is not taken from the cache where one of them is neither empty nor `0`.
    pub bypass: Vec<Template>,
    /// Clients that may drop answers with PURGE.
    pub purge: Networks,
    /// Where it was written.
    pub origin: Origin,
}

/// Which answers are kept, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheStatuses {
    /// `None` for any status.
    pub statuses: Option<Vec<StatusCode>>,
    /// For how long.
    pub time: Duration,
}

/// One request fetches, the others wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheLock {
    /// For so long.
    pub timeout: Duration,
    /// After so long, another one fetches too.
    pub age: Duration,
}

/// When an answer that is too old is given all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StaleCondition {
    /// The backend could not be reached.
    Error,
    /// The backend took too long.
    Timeout,
    /// The backend's answer was not HTTP.
    InvalidHeader,
    /// A new one is being fetched.
    Updating,
    /// The backend answered with this status.
    Status(StatusCode),
}
