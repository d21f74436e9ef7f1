//! Certificates of clients.

use super::parts::{Authority, Caller, Signed, Wish, failures, object};
use super::reload::Proxy;
use super::{alert, gateway, server, start};
use crate::backend::{Backend, field};
use rustls::version::TLS12;
use rustls::{AlertDescription, HandshakeKind};
use std::io;

/// A VirtualServer with `ingressMTLS`, with these Secrets and this setting.
fn asking(host: &str, authority: &Authority, list: Option<&str>, settings: &str) -> String {
    let name = host.split('.').next().unwrap();
    let texts = [("ca.crt", Some(&*authority.pem)), ("ca.crl", list)];
    let texts: Vec<_> = texts.iter().filter_map(|(key, text)| Some((*key, (*text)?))).collect();
    let head = format!("v1\nkind: Secret\nmetadata: {{name: {name}-ca}}\ntype: nginx.org/ca");
    object(&head, "stringData", &texts)
        + &format!(
            "apiVersion: k8s.nginx.org/v1\nkind: Policy\nmetadata: {{name: {name}}}\n\
             spec: {{ingressMTLS: {{clientCertSecret: {name}-ca{settings}}}}}\n---\n"
        )
        + &server(host, "cert", &format!("  policies: [{{name: {name}}}]\n"))
}

fn status(got: io::Result<(u16, String)>) -> Option<u16> {
    got.ok().map(|(status, _)| status)
}

#[test]
fn virtual_servers_judge_certificates_for_each_request() {
    // virtualserver §16.6
    let backend = Backend::echo("tea");
    let (authority, other) = (Authority::new("ca"), Authority::new("other"));
    let below = authority.below("below");
    let own = authority.sign(&Wish::of(&["*.example.com"]));
    let wish = Wish::of(&["client"]);
    let good = authority.sign(&wish);
    let revoked = authority.sign(&Wish { serial: 99, ..wish.clone() });
    let expired = authority.sign(&Wish { years: (2000, 2001), ..wish.clone() });
    let early = authority.sign(&Wish { years: (2090, 2100), ..wish.clone() });
    let stranger = other.sign(&wish);
    let chained = |signed: Signed, between: &str| Signed {
        certificate: signed.certificate + between,
        ..signed
    };
    let one_below = chained(below.sign(&wish), &below.pem);
    let (list, old_list) = (authority.revoke(99, 2100), authority.revoke(99, 2021));
    let documents = own.secret("cert")
        + &asking("on.example.com", &authority, None, "")
        + &asking("optional.example.com", &authority, None, ", verifyClient: optional")
        + &asking("any.example.com", &authority, None, ", verifyClient: optional_no_ca")
        + &asking("off.example.com", &authority, None, ", verifyClient: 'off'")
        + &asking("short.example.com", &authority, None, ", verifyDepth: 0")
        + &asking("list.example.com", &authority, Some(&list), "")
        + &asking("old-list.example.com", &authority, Some(&old_list), "");
    let (proxy, tls) = start(&documents, &backend);
    let hosts = ["on", "optional", "any", "off", "short", "list", "old-list"];
    for (case, shown, want) in [
        ("none", None, [400, 200, 200, 200, 400, 400, 400]),
        ("good", Some(&good), [200, 200, 200, 200, 200, 200, 400]),
        ("revoked", Some(&revoked), [200, 200, 200, 200, 200, 400, 400]),
        ("expired", Some(&expired), [400, 400, 400, 200, 400, 400, 400]),
        ("not yet", Some(&early), [400, 400, 400, 200, 400, 400, 400]),
        ("of a stranger", Some(&stranger), [400, 400, 200, 200, 400, 400, 400]),
        // Who is between needs a list too.
        ("one between", Some(&one_below), [200, 200, 200, 200, 400, 400, 400]),
    ] {
        let caller = shown.map_or_else(Caller::new, Caller::showing);
        for (name, want) in hosts.iter().zip(want) {
            let host = format!("{name}.example.com");
            assert_eq!(status(caller.get(tls, &host, &host)), Some(want), "{case}: {name}");
        }
    }
    assert!(failures(&proxy, "client_certificate", 0), "no handshake fails");
}

