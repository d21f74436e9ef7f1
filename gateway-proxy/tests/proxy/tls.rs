//! TLS that ends at the proxy: which certificate is shown for which name, and what never gets to a
//! session.

mod clients;
pub mod parts;
mod reload;

use crate::backend::Backend;
use crate::client::{Client, connect};
use crate::gateway::{address, config, service};
use crate::http2;
use gateway_proxy::{Config, Server};
use parts::{Authority, Caller, Signed, Wish, failures, get};
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, Error, SignatureScheme};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsConnector;

/// A VirtualServer over TLS that sends everything to `tea`; `more` holds lines of its spec.
fn server(host: &str, secret: &str, more: &str) -> String {
    let name = host.replace("*", "any").replace('.', "-");
    format!(
        "apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {{name: {name}}}
spec:
  host: '{host}'
  tls: {{secret: {secret}, redirect: {{enable: true}}}}
  upstreams: [{{name: tea, service: tea, port: 80}}]
  routes: [{{path: /, action: {{pass: tea}}}}]
{more}---
"
    )
}

const CLASS: &str = "
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: prod},
 spec: {controllerName: example.net/gateway}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: tea},
 spec: {parentRefs: [{name: edge}], rules: [{backendRefs: [{name: tea, port: 80}]}]}}
---
";

/// A Gateway with listeners for TLS: name, host (empty for all) and Secrets. `more` holds more of
/// its spec.
fn gateway(listeners: &[(&str, &str, &[&str])], more: &str) -> String {
    let mut text = CLASS.to_owned()
        + "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: edge}\nspec:\n  \
           gatewayClassName: prod\n"
        + more
        + "  listeners:\n";
    for (name, host, secrets) in listeners {
        let hostname = if host.is_empty() { "" } else { &format!("hostname: '{host}', ") };
        let secrets: Vec<_> = secrets.iter().map(|name| format!("{{name: {name}}}")).collect();
        let secrets = secrets.join(", ");
        text.push_str(&format!(
            "  - {{name: {name}, port: 443, protocol: HTTPS, {hostname}\
             tls: {{certificateRefs: [{secrets}]}}}}\n"
        ));
    }
    text + "---\n"
}

/// The configuration for documents, with a Service `tea`.
fn config_of(documents: &str, backend: &Backend) -> Config {
    let mut config = config(documents);
    config.services = vec![service("tea", &[backend.address])];
    config.admin = Some("127.0.0.1:0".parse().unwrap());
    config
}

/// A proxy for documents, and the address of its listener for TLS.
fn start(documents: &str, backend: &Backend) -> (Server, SocketAddr) {
    let server = crate::gateway::start(config_of(documents, backend));
    let address = address(&server, 443);
    (server, address)
}

fn alert(alert: AlertDescription) -> Error {
    Error::AlertReceived(alert)
}

