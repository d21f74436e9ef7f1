//! What the module answers itself, and what it puts in the place of other answers.

use crate::process::Envoy;
use crate::setup::routes;
use serde_json::json;
use testkit::socket::{EchoBackend, exchange, get};

const HOST: &str = "cafe.example.com";

const CAFE: &str = "
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe}
spec:
  host: cafe.example.com
  upstreams:
  - {name: tea, service: tea, port: 80, client-max-body-size: '10'}
  - {name: large, service: tea, port: 80, client-max-body-size: '100000'}
  - {name: gone, service: gone, port: 80}
  routes:
  - path: /canned
    action:
      return:
        {code: 418, type: text/x-tea, body: 'short and ${arg_how}', headers: [{name: X-A, value: b}]}
  - path: /old
    action: {redirect: {url: 'http://${host}/new', code: 301}}
  - {path: /tea, action: {pass: tea}}
  - {path: /large, action: {pass: large}}
  - path: /gone
    action:
      proxy:
        upstream: gone
        responseHeaders:
          add: [{name: X-Always, value: 'yes', always: true}, {name: X-Usual, value: 'yes'}]
  - path: /pages
    errorPages:
    - {codes: [500], return: {code: 200, type: text/plain, body: 'was ${upstream_status}'}}
    - {codes: [404], redirect: {code: 302, url: 'http://cafe.example.com/lost'}}
    action: {pass: tea}
  - path: /gone-pages
    errorPages:
    - {codes: [502], return: {code: 503, type: text/plain, body: 'back soon'}}
    action: {pass: gone}
";

fn cafe(tea: &EchoBackend) -> Option<Envoy> {
    Envoy::start(&routes(json!({"documents": CAFE, "port": 80}), &[tea]))
}

#[test]
fn canned_answers_and_redirects_are_given() {
    let tea = EchoBackend::start("default/tea:80").unwrap();
    let Some(envoy) = cafe(&tea) else { return };
    let address = envoy.address();
    let canned = get(address, HOST, "/canned?how=stout", "").unwrap();
    assert_eq!((canned.status, &*canned.text()), (418, "short and stout"));
    assert_eq!(canned.field("content-type"), Some("text/x-tea"));
    assert_eq!((canned.field("x-a"), canned.field("content-length")), (Some("b"), Some("15")));
    let head = format!("HEAD /canned?how=stout HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let head = exchange(address, "HEAD", head.as_bytes()).unwrap();
    assert_eq!((head.status, head.field("content-length")), (418, Some("15")));
    let redirect = get(address, HOST, "/old/x", "").unwrap();
    assert_eq!(redirect.status, 301);
    assert_eq!(redirect.field("location"), Some("http://cafe.example.com/new"));
    for (host, target, status) in
        [(HOST, "/nothing", 404), ("other.example.com", "/tea", 404), (HOST, "/tea/%zz", 400)]
    {
        assert_eq!(get(address, host, target, "").unwrap().status, status, "{host}{target}");
    }
    let trace = format!("TRACE /tea HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    assert_eq!(exchange(address, "TRACE", trace.as_bytes()).unwrap().status, 405);
    assert_eq!(tea.requests(), 0);
}

#[test]
fn bodies_have_limits() {
    let tea = EchoBackend::start("default/tea:80").unwrap();
    let mut setup = routes(json!({"documents": CAFE, "port": 80}), &[&tea]);
    // So that a large body comes in pieces.
    setup.listeners[0]["per_connection_buffer_limit_bytes"] = json!(8192);
    let Some(envoy) = Envoy::start(&setup) else { return };
    let send = |target: &str, rest: &str| {
        let text = format!("POST {target} HTTP/1.1\r\nHost: {HOST}\r\n{rest}");
        exchange(envoy.address(), "POST", text.as_bytes()).unwrap()
    };
    let chunked = |body: &str| {
        format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
    };
    // virtualserver §14: `client-max-body-size`
    assert_eq!(send("/tea", "Content-Length: 10\r\n\r\n0123456789").status, 200);
    assert_eq!(send("/tea", &chunked("0123456789")).status, 200);
    assert_eq!(send("/tea", "Content-Length: 11\r\n\r\n0123456789a").status, 413);
    assert_eq!(send("/tea", &chunked("0123456789a")).status, 413);
    assert_eq!(send("/large", &chunked(&"x".repeat(90_000))).status, 200);
    assert_eq!(send("/large", &chunked(&"x".repeat(110_000))).status, 413);
    // virtualserver §12.5: what nobody reads has a limit, too.
    assert_eq!(send("/canned", "Content-Length: 5000000\r\n\r\n").status, 413);
}

#[test]
fn error_pages_take_the_place_of_answers() {
    let tea = EchoBackend::start("default/tea:80").unwrap();
    let Some(envoy) = cafe(&tea) else { return };
    let ask = |target| get(envoy.address(), HOST, target, "").unwrap();
    tea.answer_with(500);
    let page = ask("/pages");
    assert_eq!((page.status, &*page.text()), (200, "was 500"));
    assert_eq!((page.backend(), page.field("set-cookie")), (None, None));
    tea.answer_with(404);
    let page = ask("/pages");
    assert_eq!((page.status, page.field("location")), (302, Some("http://cafe.example.com/lost")));
    tea.answer_with(503);
    assert_eq!(ask("/pages").backend(), Some("default/tea:80"));
    // virtualserver §14: 502 where Envoy says 503 of a backend that cannot be reached.
    let gone = ask("/gone");
    assert_eq!(gone.status, 502);
    // virtualserver §12.3
    assert_eq!((gone.field("x-always"), gone.field("x-usual")), (Some("yes"), None));
    let page = ask("/gone-pages");
    assert_eq!((page.status, &*page.text()), (503, "back soon"));
}
