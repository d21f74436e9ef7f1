//! How many requests may come.

use crate::origin::Origin;
use crate::rules::{Field, Template, Test};
use http::StatusCode;
use std::sync::Arc;

/// A leaky bucket for each value of a key (virtualserver §16.2).
#[derive(Debug, Clone, PartialEq)]
pub struct RateLimit {
    /// Whose buckets: limits of one name count together, however many routes they stand on.
    pub bucket: Box<str>,
    /// Requests of one value share a bucket. Those of the empty value are not limited, unless
    /// `counts_empty`.
    pub key: Template,
    /// Whether the empty value has a bucket too (conditional limits).
    pub counts_empty: bool,
    /// How fast a bucket leaks.
    pub rate: Rate,
    /// How many requests beyond the rate a bucket holds.
    pub burst: u32,
    /// How many of them are let through at once; the others wait for their turn. `None`: all.
    pub delay: Option<u32>,
    /// Requests are counted, but neither held up nor turned away.
    pub dry_run: bool,
    /// How loudly a request that is turned away is logged.
    pub log: LimitLog,
    /// The status for requests that are turned away, 400 to 599.
    pub reject: StatusCode,
    /// The rate is that of all replicas together.
    pub scale: bool,
    /// Where it was written.
    pub origin: Origin,
}

/// Requests per time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// So many a second.
    PerSecond(u32),
    /// So many a minute.
    PerMinute(u32),
}

/// A level of logging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LimitLog {
    /// `info`.
    Info,
    /// `notice`.
    Notice,
    /// `warn`.
    Warn,
    /// `error`.
    #[default]
    Error,
}

/// A limit, or several of which a field of the request chooses one.
#[derive(Debug, Clone, PartialEq)]
pub struct RateLimitChoice {
    /// What the cases look at; `None` where there are none.
    pub on: Option<Field>,
    /// The first whose test the field passes is the limit.
    pub cases: Vec<LimitCase>,
    /// The limit where no case holds; `None`: the request is not limited.
    pub otherwise: Option<Arc<RateLimit>>,
}

/// One case of a [`RateLimitChoice`].
#[derive(Debug, Clone, PartialEq)]
pub struct LimitCase {
    /// What is asked of the field.
    pub test: Test,
    /// The limit.
    pub limit: Arc<RateLimit>,
}
