//! How Services are spoken to over TLS (gateway-api §20).

use super::in_force::*;
use super::*;
use crate::decision::Outcome;
use crate::request::{Connection, RequestHead};
use crate::rules::{
    AuthRequest, BackendProtocol, BackendTls, Service, ServiceTls, SubjectName, UpstreamTarget,
};

const PORTS: &str =
    "ports: [{name: a, port: 80}, {name: b, port: 81}, {name: b-udp, port: 82, protocol: UDP}]";
const SERVICE: &str = "group: '', kind: Service";
const SYSTEM: &str = "wellKnownCACertificates: System";

/// An HTTPRoute `name` of `gw` that sends `/name` to a port of a Service.
fn route_to(name: &str, service: &str, port: u16) -> String {
    let rule = format!(
        "{{matches: [{{path: {{value: /{name}}}}}], backendRefs: [{{name: {service}, port: {port}}}]}}"
    );
    route(name, "", &format!("  parentRefs: [{{name: gw}}]\n  rules: [{rule}]"))
}

/// What is said of TLS: server name, authorities, other names.
fn tls_said(tls: &BackendTls) -> String {
    let trust = tls.trust.as_ref().unwrap();
    assert!(trust.verify && tls.sni && tls.certificate.is_none(), "{tls:?}");
    let authorities = trust.authorities.as_ref().map_or("system".to_owned(), inside);
    let name = |name: &SubjectName| match name {
        SubjectName::Dns(name) => format!(" dns:{name}"),
        SubjectName::Uri(uri) => format!(" uri:{uri}"),
    };
    let names: String = trust.names.iter().map(name).collect();
    format!("{} {authorities}{names}", tls.server_name.as_deref().unwrap())
}

/// The same of each port of a Service; `never` where nothing is to be sent.
fn speech(service: &Service) -> Vec<String> {
    let say = |speech: &crate::rules::PortSpeech| {
        let port = speech.port.map_or("all".to_owned(), |port| port.to_string());
        match speech.tls.as_ref().unwrap() {
            ServiceTls::Verified(tls) => format!("{port} {}", tls_said(tls)),
            ServiceTls::Impossible(reason) => {
                assert!(!reason.is_empty());
                format!("{port} never")
            }
        }
    };
    service.speech.iter().map(say).collect()
}

fn target(more: &str) -> String {
    format!("{{{SERVICE}, {more}}}")
}

#[test]
fn the_policy_of_a_port_goes_before_that_of_the_service() {
    // gateway-api §20.2
    let (whole, a, b) =
        (target("name: s"), target("name: s, sectionName: a"), target("name: s, sectionName: b"));
    let (old, new) = ("2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z");
    let policy = |name: &str, created: &str, targets: &str| {
        tls_policy(name, &format!("creationTimestamp: '{created}'"), targets, SYSTEM)
    };
    let ours = "true/Accepted";
    let lost = "false/Conflicted";
    for (policies, want, accepted) in [
        (
            vec![policy("p", old, &whole)],
            &["80 p.example system", "81 p.example system"][..],
            [ours, "-"],
        ),
        (vec![policy("p", old, &b)], &["81 p.example system"], [ours, "-"]),
        (
            vec![policy("p", old, &whole), policy("q", new, &b)],
            &["80 p.example system", "81 q.example system"],
            [ours, ours],
        ),
        (
            vec![policy("p", new, &whole), policy("q", old, &b)],
            &["80 p.example system", "81 q.example system"],
            [ours, ours],
        ),
        // The older one, then the smaller name; the order of documents is of no account.
        (
            vec![policy("p", new, &whole), policy("q", old, &whole)],
            &["80 q.example system", "81 q.example system"],
            [lost, ours],
        ),
        (
            vec![policy("q", old, &whole), policy("p", old, &whole)],
            &["80 p.example system", "81 p.example system"],
            [ours, lost],
        ),
        (vec![policy("q", old, &a), policy("p", new, &a)], &["80 q.example system"], [lost, ours]),
        // Who has lost one target has the other.
        (
            vec![policy("p", old, &a), policy("q", new, &format!("{a}, {b}"))],
            &["80 p.example system", "81 q.example system"],
            [ours, ours],
        ),
        // Another Service, and a Service of this name elsewhere.
        (
            vec![
                policy("p", old, &target("name: t")),
                tls_policy("q", "namespace: other", &whole, SYSTEM),
            ],
            &[],
            ["-", "-"],
        ),
    ] {
        let mut documents = vec![
            GATEWAY.to_owned(),
            service("s", "", PORTS),
            service("t", "", PORTS),
            service("s", "namespace: other", PORTS),
            route_to("r", "s", 80),
        ];
        documents.extend(policies.clone());
        let got = in_force(&Options::default(), &documents);
        assert_eq!(speech(got.service("default", "s")), want, "{policies:?}");
        let status = |name: &str| {
            let all = &got.translation.statuses;
            let known = all.iter().any(|s| *s.object.name == *name);
            if known { got.condition("BackendTLSPolicy", name, "gw Accepted") } else { "-".into() }
        };
        assert_eq!(["p", "q"].map(status), accepted, "{policies:?}");
    }
}

