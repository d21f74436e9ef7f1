//! Routes of Services (gateway-api §22).

use super::in_force::*;
use super::*;
use crate::request::{Connection, ListenerKey, RequestHead};

fn options() -> Options {
    Options { mesh: true, ..Options::default() }
}

const ECHO: &str = "clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1, 'fd00::1'], \
                    ports: [{name: web, port: 80}, {name: alt, port: 8080}, \
                    {name: udp, port: 53, protocol: UDP}]";

/// The Services that routes are of and lead to.
fn services() -> Vec<String> {
    vec![
        service("echo", "", ECHO),
        service("other", "", "clusterIP: 10.0.0.2, ports: [{port: 80}]"),
        service("v1", "", "ports: [{port: 80}]"),
        service("v2", "", "ports: [{port: 80}]"),
        service("far", "namespace: away", "clusterIP: 10.0.0.3, ports: [{port: 80}]"),
        service("headless", "", "clusterIP: None, ports: [{port: 80}]"),
        service("outside", "", "type: ExternalName, externalName: x.test, ports: [{port: 80}]"),
        service("pending", "", "ports: [{port: 80}]"),
    ]
}

fn parent(more: &str) -> String {
    format!("{{group: '', kind: Service, {more}}}")
}

/// An HTTPRoute of these parents that sends `/path` to a Service.
fn of_service(name: &str, meta: &str, parents: &str, path: &str, to: &str) -> String {
    let rule = format!("{{matches: [{{path: {{value: {path}}}}}], backendRefs: [{{{to}}}]}}");
    route(name, meta, &format!("  parentRefs: [{parents}]\n  rules: [{rule}]"))
}

fn with(documents: &[String]) -> InForce {
    in_force(&options(), &[&services(), documents].concat())
}

/// A request at an address of a Service, by a client in a namespace (if that is known).
fn ask(got: &InForce, address: &str, port: u16, path: &str, namespace: &str) -> String {
    let address = Some(address.parse().unwrap());
    let connection =
        Connection { listener: ListenerKey { address, port }, ..Connection::http(port) };
    let attributes = [("source_namespace", namespace)];
    let known = if namespace.is_empty() { &[][..] } else { &attributes };
    // The host is of no account.
    let request = RequestHead::get("anything.test", path).on(connection).attributes(known);
    target(&got.decide(&request, 0))
}

#[test]
fn a_route_takes_the_ports_that_its_parent_names() {
    // gateway-api §22
    for (more, ports, want) in [
        ("name: echo", &[80, 8080][..], "true/Accepted"),
        ("name: echo, namespace: default", &[80, 8080], "true/Accepted"),
        ("name: echo, port: 80", &[80], "true/Accepted"),
        ("name: echo, sectionName: alt", &[8080], "true/Accepted"),
        ("name: echo, sectionName: alt, port: 8080", &[8080], "true/Accepted"),
        ("name: echo, sectionName: alt, port: 80", &[], "false/NoMatchingParent"),
        ("name: echo, port: 81", &[], "false/NoMatchingParent"),
        ("name: echo, sectionName: none", &[], "false/NoMatchingParent"),
        // No HTTP comes by UDP.
        ("name: echo, port: 53", &[], "false/NoMatchingParent"),
        ("name: echo, sectionName: udp", &[], "false/NoMatchingParent"),
    ] {
        let got = with(&[of_service("r", "", &parent(more), "/p", "name: v1, port: 80")]);
        assert_eq!(got.condition("HTTPRoute", "r", "echo Accepted"), want, "{more}");
        for port in [80, 8080] {
            for address in ["10.0.0.1", "fd00::1"] {
                let (hit, miss) = match ports.contains(&port) {
                    true => ("default/v1:80".to_owned(), "404".to_owned()),
                    // No route: passes as it is.
                    false => (format!("default/echo:{port}"), format!("default/echo:{port}")),
                };
                assert_eq!(ask(&got, address, port, "/p", ""), hit, "{more} {address}:{port}");
                assert_eq!(ask(&got, address, port, "/q", ""), miss, "{more} {address}:{port}");
            }
        }
        // Other Services are none of its business, nor is the address of nobody.
        assert_eq!(ask(&got, "10.0.0.2", 80, "/p", ""), "default/other:80", "{more}");
        assert_eq!(ask(&got, "10.0.0.9", 80, "/p", ""), "404", "{more}");
        if want == "true/Accepted" {
            assert_eq!(got.told(), [""; 0], "{more}");
        }
    }
}

