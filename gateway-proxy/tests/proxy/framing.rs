use crate::backend::Backend;
use crate::bodies::wait_until;
use crate::client::Client;
use crate::gateway::{address, cafe, cafe_with, config, service, start};
use std::io::Read;
use std::net::SocketAddr;

const HOST: &str = "Host: cafe.example.com\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

/// Sends octets, with another request right behind them, and returns the first status, and
/// whether the connection ended there.
fn answer(address: SocketAddr, octets: &str) -> (u16, bool) {
    let mut client = Client::connect(address);
    client.send(format!("{octets}GET /smuggled HTTP/1.1\r\n{HOST}\r\n")).unwrap();
    let status = client.read("GET").map(|answer| answer.status);
    let status = status.unwrap_or_else(|error| panic!("{octets:?}: {error}"));
    (status, client.is_closed())
}

/// docs/operations.md, "What is refused": each row, the end of the connection, and a backend that
/// never hears of any of it.
#[test]
fn requests_that_could_be_read_in_two_ways_are_refused() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let long = |octets| format!("X-Long: {}\r\n", "x".repeat(octets));
    let many = |fields| -> String { (0..fields).map(|i| format!("x-{i}: 1\r\n")).collect() };
    let get = |lines: &str| format!("GET / HTTP/1.1\r\n{HOST}{lines}\r\n");
    let post = |lines: &str| format!("POST / HTTP/1.1\r\n{HOST}{lines}\r\n");
    for (request, want) in [
        // Two ways to tell the end, or one that is told twice.
        (post(&format!("Content-Length: 4\r\n{CHUNKED}")) + "5\r\nhello\r\n0\r\n\r\n", 400),
        (post(&format!("{CHUNKED}Content-Length: 4\r\n")) + "0\r\n\r\n", 400),
        (post("Content-Length: 5\r\nContent-Length: 5\r\n") + "hello", 400),
        (post("Content-Length: 5, 5\r\n") + "hello", 400),
        (post("Content-Length: 5\r\nContent-Length: 6\r\n") + "hello", 400),
        (post("Content-Length: +5\r\n") + "hello", 400),
        (post("Content-Length: 0x5\r\n") + "hello", 400),
        (post("Content-Length: 5 5\r\n") + "hello", 400),
        (post("Content-Length: \r\n"), 400),
        (post("Content-Length: 99999999999999999999\r\n"), 400),
        // Codings that the proxy does not know, or that end nothing.
        (post("Transfer-Encoding: gzip, chunked\r\n") + "0\r\n\r\n", 501),
        (post("Transfer-Encoding: chunked, chunked\r\n") + "0\r\n\r\n", 501),
        (post(&format!("{CHUNKED}{CHUNKED}")) + "0\r\n\r\n", 501),
        (post("Transfer-Encoding: gzip\r\n"), 400),
        (post("Transfer-Encoding: xchunked\r\n") + "0\r\n\r\n", 400),
        (post("Transfer-Encoding: chunked, identity\r\n") + "0\r\n\r\n", 400),
        (post("Transfer-Encoding:\r\n"), 400),
        (post("Transfer-Encoding: \x0bchunked\r\n") + "0\r\n\r\n", 400),
        (format!("POST / HTTP/1.0\r\n{HOST}{CHUNKED}\r\n0\r\n\r\n"), 400),
        // Lines and fields.
        (get("X: 1\r\n 2\r\n"), 400),
        ("GET / HTTP/1.1\nHost: cafe.example.com\n\n".into(), 400),
        (format!("GET / HTTP/1.1\r\n{HOST}X: 1\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{HOST}\n"), 400),
        (format!("\nGET / HTTP/1.1\r\n{HOST}\r\n"), 400),
        (format!("\r\n\r\nGET / HTTP/1.1\r\n{HOST}\r\n"), 400),
        (get("X: a\rb\r\n"), 400),
        (get("X: a\0b\r\n"), 400),
        (get("X: a\x7fb\r\n"), 400),
        (get("X : 1\r\n"), 400),
        (get(" X: 1\r\n"), 400),
        (get(": 1\r\n"), 400),
        (get("X\r\n"), 400),
        (get("X Y: 1\r\n"), 400),
        // The host.
        ("GET / HTTP/1.1\r\n\r\n".into(), 400),
        (format!("GET / HTTP/1.1\r\n{HOST}{HOST}\r\n"), 400),
        (format!("GET http://other.example.com/ HTTP/1.1\r\n{HOST}\r\n"), 400),
        (format!("GET http://cafe.example.com:81/ HTTP/1.1\r\n{HOST}\r\n"), 400),
        ("GET http://cafe.example.com/ HTTP/1.1\r\n\r\n".into(), 400),
        (format!("GET ftp://cafe.example.com/ HTTP/1.1\r\n{HOST}\r\n"), 400),
        (format!("GET http://a@cafe.example.com/ HTTP/1.1\r\n{HOST}\r\n"), 400),
        // The request's line.
        (format!("GET /a b HTTP/1.1\r\n{HOST}\r\n"), 400),
        (format!("GET  / HTTP/1.1\r\n{HOST}\r\n"), 400),
        (format!("GET / HTTP/1.1 \r\n{HOST}\r\n"), 400),
        (format!("GET /\tHTTP/1.1\r\n{HOST}\r\n"), 400),
        (format!("GET / HTTP/1.2\r\n{HOST}\r\n"), 400),
        (format!("GET / http/1.1\r\n{HOST}\r\n"), 400),
        ("GET /\r\n".into(), 400),
        (format!("G@T / HTTP/1.1\r\n{HOST}\r\n"), 400),
        (format!("TRACE / HTTP/1.1\r\n{HOST}\r\n"), 405),
        (format!("CONNECT cafe.example.com:80 HTTP/1.1\r\n{HOST}\r\n"), 405),
        (post("Expect: tea\r\nContent-Length: 5\r\n") + "hello", 417),
        // Limits.
        (format!("GET / HTTP/1.1\r\n{HOST}{}\r\n", long(17_000)), 431),
        (format!("GET / HTTP/1.1\r\n{HOST}{}\r\n", long(70 << 10)), 431),
        (format!("GET / HTTP/1.1\r\n{HOST}{}\r\n", many(100)), 431),
        (format!("GET / HTTP/1.1\r\n{HOST}{}\r\n", many(150)), 431),
    ] {
        assert_eq!(answer(address, &request), (want, true), "{request:?}");
    }
    assert_eq!(backend.heads(), [""; 0]);
}

