//! Which listeners there are, which of them are at odds, and which of them owns a host
//! (gateway-api §5, §6).

use super::{admit, age, status};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::origin::Origin;
use crate::resource::gateway::{
    FromNamespaces, Gateway, GatewayClass, Infrastructure, Listener, ListenerProtocol,
};
use crate::resource::gateway_route::RouteKind;
use crate::resource::{Resource, Resources};
use crate::rules::{HostPattern, Protocol};
use crate::translate::Context;
use crate::translate::hosts::Socket;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

/// The listeners of all Gateways that are ours, oldest Gateway first.
pub(super) struct Listeners<'a> {
    sections: Vec<Section<'a>>,
    gateways: BTreeMap<(&'a str, &'a str), Found>,
    /// The section that has a port and a hostname for itself.
    owners: HashMap<(u16, HostPattern), usize>,
}

/// A Gateway by name.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// Of another class, or refused: its own document says why.
    NotServed,
    /// These sections are its listeners.
    Ours(Range<usize>),
}

/// A listener of a Gateway.
pub(super) struct Section<'a> {
    pub(super) gateway: &'a Resource<Gateway>,
    pub(super) listener: &'a Listener,
    /// Why it takes no requests.
    pub(super) refusal: Option<Refusal>,
    /// How many accepted routes are attached to it.
    pub(super) attached_routes: u32,
}

/// Why a listener takes no requests.
pub(super) struct Refusal {
    pub(super) conflict: bool,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl<'a> Listeners<'a> {
    pub(super) fn of(context: &mut Context<'a>) -> Self {
        let resources = context.resources;
        let mut all: Vec<&Resource<Gateway>> = resources.gateways().collect();
        all.sort_by_cached_key(|gateway| age(gateway));
        let mut listeners =
            Self { sections: Vec::new(), gateways: BTreeMap::new(), owners: HashMap::new() };
        // The protocol of a port is that of its first listener.
        let mut ports = BTreeMap::new();
        for gateway in all {
            let name = (&*gateway.meta.namespace, &*gateway.meta.name);
            let ours =
                is_of_class(gateway, context) && admit(gateway, &gateway.spec.channels, context);
            let found = if ours {
                warn_of_fields(gateway, context);
                warn(gateway, context);
                listeners.add(gateway, &mut ports, context)
            } else {
                Found::NotServed
            };
            listeners.gateways.insert(name, found);
        }
        listeners
    }

    fn add(
        &mut self,
        gateway: &'a Resource<Gateway>,
        ports: &mut BTreeMap<u16, (Protocol, usize)>,
        context: &mut Context<'_>,
    ) -> Found {
        let start = self.sections.len();
        let all = &gateway.spec.listeners;
        for listener in all {
            let index = self.sections.len();
            let refusal = self.refusal(gateway, listener, ports, context);
            if refusal.is_none()
                && let Some(protocol) = served(&listener.protocol)
            {
                ports.entry(listener.port).or_insert((protocol, index));
                self.owners.insert((listener.port, listener.hostname.clone()), index);
            }
            self.sections.push(Section { gateway, listener, refusal, attached_routes: 0 });
        }
        Found::Ours(start..self.sections.len())
    }

    fn refusal(
        &self,
        gateway: &Resource<Gateway>,
        listener: &Listener,
        ports: &BTreeMap<u16, (Protocol, usize)>,
        context: &mut Context<'_>,
    ) -> Option<Refusal> {
        let origin = gateway.origin(listener.at);
        // Inside a Gateway nobody wins (gateway-api §5.3).
        let mut rivals = gateway.spec.listeners.iter().filter(|other| other.name != listener.name);
        if let Some((reason, other)) =
            rivals.find_map(|other| conflict(listener, other).map(|reason| (reason, other)))
        {
            let message = format!(
                "the listeners `{}` ({}) and `{}` ({}) cannot share port {}",
                listener.name, listener.protocol, other.name, other.protocol, listener.port
            );
            context.problems.push(Diagnostic::error(reason, &origin, &*message));
            return Some(Refusal { conflict: true, reason, message });
        }
        let Some(protocol) = served(&listener.protocol) else {
            let message = format!("the protocol `{}` is not supported", listener.protocol);
            let problem = Diagnostic::error("UnsupportedProtocol", &origin, &*message);
            context.problems.push(problem.help("the protocols are `HTTP` and `HTTPS`"));
            return Some(Refusal { conflict: false, reason: "UnsupportedProtocol", message });
        };
        // Between Gateways the older one wins.
        let (reason, winner, what) = match ports.get(&listener.port) {
            Some((other, index)) if *other != protocol => {
                ("ProtocolConflict", *index, format!("speaks {}", other.as_str()))
            }
            _ => {
                let key = (listener.port, listener.hostname.clone());
                let index = *self.owners.get(&key)?;
                let host = &listener.hostname;
                ("HostnameConflict", index, format!("has a listener for host `{host}`"))
            }
        };
        let winner = &self.sections[winner];
        let message =
            format!("port {} {what} already, in {}", listener.port, winner.gateway.object());
        let problem = Diagnostic::warning(reason, &origin, &*message);
        context.problems.push(problem.help("the older Gateway wins"));
        Some(Refusal { conflict: true, reason, message })
    }

    /// The Gateway of a name, if there is one.
    pub(super) fn gateway(&self, namespace: &'a str, name: &'a str) -> Option<&Found> {
        self.gateways.get(&(namespace, name))
    }

    /// The names of the Gateways of a namespace.
    pub(super) fn names_in<'s>(&'s self, namespace: &'s str) -> impl Iterator<Item = &'a str> + 's {
        self.gateways.keys().filter(move |key| key.0 == namespace).map(|key| key.1)
    }

