//! Gateway and GatewayClass of `gateway.networking.k8s.io`.
//!
//! Reading checks what the API server would check (gateway-api §25).

use super::Problems;
use super::document::{At, Located, Mapping, Value};
use super::gateway_route::ChannelFaults;
use super::scalar::{
    self, CONTROLLER, GROUP, KIND, NAMESPACE, OBJECT_NAME, PROTOCOL, SECTION_NAME,
};
use crate::diagnostic::Diagnostic;
use crate::rules::HostPattern;
use std::fmt;

/// As written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gateway {
    pub(crate) class: Option<Located<Box<str>>>,
    pub(crate) listeners: Vec<Listener>,
    /// Fields that are known but have no effect yet, by name.
    pub(crate) ignored: Vec<Located<&'static str>>,
    pub(crate) channels: ChannelFaults,
}

/// A port with a protocol and a host name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listener {
    pub(crate) name: Box<str>,
    /// `Any` when none is given.
    pub(crate) hostname: HostPattern,
    pub(crate) port: u16,
    pub(crate) protocol: ListenerProtocol,
    /// Whether there is a `tls` block.
    pub(crate) tls: bool,
    pub(crate) routes: AllowedRoutes,
    pub(crate) at: At,
}

/// `protocol` of a listener.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ListenerProtocol {
    Http,
    Https,
    Tls,
    Tcp,
    Udp,
    Other(Box<str>),
}

impl ListenerProtocol {
    fn of(text: &str) -> Self {
        match text {
            "HTTP" => Self::Http,
            "HTTPS" => Self::Https,
            "TLS" => Self::Tls,
            "TCP" => Self::Tcp,
            "UDP" => Self::Udp,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for ListenerProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
            Self::Tls => "TLS",
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Other(name) => name,
        })
    }
}

/// Which routes may be attached to a listener.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AllowedRoutes {
    pub(crate) namespaces: FromNamespaces,
    /// Group and kind; empty: those of the protocol.
    pub(crate) kinds: Vec<Located<(Box<str>, Box<str>)>>,
}

/// From which namespaces routes may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FromNamespaces {
    All,
    Same,
    /// By labels of the namespace, which are not read yet.
    Selector(At),
}

/// As written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GatewayClass {
    pub(crate) controller: Box<str>,
    /// Known, but without effect yet.
    pub(crate) parameters: Option<At>,
}

impl Gateway {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut gateway = Self {
            class: None,
            listeners: Vec::new(),
            ignored: Vec::new(),
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
            for item in scalar::items(list, 1, 64, problems) {
                self.listeners.extend(listener(item, problems));
            }
            check_distinct(&self.listeners, list, problems);
        }
        for name in ["addresses", "allowedListeners", "defaultScope", "infrastructure", "tls"] {
            let Some(field) = fields.field(name) else { continue };
            self.ignored.push(field.located(name));
            if name == "defaultScope" {
                self.channels.experimental_field(field);
            }
        }
        fields.finish(problems);
    }
}

impl GatewayClass {
    /// Reads a whole document.
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let mut fields = scalar::spec(root, problems)?.mapping(problems)?;
        let controller = fields.required("controllerName", problems);
        let controller = controller.and_then(|v| CONTROLLER.read(v, problems));
        fields.field("description");
        let parameters = fields.field("parametersRef").map(|field| field.at());
        fields.finish(problems);
        controller.map(|name| Self { controller: name.into(), parameters })
    }
}