#[test]
fn policies_say_whom_to_trust() {
    // gateway-api §20.1, §20.3
    let references = |list: &[(&str, &str)]| {
        let say =
            |(kind, name): &(&str, &str)| format!("{{group: '', kind: {kind}, name: {name}}}");
        let list: Vec<String> = list.iter().map(say).collect();
        format!("caCertificateRefs: [{}]", list.join(", "))
    };
    let of_maps = |names: &[&str]| {
        references(&names.iter().map(|name| ("ConfigMap", *name)).collect::<Vec<_>>())
    };
    let names = "subjectAltNames: [{type: Hostname, hostname: x.test}, \
                 {type: Hostname, hostname: '*.y.test'}, {type: URI, uri: 'spiffe://z/ns/a'}]";
    let (fine, bad) = ("true/ResolvedRefs", "false/InvalidCACertificateRef");
    let (accepted, none) = ("true/Accepted", "false/NoValidCACertificate");
    for (validation, want, status) in [
        (SYSTEM.to_owned(), "p.example system", [accepted, fine]),
        (of_maps(&["one"]), "p.example one", [accepted, fine]),
        (of_maps(&["one", "two"]), "p.example one two", [accepted, fine]),
        (
            format!("{SYSTEM}, {names}"),
            "p.example system dns:x.test dns:*.y.test uri:spiffe://z/ns/a",
            [accepted, fine],
        ),
        (of_maps(&["missing", "two"]), "p.example two", [accepted, bad]),
        (of_maps(&["one", "text"]), "p.example one", [accepted, bad]),
        (
            references(&[("Secret", "one"), ("ConfigMap", "two")]),
            "p.example two",
            [accepted, "false/InvalidKind"],
        ),
        (of_maps(&["missing"]), "never", [none, bad]),
        (of_maps(&["empty"]), "never", [none, bad]),
        (of_maps(&["text"]), "never", [none, bad]),
        (of_maps(&["text", "missing"]), "never", [none, bad]),
        (references(&[("Secret", "one")]), "never", [none, "false/InvalidKind"]),
        // References are local (§19).
        (of_maps(&["elsewhere"]), "never", [none, bad]),
        ("wellKnownCACertificates: example.com/ours".to_owned(), "never", ["false/Invalid", fine]),
        // What a slip leaves unsaid is not sent in plain text either (decisions §5).
        ("wellKnownCACertificates: Systme".to_owned(), "never", ["false/Invalid", fine]),
        (format!("{SYSTEM}, subjectAltNames: [{{}}]"), "never", ["false/Invalid", fine]),
    ] {
        let got = in_force(
            &Options::default(),
            &[
                GATEWAY.to_owned(),
                service("s", "", "ports: [{port: 80}]"),
                route_to("r", "s", 80),
                tls_policy("p", "", &target("name: s"), &validation),
                authority("one", ""),
                authority("two", ""),
                authority("elsewhere", "namespace: other"),
                config_map("empty", "", "ca.pem: x"),
                config_map("text", "", "ca.crt: text"),
                secret("one", ""),
            ],
        );
        assert_eq!(speech(got.service("default", "s")), [format!("80 {want}")], "{validation}");
        let condition = |kind: &str| got.condition("BackendTLSPolicy", "p", &format!("gw {kind}"));
        assert_eq!(["Accepted", "ResolvedRefs"].map(condition), status, "{validation}");
        // On reload the last good version of the document takes its place.
        let refused = got.translation.refused.iter().map(ToString::to_string);
        let refused: Vec<_> = refused.collect();
        let is_faulty = validation.contains("Systme") || validation.contains("{}");
        assert_eq!(refused.len(), usize::from(is_faulty), "{validation}: {refused:?}");
        // Nothing is sent in plain where a policy cannot be met.
        let decision = got.get("x/r", 0);
        let (answer, tls) = match want {
            "never" => ("503", None),
            _ => ("default/s:80", Some(want.to_owned())),
        };
        assert_eq!(in_force::target(&decision), answer, "{validation}");
        let spoken = decision.backend_tls().map(|tls| tls_said(tls.settings.unwrap()));
        assert_eq!(spoken, tls, "{validation}");
    }
}