#[test]
fn a_certificate_counts_only_where_it_was_asked_for() {
    // virtualserver §16.6; RFC 9110, section 15.5.20
    let backend = Backend::echo("tea");
    let authority = Authority::new("ca");
    let own = authority.sign(&Wish::of(&["*.example.com"]));
    let documents = own.secret("cert")
        + &asking("one.example.com", &authority, None, "")
        + &asking("two.example.com", &authority, None, ", verifyClient: optional")
        + &asking("off.example.com", &authority, None, ", verifyClient: 'off'")
        + &server("open.example.com", "cert", "");
    let (_proxy, tls) = start(&documents, &backend);
    let caller = Caller::showing(&authority.sign(&Wish::of(&["client"])));
    for (name, host, want) in [
        ("one.example.com", "ONE.example.com:443", 200),
        ("one.example.com", "two.example.com", 421),
        ("two.example.com", "one.example.com", 421),
        ("open.example.com", "one.example.com", 421),
        ("open.example.com", "two.example.com", 421),
        ("one.example.com", "open.example.com", 200),
        ("one.example.com", "off.example.com", 200),
    ] {
        assert_eq!(caller.get(tls, name, host).unwrap().0, want, "{name} {host}");
    }
}

/// A Gateway that asks the clients of `a.example.com`.
fn demanding(authority: &Authority, mode: &str) -> String {
    let head = "v1\nkind: ConfigMap\nmetadata: {name: ca}";
    let frontend = format!(
        "  tls: {{frontend: {{default: {{validation: {{mode: {mode}, caCertificateRefs: \
         [{{group: '', kind: ConfigMap, name: ca}}]}}}}}}}}\n"
    );
    object(head, "data", &[("ca.crt", &authority.pem)])
        + &gateway(&[("a", "a.example.com", &["cert"])], &frontend)
}

#[test]
fn gateways_let_nobody_in_without_a_valid_certificate() {
    // gateway-api §7.4
    let backend = Backend::echo("tea");
    let (authority, other) = (Authority::new("ca"), Authority::new("other"));
    let own = authority.sign(&Wish::of(&["a.example.com"]));
    let wish = Wish::of(&["client"]);
    let good = authority.sign(&wish);
    let expired = authority.sign(&Wish { years: (2000, 2001), ..wish.clone() });
    let stranger = other.sign(&wish);
    for (mode, lets_in) in [("AllowValidOnly", false), ("AllowInsecureFallback", true)] {
        let documents = own.secret("cert") + &demanding(&authority, mode);
        let (proxy, tls) = start(&documents, &backend);
        let get = |caller: &Caller| status(caller.get(tls, "a.example.com", "a.example.com"));
        assert_eq!(get(&Caller::showing(&good)), Some(200), "{mode}");
        let callers = [Caller::new(), Caller::showing(&expired), Caller::showing(&stranger)];
        let want = lets_in.then_some(200);
        assert_eq!(callers.map(|caller| get(&caller)), [want; 3], "{mode}");
        assert!(failures(&proxy, "client_certificate", if lets_in { 0 } else { 3 }), "{mode}");
        // Every connection proves everything anew.
        let caller = Caller::showing(&good);
        for _ in 0..2 {
            let mut client = caller.connect(tls, "a.example.com").unwrap();
            assert_eq!(super::get(&mut client, "a.example.com").unwrap().0, 200);
            let kind = client.stream().conn.handshake_kind();
            assert_eq!(kind, Some(HandshakeKind::Full), "{mode}");
        }
    }
}

#[test]
fn one_certificate_is_enough_for_all_hosts_of_a_listener() {
    // gateway-api §7.3, §7.4
    let (backend, authority) = (Backend::echo("tea"), Authority::new("ca"));
    let own = authority.sign(&Wish::of(&["*.example.com"]));
    let route = "
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: own},
 spec: {parentRefs: [{name: edge}], hostnames: [a.example.com], rules: [{
 matches: [{path: {value: /own}}], backendRefs: [{name: tea, port: 80}]}]}}
---
";
    let demanding = demanding(&authority, "AllowValidOnly").replace("'a.ex", "'*.ex");
    let (_proxy, tls) = start(&(own.secret("cert") + route + &demanding), &backend);
    let caller = Caller::showing(&authority.sign(&Wish::of(&["client"])));
    for (name, host) in [
        ("a.example.com", "a.example.com"),
        ("b.example.com", "a.example.com"),
        ("a.example.com", "b.example.com"),
    ] {
        let mut client = caller.connect(tls, name).unwrap();
        for target in ["/", "/own"] {
            client.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")).unwrap();
            assert_eq!(client.read("GET").unwrap().status, 200, "{name} {host} {target}");
        }
    }
}

