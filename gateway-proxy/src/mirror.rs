//! Sends copies of requests, whose answers nobody waits for (gateway-api §13.2).

use crate::attributes::Attributes;
use crate::exchange::Received;
use crate::forward::{Asked, Forwarder};
use crate::head::{Client, Head};
use crate::record::Record;
use crate::service_limits::ServiceLimits;
use crate::snapshot::Table;
use crate::worker::Worker;
use gateway_core::{Decision, Outcome};
use http::request::Parts;
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// Most copies that a worker sends at once; more are not sent.
const MOST: usize = 256;

/// A copy is given up after this long, whatever the rule allows.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a copy goes on when the proxy stops: nobody waits for it.
const LAST: Duration = Duration::from_secs(1);

/// How many copies a worker is sending.
#[derive(Default)]
pub(crate) struct Copying(Rc<Cell<usize>>);

/// A copy that is being sent.
struct Sending(Rc<Cell<usize>>);

impl Copying {
    /// Counts another one, if there may be.
    fn begin(&self) -> Option<Sending> {
        if self.0.get() >= MOST {
            return None;
        }
        self.0.set(self.0.get() + 1);
        Some(Sending(Rc::clone(&self.0)))
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Begins to send the copies of a request that was decided with `draw` and goes on with `body`.
pub(crate) fn mirror(
    worker: &Rc<Worker>,
    table: &Rc<Table>,
    (head, client): (&Head<'_>, &Rc<Client>),
    (decision, draw): (&Decision<'_>, u64),
    body: &mut Received,
) {
    // What is spoken after an upgrade is not copied, and an answer without it tells nothing.
    if head.upgrade().is_some() {
        return;
    }
    for nth in 0..table.snapshot.router.mirrors(decision, head, draw).count() {
        let Some(sending) = worker.copying.begin() else {
            worker.metrics.mirrored(false);
            continue;
        };
        let copy = Copied {
            worker: Rc::clone(worker),
            table: Rc::clone(table),
            client: Rc::clone(client),
            parts: head.parts.clone(),
            peer: head.peer,
            draw,
            nth,
        };
        let mut draining = client.draining.clone();
        let sent = copy.send(body.copy());
        tokio::task::spawn_local(async move {
            tokio::select! {
                _ = timeout(PATIENCE, sent) => {}
                () = async { draining.begun().await; sleep(LAST).await } => {}
            }
            drop(sending);
        });
    }
}

/// A copy of a request, with all that it takes to decide once more.
struct Copied {
    worker: Rc<Worker>,
    table: Rc<Table>,
    client: Rc<Client>,
    parts: Parts,
    /// Whose request it is.
    peer: SocketAddr,
    draw: u64,
    nth: usize,
}

impl Copied {
    async fn send(self, body: Received) {
        let Self { worker, table, client, parts, peer, draw, nth } = self;
        let attributes = Attributes::new(
            Instant::now(),
            table.snapshot.pod(&client, peer.ip()).cloned(),
            Rc::clone(&table),
        );
        let (parts, client, attributes) = (&parts, &*client, &attributes);
        let head = Head { parts, client, attributes, peer, interim: None };
        let router = &table.snapshot.router;
        let decision = router.decide(&head, draw);
        let Some(decision) = router.mirrors(&decision, &head, draw).nth(nth) else { return };
        let Outcome::Forward(forwarding) = decision.admitted() else { return };
        let limits = ServiceLimits { meters: &table.snapshot.meters, counted: Vec::new() };
        let forwarder = Forwarder {
            worker: &worker,
            table: &table,
            head,
            decision: &decision,
            forwarding: &forwarding,
            limits,
        };
        let answered =
            forwarder.run(body, None, &mut Record::silent(&worker), &mut Asked::nobody()).await;
        worker.metrics.mirrored(answered.is_ok());
        if let Ok(answer) = answered {
            answer.into_body().discard();
        }
    }
}
