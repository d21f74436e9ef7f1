//! What the proxy itself knows of a request, where rules may print it (virtualserver §17.5).

use crate::clock::Moment;
use crate::head::Head;
use crate::snapshot::Table;
use crate::tls::{Session, SpiffeId};
use crate::trace::Context;
use gateway_core::Pod;
use gateway_core::attributes::SOURCE_IDENTITY;
use http::Version;
use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// The attributes that have values.
const SUPPLIED: [&str; 16] = [
    "connection",
    "pid",
    "request_time",
    "server_addr",
    "server_port",
    "server_protocol",
    "ssl_cipher",
    "ssl_client_i_dn",
    "ssl_client_s_dn",
    "ssl_client_serial",
    "ssl_client_verify",
    "ssl_protocol",
    "ssl_server_name",
    "ssl_session_reused",
    "time_iso8601",
    "time_local",
];

/// Whether requests have a value for the attribute of that name.
pub(crate) fn are_supplied(name: &str) -> bool {
    SUPPLIED.contains(&name)
}

/// The attributes of one request. Each is made when it is first asked for, and stays as it is.
pub(crate) struct Attributes {
    /// When it came.
    pub(crate) received: Instant,
    /// The Pod that the client is taken for.
    pod: Option<Arc<Pod>>,
    /// What knows the sessions of clients.
    table: Rc<Table>,
    /// What the endpoint that is being tried is told to be a part of; `None` where that is what the
    /// client says.
    pub(crate) trace: Cell<Option<Context>>,
    texts: [OnceCell<Box<str>>; SUPPLIED.len()],
}

impl Attributes {
    /// Of a request that came at that moment, from a Pod if that is known.
    pub(crate) fn new(received: Instant, pod: Option<Arc<Pod>>, table: Rc<Table>) -> Self {
        let (trace, texts) = Default::default();
        Self { received, pod, table, trace, texts }
    }

    /// The value of one of `head`, whose attributes these are.
    pub(crate) fn read<'a>(&'a self, name: &str, head: &Head<'a>) -> Option<&'a [u8]> {
        let Some(at) = SUPPLIED.iter().position(|supplied| *supplied == name) else {
            let source = self.source(name, head);
            let session = || self.table.snapshot.sessions.backend(name, head);
            return source.or_else(session).map(str::as_bytes);
        };
        Some(self.texts[at].get_or_init(|| self.text(name, head).into()).as_bytes())
    }

    /// Who calls (smi T-2). Most clients are nobody, and no document can print it.
    fn source<'a>(&'a self, name: &str, head: &Head<'a>) -> Option<&'a str> {
        if name == SOURCE_IDENTITY {
            return head.client.identity.as_ref().map(SpiffeId::as_str);
        }
        let mut told = self.pod.as_deref()?.attributes().into_iter();
        told.find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    fn text(&self, name: &str, head: &Head<'_>) -> String {
        let client = head.client;
        match name {
            "connection" => client.number.to_string(),
            "pid" => std::process::id().to_string(),
            "request_time" => format!("{:.3}", self.received.elapsed().as_secs_f64()),
            "server_addr" => client.local.ip().to_canonical().to_string(),
            "server_port" => client.local.port().to_string(),
            "server_protocol" => protocol(head.parts.version).to_owned(),
            "time_iso8601" => Moment::now().iso8601(),
            "time_local" => Moment::now().common(),
            // Those are empty without TLS.
            _ => client.session.as_ref().map_or_else(String::new, |session| of_tls(name, session)),
        }
    }
}

/// What is known of a TLS connection.
fn of_tls(name: &str, session: &Session) -> String {
    match name {
        "ssl_cipher" => session.cipher().to_owned(),
        "ssl_client_i_dn" => session.client_issuer(),
        "ssl_client_s_dn" => session.client_subject(),
        "ssl_client_serial" => session.client_serial(),
        "ssl_client_verify" => session.client_verify(),
        "ssl_protocol" => session.protocol().to_owned(),
        "ssl_server_name" => session.server_name.to_string(),
        _ => session.reused().to_owned(),
    }
}

/// The version of HTTP, as NGINX calls it.
pub(crate) fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}