#[test]
fn a_policy_without_a_target_says_so() {
    // gateway-api §20.3
    for (targets, want) in [
        (target("name: missing"), "false/TargetNotFound"),
        (target("name: s, sectionName: c"), "false/TargetNotFound"),
        (target("name: s"), "true/Accepted"),
        // One of several is enough.
        (format!("{}, {}", target("name: missing"), target("name: s")), "true/Accepted"),
    ] {
        let documents = [
            GATEWAY.to_owned(),
            service("s", "", PORTS),
            route_to("r", "s", 80),
            route_to("q", "missing", 80),
            tls_policy("p", "", &targets, SYSTEM),
        ];
        let got = in_force(&Options::default(), &documents);
        assert_eq!(got.condition("BackendTLSPolicy", "p", "gw Accepted"), want, "{targets}");
    }
}

#[test]
fn services_that_no_document_describes_have_policies_too() {
    // gateway-api §20.3
    let known = Options {
        known_services: vec![(crate::rules::ServiceName::new("default", "s"), 80)],
        ..Options::default()
    };
    for options in [known, default_options()] {
        let documents = [
            GATEWAY.to_owned(),
            route_to("r", "s", 80),
            tls_policy("p", "", &target("name: s"), SYSTEM),
        ];
        let got = in_force(&options, &documents);
        assert_eq!(in_force::target(&got.get("x/r", 0)), "default/s:80", "{options:?}");
        let tls = got.get("x/r", 0).backend_tls();
        let said = tls.map(|tls| tls_said(tls.settings.unwrap()));
        assert_eq!(said.as_deref(), Some("p.example system"), "{options:?}");

        // Which number a port's name stands for, only a document tells.
        let of_port = tls_policy("p", "", &target("name: s, sectionName: https"), SYSTEM);
        let got = in_force(&options, &[GATEWAY.to_owned(), route_to("r", "s", 80), of_port]);
        let condition = got.condition("BackendTLSPolicy", "p", "gw Accepted");
        assert_eq!(condition, "false/TargetNotFound", "{options:?}");
        assert_eq!(in_force::target(&got.get("x/r", 0)), "503", "{options:?}");
    }
}

#[test]
fn a_policy_holds_for_ports_that_only_options_name() {
    // gateway-api §20.3
    let options = Options {
        known_services: vec![(crate::rules::ServiceName::new("default", "s"), 8443)],
        ..Options::default()
    };
    let documents = [
        GATEWAY.to_owned(),
        service("s", "", "ports: [{port: 80}]"),
        route_to("r", "s", 8443),
        tls_policy("p", "", &target("name: s"), SYSTEM),
    ];
    let got = in_force(&options, &documents);
    assert_eq!(in_force::target(&got.get("x/r", 0)), "default/s:8443");
    assert!(got.get("x/r", 0).backend_tls().is_some());
}

/// What a route of each kind speaks with `s`, by who sends it.
const ALL_KINDS: &str = "---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: http}
spec:
  parentRefs: [{name: gw}]
  hostnames: [http.example]
  rules:
  - filters:
    - {type: RequestMirror, requestMirror: {backendRef: {name: s, port: 80}}}
    - {type: ExternalAuth, externalAuth: {protocol: HTTP, http: {}, backendRef: {name: s, port: 80}}}
    backendRefs: [{name: plain, port: 80}]
  - matches: [{path: {value: /s}}]
    backendRefs: [{name: s, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: grpc}
spec:
  parentRefs: [{name: gw}]
  hostnames: [grpc.example]
  rules:
  - filters: [{type: RequestMirror, requestMirror: {backendRef: {name: s, port: 80}}}]
    backendRefs: [{name: s, port: 80}]
---
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: vs}
spec:
  host: vs.example
  upstreams: [{name: s, service: s, port: 80}]
  routes: [{path: /, action: {pass: s}}]
";

