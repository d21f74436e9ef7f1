//! Why no route took a request, as a sentence.

use super::show;
use crate::decision::{Decision, NoRoute};
use crate::diagnostic::did_you_mean;
use crate::matcher::Router;
use crate::request::{ListenerKey, Request};
use crate::rules::Listener;
use std::net::IpAddr;

/// Why no route took the request.
pub(super) fn told<R: Request>(
    reason: NoRoute,
    router: &Router,
    decision: &Decision<'_>,
    request: &R,
) -> String {
    match reason {
        NoRoute::Invalid(reason) => reason.to_string(),
        NoRoute::NoListener => {
            no_listener(request.connection().listener, &router.rules().listeners)
        }
        NoRoute::NoHost => {
            let host = decision.with_view(request, |view| show::whole(view.host()));
            unknown_host(&host.unwrap_or_default(), decision.listener())
        }
        NoRoute::Misdirected => {
            let name = request.server_name().unwrap_or_default();
            let opened = match name {
                b"" => "without a server name".to_owned(),
                name => format!("for `{}`", show::whole(name)),
            };
            let name = String::from_utf8_lossy(name);
            let whose = match router.server_name(request.connection().listener, &name) {
                Some(_) => "another",
                None => "no",
            };
            format!("the connection was opened {opened}, which {whose} listener answers to")
        }
        NoRoute::NoTrust => "the Service is to be spoken to over TLS, and nothing says how its \
                             certificate could be trusted"
            .to_owned(),
        NoRoute::NoMatch => "no route holds".to_owned(),
        NoRoute::MethodNotAllowed => {
            let method = show::text(request.method());
            format!("the path is known, but cannot be taken with the method `{method}`")
        }
        NoRoute::NoBranch(_) => "all weights of the split are 0".to_owned(),
        NoRoute::NoBackend => "no backend of the TrafficSplit takes part, or none applies and the \
                               Service does not exist"
            .to_owned(),
    }
}

fn unknown_host(host: &str, listener: Option<&Listener>) -> String {
    let hosts = listener.into_iter().flat_map(|listener| listener.hosts.iter());
    let names: Vec<String> = hosts.map(|host| host.hostname.to_string()).collect();
    let meant = did_you_mean(host, names.iter().map(String::as_str));
    let help = meant.map(|help| format!("; {help}")).unwrap_or_default();
    format!("no virtual host covers `{host}`{help}")
}

/// How many addresses are named.
const MAX_ADDRESSES: usize = 3;

fn no_listener(wanted: ListenerKey, listeners: &[Listener]) -> String {
    let port = wanted.port;
    let on_port = listeners.iter().filter(|listener| listener.port == port);
    let mut addresses: Vec<IpAddr> = on_port.filter_map(|listener| listener.address).collect();
    if addresses.is_empty() {
        return format!("there is no listener on port {port}");
    }
    addresses.sort_unstable();
    let named: Vec<String> = addresses.iter().take(MAX_ADDRESSES).map(IpAddr::to_string).collect();
    let more = match addresses.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let nowhere = match wanted.address {
        Some(address) => format!("there is no listener at {address}"),
        None => "there is no listener at all addresses".to_owned(),
    };
    format!("{nowhere}; port {port} is answered at {}{more}", named.join(", "))
}
