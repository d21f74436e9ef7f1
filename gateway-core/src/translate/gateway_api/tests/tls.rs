//! How TLS ends at listeners: certificates, client trust, server names (gateway-api §7).

use super::in_force::*;
use super::*;
use crate::decision::{NoRoute, Outcome};
use crate::request::{Connection, RequestHead};
use crate::rules::{ServerTls, VirtualHost};

/// A ListenerSet of `gw` in `namespace`.
fn listener_set(namespace: &str, listeners: &[&str]) -> String {
    let listeners: String = listeners.iter().map(|l| format!("  - {{{l}}}\n")).collect();
    format!(
        "---
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {{name: set, namespace: {namespace}}}
spec:
  parentRef: {{name: gw, namespace: default}}
  listeners:
{listeners}"
    )
}

/// `namespace/name` of the Secrets of a host's certificates.
fn certificates(tls: &ServerTls) -> Vec<String> {
    let say = |certificate: &Certificate| {
        let object = &certificate.origin.object;
        assert_eq!(inside(&certificate.chain), &*object.name);
        assert_eq!(inside(&certificate.key), &*object.name);
        format!("{}/{}", object.namespace, object.name)
    };
    tls.certificates.iter().map(say).collect()
}

/// The same of a host that may be missing, or without TLS.
fn shown(host: Option<&VirtualHost>) -> String {
    match host.map(|host| host.tls.as_deref()) {
        None => "no host".to_owned(),
        Some(None) => "plain".to_owned(),
        Some(Some(tls)) => certificates(tls).join(" "),
    }
}

#[test]
fn listeners_show_the_certificates_that_they_refer_to() {
    // gateway-api §7.1, §19
    let (chain, private) = (pem("CERTIFICATE", "x"), pem("PRIVATE KEY", "x"));
    let secrets = [
        secret("a", ""),
        secret("b", ""),
        secret("granted", "namespace: other"),
        secret("locked", "namespace: other"),
        secret_of("opaque", "", "Opaque", &chain, &private),
        secret_of("no-chain", "", "kubernetes.io/tls", "x", &private),
        secret_of("no-key", "", "kubernetes.io/tls", &chain, "x"),
        secret_of("swapped", "", "kubernetes.io/tls", &private, &chain),
        secret("half", "").replace(", tls.key:", ", other:"),
        authority("map", ""),
        grant("other", ("Gateway", "default"), "kind: Secret, name: granted"),
        // Grants of other referrers, and to other kinds, open nothing.
        grant("other", ("ListenerSet", "default"), "kind: Secret"),
        grant("other", ("Gateway", "default"), "kind: ConfigMap").replace("from-", "more-"),
    ];
    let good = "true/ResolvedRefs";
    let bad = "false/InvalidCertificateRef";
    for (references, want, resolved) in [
        ("{name: a}", "default/a", good),
        ("{name: b}, {name: a}", "default/b default/a", good),
        ("{name: granted, namespace: other}", "other/granted", good),
        ("{name: a, namespace: default}", "default/a", good),
        ("{name: a}, {name: missing}, {name: b}", "default/a default/b", bad),
        ("{name: opaque}, {name: b}", "default/b", bad),
        ("{name: missing}", "", bad),
        ("{name: opaque}", "", bad),
        ("{name: no-chain}", "", bad),
        ("{name: no-key}", "", bad),
        ("{name: swapped}", "", bad),
        ("{name: half}", "", bad),
        ("{kind: ConfigMap, name: map}", "", bad),
        ("{group: example.com, kind: Secret, name: a}", "", bad),
        ("{name: locked, namespace: other}", "", "false/RefNotPermitted"),
        // What is not permitted is not revealed as missing.
        ("{name: missing, namespace: other}", "", "false/RefNotPermitted"),
        ("{name: locked, namespace: other}, {name: a}", "default/a", "false/RefNotPermitted"),
    ] {
        let tls = format!("tls: {{certificateRefs: [{references}]}}");
        let listener = format!("name: l, port: 443, protocol: HTTPS, {tls}");
        let documents = [&[gateway(&[&listener])], &secrets[..]].concat();
        let got = in_force(&default_options(), &documents);
        assert_eq!(shown(got.host(443, "*")), want, "{references}");
        assert_eq!(got.condition("Gateway", "gw", "l ResolvedRefs"), resolved, "{references}");
        if want.is_empty() {
            let programmed = got.condition("Gateway", "gw", "l Programmed");
            assert_eq!(programmed, "false/Invalid", "{references}");
        }
    }
}

