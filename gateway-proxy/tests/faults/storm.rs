//! Everything at once: backends that misbehave, clients that leave, documents that change. Nothing
//! may be lost that could have been answered, everything else is told as it was, and nothing is left
//! behind.
//!
//! `GATEWAY_FAULTS_SEED` repeats a run as far as threads let it; `GATEWAY_FAULTS_SECONDS` makes it
//! longer.

use crate::client::Client;
use crate::clients::{Outcome, http1, http2};
use crate::dice::Dice;
use crate::fault::Fault;
use crate::ledger::Ledger;
use crate::observe::{Line, Log, Metrics, wait_until};
use crate::process::Process;
use crate::rogue::Rogue;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const THREADS: usize = 2;

/// Clients of each version, each with a thread.
const CLIENTS: usize = 5;

/// What the proxy may have grown by, in octets.
const MOST: usize = 16 << 20;

/// Connections that one thread has with a backend of HTTP/2 at most.
const HTTP2_CONNECTIONS: usize = 16;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// The backends of the storm.
struct Backends {
    good: [Rogue; 2],
    rogue: Rogue,
    good_http2: Rogue,
    rogue_http2: Rogue,
    /// Where nobody listens.
    nowhere: SocketAddr,
}

impl Backends {
    fn start(ledger: &Arc<Ledger>, dice: &mut Dice) -> Self {
        // One in order, too, may end connections.
        let polite = [Fault::None, Fault::None, Fault::Goodbye];
        let mut faults = Fault::HTTP1.to_vec();
        faults.resize(60, Fault::None);
        let mut http2 = Fault::HTTP2.to_vec();
        http2.resize(20, Fault::None);
        Self {
            good: [(); 2].map(|()| Rogue::http1(ledger, dice.split(), &polite)),
            rogue: Rogue::http1(ledger, dice.split(), &faults),
            good_http2: Rogue::http2(ledger, dice.split(), &[Fault::None; 9]),
            rogue_http2: Rogue::http2(ledger, dice.split(), &http2),
            nowhere: crate::backend::Backend::nowhere(),
        }
    }

    fn all(&self) -> [&Rogue; 5] {
        let [one, two] = &self.good;
        [one, two, &self.rogue, &self.good_http2, &self.rogue_http2]
    }

    /// The addresses of those that may fail a request, as the access log has them.
    fn may_fail(&self) -> BTreeSet<String> {
        let addresses = [self.rogue.address, self.rogue_http2.address, self.nowhere];
        addresses.map(|address| address.to_string()).into()
    }

    /// The documents of a time: endpoints come and go, and routes change.
    fn documents(&self, version: u64) -> String {
        let settings = "read-timeout: 1s, send-timeout: 1s, client-max-body-size: '0', \
                        next-upstream: error timeout invalid_header";
        let mut text = format!(
            "apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {{name: cafe}}
spec:
  host: cafe.example.com
  upstreams:
  - {{name: good, service: good, port: 80, {settings}}}
  - {{name: mixed, service: mixed, port: 80, {settings}}}
  - {{name: grpc, service: grpc, port: 80, type: grpc, {settings}}}
  routes:
  - {{path: /version, action: {{return: {{body: '{version}'}}}}}}
"
        );
        let mut routes = ["good", "mixed", "grpc"];
        routes.rotate_left(version as usize % 3);
        for name in routes {
            text += &format!("  - {{path: /{name}, action: {{pass: {name}}}}}\n");
        }
        let [one, two] = &self.good;
        let mut mixed = vec![one.address, self.rogue.address];
        let mut grpc = vec![self.good_http2.address, self.rogue_http2.address];
        if !version.is_multiple_of(3) {
            mixed.push(two.address);
        }
        if version % 4 == 3 {
            mixed.insert(0, self.nowhere);
            grpc.push(self.nowhere);
        }
        text += &service("good", &[one.address, two.address]);
        text += &service("mixed", &mixed);
        text += &service("grpc", &grpc);
        for name in ["mixed", "grpc"] {
            // One that never acts, in place of pauses after each failure: the rogues stay in.
            text += &format!(
                "---
apiVersion: specs.smi.nginx.com/v1alpha1
kind: CircuitBreaker
metadata: {{name: {name}}}
spec: {{destination: {{kind: Service, name: {name}}}, errors: 1000000, timeoutSeconds: 1}}
"
            );
        }
        text
    }
}

fn service(name: &str, endpoints: &[SocketAddr]) -> String {
    let head = format!(
        "---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{ports: [{{port: 80}}]}}}}\n"
    );
    let slice = |(n, address): (usize, &SocketAddr)| {
        format!(
            "---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}-{n}, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
ports: [{{port: {}}}]
endpoints: [{{addresses: ['{}'], conditions: {{ready: true}}}}]
",
            address.port(),
            address.ip()
        )
    };
    head + &endpoints.iter().enumerate().map(slice).collect::<String>()
}

