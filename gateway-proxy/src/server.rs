//! A running proxy: its threads, its sockets, and the table in force.

use crate::access_log::Logger;
use crate::admin::{Admin, InForce, RuleCounts, Status};
use crate::config::Config;
use crate::error::StartError;
use crate::inherit::{Inherited, Role};
use crate::listener::{self, Listening, Socket, why_not_served};
use crate::metrics::{ReloadCounts, WorkerMetrics};
use crate::real_ip::TrustedProxies;
use crate::reload::{Loaded, Loader};
use crate::snapshot::{Snapshot, Surroundings};
use crate::takeover::Offer;
use crate::trace::Tracer;
use crate::upstream::Checker;
use crate::worker::{self, Command, Shared};
use arc_swap::ArcSwap;
use gateway_core::rules::{Listener, RuleSet};
use gateway_core::{Diagnostic, ListenerKey, Origin, Router};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::mpsc;

/// Something that whoever runs the proxy wants to know.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A socket takes connections.
    Listening(Listening),
    /// A socket takes none any more; its requests under way are finished.
    Closed(Listening),
    /// A listener is not served, where it was written, and why.
    NotServed(Listening, Origin, &'static str),
    /// The admin server takes connections.
    Admin(SocketAddr),
    /// Something is wrong with a document.
    Diagnostic(Diagnostic),
    /// A new table is in force; the number counts them.
    InForce(u64),
    /// A reload failed, and the table stays as it was.
    ReloadFailed(String),
    /// A listener of a new table cannot be bound; the others go on.
    Unbound(String),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening(listening) => listening.fmt(f),
            Self::Closed(l) => {
                write!(f, "closed {} {} {}", l.protocol.as_str(), l.address, l.name)
            }
            Self::NotServed(l, origin, why) => write!(
                f,
                "warning: listener `{}` (https, port {}; {origin}) is not served: {why}",
                l.name, l.port
            ),
            Self::Admin(address) => write!(f, "listening admin {address}"),
            Self::Diagnostic(diagnostic) => diagnostic.fmt(f),
            Self::InForce(generation) => write!(f, "table {generation} in force"),
            Self::ReloadFailed(why) => write!(f, "error: the last table stays in force: {why}"),
            Self::Unbound(why) => write!(f, "error: {why}"),
        }
    }
}

/// A reload made no table; the last one stays in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReloadError(String);

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReloadError {}

/// A running proxy. Dropped, it shuts down.
pub struct Server {
    state: Arc<Mutex<State>>,
    workers: Vec<JoinHandle<()>>,
    watch: Option<(Sender<()>, JoinHandle<()>)>,
    admin: Option<Admin>,
}

/// What changes on a reload.
struct State {
    config: Config,
    loader: Loader,
    inherited: Inherited,
    shared: Arc<Shared>,
    commands: Vec<mpsc::UnboundedSender<Command>>,
    listening: BTreeMap<ListenerKey, Serving>,
    next_socket: u64,
    counts: ReloadCounts,
    status: Arc<ArcSwap<Status>>,
    /// From the first table on that asks for checks.
    checker: Option<Checker>,
    report: Box<dyn Fn(Event) + Send>,
}

struct Serving {
    id: u64,
    listening: Listening,
    /// Its sockets, where another proxy may take this one's place.
    kept: Vec<TcpListener>,
}

/// A listener whose sockets are bound, but do not take connections yet.
struct Bound {
    key: ListenerKey,
    listening: Listening,
    sockets: Vec<Socket>,
    kept: Vec<TcpListener>,
}

impl Server {
    /// Reads documents, binds their listeners, and serves. `report` hears of what happens, on
    /// whichever thread it happens; it must not call the server, which waits for it.
    ///
    /// # Errors
    ///
    /// When a socket cannot be bound, the access log cannot be opened, or the documents make no
    /// table. Wrong documents are reported, and harm only themselves.
    pub fn start(
        config: Config,
        report: impl Fn(Event) + Send + 'static,
    ) -> Result<Self, StartError> {
        Self::start_with(config, Inherited::default(), report)
    }

