//! What policies come to on the wire.

use crate::backend::Backend;
use crate::bodies::wait_until;
use crate::client::Client;
use crate::gateway::{address, config, service, start};
use gateway_proxy::{AccessLog, LogFormat, LogTarget, Server};
use std::net::SocketAddr;
use std::path::PathBuf;

const SHOP: &str = "
apiVersion: k8s.nginx.org/v1
kind: Policy
metadata: {name: nobody}
spec: {accessControl: {deny: [127.0.0.0/8]}}
---
apiVersion: k8s.nginx.org/v1
kind: Policy
metadata: {name: limit}
spec: {rateLimit: {rate: 1000r/s, key: '${binary_remote_addr}', zoneSize: 1m}}
---
apiVersion: k8s.nginx.org/v1
kind: Policy
metadata: {name: pages}
spec: {cors: {allowOrigin: ['https://pages.example'], allowMethods: [GET, PUT]}}
---
apiVersion: k8s.nginx.org/v1
kind: Policy
metadata: {name: safe}
spec: {hsts: {maxAge: 60, behindProxy: true}}
---
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe}
spec:
  host: cafe.example.com
  policies: [{name: safe}]
  upstreams:
  - {name: tea, service: tea, port: 80, client-max-body-size: 1k}
  - {name: none, service: none, port: 80}
  routes:
  - {path: /open, policies: [{name: pages}], action: {pass: tea}}
  - {path: /none, policies: [{name: pages}], action: {pass: none}}
  - {path: /closed, policies: [{name: nobody}, {name: pages}], action: {pass: tea}}
  - {path: /limited, policies: [{name: limit}], action: {pass: tea}}
  - {path: /lost, policies: [{name: gone}], action: {pass: tea}}
  - {path: /return, action: {return: {body: hello}}}
  - path: /page
    policies: [{name: nobody}]
    errorPages:
    - {codes: [403], return: {code: 200, body: 'go away'}}
    action: {pass: tea}
";

const TLS: &str = "X-Forwarded-Proto: https\r\n";

fn shop(backend: &Backend, log: Option<PathBuf>) -> (Server, SocketAddr) {
    let mut config = config(SHOP);
    config.services = vec![service("tea", &[backend.address])];
    config.access_log =
        log.map(|path| AccessLog { target: LogTarget::File(path), format: LogFormat::Text });
    let server = start(config);
    let address = address(&server, 80);
    (server, address)
}

