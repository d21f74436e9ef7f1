use crate::backend::Backend;
use crate::client::Client;
use crate::gateway::{address, cafe, cafe_with, config, service, start};
use std::io::Read;
use std::time::{Duration, Instant};

#[test]
fn bodies_pass_in_both_directions() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let mut client = Client::connect(address);
    let host = "Host: cafe.example.com\r\n";
    client.send(format!("POST / HTTP/1.1\r\n{host}Content-Length: 11\r\n\r\nhello world")).unwrap();
    let sized = client.read("POST").unwrap();
    assert_eq!(sized.seen("body").as_deref(), Some("11"));
    assert_eq!(sized.seen("content-length").as_deref(), Some("11"));
    client
        .send(format!(
            "POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        ))
        .unwrap();
    let chunked = client.read("POST").unwrap();
    assert_eq!(chunked.seen("body").as_deref(), Some("5"));
    assert_eq!(chunked.seen("transfer-encoding").as_deref(), Some("chunked"));
    let response = client.get("/chunked");
    assert_eq!((response.body.as_slice(), response.complete), (&b"hello world"[..], true));
    let head = client.request("HEAD", "/", "");
    assert!(head.field("content-length").is_some_and(|n| n != "0"), "{}", head.head);
    assert_eq!(client.get("/").status, 200, "and nothing is left over");
}

#[test]
fn a_client_that_asks_first_is_told_to_go_on() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let mut client = Client::connect(address);
    client
        .send(
            "POST / HTTP/1.1\r\nHost: cafe.example.com\r\nContent-Length: 5\r\n\
               Expect: 100-continue\r\n\r\n",
        )
        .unwrap();
    assert_eq!(client.read_head().unwrap().0, 100);
    client.send("hello").unwrap();
    let response = client.read("POST").unwrap();
    assert_eq!(response.seen("body").as_deref(), Some("5"));
    assert_eq!(response.seen("expect"), None);
}

#[test]
fn bodies_over_the_limit_get_413() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, ", client-max-body-size: 1k");
    let host = "Host: cafe.example.com\r\n";
    let mut client = Client::connect(address);
    client.send(format!("POST / HTTP/1.1\r\n{host}Content-Length: 1025\r\n\r\n")).unwrap();
    assert_eq!(client.read("POST").unwrap().status, 413, "declared");
    let mut client = Client::connect(address);
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
    client
        .send(format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n{chunk}{chunk}"))
        .unwrap();
    assert_eq!(client.read("POST").unwrap().status, 413, "while it is read");
    let mut client = Client::connect(address);
    client
        .send(format!(
            "POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"
        ))
        .unwrap();
    assert_eq!(client.read("POST").unwrap().status, 200, "exactly the limit");
}

#[test]
fn an_answer_that_comes_before_the_whole_body_was_sent_is_passed_on() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, ", client-max-body-size: \"0\"");
    let size = 8 << 20;
    for i in 0..50 {
        let mut client = Client::connect(address);
        client
            .send(format!(
                "POST /early HTTP/1.1\r\nHost: cafe.example.com\r\nContent-Length: {size}\r\n\r\n"
            ))
            .unwrap();
        // The proxy may stop reading before all is sent.
        let _ = client.send(vec![b'x'; size]);
        let response = client.read("POST").unwrap();
        assert_eq!((response.status, response.text().as_str()), (413, "large"), "{i}");
    }
}

/// virtualserver §12.5
#[test]
fn bodies_for_answers_that_take_no_backend_have_a_limit() {
    let routes = "  - path: /return
    action: {return: {body: hello}}
  - path: /redirect
    action: {redirect: {url: 'http://a.example/', code: 301}}
";
    let server =
        crate::gateway::start(crate::gateway::config(&(crate::gateway::cafe("") + routes)));
    let address = crate::gateway::address(&server, 80);
    for (target, length, want) in [
        ("/return", 1 << 20, 200),
        ("/return", (1 << 20) + 1, 413),
        ("/redirect", 1 << 20, 301),
        ("/redirect", (1 << 20) + 1, 413),
    ] {
        let mut client = Client::connect(address);
        let response = client.request("POST", target, &format!("Content-Length: {length}\r\n"));
        assert_eq!(response.status, want, "{target} {length}");
    }
}

#[test]
fn redirects_to_tls_take_any_body() {
    // virtualserver §7: they go before the limits of bodies
    let documents = "apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe}
spec:
  host: cafe.example.com
  tls: {redirect: {enable: true, basedOn: x-forwarded-proto}}
";
    let server = crate::gateway::start(crate::gateway::config(documents));
    let mut client = Client::connect(crate::gateway::address(&server, 80));
    let head = format!("X-Forwarded-Proto: http\r\nContent-Length: {}\r\n", 4 << 20);
    assert_eq!(client.request("POST", "/", &head).status, 301);
}