    /// The same with sockets that are there already.
    pub(crate) fn start_with(
        config: Config,
        mut inherited: Inherited,
        report: impl Fn(Event) + Send + 'static,
    ) -> Result<Self, StartError> {
        let threads = config.threads.map_or_else(cores, NonZeroUsize::get);
        let mut loader = Loader::new(&config);
        let loaded = loader.load();
        let metrics: Vec<_> = (0..threads).map(|_| Arc::new(WorkerMetrics::default())).collect();
        let log = config.access_log.as_ref().map(Logger::open).transpose()?;
        let tracer = config.tracing.as_ref().map(Tracer::start).transpose()?;
        let status = Arc::new(ArcSwap::from_pointee(Status::default()));
        let empty = Router::compile(&RuleSet::default())
            .map_err(|errors| StartError::Table(errors.to_string()))?;
        let nothing = Snapshot::new(empty, Surroundings::default(), &config, None);
        let mut shared = Shared::new(nothing, config.limits.clone(), log, tracer);
        shared.trusted = TrustedProxies {
            networks: config.trusted_proxies.clone(),
            header: config.real_ip_header,
        };
        let shared = Arc::new(shared);
        let admin = config.admin.map(|address| {
            let (status, shared) = (Arc::clone(&status), Arc::clone(&shared));
            Admin::start(address, status, metrics.clone(), shared, &mut inherited)
        });
        let admin = admin.transpose()?;
        if let Some(admin) = &admin {
            report(Event::Admin(admin.address()));
        }
        let watch = config.watch;
        let (commands, receivers): (Vec<_>, Vec<_>) =
            (0..threads).map(|_| mpsc::unbounded_channel()).unzip();
        let mut state = State {
            config,
            loader,
            inherited,
            shared: Arc::clone(&shared),
            commands,
            listening: BTreeMap::new(),
            next_socket: 0,
            counts: ReloadCounts::default(),
            status,
            checker: None,
            report: Box::new(report),
        };
        state.apply(loaded, true)?;
        state.inherited.close_passed();
        let mut server = Self {
            state: Arc::new(Mutex::new(state)),
            workers: Vec::with_capacity(threads),
            watch: None,
            admin,
        };
        let share = shared.limits.idle_per_endpoint.div_ceil(threads);
        for (metrics, commands) in metrics.into_iter().zip(receivers) {
            let shared = Arc::clone(&shared);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let name = format!("worker-{}", server.workers.len());
            let work = move || worker::run(shared, metrics, share, commands, runtime);
            server.workers.push(thread::Builder::new().name(name).spawn(work)?);
        }
        if let Some(interval) = watch {
            server.watch = Some(watch_files(Arc::clone(&server.state), interval)?);
        }
        Ok(server)
    }

    /// The listeners that are served, by port.
    pub fn listening(&self) -> Vec<Listening> {
        lock(&self.state).listening.values().map(|serving| serving.listening.clone()).collect()
    }

