use crate::backend::Backend;
use crate::client::Client;
use crate::gateway::{address, cafe, cafe_with, config, service, start};
use gateway_proxy::{Event, Server};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[test]
fn answers_that_are_none_get_502() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let mut client = Client::connect(address);
    for target in ["/hang-up", "/garbage", "/broken-head", "/ambiguous"] {
        assert_eq!(client.get(target).status, 502, "{target}");
    }
    assert_eq!(client.get("/").status, 200, "the client's connection goes on");
}

#[test]
fn a_backend_that_refuses_connections_gets_502() {
    let mut config = config(&cafe(""));
    config.services = vec![service("tea", &[Backend::nowhere()])];
    let server = start(config);
    let mut client = Client::connect(address(&server, 80));
    for _ in 0..3 {
        assert_eq!(client.get("/").status, 502);
    }
}

#[test]
fn answers_that_break_off_are_never_passed_on_as_whole() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, ", read-timeout: 200ms");
    for target in ["/short", "/short-chunked", "/stall?2000"] {
        let mut client = Client::connect(address);
        let response = client.get(target);
        assert_eq!((response.status, response.complete), (200, false), "{target}: {response:?}");
        assert_eq!(response.body, b"short", "{target}");
        assert!(client.is_closed(), "{target}");
    }
}

#[test]
fn slow_answers_get_504_in_time() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, ", read-timeout: 200ms");
    let started = Instant::now();
    let mut client = Client::connect(address);
    assert_eq!(client.get("/slow?3000").status, 504);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(client.get("/slow?50").status, 200, "in time");
}

#[test]
fn another_endpoint_takes_over() {
    let good = Backend::start("good");
    let mut config = config(&cafe(""));
    config.services = vec![service("tea", &[Backend::nowhere(), good.address])];
    let server = start(config);
    let mut client = Client::connect(address(&server, 80));
    for i in 0..10 {
        let body = "Content-Length: 5\r\n\r\nhello";
        client.send(format!("POST /{i} HTTP/1.1\r\nHost: cafe.example.com\r\n{body}")).unwrap();
        let response = client.read("POST").unwrap();
        assert_eq!((response.status, response.field("x-backend")), (200, Some("good")), "{i}");
        assert!(response.text().contains("body: 5"), "{}", response.text());
    }
}

/// [`cafe`], and a TrafficSplit that sends half of what `tea` gets to each of two Services.
fn split_cafe(upstream: &str) -> String {
    cafe(upstream)
        + "---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: tea}
spec: {service: tea, backends: [{service: tea-1, weight: 1}, {service: tea-2, weight: 1}]}
"
}

#[test]
fn another_service_of_the_split_does_not_take_over() {
    // smi X-4
    let good = Backend::start("good");
    let mut config = config(&split_cafe(""));
    let nowhere = [Backend::nowhere(), Backend::nowhere()];
    config.services = vec![
        service("tea", &[good.address]),
        service("tea-1", &[good.address]),
        service("tea-2", &nowhere),
    ];
    let server = start(config);
    let mut client = Client::connect(address(&server, 80));
    let statuses: Vec<u16> = (0..100).map(|_| client.get("/").status).collect();
    let failed = statuses.iter().filter(|status| **status == 502).count();
    // 100 fair draws leave 15..85 less often than once in 10^12 runs.
    assert!((15..85).contains(&failed), "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 502].contains(status)), "{statuses:?}");
}

#[test]
fn settings_are_those_of_the_upstream_that_named_the_root() {
    // smi X-3
    let backend = Backend::start("tea");
    let mut config = config(&split_cafe(", read-timeout: 200ms"));
    let names = ["tea", "tea-1", "tea-2"];
    config.services = names.map(|name| service(name, &[backend.address])).into();
    let server = start(config);
    let mut client = Client::connect(address(&server, 80));
    assert_eq!(client.get("/slow?3000").status, 504);
}

#[test]
fn what_a_dying_backend_was_sent_is_sent_again() {
    let (dying, good) = (Backend::start("dying"), Backend::start("good"));
    let mut config = config(&cafe(""));
    config.services = vec![service("tea", &[dying.address, good.address])];
    let server = start(config);
    let address = address(&server, 80);
    let clients: Vec<_> = (0..8)
        .map(|_| {
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                (0..500).filter(|i| client.get(&format!("/slow?{}", i % 2)).status != 200).count()
            })
        })
        .collect();
    crate::bodies::wait_until("both are busy", || dying.requests().min(good.requests()) > 100);
    let before = good.requests();
    drop(dying);
    let failed: usize = clients.into_iter().map(|c| c.join().unwrap()).sum();
    assert_eq!(failed, 0);
    assert!(good.requests() > before + 1000, "most came after the end of the other");
}

