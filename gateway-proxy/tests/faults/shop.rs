//! A proxy in this process, in front of backends that misbehave.

use crate::client::{Client, Response};
use crate::dice::Dice;
use crate::fault::Fault;
use crate::gateway::{address, cafe, config, service, start};
use crate::ledger::{Ledger, body, target};
use crate::observe::{Line, Log, Metrics, wait_until};
use crate::rogue::Rogue;
use gateway_proxy::{AccessLog, LogFormat, LogTarget, Server};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// A proxy and its backends.
pub struct Shop {
    pub ledger: Arc<Ledger>,
    pub address: SocketAddr,
    pub log: Log,
    server: Server,
    _backends: Vec<Rogue>,
}

impl Shop {
    /// One backend of HTTP/1.1 for each of `faults`; `upstream` holds more fields of the upstream.
    pub fn http1(faults: &[Fault], upstream: &str) -> Self {
        let ledger = Arc::default();
        let backend = |fault: &Fault| Rogue::http1(&ledger, Dice::new(1), &[*fault]);
        let backends = faults.iter().map(backend).collect();
        Self::with(&cafe(upstream), ledger, backends)
    }

    /// The same with HTTP/2.
    pub fn http2(faults: &[Fault], upstream: &str) -> Self {
        let ledger = Arc::default();
        let backend = |fault: &Fault| Rogue::http2(&ledger, Dice::new(1), &[*fault]);
        let backends = faults.iter().map(backend).collect();
        Self::with(&cafe(&format!(", type: grpc{upstream}")), ledger, backends)
    }

    fn with(documents: &str, ledger: Arc<Ledger>, backends: Vec<Rogue>) -> Self {
        let addresses: Vec<_> = backends.iter().map(|backend| backend.address).collect();
        let (server, address, log) = watched(documents, &addresses);
        Self { ledger, address, log, server, _backends: backends }
    }

    pub fn metrics(&self) -> Metrics {
        Metrics::of(self.server.admin().unwrap())
    }

    /// The line of a request, once it is written.
    pub fn line(&self, id: u64) -> Line {
        let mut found = None;
        wait_until("the line", || {
            found = self.log.lines().into_iter().find(|line| line.id == id);
            found.is_some()
        });
        found.unwrap()
    }
}

/// A proxy with one thread that logs and counts, for backends of `tea`, and its address.
pub fn watched(documents: &str, addresses: &[SocketAddr]) -> (Server, SocketAddr, Log) {
    let log = Log::new();
    let mut config = config(documents);
    config.threads = NonZeroUsize::new(1);
    config.services = vec![service("tea", addresses)];
    config.admin = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let target = LogTarget::File(log.path().to_owned());
    config.access_log = Some(AccessLog { target, format: LogFormat::Json });
    let server = start(config);
    let address = address(&server, 80);
    (server, address, log)
}

/// Asks with a body of some octets, unless the method has none.
pub fn ask(client: &mut Client, method: &str, id: u64, size: usize) -> Response {
    let sent = match method {
        "GET" | "HEAD" => String::new(),
        _ => "x".repeat(500),
    };
    let line = format!("{method} {} HTTP/1.1\r\n", target("/", id, size));
    let length = format!("Content-Length: {}\r\n", sent.len());
    client.send(format!("{line}Host: cafe.example.com\r\n{length}\r\n{sent}")).unwrap();
    client.read(method).unwrap_or_else(|error| panic!("{method} {id}: {error}"))
}

/// Whether it is the answer that was asked for, whole; one that says so and is not, is the worst.
pub fn is_whole(response: &Response, id: u64, size: usize) -> bool {
    let whole = response.status == 200 && response.complete;
    assert!(!whole || response.text() == body(id, size), "{id}: {response:?}");
    whole
}
