//! Proxies in this process, with rules that are made by hand; here those that speak mutual TLS with
//! clients and with each other.

mod breakers;
mod proxy;
mod service_limits;
mod shop;

use super::*;
use crate::config::Source;
use crate::error::Failure;
use crate::handshake::HandshakeFailure;
use crate::reload::{Loaded, Loader};
use crate::tls::{self, Authority, Leaf, SpiffeId};
use crate::upstream::PeerTls;
use proxy::{Setup, ask, backend, read_message, secure, snapshot};
use rustls::{ClientConnection, StreamOwned};
use std::io::{BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::time::Duration;

const CART: &str = "spiffe://cluster.local/ns/shop/sa/cart";
const WEB: &str = "spiffe://cluster.local/ns/shop/sa/web";

#[test]
fn requests_over_mutual_tls_are_answered_by_who_sent_them() {
    // smi T-2
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let mut proxy =
        Setup { source: Some(("source_identity", WEB)), ..Setup::mutual(backend(), &cart) }.start();
    let mut client = proxy.secure(&web);
    for _ in 0..3 {
        let (status, body) = ask(&mut client, b"hello").unwrap();
        let body = String::from_utf8(body).unwrap();
        assert_eq!(status, "200", "{body}");
        assert!(body.contains("x-forwarded-proto: https\r\n") && body.ends_with("\r\n\r\nhello"));
    }
    let other = authority.identity("spiffe://cluster.local/ns/shop/sa/other");
    assert_eq!(ask(&mut proxy.secure(&other), b"").unwrap().0, "404", "the route is not for it");
    assert!(proxy.metric("gateway_connections_total 2"));
    for failure in HandshakeFailure::ALL {
        assert!(proxy.handshakes_failed(failure, 0));
    }
    drop(client);
    assert!(proxy.stop() < Duration::from_secs(5));
    assert!(proxy.metric("gateway_connections_active 0"));
}

#[test]
fn nobody_has_an_identity_without_tls() {
    let proxy = Setup { source: Some(("source_identity", WEB)), ..Setup::plain(backend()) }.start();
    let mut client = BufReader::new(proxy.connect());
    assert_eq!(ask(&mut client, b"").unwrap().0, "404");
}

#[test]
fn a_client_without_an_identity_is_the_pod_of_its_address_where_that_is_trusted() {
    // smi T-2, N-8
    const POD: &str = "{apiVersion: v1, kind: Pod, metadata: {name: web-1, namespace: shop,
        labels: {app: web}}, spec: {serviceAccountName: web}, status: {podIP: 127.0.0.1}}";
    for (name, value) in [
        ("source_account", "shop/web"),
        ("source_labels", "app=web"),
        ("source_workloads", "Pod/shop/web-1"),
    ] {
        for (pods, want) in [("", "404"), (POD, "200")] {
            let source = Some((name, value));
            let proxy = Setup { source, pods, ..Setup::plain(backend()) }.start();
            let mut client = BufReader::new(proxy.connect());
            assert_eq!(ask(&mut client, b"").unwrap().0, want, "{name}");
        }
        let authority = Authority::new();
        let (web, cart) = (authority.identity(WEB), authority.identity(CART));
        let setup = Setup::mutual(backend(), &cart);
        let proxy = Setup { source: Some((name, value)), pods: POD, ..setup }.start();
        let (status, _) = ask(&mut proxy.secure(&web), b"").unwrap();
        assert_eq!(status, "404", "who has proved who it is, is nobody else");
    }
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    for trust_pod_ips in [false, true] {
        let sources = vec![Source::Text { name: "pods.yaml".into(), text: POD.to_owned() }];
        let config = Config { sources, trust_pod_ips, ..Config::default() };
        let Loaded { router, surroundings, .. } = Loader::new(&config).load();
        let snapshot = Snapshot::new(router.unwrap(), surroundings, &config, None);
        assert_eq!(snapshot.pods.at(address).is_some(), trust_pod_ips);
    }
}

