//! Two proxies between a client and its Services, who prove to each other who they are.

mod parts;

use crate::backend::Backend;
use crate::client::{Client, Response};
use crate::gateway::{address, cafe, start};
use crate::reload::File;
use gateway_proxy::{AccessLog, Config, Event, LogFormat, LogTarget, Server, Source};
use parts::{Authority, CANARY, TEA, Tap, caller, find, workload};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// Asks for a path of a host.
fn ask(at: SocketAddr, host: &str, path: &str, lines: &str) -> Response {
    let mut client = Client::connect(at);
    client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n")).unwrap();
    client.read("GET").unwrap()
}

/// The status, and the backend that answered.
fn outcome(response: &Response) -> String {
    format!("{} {}", response.status, response.field("x-backend").unwrap_or("-"))
}

struct Backends {
    v1: Backend,
    v2: Backend,
}

impl Backends {
    fn start() -> Self {
        Self { v1: Backend::start("tea-v1"), v2: Backend::start("tea-v2") }
    }

    fn requests(&self) -> usize {
        self.v1.requests() + self.v2.requests()
    }
}

/// Starts a proxy, and what it told until then.
fn told(config: Config) -> (Server, Vec<String>) {
    let (sender, events) = mpsc::channel();
    let server = Server::start(config, move |event: Event| {
        let _ = sender.send(event.to_string());
    });
    (server.unwrap(), events.try_iter().collect())
}

#[test]
fn calls_go_encrypted_from_proxy_to_proxy_and_the_cookie_chooses_the_version() {
    // smi R-2, T-2, S-16
    let (authority, backends) = (Authority::new(), Backends::start());
    let documents = format!("{TEA}{CANARY}{}", authority.secret("tea"));
    let inner = start(workload(&documents, &backends.v1, &backends.v2));
    let [v1, v2] = ["default/tea-v1", "default/tea-v2"].map(|name| find(&inner, name).unwrap());
    let (tap_v1, tap_v2) = (Tap::to(v1), Tap::to(v2));
    let documents = format!("{TEA}{CANARY}{}", authority.secret("website"));
    let outer = start(caller(&documents, tap_v1.address, tap_v2.address));
    let at = address(&outer, 80);
    for (host, cookie, want) in [
        ("tea", "", "200 tea-v1"),
        ("tea", "Cookie: version=beta\r\n", "200 tea-v2"),
        ("TEA.default:80", "Cookie: a=b; version=beta; c=d\r\n", "200 tea-v2"),
        ("tea.default.svc.cluster.local", "Cookie: version=alpha\r\n", "200 tea-v1"),
        // Those that a split names are called by their own names, too.
        ("tea-v2", "", "200 tea-v2"),
        ("tea-v1.default.svc", "Cookie: version=beta\r\n", "200 tea-v1"),
        ("coffee", "", "404 -"),
    ] {
        let response = ask(at, host, "/menu/of/the/day", cookie);
        assert_eq!(outcome(&response), want, "{host} {cookie}");
        if response.status == 200 {
            assert!(response.text().starts_with("GET /menu/of/the/day HTTP/1.1"));
            assert_eq!(response.seen("host").as_deref(), Some(host));
        }
    }
    for tap in [&tap_v1, &tap_v2] {
        assert!(tap.connections() > 0 && tap.amount() > 1000);
        for text in ["/menu", "version=", "host:", "x-backend", "tea-v"] {
            assert!(!tap.saw(text), "{text} in plain");
        }
    }
}

#[test]
fn clients_that_look_up_a_service_reach_it_at_its_address_whatever_the_host() {
    let (authority, backends) = (Authority::new(), Backends::start());
    let documents = format!("{TEA}{CANARY}{}", authority.secret("tea"));
    let inner = start(workload(&documents, &backends.v1, &backends.v2));
    let [v1, v2] = ["default/tea-v1", "default/tea-v2"].map(|name| find(&inner, name).unwrap());
    let mut config = caller(&documents, v1, v2);
    config.options.mesh = true;
    let outer = start(config);
    let own = "127.0.0.21".parse::<std::net::IpAddr>().unwrap();
    let listening = outer.listening();
    let at = listening.iter().find(|l| l.address.ip() == own).unwrap().address;
    for host in ["tea", "tea-v2", "127.0.0.21", "anything.example"] {
        assert_eq!(outcome(&ask(at, host, "/", "")), "200 tea-v1", "{host}");
        let beta = ask(at, host, "/", "Cookie: version=beta\r\n");
        assert_eq!(outcome(&beta), "200 tea-v2", "{host}");
    }
}