    /// The address of the admin server, if there is one.
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::address)
    }

    /// Makes what another proxy that takes this one's place is handed.
    ///
    /// # Errors
    ///
    /// When the process may have no more files; the same for what is returned.
    pub(crate) fn offer(&self) -> io::Result<impl Fn() -> io::Result<Vec<Offer>> + Send + use<>> {
        let admin = self.admin.as_ref().map(Admin::duplicate).transpose()?;
        let state = Arc::clone(&self.state);
        Ok(move || {
            let state = lock(&state);
            let listeners = state.listening.iter().flat_map(|(key, serving)| {
                serving.kept.iter().map(move |socket| (Role::Listener(*key), socket))
            });
            let admin = admin.iter().map(|socket| (Role::Admin, socket));
            listeners.chain(admin).map(|(role, socket)| Ok((role, socket.try_clone()?))).collect()
        })
    }

    /// Whether connections to a socket at this address are answered.
    pub(crate) fn serves(&self, address: SocketAddr) -> bool {
        let is_admin = self.admin() == Some(address);
        is_admin || self.listening().iter().any(|listening| listening.address == address)
    }

    /// Whether all threads are there that answer requests.
    pub(crate) fn is_alive(&self) -> bool {
        self.workers.iter().all(|worker| !worker.is_finished())
    }

    /// Opens the access log again, for those who rotate it.
    pub fn reopen_log(&self) {
        if let Some(log) = &lock(&self.state).shared.log {
            log.reopen();
        }
    }

    /// Reads the documents again, and puts a new table in force. Returns its number.
    ///
    /// # Errors
    ///
    /// When there is no table in them; then the last one stays in force.
    pub fn reload(&self) -> Result<u64, ReloadError> {
        lock(&self.state).reload()
    }

    /// Stops accepting, finishes the requests under way, and ends.
    pub fn shutdown(mut self) {
        self.stop();
    }

    /// The same where another proxy serves at the same sockets, that of the admin server included.
    pub(crate) fn step_aside(mut self, confirm: impl FnOnce()) {
        self.admin = None;
        self.stop_taking();
        confirm();
        self.stop();
    }

    fn stop(&mut self) {
        self.stop_taking();
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
        self.admin = None;
        lock(&self.state).checker = None;
        lock(&self.state).shared.flush();
    }

    /// Takes no more connections, and no more changes of documents.
    fn stop_taking(&mut self) {
        if let Some((stop, watching)) = self.watch.take() {
            drop(stop);
            // A thread that panicked has nothing left to finish; the same below.
            let _ = watching.join();
        }
        let mut state = lock(&self.state);
        // Closed here as well as in the threads, they take no more connections.
        state.listening.clear();
        for commands in state.commands.drain(..) {
            // A thread that is gone needs no telling.
            let _ = commands.send(Command::Shutdown);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A panic in a report leaves the state as it was before or after a step, both of which are fine.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Reloads whenever a file has changed, until the sender is dropped.
fn watch_files(
    state: Arc<Mutex<State>>,
    interval: Duration,
) -> Result<(Sender<()>, JoinHandle<()>), StartError> {
    /// How long files have to stay as they are before they are read.
    const SETTLE: Duration = Duration::from_millis(50);
    let (stop, stopped) = channel();
    let watch = move || {
        while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
            let mut state = lock(&state);
            if state.loader.changed(|| thread::sleep(SETTLE.min(interval))) {
                // The failure was reported.
                let _ = state.reload();
            }
        }
    };
    let thread = thread::Builder::new().name("watch".into()).spawn(watch)?;
    Ok((stop, thread))
}

impl State {
    fn reload(&mut self) -> Result<u64, ReloadError> {
        let loaded = self.loader.load();
        self.apply(loaded, false).map_err(|error| {
            let why = error.to_string();
            self.counts.fail();
            self.status.store(Arc::new(self.status.load().failed(self.counts, why.clone())));
            (self.report)(Event::ReloadFailed(why.clone()));
            ReloadError(why)
        })
    }

    /// Puts what was loaded in force: sockets are bound first, then the table is swapped, then
    /// the sockets take connections, and those that are not wanted any more stop.
    fn apply(&mut self, loaded: Loaded, first: bool) -> Result<u64, StartError> {
        for diagnostic in &loaded.diagnostics {
            (self.report)(Event::Diagnostic(diagnostic.clone()));
        }
        let router = loaded.router.map_err(|errors| StartError::Table(errors.to_string()))?;
        let has_identity = loaded.surroundings.identity.is_some();
        let (bound, unwanted) = self.bind(router.rules(), has_identity, first)?;
        let previous = self.shared.snapshot.load_full();
        let snapshot = Snapshot::new(router, loaded.surroundings, &self.config, Some(&previous));
        let snapshot = Arc::new(snapshot);
        let checked = snapshot.checked();
        if self.checker.is_none() && !checked.is_empty() {
            self.checker = Some(Checker::start()?);
        }
        self.shared.put(Arc::clone(&snapshot));
        for commands in &self.commands {
            // A thread that is gone needs no telling.
            let _ = commands.send(Command::Renew);
        }
        if let Some(checker) = &self.checker {
            checker.check(checked.clone());
        }
        for bound in bound {
            self.listen(bound);
        }
        for key in unwanted {
            self.close(&key);
        }
        for wanted in &snapshot.router.rules().listeners {
            let key = ListenerKey { address: wanted.address, port: wanted.port };
            if let Some(serving) = self.listening.get_mut(&key) {
                // A socket that stays may be called differently now, and speak something else.
                serving.listening.name = wanted.name.to_string();
                serving.listening.protocol = wanted.protocol;
            }
        }
        self.counts.succeed();
        let listening = self.listening.values().map(|s| s.listening.clone()).collect();
        let in_force = InForce {
            rules: RuleCounts::of(snapshot.router.rules()),
            listening,
            documents: loaded.documents,
            diagnostics: loaded.diagnostics,
            checked,
        };
        self.status.store(Arc::new(Status::new(self.counts, in_force)));
        (self.report)(Event::InForce(self.counts.generation));
        Ok(self.counts.generation)
    }

    /// Binds the listeners that are new, and says which of the present ones are not wanted any
    /// more.
    fn bind(
        &mut self,
        rules: &RuleSet,
        has_identity: bool,
        first: bool,
    ) -> Result<(Vec<Bound>, Vec<ListenerKey>), StartError> {
        let mut bound = Vec::new();
        let mut unwanted: BTreeSet<ListenerKey> = self.listening.keys().copied().collect();
        let owners = self.owners(rules, has_identity);
        for wanted in &rules.listeners {
            let key = ListenerKey { address: wanted.address, port: wanted.port };
            let address = listener::address(wanted, &self.config);
            if let Some(why) = why_not_served(wanted, has_identity) {
                let listening = Listening {
                    name: wanted.name.to_string(),
                    port: wanted.port,
                    protocol: wanted.protocol,
                    address,
                };
                (self.report)(Event::NotServed(listening, wanted.origin.clone(), why));
                continue;
            }
            if let Some(owner) = owners.get(&address).filter(|owner| !std::ptr::eq(**owner, wanted))
            {
                let error = listener::taken(wanted, owner, address);
                if first {
                    return Err(error);
                }
                (self.report)(Event::Unbound(error.to_string()));
                continue;
            }
            if unwanted.remove(&key) {
                continue;
            }
            let present = self.listening.values().map(|serving| &serving.listening);
            let new = bound.iter().map(|bound: &Bound| &bound.listening);
            let alone = present.chain(new).all(|l| l.address.port() != address.port());
            let (config, inherited) = (&self.config, &mut self.inherited);
            match listener::bind(wanted, config, self.commands.len(), alone, inherited) {
                Ok((listening, sockets)) => {
                    let kept = self.keep(&sockets)?;
                    bound.push(Bound { key, listening, sockets, kept });
                }
                Err(error) if first => return Err(error),
                Err(error) => (self.report)(Event::Unbound(error.to_string())),
            }
        }
        Ok((bound, unwanted.into_iter().collect()))
    }

    /// Which listener has an address that several ask for: the kernel would give each of them a
    /// part of the connections. One that is for mutual TLS has it even while it is not served, so
    /// that nothing is answered there in plain; then one that has it already.
    fn owners<'r>(
        &self,
        rules: &'r RuleSet,
        has_identity: bool,
    ) -> BTreeMap<SocketAddr, &'r Listener> {
        let mut owners = BTreeMap::new();
        let rank = |listener: &Listener| {
            let key = ListenerKey { address: listener.address, port: listener.port };
            (listener.mutual_tls, self.listening.contains_key(&key))
        };
        for wanted in &rules.listeners {
            let address = listener::address(wanted, &self.config);
            let is_served = wanted.mutual_tls || why_not_served(wanted, has_identity).is_none();
            // Port 0 is another one for each.
            if is_served && address.port() != 0 {
                let owner = owners.entry(address).or_insert(wanted);
                if rank(wanted) > rank(owner) {
                    *owner = wanted;
                }
            }
        }
        owners
    }

    /// The same sockets once more, where another proxy may take this one's place.
    fn keep(&self, sockets: &[Socket]) -> Result<Vec<TcpListener>, StartError> {
        let kept = if self.config.takeover.is_some() { sockets } else { &[] };
        Ok(kept.iter().map(Socket::duplicate).collect::<io::Result<_>>()?)
    }

    fn listen(&mut self, Bound { key, listening, sockets, kept }: Bound) {
        let id = self.next_socket;
        self.next_socket += 1;
        // Another proxy may have had more threads.
        for (commands, socket) in self.commands.iter().cycle().zip(sockets) {
            // A thread that is gone takes its socket with it.
            let _ = commands.send(Command::Listen(id, socket));
        }
        (self.report)(Event::Listening(listening.clone()));
        self.listening.insert(key, Serving { id, listening, kept });
    }

    fn close(&mut self, key: &ListenerKey) {
        if let Some(Serving { id, listening, kept }) = self.listening.remove(key) {
            drop(kept);
            for commands in &self.commands {
                let _ = commands.send(Command::Unlisten(id));
            }
            (self.report)(Event::Closed(listening));
        }
    }
}
