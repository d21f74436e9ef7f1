//! Why a request is decided as it is: every route looked at, and the first test that failed.

use crate::origin::Origin;

/// A decision with its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The routes looked at, in order of precedence, up to the one that decided.
    pub considered: Vec<Considered>,
}

/// One route that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Considered {
    /// The route.
    pub origin: Origin,
    /// The first test that failed; `None` for the route that decided.
    pub failed: Option<Failure>,
}

/// A test that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What was looked at, for example ``header `x-env` ``.
    pub field: String,
    /// What would have held.
    pub wanted: String,
    /// What the request has; `None` when it has nothing there.
    pub actual: Option<String>,
}
