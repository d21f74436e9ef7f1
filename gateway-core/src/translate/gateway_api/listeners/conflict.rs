//! Which listeners cannot share a port (gateway-api §5.3, §8.2).

use super::section::{Cause, Refusal, Section};
use crate::resource::gateway::{Listener, ListenerProtocol};
use crate::rules::HostPattern;
use std::collections::HashMap;

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

/// The protocols whose listeners share ports. UDP has ports of its own; of others nothing is known.
const STREAMS: [ListenerProtocol; 4] =
    [ListenerProtocol::Http, ListenerProtocol::Https, ListenerProtocol::Tls, ListenerProtocol::Tcp];

/// The protocol whose listeners have their names in common with those of `protocol`: the server name
/// tells listeners of HTTPS and of TLS apart.
fn namespace(protocol: &ListenerProtocol) -> ListenerProtocol {
    match protocol {
        ListenerProtocol::Tls => ListenerProtocol::Https,
        other => other.clone(),
    }
}

/// Whether two protocols cannot be spoken on one port.
fn are_rivals(a: &ListenerProtocol, b: &ListenerProtocol) -> bool {
    STREAMS.contains(a) && STREAMS.contains(b) && namespace(a) != namespace(b)
}

fn conflict(a: &Listener, b: &Listener) -> Option<Conflict> {
    if a.port != b.port {
        None
    } else if are_rivals(&a.protocol, &b.protocol) {
        Some(Conflict::Protocol)
    } else {
        let same = namespace(&a.protocol) == namespace(&b.protocol) && a.hostname == b.hostname;
        same.then_some(Conflict::Hostname)
    }
}

/// Why `listener`, one of `all` of its Gateway, takes no requests: inside a Gateway nobody wins.
pub(super) fn among(listener: &Listener, all: &[Listener]) -> Option<Refusal> {
    let mut others = all.iter().filter(|other| other.name != listener.name);
    let (conflict, other) =
        others.find_map(|other| conflict(listener, other).map(|conflict| (conflict, other)))?;
    Some(Refusal {
        cause: Cause::Conflict,
        reason: conflict.reason(),
        message: format!(
            "the listeners `{}` ({}) and `{}` ({}) cannot share port {}",
            listener.name, listener.protocol, other.name, other.protocol, listener.port
        ),
    })
}

/// The listeners of a Gateway that keep their place, for those of its ListenerSets to be compared
/// with. There may be very many.
#[derive(Default)]
pub(super) struct InPlace {
    /// A section by port and protocol.
    protocols: HashMap<(u16, ListenerProtocol), usize>,
    /// The section that has a name on a port, by what tells names apart there.
    names: HashMap<(u16, ListenerProtocol, HostPattern), usize>,
}

impl InPlace {
    /// Adds a section, unless it has lost its own place.
    pub(super) fn add(&mut self, index: usize, section: &Section<'_>) {
        if section.refusal.as_ref().is_some_and(|refusal| refusal.cause == Cause::Conflict) {
            return;
        }
        let Listener { port, protocol, hostname, .. } = section.listener;
        self.protocols.entry((*port, protocol.clone())).or_insert(index);
        self.names.entry((*port, namespace(protocol), hostname.clone())).or_insert(index);
    }

    /// Why `listener` of a ListenerSet takes no requests: those that are there already keep their
    /// place. `sections` are those that were added.
    pub(super) fn refusal(&self, listener: &Listener, sections: &[Section<'_>]) -> Option<Refusal> {
        let Listener { port, protocol, hostname, .. } = listener;
        let by_name = self.names.get(&(*port, namespace(protocol), hostname.clone()));
        let by_protocol = STREAMS.iter().filter(|other| are_rivals(protocol, other));
        let by_protocol =
            by_protocol.filter_map(|other| self.protocols.get(&(*port, other.clone()))).min();
        let (reason, index) = match (by_name, by_protocol) {
            (Some(index), Some(_)) => ("ListenerConflict", index),
            (Some(index), None) => (Conflict::Hostname.reason(), index),
            (None, Some(index)) => (Conflict::Protocol.reason(), index),
            (None, None) => return None,
        };
        let winner = &sections[*index];
        let message = format!(
            "port {port} belongs to the listener `{}` ({}) of {}",
            winner.listener.name,
            winner.listener.protocol,
            winner.owner.object()
        );
        Some(Refusal { cause: Cause::Conflict, reason, message })
    }
}