/// A closed socket with unread octets is reset, and many clients then forget what they have got.
#[test]
fn a_client_that_goes_on_sending_is_not_reset() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, ", client-max-body-size: 1k");
    let size = 4 << 20;
    for target in ["/", "/early"] {
        let mut client = Client::connect(address);
        client
            .send(format!(
                "POST {target} HTTP/1.1\r\nHost: cafe.example.com\r\nContent-Length: {size}\r\n\r\n"
            ))
            .unwrap();
        client.send(vec![b'x'; size]).unwrap();
        assert_eq!(client.read("POST").unwrap().status, 413, "{target}");
        assert!(client.is_closed(), "{target}");
    }
}

#[test]
fn a_client_that_takes_nothing_is_given_up() {
    let backend = Backend::start("tea");
    let mut config = crate::gateway::config(&crate::gateway::cafe(""));
    config.services = vec![crate::gateway::service("tea", &[backend.address])];
    config.limits.send_timeout = Duration::from_millis(200);
    let server = crate::gateway::start(config);
    let mut client = Client::connect(crate::gateway::address(&server, 80));
    client
        .send(format!("GET /flood?{} HTTP/1.1\r\nHost: cafe.example.com\r\n\r\n", 1 << 30))
        .unwrap();
    wait_until("the backend is cut off", || backend.aborted() == 1);
    assert!(!client.read("GET").unwrap().complete);
}

#[test]
fn a_client_that_leaves_takes_the_backend_connection_with_it() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let mut client = Client::connect(address);
    client
        .send("POST / HTTP/1.1\r\nHost: cafe.example.com\r\nContent-Length: 100\r\n\r\nhalf")
        .unwrap();
    wait_until("the request reaches the backend", || backend.requests() == 1);
    drop(client);
    wait_until("the backend sees the end", || backend.aborted() == 1);
    let mut client = Client::connect(address);
    client.send("GET /until-the-client-leaves HTTP/1.1\r\nHost: cafe.example.com\r\n\r\n").unwrap();
    wait_until("the request reaches the backend", || backend.requests() == 2);
    drop(client);
    wait_until("the backend sees the end", || backend.aborted() == 2);
}

#[test]
fn a_body_with_broken_chunks_gets_400() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let mut client = Client::connect(address);
    client
        .send(
            "POST / HTTP/1.1\r\nHost: cafe.example.com\r\nTransfer-Encoding: chunked\r\n\r\n\
             5\r\nhello\r\n",
        )
        .unwrap();
    wait_until("the request reaches the backend", || backend.requests() == 1);
    client.send("zz\r\n").unwrap();
    assert_eq!(client.read("POST").unwrap().status, 400);
    assert!(client.is_closed());
    wait_until("the backend sees the end", || backend.aborted() == 1);
}

pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn gzip_is_unpacked_for_clients_that_do_not_take_it() {
    // virtualserver §3, `gunzip`
    let backend = Backend::start("tea");
    let mut config = config(&cafe("").replace("  upstreams:", "  gunzip: on\n  upstreams:"));
    config.services = vec![service("tea", &[backend.address])];
    let server = start(config);
    let mut client = Client::connect(address(&server, 80));
    for (size, lines) in
        [(10, ""), (10_000_000, ""), (0, ""), (10, "Accept-Encoding: gzip;q=0\r\n")]
    {
        let response = client.request("GET", &format!("/gzip?{size}"), lines);
        assert_eq!(response.field("content-encoding"), None);
        assert_eq!(response.field("etag"), Some("W/\"a\""));
        assert!(response.complete && response.body == vec![b'x'; size], "{size}");
        assert_eq!(client.request("HEAD", "/gzip?10", lines).field("content-encoding"), None);
    }
    let response = client.request("GET", "/gzip?10000", "Accept-Encoding: br, gzip\r\n");
    assert_eq!(response.field("content-encoding"), Some("gzip"));
    assert!(response.complete && response.body.len() < 1000);
    assert_eq!(backend.connections(), 1);
    let response = client.request("GET", "/gzip-short?1000000", "");
    assert!(!response.complete, "a short answer is never taken for a whole one");
    let (_server, address) = cafe_with(&backend, "");
    let response = Client::connect(address).get("/gzip?10");
    assert_eq!(response.field("content-encoding"), Some("gzip"), "it is off by default");
}

#[test]
fn what_is_unpacked_does_not_wait_for_more() {
    let backend = Backend::start("tea");
    let mut config = config(&cafe("").replace("  upstreams:", "  gunzip: on\n  upstreams:"));
    config.services = vec![service("tea", &[backend.address])];
    let server = start(config);
    for size in [1, 16 << 10, 30_000, 65_536, 70_000, 200_000, 1_000_000] {
        let mut client = Client::connect(address(&server, 80));
        client
            .send(format!("GET /gzip-flushed?{size} HTTP/1.1\r\nHost: cafe.example.com\r\n\r\n"))
            .unwrap();
        assert_eq!(client.read_head().unwrap().0, 200);
        // In chunks of their own, all of it comes while the backend is waiting.
        let mut come = 0;
        while come < size {
            let mut octets = [0; 4096];
            let read = client.reader().read(&mut octets).unwrap();
            come += octets[..read].iter().filter(|octet| **octet == b'x').count();
            assert_ne!(read, 0, "{come} of {size}");
        }
    }
}