    pub(super) fn section(&self, index: usize) -> &Section<'a> {
        &self.sections[index]
    }

    /// The listeners that take requests.
    pub(super) fn serving(&self) -> impl Iterator<Item = (usize, &Section<'a>)> {
        self.sections.iter().enumerate().filter(|(_, section)| section.refusal.is_none())
    }

    /// The most specific section that covers `host`, on the port of `section` (gateway-api §6.2).
    pub(super) fn owner(&self, section: usize, host: &HostPattern) -> Option<usize> {
        let port = self.sections[section].listener.port;
        let name = match host {
            HostPattern::Exact(name) | HostPattern::Wildcard(name) => name,
            HostPattern::Any => "",
        };
        let parents = name.match_indices('.').map(|(at, _)| &name[at + 1..]);
        std::iter::once(host.clone())
            .chain(parents.map(|suffix| HostPattern::Wildcard(suffix.into())))
            .chain([HostPattern::Any])
            .find_map(|pattern| self.owners.get(&(port, pattern)).copied())
    }

    /// Counts a route that is attached to these sections and accepted.
    pub(super) fn count(&mut self, sections: impl Iterator<Item = usize>) {
        for section in sections.collect::<BTreeSet<_>>() {
            self.sections[section].attached_routes += 1;
        }
    }

    /// Writes the status of every GatewayClass and Gateway.
    pub(super) fn write_statuses(&self, context: &mut Context<'_>) {
        for class in context.resources.gateway_classes() {
            let ours = &context.options.gateway_class;
            if ours.as_ref().is_some_and(|ours| *ours != class.meta.name) {
                continue;
            }
            if let Some(at) = class.spec.parameters {
                let message = "`parametersRef` is not supported and has no effect";
                let problem = Diagnostic::warning("InvalidParameters", &class.origin(at), message);
                context.problems.push(problem);
            }
            context.statuses.push(status::class(class));
        }
        for found in self.gateways.values() {
            let Found::Ours(range) = found else { continue };
            let sections = &self.sections[range.clone()];
            let Some(first) = sections.first() else { continue };
            context.statuses.push(status::gateway(first.gateway, sections));
        }
    }
}

impl<'a> Section<'a> {
    /// Unique among all sections.
    pub(super) fn name(&self) -> Box<str> {
        let meta = &self.gateway.meta;
        format!("gateway:{}/{}/{}", meta.namespace, meta.name, self.listener.name).into()
    }

    pub(super) fn origin(&self) -> Origin {
        self.gateway.origin(self.listener.at)
    }

    pub(super) fn socket(&self) -> Socket {
        let meta = &self.gateway.meta;
        Socket {
            address: None,
            port: self.listener.port,
            protocol: served(&self.listener.protocol).unwrap_or(Protocol::Http),
            mutual_tls: false,
            name: format!("{}/{}", meta.namespace, meta.name).into(),
            origin: self.origin(),
        }
    }

    /// The kinds of routes that may be attached (gateway-api §5.2).
    pub(super) fn kinds(&self) -> impl Iterator<Item = RouteKind> + '_ {
        let asked = &self.listener.routes.kinds;
        let speaks = served(&self.listener.protocol).is_some();
        RouteKind::ALL.into_iter().filter(move |kind| {
            speaks && (asked.is_empty() || asked.iter().any(|asked| known(asked) == Some(*kind)))
        })
    }

    /// Whether routes of `namespace` may be attached.
    pub(super) fn takes_namespace(&self, namespace: &str) -> bool {
        match &self.listener.routes.namespaces {
            FromNamespaces::All => true,
            FromNamespaces::Same => *namespace == *self.gateway.meta.namespace,
            FromNamespaces::None | FromNamespaces::Selector(_) => false,
        }
    }

    /// Whether it asks for kinds of routes that are not supported.
    pub(super) fn asks_for_unknown_kinds(&self) -> bool {
        self.listener.routes.kinds.iter().any(|kind| known(kind).is_none())
    }
}

