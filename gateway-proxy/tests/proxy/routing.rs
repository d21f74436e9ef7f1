use crate::backend::Backend;
use crate::client::Client;
use crate::gateway::{address, cafe_with, config, service, start};
use std::collections::BTreeMap;

const SHOP: &str = "
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe, namespace: default}
spec:
  host: cafe.example.com
  upstreams:
  - {name: tea, service: tea, port: 80}
  - {name: coffee, service: coffee, port: 80}
  - {name: none, service: none, port: 80}
  routes:
  - path: /tea
    action: {pass: tea}
  - path: =/exact
    action:
      proxy:
        upstream: coffee
        rewritePath: /rewritten
  - path: /old
    action:
      redirect: {url: 'http://${host}/new', code: 301}
  - path: /canned
    action:
      return: {code: 418, type: text/x-tea, body: 'short and stout'}
  - path: /none
    action: {pass: none}
  - path: /split
    splits:
    - weight: 50
      action: {pass: tea}
    - weight: 50
      action: {pass: coffee}
";

#[test]
fn requests_go_where_documents_say() {
    let (tea, coffee) = (Backend::start("tea"), Backend::start("coffee"));
    let mut config = config(SHOP);
    config.services = vec![service("tea", &[tea.address]), service("coffee", &[coffee.address])];
    let server = start(config);
    let mut client = Client::connect(address(&server, 80));
    for (method, target, status, backend, line) in [
        ("GET", "/tea/green?sort=asc", 200, "tea", "GET /tea/green?sort=asc HTTP/1.1"),
        ("GET", "/tea//a/../green", 200, "tea", "GET /tea/green HTTP/1.1"),
        ("GET", "/tea/a%2Fb%20c", 200, "tea", "GET /tea/a%2Fb%20c HTTP/1.1"),
        ("PURGE", "/tea/x", 200, "tea", "PURGE /tea/x HTTP/1.1"),
        ("GET", "/exact?q=1", 200, "coffee", "GET /rewritten?q=1 HTTP/1.1"),
        ("GET", "/nothing", 404, "", "404 Not Found"),
        ("GET", "/none", 502, "", "502 Bad Gateway"),
        ("GET", "/tea/%zz", 400, "", "400 Bad Request"),
        ("GET", "/canned", 418, "", "short and stout"),
        ("HEAD", "/canned", 418, "", ""),
    ] {
        let response = client.request(method, target, "");
        assert_eq!(response.status, status, "{method} {target}");
        assert_eq!(response.field("x-backend").unwrap_or(""), backend, "{method} {target}");
        let text = response.text();
        assert_eq!(text.lines().next().unwrap_or(""), line, "{method} {target}");
    }
    let canned = client.get("/canned");
    assert_eq!(canned.field("content-type"), Some("text/x-tea"));
    assert_eq!(canned.body, b"short and stout");
    let redirect = client.get("/old");
    assert_eq!(
        (redirect.status, redirect.field("location")),
        (301, Some("http://cafe.example.com/new"))
    );
}

#[test]
fn a_host_that_no_document_names_is_not_found() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let mut client = Client::connect(address);
    client.send("GET / HTTP/1.1\r\nHost: other.example.com\r\n\r\n").unwrap();
    assert_eq!(client.read("GET").unwrap().status, 404);
}

#[test]
fn splits_are_drawn_for_each_request() {
    let (tea, coffee) = (Backend::start("tea"), Backend::start("coffee"));
    let mut config = config(SHOP);
    config.services = vec![service("tea", &[tea.address]), service("coffee", &[coffee.address])];
    let server = start(config);
    let mut client = Client::connect(address(&server, 80));
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..200 {
        let response = client.get("/split");
        *seen.entry(response.field("x-backend").unwrap().to_owned()).or_default() += 1;
    }
    // 200 fair draws leave 50..150 less often than once in 10^12 runs.
    assert!(seen.values().all(|n| (50..150).contains(n)) && seen.len() == 2, "{seen:?}");
}

#[test]
fn endpoints_take_turns() {
    let (one, two) = (Backend::start("one"), Backend::start("two"));
    let mut config = config(&crate::gateway::cafe(", lb-method: round_robin"));
    config.services = vec![service("tea", &[one.address, two.address])];
    let server = start(config);
    let mut client = Client::connect(address(&server, 80));
    let names: Vec<String> =
        (0..4).map(|_| client.get("/").field("x-backend").unwrap().to_owned()).collect();
    assert_ne!(names[0], names[1]);
    assert_eq!((&names[0], &names[1]), (&names[2], &names[3]));
}

#[test]
fn connections_to_backends_are_used_again() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let mut client = Client::connect(address);
    for i in 0..50 {
        assert_eq!(client.get(&format!("/{i}")).status, 200);
        assert_eq!(client.request("POST", "/chunked", "Content-Length: 0\r\n").status, 200);
    }
    assert_eq!((backend.requests(), backend.connections()), (100, 1));
}
