//! Copies of requests (gateway-api §13.2).

use crate::backend::Backend;
use crate::client::Client;
use crate::gateway::{address, config, service, start};
use crate::http2::{Http2Backend, Manners};
use gateway_proxy::Server;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

/// Requests go to `tea`; copies, as `filters` say, to `copy` and `other`.
fn routes(filters: &str) -> String {
    format!(
        "
{{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {{name: g}}, spec: {{
  gatewayClassName: any, listeners: [{{name: http, port: 80, protocol: HTTP}}]}}}}
---
{{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {{name: r}}, spec: {{
  parentRefs: [{{name: g}}], rules: [{{filters: [{filters}], backendRefs: [{{name: tea, port: 80}}]}}]}}}}
---
{{apiVersion: v1, kind: Service, metadata: {{name: tea}}, spec: {{ports: [{{port: 80}}]}}}}
---
{{apiVersion: v1, kind: Service, metadata: {{name: copy}}, spec: {{ports: [{{port: 80}}]}}}}
---
{{apiVersion: v1, kind: Service, metadata: {{name: other}}, spec: {{
  ports: [{{port: 80, appProtocol: kubernetes.io/h2c}}]}}}}
"
    )
}

fn serve(filters: &str, tea: SocketAddr, copies: &[SocketAddr]) -> (Server, SocketAddr) {
    let documents = routes(filters);
    let mut config = config(&documents);
    config.services = vec![service("tea", &[tea])];
    for (name, at) in ["copy", "other"].into_iter().zip(copies) {
        config.services.push(service(name, &[*at]));
    }
    let server = start(config);
    let address = address(&server, 80);
    (server, address)
}

fn to(service: &str) -> String {
    format!("{{type: RequestMirror, requestMirror: {{backendRef: {{name: {service}, port: 80}}}}}}")
}

/// Waits for what happens beside.
fn eventually(happens: impl Fn() -> bool) {
    let started = Instant::now();
    while !happens() {
        assert!(started.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn every_mirror_gets_a_copy() {
    let (tea, copy) = (Backend::start("tea"), Backend::start("copy"));
    let other = Http2Backend::start(Manners::default());
    let filters = format!("{}, {}", to("copy"), to("other"));
    let (_server, address) = serve(&filters, tea.address, &[copy.address, other.address]);
    let mut client = Client::connect(address);
    assert_eq!(client.get("/a?b=c").field("x-backend"), Some("tea"));
    client
        .send("POST /a HTTP/1.1\r\nHost: cafe.example.com\r\nContent-Length: 5\r\n\r\nhello")
        .unwrap();
    assert_eq!(client.read("POST").unwrap().seen("body").as_deref(), Some("5"));
    eventually(|| copy.requests() == 2 && other.requests() == 2);
    let heads = other.heads();
    let post = heads.iter().find(|head| head.method == "POST").unwrap();
    assert_eq!(post.headers["content-length"], "5");
    assert_eq!(copy.aborted(), 0);
    // Connections are used again.
    for _ in 0..10 {
        let before = copy.requests();
        assert_eq!(client.get("/").status, 200);
        eventually(|| copy.requests() > before);
    }
    assert!(copy.connections() <= 3, "{}", copy.connections());
}

#[test]
fn nobody_waits_for_a_copy() {
    let tea = Backend::start("tea");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let garbage = TcpListener::bind("127.0.0.1:0").unwrap();
    let of_garbage = garbage.local_addr().unwrap();
    let talking = thread::spawn(move || {
        let (mut stream, _) = garbage.accept().unwrap();
        stream.write_all(b"good day to you\r\n\r\n").unwrap();
        io::copy(&mut stream, &mut io::sink()).unwrap();
    });
    for at in [Backend::nowhere(), silent.local_addr().unwrap(), of_garbage] {
        let (_server, address) = serve(&to("copy"), tea.address, &[at]);
        let mut client = Client::connect(address);
        for _ in 0..10 {
            assert_eq!(client.get("/").status, 200);
        }
    }
    talking.join().unwrap();
}

#[test]
fn a_large_body_is_copied_as_it_is_sent() {
    let (tea, copy) = (Backend::start("tea"), Backend::start("copy"));
    let (_server, address) = serve(&to("copy"), tea.address, &[copy.address]);
    let mut client = Client::connect(address);
    let size = 4 << 20;
    client
        .send(format!(
            "POST / HTTP/1.1\r\nHost: cafe.example.com\r\nContent-Length: {size}\r\n\r\n"
        ))
        .unwrap();
    for _ in 0..64 {
        client.send(vec![b'x'; size / 64]).unwrap();
    }
    let answer = client.read("POST").unwrap();
    assert_eq!(answer.seen("body").as_deref(), Some("4194304"));
    // It is whole, or given up where it lags behind.
    eventually(|| copy.requests() == 1);
}

#[test]
fn the_share_of_copies_is_that_of_the_rule() {
    let (tea, copy) = (Backend::start("tea"), Backend::start("copy"));
    let none = to("copy").replace("requestMirror: {", "requestMirror: {percent: 0, ");
    let (_server, address) = serve(&none, tea.address, &[copy.address]);
    let mut client = Client::connect(address);
    for _ in 0..50 {
        assert_eq!(client.get("/").status, 200);
    }
    let half = to("copy").replace("requestMirror: {", "requestMirror: {percent: 50, ");
    let (_server, address) = serve(&half, tea.address, &[copy.address]);
    assert_eq!(copy.requests(), 0);
    let mut client = Client::connect(address);
    for _ in 0..200 {
        assert_eq!(client.get("/").status, 200);
    }
    eventually(|| copy.requests() > 50);
    thread::sleep(Duration::from_millis(300));
    assert!(copy.requests() < 150, "{}", copy.requests());
}

#[test]
fn a_request_that_policies_refuse_is_not_copied() {
    let (tea, copy) = (Backend::start("tea"), Backend::start("copy"));
    let (_server, address) = serve(&to("copy"), tea.address, &[copy.address]);
    let mut client = Client::connect(address);
    // Framing is checked first; and what is spoken after an upgrade is not copied.
    assert_eq!(client.request("TRACE", "/", "").status, 405);
    let mut client = Client::connect(address);
    client
        .send("GET /websocket HTTP/1.1\r\nHost: cafe.example.com\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        .unwrap();
    assert_eq!(client.read_head().unwrap().0, 101);
    let mut client = Client::connect(address);
    assert_eq!(client.get("/").status, 200);
    eventually(|| copy.requests() == 1);
}

#[test]
fn a_copy_takes_no_place_of_a_client_and_holds_up_no_end() {
    let tea = Backend::start("tea");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let documents = routes(&to("copy"));
    let mut config = config(&documents);
    let copy = silent.local_addr().unwrap();
    config.services = vec![service("tea", &[tea.address]), service("copy", &[copy])];
    config.limits.connections = Some(1);
    let server = start(config);
    let address = address(&server, 80);
    for _ in 0..3 {
        // A place is free a moment after its connection ends, though the copy has no answer.
        eventually(|| Client::connect(address).get("/").status == 200);
    }
    let started = Instant::now();
    server.shutdown();
    assert!(started.elapsed() < Duration::from_secs(20), "a copy would take a minute");
}
