//! How TLS begins on the connection of a request, and what never comes to its listener.

use super::{Explanation, show};
use crate::decision::Decision;
use crate::matcher::Router;
use crate::origin::Origin;
use crate::request::{Protocol, Request};
use crate::rules::{Listener, RuleSet, ServerTls, VirtualHost};
use std::net::IpAddr;

/// How TLS begins on a connection (gateway-api §7).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HandshakeSummary {
    /// The name that the client asks for: that of the request's host, unless another is given.
    /// Empty for none.
    pub server_name: String,
    /// Where our certificates were taken from, one of which is shown: the one that names the
    /// server best.
    pub certificates: Vec<Origin>,
    /// What is asked of the client; `None`: nothing.
    pub clients: Option<ClientsSummary>,
    /// Why every handshake fails, if it does.
    pub failure: Option<String>,
}

/// The certificate that a client is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientsSummary {
    /// Whether the handshake fails without a valid one.
    pub required: bool,
    /// Where that was written.
    pub origin: Origin,
}

/// Adds how the connection of `request` begins, if it can.
pub(super) fn explain<R: Request>(
    explanation: &mut Explanation,
    router: &Router,
    decision: &Decision<'_>,
    request: &R,
) {
    let Some(listener) = decision.listener() else { return };
    let came_by = request.connection().protocol;
    if came_by != listener.protocol {
        let (port, speaks) = (listener.port, listener.protocol.as_str());
        let came_by = came_by.as_str();
        explanation.notes.push(format!(
            "the listener on port {port} speaks {speaks}: what comes by {came_by} never gets to \
             its routes"
        ));
        return;
    }
    let host =
        decision.with_view(request, |view| String::from_utf8_lossy(view.host()).into_owned());
    let given = request.server_name().map(|name| String::from_utf8_lossy(name).into_owned());
    if let Some(name) = given.or(host.map(server_name)).filter(|_| came_by == Protocol::Https) {
        let owner = router.server_name(request.connection().listener, &name);
        explanation.handshake = Some(summary(&name, owner, listener, router.rules()));
    }
}

/// What clients ask for that want `host`: nothing where it is an address (RFC 6066, section 3).
fn server_name(host: String) -> String {
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(_) => String::new(),
        Err(_) => host,
    }
}

fn summary(
    name: &str,
    owner: Option<&VirtualHost>,
    listener: &Listener,
    rules: &RuleSet,
) -> HandshakeSummary {
    let server_name = show::whole(name.as_bytes());
    let failing = |failure| HandshakeSummary {
        server_name: server_name.clone(),
        failure: Some(failure),
        ..HandshakeSummary::default()
    };
    if listener.mutual_tls {
        let Some(identity) = &rules.identity else {
            return failing("this proxy has no identity to show".to_owned());
        };
        let origin = identity.origin.clone();
        return HandshakeSummary {
            server_name,
            certificates: vec![origin.clone()],
            clients: Some(ClientsSummary { required: true, origin }),
            failure: None,
        };
    }
    let Some(owner) = owner else {
        return failing(match name {
            "" => "no listener answers to clients that name no server".to_owned(),
            _ => format!("no listener answers to `{server_name}`"),
        });
    };
    match owner.tls.as_deref() {
        Some(ServerTls { certificates, clients, .. }) if !certificates.is_empty() => {
            let clients = clients.as_ref().map(|clients| ClientsSummary {
                required: !clients.insecure_fallback,
                origin: clients.origin.clone(),
            });
            let certificates = certificates.iter().map(|c| c.origin.clone()).collect();
            HandshakeSummary { server_name, certificates, clients, failure: None }
        }
        _ => failing(format!("there is no certificate for `{}`", owner.hostname)),
    }
}
