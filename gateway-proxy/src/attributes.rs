//! What the proxy itself knows of a request, where rules may print it (virtualserver §17.5).

use crate::clock::Moment;
use crate::head::Head;
use crate::snapshot::Table;
use crate::tls::SpiffeId;
use gateway_core::Pod;
use gateway_core::attributes::SOURCE_IDENTITY;
use http::Version;
use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// The attributes that have values.
const SUPPLIED: [&str; 8] = [
    "connection",
    "pid",
    "request_time",
    "server_addr",
    "server_port",
    "server_protocol",
    "time_iso8601",
    "time_local",
];

/// Whether requests have a value for the attribute of that name.
pub(crate) fn are_supplied(name: &str) -> bool {
    SUPPLIED.contains(&name)
}

/// The attributes of one request. Each is made when it is first asked for, and stays as it is.
pub(crate) struct Attributes {
    received: Instant,
    /// The Pod that the client is taken for.
    pod: Option<Arc<Pod>>,
    /// What knows the sessions of clients.
    table: Rc<Table>,
    texts: [OnceCell<String>; SUPPLIED.len()],
}

impl Attributes {
    /// Of a request that has just come, from a Pod if that is known.
    pub(crate) fn new(pod: Option<Arc<Pod>>, table: Rc<Table>) -> Self {
        Self { received: Instant::now(), pod, table, texts: Default::default() }
    }

    /// The value of one of `head`, whose attributes these are.
    pub(crate) fn read<'a>(&'a self, name: &str, head: &Head<'a>) -> Option<&'a [u8]> {
        let Some(at) = SUPPLIED.iter().position(|supplied| *supplied == name) else {
            let source = self.source(name, head);
            let session = || self.table.snapshot.sessions.backend(name, head);
            return source.or_else(session).map(str::as_bytes);
        };
        Some(self.texts[at].get_or_init(|| self.text(name, head)).as_bytes())
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
            _ => Moment::now().common(),
        }
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}
