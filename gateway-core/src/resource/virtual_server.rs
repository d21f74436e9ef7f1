//! VirtualServer of `k8s.nginx.org/v1`.

use super::Problems;
use super::document::Value;

/// As written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VirtualServer {}

impl VirtualServer {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let _ = (root, problems);
        todo!()
    }
}
