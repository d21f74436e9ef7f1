//! Services among each other: calls that come to the addresses of Services, or from other proxies,
//! and who this proxy is among them.

mod identity;
#[cfg(test)]
mod tests;

use super::Context;
use super::hosts::{Claim, Rank, Socket};
use super::service_route::service_route;
use crate::diagnostic::Diagnostic;
use crate::origin::{ObjectRef, Origin};
use crate::rules::{MeshIdentity, Protocol, ServiceName};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// Where other proxies call the workload of a Service, in mutual TLS alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// The Service.
    pub service: ServiceName,
    /// Its port.
    pub port: u16,
    /// Where its calls come.
    pub address: SocketAddr,
}

/// Claims what is called by its Service alone.
pub(super) fn claim(context: &mut Context<'_>) {
    if context.options.mesh {
        claim_addresses(context);
    }
    claim_inbound(context);
}

/// Who the proxy is, as options and documents say it.
pub(super) fn identity(context: &mut Context<'_>) -> Option<Arc<MeshIdentity>> {
    let identity = identity::read(context);
    if context.options.identity.is_none() {
        warn_of_strangers(context);
    }
    identity
}

/// A client that has looked up the address of a Service means that Service, whatever host it names.
fn claim_addresses(context: &mut Context<'_>) {
    for service in context.resources.services() {
        let name = ServiceName::new(&service.meta.namespace, &service.meta.name);
        let origin = service.document.object_origin();
        for port in service.spec.tcp_ports() {
            let route = service_route(&name, port.port, true, &origin, context);
            for address in &service.spec.cluster_ips {
                let socket = Socket::of_service(&name, Some(*address), port.port, &origin);
                context.claims.push(Claim {
                    created: service.meta.creation_timestamp.clone(),
                    uid: service.meta.uid.clone(),
                    ..Claim::of_service(socket, route.clone())
                });
            }
        }
    }
}

/// The proxy of the caller has chosen already (smi S-16): no TrafficSplit sends a call on from here.
fn claim_inbound(context: &mut Context<'_>) {
    let mut taken: BTreeMap<SocketAddr, &Inbound> = BTreeMap::new();
    for inbound in &context.options.inbound {
        let Inbound { service: name, port, address } = inbound;
        let document = context.resources.service(name).map(|s| s.document.object_origin());
        let object = || ObjectRef::new("Service", &name.namespace, &name.name);
        let origin = document.unwrap_or_else(|| Origin::new(object(), ""));
        let service = context.services.service(name);
        let wrong = if !service.exists {
            Some(("not-found", format!("there is no Service `{name}` to take calls for")))
        } else if !service.has_port(*port) {
            Some(("unknown-port", format!("`{name}` has no port {port} to take calls for")))
        } else {
            taken.insert(*address, inbound).map(|first| {
                taken.insert(*address, first);
                let Inbound { service, port, .. } = first;
                ("port-conflict", format!("{address} takes the calls for `{service}:{port}`"))
            })
        };
        if let Some((code, message)) = wrong {
            context.problems.push(Diagnostic::error(code, &origin, message));
            continue;
        }
        let route = service_route(name, *port, false, &origin, context);
        let socket = Socket::of_service(name, Some(address.ip()), address.port(), &origin);
        let socket = Socket { protocol: Protocol::Https, mutual_tls: true, ..socket };
        let claim = Claim { rank: Rank::Ordered, ..Claim::of_service(socket, route) };
        context.claims.push(claim);
    }
}

/// Nothing is sent in plain to who is to be spoken to in mutual TLS.
fn warn_of_strangers(context: &mut Context<'_>) {
    for service in context.resources.services().filter(|service| service.spec.mutual_tls) {
        let name = ServiceName::new(&service.meta.namespace, &service.meta.name);
        if context.services.is_named(&name) {
            let message = "mutual TLS is asked for, and the proxy has no identity to show";
            let origin = service.document.object_origin();
            context.problems.push(
                Diagnostic::warning("no-identity", &origin, message)
                    .help("name the Secret with its certificate; until then nothing is sent"),
            );
        }
    }
}
