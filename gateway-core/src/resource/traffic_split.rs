//! TrafficSplit of `split.smi-spec.io`.

use super::Problems;
use super::document::Value;

/// As written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TrafficSplit {}

impl TrafficSplit {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let _ = (root, problems);
        todo!()
    }
}
