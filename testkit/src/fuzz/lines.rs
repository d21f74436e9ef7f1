//! Whether a request can write lines of its own into what is sent.

use crate::OwnedRequest;
use gateway_core::{Options, Outcome, Resources, Router, Severity, translate};
use http::{HeaderMap, HeaderValue, StatusCode};
use std::sync::OnceLock;

/// Rules that print whatever a request can say, wherever they can print.
const DOCUMENTS: &str = r#"
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: echo, namespace: default}
spec:
  host: echo.example.com
  upstreams: [{name: tea, service: tea, port: 80}]
  routes:
  - path: ~ ^/r/([^/]*)/(.*)$
    action:
      proxy: &proxy
        upstream: tea
        rewritePath: /x/$2/$1?from=$1
        requestHeaders:
          set:
          - {name: X-Echo, value: "${request_uri} ${args} ${arg_a} ${cookie_a} ${http_x_a} ${host} ${request_method}"}
          - {name: X-Alone, value: "${arg_a}"}
          - {name: Host, value: "${http_x_a}.example.com"}
        responseHeaders:
          add: [{name: X-Echo, value: "${request_uri} ${arg_a} ${cookie_a} ${http_x_a}", always: true}]
    errorPages:
    - {codes: [404], redirect: {code: 302, url: "http://a.example.com/${http_x_forwarded_proto}"}}
    - {codes: [502], return: {code: 503, headers: [{name: X-Tried, value: "${upstream_status}"}], body: "${upstream_status}"}}
  - path: /p/
    action: {proxy: {upstream: tea, rewritePath: /q/}}
  - path: /redirect
    action: {redirect: {url: "${scheme}://${host}${request_uri}${http_x_forwarded_proto}"}}
  - path: /return
    action: {return: {code: 200, type: text/plain, headers: [{name: X-A, value: b}], body: "${request_uri} ${http_x_a}"}}
  - path: /
    action: {pass: tea}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g, namespace: default}
spec:
  gatewayClassName: gateway
  listeners: [{name: http, protocol: HTTP, port: 8080}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: echo, namespace: default}
spec:
  parentRefs: [{name: g}]
  hostnames: [echo.example.com]
  rules:
  - matches: [{path: {type: PathPrefix, value: /p}}]
    filters:
    - {type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /q}}}
    backendRefs: [{name: tea, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /redirect}}]
    filters:
    - {type: RequestRedirect, requestRedirect: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /r}}}
"#;

/// The ports of the dialects in [`DOCUMENTS`].
const PORTS: [u16; 2] = [80, 8080];

/// Reads `bytes` as a request: lines with its target, and fields like `a: b`. Nothing that is sent
/// for it, to a backend or to the client, has an octet that could begin another line.
///
/// Returns how many answers came from where: a backend, a redirect, a text.
pub fn lines(bytes: &[u8]) -> [usize; 3] {
    static ROUTER: OnceLock<Router> = OnceLock::new();
    let router = ROUTER.get_or_init(|| {
        let mut resources = Resources::with_defaults("default", true);
        resources.add_yaml("lines.yaml", DOCUMENTS.as_bytes());
        let translation = translate(&resources, &Options::default());
        let errors = translation.diagnostics.iter().filter(|d| d.severity == Severity::Error);
        assert_eq!(errors.map(|d| d.message.to_string()).collect::<Vec<_>>(), [""; 0]);
        Router::compile(&translation.rules).expect("it compiles")
    });
    let mut rest = bytes.split(|octet| *octet == b'\n');
    // As the proxy's parser does: nothing else is taken for a target.
    let target: Vec<u8> = rest.next().unwrap_or_default().to_vec();
    if !target.iter().all(|octet| *octet > b' ' && *octet != 0x7f) {
        return [0; 3];
    }
    let mut counts = [0; 3];
    for port in PORTS {
        let mut request = OwnedRequest::new("GET", "echo.example.com", port, "");
        request.target.clone_from(&target);
        for line in rest.clone() {
            let at = line.iter().position(|octet| *octet == b':').unwrap_or(line.len());
            let (name, value) = line.split_at(at);
            // Not all embedders look at values: those here may have control characters.
            let name = String::from_utf8_lossy(name).into_owned();
            request.headers.push((name, value.get(1..).unwrap_or_default().to_vec()));
        }
        check(router, &request, &mut counts);
    }
    counts
}

fn check(router: &Router, request: &OwnedRequest, counts: &mut [usize; 3]) {
    let decision = router.decide(request, 0);
    let legal = |text: &[u8]| text.iter().all(|octet| *octet > b' ' && *octet != 0x7f);
    let mut target = Vec::new();
    decision.write_target(request, &mut target);
    assert!(legal(&target), "{request:?}: {target:?}");
    let mut sent = HeaderMap::new();
    decision.edit_request(request, &mut sent);
    sent.extend(decision.host_header(request).map(|host| (http::header::HOST, host)));
    check_lines(&sent, request);
    match decision.admitted() {
        Outcome::Forward(_) => counts[0] += 1,
        Outcome::Redirect(_) => counts[1] += 1,
        Outcome::Respond(_) => counts[2] += 1,
        _ => {}
    }
    for status in [200, 404, 502].map(|code| StatusCode::from_u16(code).expect("a status")) {
        let mut headers = HeaderMap::new();
        decision.edit_response(status, request, &mut headers);
        check_lines(&headers, request);
        let mut headers = HeaderMap::new();
        decision.edit_refusal(status, request, &mut headers);
        check_lines(&headers, request);
        if let Some(page) = decision.error_page(status, request, "502, 504") {
            check_lines(&page.headers, request);
        }
    }
}

/// As a program writes them that trusts what it has: one line for each field.
fn check_lines(headers: &HeaderMap<HeaderValue>, request: &OwnedRequest) {
    for (name, value) in headers {
        let legal = |octet: &u8| *octet == b'\t' || !octet.is_ascii_control();
        assert!(value.as_bytes().iter().all(legal), "{request:?}: {name}: {value:?}");
        assert!(name.as_str().bytes().all(|octet| octet.is_ascii_graphic() && octet != b':'));
    }
}