#[test]
fn an_idle_connection_that_was_closed_costs_no_request() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let mut client = Client::connect(address);
    for method in ["GET", "POST", "GET", "PUT"] {
        for _ in 0..100 {
            let response = client.request(method, "/", "Content-Length: 0\r\n");
            assert_eq!(response.status, 200, "{method}");
            // The proxy hears of it at the same time as of the next request, at the latest; POST is
            // not sent twice.
            backend.hang_up();
        }
    }
}

#[test]
fn requests_that_must_not_repeat_are_not_repeated() {
    let (one, two) = (Backend::start("one"), Backend::start("two"));
    let mut config = config(&cafe(""));
    config.services = vec![service("tea", &[one.address, two.address])];
    let server = start(config);
    let mut client = Client::connect(address(&server, 80));
    assert_eq!(client.request("POST", "/hang-up", "Content-Length: 0\r\n").status, 502);
    assert_eq!(one.requests() + two.requests(), 1);
    assert_eq!(client.get("/hang-up").status, 502);
    assert_eq!(one.requests() + two.requests(), 3, "GET goes to each endpoint once");
}

#[test]
fn statuses_are_tried_again_where_the_rule_says_so() {
    let (one, two) = (Backend::start("one"), Backend::start("two"));
    let mut config = config(&cafe(", next-upstream: http_503"));
    config.services = vec![service("tea", &[one.address, two.address])];
    let server = start(config);
    let mut client = Client::connect(address(&server, 80));
    assert_eq!(client.get("/status?503").status, 503, "the last answer is passed on");
    assert_eq!(one.requests() + two.requests(), 2);
    assert_eq!(client.get("/status?404").status, 404);
    assert_eq!(one.requests() + two.requests(), 3);
}

/// gateway-api §15.3 and §16: Services that cannot be reached get 503, answers that are none 502.
#[test]
fn routes_of_a_gateway_fail_as_its_specification_says() {
    let backend = Backend::start("tea");
    let mut config = config(
        "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: default}
spec:
  gatewayClassName: any
  listeners:
  - {name: http, port: 80, protocol: HTTP}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: tea, namespace: default}
spec:
  parentRefs: [{name: edge}]
  rules:
  - matches: [{path: {value: /gone}}]
    backendRefs: [{name: gone, port: 80}]
  - matches: [{path: {value: /none}}]
    backendRefs: [{name: none, port: 80}]
  - matches: [{path: {value: /all}}]
    timeouts: {request: 200ms}
    backendRefs: [{name: tea, port: 80}]
  - matches: [{path: {value: /try}}]
    timeouts: {request: 10s, backendRequest: 200ms}
    backendRefs: [{name: tea, port: 80}]
  - backendRefs: [{name: tea, port: 80}]
",
    );
    config.services = vec![
        service("tea", &[backend.address]),
        service("gone", &[Backend::nowhere()]),
        service("none", &[]),
    ];
    let server = start(config);
    let mut client = Client::connect(address(&server, 80));
    for (target, want) in [
        ("/", 200),
        ("/gone", 503),
        ("/none", 503),
        ("/hang-up", 503),
        ("/broken-head", 502),
        ("/garbage", 502),
        ("/all/slow?3000", 504),
        ("/try/slow?3000", 504),
        ("/all/slow?1", 200),
    ] {
        let started = Instant::now();
        assert_eq!(client.get(target).status, want, "{target}");
        assert!(started.elapsed() < Duration::from_secs(2), "{target}: {:?}", started.elapsed());
    }
    let mut client = Client::connect(address(&server, 80));
    let response = client.get("/all/stall?3000");
    assert_eq!((response.status, response.complete), (200, false), "the answer's end is late");
}

#[test]
fn what_cannot_be_spoken_is_not_sent() {
    let backend = Backend::start("tea");
    let mut config = config(&cafe(", subselector: {version: v1}"));
    config.services = vec![service("tea", &[backend.address])];
    let told = Arc::<Mutex<Vec<String>>>::default();
    let events = Arc::clone(&told);
    let report = move |event: Event| events.lock().unwrap().push(event.to_string());
    let server = Server::start(config, report).unwrap();
    let mut client = Client::connect(address(&server, 80));
    for _ in 0..2 {
        assert_eq!(client.get("/").status, 500);
    }
    assert_eq!(backend.connections(), 0);
    let told = told.lock().unwrap();
    let warnings = told.iter().filter(|told| told.contains("[unsupported]"));
    assert_eq!(warnings.count(), 1, "{told:?}");
}
