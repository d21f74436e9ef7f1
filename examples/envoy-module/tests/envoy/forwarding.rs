//! Requests that go to backends.

use crate::process::Envoy;
use crate::setup::{Setup, cluster, filter, listener, routes};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::TcpListener;
use testkit::socket::{EchoBackend, Response, get};

const GATEWAY: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw}
spec: {gatewayClassName: c, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: gw}]
  hostnames: [shop.example.com]
";

fn shop(rules: &str) -> String {
    format!("{GATEWAY}  rules:\n{rules}")
}

/// A line of the request that the backend has received.
fn seen<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(of, _)| of.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

#[test]
fn path_host_and_header_are_edited() {
    let web = EchoBackend::start("default/web:80").unwrap();
    let documents = shop(
        "  - matches: [{path: {value: /old}}]
    filters:
    - type: URLRewrite
      urlRewrite:
        hostname: inner.example.com
        path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}
    - type: RequestHeaderModifier
      requestHeaderModifier:
        set: [{name: X-Set, value: set}]
        add: [{name: X-Add, value: more}]
        remove: [X-Remove]
    - type: ResponseHeaderModifier
      responseHeaderModifier:
        set: [{name: X-Pad, value: '2'}]
        add: [{name: X-Told, value: told}]
        remove: [Set-Cookie]
    backendRefs: [{name: web, port: 80}]
  - backendRefs: [{name: web, port: 80}]
",
    );
    let setup = routes(json!({"documents": documents, "port": 80}), &[&web]);
    let Some(envoy) = Envoy::start(&setup) else { return };
    let lines = "X-Set: 1\r\nX-Set: 2\r\nX-Add: 3\r\nX-Remove: 4\r\nX-Other: 5\r\n";
    let ask = |target| get(envoy.address(), "shop.example.com", target, lines).unwrap();
    let answer: Response = ask("/old/x?q=1");
    let text = answer.text();
    assert_eq!(text.lines().next(), Some("GET /new/x?q=1 HTTP/1.1"));
    assert_eq!(seen(&text, "host"), ["inner.example.com"]);
    assert_eq!((seen(&text, "x-set"), seen(&text, "x-add")), (vec!["set"], vec!["3", "more"]));
    assert_eq!((seen(&text, "x-remove"), seen(&text, "x-other")), (vec![], vec!["5"]));
    assert_eq!((answer.field("x-pad"), answer.field("x-told")), (Some("2"), Some("told")));
    assert_eq!(answer.field("set-cookie"), None);
    let answer = ask("/./a//b/../c%2Fd");
    assert_eq!(answer.text().lines().next(), Some("GET /a/c%2Fd HTTP/1.1"));
    assert_eq!(answer.field("set-cookie"), Some("a=b"));
}

#[test]
fn what_envoy_tells_backends_stays_where_the_client_s_fields_go() {
    let tea = EchoBackend::start("default/tea:80").unwrap();
    let documents = "
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe}
spec:
  host: cafe.example.com
  upstreams: [{name: tea, service: tea, port: 80}]
  routes:
  - path: /
    action: {proxy: {upstream: tea, requestHeaders: {pass: false}}}
";
    let setup = routes(json!({"documents": documents, "port": 80}), &[&tea]);
    let Some(envoy) = Envoy::start(&setup) else { return };
    let answer = get(envoy.address(), "cafe.example.com", "/", "X-Other: 5\r\n").unwrap();
    // virtualserver §5.3
    let text = answer.text();
    assert_eq!((seen(&text, "x-other"), seen(&text, "x-forwarded-proto")), (vec![], vec!["http"]));
}

#[test]
fn splits_are_drawn_for_each_request() {
    let (one, two) = ("default/one:80", "default/two:80");
    let (one, two) = (EchoBackend::start(one).unwrap(), EchoBackend::start(two).unwrap());
    let documents = shop(
        "  - backendRefs: [{name: one, port: 80, weight: 1}, {name: two, port: 80, weight: 1}]\n",
    );
    let setup = routes(json!({"documents": documents, "port": 80}), &[&one, &two]);
    let Some(envoy) = Envoy::start(&setup) else { return };
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..200 {
        let answer = get(envoy.address(), "shop.example.com", "/", "").unwrap();
        *seen.entry(answer.backend().unwrap().to_owned()).or_default() += 1;
    }
    // 200 fair draws leave 50..150 less often than once in 10^12 runs.
    assert!(seen.values().all(|n| (50..150).contains(n)) && seen.len() == 2, "{seen:?}");
}

#[test]
fn answers_that_take_too_long_are_not_waited_for() {
    // It takes connections, and never says a word.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let documents = shop(
        "  - timeouts: {request: 300ms}
    backendRefs: [{name: mute, port: 80}]
",
    );
    let config = json!({"documents": documents, "port": 80});
    let setup = Setup {
        listeners: vec![listener("web", vec![filter(config)])],
        clusters: vec![cluster("default/mute:80", mute.local_addr().unwrap())],
    };
    let Some(envoy) = Envoy::start(&setup) else { return };
    // gateway-api §16
    assert_eq!(get(envoy.address(), "shop.example.com", "/", "").unwrap().status, 504);
}

#[test]
fn a_route_without_the_filter_lets_nobody_through() {
    let web = EchoBackend::start("default/web:80").unwrap();
    let mut setup = routes(json!({"documents": GATEWAY}), &[&web]);
    setup.listeners = vec![listener("web", Vec::new())];
    let Some(envoy) = Envoy::start(&setup) else { return };
    assert_eq!(get(envoy.address(), "shop.example.com", "/", "").unwrap().status, 500);
}
