//! The example as it stands, over sockets.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../examples/shop/app.rs"]
mod app;

use gateway_core::Options;
use gateway_tower::Routes;
use std::net::SocketAddr;
use testkit::socket::{exchange, get};
use tokio::net::TcpListener;

const SHOP: &str = "
apiVersion: k8s.nginx.org/v1
kind: Policy
metadata: {name: elsewhere}
spec: {accessControl: {allow: [192.0.2.1]}}
---
apiVersion: k8s.nginx.org/v1
kind: Policy
metadata: {name: local}
spec: {accessControl: {allow: [127.0.0.1]}}
---
apiVersion: k8s.nginx.org/v1
kind: Policy
metadata: {name: slowly}
spec: {rateLimit: {rate: 1r/s, key: '${binary_remote_addr}', zoneSize: 10M}}
---
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe}
spec:
  host: cafe.example.com
  upstreams:
  - {name: tea, service: tea-svc, port: 80, client-max-body-size: '10'}
  routes:
  - path: /tea/
    policies: [{name: local}]
    action:
      proxy:
        upstream: tea
        rewritePath: /
        responseHeaders: {add: [{name: X-Told, value: told, always: true}]}
  - path: /canned
    action: {return: {code: 418, type: text/x-tea, body: short and stout}}
  - path: /old
    action: {redirect: {url: 'http://${host}/new', code: 301}}
  - {path: /denied, policies: [{name: elsewhere}], action: {pass: tea}}
  - {path: /limited, policies: [{name: slowly}], action: {pass: tea}}
";

/// The example with these documents, on a free port.
fn start(documents: &str) -> (Routes, SocketAddr) {
    let routes = Routes::new(documents, Options::default()).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let shared = routes.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            app::run(TcpListener::from_std(listener).unwrap(), shared).await.unwrap();
        });
    });
    (routes, address)
}

#[test]
fn decisions_are_carried_out() {
    let (_, address) = start(SHOP);
    let ask = |target| get(address, "cafe.example.com", target, "").unwrap();
    let tea = ask("/tea/x/../green?a=b");
    assert_eq!((tea.status, &*tea.text()), (200, "tea-svc has /green\n"));
    assert_eq!(tea.field("x-told"), Some("told"));
    let canned = ask("/canned");
    assert_eq!((canned.status, &*canned.text()), (418, "short and stout"));
    assert_eq!(canned.field("content-type"), Some("text/x-tea"));
    let old = ask("/old");
    assert_eq!((old.status, old.field("location")), (301, Some("http://cafe.example.com/new")));
    for (target, status) in [("/none", 404), ("/tea/%zz", 400), ("/denied", 403), ("/limited", 500)]
    {
        assert_eq!(ask(target).status, status, "{target}");
    }
}

#[test]
fn bodies_have_limits() {
    let (_, address) = start(SHOP);
    let send = |lines: &str, body: &str| {
        let head = "POST /tea/ HTTP/1.1\r\nHost: cafe.example.com\r\n";
        exchange(address, "POST", format!("{head}{lines}\r\n{body}").as_bytes()).unwrap().status
    };
    // virtualserver §14: `client-max-body-size`
    assert_eq!(send("Content-Length: 10\r\n", "0123456789"), 200);
    assert_eq!(send("Content-Length: 11\r\n", "0123456789a"), 413);
    assert_eq!(send("Transfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\n\r\n"), 411);
}

#[test]
fn new_documents_take_over_and_bad_ones_do_not() {
    let (routes, address) = start(SHOP);
    let ask = || get(address, "cafe.example.com", "/tea/", "").unwrap().text();
    assert_eq!(ask(), "tea-svc has /\n");
    routes.publish(&SHOP.replace("tea-svc", "green-svc")).unwrap();
    assert_eq!(ask(), "green-svc has /\n");
    let refused = routes.publish(&SHOP.replace("upstream: tea", "upstream: coffee")).unwrap_err();
    let place = "VirtualServer default/cafe: spec.routes[0].action.proxy.upstream";
    assert!(refused.to_string().contains(place), "{refused}");
    assert_eq!(ask(), "green-svc has /\n");
}
