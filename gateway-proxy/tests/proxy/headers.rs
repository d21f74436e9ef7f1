use crate::backend::Backend;
use crate::client::Client;
use crate::gateway::{address, cafe_with, config, service, start};

#[test]
fn what_is_about_one_connection_goes_no_further() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let mut client = Client::connect(address);
    let seen = client.request(
        "GET",
        "/",
        "Connection: keep-alive, X-Private, host\r\nKeep-Alive: 5\r\nX-Private: 1\r\nTE: gzip\r\n\
         Proxy-Authorization: Basic x\r\nProxy-Connection: keep-alive\r\nX-Public: 2\r\n\
         Upgrade: h2c\r\nHTTP2-Settings: AAA\r\n",
    );
    for (name, want) in [
        ("connection", None),
        ("keep-alive", None),
        ("x-private", None),
        ("te", None),
        ("proxy-authorization", None),
        ("proxy-connection", None),
        ("upgrade", None),
        ("http2-settings", None),
        ("x-public", Some("2")),
        ("host", Some("cafe.example.com")),
    ] {
        assert_eq!(seen.seen(name).as_deref(), want, "{name}: {}", seen.text());
    }
    let answer = client.get("/hop");
    for (name, want) in [
        ("connection", None),
        ("keep-alive", None),
        ("x-private", None),
        ("proxy-authenticate", None),
        ("x-public", Some("2")),
    ] {
        assert_eq!(answer.field(name), want, "{name}: {}", answer.head);
    }
    assert_eq!(answer.head.matches("set-cookie").count(), 2, "{}", answer.head);
}

#[test]
fn backends_are_told_about_the_client() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let port = address.port().to_string();
    let mut client = Client::connect(address);
    let plain = client.get("/");
    let behind = client.request(
        "GET",
        "/",
        "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\nX-Forwarded-Proto: https\r\n\
         X-Real-IP: 192.0.2.3\r\nX-Forwarded-Host: evil.example\r\n",
    );
    for (name, first, second) in [
        ("x-forwarded-for", "127.0.0.1", "192.0.2.1, 192.0.2.2, 127.0.0.1"),
        ("x-forwarded-proto", "http", "http"),
        ("x-forwarded-host", "cafe.example.com", "cafe.example.com"),
        ("x-forwarded-port", &port, &port),
        ("x-real-ip", "127.0.0.1", "127.0.0.1"),
    ] {
        assert_eq!(plain.seen(name).as_deref(), Some(first), "{name}");
        assert_eq!(behind.seen(name).as_deref(), Some(second), "{name}");
        let lines = behind.text().to_lowercase().matches(&format!("\n{name}:")).count();
        assert_eq!(lines, 1, "{name}: {}", behind.text());
    }
}

#[test]
fn backends_get_the_host_of_an_absolute_target() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let mut client = Client::connect(address);
    client
        .send("GET http://cafe.example.com/a?b HTTP/1.1\r\nHost: CAFE.example.com:80\r\n\r\n")
        .unwrap();
    let seen = client.read("GET").unwrap();
    assert!(seen.text().starts_with("GET /a?b HTTP/1.1"), "{}", seen.text());
    assert_eq!(seen.seen("host").as_deref(), Some("cafe.example.com"));
}

/// virtualserver §12.2: fields may be kept back, but not the host that was asked for.
#[test]
fn backends_get_the_host_of_an_absolute_target_where_fields_are_kept_back() {
    let backend = Backend::start("tea");
    let keeping = crate::gateway::cafe("").replace(
        "action: {pass: tea}",
        "action: {proxy: {upstream: tea, requestHeaders: {pass: false}}}",
    );
    let mut config = config(&keeping);
    config.services = vec![service("tea", &[backend.address])];
    let server = start(config);
    let mut client = Client::connect(address(&server, 80));
    client
        .send("GET http://cafe.example.com/ HTTP/1.1\r\nHost: CAFE.example.com\r\nX-A: 1\r\n\r\n")
        .unwrap();
    let seen = client.read("GET").unwrap();
    assert_eq!(seen.seen("host").as_deref(), Some("cafe.example.com"), "{}", seen.text());
    assert_eq!(seen.seen("x-a"), None);
}

/// virtualserver §12.2: neither what the proxy tells nor the body is the client's header.
#[test]
fn without_the_clients_fields_backends_are_told_about_it() {
    let backend = Backend::start("tea");
    let documents = crate::gateway::cafe("").replace(
        "action: {pass: tea}",
        "action: {proxy: {upstream: tea, requestHeaders: {pass: false, set: [\
         {name: x-real-ip, value: mine}, {name: X-FORWARDED-PORT, value: ''}]}}}",
    );
    let mut config = config(&documents);
    config.services = vec![service("tea", &[backend.address])];
    let server = start(config);
    let mut client = Client::connect(address(&server, 80));
    let lines = "Content-Length: 5\r\nX-Forwarded-For: 192.0.2.1\r\nX-A: 1\r\n\r\nhello";
    client.send(format!("POST / HTTP/1.1\r\nHost: cafe.example.com\r\n{lines}")).unwrap();
    let seen = client.read("POST").unwrap();
    for (name, want) in [
        ("host", Some("cafe.example.com")),
        ("x-forwarded-for", Some("192.0.2.1, 127.0.0.1")),
        ("x-forwarded-proto", Some("http")),
        ("x-forwarded-host", Some("cafe.example.com")),
        ("x-forwarded-port", None),
        ("x-real-ip", Some("mine")),
        ("x-a", None),
        ("body", Some("5")),
    ] {
        assert_eq!(seen.seen(name).as_deref(), want, "{name}");
    }
}

