use crate::backend::Backend;
use crate::client::Client;
use crate::gateway::{address, config, service, start};
use gateway_proxy::{Config, Server, Source};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A file of its own, which is gone when this is.
pub struct File(PathBuf);

impl File {
    pub fn new(text: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "gateway-reload-{}-{}.yaml",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let file = Self(std::env::temp_dir().join(name));
        file.write(text);
        file
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Puts a new version in place at once, as editors do.
    pub fn write(&self, text: &str) {
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

fn returning(host: &str, body: &str) -> String {
    format!(
        "apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {{name: {}, namespace: default}}
spec:
  host: {host}
  upstreams:
  - {{name: tea, service: tea, port: 80}}
  routes:
  - path: /
    action: {{pass: tea}}
  - path: /version
    action:
      return: {{body: '{body}'}}
---
",
        host.split('.').next().unwrap()
    )
}

fn config_of(file: &File, backend: &Backend) -> Config {
    let mut config = config("");
    config.sources = vec![Source::Path(file.0.clone())];
    config.services = vec![service("tea", &[backend.address])];
    config
}

fn version(server: &Server, host: &str) -> String {
    let mut client = Client::connect(address(server, 80));
    client.send(format!("GET /version HTTP/1.1\r\nHost: {host}\r\n\r\n")).unwrap();
    let response = client.read("GET").unwrap();
    format!("{} {}", response.status, response.text().trim())
}

#[test]
fn the_admin_server_tells_what_became_of_each_document() {
    // decisions §5
    let backend = Backend::start("tea");
    let (good, broken) =
        (returning("b.example", "1"), returning("b.example", "2").replace("pass: tea", "pass: te"));
    let file = File::new(&(returning("a.example", "1") + &good));
    let mut config = config_of(&file, &backend);
    config.admin = Some("127.0.0.1:0".parse().unwrap());
    let server = start(config);
    let states = || {
        let text = Client::connect(server.admin().unwrap()).get("/config").text();
        let shown: serde_json::Value = serde_json::from_str(&text).unwrap();
        let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let state = |d: &serde_json::Value| {
            let errors = d["diagnostics"].as_array().unwrap().iter();
            let errors = errors.filter(|diagnostic| diagnostic["severity"] == "error").count();
            format!("{} {} {errors}", word(&d["name"]), word(&d["state"]))
        };
        let documents =
            shown["documents"].as_array().unwrap().iter().map(state).collect::<Vec<_>>();
        let counts = ["accepted", "last_good", "refused"].map(|name| shown["counts"][name].clone());
        (documents.join(", "), counts.map(|count| count.as_u64().unwrap()))
    };
    assert_eq!(states(), ("a accepted 0, b accepted 0".to_owned(), [2, 0, 0]));
    let new = broken.replace("b.example", "c.example").replace("name: b,", "name: c,");
    file.write(&(returning("a.example", "2") + &broken + &new));
    server.reload().unwrap();
    assert_eq!(states(), ("a accepted 0, b last-good 1, c refused 1".to_owned(), [1, 1, 1]));
    file.write(&(good + &new));
    server.reload().unwrap();
    assert_eq!(states(), ("b accepted 0, c refused 1".to_owned(), [1, 0, 1]));
}

#[test]
fn a_changed_file_is_noticed() {
    let backend = Backend::start("tea");
    let file = File::new(&returning("cafe.example.com", "one"));
    let mut config = config_of(&file, &backend);
    config.watch = Some(Duration::from_millis(20));
    let server = start(config);
    assert_eq!(version(&server, "cafe.example.com"), "200 one");
    file.write(&returning("cafe.example.com", "two"));
    crate::bodies::wait_until("the new version", || {
        version(&server, "cafe.example.com") == "200 two"
    });
}

#[test]
fn a_document_that_breaks_stays_as_it_was_and_harms_no_other() {
    let backend = Backend::start("tea");
    let good = |body| returning("bar.example.com", body);
    let file = File::new(&(returning("cafe.example.com", "one") + &good("one")));
    let server = start(config_of(&file, &backend));
    file.write(
        &(returning("cafe.example.com", "two").replace("upstreams", "upstreems") + &good("two")),
    );
    assert_eq!(server.reload(), Ok(2));
    assert_eq!(version(&server, "bar.example.com"), "200 two");
    assert_eq!(version(&server, "cafe.example.com"), "200 one");
    file.write(&(returning("cafe.example.com", "three") + &good("three")));
    assert_eq!(server.reload(), Ok(3));
    assert_eq!(version(&server, "cafe.example.com"), "200 three");
    file.write(&good("four"));
    assert_eq!(server.reload(), Ok(4));
    assert_eq!(version(&server, "cafe.example.com"), "404 404 Not Found", "removed on purpose");
}

/// decisions §5, virtualserver §15: the last good version of a Policy guards on; without any,
/// nobody passes.
#[test]
fn a_policy_that_breaks_guards_on() {
    let backend = Backend::start("tea");
    let shop = returning("cafe.example.com", "one").replace(
        "  host: cafe.example.com\n",
        "  host: cafe.example.com\n  policies: [{name: p}]\n",
    );
    let with = |spec: &str| {
        let head = "apiVersion: k8s.nginx.org/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  ";
        format!("{shop}{head}{spec}\n")
    };
    let (closed, open) = ("accessControl: {deny: [127.0.0.1]}", "accessControl: {deny: [::1]}");
    let file = File::new(&with("accessControl: {deny: [x]}"));
    let server = start(config_of(&file, &backend));
    let status = || version(&server, "cafe.example.com")[..3].to_owned();
    assert_eq!(status(), "500", "there is no good version");
    for (generation, documents, want) in [
        (2, with(closed), "403"),
        (3, with("accessControl: {deny: [127.0.0.1, x]}"), "403"),
        (4, with("accessControl: {deny: []}, cors: {}"), "403"),
        (5, with("oidc: {clientID: a}"), "403"),
        (6, with("basicAuth: {secret: nobody}"), "500"),
        (7, shop.clone(), "500"),
        (8, with(open), "200"),
        (9, with("accessControl: {allow: [x]}"), "200"),
    ] {
        file.write(&documents);
        assert_eq!(server.reload(), Ok(generation), "{documents}");
        assert_eq!(status(), want, "{documents}");
    }
}

/// For thirty seconds, rules and endpoints change ten times a second.
#[test]
fn a_host_that_is_free_goes_to_who_wanted_it_too() {
    // virtualserver §1: losing a host is not for ever
    let backend = Backend::start("tea");
    let first = returning("cafe.example.com", "first");
    let second = returning("cafe.example.com", "second").replace("name: cafe,", "name: younger,");
    let file = File::new(&(second.clone() + &first));
    let server = start(config_of(&file, &backend));
    assert_eq!(version(&server, "cafe.example.com"), "200 first");
    file.write(&second);
    assert_eq!(server.reload(), Ok(2));
    assert_eq!(version(&server, "cafe.example.com"), "200 second");
}

#[test]
fn no_request_fails_while_tables_are_swapped() {
    const FOR: Duration = Duration::from_secs(30);
    let (one, two) = (Backend::start("one"), Backend::start("two"));
    let version = |n: u32| {
        let shop = returning("cafe.example.com", &n.to_string());
        let other = returning("bar.example.com", "bar");
        if n.is_multiple_of(2) { shop + &other } else { shop.replace("path: /\n", "path: /a\n") }
    };
    let file = File::new(&version(0));
    let mut config = config_of(&file, &one);
    config.services = vec![service("tea", &[one.address, two.address])];
    let server = start(config);
    let address = address(&server, 80);
    let stop = AtomicBool::new(false);
    let answered = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|i| {
                let stop = &stop;
                scope.spawn(move || {
                    let mut client = Client::connect(address);
                    let mut newest = 0;
                    let mut answered = 0;
                    while !stop.load(Ordering::Relaxed) {
                        if answered % 50 == 49 {
                            client = Client::connect(address);
                        }
                        let response = client.get(&format!("/a/{i}"));
                        assert_eq!((response.status, response.complete), (200, true));
                        let response = client.get("/version");
                        assert_eq!(response.status, 200);
                        let seen: u32 = response.text().parse().unwrap();
                        assert!(seen >= newest, "an old table came back");
                        newest = seen;
                        answered += 1;
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    answered
                })
            })
            .collect();
        let started = Instant::now();
        let mut n = 0;
        while started.elapsed() < FOR && clients.iter().all(|c| !c.is_finished()) {
            n += 1;
            file.write(&version(n));
            assert_eq!(server.reload(), Ok(u64::from(n) + 1));
            std::thread::sleep(Duration::from_millis(100));
        }
        stop.store(true, Ordering::Relaxed);
        clients.into_iter().map(|c| c.join().unwrap()).sum::<u32>()
    });
    assert!(answered > 500, "{answered}");
}

#[test]
fn listeners_come_and_go() {
    let gateway = |ports: &[u16]| {
        let listeners: String = ports
            .iter()
            .map(|p| format!("  - {{name: p{p}, port: {p}, protocol: HTTP}}\n"))
            .collect();
        format!(
            "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: edge, namespace: default}}
spec:
  gatewayClassName: any
  listeners:
{listeners}---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: tea, namespace: default}}
spec:
  parentRefs: [{{name: edge}}]
  rules:
  - backendRefs: [{{name: tea, port: 80}}]
"
        )
    };
    let backend = Backend::start("tea");
    let file = File::new(&gateway(&[80]));
    let server = start(config_of(&file, &backend));
    let first = address(&server, 80);
    let mut kept = Client::connect(first);
    assert_eq!(kept.get("/").status, 200);
    file.write(&gateway(&[80, 8080]));
    server.reload().unwrap();
    assert_eq!(address(&server, 80), first, "untouched");
    assert_eq!(Client::connect(address(&server, 8080)).get("/").status, 200);
    assert_eq!(kept.get("/").status, 200, "the same connection");
    let mut slow = Client::connect(first);
    slow.send("GET /slow?300 HTTP/1.1\r\nHost: a.example\r\n\r\n").unwrap();
    crate::bodies::wait_until("the request is under way", || backend.requests() == 4);
    file.write(&gateway(&[8080]));
    server.reload().unwrap();
    assert_eq!(slow.read("GET").unwrap().status, 200, "under way when its listener went");
    crate::bodies::wait_until("the socket is closed", || {
        std::net::TcpStream::connect(first).is_err()
    });
    assert!(kept.is_closed());
    assert_eq!(Client::connect(address(&server, 8080)).get("/").status, 200);
}

#[test]
fn a_listener_that_stays_has_the_name_of_the_newest_table() {
    let backend = Backend::start("tea");
    let file = File::new(&returning("cafe.example.com", "one"));
    let server = start(config_of(&file, &backend));
    let before = server.listening();
    assert_eq!(before[0].name, "default/cafe");
    file.write(&returning("cafe.example.com", "one").replace("name: cafe", "name: tea-room"));
    server.reload().unwrap();
    let after = server.listening();
    assert_eq!((&*after[0].name, after[0].address), ("default/tea-room", before[0].address));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut config = config(&crate::gateway::cafe(""));
    config.map_ports = [(80, port)].into();
    let error = Server::start(config, |_| ()).err().unwrap().to_string();
    let want = format!("cannot bind 127.0.0.1:{port}: ");
    assert!(error.starts_with("listener `default/cafe`: ") && error.contains(&want), "{error}");
}