#[test]
fn strangers_get_no_answer() {
    let authority = Authority::new();
    let cart = authority.identity(CART);
    let proxy = Setup::mutual(backend(), &cart).start();
    let stranger = authority.identity("spiffe://other.local/ns/shop/sa/web");
    let mut config = (*authority.identity(WEB).client_config(None)).clone();
    config.client_auth_cert_resolver =
        stranger.client_config(None).client_auth_cert_resolver.clone();
    let client = ClientConnection::new(Arc::new(config), tls::nobody()).unwrap();
    let mut client = BufReader::new(StreamOwned::new(client, proxy.connect()));
    assert!(ask(&mut client, b"").is_err());
    let mut plain = BufReader::new(proxy.connect());
    assert!(ask(&mut plain, b"").is_err(), "nor who speaks no TLS");
    assert!(proxy.handshakes_failed(HandshakeFailure::ClientCertificate, 1));
    assert!(proxy.handshakes_failed(HandshakeFailure::Broken, 1));
    let unready = Setup { identity: None, ..Setup::mutual(backend(), &cart) }.start();
    let mut early = unready.secure(&cart);
    assert!(ask(&mut early, b"").is_err(), "nor anybody from a proxy without an identity");
    assert!(unready.handshakes_failed(HandshakeFailure::NoIdentity, 1));
}

#[test]
fn bodies_of_any_size_pass_through_tls() {
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let proxy = Setup::mutual(backend(), &cart).start();
    let mut client = proxy.secure(&web);
    // The client writes it all before it reads, so the backend has to, too.
    for size in [1, 16 << 10, (16 << 10) + 1, 1 << 20, 8 << 20] {
        let sent: Vec<u8> = (0..size).map(|i: u32| (i % 251) as u8).collect();
        let (status, body) = ask(&mut client, &sent).unwrap();
        assert_eq!(status, "200");
        assert!(body.ends_with(&sent), "{size}");
    }
}

#[test]
fn connections_end_with_a_notice() {
    // Else somebody on the way could cut an answer short (RFC 8446, section 6.1).
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let proxy = Setup::mutual(backend(), &cart).start();
    let mut client = proxy.secure(&web);
    let head = "GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n";
    client.get_mut().write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("the end is told");
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
}

#[test]
fn an_answer_is_not_lost_with_the_body_that_it_refuses() {
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let proxy = Setup::mutual(backend(), &cart).start();
    for _ in 0..10 {
        let mut client = proxy.secure(&web);
        let length = 64 << 20;
        let head =
            format!("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {length}\r\n\r\n");
        client.get_mut().write_all(head.as_bytes()).unwrap();
        client.get_mut().write_all(&vec![0; 2 << 20]).unwrap();
        let (head, _) = read_message(&mut client).unwrap().unwrap();
        assert!(head.starts_with("http/1.1 413"), "{head}");
    }
}

#[test]
fn who_does_not_finish_a_handshake_is_left() {
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let mut setup = Setup::mutual(backend(), &cart);
    setup.limits.handshake_timeout = Duration::from_millis(300);
    let proxy = setup.start();
    let mut silent = proxy.connect();
    assert_eq!(ask(&mut proxy.secure(&web), b"").unwrap().0, "200", "others do not wait for it");
    assert_eq!(silent.read(&mut [0; 8]).unwrap(), 0);
    assert!(proxy.handshakes_failed(HandshakeFailure::Timeout, 1));
}