/// Whether TLS has to end at the listener without a certificate.
pub(super) fn lacks_certificate(listener: &Listener) -> bool {
    listener.protocol == ListenerProtocol::Https && listener.tls.is_none()
}

/// The kind of a group that is meant; `None` where it is not supported.
fn known((group, kind): &(Box<str>, Box<str>)) -> Option<RouteKind> {
    let found = RouteKind::ALL.into_iter().find(|known| known.name() == &**kind);
    found.filter(|_| &**group == "gateway.networking.k8s.io")
}

/// What is spoken on sockets of a listener's protocol; `None` where it is not supported.
fn served(protocol: &ListenerProtocol) -> Option<Protocol> {
    match protocol {
        ListenerProtocol::Http => Some(Protocol::Http),
        ListenerProtocol::Https => Some(Protocol::Https),
        _ => None,
    }
}

/// Why two listeners of one Gateway cannot be told apart (gateway-api §5.3).
fn conflict(a: &Listener, b: &Listener) -> Option<&'static str> {
    use ListenerProtocol::{Http, Https, Tcp, Tls, Udp};
    if a.port != b.port {
        return None;
    }
    match (&a.protocol, &b.protocol) {
        (Udp, _) | (_, Udp) => None,
        (Https, Tls) | (Tls, Https) => (a.hostname == b.hostname).then_some("HostnameConflict"),
        (a, b) if a == b => None,
        (Http | Https | Tls | Tcp, Http | Https | Tls | Tcp) => Some("ProtocolConflict"),
        _ => None,
    }
}

fn is_of_class(gateway: &Resource<Gateway>, context: &Context<'_>) -> bool {
    match (&context.options.gateway_class, &gateway.spec.class) {
        (Some(ours), Some(class)) => *ours == class.value,
        _ => true,
    }
}

/// The class of a Gateway, if a document describes it.
pub(super) fn class<'a>(
    gateway: &Resource<Gateway>,
    resources: &'a Resources,
) -> Option<&'a Resource<GatewayClass>> {
    let name = &gateway.spec.class.as_ref()?.value;
    resources.gateway_classes().find(|class| class.meta.name == *name)
}

/// Fields that are accepted without effect.
fn warn_of_fields(gateway: &Resource<Gateway>, context: &mut Context<'_>) {
    let spec = &gateway.spec;
    for (name, is_written) in [
        ("addresses", !spec.addresses.is_empty()),
        ("allowedListeners", spec.allowed_listeners != FromNamespaces::None),
        ("defaultScope", spec.default_scope),
        ("infrastructure", spec.infrastructure != Infrastructure::default()),
        ("tls", spec.frontend.is_some() || spec.client_certificate.is_some()),
    ] {
        if is_written {
            let field = format!("spec.{name}").into();
            let origin = Origin { field, ..gateway.document.object_origin() };
            let message = format!("`{name}` is not supported");
            context.problems.push(Diagnostic::warning("unsupported-field", &origin, message));
        }
    }
}

/// What is accepted without effect.
fn warn(gateway: &Resource<Gateway>, context: &mut Context<'_>) {
    let classes: Vec<&str> =
        context.resources.gateway_classes().map(|class| &*class.meta.name).collect();
    let mut warn = |at, code, message: String, help: Option<String>| {
        let mut problem = Diagnostic::warning(code, &gateway.origin(at), message);
        problem.help = help;
        context.problems.push(problem);
    };
    if let Some(class) = &gateway.spec.class
        && !classes.is_empty()
        && !classes.contains(&&*class.value)
    {
        let help = did_you_mean(class, classes);
        let message = format!("no document describes the GatewayClass `{}`", class.value);
        warn(class.at, "unknown-class", message, help);
    }
    for listener in &gateway.spec.listeners {
        if lacks_certificate(listener) {
            let help = "name it in `tls.certificateRefs`".to_owned();
            let message = "an HTTPS listener needs a certificate".to_owned();
            warn(listener.at, "InvalidCertificateRef", message, Some(help));
        }
        if let FromNamespaces::Selector(_) = listener.routes.namespaces {
            let message = "namespace selectors are not supported: no route is attached";
            let help = "use `from: Same` or `from: All`".to_owned();
            warn(listener.at, "unsupported-field", message.into(), Some(help));
        }
        for kind in listener.routes.kinds.iter().filter(|kind| known(kind).is_none()) {
            let (group, name) = &kind.value;
            let message = format!("routes of kind `{name}` of group `{group}` are not supported");
            warn(kind.at, "InvalidRouteKinds", message, None);
        }
    }
}
