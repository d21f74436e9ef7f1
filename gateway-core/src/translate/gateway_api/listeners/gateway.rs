//! What a Gateway says besides its listeners (gateway-api §5, §20.5).

use super::super::fault::Fault;
use super::super::grants::{Grants, Referrer};
use super::super::material::Finder;
use super::section::Section;
use crate::origin::Origin;
use crate::resource::Resource;
use crate::resource::gateway::{Address, Gateway};
use crate::resource::listener_set::ListenerSet;
use crate::rules::Certificate;
use crate::translate::{Context, Infrastructure};
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

/// A Gateway that is ours, and what has become of it.
pub(in super::super) struct GatewayState<'a> {
    pub(in super::super) gateway: &'a Resource<Gateway>,
    /// The sections that it has itself.
    pub(in super::super) own: Range<usize>,
    pub(in super::super) sets: Vec<SetState<'a>>,
    /// Why it is not accepted, besides its listeners.
    pub(in super::super) refused: Option<Fault>,
    /// Why it cannot be reached where it wants to be.
    pub(in super::super) unreachable: Option<Fault>,
    /// Where it can be reached.
    pub(in super::super) addresses: Vec<IpAddr>,
    /// What is shown to backends, if anything is asked for.
    pub(in super::super) client_certificate: Option<Result<Certificate, Fault>>,
    /// Whether clients without a valid certificate are let in somewhere.
    pub(in super::super) insecure: bool,
}

/// A ListenerSet of a Gateway that is ours.
pub(in super::super) struct SetState<'a> {
    pub(in super::super) set: &'a Resource<ListenerSet>,
    /// Its sections; none where the Gateway does not take it.
    pub(in super::super) sections: Range<usize>,
    /// Why the Gateway does not take it.
    pub(in super::super) refused: Option<Fault>,
}

impl SetState<'_> {
    /// Whether the Gateway takes it, and one of its listeners, which are `sections`, is accepted.
    pub(in super::super) fn is_accepted(&self, sections: &[Section<'_>]) -> bool {
        self.refused.is_none() && sections.iter().any(|section| section.refusal.is_none())
    }
}

impl<'a> GatewayState<'a> {
    /// Looks at everything but the listeners.
    pub(super) fn of(
        gateway: &'a Resource<Gateway>,
        grants: &Grants<'a>,
        context: &mut Context<'a>,
    ) -> Self {
        let mut state = Self {
            gateway,
            own: 0..0,
            sets: Vec::new(),
            refused: None,
            unreachable: None,
            addresses: Vec::new(),
            client_certificate: None,
            insecure: false,
        };
        let asked = &gateway.spec.infrastructure;
        if !asked.labels.is_empty() || !asked.annotations.is_empty() {
            context.infrastructure.push(Infrastructure {
                gateway: Arc::clone(gateway.object()),
                labels: asked.labels.clone(),
                annotations: asked.annotations.clone(),
            });
        }
        if let Some(at) = asked.parameters {
            let fault = Fault::new("InvalidParameters", "`parametersRef` is not supported");
            let fault = fault.help("its listeners are served all the same".to_owned());
            fault.warn(&gateway.origin(at), context);
            state.refused = Some(fault);
        }
        state.find_addresses(context);
        if let Some(reference) = &gateway.spec.client_certificate {
            let referrer = Referrer { kind: "Gateway", namespace: &gateway.meta.namespace };
            let finder = Finder { resources: context.resources, grants, referrer };
            let found = finder.certificate(reference, "InvalidClientCertificateRef");
            if let Err(fault) = &found {
                fault.tell(&gateway.origin(reference.at), context);
            }
            state.client_certificate = Some(found);
        }
        state
    }

    /// Takes of the addresses that there are those that are asked for.
    fn find_addresses(&mut self, context: &mut Context<'a>) {
        let known = &context.options.addresses;
        let wanted = &self.gateway.spec.addresses;
        if wanted.is_empty() {
            self.addresses.clone_from(known);
            return;
        }
        let named: Vec<IpAddr> = wanted.iter().filter_map(named).collect();
        for address in wanted {
            let taken = |found: &IpAddr| self.addresses.contains(found) || named.contains(found);
            match find(address, known, taken) {
                Ok(found) => self.addresses.push(found),
                Err(fault) => {
                    let origin: Origin = self.gateway.origin(address.at);
                    fault.warn(&origin, context);
                    match fault.reason {
                        "UnsupportedAddress" => self.refused.get_or_insert(fault),
                        _ => self.unreachable.get_or_insert(fault),
                    };
                }
            }
        }
    }
}

/// The address that is meant. Where nobody says which there are, those that are asked for are taken
/// to be there.
fn find(
    wanted: &Address,
    known: &[IpAddr],
    taken: impl Fn(&IpAddr) -> bool,
) -> Result<IpAddr, Fault> {
    match (&*wanted.kind, &wanted.value) {
        ("IPAddress", Some(text)) => {
            let address = named(wanted).filter(|a| known.is_empty() || known.contains(a));
            address.ok_or_else(|| {
                Fault::new("AddressNotUsable", format!("`{text}` is none of the addresses"))
            })
        }
        ("Hostname", Some(name)) => {
            let message = format!("`{name}` is a name, and only addresses can be assigned");
            Err(Fault::new("AddressNotUsable", message))
        }
        ("IPAddress" | "Hostname", None) => {
            let free = known.iter().find(|address| !taken(address));
            let free = free.filter(|_| &*wanted.kind == "IPAddress");
            free.copied().ok_or_else(|| {
                Fault::new("AddressNotAssigned", "there is no address that could be assigned")
            })
        }
        (kind, _) => {
            let message = format!("addresses of type `{kind}` are not supported");
            let help = "the types are `IPAddress` and `Hostname`".to_owned();
            Err(Fault::new("UnsupportedAddress", message).help(help))
        }
    }
}

/// The address that is asked for, where it is a certain one.
fn named(wanted: &Address) -> Option<IpAddr> {
    let text = wanted.value.as_ref().filter(|_| &*wanted.kind == "IPAddress");
    text.and_then(|text| text.parse().ok())
}
