//! How the Services that rules name are spoken to (gateway-api §15.4, §20.3).

use super::policy::BackendTlsPolicies;
use super::reference;
use crate::diagnostic::Diagnostic;
use crate::resource::Resource;
use crate::resource::service::Service;
use crate::rules::{PortSpeech, ServiceName, ServiceTls};
use crate::translate::Context;

/// Says how the Services that rules name are spoken to, once it is known which of them there are.
pub(super) fn speak(policies: &BackendTlsPolicies<'_>, context: &mut Context<'_>) {
    let resources = context.resources;
    for name in context.services.names() {
        let service = resources.service(&name);
        let mut speech =
            service.map_or_else(Vec::new, |service| speech(policies, &name, service, context));
        // Of other ports nobody knows the name, but a policy may speak for all of them.
        let documented = |port: &u16| {
            service.is_some_and(|s| s.spec.tcp_ports().any(|written| written.port == *port))
        };
        let ports = &context.services.service(&name).ports;
        if !ports.as_ref().is_some_and(|ports| ports.iter().all(documented)) {
            let tls = policies.of_all_ports(&name);
            speech.extend(tls.map(|tls| PortSpeech::within(None, tls)));
        }
        if !speech.is_empty() {
            context.services.set_speech(&name, speech);
        }
    }
}

/// How the ports of a Service are spoken to, those of which something is said.
fn speech(
    policies: &BackendTlsPolicies<'_>,
    name: &ServiceName,
    service: &Resource<Service>,
    context: &mut Context<'_>,
) -> Vec<PortSpeech> {
    let mut speech = Vec::new();
    for port in service.spec.tcp_ports() {
        let said = port.app_protocol.as_deref().unwrap_or_default();
        let protocol = reference::spoken(said).unwrap_or_else(|message| {
            let origin = service.document.object_origin();
            let message = format!("`appProtocol` of port {}: {message}", port.port);
            let problem = Diagnostic::warning("unknown-protocol", &origin, message);
            context.problems.push(problem);
            None
        });
        let tls = policies.find(name, port.port, context.resources);
        // The check of references does not see where TrafficSplits lead.
        let untrusted = |reason: &str| ServiceTls::Impossible(reason.into());
        let tls = tls.or_else(|| reference::without_tls(said).err().map(untrusted));
        if protocol.is_some() || tls.is_some() {
            speech.push(PortSpeech { port: Some(port.port), protocol, tls });
        }
    }
    speech
}
