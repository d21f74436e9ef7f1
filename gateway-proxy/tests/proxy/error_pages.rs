//! Pages that take the place of answers (virtualserver §13), where sockets are to be seen.

use crate::backend::Backend;
use crate::bodies::wait_until;
use crate::client::Client;
use crate::gateway::{address, config, service, start};
use gateway_proxy::Server;
use std::net::SocketAddr;

/// A proxy whose every answer with 404, 413, 502 or 503 is replaced by the statuses of the
/// backends that were asked.
fn with_pages(backends: &[SocketAddr], upstream: &str) -> (Server, Client) {
    let mut config = config(&format!(
        "apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {{name: cafe}}
spec:
  host: cafe.example.com
  upstreams:
  - {{name: tea, service: tea, port: 80{upstream}}}
  routes:
  - path: /
    errorPages:
    - codes: [404, 413, 502, 503]
      return: {{code: 200, body: 'asked: ${{upstream_status}}.', headers: [{{name: X-Asked, value: '${{upstream_status}}'}}]}}
    action: {{pass: tea}}
"
    ));
    config.services = vec![service("tea", backends)];
    let server = start(config);
    let client = Client::connect(address(&server, 80));
    (server, client)
}

#[test]
fn every_backend_that_was_asked_is_told() {
    let tea = Backend::start("tea");
    let others = [Backend::start("one"), Backend::start("two")];
    let others = others.each_ref().map(|backend| backend.address);
    let (down, more) = (Backend::nowhere(), Backend::nowhere());
    let retry = ", next-upstream: error http_503";
    for (backends, upstream, request, want) in [
        (&[tea.address][..], "", ("GET", "/status?404", ""), "404"),
        (&others, retry, ("GET", "/status?503", ""), "503, 503"),
        (&others, "", ("GET", "/status?503", ""), "503"),
        (&others, retry, ("POST", "/status?503", "Content-Length: 0\r\n"), "503"),
        (&[down, more], "", ("GET", "/", ""), "502, 502"),
        (&[down], "", ("GET", "/", ""), "502"),
        // the stand-in server of NGINX answers where there is none
        (&[], "", ("GET", "/", ""), "502"),
        // nobody was asked
        (&[tea.address], ", client-max-body-size: '1'", ("POST", "/", "Content-Length: 2\r\n"), ""),
    ] {
        let (_server, mut client) = with_pages(backends, upstream);
        let (method, target, lines) = request;
        let answer = client.request(method, target, lines);
        assert_eq!(answer.status, 200, "{upstream} {request:?}");
        assert_eq!(answer.text(), format!("asked: {want}."), "{upstream} {request:?}");
        let header = Some(want).filter(|want| !want.is_empty());
        assert_eq!(answer.field("x-asked"), header, "{upstream} {request:?}");
        assert_eq!(answer.field("content-type"), Some("text/html"));
    }
}

#[test]
fn a_page_has_no_body_for_head() {
    let tea = Backend::start("tea");
    let (_server, mut client) = with_pages(&[tea.address], "");
    for _ in 0..2 {
        let answer = client.request("HEAD", "/status?404", "");
        assert_eq!((answer.status, answer.field("x-asked")), (200, Some("404")));
        assert_eq!(answer.field("content-length"), Some("11"));
    }
    assert_eq!(client.get("/").seen("host").as_deref(), Some("cafe.example.com"));
}

#[test]
fn what_is_replaced_leaves_connections_as_they_are() {
    let tea = Backend::echo("tea");
    tea.answer_with(404);
    let (_server, mut client) = with_pages(&[tea.address], "");
    wait_until("a connection is used again", || {
        let before = tea.connections();
        assert_eq!(client.get("/").text(), "asked: 404.");
        tea.connections() == before
    });
}

#[test]
fn what_is_replaced_is_not_read_without_end() {
    let tea = Backend::start("tea");
    let (_server, mut client) = with_pages(&[tea.address], "");
    assert_eq!(client.get("/lost-flood?100000000").text(), "asked: 404.");
    wait_until("the flood ends", || tea.aborted() == 1);
    assert_eq!(client.get("/").status, 200);
}
