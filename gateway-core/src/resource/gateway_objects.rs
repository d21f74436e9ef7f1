//! The objects of the Gateway API, and those that only they refer to, by kind.

use super::backend_tls_policy::BackendTlsPolicy;
use super::config_map::ConfigMap;
use super::gateway::{Gateway, GatewayClass};
use super::gateway_route::GatewayRoute;
use super::listener_set::ListenerSet;
use super::reference_grant::ReferenceGrant;
use super::{Object, Resource, Resources};
use crate::origin::ObjectRef;
use std::collections::BTreeMap;

/// The label that every namespace has: its name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

impl Resources {
    /// By namespace and name.
    pub(crate) fn gateways(&self) -> impl Iterator<Item = &Resource<Gateway>> {
        self.of_kind("Gateway", |o| if let Object::Gateway(r) = o { Some(r) } else { None })
    }

    /// The Gateway of a name.
    pub(crate) fn gateway(&self, namespace: &str, name: &str) -> Option<&Resource<Gateway>> {
        match self.objects.get(&ObjectRef::new("Gateway", namespace, name))? {
            Object::Gateway(gateway) => Some(gateway),
            _ => None,
        }
    }

    /// The GatewayClass of a name.
    pub(crate) fn gateway_class(&self, name: &str) -> Option<&Resource<GatewayClass>> {
        match self.objects.get(&ObjectRef::new("GatewayClass", "", name))? {
            Object::GatewayClass(class) => Some(class),
            _ => None,
        }
    }

    /// By name.
    pub(crate) fn gateway_classes(&self) -> impl Iterator<Item = &Resource<GatewayClass>> {
        self.of_kind(
            "GatewayClass",
            |o| if let Object::GatewayClass(r) = o { Some(r) } else { None },
        )
    }

    /// By kind, namespace and name.
    pub(crate) fn gateway_routes(&self) -> impl Iterator<Item = &Resource<GatewayRoute>> {
        let grpc = self
            .of_kind("GRPCRoute", |o| if let Object::GrpcRoute(r) = o { Some(r) } else { None });
        let http = self
            .of_kind("HTTPRoute", |o| if let Object::HttpRoute(r) = o { Some(r) } else { None });
        grpc.chain(http)
    }
}

impl Resources {
    /// By namespace and name.
    pub(crate) fn listener_sets(&self) -> impl Iterator<Item = &Resource<ListenerSet>> {
        self.of_kind("ListenerSet", |o| if let Object::ListenerSet(r) = o { Some(r) } else { None })
    }

    /// By namespace and name.
    pub(crate) fn reference_grants(&self) -> impl Iterator<Item = &Resource<ReferenceGrant>> {
        self.of_kind("ReferenceGrant", |o| {
            if let Object::ReferenceGrant(r) = o { Some(r) } else { None }
        })
    }

    /// By namespace and name.
    pub(crate) fn backend_tls_policies(&self) -> impl Iterator<Item = &Resource<BackendTlsPolicy>> {
        self.of_kind("BackendTLSPolicy", |o| {
            if let Object::BackendTlsPolicy(r) = o { Some(r) } else { None }
        })
    }

    /// The ConfigMap of a name.
    pub(crate) fn config_map(&self, namespace: &str, name: &str) -> Option<&Resource<ConfigMap>> {
        match self.objects.get(&ObjectRef::new("ConfigMap", namespace, name))? {
            Object::ConfigMap(map) => Some(map),
            _ => None,
        }
    }

    /// The labels of a namespace; its name is always among them, also where no document describes
    /// it (gateway-api §9.2). `None`: its document could not be read, so that they are not known.
    pub(crate) fn namespace_labels(&self, name: &str) -> Option<BTreeMap<Box<str>, Box<str>>> {
        let mut labels = match self.objects.get(&ObjectRef::new("Namespace", "", name)) {
            Some(Object::Namespace(namespace)) => namespace.meta.labels.clone(),
            _ if self.is_refused("Namespace", "", name) => return None,
            _ => BTreeMap::new(),
        };
        labels.insert(NAME_LABEL.into(), name.into());
        Some(labels)
    }
}

#[cfg(all(test, feature = "yaml"))]
mod tests {
    use crate::resource::tests::{read, shown};

    #[test]
    fn namespaces_have_their_name_as_a_label() {
        // gateway-api §9.2
        let resources = read(
            "apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: web, kubernetes.io/metadata.name: forged}}
spec: {finalizers: [kubernetes]}
status: {phase: Active}
---
{apiVersion: v1, kind: Namespace, metadata: {name: bare}}
",
        );
        assert_eq!(resources.diagnostics(), []);
        for (name, want) in [
            ("shop", "kubernetes.io/metadata.name=shop team=web"),
            ("bare", "kubernetes.io/metadata.name=bare"),
            ("elsewhere", "kubernetes.io/metadata.name=elsewhere"),
        ] {
            let labels = resources.namespace_labels(name).unwrap();
            let labels: Vec<_> =
                labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            assert_eq!(labels.join(" "), want);
        }
    }

    #[test]
    fn namespaces_belong_to_none() {
        let resources =
            read("apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {b: 1}}");
        assert_eq!(
            shown(&resources),
            [
                "f.yaml:3:33: error[wrong-type]: Namespace a: metadata.labels.b: expected text, found \
              the number `1`; put it in quotes"
            ]
        );
    }
}
