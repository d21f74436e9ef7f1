use crate::backend::Backend;
use crate::bodies::wait_until;
use crate::client::Client;
use crate::gateway::{address, cafe, cafe_with, config, service, start};
use std::io::Read;

#[test]
fn requests_that_could_be_read_in_two_ways_are_refused() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let host = "Host: cafe.example.com\r\n";
    let long = format!("X-Long: {}\r\n", "x".repeat(17_000));
    let many: String = (0..101).map(|i| format!("x-{i}: 1\r\n")).collect();
    for (request, want) in [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\n{host}{host}\r\n"), 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n".into(), 400),
        (format!("GET /a b HTTP/1.1\r\n{host}\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{host}X : 1\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{host}X: 1\r\n 2\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{host}X: a\0b\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{host}X: a\rb\r\n\r\n"), 400),
        (format!("POST / HTTP/1.1\r\n{host}Content-Length: +5\r\n\r\nhello"), 400),
        (format!("POST / HTTP/1.1\r\n{host}Content-Length: 5, 5\r\n\r\nhello"), 400),
        (format!("POST / HTTP/1.1\r\n{host}Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), 400),
        (format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: gzip, chunked\r\n\r\n"), 501),
        (format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked, chunked\r\n\r\n"), 501),
        (format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: gzip\r\n\r\n"), 400),
        (format!("POST / HTTP/1.0\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400),
        (format!("TRACE / HTTP/1.1\r\n{host}\r\n"), 405),
        (format!("CONNECT cafe.example.com:80 HTTP/1.1\r\n{host}\r\n"), 405),
        (format!("GET ftp://cafe.example.com/ HTTP/1.1\r\n{host}\r\n"), 400),
        (format!("GET http://a@cafe.example.com/ HTTP/1.1\r\n{host}\r\n"), 400),
        (format!("GET /a%00b HTTP/1.1\r\n{host}\r\n"), 400),
        (format!("GET /../a HTTP/1.1\r\n{host}\r\n"), 400),
        (format!("GET /{} HTTP/1.1\r\n{host}\r\n", "a".repeat(9000)), 414),
        (format!("GET / HTTP/1.1\r\n{host}{long}\r\n"), 431),
        (format!("GET / HTTP/1.1\r\n{host}{many}\r\n"), 431),
        (format!("POST / HTTP/1.1\r\n{host}Expect: tea\r\nContent-Length: 5\r\n\r\n"), 417),
    ] {
        let mut client = Client::connect(address);
        client.send(&request).unwrap();
        let got = client.read("GET").map(|r| r.status).map_err(|e| e.to_string());
        assert_eq!(got, Ok(want), "{request:?}");
    }
    assert_eq!(backend.requests(), 0);
}

#[test]
fn length_and_chunks_together_end_the_connection() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let mut client = Client::connect(address);
    client
        .send(
            "POST / HTTP/1.1\r\nHost: cafe.example.com\r\nContent-Length: 5\r\n\
             Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\
             Host: cafe.example.com\r\n\r\n",
        )
        .unwrap();
    let mut all = String::new();
    // The end may come as a reset, because the rest was never read.
    let _ = client.reader().read_to_string(&mut all);
    assert!(!all.contains("smuggled"), "{all}");
    assert_eq!(backend.requests(), 1);
}

#[test]
fn a_client_that_never_ends_its_head_is_cut_off() {
    let backend = Backend::start("tea");
    let mut config = crate::gateway::config(&crate::gateway::cafe(""));
    config.services = vec![crate::gateway::service("tea", &[backend.address])];
    config.limits.head_timeout = std::time::Duration::from_millis(200);
    let server = crate::gateway::start(config);
    let mut client = Client::connect(crate::gateway::address(&server, 80));
    client.send("GET / HTTP/1.1\r\nHost: cafe.exa").unwrap();
    let started = std::time::Instant::now();
    let mut rest = Vec::new();
    let _ = client.reader().read_to_end(&mut rest);
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
}

#[test]
fn http_1_0_is_understood() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let mut client = Client::connect(address);
    client.send("GET /chunked HTTP/1.0\r\nHost: cafe.example.com\r\n\r\n").unwrap();
    let response = client.read("GET").unwrap();
    assert_eq!(response.field("transfer-encoding"), None);
    assert_eq!(response.body, b"hello world");
    assert!(client.is_closed());
}

#[test]
fn what_is_refused_is_counted() {
    let backend = Backend::start("tea");
    let mut config = config(&cafe(""));
    config.services = vec![service("tea", &[backend.address])];
    config.admin = Some("127.0.0.1:0".parse().unwrap());
    let server = start(config);
    let large = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    for (text, status) in
        [("good day to you\r\n\r\n", 400), (&large, 431), ("GET / HTTP/1.1\r\n\r\n", 400)]
    {
        let mut client = Client::connect(address(&server, 80));
        client.send(text).unwrap();
        assert_eq!(client.read("GET").unwrap().status, status, "{text}");
    }
    wait_until("they are counted", || {
        let metrics = Client::connect(server.admin().unwrap()).get("/metrics").text();
        metrics.lines().any(|line| line == "gateway_requests_refused_total 3")
    });
}
