//! Gateway and GatewayClass of `gateway.networking.k8s.io`.

use super::Problems;
use super::document::Value;

/// As written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gateway {}

impl Gateway {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let _ = (root, problems);
        todo!()
    }
}

/// As written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GatewayClass {}

impl GatewayClass {
    /// Reads a whole document.
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let _ = (root, problems);
        todo!()
    }
}
