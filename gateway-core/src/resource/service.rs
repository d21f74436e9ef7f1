//! Service, EndpointSlice and Endpoints (`v1`, `discovery.k8s.io/v1`).

use super::Problems;
use super::document::Value;

/// A Service as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Service {}

/// An EndpointSlice, or an Endpoints object brought to the same form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EndpointSlice {}

impl Service {
    /// Reads a whole document. Problems are pushed; `None` only when nothing useful is left.
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let _ = (root, problems);
        todo!()
    }
}

impl EndpointSlice {
    /// Reads a whole document of kind EndpointSlice.
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let _ = (root, problems);
        todo!()
    }
}
