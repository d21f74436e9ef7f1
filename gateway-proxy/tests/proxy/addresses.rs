//! Whose request it is: the PROXY protocol, and what trusted proxies tell.

use crate::backend::Backend;
use crate::client::{Client, Response};
use crate::gateway::{address, cafe, config, service, start};
use gateway_proxy::{Config, RealIpHeader};
use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;

/// A shop that 192.0.2.0/24 alone may enter, and 10.0.0.0/8.
fn guarded() -> String {
    let guarded = cafe("").replace("  host:", "  policies: [{name: local}]\n  host:");
    format!(
        "{guarded}---
apiVersion: k8s.nginx.org/v1
kind: Policy
metadata: {{name: local, namespace: default}}
spec: {{accessControl: {{allow: [192.0.2.0/24, 10.0.0.0/8]}}}}
"
    )
}

fn proxied(backend: &Backend) -> Config {
    let mut config = config(&guarded());
    config.services = vec![service("tea", &[backend.address])];
    config.proxy_protocol = [80].into();
    config
}

fn ask(address: SocketAddr, header: &[u8], lines: &str) -> (Client, Response) {
    let mut client = Client::connect(address);
    client.send(header).unwrap();
    let answer = client.request("GET", "/", lines);
    (client, answer)
}

fn version_2(source: [u8; 4]) -> Vec<u8> {
    let rest = [&source[..], &[127, 0, 0, 1], &4711u16.to_be_bytes(), &80u16.to_be_bytes()];
    // With a field behind the addresses, which nobody asks for.
    let told = [&rest.concat()[..], &[4, 0, 3, 1, 2, 3]].concat();
    let head = [b"\r\n\r\n\0\r\nQUIT\n\x21\x11", &(told.len() as u16).to_be_bytes()[..]].concat();
    [head, told].concat()
}

#[test]
fn the_proxy_protocol_tells_whose_connection_it_is() {
    let backend = Backend::start("tea");
    let server = start(proxied(&backend));
    let address = address(&server, 80);
    for header in [&b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\r\n"[..], &version_2([192, 0, 2, 7])] {
        let (mut client, answer) = ask(address, header, "X-Forwarded-For: 6.6.6.6\r\n");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.seen("x-real-ip").as_deref(), Some("192.0.2.7"));
        let chain = answer.seen("x-forwarded-for");
        assert_eq!(chain.as_deref(), Some("6.6.6.6, 192.0.2.7"));
        // It holds for the connection, and is told once.
        assert_eq!(client.get("/").seen("x-real-ip").as_deref(), Some("192.0.2.7"));
    }
    // Whom rules do not admit, they do not admit by this way either.
    for header in [&b"PROXY TCP4 6.6.6.6 127.0.0.1 4711 80\r\n"[..], &version_2([6, 6, 6, 6])] {
        assert_eq!(ask(address, header, "").1.status, 403);
    }
    // The balancer itself has its own address.
    for header in [&b"PROXY UNKNOWN\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"] {
        assert_eq!(ask(address, header, "").1.status, 403);
    }
    // Octet by octet.
    let mut client = Client::connect(address);
    for octet in version_2([192, 0, 2, 7]) {
        client.send([octet]).unwrap();
    }
    assert_eq!(client.get("/").status, 200);
}

#[test]
fn a_connection_without_the_header_is_closed_unanswered() {
    let backend = Backend::start("tea");
    let mut config = proxied(&backend);
    config.limits.head_timeout = Duration::from_millis(300);
    config.admin = Some("127.0.0.1:0".parse().unwrap());
    let server = start(config);
    let address = address(&server, 80);
    let requests = "GET / HTTP/1.1\r\nHost: cafe.example.com\r\n\r\n";
    for sent in [
        requests.to_owned(),
        format!("PROXY TCP4 192.0.2.7\r\n{requests}"),
        format!("PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\n{requests}"),
        format!("\r\n\r\n\0\r\nQUIT\n!\x11\0\x04abcd{requests}"),
        // One that never ends.
        "PROXY TCP4 192.".to_owned(),
        String::new(),
    ] {
        let mut client = Client::connect(address);
        client.send(&sent).unwrap();
        let mut rest = Vec::new();
        let _ = client.reader().read_to_end(&mut rest);
        assert_eq!(rest, b"", "{sent:?}");
    }
    assert_eq!(backend.requests(), 0);
    let mut admin = Client::connect(server.admin().unwrap());
    let metrics = admin.get("/metrics").text();
    assert!(metrics.contains("gateway_proxy_protocol_failures_total 6\n"), "{metrics}");
}