#[test]
fn references_of_a_listener_set_are_judged_from_its_namespace() {
    // gateway-api §8.3
    let allowed = "  allowedListeners: {namespaces: {from: All}}\n";
    let gateway = gateway(&["name: l, port: 80, protocol: HTTP"]) + allowed;
    let documents = |reference: &str, granted: &str| {
        let tls = format!("tls: {{certificateRefs: [{reference}]}}");
        let listener = format!("name: l, port: 443, protocol: HTTPS, {tls}");
        vec![
            gateway.clone(),
            listener_set("team", &[&listener]),
            secret("own", "namespace: team"),
            secret("c", ""),
            secret("c", "namespace: other"),
            grant("other", (granted, "team"), "kind: Secret"),
            grant("default", (granted, "default"), "kind: Secret"),
        ]
    };
    for (reference, granted, want, resolved) in [
        ("{name: own}", "Gateway", "team/own", "true/ResolvedRefs"),
        // The set's namespace, not the Gateway's.
        ("{name: c}", "ListenerSet", "", "false/InvalidCertificateRef"),
        ("{name: c, namespace: default}", "Gateway", "", "false/RefNotPermitted"),
        ("{name: c, namespace: other}", "ListenerSet", "other/c", "true/ResolvedRefs"),
        ("{name: c, namespace: other}", "Gateway", "", "false/RefNotPermitted"),
    ] {
        let got = in_force(&default_options(), &documents(reference, granted));
        assert_eq!(shown(got.host(443, "*")), want, "{reference} {granted}");
        let found = got.condition("ListenerSet", "set", "l ResolvedRefs");
        assert_eq!(found, resolved, "{reference} {granted}");
    }
}

#[test]
fn only_hosts_of_https_listeners_have_tls() {
    // gateway-api §5.1, §25: HTTPS without `tls` is read, and cannot be programmed.
    let got = in_force(
        &default_options(),
        &[
            gateway(&[
                "name: http, port: 80, protocol: HTTP",
                "name: bare, port: 443, protocol: HTTPS",
                "name: own, port: 444, protocol: HTTPS, tls: {certificateRefs: [{name: a}]}",
            ]),
            secret("a", ""),
            rule("    backendRefs: [{name: s, port: 80}]"),
        ],
    );
    assert_eq!(shown(got.host(80, "*")), "plain");
    assert_eq!(shown(got.host(443, "*")), "");
    assert_eq!(shown(got.host(444, "*")), "default/a");
    for (listener, resolved, programmed) in [
        ("http", "true/ResolvedRefs", "true/Programmed"),
        ("bare", "false/InvalidCertificateRef", "false/Invalid"),
        ("own", "true/ResolvedRefs", "true/Programmed"),
    ] {
        let condition = |kind: &str| got.condition("Gateway", "gw", &format!("{listener} {kind}"));
        assert_eq!(condition("ResolvedRefs"), resolved, "{listener}");
        assert_eq!(condition("Programmed"), programmed, "{listener}");
    }
    // A listener whose references lead nowhere counts routes all the same (§7.1).
    let status = status_of(&got.translation.statuses, "Gateway", "gw");
    let Status::Gateway { listeners, .. } = &status.status else { panic!("{status:?}") };
    assert!(listeners.iter().all(|listener| listener.attached_routes == 1), "{listeners:?}");
}