#[test]
fn consumers_have_their_own_routes_alone() {
    // gateway-api §22
    let echo = parent("name: echo, namespace: default, port: 80");
    let producer = of_service("r", "", &echo, "/p", "name: v1, port: 80");
    let consumer = |namespace: &str, path: &str, to: &str| {
        let meta = format!("namespace: {namespace}");
        of_service("c", &meta, &echo, path, &format!("name: {to}, namespace: default, port: 80"))
    };
    let (near, far) = (consumer("near", "/c", "v2"), consumer("away", "/p", "v2"));
    let untouched = "default/echo:80";
    let (v1, v2) = ("default/v1:80", "default/v2:80");
    for (documents, client, path, want) in [
        (vec![producer.clone()], "", "/p", v1),
        (vec![producer.clone()], "near", "/p", v1),
        (vec![producer.clone()], "default", "/p", v1),
        // In place of the producer's routes, and for that namespace alone.
        (vec![producer.clone(), near.clone()], "near", "/c", v2),
        (vec![producer.clone(), near.clone()], "near", "/p", "404"),
        (vec![producer.clone(), near.clone()], "", "/p", v1),
        (vec![producer.clone(), near.clone()], "", "/c", "404"),
        (vec![producer.clone(), near.clone()], "default", "/c", "404"),
        (vec![producer.clone(), near.clone()], "nearby", "/p", v1),
        (vec![near.clone(), far.clone(), producer.clone()], "away", "/p", v2),
        (vec![near.clone(), far.clone(), producer.clone()], "near", "/p", "404"),
        (vec![near.clone(), far.clone(), producer], "default", "/p", v1),
        // Without a producer everybody else passes.
        (vec![near.clone(), far.clone()], "near", "/c", v2),
        (vec![near.clone(), far.clone()], "away", "/c", "404"),
        (vec![near.clone(), far.clone()], "away", "/p", v2),
        (vec![near.clone(), far.clone()], "default", "/p", untouched),
        (vec![near, far], "", "/c", untouched),
    ] {
        let got = with(&documents);
        let names: Vec<&str> = documents.iter().filter_map(|d| d.lines().nth(3)).collect();
        assert_eq!(ask(&got, "10.0.0.1", 80, path, client), want, "{names:?} {client} {path}");
        assert_eq!(ask(&got, "10.0.0.1", 8080, path, client), "default/echo:8080");
        // No grant is needed for Services of other namespaces.
        assert_eq!(got.told(), [""; 0], "{names:?}");
    }
}

#[test]
fn the_clients_namespace_may_be_told_by_its_account() {
    // gateway-api §22
    let echo = parent("name: echo, namespace: default");
    let to = "name: v2, namespace: default, port: 80";
    let got = with(&[of_service("c", "namespace: near", &echo, "/", to)]);
    let address = Some("10.0.0.1".parse().unwrap());
    let connection =
        Connection { listener: ListenerKey { address, port: 80 }, ..Connection::http(80) };
    for (attributes, want) in [
        (&[("source_namespace", "near")][..], "default/v2:80"),
        (&[("source_account", "near/app")], "default/v2:80"),
        (&[("source_identity", "spiffe://x/ns/near/sa/app")], "default/v2:80"),
        (&[("source_account", "far/near")], "default/echo:80"),
        (&[], "default/echo:80"),
    ] {
        let request = RequestHead::get("x", "/").on(connection).attributes(attributes);
        assert_eq!(target(&got.decide(&request, 0)), want, "{attributes:?}");
    }
}