#[test]
fn a_policy_holds_for_all_that_routes_send() {
    // gateway-api §20.3
    let got = in_force(
        &Options::default(),
        &[
            GATEWAY.to_owned(),
            service("s", "", "ports: [{port: 80}]"),
            service("plain", "", "ports: [{port: 80}]"),
            tls_policy("p", "", &target("name: s"), SYSTEM),
            ALL_KINDS.to_owned(),
        ],
    );
    assert_eq!(got.told(), [""; 0]);
    let said = |decision: &crate::Decision<'_>| {
        decision.backend_tls().map(|tls| tls_said(tls.settings.unwrap()))
    };
    let want = Some("p.example system".to_owned());
    let plain = RequestHead::get("http.example", "/");
    let decision = got.decide(&plain, 0);
    assert_eq!(said(&decision), None);
    let mirrors: Vec<_> = got.router.mirrors(&decision, &plain, 0).map(|m| said(&m)).collect();
    assert_eq!(mirrors, std::slice::from_ref(&want));
    let Some(AuthRequest::Check(check)) = &decision.policies().unwrap().auth_request else {
        panic!("{decision:?}");
    };
    assert_eq!(check.tls.as_deref().map(tls_said), want);
    assert_eq!(said(&got.get("http.example/s", 0)), want);
    let headers = [("content-type", "application/grpc")];
    let call = RequestHead::new("POST", "grpc.example", "/s/m").headers(&headers);
    let decision = got.decide(&call, 0);
    assert_eq!(said(&decision), want);
    let mirrors: Vec<_> = got.router.mirrors(&decision, &call, 0).map(|m| said(&m)).collect();
    assert_eq!(mirrors, [want]);
    // What a VirtualServer says of its upstreams is its own.
    let decision = got.get("vs.example/", 0);
    assert_eq!(in_force::target(&decision), "default/s:80");
    assert_eq!(decision.backend_tls(), None);
}

#[test]
fn the_service_that_a_traffic_split_chooses_says_how_it_is_spoken_to() {
    // gateway-api §15.4, §20.2; smi X-3
    let split = "---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: split}
spec: {service: root, backends: [{service: tls, weight: 1}, {service: plain, weight: 1}, {service: never, weight: 2}]}
";
    let got = in_force(
        &Options::default(),
        &[
            GATEWAY.to_owned(),
            service("root", "", "ports: [{port: 80}]"),
            service("tls", "", "ports: [{port: 80}, {port: 81, name: x}]"),
            service("plain", "", "ports: [{port: 80, appProtocol: kubernetes.io/h2c}]"),
            service("never", "", "ports: [{port: 80}]"),
            tls_policy("r", "", &target("name: root"), SYSTEM),
            tls_policy("p", "", &target("name: tls"), SYSTEM),
            tls_policy("n", "", &target("name: never"), "wellKnownCACertificates: x.test/y"),
            split.to_owned(),
            route_to("r", "root", 80),
        ],
    );
    for (quarter, want, tls, protocol) in [
        (0, "default/tls:80", Some("p.example system"), BackendProtocol::Http),
        (1, "default/plain:80", None, BackendProtocol::Http2),
        (2, "503", None, BackendProtocol::Http),
        (3, "503", None, BackendProtocol::Http),
    ] {
        let decision = got.get("x/r", quarter << 62);
        assert_eq!(in_force::target(&decision), want, "{quarter}");
        let said = decision.backend_tls().map(|tls| tls_said(tls.settings.unwrap()));
        assert_eq!(said.as_deref(), tls, "{quarter}");
        if let Outcome::Forward(to) = decision.admitted() {
            assert_eq!(to.protocol(), protocol, "{quarter}");
        }
    }
}

#[test]
fn only_a_permitted_reference_brings_a_gateway_into_the_status() {
    // gateway-api §19, §20.4: nobody writes into the objects of strangers.
    for (from, to, want) in [
        (None, "name: tea, namespace: other, port: 80", 0),
        (Some("other"), "name: tea, namespace: other, port: 80", 2),
        // What is wrong but permitted is seen.
        (Some("other"), "name: tea, namespace: other, port: 81", 2),
        (Some("third"), "name: tea, namespace: other, port: 80", 0),
    ] {
        let mut documents = vec![
            GATEWAY.to_owned(),
            service("tea", "namespace: other", "ports: [{port: 80}]"),
            tls_policy("p", "namespace: other", &target("name: tea"), SYSTEM),
            rule(&format!("    backendRefs: [{{{to}}}]")),
        ];
        documents.extend(from.map(|from| grant(from, ("HTTPRoute", "default"), "kind: Service")));
        let got = in_force(&Options::default(), &documents);
        let found = got.conditions("BackendTLSPolicy", "p");
        assert_eq!(found.len(), want, "{from:?} {to} {found:?}");
    }
}

