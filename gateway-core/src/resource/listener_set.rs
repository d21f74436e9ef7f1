//! ListenerSet of `gateway.networking.k8s.io` (gateway-api §8).

use super::GATEWAY_GROUP;
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
        let gateway = Some((GATEWAY_GROUP, "Gateway"));
        let parent = fields.required("parentRef", problems);
        let parent = parent.and_then(|v| ObjectReference::read(v, gateway, problems));
        let listeners = fields.required("listeners", problems);
        let listeners = listeners.map_or_else(Vec::new, |v| Listener::read_list(v, problems));
        fields.finish(problems);
        Some(Self { parent: parent?, listeners })
    }
}

#[cfg(all(test, feature = "yaml"))]
mod tests {
    use crate::resource::tests::{read, told_of_gateway_api};

    #[test]
    fn listeners_are_those_of_gateways() {
        // gateway-api §8, §25
        let good = "{name: a, port: 80, protocol: HTTP}";
        for (spec, want) in [
            (format!("parentRef: {{name: g}}, listeners: [{good}]"), ""),
            (
                format!("listeners: [{good}]"),
                "spec.parentRef: required field `parentRef` is missing",
            ),
            (
                format!("parentRef: {{namespace: n}}, listeners: [{good}]"),
                "spec.parentRef.name: required field `name` is missing",
            ),
            (
                "parentRef: {name: g}".into(),
                "spec.listeners: required field `listeners` is missing",
            ),
            (
                "parentRef: {name: g}, listeners: []".into(),
                "spec.listeners: at least one entry is needed",
            ),
            (
                format!("parentRef: {{name: g}}, listeners: [{good}, {good}]"),
                "spec.listeners: several listeners have the name `a`",
            ),
            (
                "parentRef: {name: g}, listeners: [{name: a, port: 80, protocol: TLS}]".into(),
                "spec.listeners[0]: a listener of protocol TLS needs `tls`",
            ),
        ] {
            let want: Vec<_> = Some(want).filter(|want| !want.is_empty()).into_iter().collect();
            assert_eq!(told_of_gateway_api("ListenerSet", &format!("{{{spec}}}")), want, "{spec}");
        }
    }

    #[test]
    fn the_parent_is_a_gateway_where_nothing_else_is_said() {
        // gateway-api §8
        for (parent, want) in [
            ("{name: g}", "gateway.networking.k8s.io Gateway - g"),
            ("{group: '', kind: Other, namespace: n, name: g}", " Other n g"),
        ] {
            let resources = read(&format!(
                "apiVersion: gateway.networking.k8s.io/v1\nkind: ListenerSet\nmetadata: {{name: a}}\n\
                 spec: {{parentRef: {parent}, listeners: [{{name: l, port: 80, protocol: HTTP}}]}}"
            ));
            let set = &resources.listener_sets().next().unwrap().spec;
            let namespace = set.parent.namespace.as_deref().unwrap_or("-");
            let (group, kind, name) = (&set.parent.group, &set.parent.kind, &set.parent.name);
            assert_eq!(format!("{group} {kind} {namespace} {name}"), want);
            assert_eq!(&*set.listeners[0].name, "l");
        }
    }
}