/// virtualserver §17.5
#[test]
fn rules_print_what_the_proxy_knows() {
    let names = ["server_protocol", "server_addr", "server_port", "connection", "pid"];
    let more = ["request_time", "time_iso8601", "time_local", "nginx_version"];
    let body = names.iter().chain(&more).map(|name| format!("${{{name}}}"));
    let body = body.collect::<Vec<_>>().join("|");
    let answer = format!("action: {{return: {{body: '{body}'}}}}");
    let server = start(config(&crate::gateway::cafe("").replace("action: {pass: tea}", &answer)));
    let at = address(&server, 80);
    let mut client = Client::connect(at);
    let ask = |client: &mut Client| -> Vec<String> {
        client.get("/").text().split('|').map(str::to_owned).collect()
    };
    let first = ask(&mut client);
    assert_eq!(first[..3], ["HTTP/1.1", "127.0.0.1", &at.port().to_string()]);
    assert_eq!(first[4], std::process::id().to_string());
    assert!(first[5].starts_with("0.") && first[5].len() == 5, "{first:?}");
    assert!(first[6].starts_with("20") && first[6].ends_with("+00:00"), "{first:?}");
    assert!(first[7].contains("/20") && first[7].ends_with(" +0000"), "{first:?}");
    // This is not NGINX.
    assert_eq!(first[8], "");
    assert_eq!(ask(&mut client)[3], first[3], "one connection");
    assert_ne!(ask(&mut Client::connect(at))[3], first[3], "another connection");
}

#[test]
fn trailers_pass_where_the_client_takes_them() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let mut client = Client::connect(address);
    let seen = client.request("GET", "/", "TE: trailers\r\nConnection: TE\r\n");
    assert_eq!(seen.seen("te").as_deref(), Some("trailers"));
    client
        .send(
            "GET /chunked HTTP/1.1\r\nHost: cafe.example.com\r\nTE: trailers\r\n\
               Connection: te, close\r\n\r\n",
        )
        .unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(client.reader(), &mut text).unwrap();
    assert!(text.contains("\r\n0\r\nx-sum: 11\r\n\r\n"), "{text}");
}

/// RFC 9110, section 15.2
#[test]
fn answers_that_announce_one_are_passed_on_to_who_takes_them() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let mut client = Client::connect(address);
    client.send("GET /early-hints HTTP/1.1\r\nHost: cafe.example.com\r\n\r\n").unwrap();
    let (status, head) = client.read_head().unwrap();
    assert_eq!((status, &*head), (103, "link: </a.css>"));
    assert_eq!(client.read("GET").unwrap().status, 200);
    assert_eq!(client.get("/").status, 200);
    // HTTP/1.0 has none of these.
    client.send("GET /early-hints HTTP/1.0\r\nHost: cafe.example.com\r\n\r\n").unwrap();
    let response = client.read("GET").unwrap();
    assert_eq!((response.status, response.field("x-backend")), (200, Some("tea")));
}

#[test]
fn other_protocols_are_tunnelled() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let mut client = Client::connect(address);
    client
        .send(
            "GET /websocket HTTP/1.1\r\nHost: cafe.example.com\r\nConnection: upgrade\r\n\
               Upgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n",
        )
        .unwrap();
    let (status, head) = client.read_head().unwrap();
    assert_eq!(status, 101, "{head}");
    assert_eq!(crate::backend::field(&head, "upgrade"), Some("websocket"));
    for message in ["ping", "pong"] {
        client.send(message).unwrap();
        let mut echo = [0; 4];
        std::io::Read::read_exact(client.reader(), &mut echo).unwrap();
        assert_eq!(echo, message.as_bytes());
    }
    let mut unasked = Client::connect(address);
    assert_eq!(unasked.get("/websocket").status, 502, "a change of protocol that nobody asked for");
}

#[test]
fn tunnels_end_with_both_sides_or_when_nobody_uses_them() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, ", read-timeout: 500ms");
    let open = || {
        let mut client = Client::connect(address);
        let lines = "Connection: upgrade\r\nUpgrade: websocket\r\n";
        assert_eq!(client.request("GET", "/websocket", lines).status, 101);
        client
    };
    let mut silent = open();
    assert!(silent.is_closed(), "nobody says anything");
    let mut ending = open();
    ending.send("last words").unwrap();
    ending.end();
    let mut echo = String::new();
    std::io::Read::read_to_string(ending.reader(), &mut echo).unwrap();
    assert_eq!(echo, "last words", "one side may end before the other");
}

/// virtualserver §12.3: with `always`, also where the proxy itself answers.
#[test]
fn header_lines_that_are_always_added_are_added_to_failures_too() {
    let mut config = config(
        "apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe, namespace: default}
spec:
  host: cafe.example.com
  upstreams:
  - {name: tea, service: tea, port: 80}
  routes:
  - path: /
    action:
      proxy:
        upstream: tea
        responseHeaders:
          add:
          - {name: X-Always, value: a, always: true}
          - {name: X-Mostly, value: b}
",
    );
    config.services = vec![service("tea", &[])];
    let server = start(config);
    let response = Client::connect(address(&server, 80)).get("/");
    assert_eq!((response.status, response.field("x-always")), (502, Some("a")));
    assert_eq!(response.field("x-mostly"), None);
}
