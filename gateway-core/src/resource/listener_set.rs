//! ListenerSet of `gateway.networking.k8s.io` (gateway-api §8).

use super::Problems;
use super::document::Value;
use super::gateway::Listener;
use super::object_reference::ObjectReference;
use super::scalar;

/// More listeners of a Gateway, as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ListenerSet {
    /// The Gateway.
    pub(crate) parent: ObjectReference,
    pub(crate) listeners: Vec<Listener>,
}

impl ListenerSet {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut fields = scalar::spec(root, problems)?.mapping(problems)?;
        let gateway = Some(("gateway.networking.k8s.io", "Gateway"));
        let parent = fields.required("parentRef", problems);
        let parent = parent.and_then(|v| ObjectReference::read(v, gateway, problems));
        let listeners = fields.required("listeners", problems);
        let listeners = listeners.map_or_else(Vec::new, |v| Listener::read_list(v, problems));
        fields.finish(problems);
        Some(Self { parent: parent?, listeners })
    }
}