/// Gateways on ports of their own, one with a client certificate, another with another one, a third
/// with a bad one.
fn gateways() -> Vec<String> {
    let gateway = |name: &str, port: u16, certificate: &str| {
        let listener = format!("name: l, port: {port}, protocol: HTTP");
        let tls = match certificate {
            "" => String::new(),
            reference => format!("  tls: {{backend: {{clientCertificateRef: {{{reference}}}}}}}\n"),
        };
        named_gateway(name, "", &[&listener]) + &tls
    };
    vec![
        gateway("one", 8001, "name: first"),
        gateway("two", 8002, "name: second, namespace: other"),
        gateway("none", 8003, ""),
        gateway("missing", 8004, "name: missing"),
        gateway("locked", 8005, "name: locked, namespace: other"),
        gateway("map", 8006, "kind: ConfigMap, name: first"),
        secret("first", ""),
        secret("second", "namespace: other"),
        secret("locked", "namespace: other"),
        authority("first", ""),
        grant("other", ("Gateway", "default"), "kind: Secret, name: second"),
    ]
}

#[test]
fn each_gateway_shows_its_own_certificate() {
    // gateway-api §20.5
    let names = ["one", "two", "none", "missing", "locked", "map"];
    let parents = names.map(|name| format!("{{name: {name}}}")).join(", ");
    let mut documents = gateways();
    documents.extend([
        service("s", "", "ports: [{port: 80}]"),
        service("t", "", "ports: [{port: 80}]"),
        service("plain", "", "ports: [{port: 80}]"),
        tls_policy("p", "", &format!("{}, {}", target("name: s"), target("name: t")), SYSTEM),
        route(
            "r",
            "",
            &format!(
                "  parentRefs: [{parents}]
  rules:
  - filters:
    - {{type: RequestMirror, requestMirror: {{backendRef: {{name: t, port: 80}}}}}}
    - {{type: ExternalAuth, externalAuth: {{protocol: GRPC, grpc: {{}}, backendRef: {{name: t, port: 80}}}}}}
    backendRefs: [{{name: s, port: 80}}, {{name: t, port: 80}}]
  - matches: [{{path: {{value: /plain}}}}]
    backendRefs: [{{name: plain, port: 80}}]"
            ),
        ),
        ALL_KINDS.replace("parentRefs: [{name: gw}]", "parentRefs: []").replace("vs.example", "vs"),
    ]);
    let got = in_force(&Options::default(), &documents);
    let shown = |decision: &crate::Decision<'_>| {
        let (chain, key) = decision.backend_tls().unwrap().certificate?;
        assert_eq!(inside(chain), inside(key));
        Some(inside(chain))
    };
    for (name, port, want, resolved) in [
        ("one", 8001, Some("first"), "true/ResolvedRefs"),
        ("two", 8002, Some("second"), "true/ResolvedRefs"),
        ("none", 8003, None, "true/ResolvedRefs"),
        ("missing", 8004, None, "false/InvalidClientCertificateRef"),
        ("locked", 8005, None, "false/RefNotPermitted"),
        ("map", 8006, None, "false/InvalidClientCertificateRef"),
    ] {
        // Neither `Accepted` nor `Programmed` depends on it.
        let conditions = ["Accepted", "Programmed", "ResolvedRefs"]
            .map(|kind| got.condition("Gateway", name, &format!(" {kind}")));
        assert_eq!(conditions, ["true/Accepted", "true/Programmed", resolved], "{name}");
        let request = RequestHead::get("x", "/").on(Connection::http(port));
        // Both branches.
        for draw in [0, u64::MAX] {
            let decision = got.decide(&request, draw);
            assert_eq!(shown(&decision).as_deref(), want, "{name}");
            let copies: Vec<_> = got.router.mirrors(&decision, &request, draw).collect();
            assert_eq!(copies.len(), 1, "{name}");
            assert_eq!(shown(&copies[0]).as_deref(), want, "{name}");
            let Some(AuthRequest::Check(check)) = &decision.policies().unwrap().auth_request else {
                panic!("{decision:?}");
            };
            let certificate = check.certificate.as_ref().map(|found| inside(&found.chain));
            assert_eq!(certificate.as_deref(), want, "{name}");
        }
        // It does not turn TLS on.
        let plain = RequestHead::get("x", "/plain").on(Connection::http(port));
        assert_eq!(got.decide(&plain, 0).backend_tls(), None, "{name}");
    }
    // Those of others have none.
    let Outcome::Forward(to) = got.get("vs/", 0).admitted() else { panic!() };
    assert_eq!(to.forward.certificate, None);
    let UpstreamTarget { port, .. } = to.forward.target;
    assert_eq!(port, 80);
}