#[test]
fn a_port_has_routes_of_one_kind() {
    // gateway-api §22: GRPCRoute goes before HTTPRoute, whichever is older.
    let http = |parents: &str, created: &str| {
        let meta = format!("creationTimestamp: '{created}'");
        of_service("h", &meta, parents, "/", "name: v1, port: 80")
    };
    let grpc = |parents: &str, created: &str| {
        let spec = format!(
            "  parentRefs: [{parents}]\n  rules: [{{backendRefs: [{{name: v2, port: 80}}]}}]"
        );
        grpc_route("g", &format!("creationTimestamp: '{created}'"), &spec)
    };
    let (old, new) = ("2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z");
    let (all, web, alt) =
        (parent("name: echo"), parent("name: echo, port: 80"), parent("name: echo, port: 8080"));
    let (yes, no) = ("true/Accepted", "false/Conflicted");
    for (of_http, of_grpc, accepted, want) in [
        (&all, &all, no, ["404", "404"]),
        (&web, &web, no, ["404", "default/echo:8080"]),
        (&web, &alt, yes, ["default/v1:80", "404"]),
        // One port is left.
        (&all, &web, yes, ["404", "default/v1:80"]),
    ] {
        for (first, second) in [(old, new), (new, old)] {
            let got = with(&[http(of_http, first), grpc(of_grpc, second)]);
            let found = got.condition("HTTPRoute", "h", "echo Accepted");
            assert_eq!(found, accepted, "{of_http} {of_grpc} {first}");
            assert_eq!(got.condition("GRPCRoute", "g", "echo Accepted"), yes);
            let found = [80, 8080].map(|port| ask(&got, "10.0.0.1", port, "/", ""));
            assert_eq!(found, want, "{of_http} {of_grpc} {first}");
        }
    }
}

#[test]
fn a_route_that_is_refused_keeps_nobody_from_a_port() {
    // gateway-api §22, and §18.4: a rejected route rejects nobody.
    let parents = parent("name: echo");
    let http = of_service("h", "", &parents, "/", "name: v1, port: 80");
    let session = "sessionPersistence: {cookie: {name: c}}";
    let rules = format!("rules: [{{{session}, backendRefs: [{{name: v2, port: 80}}]}}]");
    let grpc = grpc_route("g", "", &format!("  parentRefs: [{parents}]\n  {rules}"));
    // The field is of the experimental channel.
    let options = Options { channel: super::super::Channel::Standard, ..options() };
    let got = in_force(&options, &[services(), vec![http, grpc]].concat());
    assert_eq!(got.translation.refused.len(), 1);
    assert_eq!(got.condition("HTTPRoute", "h", "echo Accepted"), "true/Accepted");
    assert_eq!(ask(&got, "10.0.0.1", 80, "/", ""), "default/v1:80");
}

/// What becomes of a rule of each kind none of whose requests can be told.
const LOST_HTTP: &str = "{matches: [{path: {type: RegularExpression, value: '('}}], \
                         backendRefs: [{name: v2, port: 80}]}";
const LOST_GRPC: &str = "{matches: [{method: {type: RegularExpression, service: '('}}], \
                         backendRefs: [{name: v2, port: 80}]}";

#[test]
fn a_route_without_rules_in_force_keeps_nobody_from_a_port() {
    // gateway-api §22, §18.4: a rejected route rejects nobody, so that what an HTTPRoute asks of
    // requests is still asked.
    let parents = parent("name: echo, port: 80");
    let kept = "{backendRefs: [{name: v2, port: 80}]}";
    let broken = "{filters: [{type: ExtensionRef, extensionRef: {group: a.b, kind: C, name: d}}]}";
    for (rules, http, grpc, want) in [
        (LOST_GRPC.to_owned(), "true/Accepted", "false/UnsupportedValue", "default/v1:80"),
        (format!("{LOST_GRPC}, {kept}"), "false/Conflicted", "true/Accepted", "404"),
        // Its calls are answered 500.
        (broken.to_owned(), "false/Conflicted", "false/UnsupportedValue", "404"),
    ] {
        for created in ["2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z"] {
            let meta = "creationTimestamp: '2024-01-01T00:00:00Z'";
            let older = of_service("h", meta, &parents, "/", "name: v1, port: 80");
            let meta = format!("creationTimestamp: '{created}'");
            let spec = format!("  parentRefs: [{parents}]\n  rules: [{rules}]");
            let got = with(&[older, grpc_route("g", &meta, &spec)]);
            assert_eq!(got.condition("HTTPRoute", "h", "echo Accepted"), http, "{rules}");
            assert_eq!(got.condition("GRPCRoute", "g", "echo Accepted"), grpc, "{rules}");
            assert_eq!(ask(&got, "10.0.0.1", 80, "/", ""), want, "{rules} {created}");
            // What is wrong is told once.
            let told = got.told();
            let wrong = told.iter().filter(|t| !t.starts_with("Conflicted")).count();
            assert_eq!(wrong, 1, "{told:?}");
        }
    }
}

