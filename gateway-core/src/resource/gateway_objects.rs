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
#[allow(dead_code, reason = "for those who put it into effect")]
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

impl Resources {
    /// By namespace and name.
    pub(crate) fn gateways(&self) -> impl Iterator<Item = &Resource<Gateway>> {
        self.of_kind("Gateway", |o| if let Object::Gateway(r) = o { Some(r) } else { None })
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

#[allow(dead_code, reason = "for those who put them into effect")]
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
    /// it (gateway-api §9.2).
    pub(crate) fn namespace_labels(&self, name: &str) -> BTreeMap<Box<str>, Box<str>> {
        let mut labels = match self.objects.get(&ObjectRef::new("Namespace", "", name)) {
            Some(Object::Namespace(namespace)) => namespace.meta.labels.clone(),
            _ => BTreeMap::new(),
        };
        labels.insert(NAME_LABEL.into(), name.into());
        labels
    }
}
