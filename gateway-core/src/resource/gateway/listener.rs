//! Listeners of a Gateway or ListenerSet (gateway-api §5.1).

use super::namespaces::FromNamespaces;
use crate::diagnostic::Diagnostic;
use crate::resource::GATEWAY_GROUP;
use crate::resource::Problems;
use crate::resource::document::{At, Located, Mapping, Value};
use crate::resource::object_reference::ObjectReference;
use crate::resource::scalar::{self, GROUP, KIND, PROTOCOL, SECTION_NAME};
use crate::rules::HostPattern;
use std::fmt;

/// A port with a protocol and a host name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listener {
    pub(crate) name: Box<str>,
    /// `Any` when none is given.
    pub(crate) hostname: HostPattern,
    pub(crate) port: u16,
    pub(crate) protocol: ListenerProtocol,
    pub(crate) tls: Option<ListenerTls>,
    pub(crate) routes: AllowedRoutes,
    pub(crate) at: At,
}

/// `protocol` of a listener.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

    /// Whether there is no TLS in it.
    fn is_plain(&self) -> bool {
        matches!(self, Self::Http | Self::Tcp | Self::Udp)
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

/// What happens to TLS at a listener.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ListenerTls {
    pub(crate) mode: TlsMode,
    /// Those of the listener, where TLS ends there.
    pub(crate) certificates: Vec<ObjectReference>,
    /// Whether there are any.
    pub(crate) options: bool,
    pub(crate) at: At,
}

/// Where TLS ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TlsMode {
    /// At the listener.
    Terminate,
    /// At the backend.
    Passthrough,
}

impl Listener {
    /// `listeners`.
    pub(crate) fn read_list(list: Value<'_>, problems: &mut Problems) -> Vec<Self> {
        let items = scalar::items(list, 1, 64, problems);
        let listeners: Vec<_> = items.into_iter().filter_map(|v| read(v, problems)).collect();
        check_distinct(&listeners, list, problems);
        listeners
    }
}

fn read(value: Value<'_>, problems: &mut Problems) -> Option<Listener> {
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
    let tls_field = fields.field("tls");
    let routes = match fields.field("allowedRoutes") {
        Some(field) => allowed_routes(field, problems),
        None => Some(AllowedRoutes { namespaces: FromNamespaces::Same, kinds: Vec::new() }),
    };
    fields.finish(problems);
    let tls = tls_field.and_then(|field| read_tls(field, protocol.as_ref(), problems));
    if let Some(protocol) = &protocol {
        let mode = tls.as_ref().map(|tls| tls.mode);
        let mut conflict = |value: Value<'_>, message: String| {
            let problem = Diagnostic::error("conflicting-fields", &value.origin(), message);
            problems.push(problem);
        };
        use ListenerProtocol::{Https, Tcp, Tls, Udp};
        match (protocol, tls_field) {
            (protocol, Some(tls)) if protocol.is_plain() => {
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
        tls,
        routes: routes?,
        at: value.at(),
    })
}

/// Certificates are looked up by whoever terminates TLS.
fn read_tls(
    value: Value<'_>,
    protocol: Option<&ListenerProtocol>,
    problems: &mut Problems,
) -> Option<ListenerTls> {
    let modes = [("Terminate", TlsMode::Terminate), ("Passthrough", TlsMode::Passthrough)];
    let mut fields = value.mapping(problems)?;
    let mode = match fields.field("mode") {
        Some(field) => scalar::one_of(field, &modes, problems),
        None => Some(TlsMode::Terminate),
    };
    let list = fields.field("certificateRefs");
    let items = list.map_or_else(Vec::new, |list| scalar::items(list, 0, 64, problems));
    let has_certificates = !items.is_empty();
    let read = |v| ObjectReference::read(v, Some(("", "Secret")), problems);
    let certificates = items.into_iter().filter_map(read).collect();
    let options = fields.field("options").is_some_and(|v| scalar::options(v, problems));
    fields.refuse_older("frontendValidation", "spec.tls.frontend", problems);
    fields.finish(problems);
    let mode = mode?;
    let has_tls = !protocol.is_some_and(ListenerProtocol::is_plain);
    if has_tls && mode == TlsMode::Terminate && !has_certificates && !options {
        let message = "`certificateRefs` or `options` must say how TLS is terminated";
        problems.push(Diagnostic::error("missing-field", &value.origin(), message));
    }
    Some(ListenerTls { mode, certificates, options, at: value.at() })
}

fn allowed_routes(value: Value<'_>, problems: &mut Problems) -> Option<AllowedRoutes> {
    let mut fields = value.mapping(problems)?;
    let namespaces = match fields.field("namespaces") {
        Some(field) => FromNamespaces::of_routes(field, problems),
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

fn route_kind(
    mut fields: Mapping<'_>,
    problems: &mut Problems,
) -> Option<Located<(Box<str>, Box<str>)>> {
    let value = fields.value();
    let group = match fields.field("group") {
        Some(field) => GROUP.read(field, problems),
        None => Some(GATEWAY_GROUP),
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
