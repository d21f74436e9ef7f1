//! Why no route took a request, as a sentence.

use super::show;
use crate::decision::{Decision, NoRoute};
use crate::diagnostic::did_you_mean;
use crate::request::Request;
use crate::rules::Listener;

/// Why no route took the request.
pub(super) fn told<R: Request>(reason: NoRoute, decision: &Decision<'_>, request: &R) -> String {
    match reason {
        NoRoute::Invalid(reason) => reason.to_string(),
        NoRoute::NoListener => {
            format!("there is no listener on port {}", request.connection().listener.port)
        }
        NoRoute::NoHost => {
            let host = decision.with_view(request, |view| show::whole(view.host()));
            unknown_host(&host.unwrap_or_default(), decision.listener())
        }
        NoRoute::Misdirected => {
            let name = request.server_name().unwrap_or_default();
            let name = if name.is_empty() { "no name".into() } else { show::whole(name) };
            format!("the connection was opened for `{name}`, which another listener answers to")
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