#[test]
fn a_route_that_has_lost_all_its_rules_still_replaces_the_default() {
    // gateway-api §22: nothing passes by what its filters would have asked.
    let echo = parent("name: echo, namespace: default, port: 80");
    let spec = |rules: &str| format!("  parentRefs: [{echo}]\n  rules: [{rules}]");
    let other = of_service("o", "", &echo, "/p", "name: v1, port: 80");
    let untouched = "default/echo:80";
    for (documents, client, want, is_call) in [
        (vec![route("r", "", &spec(LOST_HTTP))], "", "404", false),
        (vec![grpc_route("r", "", &spec(LOST_GRPC))], "", "404", true),
        // Another one is in force.
        (vec![route("r", "", &spec(LOST_HTTP)), other.clone()], "", "default/v1:80", false),
        (vec![route("r", "", &spec(LOST_HTTP)), other.clone()], "near", "default/v1:80", false),
        // Of a consumer: for its own clients.
        (vec![route("r", "namespace: near", &spec(LOST_HTTP))], "near", "404", false),
        (vec![route("r", "namespace: near", &spec(LOST_HTTP))], "away", untouched, false),
        (vec![route("r", "namespace: near", &spec(LOST_HTTP)), other], "near", "404", false),
    ] {
        let got = with(&documents);
        assert_eq!(ask(&got, "10.0.0.1", 80, "/p", client), want, "{documents:?} {client}");
        assert_eq!(ask(&got, "10.0.0.1", 8080, "/p", client), "default/echo:8080");
        let hosts = got.translation.rules.listeners.iter().flat_map(|l| l.hosts.iter());
        let of_port = hosts.filter(|host| host.origin.object.name == "r".into());
        let told: Vec<bool> = of_port.map(|host| host.tells_grpc).collect();
        assert!(told.iter().all(|told| *told == is_call), "{documents:?} {told:?}");
    }
}

#[test]
fn a_service_without_an_address_takes_no_routes() {
    // gateway-api §22, §9.2
    for (name, want) in [
        ("headless", "false/NoMatchingParent"),
        ("outside", "false/NoMatchingParent"),
        ("pending", "true/Accepted"),
    ] {
        let document =
            of_service("r", "", &parent(&format!("name: {name}")), "/", "name: v1, port: 80");
        let got = with(&[document]);
        assert_eq!(got.condition("HTTPRoute", "r", &format!("{name} Accepted")), want, "{name}");
        assert_eq!(got.told().len(), 1, "{name} {:?}", got.told());
        assert_eq!(ask(&got, "10.0.0.1", 80, "/", ""), "default/echo:80", "{name}");
    }
    // Of what is not there nothing is said.
    let got = with(&[of_service("r", "", &parent("name: none"), "/", "name: v1, port: 80")]);
    assert!(got.translation.statuses.is_empty());
    assert_eq!(got.told(), ["unknown-parent: there is no Service `default/none`"]);
}

#[test]
fn only_gateways_ask_for_grants() {
    // gateway-api §19, §22, §24: each parent has an entry of its own.
    let parents = format!("{{name: gw}}, {}", parent("name: echo, port: 80"));
    for (to, gateway, mesh, answers) in [
        (
            "name: far, namespace: away, port: 80",
            "false/RefNotPermitted",
            "true/ResolvedRefs",
            ["500", "away/far:80"],
        ),
        (
            "name: gone, namespace: away, port: 80",
            "false/RefNotPermitted",
            "false/BackendNotFound",
            ["500", "500"],
        ),
        ("name: v1, port: 80", "true/ResolvedRefs", "true/ResolvedRefs", ["default/v1:80"; 2]),
        ("name: v1, port: 81", "false/BackendNotFound", "false/BackendNotFound", ["500", "500"]),
    ] {
        let got = with(&[GATEWAY.to_owned(), of_service("r", "", &parents, "/", to)]);
        let condition = |part: &str| got.condition("HTTPRoute", "r", part);
        assert_eq!(condition("gw Accepted"), "true/Accepted", "{to}");
        assert_eq!(condition("echo Accepted"), "true/Accepted", "{to}");
        assert_eq!(condition("gw ResolvedRefs"), gateway, "{to}");
        assert_eq!(condition("echo ResolvedRefs"), mesh, "{to}");
        let found = [target(&got.get("x/", 0)), ask(&got, "10.0.0.1", 80, "/", "")];
        assert_eq!(found, answers, "{to}");
    }
}