#[test]
fn who_is_turned_away_keeps_the_connection() {
    // virtualserver §16.1
    let backend = Backend::start("tea");
    let (_server, address) = shop(&backend, None);
    let mut client = Client::connect(address);
    for (method, lines, body) in [
        ("GET", "", ""),
        ("HEAD", "", ""),
        ("POST", "Content-Length: 5\r\n", "hello"),
        ("POST", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("GET", "Connection: upgrade\r\nUpgrade: websocket\r\n", ""),
    ] {
        let host = "Host: cafe.example.com";
        client.send(format!("{method} /closed HTTP/1.1\r\n{host}\r\n{lines}\r\n{body}")).unwrap();
        let response = client.read(method).unwrap();
        assert_eq!(response.status, 403, "{method} {lines}");
        assert_eq!(response.field("connection"), None, "{method} {lines}");
    }
    assert_eq!(client.get("/open").status, 200, "the connection is still there");
    assert_eq!(backend.requests(), 1);
}

#[test]
fn who_is_turned_away_is_not_asked_for_a_body() {
    let backend = Backend::start("tea");
    let (_server, address) = shop(&backend, None);
    let head = "POST /closed HTTP/1.1\r\nHost: cafe.example.com\r\n";
    // Nobody says 100.
    let mut client = Client::connect(address);
    client.send(format!("{head}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n")).unwrap();
    assert_eq!(client.read("POST").unwrap().status, 403);
    // A long body is not read to its end, and yet its sender sees the answer.
    let size = 4 << 20;
    let mut client = Client::connect(address);
    client.send(format!("{head}Content-Length: {size}\r\n\r\n")).unwrap();
    client.send(vec![b'x'; size]).unwrap();
    assert_eq!(client.read("POST").unwrap().status, 403);
    assert!(client.is_closed());
    assert_eq!(backend.requests(), 0);
}

#[test]
fn forms_of_a_target_are_guarded_alike() {
    let backend = Backend::start("tea");
    let (_server, address) = shop(&backend, None);
    let mut client = Client::connect(address);
    for target in [
        "/closed",
        "/closed/",
        "//closed",
        "/./closed",
        "/open/../closed",
        "/%63losed",
        "/closed?a=/open",
        "http://cafe.example.com/closed",
        "http://CAFE.example.com:80/closed",
    ] {
        assert_eq!(client.get(target).status, 403, "{target}");
    }
    assert_eq!(backend.requests(), 0);
}

#[test]
fn pre_flight_requests_are_answered_here() {
    // virtualserver §16.8
    let backend = Backend::start("tea");
    let (_server, address) = shop(&backend, None);
    let mut client = Client::connect(address);
    for target in ["/open", "/none", "/closed"] {
        let response = client.request("OPTIONS", target, "Origin: https://pages.example\r\n");
        assert_eq!(response.status, 204, "{target}");
        for (name, want) in [
            ("access-control-allow-origin", Some("https://pages.example")),
            ("access-control-allow-methods", Some("GET, PUT")),
            ("access-control-max-age", Some("86400")),
            ("vary", Some("Origin")),
            ("content-type", Some("text/plain")),
            ("transfer-encoding", None),
        ] {
            assert_eq!(response.field(name), want, "{target} {name}");
        }
    }
    assert_eq!(client.request("OPTIONS", "/return", "").status, 200);
    assert_eq!(client.request("OPTIONS", "*", "").status, 404);
    assert_eq!(backend.requests(), 0);
}

#[test]
fn every_answer_tells_what_policies_tell() {
    // virtualserver §16.8, §16.10
    let backend = Backend::start("tea");
    let (_server, address) = shop(&backend, None);
    let large = "Content-Length: 2000000\r\n";
    for (method, target, lines, status, origin) in [
        ("GET", "/open", "", 200, true),
        ("GET", "/none", "", 502, true),
        ("GET", "/closed", "", 403, true),
        ("POST", "/open", large, 413, true),
        ("GET", "/open/hang-up", "", 502, true),
        ("GET", "/open/websocket", "Connection: upgrade\r\nUpgrade: websocket\r\n", 101, true),
        ("GET", "/limited", "", 500, false),
        ("GET", "/return", "", 200, false),
        ("POST", "/return", large, 413, false),
        ("GET", "/nowhere", "", 404, false),
        ("GET", "/page", "", 200, false),
    ] {
        let mut client = Client::connect(address);
        let response = client.request(method, target, &format!("{TLS}{lines}"));
        assert_eq!(response.status, status, "{method} {target}");
        let field = |name| response.field(name);
        assert_eq!(field("strict-transport-security"), Some("max-age=60"), "{method} {target}");
        let allowed = origin.then_some("https://pages.example");
        assert_eq!(field("access-control-allow-origin"), allowed, "{method} {target}");
        // A client that came without TLS is told nothing of it.
        let response = Client::connect(address).request(method, target, lines);
        assert_eq!(response.field("strict-transport-security"), None, "{method} {target}");
    }
}

#[test]
fn a_page_takes_the_place_of_a_refusal() {
    // virtualserver §7, §13
    let backend = Backend::start("tea");
    let (_server, address) = shop(&backend, None);
    let response = Client::connect(address).get("/page");
    assert_eq!((response.status, response.text().as_str()), (200, "go away"));
    assert_eq!(backend.requests(), 0);
}

#[test]
fn the_log_says_why_nobody_passes() {
    let backend = Backend::start("tea");
    let log = std::env::temp_dir().join(format!("gateway-policies-{}.log", std::process::id()));
    let (server, address) = shop(&backend, Some(log.clone()));
    let mut client = Client::connect(address);
    let asked = [
        ("/limited", 500, "unenforced_policy"),
        ("/lost", 500, "policy"),
        ("/closed", 403, "policy"),
        ("/open", 200, "-"),
    ];
    for (target, status, _) in asked {
        assert_eq!(client.get(target).status, status, "{target}");
    }
    drop(client);
    let lines = || std::fs::read_to_string(&log).unwrap();
    wait_until("four lines", || lines().lines().count() == asked.len());
    for (line, (target, status, word)) in lines().lines().zip(asked) {
        assert!(line.contains(&format!("{target} HTTP/1.1\" {status} ")), "{line}");
        assert!(line.ends_with(&format!(" problem={word}")), "{line}");
    }
    server.shutdown();
    std::fs::remove_file(&log).unwrap();
    assert_eq!(backend.requests(), 1);
}