/// Listeners of ports 443 (exact and wildcard hosts), 444 (everything besides) and 80.
fn several_hosts() -> InForce {
    let listener = |name: &str, port: u16, host: &str| {
        let host = if host.is_empty() { String::new() } else { format!("hostname: '{host}', ") };
        let tls = format!("tls: {{certificateRefs: [{{name: {name}}}]}}");
        format!("name: {name}-{port}, port: {port}, protocol: HTTPS, {host}{tls}")
    };
    let listeners = [
        listener("exact", 443, "a.example"),
        listener("wide", 443, "*.example"),
        listener("deep", 443, "*.b.example"),
        listener("exact", 444, "a.example"),
        listener("wide", 444, "*.example"),
        listener("all", 444, ""),
        listener("exact", 445, "a.example"),
        "name: plain, port: 80, protocol: HTTP".to_owned(),
    ];
    let hosts = "hostnames: [a.example, c.example, x.b.example, c.test]";
    let got = in_force(
        &default_options(),
        &[
            gateway(&listeners.each_ref().map(|l| &**l)),
            route(
                "r",
                "",
                &format!(
                    "  parentRefs: [{{name: gw}}]\n  {hosts}\n  \
                     rules: [{{matches: [{{path: {{value: /r}}}}], \
                     backendRefs: [{{name: s, port: 80}}]}}]"
                ),
            ),
            secret("exact", ""),
            secret("wide", ""),
            secret("deep", ""),
            secret("all", ""),
        ],
    );
    assert_eq!(got.told(), [""; 0]);
    got
}

#[test]
fn the_server_name_finds_the_certificate() {
    // gateway-api §6.1, §6.2, §7.1
    let got = several_hosts();
    let long = format!("{}.example", "a.".repeat(122) + "c");
    assert_eq!(long.len(), 253);
    let too_long = format!("a{long}");
    for (port, name, want) in [
        (443, "a.example", "default/exact"),
        (443, "A.Example", "default/exact"),
        (443, "b.example", "default/wide"),
        (443, "c.example", "default/wide"),
        (443, "x.y.EXAMPLE", "default/wide"),
        (443, "x.b.example", "default/deep"),
        (443, "x.y.b.example", "default/deep"),
        (443, "x.a.example", "default/wide"),
        (443, &long, "default/wide"),
        (443, &too_long, "no host"),
        // A wildcard stands for one label at least.
        (443, "example", "no host"),
        (443, ".example", "no host"),
        (443, ".b.example", "no host"),
        (443, ".a.example", "no host"),
        (443, ".", "no host"),
        (443, "", "no host"),
        (443, "a.test", "no host"),
        (443, "example.", "no host"),
        (443, "*.example", "default/wide"),
        (443, "\u{e9}.test", "no host"),
        (444, "a.example", "default/exact"),
        (444, "b.example", "default/wide"),
        (444, "c.test", "default/all"),
        (444, "example", "default/all"),
        // No server name at all.
        (444, "", "default/all"),
        (445, "a.example", "default/exact"),
        (445, "b.example", "no host"),
        (445, "", "no host"),
        (80, "a.example", "plain"),
        (446, "a.example", "no host"),
    ] {
        let found = got.router.server_name(key(port), name);
        assert_eq!(shown(found), want, "{port} {name}");
    }
}

