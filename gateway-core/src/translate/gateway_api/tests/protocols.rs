//! What is spoken with backends (gateway-api §15.4).

use super::in_force::*;
use super::*;
use crate::decision::Outcome;
use crate::request::{Connection, ListenerKey, RequestHead};
use crate::rules::BackendProtocol;

const SYSTEM: &str = "wellKnownCACertificates: System";

/// What comes of a request, or of a call, for a Service with this `appProtocol`.
fn spoken(kind: &str, said: Option<&str>, policy: bool) -> (String, InForce) {
    let said = said.map(|said| format!(", appProtocol: {said:?}")).unwrap_or_default();
    let backend = "    backendRefs: [{name: s, port: 80}]";
    let mut documents = vec![
        GATEWAY.to_owned(),
        service("s", "", &format!("ports: [{{port: 80{said}}}]")),
        if kind == "GRPCRoute" { grpc_rule(backend) } else { rule(backend) },
    ];
    if policy {
        let target = "{group: '', kind: Service, name: s}";
        documents.push(tls_policy("p", "", target, SYSTEM));
    }
    let got = in_force(&Options::default(), &documents);
    let headers = [("content-type", "application/grpc")];
    let request = RequestHead::new("POST", "x", "/s/m").headers(&headers);
    let decision = got.decide(&request, 0);
    let say = match decision.admitted() {
        Outcome::Forward(to) => {
            let protocol = match to.protocol() {
                BackendProtocol::Http => "http",
                BackendProtocol::Http2 => "h2",
                BackendProtocol::Grpc => "grpc",
            };
            let tls = if decision.backend_tls().is_some() { " in TLS" } else { "" };
            format!("{protocol}{tls}")
        }
        _ => target(&decision),
    };
    (say, got)
}

#[test]
fn app_protocol_says_what_is_spoken() {
    // gateway-api §15.4; a call is answered `UNAVAILABLE` in place of 500 (§15.2)
    let (ws, wss) = (Some("kubernetes.io/ws"), Some("kubernetes.io/wss"));
    let h2c = Some("kubernetes.io/h2c");
    for (said, policy, http, grpc) in [
        (None, false, "http", "h2"),
        (None, true, "http in TLS", "h2 in TLS"),
        (Some("http"), false, "http", "h2"),
        // TLS only by policy.
        (Some("https"), false, "http", "h2"),
        (Some("https"), true, "http in TLS", "h2 in TLS"),
        (h2c, false, "h2", "h2"),
        (h2c, true, "h2 in TLS", "h2 in TLS"),
        (ws, false, "http", "503"),
        (ws, true, "http in TLS", "503"),
        (wss, false, "500", "503"),
        (wss, true, "http in TLS", "503"),
        (Some("example.com/else"), false, "http", "h2"),
        (Some("kubernetes.io/H2C"), false, "http", "h2"),
        (Some(""), false, "http", "h2"),
    ] {
        for (kind, want) in [("HTTPRoute", http), ("GRPCRoute", grpc)] {
            let (found, got) = spoken(kind, said, policy);
            assert_eq!(found, want, "{kind} {said:?} {policy}");
            let resolved = match want {
                "500" | "503" => "false/UnsupportedProtocol",
                _ => "true/ResolvedRefs",
            };
            let found = got.condition(kind, "r", "gw ResolvedRefs");
            assert_eq!(found, resolved, "{kind} {said:?} {policy}");
            assert_eq!(got.condition(kind, "r", "gw Accepted"), "true/Accepted");
        }
    }
}

#[test]
fn a_port_that_speaks_tls_gets_no_plain_text_whoever_leads_there() {
    // gateway-api §15.4: a TrafficSplit, or the address of the Service itself (§22).
    let split = "---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: split}
spec: {service: root, backends: [{service: s, weight: 1}]}
";
    for (said, policy, want) in [
        ("kubernetes.io/wss", false, "503"),
        ("kubernetes.io/wss", true, "default/s:80 in TLS"),
        ("kubernetes.io/ws", false, "default/s:80"),
        ("https", false, "default/s:80"),
    ] {
        let mut documents = vec![
            GATEWAY.to_owned(),
            service("root", "", "ports: [{port: 80}]"),
            service(
                "s",
                "",
                &format!("clusterIP: 10.0.0.1, ports: [{{port: 80, appProtocol: {said}}}]"),
            ),
            split.to_owned(),
            rule("    backendRefs: [{name: root, port: 80}]"),
        ];
        if policy {
            documents.push(tls_policy("p", "", "{group: '', kind: Service, name: s}", SYSTEM));
        }
        let got = in_force(&Options { mesh: true, ..Options::default() }, &documents);
        let listener = ListenerKey { address: Some("10.0.0.1".parse().unwrap()), port: 80 };
        let at_address = Connection { listener, ..Connection::http(80) };
        for request in [RequestHead::get("x", "/"), RequestHead::get("x", "/").on(at_address)] {
            let decision = got.decide(&request, 0);
            let tls = if decision.backend_tls().is_some() { " in TLS" } else { "" };
            assert_eq!(format!("{}{tls}", target(&decision)), want, "{said} {policy}");
        }
        assert_eq!(got.condition("HTTPRoute", "r", "gw ResolvedRefs"), "true/ResolvedRefs");
    }
}

#[test]
fn unknown_protocols_are_told_of_once() {
    // gateway-api §15.4
    for (said, want) in [
        (Some("example.com/else"), 1),
        (Some("kubernetes.io/h2C"), 1),
        (Some("grpc"), 1),
        (Some("https"), 0),
        (Some("kubernetes.io/ws"), 0),
        (None, 0),
    ] {
        let (_, got) = spoken("HTTPRoute", said, false);
        let told = got.told();
        let of = told.iter().filter(|text| text.starts_with("unknown-protocol: ")).count();
        assert_eq!((of, told.len()), (want, want), "{said:?} {told:?}");
        let severe =
            got.translation.diagnostics.iter().any(|d| d.severity == crate::Severity::Error);
        assert!(!severe, "{said:?}");
    }
}

#[test]
fn each_port_speaks_for_itself() {
    // gateway-api §15.4
    let ports = "ports: [{name: a, port: 80}, {name: b, port: 81, appProtocol: kubernetes.io/h2c}, \
                 {name: c, port: 82, protocol: UDP, appProtocol: kubernetes.io/h2c}]";
    let got = in_force(
        &Options::default(),
        &[
            GATEWAY.to_owned(),
            service("s", "", ports),
            rule(
                "    backendRefs: [{name: s, port: 80}, {name: s, port: 81}, {name: s, port: 82}]",
            ),
        ],
    );
    let third = u64::MAX / 3;
    let draws = [0, third + 9, 2 * third + 9];
    let say = |draw| match got.get("x/", draw).admitted() {
        Outcome::Forward(to) => format!("{} {:?}", to.port, to.protocol()),
        _ => target(&got.get("x/", draw)),
    };
    // No HTTP comes by UDP: the Service has no such port.
    assert_eq!(draws.map(say), ["80 Http", "81 Http2", "500"]);
    assert_eq!(got.condition("HTTPRoute", "r", "gw ResolvedRefs"), "false/BackendNotFound");
}
