//! Listeners: those of GlobalConfigurations, and which of them serve a host (virtualserver §8).

use super::grammar::label;
use super::report::{Fault, Report};
use super::status;
use crate::diagnostic::did_you_mean;
use crate::origin::Origin;
use crate::resource::Resource;
use crate::resource::global_configuration::{GlobalConfiguration, Listener as Written};
use crate::resource::virtual_server::{Text, VirtualServer};
use crate::rules::Protocol;
use crate::translate::hosts::Socket;
use crate::translate::{Context, Options, Status};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

/// The listeners of all GlobalConfigurations.
#[derive(Debug, Default)]
pub(super) struct Listeners<'d> {
    by_name: BTreeMap<&'d str, Listener<'d>>,
    /// Who has which address and port. UDP has ports of its own.
    by_port: BTreeMap<(bool, Option<IpAddr>, u16), Origin>,
}

#[derive(Debug)]
struct Listener<'d> {
    written: &'d Written,
    /// What is bound. A listener with an address is served there alone, on both if it has two;
    /// one without any is served on all.
    addresses: Vec<Option<IpAddr>>,
    origin: Origin,
}

impl<'d> Listeners<'d> {
    /// Reads them. Those that something is wrong with are left out; the others are in force.
    pub(super) fn read(context: &mut Context<'d>) -> Self {
        let mut listeners = Self::default();
        for config in context.resources.global_configurations() {
            let mut report = Report::new(Arc::clone(&config.document));
            for listener in &config.spec.listeners {
                listeners.add(listener, config, context.options, &mut report);
            }
            let found = report.into_problems();
            let all = config.spec.diagnostics.iter().chain(found.told());
            let state = status::state(false, all);
            context.statuses.push(status::of(config, Status::GlobalConfiguration(state)));
            context.problems.append(found);
        }
        listeners
    }

    fn add(
        &mut self,
        written: &'d Written,
        config: &Resource<GlobalConfiguration>,
        options: &Options,
        report: &mut Report,
    ) {
        let origin = config.origin(written.at);
        let name = report.check(written.name.at, self.new_name(&written.name));
        let protocol = match &*written.protocol.value {
            "HTTP" | "TCP" | "UDP" => Ok(()),
            other => Err(Fault::unsupported("protocol", other, ["HTTP", "TCP", "UDP"])),
        };
        let protocol = report.check(written.protocol.at, protocol);
        let port = written.port.value;
        let free = match port == options.http_port || port == options.https_port {
            false => Ok(()),
            true => {
                let message = format!("port {port} is that of hosts without a listener");
                Err(Fault::invalid(message))
            }
        };
        let free = report.check(written.port.at, free);
        let v4 = address::<Ipv4Addr>(written.ipv4.as_ref(), "IPv4", report);
        let v6 = address::<Ipv6Addr>(written.ipv6.as_ref(), "IPv6", report);
        let (Some(()), Some(()), Some(()), Some(v4), Some(v6)) = (name, protocol, free, v4, v6)
        else {
            return;
        };
        let addresses = match (v4, v6) {
            (None, None) => vec![None],
            (v4, v6) => v4.into_iter().chain(v6).map(Some).collect(),
        };
        let is_udp = *written.protocol.value == *"UDP";
        let sockets: Vec<_> = addresses.iter().map(|address| (is_udp, *address, port)).collect();
        if let Some(first) = sockets.iter().find_map(|socket| self.by_port.get(socket)) {
            let message = format!("port {port} is that of {first} already");
            report.error(written.port.at, Fault::new("duplicate-value", message));
            return;
        }
        if *written.protocol.value != *"HTTP" {
            let message = format!(
                "a listener for {} takes no HTTP requests; nothing is served there",
                written.protocol.value
            );
            report.notice(written.protocol.at, Fault::new("no-effect", message));
        }
        self.by_port.extend(sockets.into_iter().map(|socket| (socket, origin.clone())));
        self.by_name.insert(&written.name, Listener { written, addresses, origin });
    }