/// What the engine cannot read as a host or path is no matter of framing: the connection goes on.
#[test]
fn hosts_and_paths_that_are_none_are_refused() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let long = format!("GET /{} HTTP/1.1\r\n{HOST}\r\n", "a".repeat(9000));
    for (request, want) in [
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
        (&format!("GET /a%00b HTTP/1.1\r\n{HOST}\r\n"), 400),
        (&format!("GET /../a HTTP/1.1\r\n{HOST}\r\n"), 400),
        (&long, 414),
    ] {
        assert_eq!(answer(address, request), (want, false), "{request:?}");
    }
    assert!(backend.heads().iter().all(|head| head.starts_with("GET /smuggled ")));
}

/// The request is answered 400, and the backend that has its head already never gets its end, nor
/// what is behind it.
#[test]
fn a_body_that_is_badly_chunked_is_broken() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let head = format!("POST / HTTP/1.1\r\n{HOST}{CHUNKED}\r\n");
    for body in [
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "00000000000000005\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5;a\nhello\r\n0\r\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "5;\0\r\nhello\r\n0\r\n\r\n",
        "0\r\nx: 1\n\r\n",
        "0\r\nx : 1\r\n\r\n",
        "0\r\n x: 1\r\n\r\n",
        "0\r\nContent-Length: 5\r\n\r\n",
        "0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "0\r\n\n",
    ] {
        assert_eq!(answer(address, &format!("{head}{body}")), (400, true), "{body:?}");
        // In two pieces, the head may be with the backend when the rest comes.
        let mut client = Client::connect(address);
        client.send(&head).unwrap();
        client.send(body).unwrap();
        assert_eq!(client.read("POST").unwrap().status, 400, "{body:?}");
        assert!(client.is_closed(), "{body:?}");
    }
    let heads = backend.heads();
    assert!(heads.iter().all(|head| head.starts_with("POST / HTTP/1.1\r\n")), "{heads:?}");
}

