//! How TLS ends at a listener: the certificates that are shown, and what is asked of clients
//! (gateway-api §7).

use super::super::fault::Fault;
use super::super::grants::{Grants, Referrer};
use super::super::material::{AuthorityReasons, Finder};
use super::section::{Cause, Refusal, Section};
use crate::resource::Resource;
use crate::resource::gateway::{ClientValidation, Gateway};
use crate::rules::{Certificate, ClientTrust, ServerTls};
use crate::translate::Context;
use std::collections::BTreeMap;
use std::sync::Arc;

const INVALID_CERTIFICATE: &str = "InvalidCertificateRef";

/// What is asked of the clients of a port.
#[derive(Clone)]
struct Clients {
    /// `None`: nothing, or nobody could be let in.
    trust: Option<Arc<ClientTrust>>,
    fault: Option<Fault>,
    /// Whether no authority is left, so that every connection has to fail.
    hopeless: bool,
}

/// What is asked of clients of a Gateway, by port: each port is looked at once.
#[derive(Default)]
pub(super) struct Frontends {
    by_port: BTreeMap<u16, Clients>,
}

/// Gives a section of protocol HTTPS its certificates, and what is asked of clients.
pub(super) fn resolve<'a>(
    section: &mut Section<'a>,
    grants: &Grants<'a>,
    frontends: &mut Frontends,
    context: &mut Context<'a>,
) {
    if !section.is_https() {
        return;
    }
    let mut certificates = certificates(section, grants, context);
    let clients = frontends.of(section.gateway, section.listener.port, grants, context);
    if let Some(fault) = clients.fault {
        section.unresolved.get_or_insert(fault);
    }
    if clients.hopeless {
        // Without a certificate of ours no handshake succeeds.
        certificates.clear();
        section.refusal.get_or_insert_with(|| Refusal {
            cause: Cause::Clients,
            reason: "NoValidCACertificate",
            message: "none of the authorities of client certificates can be used".into(),
        });
    }
    let tls = ServerTls { certificates, clients: clients.trust, exclusive: true };
    section.tls = Some(Arc::new(tls));
}

fn certificates<'a>(
    section: &mut Section<'a>,
    grants: &Grants<'a>,
    context: &mut Context<'a>,
) -> Vec<Certificate> {
    let owner = section.owner;
    let references = section.listener.tls.as_ref().map_or(&[][..], |tls| &tls.certificates);
    if references.is_empty() {
        let fault = Fault::new(INVALID_CERTIFICATE, "an HTTPS listener needs a certificate");
        let fault = fault.help("name it in `tls.certificateRefs`".to_owned());
        fault.warn(&section.origin(), context);
        section.unresolved.get_or_insert(fault);
    }
    let referrer = Referrer { kind: &owner.object().kind, namespace: &owner.meta().namespace };
    let finder = Finder { resources: context.resources, grants, referrer };
    let mut found = Vec::with_capacity(references.len());
    for reference in references {
        match finder.certificate(reference, INVALID_CERTIFICATE) {
            Ok(certificate) => found.push(certificate),
            Err(fault) => {
                fault.tell(&owner.origin(reference.at), context);
                section.unresolved.get_or_insert(fault);
            }
        }
    }
    found
}

impl Frontends {
    fn of<'a>(
        &mut self,
        gateway: &'a Resource<Gateway>,
        port: u16,
        grants: &Grants<'a>,
        context: &mut Context<'a>,
    ) -> Clients {
        if let Some(known) = self.by_port.get(&port) {
            return known.clone();
        }
        let clients = match validation(gateway, port) {
            Some(validation) => clients(validation, gateway, grants, context),
            None => Clients { trust: None, fault: None, hopeless: false },
        };
        self.by_port.insert(port, clients.clone());
        clients
    }

    /// Whether clients without a valid certificate are let in on some port.
    pub(super) fn are_insecure(&self, gateway: &Resource<Gateway>) -> bool {
        let ports = self.by_port.keys();
        ports.filter_map(|port| validation(gateway, *port)).any(|v| v.insecure_fallback)
    }
}

/// What is asked of the clients of a port: what is written for it alone takes the place of the
/// default, also where it asks nothing.
fn validation(gateway: &Resource<Gateway>, port: u16) -> Option<&ClientValidation> {
    let frontend = gateway.spec.frontend.as_ref()?;
    match frontend.per_port.iter().find(|(of, ..)| *of == port) {
        Some((_, own, _)) => own.as_ref(),
        None => frontend.default.as_ref(),
    }
}

fn clients<'a>(
    validation: &ClientValidation,
    gateway: &'a Resource<Gateway>,
    grants: &Grants<'a>,
    context: &mut Context<'a>,
) -> Clients {
    let referrer = Referrer { kind: "Gateway", namespace: &gateway.meta.namespace };
    let finder = Finder { resources: context.resources, grants, referrer };
    let reasons =
        AuthorityReasons { reference: "InvalidCACertificateRef", kind: "InvalidCACertificateKind" };
    let mut authorities = Vec::new();
    let mut first_fault = None;
    for reference in &validation.authorities {
        match finder.authority(reference, reasons) {
            Ok(authority) => authorities.push(authority),
            Err(fault) => {
                fault.tell(&gateway.origin(reference.at), context);
                first_fault.get_or_insert(fault);
            }
        }
    }
    let hopeless = authorities.is_empty();
    let trust = ClientTrust {
        authorities,
        insecure_fallback: validation.insecure_fallback && !hopeless,
        origin: gateway.origin(validation.at),
    };
    Clients { trust: Some(Arc::new(trust)), fault: first_fault, hopeless }
}