/// A file for the time of a test.
struct File(PathBuf);

impl File {
    fn new(end: &str) -> Self {
        let name = format!("gateway-storm-{}.{end}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    /// Puts a version in place at once, as editors do.
    fn write(&self, text: &str) {
        let next = self.0.with_extension("next");
        std::fs::write(&next, text).unwrap();
        std::fs::rename(next, &self.0).unwrap();
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A proxy of its own, and what is around it.
struct Storm {
    process: Process,
    admin: SocketAddr,
    address: SocketAddr,
    documents: File,
    version: u64,
    errors: File,
    log: Log,
    backends: Backends,
    dice: Dice,
    next_id: AtomicU64,
}

impl Storm {
    fn new(seed: u64, ledger: &Arc<Ledger>) -> Self {
        let mut dice = Dice::new(seed);
        let backends = Backends::start(ledger, &mut dice);
        let (documents, errors, log) = (File::new("yaml"), File::new("errors"), Log::new());
        documents.write(&backends.documents(0));
        let threads = THREADS.to_string();
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let log_path = path(log.path());
        let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
        command
            .args(["serve", "--bind", "127.0.0.1", "--map-port", "80=0"])
            .args(["--admin", "127.0.0.1:0", "--threads", &threads, "--log-format", "json"])
            .args(["--access-log", &log_path, "-f", &path(&documents.0)])
            .stderr(std::fs::File::create(&errors.0).unwrap());
        let (process, address) = Process::start(&mut command);
        let admin = process.admin.unwrap();
        let (version, next_id) = (0, AtomicU64::new(1));
        let mut storm = Self {
            process,
            admin,
            address,
            documents,
            version,
            errors,
            log,
            backends,
            dice,
            next_id,
        };
        // Once it obeys signals, it has all its threads.
        wait_until("it obeys signals", || {
            storm.reload();
            Client::connect(address).get("/version").text() != "0"
        });
        storm
    }

    fn reload(&mut self) {
        self.version += 1;
        self.documents.write(&self.backends.documents(self.version));
        self.process.signal("-HUP");
    }

    /// Clients of all kinds for a while.
    fn rage(&mut self, time: Duration) -> Vec<Outcome> {
        let stop = AtomicBool::new(false);
        let mut dice: Vec<Dice> = (0..2 * CLIENTS).map(|_| self.dice.split()).collect();
        let address = self.address;
        std::thread::scope(|scope| {
            let (stop, mut all) = (&stop, Vec::new());
            let (ids, others) = (&self.next_id, dice.split_off(CLIENTS));
            for dice in dice {
                all.push(scope.spawn(move || http1(address, dice, ids, stop)));
            }
            for dice in others {
                all.push(scope.spawn(move || http2(address, dice, ids, stop)));
            }
            let end = Instant::now() + time;
            let mut version = self.version;
            while Instant::now() < end && all.iter().all(|client| !client.is_finished()) {
                version += 1;
                self.documents.write(&self.backends.documents(version));
                self.process.signal("-HUP");
                std::thread::sleep(Duration::from_millis(150));
            }
            self.version = version;
            stop.store(true, Ordering::SeqCst);
            all.into_iter().flat_map(|client| client.join().unwrap()).collect()
        })
    }

    /// Waits until nothing is under way, and nothing is kept for later.
    fn calm(&self, files: usize) {
        wait_until("the same descriptors", || {
            self.backends.all().iter().for_each(|backend| backend.hang_up());
            self.process.open_files() == files
        });
    }
}

#[test]
fn nothing_is_lost_in_a_storm() {
    let seed = from_environment("GATEWAY_FAULTS_SEED").unwrap_or(1);
    let time = Duration::from_secs(from_environment("GATEWAY_FAULTS_SECONDS").unwrap_or(6));
    println!("seed {seed}");
    let ledger = Arc::default();
    let mut storm = Storm::new(seed, &ledger);
    storm.backends.all().iter().for_each(|backend| backend.hang_up());
    let mut files = 0;
    wait_until("it is calm at first", || {
        // The same for a while.
        let before = std::mem::replace(&mut files, storm.process.open_files());
        std::thread::sleep(Duration::from_millis(100));
        before == files
    });
    let mut outcomes = storm.rage(time / 3);
    storm.calm(files);
    let before = storm.process.resident();
    outcomes.extend(storm.rage(time));
    storm.calm(files);
    let after = storm.process.resident();
    assert!(after.saturating_sub(before) < MOST, "{before} octets of memory became {after}");

    let lines = check_requests(&storm, &ledger, &outcomes);
    let failures = check_counts(&storm, &lines);
    for backend in [&storm.backends.good_http2, &storm.backends.rogue_http2] {
        assert!(backend.most_connections() <= THREADS * HTTP2_CONNECTIONS);
    }
    for backend in storm.backends.all() {
        // A request each, and what a client that left has not taken with it yet.
        assert!(backend.most_connections() <= 20 * CLIENTS, "{}", backend.most_connections());
    }
    check_end(&mut storm);

    let of = |what: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|it| what(it)).count();
    println!("{} requests, {} of clients that left", outcomes.len(), of(&|it| it.left));
    println!("{} answered whole", of(&|it| it.is_whole()));
    println!("{} broken off by the backend", of(&|it| !it.left && !it.complete));
    println!("{} failed", of(&|it| !it.left && it.complete && it.status != 200));
    println!("failed tries: {failures:?}");
    println!(
        "descriptors {files} before and after; memory {} KiB, then {} KiB",
        before >> 10,
        after >> 10
    );
    println!("{} tables", storm.version);
}

/// Compares what clients saw with what the log says and what backends did. Returns the log.
fn check_requests(storm: &Storm, ledger: &Ledger, outcomes: &[Outcome]) -> BTreeMap<u64, Line> {
    let read = || -> BTreeMap<u64, Line> {
        let numbered = storm.log.lines().into_iter().filter(|line| line.id > 0);
        numbered.map(|line| (line.id, line)).collect()
    };
    let mut lines = read();
    let missing = |lines: &BTreeMap<u64, Line>| {
        let mut answered = outcomes.iter().filter(|it| !it.left);
        answered.find(|it| it.status == 0 || !lines.contains_key(&it.id))
    };
    // A thread of its own writes the log.
    let end = Instant::now() + Duration::from_secs(5);
    while missing(&lines).is_some() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(100));
        lines = read();
    }
    if let Some(it) = missing(&lines) {
        panic!("not answered: {it:?} {:?} {:?}", lines.get(&it.id), ledger.of(it.id));
    }
    let may_fail = storm.backends.may_fail();
    for it in outcomes {
        let seen = ledger.of(it.id);
        if !it.is_idempotent() {
            assert!(ledger.done(it.id) <= 1, "sent twice: {it:?} {seen:?}");
        }
        if it.left {
            continue;
        }
        let line = &lines[&it.id];
        let told = format!("{it:?} {line:?} {seen:?}");
        assert_eq!(it.status, line.status, "{told}");
        assert_eq!(it.complete, line.problem != "broken_body", "{told}");
        assert_eq!(it.is_whole(), line.problem.is_empty(), "{told}");
        if !it.is_whole() {
            assert!(may_fail.contains(&line.upstream), "lost: {told}");
            // Too late for another try, too much to keep for one, or nothing to be done twice.
            assert!(!it.complete || !it.is_idempotent() || !it.is_replayable(), "lost: {told}");
        }
    }
    lines
}

/// Compares what is counted with the log. Returns the failed tries.
fn check_counts(storm: &Storm, lines: &BTreeMap<u64, Line>) -> BTreeMap<String, u64> {
    let metrics = Metrics::of(storm.admin);
    assert_eq!(metrics.value("gateway_access_log_lost_total"), 0);
    assert_eq!(metrics.value("gateway_retries_over_budget_total"), 0);
    let failures = metrics.failures();
    let mut ended = BTreeMap::<&str, u64>::new();
    for line in lines.values().filter(|line| !line.problem.is_empty()) {
        *ended.entry(&line.problem).or_default() += 1;
    }
    for (reason, count) in &ended {
        assert!(failures.get(*reason) >= Some(count), "{reason}: {failures:?}, {ended:?}");
    }
    // A failed try is the end of its request, or followed by another one.
    let tries: u64 = failures.values().sum();
    let retries = metrics.value("gateway_retries_total");
    assert_eq!(tries, retries + ended.values().sum::<u64>(), "{failures:?}, {ended:?}");
    assert_eq!(failures.get("broken_body"), ended.get("broken_body"));
    failures
}

/// All threads answer, what is under way is finished, and nothing went wrong unseen.
fn check_end(storm: &mut Storm) {
    let clients = (0..40).map(|_| Client::connect(storm.address));
    let mut clients: Vec<Client> = clients.collect();
    for client in &mut clients {
        assert_eq!(client.get("/good").status, 200);
    }
    let slow = &mut clients[0];
    let head = "POST /good HTTP/1.1\r\nHost: cafe.example.com\r\nContent-Length: 10\r\n\r\n";
    slow.send(format!("{head}hello")).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    storm.process.signal("-TERM");
    std::thread::sleep(Duration::from_millis(100));
    slow.send("hello").unwrap();
    assert_eq!(slow.read("POST").unwrap().status, 200);
    drop(clients);
    assert_eq!(storm.process.wait().code(), Some(0));
    let errors = std::fs::read_to_string(&storm.errors.0).unwrap();
    assert!(!errors.contains("panicked"), "{errors}");
}
