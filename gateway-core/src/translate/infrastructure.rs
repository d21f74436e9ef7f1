//! What is asked of whatever is created for a Gateway.

use crate::origin::ObjectRef;
use std::sync::Arc;

/// Labels and annotations for everything that is created in the cluster for a Gateway (gateway-api
/// §5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Infrastructure {
    /// The Gateway.
    pub gateway: Arc<ObjectRef>,
    /// In the order in which they were written.
    pub labels: Vec<(Box<str>, Box<str>)>,
    /// In the order in which they were written.
    pub annotations: Vec<(Box<str>, Box<str>)>,
}
