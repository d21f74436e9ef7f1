//! HTTPRoute of `gateway.networking.k8s.io`.

use super::Problems;
use super::document::Value;

/// As written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HttpRoute {}

impl HttpRoute {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let _ = (root, problems);
        todo!()
    }
}