#[test]
fn trusted_proxies_tell_whose_request_it_is() {
    let backend = Backend::start("tea");
    for (header, name, value) in [
        (RealIpHeader::XForwardedFor, "X-Forwarded-For", "192.0.2.7"),
        (RealIpHeader::XForwardedFor, "X-Forwarded-For", "6.6.6.6, 192.0.2.7, 127.0.0.9"),
        (RealIpHeader::Forwarded, "Forwarded", "for=6.6.6.6, for=192.0.2.7"),
        (RealIpHeader::XRealIp, "X-Real-IP", "192.0.2.7"),
    ] {
        let mut config = config(&guarded());
        config.services = vec![service("tea", &[backend.address])];
        config.trusted_proxies = ["127.0.0.0/8".parse().unwrap()].into_iter().collect();
        config.real_ip_header = header;
        let server = start(config);
        let mut client = Client::connect(address(&server, 80));
        let answer = client.request("GET", "/", &format!("{name}: {value}\r\n"));
        assert_eq!(answer.status, 200, "{name}: {value}");
        assert_eq!(answer.seen("x-real-ip").as_deref(), Some("192.0.2.7"));
        if name == "X-Forwarded-For" {
            // The chain goes on with whoever connected, as it does everywhere.
            let chain = format!("{value}, 127.0.0.1");
            assert_eq!(answer.seen("x-forwarded-for"), Some(chain));
        }
        // Of each request its own, on one connection.
        let answer =
            client.request("GET", "/", &format!("{name}: {}\r\n", value.replace("192", "7")));
        assert_eq!(answer.status, 403);
        assert_eq!(client.get("/").status, 403, "the proxy's own request");
    }
}

#[test]
fn nobody_is_believed_who_is_not_trusted() {
    let backend = Backend::start("tea");
    let mut config = config(&guarded());
    config.services = vec![service("tea", &[backend.address])];
    config.trusted_proxies = ["192.0.2.1".parse().unwrap()].into_iter().collect();
    let server = start(config);
    let mut client = Client::connect(address(&server, 80));
    let lines =
        "X-Forwarded-For: 192.0.2.7\r\nX-Real-IP: 192.0.2.7\r\nForwarded: for=192.0.2.7\r\n";
    assert_eq!(client.request("GET", "/", lines).status, 403);
    assert_eq!(backend.requests(), 0);
}

/// The address that the PROXY protocol tells may be a trusted proxy's.
#[test]
fn both_ways_add_up() {
    let backend = Backend::start("tea");
    let mut config = proxied(&backend);
    config.trusted_proxies = ["10.0.0.0/8".parse().unwrap()].into_iter().collect();
    let server = start(config);
    let header = b"PROXY TCP4 10.0.0.1 127.0.0.1 4711 80\r\n";
    let (_, answer) = ask(address(&server, 80), header, "X-Forwarded-For: 192.0.2.7\r\n");
    assert_eq!(answer.seen("x-real-ip").as_deref(), Some("192.0.2.7"));
    assert_eq!(answer.seen("x-forwarded-for").as_deref(), Some("192.0.2.7, 10.0.0.1"));
    let (_, answer) = ask(address(&server, 80), header, "X-Forwarded-For: 6.6.6.6\r\n");
    assert_eq!(answer.status, 403);
}