    fn new_name(&self, name: &str) -> Result<(), Fault> {
        label(name)?;
        if name == "tls-passthrough" {
            return Err(Fault::invalid("`tls-passthrough` is a reserved name"));
        }
        match self.by_name.get(name) {
            Some(first) => {
                let message = format!("`{name}` is the name of {} already", first.origin);
                Err(Fault::new("duplicate-value", message))
            }
            None => Ok(()),
        }
    }

    /// The sockets that serve the host of `server`: those of the listeners that it names, or the
    /// implicit ones, HTTP always and HTTPS with a secret.
    pub(super) fn sockets(
        &self,
        server: &Resource<VirtualServer>,
        options: &Options,
        report: &mut Report,
    ) -> Vec<Socket> {
        let has_tls = super::has_tls(server);
        let Some(names) = &server.spec.listener else {
            let https = has_tls.then_some((options.https_port, Protocol::Https));
            let ports = [(options.http_port, Protocol::Http)].into_iter().chain(https);
            let origin = server.document.object_origin();
            let name = format!("{}/{}", server.meta.namespace, server.meta.name);
            let socket = |(port, protocol)| Socket {
                address: None,
                port,
                protocol,
                mutual_tls: false,
                name: name.as_str().into(),
                origin: origin.clone(),
            };
            return ports.map(socket).collect();
        };
        let mut sockets = Vec::new();
        for (name, protocol) in [(&names.http, Protocol::Http), (&names.https, Protocol::Https)] {
            let Some(name) = name else { continue };
            match self.find(name, protocol, has_tls) {
                Ok(listener) => sockets.extend(listener.sockets(protocol)),
                Err(Fault { code, message, help }) => {
                    let message = format!("{message}; the host is not served there");
                    report.warning(name.at, Fault { code, message, help });
                }
            }
        }
        if names.http.is_none() && names.https.is_none() {
            let message = "`listener` names none: the host is not served";
            report.warning(names.at, Fault::new("no-effect", message));
        }
        sockets
    }

    /// The listener of that name, if it can serve as `protocol`.
    fn find(&self, name: &str, protocol: Protocol, has_tls: bool) -> Result<&Listener<'d>, Fault> {
        let Some(listener) = self.by_name.get(name) else {
            let fault = Fault::new("not-found", format!("no listener is named `{name}`"));
            let help = match self.by_name.is_empty() {
                true => Some("no GlobalConfiguration has a listener in force".to_owned()),
                false => did_you_mean(name, self.by_name.keys().copied()),
            };
            return Err(Fault { help, ..fault });
        };
        let Written { protocol: spoken, ssl, .. } = listener.written;
        if *spoken.value != *"HTTP" {
            let message = format!("the listener `{name}` is for {}, not for HTTP", spoken.value);
            return Err(Fault::invalid(message));
        }
        let wants_ssl = protocol == Protocol::Https;
        if *ssl != wants_ssl {
            let message = format!("the listener `{name}` has `ssl: {ssl}`, not `ssl: {wants_ssl}`");
            return Err(Fault::invalid(message));
        }
        if wants_ssl && !has_tls {
            return Err(Fault::new("missing-field", "HTTPS needs `spec.tls.secret`"));
        }
        Ok(listener)
    }
}

impl Listener<'_> {
    fn sockets(&self, protocol: Protocol) -> impl Iterator<Item = Socket> {
        self.addresses.iter().map(move |address| Socket {
            address: *address,
            port: self.written.port.value,
            protocol,
            mutual_tls: false,
            name: self.written.name.value.clone(),
            origin: self.origin.clone(),
        })
    }
}

/// The address that `text` says, if there is a text; `None` when it says none.
#[expect(clippy::option_option, reason = "no text is right, and a wrong one is not")]
fn address<A: FromStr + Into<IpAddr>>(
    text: Option<&Text>,
    family: &str,
    report: &mut Report,
) -> Option<Option<IpAddr>> {
    let Some(text) = text else { return Some(None) };
    let read = text
        .parse::<A>()
        .map_err(|_| Fault::invalid(format!("`{}` is not an {family} address", text.value)));
    report.check(text.at, read).map(|address| Some(address.into()))
}