#[test]
fn a_caller_that_no_target_lists_is_refused() {
    // smi T-2, T-9, T-16
    let target = "
{apiVersion: access.smi-spec.io/v1alpha3, kind: TrafficTarget, metadata: {name: website}, spec: {
  destination: {kind: ServiceAccount, name: tea}, sources: [{kind: ServiceAccount, name: website}],
  rules: [{kind: HTTPRouteGroup, name: all}]}}
---
{apiVersion: specs.smi-spec.io/v1alpha4, kind: HTTPRouteGroup, metadata: {name: all},
 spec: {matches: [{name: all, pathRegex: '.*', methods: ['*']}]}}
---
";
    let (authority, backends) = (Authority::new(), Backends::start());
    let documents = format!("{TEA}{target}{}", authority.secret("tea"));
    let log = File::new("");
    let mut config = workload(&documents, &backends.v1, &backends.v2);
    let target = LogTarget::File(log.path().into());
    config.access_log = Some(AccessLog { target, format: LogFormat::Text });
    let inner = start(config);
    let [v1, v2] = ["default/tea-v1", "default/tea-v2"].map(|name| find(&inner, name).unwrap());
    for (account, want) in
        [("website", "200 tea-v1"), ("batch", "403 -"), ("website", "200 tea-v1")]
    {
        let documents = format!("{TEA}{CANARY}{}", authority.secret(account));
        let outer = start(caller(&documents, v1, v2));
        assert_eq!(outcome(&ask(address(&outer, 80), "tea", "/", "")), want, "{account}");
    }
    assert_eq!(backends.requests(), 2);
    inner.shutdown();
    let lines = std::fs::read_to_string(log.path()).unwrap();
    let refused = lines.lines().nth(1).unwrap();
    assert!(
        refused.contains(" service=\"default/tea-v1\" upstream=\"-\" ")
            && refused.ends_with(" problem=denied"),
        "{lines}"
    );
    let (proved, tls) =
        ("identity=\"spiffe://cluster.local/ns/default/sa/batch\"", "tls=\"TLSv1.3\"");
    assert!(refused.contains(proved) && refused.contains(tls), "{lines}");
}

#[test]
fn a_port_for_proxies_takes_nobody_else() {
    let (authority, backends) = (Authority::new(), Backends::start());
    let documents = format!("{TEA}{}", authority.secret("tea"));
    let inner = start(workload(&documents, &backends.v1, &backends.v2));
    let v1 = find(&inner, "default/tea-v1").unwrap();
    let mut plain = Client::connect(v1);
    assert!(plain.try_request("GET", "/", "").is_err(), "plain HTTP");
    let stranger = format!("{TEA}{CANARY}{}", Authority::new().secret("website"));
    let outer = start(caller(&stranger, v1, v1));
    let refused = ask(address(&outer, 80), "tea", "/", "");
    assert!(matches!(refused.status, 502 | 503), "{refused:?}");
    assert_eq!(backends.requests(), 0);
}

/// An address that is free, as far as one can know.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn an_address_for_proxies_is_no_address_of_another_listener() {
    let (authority, backends, inbound) = (Authority::new(), Backends::start(), free());
    let secret = authority.secret("tea");
    let config = |documents: Vec<Source>| {
        let mut config = workload("", &backends.v1, &backends.v2);
        config.options.inbound[0].address = inbound;
        config.options.inbound.truncate(1);
        config.map_ports = [(80, inbound.port())].into();
        config.options.service_hosts = false;
        Config { sources: documents, ..config }
    };
    let text = |text: String| Source::Text { name: "test.yaml".into(), text };
    let taken = format!("cannot bind {inbound}: listener `default/tea-v1` has this address");
    for secret in [&*secret, ""] {
        let documents = vec![text(format!("{TEA}{secret}{}", cafe("")))];
        let error = Server::start(config(documents), |_| ()).err().unwrap().to_string();
        assert!(error.ends_with(&taken), "{error}");
    }
    let mesh = File::new(&format!("{TEA}{secret}"));
    let (sender, events) = mpsc::channel();
    let sources = vec![Source::Path(mesh.path().into())];
    let server = Server::start(config(sources), move |event| {
        let _ = sender.send(event.to_string());
    });
    let server = server.unwrap();
    mesh.write(&format!("{TEA}{secret}{}", cafe("")));
    server.reload().unwrap();
    assert!(events.try_iter().any(|told| told.ends_with(&taken)));
    assert_eq!(find(&server, "default/tea-v1"), Some(inbound));
    for _ in 0..8 {
        assert!(Client::connect(inbound).try_request("GET", "/", "").is_err());
    }
}

