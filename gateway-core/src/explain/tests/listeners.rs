//! How requests come to their listeners, or do not.

use super::*;
use crate::request::ListenerKey;

fn secret(name: &str) -> Origin {
    Origin::new(ObjectRef::new("Secret", "default", name), "")
}

fn server_tls(certificates: &[&str], insecure_fallback: Option<bool>) -> ServerTls {
    let text = || SecretText::new(*b"-----BEGIN CERTIFICATE-----");
    let certificate =
        |name: &&str| Certificate { chain: text(), key: text(), origin: secret(name) };
    let clients = insecure_fallback.map(|insecure_fallback| {
        let origin = origin("spec.tls.frontend");
        Arc::new(ClientTrust { authorities: Vec::new(), insecure_fallback, origin })
    });
    let certificates = certificates.iter().map(certificate).collect();
    ServerTls { certificates, clients, exclusive: true }
}

/// A listener for HTTPS at 443 with these hosts, each a section of its own with a route to `tea`.
fn secure(hosts: Vec<(&str, Option<ServerTls>)>) -> RuleSet {
    let section = |(section, (name, tls)): (usize, (&str, Option<ServerTls>))| VirtualHost {
        section: section as u32,
        tls: tls.map(Arc::new),
        ..host(name, vec![(prefix("/"), vec![], to(0))])
    };
    let hosts = hosts.into_iter().enumerate().map(section).collect();
    let mut rules = rules(hosts, vec![service("tea")]);
    rules.listeners[0].protocol = Protocol::Https;
    rules.listeners[0].port = 443;
    rules
}

fn to_port_443(protocol: Protocol) -> Connection {
    Connection { protocol, ..Connection::http(443) }
}

#[test]
fn how_tls_begins_is_told() {
    // gateway-api §7.1, §7.4
    let rules = secure(vec![
        ("shop.example", Some(server_tls(&["shop", "wide"], None))),
        ("pay.example", Some(server_tls(&["pay"], Some(false)))),
        ("try.example", Some(server_tls(&["try"], Some(true)))),
        ("bare.example", Some(server_tls(&[], None))),
        ("none.example", None),
    ]);
    let none = "no listener answers to clients that name no server";
    for (host, given, certificates, required, failure) in [
        ("shop.example", None, &["shop", "wide"][..], None, None),
        ("SHOP.example:443", None, &["shop", "wide"], None, None),
        ("shop.example", Some("pay.example"), &["pay"], Some(true), None),
        ("pay.example", None, &["pay"], Some(true), None),
        ("try.example", None, &["try"], Some(false), None),
        ("bare.example", None, &[], None, Some("there is no certificate for `bare.example`")),
        ("none.example", None, &[], None, Some("there is no certificate for `none.example`")),
        ("other.example", None, &[], None, Some("no listener answers to `other.example`")),
        ("shop.example", Some(""), &[], None, Some(none)),
        ("10.0.0.7", None, &[], None, Some(none)),
        ("[::1]:443", None, &[], None, Some(none)),
    ] {
        let mut request = RequestHead::get(host, "/").on(to_port_443(Protocol::Https));
        if let Some(name) = given {
            request = request.server_name(name);
        }
        let told = explained(&rules, &request, 0).handshake.unwrap();
        let names: Vec<_> = told.certificates.iter().map(|c| c.object.name.to_string()).collect();
        assert_eq!(names, certificates, "{host} {given:?}");
        assert_eq!(told.clients.map(|c| c.required), required, "{host} {given:?}");
        assert_eq!(told.failure.as_deref(), failure, "{host} {given:?}");
    }
}

#[test]
fn mutual_tls_shows_the_identity() {
    let mut rules = secure(vec![("*", None)]);
    rules.listeners[0].mutual_tls = true;
    let request = RequestHead::get("tea.example", "/").on(to_port_443(Protocol::Https));
    let told = explained(&rules, &request, 0).handshake.unwrap();
    assert_eq!(told.failure.as_deref(), Some("this proxy has no identity to show"));
    let text = || SecretText::new(*b"");
    let (certificate, key, authorities) = (text(), text(), text());
    let identity = MeshIdentity { certificate, key, authorities, origin: secret("web") };
    rules.identity = Some(Arc::new(identity));
    let told = explained(&rules, &request, 0).handshake.unwrap();
    assert_eq!(told.certificates, [secret("web")]);
    assert!(told.clients.unwrap().required);
    assert_eq!(told.failure, None);
}