#[test]
fn the_proxy_protocol_comes_before_tls() {
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let proxy = Setup { proxied: true, ..Setup::mutual(backend(), &cart) }.start();
    let mut stream = proxy.connect();
    stream.write_all(b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 443\r\n").unwrap();
    let (status, body) = ask(&mut secure(&web, stream), b"").unwrap();
    let head = String::from_utf8(body).unwrap();
    assert_eq!(status, "200");
    assert!(head.contains("x-real-ip: 192.0.2.7\r\n"), "{head}");
    assert!(ask(&mut proxy.secure(&web), b"").is_err(), "a handshake is no such header");
    assert!(proxy.metric("gateway_proxy_protocol_failures_total 1"));
}

/// What is refused in plain is refused within TLS, and the answer gets through.
#[test]
fn bad_framing_is_refused_within_tls() {
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let proxy = Setup::mutual(backend(), &cart).start();
    for request in [
        "GET / HTTP/1.1\nHost: shop.example\n\n",
        "POST / HTTP/1.1\r\n\
         Host: shop.example\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let mut client = proxy.secure(&web);
        client.get_mut().write_all(request.as_bytes()).unwrap();
        let (head, _) = read_message(&mut client).unwrap().unwrap();
        assert!(head.starts_with("http/1.1 400"), "{head}");
    }
    assert!(proxy.metric("gateway_requests_refused_total 2"));
}

#[test]
fn a_handshake_does_not_hold_up_the_end() {
    let authority = Authority::new();
    let mut proxy = Setup::mutual(backend(), &authority.identity(CART)).start();
    let silent = proxy.connect();
    assert!(proxy.metric("gateway_connections_active 1"));
    let took = proxy.stop();
    assert!(took < Duration::from_secs(5), "{took:?}");
    drop(silent);
}

#[test]
fn whom_the_last_certificates_let_in_comes_again_by_the_next_ones() {
    let authority = Authority::new();
    let web = authority.identity(WEB);
    let proxy = Setup::mutual(backend(), &authority.identity(CART)).start();
    let mut before = proxy.secure(&web);
    assert_eq!(ask(&mut before, b"").unwrap().0, "200");
    let renewed = authority.identity("spiffe://cluster.local/ns/shop/sa/renewed");
    let next = snapshot(&proxy.rules, None, Some(renewed));
    proxy.shared.put(Arc::new(next));
    assert!(ask(&mut before, b"").is_err(), "the connection is closed");
    let mut after = proxy.secure(&web);
    assert_eq!(ask(&mut after, b"").unwrap().0, "502");
    let certificate = |client: &BufReader<StreamOwned<ClientConnection, TcpStream>>| {
        client.get_ref().conn.peer_certificates().unwrap()[0].clone()
    };
    assert_ne!(certificate(&before), certificate(&after));
}

#[test]
fn who_asked_without_tls_has_to_ask_anew_once_it_is_needed() {
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let proxy = Setup::plain(backend()).start();
    let mut client = BufReader::new(proxy.connect());
    assert_eq!(ask(&mut client, b"").unwrap().0, "200");
    let mut rules = proxy.rules.clone();
    rules.listeners[0].protocol = Protocol::Https;
    rules.listeners[0].mutual_tls = true;
    proxy.shared.put(Arc::new(snapshot(&rules, None, Some(cart))));
    assert_eq!(ask(&mut client, b"").unwrap().0, "421");
    assert!(ask(&mut client, b"").is_err(), "the connection is closed");
    assert_eq!(ask(&mut proxy.secure(&web), b"").unwrap().0, "502");
}

#[test]
fn who_takes_nothing_through_tls_is_left() {
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let mut setup = Setup::mutual(backend(), &cart);
    setup.limits.send_timeout = Duration::from_millis(200);
    let proxy = setup.start();
    let mut client = proxy.secure(&web);
    let length = 8 << 20;
    let head = format!("POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {length}\r\n\r\n");
    client.get_mut().write_all(head.as_bytes()).unwrap();
    client.get_mut().write_all(&vec![0; length]).unwrap();
    assert!(proxy.metric("gateway_connections_active 0"));
}

#[test]
fn two_proxies_prove_to_each_other_who_they_are() {
    // smi T-2
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let inner =
        Setup { source: Some(("source_identity", WEB)), ..Setup::mutual(backend(), &cart) }.start();
    let expected = web.workload("shop", "cart").unwrap();
    let upstream = Some(Arc::new(PeerTls::new(Arc::clone(&web), Some(expected))));
    let outer = Setup { upstream, ..Setup::plain(inner.address) }.start();
    let mut client = BufReader::new(outer.connect());
    for size in [0, 5, 4 << 20] {
        let sent = vec![7; size];
        let (status, body) = ask(&mut client, &sent).unwrap();
        assert_eq!(status, "200");
        assert!(body.ends_with(&sent), "{size}");
    }
    assert!(inner.metric("gateway_connections_total 1"), "the connection is used again");
}

#[test]
fn tunnels_pass_through_tls() {
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let inner = Setup::mutual(backend(), &cart).start();
    let upstream = Some(Arc::new(PeerTls::new(Arc::clone(&web), None)));
    let outer = Setup { upstream, ..Setup::mutual(inner.address, &cart) }.start();
    let mut client = outer.secure(&web);
    let head = "GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: upgrade\r\n\
                Upgrade: websocket\r\n\r\n";
    client.get_mut().write_all(head.as_bytes()).unwrap();
    let (head, _) = read_message(&mut client).unwrap().unwrap();
    assert!(head.starts_with("http/1.1 101"), "{head}");
    for size in [1, 100, 50_000] {
        let sent = vec![size as u8; size];
        client.get_mut().write_all(&sent).unwrap();
        let mut got = vec![0; size];
        client.read_exact(&mut got).unwrap();
        assert!(got == sent, "{size}");
    }
}

#[test]
fn a_backend_that_is_not_who_is_expected_gets_no_request() {
    // smi T-2
    let authority = Authority::new();
    let (web, cart) = (authority.identity(WEB), authority.identity(CART));
    let inner = Setup::mutual(backend(), &cart).start();
    let other = SpiffeId::parse("spiffe://cluster.local/ns/shop/sa/other").unwrap();
    let upstream = Some(Arc::new(PeerTls::new(web, Some(other))));
    let outer = Setup { upstream, ..Setup::plain(inner.address) }.start();
    let (status, _) = ask(&mut BufReader::new(outer.connect()), b"secret").unwrap();
    assert_eq!(status, "502");
    assert!(outer.failures(Failure::Tls, 1));
    let plain = Setup::plain(backend()).start();
    let upstream = Some(Arc::new(PeerTls::new(cart, None)));
    let outer = Setup { upstream, ..Setup::plain(plain.address) }.start();
    assert_eq!(ask(&mut BufReader::new(outer.connect()), b"secret").unwrap().0, "502");
    assert!(outer.failures(Failure::Tls, 1), "nor does one that speaks no TLS");
}

#[test]
fn a_backend_that_refuses_our_certificate_is_not_reached() {
    // In TLS 1.3, that is heard of only after the request was sent.
    let (ours, theirs) = (Authority::new(), Authority::new());
    let inner = Setup::mutual(backend(), &theirs.identity(CART)).start();
    let signed = ours.sign(&Leaf::of(&[WEB]));
    let key = signed.key.serialize_pem();
    let (certificate, trusted) = (signed.certificate.as_bytes(), theirs.pem.as_bytes());
    let web = Identity::from_pem(certificate, key.as_bytes(), trusted).unwrap();
    let upstream = Some(Arc::new(PeerTls::new(Arc::new(web), None)));
    let outer = Setup { upstream, ..Setup::plain(inner.address) }.start();
    for (count, body) in [(1, vec![]), (2, vec![0; 1 << 20])] {
        let mut client = BufReader::new(outer.connect());
        assert_eq!(ask(&mut client, &body).unwrap().0, "502", "{count}");
        assert!(outer.failures(Failure::Tls, count), "{count}");
    }
}