#[test]
fn what_is_not_the_workload_that_documents_tell_gets_no_request() {
    // smi T-1, T-2
    let (authority, backends) = (Authority::new(), Backends::start());
    let inner = format!("{TEA}{}", authority.secret("other"));
    let inner = start(workload(&inner, &backends.v1, &backends.v2));
    let v1 = find(&inner, "default/tea-v1").unwrap();
    let documents = format!("{TEA}{CANARY}{}", authority.secret("website"));
    let outer = start(caller(&documents, v1, v1));
    let refused = ask(address(&outer, 80), "tea", "/", "");
    assert!(matches!(refused.status, 502 | 503), "{refused:?}");
    assert_eq!(backends.requests(), 0);
    // Where nothing is known of it, any workload of the own trust domain will do.
    let (services, _) = documents.split_once("{apiVersion: apps/v1").unwrap();
    let documents = format!("{services}{CANARY}{}", authority.secret("website"));
    let outer = start(caller(&documents, v1, v1));
    assert_eq!(outcome(&ask(address(&outer, 80), "tea", "/", "")), "200 tea-v1");
}

#[test]
fn without_an_identity_nothing_is_sent_in_plain() {
    let (authority, backends) = (Authority::new(), Backends::start());
    let (v1, v2) = (backends.v1.address, backends.v2.address);
    let secret = authority.secret("website");
    let broken = secret.replace("BEGIN CERTIFICATE", "BEGIN NOTHING");
    let unusable = "error[invalid-identity]: Secret default/identity: the identity of the proxy \
                    cannot be used: the certificate";
    for (documents, named, want) in [
        (format!("{TEA}{CANARY}"), false, "warning[no-identity]: Service default/tea-v1:"),
        (format!("{TEA}{CANARY}"), true, "error[not-found]: Secret default/identity:"),
        (format!("{TEA}{CANARY}{broken}"), true, unusable),
    ] {
        let mut config = caller(&documents, v1, v2);
        if !named {
            config.options.identity = None;
        }
        let (outer, told) = self::told(config);
        assert!(told.iter().any(|line| line.contains(want)), "{want}: {told:?}");
        assert_eq!(ask(address(&outer, 80), "tea", "/", "").status, 503, "{want}");
        let (inner, told) = self::told(workload(&documents, &backends.v1, &backends.v2));
        assert_eq!(find(&inner, "default/tea-v1"), None);
        let closed = "listener `default/tea-v1` (https, port 0; Service default/tea-v1) is not \
                      served: the proxy has no identity";
        assert!(told.iter().any(|line| line.contains(closed)), "{told:?}");
    }
    assert_eq!((backends.v1.connections(), backends.v2.connections()), (0, 0));
}

#[test]
fn certificates_are_renewed_without_losing_a_request() {
    let (authority, backends) = (Authority::new(), Backends::start());
    let inner_file = File::new(&format!("{TEA}{}", authority.secret("tea")));
    let outer_file = File::new(&format!("{TEA}{CANARY}{}", authority.secret("website")));
    let from = |file: &File, config: Config| Config {
        sources: vec![Source::Path(file.path().into())],
        ..config
    };
    let inner = start(from(&inner_file, workload("", &backends.v1, &backends.v2)));
    let v1 = find(&inner, "default/tea-v1").unwrap();
    let tap = Tap::to(v1);
    let outer = start(from(&outer_file, caller("", tap.address, tap.address)));
    let at = address(&outer, 80);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut asked = 0;
            while !done.load(Ordering::SeqCst) {
                assert_eq!(outcome(&ask(at, "tea", "/", "")), "200 tea-v1");
                asked += 1;
            }
            asked
        });
        let mut connections = 0;
        for _ in 0..3 {
            crate::bodies::wait_until("a new connection", || tap.connections() > connections);
            connections = tap.connections();
            outer_file.write(&format!("{TEA}{CANARY}{}", authority.secret("website")));
            outer.reload().unwrap();
            inner_file.write(&format!("{TEA}{}", authority.secret("tea")));
            inner.reload().unwrap();
        }
        crate::bodies::wait_until("a new connection", || tap.connections() > connections);
        // What is broken changes nothing.
        let broken = authority.secret("website").replace("PRIVATE KEY", "PUBLIC KEY");
        outer_file.write(&format!("{TEA}{CANARY}{broken}"));
        outer.reload().unwrap();
        assert_eq!(outcome(&ask(at, "tea", "/", "")), "200 tea-v1");
        done.store(true, Ordering::SeqCst);
        assert!(asking.join().unwrap() > 0);
    });
    // What is gone is gone on purpose.
    inner_file.write(TEA);
    inner.reload().unwrap();
    crate::bodies::wait_until("the socket to be closed", || {
        TcpStream::connect_timeout(&v1, Duration::from_secs(1)).is_err()
    });
}