#[test]
fn clients_are_told_why_they_are_not_let_in() {
    let backend = Backend::echo("tea");
    let (authority, other) = (Authority::new("ca"), Authority::new("other"));
    let own = authority.sign(&Wish::of(&["a.example.com"]));
    let documents = own.secret("cert") + &demanding(&authority, "AllowValidOnly");
    let (_proxy, tls) = start(&documents, &backend);
    let wish = Wish::of(&["client"]);
    let expired = authority.sign(&Wish { years: (2000, 2001), ..wish.clone() });
    let refused = |own: Option<&Signed>| {
        // In TLS 1.2 a client hears of it before its first request.
        let caller = Caller::with(&[&TLS12], own, None);
        caller.connect(tls, "a.example.com").err()
    };
    for (shown, want) in [
        (None, AlertDescription::CertificateRequired),
        (Some(&expired), AlertDescription::CertificateExpired),
        (Some(&other.sign(&wish)), AlertDescription::UnknownCA),
    ] {
        assert_eq!(refused(shown), Some(alert(want)));
    }
}

#[test]
fn backends_are_told_of_the_connection() {
    // virtualserver §17.7
    const NAMES: [&str; 8] = [
        "ssl_cipher",
        "ssl_client_i_dn",
        "ssl_client_s_dn",
        "ssl_client_serial",
        "ssl_client_verify",
        "ssl_protocol",
        "ssl_server_name",
        "ssl_session_reused",
    ];
    let backend = Backend::echo("tea");
    let (authority, other) = (Authority::new("ca"), Authority::new("other"));
    let own = authority.sign(&Wish::of(&["a.example.com"]));
    let header = |name: &str| format!("x-{}", name.replace('_', "-"));
    let set = |name: &&str| format!("{{name: {}, value: '${{{name}}}'}}", header(name));
    let set: Vec<_> = NAMES.iter().map(set).collect();
    let proxy = format!("proxy: {{upstream: tea, requestHeaders: {{set: [{}]}}}}", set.join(", "));
    let asking = asking("a.example.com", &authority, None, ", verifyClient: optional_no_ca");
    let documents = own.secret("cert") + &asking.replace("pass: tea", &proxy);
    let (_proxy, tls) = start(&documents, &backend);
    let wish = Wish { serial: 0xb2, ..Wish::of(&["client"]) };
    let (good, stranger) = (authority.sign(&wish), other.sign(&wish));
    let with = |own| Caller::with(&[&TLS12], own, None);
    let subject = "O=Shop\\, Ltd,CN=client";
    for (caller, want) in [
        (Caller::new(), ["TLS_AES_256_GCM_SHA384", "", "", "", "NONE", "TLSv1.3"]),
        (
            with(Some(&good)),
            ["ECDHE-ECDSA-AES256-GCM-SHA384", "CN=ca", subject, "B2", "SUCCESS", "TLSv1.2"],
        ),
        (
            with(Some(&stranger)),
            [
                "ECDHE-ECDSA-AES256-GCM-SHA384",
                "CN=other",
                subject,
                "B2",
                "FAILED:unable to verify the first certificate",
                "TLSv1.2",
            ],
        ),
    ] {
        let (_, seen) = caller.get(tls, "A.example.com", "a.example.com").unwrap();
        for (name, want) in NAMES.iter().zip(want.iter().chain(&["a.example.com", "."])) {
            // What is set to nothing is not sent.
            let got = field(&seen, &header(name)).unwrap_or_default();
            assert_eq!(got, *want, "{name}: {seen}");
        }
    }
}

#[test]
fn who_was_let_in_before_is_asked_again() {
    // virtualserver §16.6, gateway-api §7.4
    const HOST: &str = "a.example.com";
    let backend = Backend::echo("tea");
    let (authority, other) = (Authority::new("ca"), Authority::new("other"));
    let own = authority.sign(&Wish::of(&[HOST]));
    let caller = Caller::showing(&authority.sign(&Wish::of(&["client"])));
    let cert = own.secret("cert");
    let open_server = cert.clone() + &server(HOST, "cert", "");
    let asking = |by| cert.clone() + &asking(HOST, by, None, "");
    let open_gateway = cert.clone() + &gateway(&[("a", HOST, &["cert"])], "");
    let demanding = |by| cert.clone() + &demanding(by, "AllowValidOnly");
    for (before, after, want) in [
        (asking(&authority), asking(&authority) + "# a\n", 200),
        (asking(&other), asking(&authority), 200),
        (asking(&authority), asking(&other), 400),
        (open_server, asking(&authority), 421),
        (demanding(&authority), demanding(&authority) + "# a\n", 200),
        (demanding(&authority), demanding(&other), 421),
        (open_gateway, demanding(&authority), 421),
    ] {
        let proxy = Proxy::new(&before, &backend);
        let mut client = caller.connect(proxy.tls, HOST).unwrap();
        let first = super::get(&mut client, HOST).unwrap().0;
        assert!(first == 200 || want == 200, "{first}");
        proxy.reload(&after);
        assert_eq!(super::get(&mut client, HOST).unwrap().0, want, "{before} {after}");
        assert!(want != 421 || client.is_closed());
    }
}
