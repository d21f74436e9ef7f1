//! Gateway of `gateway.networking.k8s.io` (gateway-api §5).
//!
//! Reading checks what the API server would check (gateway-api §25). Everything else that is
//! wrong with a listener leaves the others alone, so it is found when listeners are translated.

mod address;
mod class;
mod infrastructure;
mod listener;
mod namespaces;
#[cfg(all(test, feature = "yaml"))]
mod tests;
mod tls;

use super::Problems;
use super::document::{Located, Value};
use super::gateway_route::ChannelFaults;
use super::object_reference::ObjectReference;
use super::scalar::{self, OBJECT_NAME};
pub(crate) use address::Address;
pub(crate) use class::GatewayClass;
pub(crate) use infrastructure::Infrastructure;
pub(crate) use listener::{Listener, ListenerProtocol};
pub(crate) use namespaces::FromNamespaces;
pub(crate) use tls::Frontend;
#[allow(unused_imports, reason = "for those who put them into effect")]
pub(crate) use {
    listener::{AllowedRoutes, ListenerTls, TlsMode},
    tls::ClientValidation,
};

/// As written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gateway {
    pub(crate) class: Option<Located<Box<str>>>,
    pub(crate) listeners: Vec<Listener>,
    /// None: whichever there are.
    pub(crate) addresses: Vec<Address>,
    pub(crate) infrastructure: Infrastructure,
    /// From where ListenerSets may come.
    pub(crate) allowed_listeners: FromNamespaces,
    /// What is asked of clients where TLS ends; `None`: nothing.
    pub(crate) frontend: Option<Frontend>,
    /// Who the Gateway is to backends that ask over TLS.
    pub(crate) client_certificate: Option<ObjectReference>,
    /// Whether routes may be attached that do not name it.
    pub(crate) default_scope: bool,
    pub(crate) channels: ChannelFaults,
}

impl Gateway {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut gateway = Self {
            class: None,
            listeners: Vec::new(),
            addresses: Vec::new(),
            infrastructure: Infrastructure::default(),
            allowed_listeners: FromNamespaces::None,
            frontend: None,
            client_certificate: None,
            default_scope: false,
            channels: ChannelFaults::default(),
        };
        gateway.read_spec(scalar::spec(root, problems)?, problems);
        Some(gateway)
    }

    fn read_spec(&mut self, spec: Value<'_>, problems: &mut Problems) {
        let Some(mut fields) = spec.mapping(problems) else { return };
        if let Some(field) = fields.required("gatewayClassName", problems) {
            let name = OBJECT_NAME.read(field, problems);
            self.class = name.map(|name| field.located(name.into()));
        }
        if let Some(list) = fields.required("listeners", problems) {
            self.listeners = Listener::read_list(list, problems);
        }
        if let Some(list) = fields.field("addresses") {
            self.addresses = Address::read_list(list, problems);
        }
        if let Some(field) = fields.field("infrastructure") {
            self.infrastructure = Infrastructure::read(field, problems);
        }
        if let Some(field) = fields.field("allowedListeners")
            && let Some(from) = FromNamespaces::of_listeners(field, problems)
        {
            self.allowed_listeners = from;
        }
        if let Some(field) = fields.field("tls") {
            (self.frontend, self.client_certificate) = tls::read(field, problems);
        }
        if let Some(field) = fields.field("defaultScope") {
            let scope = scalar::one_of(field, &[("All", true), ("None", false)], problems);
            self.default_scope = scope.unwrap_or_default();
            self.channels.experimental_field(field);
        }
        fields.refuse_older("backendTLS", "spec.tls.backend", problems);
        fields.finish(problems);
    }
}