#[test]
fn requests_for_hosts_of_other_listeners_are_misdirected() {
    // gateway-api §7.3
    let got = several_hosts();
    for (port, opened, host, want) in [
        // Host and name of one listener, be they equal or not.
        (443, Some("a.example"), "a.example", "default/s:80"),
        (443, Some("A.EXAMPLE"), "a.example", "default/s:80"),
        (443, Some("a.example"), "A.example:443", "default/s:80"),
        (443, Some("other.example"), "c.example", "default/s:80"),
        // No host has routes there.
        (443, Some("other.example"), "d.example", "404"),
        // A listener of its own inside the wildcard, and the other way round.
        (443, Some("c.example"), "a.example", "421"),
        (443, Some("a.example"), "c.example", "421"),
        (443, Some("a.example"), "d.example", "421"),
        (443, Some("c.example"), "x.b.example", "421"),
        (443, Some("y.b.example"), "x.b.example", "default/s:80"),
        // No listener covers the host.
        (443, Some("a.example"), "c.test", "404"),
        // A catch-all covers every host.
        (444, Some("a.example"), "c.test", "421"),
        (444, Some("a.example"), "unknown.org", "421"),
        (444, Some("any.test"), "c.test", "default/s:80"),
        (444, Some("any.test"), "a.example", "421"),
        (444, Some(""), "c.test", "default/s:80"),
        (444, Some(""), "a.example", "421"),
        // Nobody knows the name: nothing is said of it.
        (443, None, "a.example", "default/s:80"),
        (443, None, "c.example", "default/s:80"),
        (444, None, "c.test", "default/s:80"),
    ] {
        let mut request = RequestHead::get(host, "/r").on(https(port));
        if let Some(name) = opened {
            request = request.server_name(name);
        }
        let decision = got.decide(&request, 0);
        assert_eq!(target(&decision), want, "{port} {opened:?} {host}");
        if want == "421" {
            let outcome = decision.admitted();
            assert!(matches!(outcome, Outcome::NoRoute(NoRoute::Misdirected)), "{outcome:?}");
        }
    }
    // On plain connections no name counts.
    let request = RequestHead::get("a.example", "/r").on(Connection::http(80));
    assert_eq!(target(&got.decide(&request.server_name("b.example"), 0)), "default/s:80");
}

/// What is asked of clients: authorities, and whether others are let in too.
fn trust(host: Option<&VirtualHost>) -> String {
    let Some(host) = host else { return "no host".to_owned() };
    match host.tls.as_ref().and_then(|tls| tls.clients.as_deref()) {
        None => "nothing".to_owned(),
        Some(clients) => {
            let authorities: Vec<String> = clients.authorities.iter().map(inside).collect();
            let fallback = if clients.insecure_fallback { " or anybody" } else { "" };
            format!("{}{fallback}", authorities.join(" "))
        }
    }
}

const CONFIG: &str = "group: '', kind: ConfigMap";

fn with_frontend(frontend: &str) -> InForce {
    let https = |name: &str, port: u16| {
        let tls = "tls: {certificateRefs: [{name: c}]}";
        format!("name: {name}, port: {port}, protocol: HTTPS, {tls}")
    };
    let listeners = [https("one", 443), https("two", 444), https("three", 445)];
    let gateway = gateway(&listeners.each_ref().map(|l| &**l));
    in_force(
        &default_options(),
        &[
            format!("{gateway}  tls: {{frontend: {{{frontend}}}}}\n"),
            rule("    backendRefs: [{name: s, port: 80}]"),
            secret("c", ""),
            authority("ca", ""),
            authority("more", ""),
            authority("granted", "namespace: other"),
            authority("locked", "namespace: other"),
            config_map("empty", "", ""),
            config_map("text", "", "ca.crt: text"),
            grant("other", ("Gateway", "default"), "kind: ConfigMap, name: granted"),
        ],
    )
}

fn validation(names: &[&str], mode: &str) -> String {
    let reference = |name: &&str| match name.split_once('/') {
        Some((namespace, name)) => format!("{{{CONFIG}, name: {name}, namespace: {namespace}}}"),
        None => format!("{{{CONFIG}, name: {name}}}"),
    };
    let list: Vec<String> = names.iter().map(reference).collect();
    format!("{{validation: {{caCertificateRefs: [{}], {mode}}}}}", list.join(", "))
}

