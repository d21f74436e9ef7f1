//! Which listeners cannot share a port (gateway-api §5.3, §8.2).

use super::section::{Owner, Refusal, Section};
use crate::resource::gateway::{Listener, ListenerProtocol};

/// Why two listeners of one port cannot be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conflict {
    Hostname,
    Protocol,
}

impl Conflict {
    fn reason(self) -> &'static str {
        match self {
            Self::Hostname => "HostnameConflict",
            Self::Protocol => "ProtocolConflict",
        }
    }
}

fn conflict(a: &Listener, b: &Listener) -> Option<Conflict> {
    use ListenerProtocol::{Http, Https, Tcp, Tls, Udp};
    if a.port != b.port {
        return None;
    }
    let same_name = || (a.hostname == b.hostname).then_some(Conflict::Hostname);
    match (&a.protocol, &b.protocol) {
        (Https, Tls) | (Tls, Https) => same_name(),
        (a, b) if a == b => same_name(),
        (Http | Https | Tls | Tcp, Http | Https | Tls | Tcp) => Some(Conflict::Protocol),
        // UDP has ports of its own; of other protocols nothing is known.
        (Udp | ListenerProtocol::Other(_), _) | (_, Udp | ListenerProtocol::Other(_)) => None,
    }
}

/// Why `listener`, one of `all` of its Gateway, takes no requests: inside a Gateway nobody wins.
pub(super) fn among(listener: &Listener, all: &[Listener]) -> Option<Refusal> {
    let mut others = all.iter().filter(|other| other.name != listener.name);
    let (conflict, other) =
        others.find_map(|other| conflict(listener, other).map(|conflict| (conflict, other)))?;
    Some(Refusal {
        conflict: true,
        reason: conflict.reason(),
        message: format!(
            "the listeners `{}` ({}) and `{}` ({}) cannot share port {}",
            listener.name, listener.protocol, other.name, other.protocol, listener.port
        ),
    })
}

/// Why `listener` of a ListenerSet takes no requests: those of its Gateway that are there already
/// keep their place.
pub(super) fn with_earlier(listener: &Listener, earlier: &[Section<'_>]) -> Option<Refusal> {
    let in_place = earlier.iter().filter(|s| !s.refusal.as_ref().is_some_and(|r| r.conflict));
    let found: Vec<_> = in_place
        .filter_map(|section| conflict(listener, section.listener).map(|c| (c, section)))
        .collect();
    let (first, section) = found.first()?;
    let both = found.iter().any(|(conflict, _)| conflict != first);
    let of = match section.owner {
        Owner::Gateway(gateway) => gateway.object(),
        Owner::Set(set) => set.object(),
    };
    Some(Refusal {
        conflict: true,
        reason: if both { "ListenerConflict" } else { first.reason() },
        message: format!(
            "port {} belongs to the listener `{}` ({}) of {of}",
            listener.port, section.listener.name, section.listener.protocol
        ),
    })
}
