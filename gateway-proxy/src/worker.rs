//! One thread: its sockets, its connections, its view of the table.

use crate::access_log::Logger;
use crate::clock::Dates;
use crate::config::Limits;
use crate::connection::Hands;
use crate::gate::{ClientGate, Gate};
use crate::http1::Batch;
use crate::listener::{self, Socket};
use crate::metrics::{Told, WorkerMetrics};
use crate::mirror::Copying;
use crate::overload;
use crate::real_ip::TrustedProxies;
use crate::shutdown::Drain;
use crate::snapshot::{Snapshot, Table};
use crate::timers::Timers;
use crate::tls::Identity;
use crate::trace::{Exporter, Ids, Tracer};
use crate::upstream::{Budgets, Pool};
use arc_swap::ArcSwap;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// What all threads share.
pub(crate) struct Shared {
    pub(crate) snapshot: ArcSwap<Snapshot>,
    /// That of the snapshot, for those who wait for another one.
    identity: watch::Sender<Option<Arc<Identity>>>,
    pub(crate) limits: Limits,
    pub(crate) connections: Gate,
    pub(crate) connections_per_client: ClientGate,
    pub(crate) requests: Gate,
    pub(crate) trusted: TrustedProxies,
    pub(crate) log: Option<Logger>,
    pub(crate) tracer: Option<Tracer>,
}

impl Shared {
    pub(crate) fn new(
        snapshot: Snapshot,
        limits: Limits,
        log: Option<Logger>,
        tracer: Option<Tracer>,
    ) -> Self {
        Self {
            identity: watch::Sender::new(snapshot.identity()),
            snapshot: ArcSwap::from_pointee(snapshot),
            connections: Gate::new(limits.connections),
            connections_per_client: ClientGate::new(limits.connections_per_client),
            requests: Gate::new(limits.requests),
            trusted: TrustedProxies::default(),
            limits,
            log,
            tracer,
        }
    }

    /// Puts another table in force.
    pub(crate) fn put(&self, snapshot: Arc<Snapshot>) {
        let identity = snapshot.identity();
        self.snapshot.store(snapshot);
        self.identity.send_replace(identity);
    }

    /// What became of what is told to others.
    pub(crate) fn told(&self) -> Told {
        let exporter = self.tracer.as_ref().map(Tracer::exporter);
        Told {
            lines_lost: self.log.as_ref().map_or(0, Logger::lost),
            spans: exporter.map_or(0, Exporter::told),
            spans_lost: exporter.map_or(0, Exporter::lost),
        }
    }

    /// Waits until all is told, but not for ever.
    pub(crate) fn flush(&self) {
        if let Some(log) = &self.log {
            log.flush();
        }
        if let Some(tracer) = &self.tracer {
            tracer.exporter().flush();
        }
    }

    /// Waits until this proxy is somebody else than `identity`.
    pub(crate) async fn renewed(&self, identity: &Arc<Identity>) {
        let is_other = |now: &Option<Arc<Identity>>| {
            !now.as_ref().is_some_and(|now| Arc::ptr_eq(now, identity))
        };
        // The sender lives as long as this does.
        let _ = self.identity.subscribe().wait_for(is_other).await;
    }
}

/// What a thread is told to do.
pub(crate) enum Command {
    /// Accept connections on another socket of the listener with this number.
    Listen(u64, Socket),
    /// Stop accepting on the sockets of a listener, and finish their connections.
    Unlisten(u64),
    /// Take notice of another table, even if no request comes.
    Renew,
    /// Finish everything and end.
    Shutdown,
}

/// What the connections of a thread share.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) metrics: Arc<WorkerMetrics>,
    pub(crate) pool: Pool,
    pub(crate) budgets: Budgets,
    pub(crate) random: Random,
    pub(crate) ids: Ids,
    pub(crate) copying: Copying,
    pub(crate) timers: Timers,
    pub(crate) batch: Batch,
    pub(crate) dates: Dates,
    /// Those that answer requests of HTTP/2.
    pub(crate) hands: Hands,
    /// For those who are told that there is no room.
    pub(crate) turned_away: Gate,
    table: RefCell<Rc<Table>>,
}

impl Worker {
    /// The table in force. A request takes it once, and keeps it to its end.
    pub(crate) fn table(&self) -> Rc<Table> {
        let newest = self.shared.snapshot.load();
        let mut table = self.table.borrow_mut();
        if !Arc::ptr_eq(&newest, &table.snapshot) {
            // The old table goes first: its counters are then unused, unless a request has it.
            let routes = newest.router.rules().route_count();
            *table = Table::new(Arc::clone(&newest));
            self.budgets.forget_unused();
            self.metrics.forget_unused(routes.saturating_mul(2).saturating_add(1000));
            self.pool.keep_only(|peer| newest.leads_to(peer));
        }
        Rc::clone(&table)
    }
}

/// Runs a thread until it is told to shut down and its last connection is over.
pub(crate) fn run(
    shared: Arc<Shared>,
    metrics: Arc<WorkerMetrics>,
    idle_per_endpoint: usize,
    commands: mpsc::UnboundedReceiver<Command>,
    runtime: tokio::runtime::Runtime,
) {
    let batch = Batch::default();
    let worker = Rc::new(Worker {
        table: RefCell::new(Table::new(shared.snapshot.load_full())),
        pool: Pool::new(idle_per_endpoint, shared.limits.idle_upstream, batch.clone()),
        budgets: Budgets::new(),
        random: Random::from_system(),
        ids: Ids::from_system(),
        copying: Copying::default(),
        timers: Timers::default(),
        batch,
        dates: Dates::default(),
        hands: Hands::default(),
        turned_away: Gate::new(Some(overload::TOLD)),
        metrics,
        shared,
    });
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, obey(worker, commands));
    drop(local);
    // Names that are being resolved are not waited for.
    runtime.shutdown_background();
}

async fn obey(worker: Rc<Worker>, mut commands: mpsc::UnboundedReceiver<Command>) {
    tokio::task::spawn_local(worker.pool.clone().sweep());
    tokio::task::spawn_local(worker.batch.clone().write());
    let mut serving: BTreeMap<u64, Drain> = BTreeMap::new();
    let mut ending: Vec<Drain> = Vec::new();
    while let Some(command) = commands.recv().await {
        match command {
            Command::Listen(id, socket) => {
                // There may be several sockets of one number.
                let draining = serving.entry(id).or_insert_with(Drain::new).watch();
                tokio::task::spawn_local(listener::accept(Rc::clone(&worker), socket, draining));
            }
            Command::Unlisten(id) => {
                let removed = serving.remove(&id);
                removed.iter().for_each(Drain::begin);
                ending.retain(|drain| !drain.is_over());
                ending.extend(removed);
            }
            Command::Renew => drop(worker.table()),
            Command::Shutdown => break,
        }
    }
    serving.values().for_each(Drain::begin);
    for drain in serving.values().chain(&ending) {
        drain.over().await;
    }
}

/// Random numbers, one after the other: SplitMix64, which is plenty for choices by weight.
pub(crate) struct Random(Cell<u64>);

impl Random {
    /// Seeded by the operating system.
    pub(crate) fn from_system() -> Self {
        Self::from_seed(RandomState::new().hash_one(0))
    }

    pub(crate) fn from_seed(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// 64 random bits.
    pub(crate) fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `n`; 0 if `n` is 0.
    pub(crate) fn below(&self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }
}
