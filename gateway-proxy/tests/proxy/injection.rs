//! Nothing that a client says becomes a line of its own, to backends or to clients.

use crate::backend::Backend;
use crate::client::Client;
use crate::gateway::{address, config, service, start};

const SHOP: &str = r#"
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe, namespace: default}
spec:
  host: cafe.example.com
  upstreams: [{name: tea, service: tea, port: 80}]
  routes:
  - path: ~ ^/r/([^/]*)/(.*)$
    action:
      proxy:
        upstream: tea
        rewritePath: /x/$2/$1?from=$1
        requestHeaders:
          set:
          - {name: X-Echo, value: "${request_uri} ${arg_a} ${cookie_a} ${http_x_a}"}
          - {name: Host, value: "${http_x_a}"}
        responseHeaders:
          add: [{name: X-Echo, value: "${request_uri} ${arg_a} ${http_x_a}", always: true}]
  - path: /redirect
    action: {redirect: {url: "http://${host}${request_uri}${http_x_forwarded_proto}"}}
  - path: /page/
    action: {pass: tea}
    errorPages: [{codes: [404], redirect: {code: 302, url: "http://a.example.com/${http_x_forwarded_proto}"}}]
"#;

#[test]
fn no_client_writes_lines_of_its_own() {
    let backend = Backend::start("tea");
    let mut config = config(SHOP);
    config.services = vec![service("tea", &[backend.address])];
    let server = start(config);
    let mut client = Client::connect(address(&server, 80));
    let evil = "%0d%0aX-Injected:%201%0A%0a%00%E5%98%8A%E5%98%8D";
    let mut answers = 0;
    for target in [
        format!("/r/a%20b%22%3A/%C4%8D%C4%8A?a={evil}&b={evil}"),
        format!("/r/a/b?{evil}"),
        format!("/redirect/%C4%8D%C4%8A?{evil}"),
        "/page/status?404".to_owned(),
        // Where such octets are in a path, nobody could say what they are.
        format!("/r/{evil}/b"),
        format!("/redirect{evil}"),
    ] {
        for lines in [
            format!("X-A: b\tc{evil}\r\nCookie: a={evil}\r\nX-Forwarded-Proto: https{evil}\r\n"),
            "X-A: \u{10d}\u{10a}X-Injected: 1\r\nX-Forwarded-Proto: \u{10a}\r\n".to_owned(),
        ] {
            let answer = client.request("GET", &target, &lines);
            answers += usize::from(answer.status < 400);
            for line in answer.head.lines() {
                assert!(!line.to_ascii_lowercase().starts_with("x-injected"), "{}", answer.head);
                assert!(line.contains(": ") || line.ends_with(':'), "{}", answer.head);
            }
        }
    }
    assert_eq!(answers, 8);
    assert_eq!(backend.heads().len(), 6);
    for head in backend.heads() {
        for line in head.lines().skip(1) {
            assert!(!line.to_ascii_lowercase().starts_with("x-injected"), "{head}");
            assert!(line.contains(':'), "{head}");
        }
        // Three parts, and no more.
        assert_eq!(head.lines().next().unwrap().split(' ').count(), 3, "{head}");
    }
}
