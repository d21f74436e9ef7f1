//! The objects of a service mesh, and the workloads in it, by kind.

use super::circuit_breaker::CircuitBreaker;
use super::identity_binding::IdentityBinding;
use super::layer4_route::Layer4Route;
use super::rate_limit::RateLimit;
use super::traffic_target::TrafficTarget;
use super::workload::{Workload, WorkloadKind};
use super::{Object, Resource, Resources};
use crate::origin::ObjectRef;

impl Resources {
    /// By namespace and name.
    pub(crate) fn traffic_targets(&self) -> impl Iterator<Item = &Resource<TrafficTarget>> {
        self.of_kind(
            "TrafficTarget",
            |o| {
                if let Object::TrafficTarget(r) = o { Some(r) } else { None }
            },
        )
    }

    /// By namespace and name.
    pub(crate) fn identity_bindings(&self) -> impl Iterator<Item = &Resource<IdentityBinding>> {
        self.of_kind("IdentityBinding", |o| {
            if let Object::IdentityBinding(r) = o { Some(r) } else { None }
        })
    }

    /// The IdentityBinding of a name.
    pub(crate) fn identity_binding(
        &self,
        namespace: &str,
        name: &str,
    ) -> Option<&Resource<IdentityBinding>> {
        match self.objects.get(&ObjectRef::new("IdentityBinding", namespace, name))? {
            Object::IdentityBinding(binding) => Some(binding),
            _ => None,
        }
    }

    /// Those of SMI, by namespace and name.
    pub(crate) fn tcp_routes(&self) -> impl Iterator<Item = &Resource<Layer4Route>> {
        self.of_kind("TCPRoute", |o| if let Object::Layer4Route(r) = o { Some(r) } else { None })
    }

    /// Those of SMI, by namespace and name.
    pub(crate) fn udp_routes(&self) -> impl Iterator<Item = &Resource<Layer4Route>> {
        self.of_kind("UDPRoute", |o| if let Object::Layer4Route(r) = o { Some(r) } else { None })
    }

    /// By namespace and name.
    pub(crate) fn rate_limits(&self) -> impl Iterator<Item = &Resource<RateLimit>> {
        self.of_kind("RateLimit", |o| if let Object::RateLimit(r) = o { Some(r) } else { None })
    }

    /// By namespace and name.
    pub(crate) fn circuit_breakers(&self) -> impl Iterator<Item = &Resource<CircuitBreaker>> {
        self.of_kind("CircuitBreaker", |o| {
            if let Object::CircuitBreaker(r) = o { Some(r) } else { None }
        })
    }

    /// The workload of a kind and a name.
    pub(crate) fn workload(
        &self,
        kind: WorkloadKind,
        namespace: &str,
        name: &str,
    ) -> Option<&Resource<Workload>> {
        match self.objects.get(&ObjectRef::new(kind.name(), namespace, name))? {
            Object::Workload(workload) => Some(workload),
            _ => None,
        }
    }

    /// By kind, Pods first, then by namespace and name.
    pub(crate) fn workloads(&self) -> impl Iterator<Item = &Resource<Workload>> {
        WorkloadKind::ALL.into_iter().flat_map(|(kind, _)| {
            self.of_kind(kind, |o| if let Object::Workload(r) = o { Some(r) } else { None })
        })
    }
}
