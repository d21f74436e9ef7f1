//! How often, and how long, a Service is asked (smi §8).

use super::{GroupMatches, ServiceId};
use crate::origin::Origin;
use std::fmt;
use std::time::Duration;

/// A RateLimit of a Service (smi §8.1).
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceLimit {
    /// How many requests each source has.
    pub requests: u32,
    /// In what time.
    pub per: Duration,
    /// Whom it limits, each with a share of its own (smi N-2). None at all: everybody together
    /// whom no other limit of the Service lists (smi N-4).
    pub sources: Vec<WorkloadName>,
    /// How many requests may run ahead of the rate.
    pub burst: u32,
    /// How many of these go at once; `None` for all of them.
    pub at_once: Option<u32>,
    /// Of which one must hold; `None`: every request counts.
    pub matches: Option<GroupMatches>,
    /// Which endpoints it protects, by their position in [`super::Access::workloads`]; `None` for
    /// all of the Service.
    pub workloads: Option<Vec<usize>>,
    /// Where it was written.
    pub origin: Origin,
}

/// A workload or a Service, as a caller: `Deployment/default/web`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadName {
    /// `Service`, `Deployment`, `DaemonSet`, `StatefulSet` or `Pod`.
    pub kind: Box<str>,
    /// The namespace.
    pub namespace: Box<str>,
    /// The name.
    pub name: Box<str>,
}

impl fmt::Display for WorkloadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
    }
}

/// When an endpoint of a Service is left alone for a while (smi §8.2).
#[derive(Debug, Clone, PartialEq)]
pub struct CircuitBreaker {
    /// So many failures within `window` trip it; 0 for never.
    pub errors: u32,
    /// The time that failures are counted in, and that a pause lasts.
    pub window: Duration,
    /// Whether answers with a status from 500 on are failures.
    pub counts_5xx: bool,
    /// The Service and port that are asked instead while all endpoints pause.
    pub fallback: Option<(ServiceId, u16)>,
    /// Where it was written.
    pub origin: Origin,
}