#[test]
fn clients_are_asked_by_port() {
    // gateway-api §7.4
    let insecure = "mode: AllowInsecureFallback";
    let (ca, more) = (validation(&["ca"], ""), validation(&["more"], ""));
    let (two, loose) = (validation(&["ca", "more"], ""), validation(&["more"], insecure));
    let no_mode = "-";
    let changed = "true/ConfigurationChanged";
    for (frontend, want, mode) in [
        ("default: {}".to_owned(), ["nothing", "nothing", "nothing"], no_mode),
        (format!("default: {ca}"), ["ca", "ca", "ca"], no_mode),
        (format!("default: {two}"), ["ca more", "ca more", "ca more"], no_mode),
        (
            format!("default: {ca}, perPort: [{{port: 444, tls: {more}}}]"),
            ["ca", "more", "ca"],
            no_mode,
        ),
        (
            format!("default: {ca}, perPort: [{{port: 444, tls: {{}}}}]"),
            ["ca", "nothing", "ca"],
            no_mode,
        ),
        (
            format!(
                "default: {{}}, perPort: [{{port: 445, tls: {ca}}}, {{port: 80, tls: {more}}}]"
            ),
            ["nothing", "nothing", "ca"],
            no_mode,
        ),
        (
            format!("default: {loose}"),
            ["more or anybody", "more or anybody", "more or anybody"],
            changed,
        ),
        (
            format!("default: {ca}, perPort: [{{port: 443, tls: {loose}}}]"),
            ["more or anybody", "ca", "ca"],
            changed,
        ),
        // No port uses what is let in here.
        (
            format!("default: {ca}, perPort: [{{port: 80, tls: {loose}}}]"),
            ["ca", "ca", "ca"],
            no_mode,
        ),
    ] {
        let got = with_frontend(&frontend);
        assert_eq!([443, 444, 445].map(|port| trust(got.host(port, "*"))), want, "{frontend}");
        let found = got.condition("Gateway", "gw", " InsecureFrontendValidationMode");
        assert_eq!(found, mode, "{frontend}");
        assert_eq!(got.told(), [""; 0], "{frontend}");
    }
}

#[test]
fn without_any_authority_no_handshake_succeeds() {
    // gateway-api §7.4
    let reference = "false/InvalidCACertificateRef";
    let kind = "{validation: {caCertificateRefs: [{group: '', kind: Secret, name: c}]}}".to_owned();
    let group = "{validation: {caCertificateRefs: [{group: x.test, kind: ConfigMap, name: ca}]}}"
        .to_owned();
    let wrong_kind = "false/InvalidCACertificateKind";
    for (default, want, resolved) in [
        (validation(&["missing"], ""), None, reference),
        (validation(&["empty"], ""), None, reference),
        (validation(&["text"], ""), None, reference),
        (validation(&["empty", "text"], "mode: AllowInsecureFallback"), None, reference),
        (validation(&["other/locked"], ""), None, "false/RefNotPermitted"),
        (validation(&["other/missing"], ""), None, "false/RefNotPermitted"),
        (kind, None, wrong_kind),
        (group, None, wrong_kind),
        (validation(&["missing", "ca"], ""), Some("ca"), reference),
        (validation(&["ca", "other/locked", "more"], ""), Some("ca more"), "false/RefNotPermitted"),
        (validation(&["other/granted"], ""), Some("granted"), "true/ResolvedRefs"),
    ] {
        // Another port has a good setting of its own.
        let own = validation(&["more"], "");
        let got =
            with_frontend(&format!("default: {default}, perPort: [{{port: 444, tls: {own}}}]"));
        let condition = |part: &str| got.condition("Gateway", "gw", part);
        assert_eq!(trust(got.host(443, "*")), want.unwrap_or(""), "{default}");
        let certificates = if want.is_some() { "default/c" } else { "" };
        assert_eq!(shown(got.host(443, "*")), certificates, "{default}");
        assert_eq!(condition("one ResolvedRefs"), resolved, "{default}");
        let (accepted, programmed, answer) = match want {
            Some(_) => ("true/Accepted", "true/Programmed", "default/s:80"),
            None => ("false/NoValidCACertificate", "false/Invalid", "404"),
        };
        for listener in ["one", "three"] {
            assert_eq!(condition(&format!("{listener} Accepted")), accepted, "{default}");
            assert_eq!(condition(&format!("{listener} Programmed")), programmed, "{default}");
        }
        let request = |port| RequestHead::get("a.example", "/").on(https(port));
        assert_eq!(target(&got.decide(&request(443), 0)), answer, "{default}");
        assert_eq!(trust(got.host(444, "*")), "more", "{default}");
        assert_eq!(condition("two Accepted"), "true/Accepted", "{default}");
        assert_eq!(condition("two Programmed"), "true/Programmed", "{default}");
        assert_eq!(target(&got.decide(&request(444), 0)), "default/s:80", "{default}");
    }
}