#[test]
fn requests_over_tls_are_answered_and_told_as_such() {
    // virtualserver §8
    let backend = Backend::echo("tea");
    let signed = Authority::new("ca").sign(&Wish::of(&["cafe.example.com"]));
    let documents = signed.secret("cert") + &server("cafe.example.com", "cert", "");
    let (proxy, tls) = start(&documents, &backend);
    let caller = Caller::new();
    let mut client = caller.connect(tls, "cafe.example.com").unwrap();
    assert!(caller.was_shown(&signed));
    assert_eq!(client.stream().conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    for _ in 0..3 {
        let (status, seen) = get(&mut client, "cafe.example.com").unwrap();
        assert_eq!(status, 200);
        assert!(seen.contains("x-forwarded-proto: https\r\n"), "{seen}");
    }
    let mut plain = Client::connect(address(&proxy, 80));
    let response = plain.get("/");
    assert_eq!(response.status, 301);
    assert_eq!(response.field("location"), Some("https://cafe.example.com/"));
}

#[test]
fn the_server_name_chooses_the_certificate() {
    // gateway-api §7.1
    let (backend, authority) = (Backend::echo("tea"), Authority::new("ca"));
    let sign = |name: &str| authority.sign(&Wish::of(&[name]));
    let (exact, wild, any) = (sign("a.example.com"), sign("*.example.com"), sign("b.example.org"));
    let listeners: &[(&str, &str, &[&str])] = &[
        ("exact", "a.example.com", &["exact"]),
        ("wild", "*.example.com", &["wild"]),
        ("none", "none.example.org", &["gone"]),
    ];
    let secrets = exact.secret("exact") + &wild.secret("wild") + &any.secret("any");
    let unrecognized = alert(AlertDescription::UnrecognisedName);
    let (proxy, tls) = start(&format!("{secrets}{}", gateway(listeners, "")), &backend);
    let caller = Caller::new();
    for (name, want) in [
        ("a.example.com", Ok(&exact)),
        ("A.Example.Com", Ok(&exact)),
        ("b.example.com", Ok(&wild)),
        ("c.b.example.com", Ok(&wild)),
        ("example.com", Err(&unrecognized)),
        ("", Err(&unrecognized)),
        ("none.example.org", Err(&alert(AlertDescription::HandshakeFailure))),
    ] {
        match (caller.connect(tls, name), want) {
            (Ok(_), Ok(signed)) => assert!(caller.was_shown(signed), "{name}"),
            (got, want) => assert_eq!(got.err().as_ref(), want.err(), "{name}"),
        }
    }
    assert!(failures(&proxy, "unknown_name", 2));
    assert!(failures(&proxy, "no_certificate", 1));
    let listeners = [listeners, &[("any", "", &["any"][..])]].concat();
    let (_proxy, tls) = start(&format!("{secrets}{}", gateway(&listeners, "")), &backend);
    for (name, want) in [("", &any), ("b.example.org", &any), ("a.example.com", &exact)] {
        caller.connect(tls, name).unwrap();
        assert!(caller.was_shown(want), "{name}");
    }
}

#[test]
fn a_final_dot_is_no_part_of_a_server_name() {
    let (backend, authority) = (Backend::echo("tea"), Authority::new("ca"));
    let signed = authority.sign(&Wish::of(&["a.example.com"]));
    let documents = signed.secret("a") + &gateway(&[("a", "a.example.com", &["a"])], "");
    let (_proxy, tls) = start(&documents, &backend);
    // Clients of this library leave the dot out.
    for name in ["a.example.com", "a.example.com."] {
        let mut stream = connect(tls);
        stream.write_all(&hello(0x0303, name)).unwrap();
        assert_eq!(read(&mut stream, 1), [HANDSHAKE], "{name}");
    }
    let (status, _) = Caller::new().get(tls, "a.example.com", "a.example.com.").unwrap();
    assert_eq!(status, 200);
}

/// Types of records.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// What a client of an older version than TLS 1.3 says first.
fn hello(version: u16, name: &str) -> Vec<u8> {
    let sized =
        |content: &[u8]| [&u16::try_from(content.len()).unwrap().to_be_bytes(), content].concat();
    let extension =
        |number: u16, content: &[u8]| [&number.to_be_bytes(), &*sized(content)].concat();
    let name = [&[0], &*sized(name.as_bytes())].concat();
    let extensions = [
        extension(0, &sized(&name)),
        // Groups, formats of points, and signatures.
        extension(10, &sized(&[0, 29, 0, 23])),
        extension(11, &[1, 0]),
        extension(13, &sized(&[4, 3, 8, 4])),
    ]
    .concat();
    let mut body = version.to_be_bytes().to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend(sized(&[0xc0, 0x2b, 0xc0, 0x2f]));
    body.extend([1, 0]);
    body.extend(sized(&extensions));
    let message = [&[1, 0], &*sized(&body)].concat();
    [&[HANDSHAKE, 3, 1], &*sized(&message)].concat()
}

/// The first octets that come, or all.
fn read(stream: &mut impl Read, most: u64) -> Vec<u8> {
    let mut octets = Vec::new();
    stream.take(most).read_to_end(&mut octets).unwrap();
    octets
}

#[test]
fn of_several_certificates_the_best_is_shown() {
    // gateway-api §7.1
    let (backend, authority) = (Backend::echo("tea"), Authority::new("ca"));
    let wild = authority.sign(&Wish::of(&["*.example.com"]));
    let ec = authority.sign(&Wish::of(&["a.example.com"]));
    let rsa = authority.sign(&Wish { rsa: true, ..Wish::of(&["a.example.com"]) });
    let documents = wild.secret("wild")
        + &ec.secret("ec")
        + &rsa.secret("rsa")
        + &gateway(&[("a", "*.example.com", &["wild", "ec", "rsa"])], "");
    let (_proxy, tls) = start(&documents, &backend);
    let caller = Caller::new();
    for (name, want) in
        [("a.example.com", &ec), ("b.example.com", &wild), ("c.b.example.com", &wild)]
    {
        caller.connect(tls, name).unwrap();
        assert!(caller.was_shown(want), "{name}");
    }
    for version in [&TLS13, &TLS12] {
        let caller = Caller::with(&[version], None, Some(SignatureScheme::RSA_PSS_SHA256));
        caller.connect(tls, "a.example.com").unwrap();
        assert!(caller.was_shown(&rsa), "{version:?}");
    }
}

#[test]
fn requests_for_another_section_are_misdirected() {
    // gateway-api §7.3
    let (backend, authority) = (Backend::echo("tea"), Authority::new("ca"));
    let signed = authority.sign(&Wish::of(&["*.example.com", "a.example.org"]));
    let listeners: &[(&str, &str, &[&str])] = &[
        ("one", "one.example.com", &["cert"]),
        ("wild", "*.example.com", &["cert"]),
        ("other", "a.example.org", &["cert"]),
    ];
    let (_proxy, tls) = start(&(signed.secret("cert") + &gateway(listeners, "")), &backend);
    let caller = Caller::new();
    for (name, host, want) in [
        ("one.example.com", "one.example.com", 200),
        ("One.Example.com", "ONE.example.com:443", 200),
        ("two.example.com", "three.example.com", 200),
        ("two.example.com", "one.example.com", 421),
        ("one.example.com", "two.example.com", 421),
        ("a.example.org", "one.example.com", 421),
        ("a.example.org", "unknown.example", 404),
    ] {
        assert_eq!(caller.get(tls, name, host).unwrap().0, want, "{name} {host}");
    }
    // Without a name the catch-all is meant, and nothing else.
    let listeners = [listeners, &[("any", "", &["cert"][..])]].concat();
    let (_proxy, tls) = start(&(signed.secret("cert") + &gateway(&listeners, "")), &backend);
    for (host, want) in [("unknown.example", 200), ("127.0.0.1", 200), ("one.example.com", 421)] {
        assert_eq!(caller.get(tls, "", host).unwrap().0, want, "{host}");
    }
}

#[test]
fn clients_may_choose_http2() {
    // gateway-api §7.2, §7.3; RFC 9113, section 3.2
    let (backend, authority) = (Backend::echo("tea"), Authority::new("ca"));
    let signed = authority.sign(&Wish::of(&["*.example.com"]));
    let listeners: &[(&str, &str, &[&str])] =
        &[("one", "one.example.com", &["cert"]), ("two", "two.example.com", &["cert"])];
    let (_proxy, tls) = start(&(signed.secret("cert") + &gateway(listeners, "")), &backend);
    let mut config = Caller::new().config;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    http2::block_on(async {
        let stream = tokio::net::TcpStream::connect(tls).await.unwrap();
        let name = "one.example.com".try_into().unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (client, _) = http2::Client::on(stream).await;
        for (host, want) in [("one.example.com", 200), ("two.example.com", 421)] {
            let request = http::Request::get(format!("https://{host}/"));
            let answer = http2::read(client.send(request, false).await.0).await.unwrap();
            assert_eq!(answer.status, want, "{host}");
            assert!(want != 200 || answer.seen("x-forwarded-proto").as_deref() == Some("https"));
        }
    });
}

#[test]
fn older_versions_are_refused() {
    let backend = Backend::echo("tea");
    let signed = Authority::new("ca").sign(&Wish::of(&["cafe.example.com"]));
    let documents = signed.secret("cert") + &server("cafe.example.com", "cert", "");
    let (proxy, tls) = start(&documents, &backend);
    for version in [0x0301, 0x0302] {
        let mut stream = connect(tls);
        stream.write_all(&hello(version, "cafe.example.com")).unwrap();
        let answer = read(&mut stream, 7);
        let version = u8::from(AlertDescription::ProtocolVersion);
        assert_eq!((answer[0], answer[5], answer[6]), (ALERT, 2, version), "{answer:?}");
    }
    assert!(failures(&proxy, "incompatible", 2));
    for version in [&TLS12, &TLS13] {
        let caller = Caller::with(&[version], None, None);
        assert_eq!(caller.get(tls, "cafe.example.com", "cafe.example.com").unwrap().0, 200);
    }
    let mut caller = Caller::new();
    caller.config.alpn_protocols = vec![b"smtp".to_vec()];
    let refused = caller.connect(tls, "cafe.example.com").err();
    assert_eq!(refused, Some(alert(AlertDescription::NoApplicationProtocol)));
}

#[test]
fn what_is_no_tls_ends() {
    let backend = Backend::echo("tea");
    let signed = Authority::new("ca").sign(&Wish::of(&["cafe.example.com"]));
    let documents = signed.secret("cert") + &server("cafe.example.com", "cert", "");
    let (proxy, tls) = start(&documents, &backend);
    let mut plain = Client::connect(tls);
    let response = plain.get("/");
    assert_eq!(response.status, 400);
    assert!(response.text().contains("plain HTTP request was sent to an HTTPS port"));
    assert!(plain.is_closed());
    assert!(failures(&proxy, "plain_http", 1));
    let mut garbage = connect(tls);
    garbage.write_all(&[0; 64]).unwrap();
    assert_eq!(read(&mut garbage, 1), [ALERT]);
    assert!(failures(&proxy, "broken", 1));
    let mut half = connect(tls);
    half.write_all(&hello(0x0303, "cafe.example.com")[..20]).unwrap();
    drop(half);
    assert!(failures(&proxy, "closed", 1));
    assert_eq!(backend.requests(), 0);
}

#[test]
fn slow_handshakes_are_cut() {
    let backend = Backend::echo("tea");
    let signed = Authority::new("ca").sign(&Wish::of(&["cafe.example.com"]));
    let documents = signed.secret("cert") + &server("cafe.example.com", "cert", "");
    let mut config = config_of(&documents, &backend);
    config.limits.handshake_timeout = Duration::from_millis(200);
    let proxy = crate::gateway::start(config);
    let tls = address(&proxy, 443);
    let hello = hello(0x0303, "cafe.example.com");
    // Nothing at all, a part of what has to come first, and nothing after it.
    for sent in [&hello[..0], &hello[..30], &hello] {
        let mut stream = connect(tls);
        stream.write_all(sent).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
    }
    assert!(failures(&proxy, "timeout", 3));
}

#[test]
fn a_broken_certificate_harms_only_its_hosts() {
    // decisions §5
    let (backend, authority) = (Backend::echo("tea"), Authority::new("ca"));
    let good = authority.sign(&Wish::of(&["good.example.com"]));
    let other = authority.sign(&Wish::of(&["bad.example.com"]));
    let bad = Signed { key: good.key.clone(), ..other };
    let documents = good.secret("good")
        + &bad.secret("bad")
        + &server("good.example.com", "good", "")
        + &server("bad.example.com", "bad", "");
    let (proxy, tls) = start(&documents, &backend);
    let caller = Caller::new();
    assert_eq!(caller.get(tls, "good.example.com", "good.example.com").unwrap().0, 200);
    let refused = caller.connect(tls, "bad.example.com").err();
    assert_eq!(refused, Some(alert(AlertDescription::HandshakeFailure)));
    assert!(failures(&proxy, "no_certificate", 1));
    // What is asked of the wrong connection gets its answer: VirtualServers do not mind.
    assert_eq!(caller.get(tls, "good.example.com", "bad.example.com").unwrap().0, 200);
}

#[test]
fn a_host_without_its_secret_is_in_plain_text_only_a_redirect() {
    // virtualserver §8: nobody is answered in plain text where TLS was asked for
    let backend = Backend::echo("tea");
    let (proxy, tls) = start(&server("cafe.example.com", "gone", ""), &backend);
    let refused = Caller::new().connect(tls, "cafe.example.com").err();
    assert_eq!(refused, Some(alert(AlertDescription::HandshakeFailure)));
    assert_eq!(Client::connect(address(&proxy, 80)).get("/").status, 301);
    assert_eq!(backend.requests(), 0);
}