#[test]
fn what_comes_by_another_protocol_gets_nowhere() {
    let tls = secure(vec![("shop.example", Some(server_tls(&["shop"], None)))]);
    let plain = rules(vec![host("shop.example", vec![])], vec![]);
    for (rules, port, came_by, want) in [
        (
            &tls,
            443,
            Protocol::Http,
            &["the listener on port 443 speaks https: what comes by http never gets to its routes"]
                [..],
        ),
        (
            &plain,
            80,
            Protocol::Https,
            &["the listener on port 80 speaks http: what comes by https never gets to its routes"],
        ),
        (&tls, 443, Protocol::Https, &[]),
        (&plain, 80, Protocol::Http, &[]),
        (&plain, 81, Protocol::Https, &[]),
    ] {
        let connection = Connection { protocol: came_by, ..Connection::http(port) };
        let request = RequestHead::get("shop.example", "/").on(connection);
        let told = explained(rules, &request, 0);
        assert_eq!(told.notes, want, "{port} {came_by:?}");
        let begins = port == 443 && came_by == Protocol::Https;
        assert_eq!(told.handshake.is_some(), begins, "{port} {came_by:?}");
    }
}

#[test]
fn a_misdirected_request_looks_at_no_route() {
    // gateway-api §7.3
    let some = || Some(server_tls(&["shop"], None));
    let few = secure(vec![("shop.example", some()), ("pay.example", some())]);
    let all = secure(vec![("shop.example", some()), ("*", some())]);
    for (rules, name, opened) in [
        (&few, "pay.example", "for `pay.example`, which another listener answers to"),
        (&few, "zzz.test", "for `zzz.test`, which no listener answers to"),
        (&few, "", "without a server name, which no listener answers to"),
        (&all, "zzz.test", "for `zzz.test`, which another listener answers to"),
        (&all, "", "without a server name, which another listener answers to"),
    ] {
        let request = RequestHead::get("shop.example", "/").on(to_port_443(Protocol::Https));
        let told = explained(rules, &request.server_name(name), 0);
        assert_eq!(told.reason.unwrap(), format!("the connection was opened {opened}"));
        assert_eq!(told.no_route.map(NoRoute::as_str), Some("misdirected"), "{name}");
        assert_eq!((told.considered, told.nearest), (vec![], vec![]), "{name}");
        assert_eq!(told.hosts.len(), 1, "{name}");
        assert_eq!(told.hosts[0].hostname, "shop.example", "{name}");
    }
}

#[test]
fn a_port_of_other_addresses_is_told_with_them() {
    let mut rules = rules(vec![], vec![]);
    let first = rules.listeners[0].clone();
    let listener = |n: u8| Listener { address: Some([10, 0, 0, n].into()), ..first.clone() };
    for (count, address, want) in [
        (
            2,
            Some([10, 0, 0, 9]),
            "there is no listener at 10.0.0.9; port 80 is answered at 10.0.0.1, 10.0.0.2",
        ),
        (
            5,
            None,
            "there is no listener at all addresses; port 80 is answered at 10.0.0.1, 10.0.0.2, \
             10.0.0.3 and 2 more",
        ),
        (0, Some([10, 0, 0, 9]), "there is no listener on port 80"),
    ] {
        rules.listeners = (1..=count).rev().map(listener).collect();
        let address = address.map(Into::into);
        let listener = ListenerKey { port: 80, address };
        let request =
            RequestHead::get("a.example", "/").on(Connection { listener, ..Connection::http(80) });
        assert_eq!(explained(&rules, &request, 0).reason.as_deref(), Some(want));
    }
}