#[test]
fn what_is_wrong_with_a_route_of_both_is_told_once() {
    let parents = format!("{{name: gw}}, {}", parent("name: echo, port: 80"));
    let got = with(&[GATEWAY.to_owned(), of_service("r", "", &parents, "/", "name: v1, port: 81")]);
    assert_eq!(got.told(), ["BackendNotFound: the Service `default/v1` has no port 81"]);
}

#[test]
fn hostnames_are_of_no_account() {
    // gateway-api §22
    let document = of_service("r", "", &parent("name: echo"), "/", "name: v1, port: 80")
        .replace("  rules:", "  hostnames: [a.example]\n  rules:");
    let got = with(&[document]);
    assert_eq!(got.condition("HTTPRoute", "r", "echo Accepted"), "true/Accepted");
    assert_eq!(ask(&got, "10.0.0.1", 80, "/", ""), "default/v1:80");
}

#[test]
fn without_a_mesh_routes_of_services_are_nobodys() {
    let document = of_service("r", "", &parent("name: echo"), "/", "name: v1, port: 80");
    let got = in_force(&Options::default(), &[services(), vec![document]].concat());
    assert!(got.translation.statuses.is_empty());
    assert_eq!(ask(&got, "10.0.0.1", 80, "/", ""), "404");
    assert_eq!(got.told().len(), 1, "{:?}", got.told());
}

#[test]
fn traffic_splits_hold_where_no_route_does() {
    // gateway-api §22; smi R-1: the split is of the Service that is addressed or named.
    let split = "---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: split}
spec: {service: echo, backends: [{service: v2, weight: 1}]}
"
    .to_owned();
    let echo = parent("name: echo, port: 80");
    for (routes, port, path, want) in [
        (vec![], 80, "/p", "default/v2:80"),
        (vec![of_service("r", "", &echo, "/p", "name: v1, port: 80")], 80, "/p", "default/v1:80"),
        (vec![of_service("r", "", &echo, "/p", "name: v1, port: 80")], 80, "/q", "404"),
        // A route that names the Service sends on as a backend of any other would be.
        (vec![of_service("r", "", &echo, "/p", "name: echo, port: 80")], 80, "/p", "default/v2:80"),
    ] {
        let got = with(&[vec![split.clone()], routes].concat());
        assert_eq!(ask(&got, "10.0.0.1", port, path, ""), want, "{port} {path}");
    }
    // Nor does a route for clients of one namespace keep others from the split.
    let echo = parent("name: echo, namespace: default, port: 80");
    let to = "name: v1, namespace: default, port: 80";
    let got = with(&[split, of_service("r", "namespace: near", &echo, "/p", to)]);
    assert_eq!(ask(&got, "10.0.0.1", 80, "/p", "near"), "default/v1:80");
    assert_eq!(ask(&got, "10.0.0.1", 80, "/p", "away"), "default/v2:80");
}

#[test]
fn a_service_as_backend_means_its_endpoints() {
    // gateway-api §22: routes of that Service are not applied again.
    let got = with(&[
        of_service("a", "", &parent("name: echo, port: 80"), "/", "name: other, port: 80"),
        of_service("b", "", &parent("name: other"), "/", "name: v1, port: 80"),
    ]);
    assert_eq!(ask(&got, "10.0.0.1", 80, "/", ""), "default/other:80");
    assert_eq!(ask(&got, "10.0.0.2", 80, "/", ""), "default/v1:80");
}