/// The other side of the table: what is legal, if odd, goes on, and so does the connection.
#[test]
fn what_is_legal_passes() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let get = |lines: &str| format!("GET / HTTP/1.1\r\n{HOST}{lines}\r\n");
    let post = |lines: &str| format!("POST / HTTP/1.1\r\n{HOST}{lines}\r\n");
    for (request, body) in [
        (get(""), 0),
        (get("Content-Length: 5\r\n") + "hello", 5),
        // RFC 9112, section 2.2: one empty line before a request.
        (format!("\r\n{}", get("")), 0),
        (get("X:\r\nY: \r\nZ:1\t \r\n"), 0),
        (get("X: \u{e9}\r\n"), 0),
        (format!("get / HTTP/1.1\r\n{HOST}\r\n"), 0),
        (format!("GET http://cafe.example.com:80/ HTTP/1.1\r\n{HOST}\r\n"), 0),
        (post("content-length:\t005 \r\n") + "hello", 5),
        (post("TRANSFER-ENCODING: Chunked\r\n") + "5\r\nhello\r\n0\r\n\r\n", 5),
        (post(CHUNKED) + "05;a=\"b;c\"\r\nhello\r\nA ;x\r\n0123456789\r\n000\r\n\r\n", 15),
        (post(CHUNKED) + "5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n", 5),
        (post(&format!("Connection: Content-Length\r\n{CHUNKED}")) + "0\r\n\r\n", 0),
        (get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n"), 0),
    ] {
        let before = backend.requests();
        let mut client = Client::connect(address);
        for _ in 0..2 {
            client.send(&request).unwrap();
            let answer = client.read("GET").unwrap();
            assert_eq!(answer.status, 200, "{request:?}");
            let told = format!("body: {body}\r\n");
            assert!(answer.text().ends_with(&told), "{request:?}: {}", answer.text());
            for name in ["upgrade", "http2-settings", "connection"] {
                assert_eq!(answer.seen(name), None, "{request:?}");
            }
        }
        assert_eq!(backend.requests(), before + 2, "{request:?}");
    }
}

/// Requests that come together are told apart, whatever their bodies look like.
#[test]
fn requests_that_come_at_once_are_told_apart() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let inner = format!("GET /inner HTTP/1.1\r\n{HOST}\r\n");
    let mut all = String::new();
    for i in 0..20 {
        let length = inner.len();
        all += &format!("POST /{i}/a HTTP/1.1\r\n{HOST}Content-Length: {length}\r\n\r\n{inner}");
        all += &format!("POST /{i}/b HTTP/1.1\r\n{HOST}{CHUNKED}\r\n");
        all += &format!("{length:x}\r\n{inner}\r\n0\r\n\r\n");
        all += &format!("GET /{i}/c HTTP/1.1\r\n{HOST}\r\n");
    }
    let mut client = Client::connect(address);
    // Pieces whose ends fall anywhere.
    for piece in all.as_bytes().chunks(97) {
        client.send(piece).unwrap();
    }
    for i in 0..20 {
        for (name, body) in [("a", inner.len()), ("b", inner.len()), ("c", 0)] {
            let text = client.read("GET").unwrap().text();
            let line = format!(" /{i}/{name} HTTP/1.1\r\n");
            assert!(text.contains(&line) && text.ends_with(&format!("body: {body}\r\n")), "{text}");
        }
    }
    // The next one is wrong; those before it were not.
    client.send(format!("GET /d HTTP/1.1\r\n{HOST}\r\nGET /e HTTP/1.1\n{HOST}\r\n")).unwrap();
    assert_eq!(client.read("GET").unwrap().status, 200);
    assert_eq!(client.read("GET").unwrap().status, 400);
    assert!(client.is_closed());
    assert_eq!(backend.requests(), 61);
}

/// What comes behind the last request of a connection is nobody's.
#[test]
fn octets_behind_the_last_request_do_no_harm() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    for rest in ["\r\n", "\n", "\0garbage", "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let mut client = Client::connect(address);
        client.send(format!("GET / HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n{rest}")).unwrap();
        assert_eq!(client.read("GET").unwrap().status, 200, "{rest:?}");
        assert!(client.is_closed(), "{rest:?}");
    }
    assert!(backend.heads().iter().all(|head| head.starts_with("GET / ")));
}

/// A client that sends before the protocol was changed: that was a request for all that others on
/// the way could know.
#[test]
fn a_protocol_is_not_changed_under_octets_that_came_before() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let wish = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let request = format!("GET /websocket HTTP/1.1\r\n{HOST}{wish}\r\n");
    let (status, closed) = answer(address, &request);
    assert_eq!(status, 400);
    assert!(!closed, "the request behind it is one");
    // One that waits is let through, whatever it says then.
    let mut client = Client::connect(address);
    client.send(&request).unwrap();
    assert_eq!(client.read_head().unwrap().0, 101);
    let frame = b"\x81\x05hello\0\n";
    client.send(frame).unwrap();
    let mut echo = [0; 9];
    client.reader().read_exact(&mut echo).unwrap();
    assert_eq!(&echo, frame);
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
