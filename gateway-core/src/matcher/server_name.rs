//! Which host the server name of a TLS connection is for.

use super::Router;
use super::hosts::{Host, HostTables};
use crate::request::field::View;
use crate::request::{ListenerKey, Protocol, Request};
use crate::rules::VirtualHost;

/// The longest host name, in octets (RFC 1035, section 2.3.4).
const LONGEST: usize = 253;

impl Router {
    /// The host whose [`tls`](VirtualHost::tls) says how TLS begins on a connection to `listener`
    /// for `name`, the server name that the client gave; empty for none. `None` where no host
    /// covers it, so that the handshake fails (gateway-api §7.1).
    pub fn server_name(&self, listener: ListenerKey, name: &str) -> Option<&VirtualHost> {
        let at = self.tables.listener(listener)?;
        let hosts = &self.tables.listeners[at];
        find(hosts, name.as_bytes()).map(|host| &*host.rules)
    }
}

/// The most specific host that covers a server name; the one of all names where there is none.
fn find<'t>(hosts: &'t HostTables, name: &[u8]) -> Option<&'t Host> {
    // No name begins with a dot; here it would be under any wildcard of what follows.
    if name.first() == Some(&b'.') {
        return None;
    }
    let mut lower = [0; LONGEST];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    hosts.find(lower)
}

/// Whether the request's connection was opened for another section than that of `owner`, which
/// owns its host (gateway-api §7.3). Where the server name is not known, nothing is said of it.
#[inline(never)]
pub(super) fn is_misdirected<R: Request>(
    hosts: &HostTables,
    owner: &Host,
    view: &View<'_, R>,
) -> bool {
    let request = view.request();
    if request.connection().protocol != Protocol::Https {
        return false;
    }
    let Some(name) = request.server_name() else { return false };
    !name.eq_ignore_ascii_case(view.host())
        && find(hosts, name).is_none_or(|opened| opened.rules.section != owner.rules.section)
}