#[test]
fn a_listener_that_lets_nobody_in_keeps_its_hosts() {
    // gateway-api §7.4: else a listener that asks clients for nothing would have them.
    let listener = |host: &str| {
        format!(
            "name: l, port: 443, protocol: HTTPS, hostname: '{host}', \
             tls: {{certificateRefs: [{{name: c}}]}}"
        )
    };
    let strict = gateway(&[&listener("a.example")]);
    let strict = format!("{strict}  tls: {{frontend: {{default: {}}}}}\n", validation(&["ca"], ""));
    let open = gateway(&[&listener("*.example")]).replace("name: gw", "name: open");
    let spec = "  parentRefs: [{name: gw}, {name: open}]
  rules: [{backendRefs: [{name: s, port: 80}]}]";
    let mut documents = vec![strict, open, route("r", "", spec), secret("c", "")];
    for authority_is_there in [false, true] {
        if authority_is_there {
            documents.push(authority("ca", ""));
        }
        let got = in_force(&default_options(), &documents);
        let server = got.router.server_name(key(443), "a.example").unwrap();
        let (certificates, answer) = match authority_is_there {
            true => ("default/c", "default/s:80"),
            false => ("", "404"),
        };
        assert_eq!(
            (shown(Some(server)), server.hostname.to_string()),
            (certificates.into(), "a.example".into())
        );
        let request = |host: &'static str| RequestHead::get(host, "/").on(https(443));
        assert_eq!(target(&got.decide(&request("a.example"), 0)), answer);
        assert_eq!(target(&got.decide(&request("b.example"), 0)), "default/s:80");
    }
}

#[test]
fn listeners_that_end_tls_for_each_other_say_so() {
    // gateway-api §7.3
    let listener = |name: &str, port: u16, host: &str| {
        let host = if host.is_empty() { String::new() } else { format!("hostname: '{host}', ") };
        let tls = "tls: {certificateRefs: [{name: c}]}";
        format!("name: {name}, port: {port}, protocol: HTTPS, {host}{tls}")
    };
    for (hosts, want) in [
        (&["a.example", "b.example"][..], &[][..]),
        (&["a.example", "*.example"], &[0, 1]),
        (&["a.example", "*.test"], &[]),
        (&["example", "*.example"], &[]),
        (&["*.b.example", "*.example", "a.test"], &[0, 1]),
        (&["a.example", "", "b.test"], &[0, 1, 2]),
        (&["x.b.example", "*.example", "a.test", "*.test"], &[0, 1, 2, 3]),
        (&["a.example", "x.a.example", "*.b.example"], &[]),
    ] {
        let listeners: Vec<String> = hosts
            .iter()
            .enumerate()
            .map(|(i, host)| listener(&format!("l{i}"), 443, host))
            .collect();
        // Neither another port nor a plain listener has a part in it.
        let others = [
            listener("other", 444, "*.example"),
            "name: plain, port: 80, protocol: HTTP".to_owned(),
        ];
        let all: Vec<&str> = listeners.iter().chain(&others).map(|l| &**l).collect();
        let got = in_force(&default_options(), &[gateway(&all), secret("c", "")]);
        let conditions = got.conditions("Gateway", "gw");
        let marked: Vec<&str> = conditions
            .iter()
            .filter_map(|c| c.strip_suffix(" OverlappingTLSConfig=true/OverlappingHostnames"))
            .collect();
        let want: Vec<String> = want.iter().map(|i| format!("l{i}")).collect();
        assert_eq!(marked, want, "{hosts:?}");
        // It is never said to be false.
        let said = conditions.iter().filter(|c| c.contains("OverlappingTLSConfig")).count();
        assert_eq!(said, want.len(), "{hosts:?}");
    }
}