fn listener(value: Value<'_>, problems: &mut Problems) -> Option<Listener> {
    let mut fields = value.mapping(problems)?;
    let name = fields.required("name", problems).and_then(|v| SECTION_NAME.read(v, problems));
    let hostname_field = fields.field("hostname");
    let hostname = match hostname_field {
        Some(field) => scalar::hostname(field, problems),
        None => Some(HostPattern::Any),
    };
    let port = fields.required("port", problems).and_then(|v| v.port(problems));
    let protocol = fields.required("protocol", problems);
    let protocol = protocol.and_then(|v| PROTOCOL.read(v, problems)).map(ListenerProtocol::of);
    let tls = fields.field("tls");
    let routes = match fields.field("allowedRoutes") {
        Some(field) => allowed_routes(field, problems),
        None => Some(AllowedRoutes { namespaces: FromNamespaces::Same, kinds: Vec::new() }),
    };
    fields.finish(problems);
    let mode = tls.and_then(|field| tls_mode(field, protocol.as_ref(), problems));
    if let Some(protocol) = &protocol {
        let mut conflict = |value: Value<'_>, message: String| {
            let problem = Diagnostic::error("conflicting-fields", &value.origin(), message);
            problems.push(problem);
        };
        use ListenerProtocol::{Http, Https, Tcp, Tls, Udp};
        match (protocol, tls) {
            (Http | Tcp | Udp, Some(tls)) => {
                conflict(tls, format!("a listener of protocol {protocol} cannot have `tls`"));
            }
            (Tls, None) => conflict(value, "a listener of protocol TLS needs `tls`".into()),
            (Https, Some(tls)) if mode == Some(TlsMode::Passthrough) => {
                conflict(tls, "a listener of protocol HTTPS terminates TLS".into());
            }
            _ => {}
        }
        if let (Tcp | Udp, Some(hostname)) = (protocol, hostname_field) {
            conflict(
                hostname,
                format!("a listener of protocol {protocol} cannot have a host name"),
            );
        }
    }
    Some(Listener {
        name: name?.into(),
        hostname: hostname?,
        port: port?,
        protocol: protocol?,
        tls: tls.is_some(),
        routes: routes?,
        at: value.at(),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TlsMode {
    Terminate,
    Passthrough,
}

/// Checks what ends TLS; certificates are looked up by whoever terminates it.
fn tls_mode(
    value: Value<'_>,
    protocol: Option<&ListenerProtocol>,
    problems: &mut Problems,
) -> Option<TlsMode> {
    let modes = [("Terminate", TlsMode::Terminate), ("Passthrough", TlsMode::Passthrough)];
    let mut fields = value.mapping(problems)?;
    let mode = match fields.field("mode") {
        Some(field) => scalar::one_of(field, &modes, problems)?,
        None => TlsMode::Terminate,
    };
    let certificates = fields.field("certificateRefs");
    let certificates = certificates.map_or(0, |list| certificate_refs(list, problems));
    let options = fields.field("options").is_some_and(|v| v.children().next().is_some());
    fields.finish(problems);
    let terminates = matches!(protocol, Some(ListenerProtocol::Https | ListenerProtocol::Tls));
    if terminates && mode == TlsMode::Terminate && certificates == 0 && !options {
        let message = "`certificateRefs` or `options` must say how TLS is terminated";
        problems.push(Diagnostic::error("missing-field", &value.origin(), message));
    }
    Some(mode)
}

fn certificate_refs(list: Value<'_>, problems: &mut Problems) -> usize {
    let items = scalar::items(list, 0, 64, problems);
    for item in &items {
        let Some(mut fields) = item.mapping(problems) else { continue };
        scalar::group_and_kind(&mut fields, ("", "Secret"), problems);
        fields.required("name", problems).and_then(|v| OBJECT_NAME.read(v, problems));
        fields.field("namespace").and_then(|v| NAMESPACE.read(v, problems));
        fields.finish(problems);
    }
    items.len()
}

fn allowed_routes(value: Value<'_>, problems: &mut Problems) -> Option<AllowedRoutes> {
    let mut fields = value.mapping(problems)?;
    let namespaces = match fields.field("namespaces") {
        Some(field) => from_namespaces(field, problems),
        None => Some(FromNamespaces::Same),
    };
    let mut kinds = Vec::new();
    if let Some(list) = fields.field("kinds") {
        for item in scalar::items(list, 0, 8, problems) {
            kinds.extend(item.mapping(problems).and_then(|kind| route_kind(kind, problems)));
        }
    }
    fields.finish(problems);
    Some(AllowedRoutes { namespaces: namespaces?, kinds })
}

fn from_namespaces(value: Value<'_>, problems: &mut Problems) -> Option<FromNamespaces> {
    let known = [
        ("All", FromNamespaces::All),
        ("Selector", FromNamespaces::Selector(value.at())),
        ("Same", FromNamespaces::Same),
    ];
    let mut fields = value.mapping(problems)?;
    let from = match fields.field("from") {
        Some(field) => scalar::one_of(field, &known, problems),
        None => Some(FromNamespaces::Same),
    };
    fields.field("selector");
    fields.finish(problems);
    from
}

fn route_kind(
    mut fields: Mapping<'_>,
    problems: &mut Problems,
) -> Option<Located<(Box<str>, Box<str>)>> {
    let value = fields.value();
    let group = match fields.field("group") {
        Some(field) => GROUP.read(field, problems),
        None => Some("gateway.networking.k8s.io"),
    };
    let kind = fields.required("kind", problems).and_then(|v| KIND.read(v, problems));
    fields.finish(problems);
    Some(value.located((group?.into(), kind?.into())))
}

/// Names are unique, and so are port, protocol and host name together.
fn check_distinct(listeners: &[Listener], list: Value<'_>, problems: &mut Problems) {
    let mut duplicate = |message: String| {
        problems.push(Diagnostic::error("duplicate", &list.origin(), message));
    };
    for (i, later) in listeners.iter().enumerate() {
        for earlier in &listeners[..i] {
            if earlier.name == later.name {
                duplicate(format!("several listeners have the name `{}`", later.name));
            } else if (earlier.port, &earlier.protocol, &earlier.hostname)
                == (later.port, &later.protocol, &later.hostname)
            {
                duplicate(format!(
                    "the listeners `{}` and `{}` have the same port, protocol and host name",
                    earlier.name, later.name
                ));
            }
        }
    }
}

#[cfg(all(test, feature = "yaml"))]
mod tests {
    use crate::resource::Resources;

    /// What is wrong with a Gateway with these listeners: `field: message (help)`.
    fn problems(listeners: &[&str]) -> Vec<String> {
        let listeners: String = listeners.iter().map(|l| format!("  - {{{l}}}\n")).collect();
        let text = format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: g}}\n\
             spec:\n  gatewayClassName: c\n  listeners:\n{listeners}"
        );
        let mut resources = Resources::new();
        resources.add_yaml("t.yaml", &text);
        assert_eq!(resources.gateways().count(), usize::from(resources.refused().is_empty()));
        let say = |d: &crate::Diagnostic| {
            let help = d.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
            format!("{}: {}{help}", d.field, d.message)
        };
        resources.diagnostics().iter().map(say).collect()
    }

    #[test]
    fn listeners_are_checked_by_their_protocol() {
        // gateway-api §25
        let certificates = "certificateRefs: [{name: c}]";
        for (listener, want) in [
            ("port: 80, protocol: HTTP", ""),
            ("port: 443, protocol: HTTPS", ""),
            (&*format!("port: 443, protocol: HTTPS, tls: {{{certificates}}}"), ""),
            (&*format!("port: 443, protocol: HTTPS, tls: {{mode: Terminate, {certificates}}}"), ""),
            ("port: 443, protocol: HTTPS, tls: {options: {example.com/a: b}}", ""),
            ("port: 443, protocol: TLS, tls: {mode: Passthrough}", ""),
            ("port: 443, protocol: example.com/foo", ""),
            (
                "port: 443, protocol: HTTPS, tls: {}",
                ".tls: `certificateRefs` or `options` must say how TLS is terminated",
            ),
            (
                "port: 443, protocol: HTTPS, tls: {mode: Passthrough}",
                ".tls: a listener of protocol HTTPS terminates TLS",
            ),
            ("port: 443, protocol: TLS", ": a listener of protocol TLS needs `tls`"),
            (
                &*format!("port: 80, protocol: HTTP, tls: {{{certificates}}}"),
                ".tls: a listener of protocol HTTP cannot have `tls`",
            ),
            (
                "port: 80, protocol: TCP, hostname: a.example",
                ".hostname: a listener of protocol TCP cannot have a host name",
            ),
            (
                "port: 80, protocol: HTTP, hostname: '*'",
                ".hostname: `*` is not a valid host name: `*` stands only as the whole first label \
                 (leave the field out to take every host)",
            ),
            ("port: 0, protocol: HTTP", ".port: `0` is not between 1 and 65535"),
            (
                "port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: None}}",
                ".allowedRoutes.namespaces.from: `None` is not one of `All`, `Selector`, `Same`",
            ),
        ] {
            let want: Vec<String> = (!want.is_empty())
                .then(|| format!("spec.listeners[0]{want}"))
                .into_iter()
                .collect();
            assert_eq!(problems(&[&format!("name: l, {listener}")]), want, "{listener}");
        }
    }

    #[test]
    fn listeners_are_distinct() {
        // gateway-api §25
        let got = problems(&[
            "name: a, port: 80, protocol: HTTP",
            "name: a, port: 81, protocol: HTTP",
            "name: b, port: 80, protocol: HTTP",
            "name: c, port: 80, protocol: HTTP, hostname: a.example",
            "name: d, port: 53, protocol: UDP",
            "name: e, port: 53, protocol: UDP",
        ]);
        assert_eq!(
            got,
            [
                "spec.listeners: several listeners have the name `a`",
                "spec.listeners: the listeners `a` and `b` have the same port, protocol and host name",
                "spec.listeners: the listeners `d` and `e` have the same port, protocol and host name",
            ]
        );
    }
}
