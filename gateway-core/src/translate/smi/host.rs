//! Hosts named after Services (smi R-2).

use super::access::Targets;
use super::age;
use super::split::Split;
use crate::origin::Origin;
use crate::rules::{HostPattern, ServiceName};
use crate::sort::sort_by_key;
use crate::translate::Context;
use crate::translate::hosts::{Claim, Rank, Socket};
use crate::translate::service_route::service_route;
use std::collections::{BTreeMap, BTreeSet};

/// A Service with hosts of its own.
struct Named {
    ports: BTreeSet<u16>,
    created: Option<Box<str>>,
    uid: Option<Box<str>>,
    /// Where the oldest split, else a TrafficTarget, names it.
    origin: Origin,
}

/// Claims the hosts of every Service that is a root or a backend, or that TrafficTargets speak for.
pub(super) fn claim(splits: &[Split<'_>], targets: &Targets<'_>, context: &mut Context<'_>) {
    let mut services = named(splits, context);
    name_targets(&mut services, targets, context);
    for (service, named) in services {
        let hosts = hosts(&service, context);
        for &port in &named.ports {
            let route = service_route(&service, port, true, &named.origin, context);
            let socket = Socket::of_service(&service, None, port, &named.origin);
            context.claims.extend(hosts.iter().map(|hostname| Claim {
                hostname: hostname.clone(),
                rank: Rank::ServiceHost,
                created: named.created.clone(),
                uid: named.uid.clone(),
                ..Claim::of_service(socket.clone(), route.clone())
            }));
        }
    }
}

fn named(splits: &[Split<'_>], context: &mut Context<'_>) -> BTreeMap<ServiceName, Named> {
    let mut by_age: Vec<&Split<'_>> = splits.iter().collect();
    sort_by_key(&mut by_age, |split| age(&split.written.meta));
    let mut services: BTreeMap<ServiceName, Named> = BTreeMap::new();
    for split in by_age {
        let written = split.written;
        let mut of_backends = BTreeSet::new();
        let mut name = |service: &ServiceName, at, ports: &BTreeSet<u16>| {
            let named = services.entry(service.clone()).or_insert_with(|| Named {
                ports: BTreeSet::new(),
                created: written.meta.creation_timestamp.clone(),
                uid: written.meta.uid.clone(),
                origin: written.origin(at),
            });
            named.ports.extend(ports);
        };
        for (backend, service) in written.spec.backends.iter().zip(&split.backends) {
            let ports = ports(service, context);
            of_backends.extend(&ports);
            if *service != split.root {
                name(service, backend.service.at, &ports);
            }
        }
        // A root may be a name alone (smi S-15): it is addressed by the ports of its backends.
        let exists = context.services.service(&split.root).exists;
        let ports = if exists { ports(&split.root, context) } else { of_backends };
        name(&split.root, written.spec.service.at, &ports);
    }
    services
}

/// Adds the Services that some TrafficTarget speaks for.
fn name_targets(
    services: &mut BTreeMap<ServiceName, Named>,
    targets: &Targets<'_>,
    context: &mut Context<'_>,
) {
    let governed: Vec<_> = context
        .population
        .iter()
        .filter(|(service, _)| !services.contains_key(service))
        .filter_map(|(service, kinds)| Some((service.clone(), targets.of_service(service, kinds)?)))
        .collect();
    for (service, target) in governed {
        let (meta, origin) = (&target.written.meta, target.grant.origin.clone());
        let (created, uid) = (meta.creation_timestamp.clone(), meta.uid.clone());
        let ports = ports(&service, context);
        services.insert(service, Named { ports, created, uid, origin });
    }
}

/// The port numbers of a Service, none if it does not exist. Where they are not known, the port of
/// HTTP.
fn ports(service: &ServiceName, context: &mut Context<'_>) -> BTreeSet<u16> {
    let service = context.services.service(service);
    match &service.ports {
        Some(ports) => ports.iter().copied().collect(),
        None if service.exists => BTreeSet::from([context.options.http_port]),
        None => BTreeSet::new(),
    }
}

/// The names by which clients call a Service. What is not a DNS name cannot be called.
fn hosts(service: &ServiceName, context: &Context<'_>) -> Vec<HostPattern> {
    let ServiceName { namespace, name } = service;
    let bare = (*namespace == context.options.client_namespace).then(|| name.to_string());
    let qualified = [
        format!("{name}.{namespace}"),
        format!("{name}.{namespace}.svc"),
        format!("{name}.{namespace}.svc.{}", context.options.cluster_domain),
    ];
    bare.into_iter().chain(qualified).filter_map(|host| HostPattern::parse(&host).ok()).collect()
}
