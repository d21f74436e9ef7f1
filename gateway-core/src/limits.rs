//! What compiling refuses.

use crate::request::MAX_PATH;
use crate::rules::MAX_CONDITIONS;

/// What compiling refuses. The rules may come from somebody who means no good; each limit has an
/// error of its own, which says by how much it is exceeded.
///
/// Besides these, an expression has at most [`MAX_REGEX_LENGTH`] characters and compiles to at
/// most [`MAX_REGEX_BYTES`] bytes, and of the places that a path passes at most 64 may have a
/// parameter beside a literal.
///
/// ```
/// # use gateway_core::{Limits, Router, rules::RuleSet};
/// let limits = Limits { routes: 10_000, ..Limits::default() };
/// let router = Router::compile_with(&RuleSet::default(), &limits)?;
/// # Ok::<(), gateway_core::CompileErrors>(())
/// ```
///
/// [`MAX_REGEX_LENGTH`]: crate::rules::MAX_REGEX_LENGTH
/// [`MAX_REGEX_BYTES`]: crate::rules::MAX_REGEX_BYTES
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most routes of one host: 1,000,000 by default.
    pub routes_per_host: usize,
    /// Most routes in all, and matches of TrafficSplits: 10,000,000 by default.
    pub routes: usize,
    /// Most conditions of one route: 256 by default.
    pub conditions_per_route: usize,
    /// Most octets of the path of one route: 8,192 by default, since no longer path of a request
    /// is matched. More than that is the same as that.
    pub path_length: usize,
    /// Most bytes of all compiled expressions together: 1 GiB by default. Copies of an expression
    /// within a host are counted once.
    pub regex_bytes: usize,
    /// Most bytes of the automata that find many expressions at once, together: 1 GiB by default.
    pub automata_bytes: usize,
    /// In how many ways a path may have to be followed, at most: 1,024 by default. Where patterns
    /// have a parameter beside a literal on k levels, in all combinations, there are 2^k ways. More
    /// than 65,534 is the same as that.
    pub crossing_width: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            routes_per_host: 1_000_000,
            routes: 10_000_000,
            conditions_per_route: MAX_CONDITIONS,
            path_length: MAX_PATH,
            regex_bytes: 1 << 30,
            automata_bytes: 1 << 30,
            crossing_width: 1024,
        }
    }
}
