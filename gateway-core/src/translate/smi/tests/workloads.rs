//! Which identities endpoints have (smi T-1, T-15).

use super::mesh::{ALL, Call, GROUP, Mesh, target};
use crate::rules::ServiceName;
use crate::translate::Options;

const SERVICE: &str = "
---
apiVersion: v1
kind: Service
metadata: {name: api}
spec: {selector: {app: api}, ports: [{port: 8080}]}
";

/// Endpoints of `api`, each written as an item of `endpoints`.
fn slice(endpoints: &str) -> String {
    format!(
        "
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: api, labels: {{kubernetes.io/service-name: api}}}}
addressType: IPv4
endpoints: [{endpoints}]
ports: [{{port: 8080}}]
"
    )
}

fn pod(name: &str, account: &str, address: &str) -> String {
    format!(
        "
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: api, version: {name}}}}}
spec: {{serviceAccountName: {account}}}
status: {{podIP: {address}}}
"
    )
}

fn maker(kind: &str, name: &str, labels: &str, account: &str) -> String {
    format!(
        "
---
apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}}}
spec: {{template: {{metadata: {{labels: {labels}}}, spec: {{serviceAccountName: {account}}}}}}}
"
    )
}

fn of_api() -> String {
    GROUP.to_owned() + &target("t", ALL, "x")
}

const ROOT: &str = "
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: s}
spec: {service: api, backends: [{service: api, weight: 1}]}
";

fn mesh(documents: &str) -> Mesh {
    Mesh::of(&format!("{SERVICE}{ROOT}{}{documents}", of_api()))
}

/// Those of the endpoints that a stranger and the listed caller may use.
fn usable(mesh: &Mesh) -> [Vec<&str>; 2] {
    ["default/y", "default/x"].map(|c| mesh.endpoints(8080, &Call::new("GET api:8080/api", c)))
}

#[test]
fn an_endpoint_has_the_account_of_its_pod() {
    // smi T-1: by name, or by address
    let pods = pod("p", "api", "10.0.0.1") + &pod("q", "web", "10.0.0.2");
    for endpoints in [
        "{addresses: [10.0.0.1], targetRef: {kind: Pod, name: p}}, \
         {addresses: [10.0.0.2], targetRef: {kind: Pod, name: q}}",
        "{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}",
    ] {
        let mesh = mesh(&format!("{pods}{}", slice(endpoints)));
        // smi T-15: of the endpoints only those may be used that admit the request
        assert_eq!(usable(&mesh), [vec!["10.0.0.2"], vec!["10.0.0.1", "10.0.0.2"]], "{endpoints}");
        assert!(mesh.passes("GET api:8080/api", "default/y"));
        let api = ServiceName::new("default", "api");
        let known = mesh.translation.endpoints.of_service(&api, 8080);
        let accounts: Vec<_> =
            known.iter().map(|e| e.behind.account.as_ref().unwrap().to_string()).collect();
        assert_eq!(accounts, ["default/api", "default/web"]);
    }
    // Where they say different things, either may be late: whom both admit.
    for crossed in [
        "{addresses: [10.0.0.1], targetRef: {kind: Pod, name: q}}",
        "{addresses: [10.0.0.1], targetRef: {kind: Pod, name: q}}, \
         {addresses: [10.0.0.1], targetRef: {kind: Pod, name: p}}",
    ] {
        let mesh = mesh(&format!("{pods}{}", slice(crossed)));
        assert_eq!(usable(&mesh), [vec![], vec!["10.0.0.1"]], "{crossed}");
    }
}

#[test]
fn a_name_that_stands_for_an_address_is_the_pod_that_has_it() {
    // smi T-1
    let external = "
---
apiVersion: v1
kind: Service
metadata: {name: api}
spec: {type: ExternalName, externalName: 10.0.0.1, ports: [{port: 8080}]}
";
    for (account, governed) in [("api", true), ("web", false)] {
        let pods = pod("p", account, "10.0.0.1");
        let mesh = Mesh::of(&format!("{external}{ROOT}{}{pods}", of_api()));
        assert_eq!(!mesh.passes("GET api:8080/api", "default/y"), governed, "{account}");
    }
}

#[test]
fn endpoints_by_hand_of_a_port_that_no_document_has_are_what_the_service_selects() {
    // smi T-1
    let known_services = vec![(ServiceName::new("default", "api"), 8080)];
    let options = Options { known_services, ..Options::default() };
    let headless = SERVICE.replace(", ports: [{port: 8080}]", "");
    let maker = maker("Deployment", "m", "{app: api}", "api");
    let mesh = Mesh::new(&format!("{headless}{ROOT}{}{maker}", of_api()), &options);
    assert_eq!(mesh.admitted("GET api:8080/api", &["default/x", "default/y"]), ["default/x"]);
}

#[test]
fn a_service_whose_document_is_wrong_gets_no_requests() {
    // smi P-10, T-9: nobody knows what it would ask of callers, or of connections
    let known_services = vec![(ServiceName::new("default", "api"), 8080)];
    let maker = maker("Deployment", "m", "{app: api}", "api");
    for wrong in [
        SERVICE.replace("spec: {", "spec: {clusterIP: bogus, "),
        SERVICE.replace("{name: api}", "{name: api, annotations: {gateway/mutual-tls: maybe}}"),
    ] {
        let yaml = format!("{wrong}{ROOT}{}{maker}", of_api());
        for assume_services in [None, Some(true)] {
            let known_services = known_services.clone();
            let options = Options { known_services, assume_services, ..Options::default() };
            let mesh = Mesh::new(&yaml, &options);
            let call = Call::new("GET api:8080/api", "default/x");
            let answer = mesh.answer(&call);
            assert!(["404", "503"].contains(&&*answer), "{wrong}: {answer}");
        }
    }
}

#[test]
fn where_no_endpoint_admits_the_request_is_refused() {
    // smi T-15
    let pods = pod("p", "api", "10.0.0.1") + &pod("q", "web", "10.0.0.2");
    let all = slice("{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}");
    let web = target("u", "{kind: HTTPRouteGroup, name: g, matches: [metrics]}", "z")
        .replace("name: api}", "name: web}");
    let mesh = mesh(&format!("{pods}{all}{web}"));
    for (request, caller, want) in [
        ("GET api:8080/api", "default/x", vec!["10.0.0.1"]),
        ("GET api:8080/metrics", "default/z", vec!["10.0.0.2"]),
        ("GET api:8080/api", "default/z", vec![]),
        ("GET api:8080/api", "", vec![]),
    ] {
        let call = Call::new(request, caller);
        assert_eq!(mesh.endpoints(8080, &call), want, "{request} {caller}");
        assert_eq!(mesh.answer(&call) == "403", want.is_empty(), "{request} {caller}");
    }
}

#[test]
fn an_endpoint_whose_pod_is_not_known_is_what_the_service_selects() {
    // smi T-1
    let endpoints = slice("{addresses: [10.0.0.1], targetRef: {kind: Pod, name: gone}}");
    for kind in ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"] {
        for (labels, account, governed) in [
            ("{app: api, more: x}", "api", true),
            ("{app: api}", "web", false),
            ("{app: web}", "api", false),
        ] {
            for known in [&*endpoints, ""] {
                let mesh = mesh(&format!("{}{known}", maker(kind, "m", labels, account)));
                let context = format!("{kind} {labels} {account} {known}");
                assert_eq!(!mesh.passes("GET api:8080/api", "default/y"), governed, "{context}");
                assert!(mesh.passes("GET api:8080/api", "default/x"), "{context}");
            }
        }
    }
}

#[test]
fn what_is_known_by_nothing_is_default() {
    // smi T-1
    let to_default = target("t", ALL, "x").replace("name: api}", "name: default}");
    let of_pods = "
---
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {app: api}}
";
    let empty = SERVICE.replace("selector: {app: api}, ", "");
    for service in [SERVICE, &empty] {
        for workload in ["", of_pods] {
            let yaml = format!("{service}{ROOT}{GROUP}{workload}");
            let mesh = Mesh::of(&format!("{yaml}{to_default}"));
            assert!(!mesh.passes("GET api:8080/api", "default/y"), "{yaml}");
            assert!(mesh.passes("GET api:8080/api", "default/x"), "{yaml}");
            let other = Mesh::of(&format!("{yaml}{}", target("t", ALL, "x")));
            assert!(other.passes("GET api:8080/api", "default/y"), "{yaml}");
        }
    }
}

#[test]
fn what_may_be_one_of_several_admits_no_more_than_each_of_them_would() {
    // smi T-1, T-15: whom each of them would admit
    let makers = |other: &str| {
        maker("Deployment", "a", "{app: api}", "api")
            + &maker("Deployment", "b", "{app: api}", other)
    };
    let of_web = |caller| target("u", ALL, caller).replace("name: api}", "name: web}");
    for (other, targets, callers) in [
        // Both are the same.
        ("api", String::new(), &["default/x"][..]),
        // Of one nothing is asked, but it may be the other.
        ("web", String::new(), &["default/x"]),
        ("web", of_web("x"), &["default/x"]),
        ("web", of_web("y"), &[]),
    ] {
        let mesh = mesh(&format!("{}{targets}", makers(other)));
        let all = ["default/x", "default/y", ""];
        assert_eq!(mesh.admitted("GET api:8080/api", &all), callers, "{other} {targets}");
    }
    // A TrafficTarget that speaks for both.
    let both = "
---
apiVersion: access.smi-spec.io/v1alpha4
kind: IdentityBinding
metadata: {name: both}
spec: {schemes: {podLabelSelector: {matchLabels: {app: api}}}}
";
    let target = target("u", ALL, "y")
        .replace("v1alpha3", "v1alpha4")
        .replace("ServiceAccount, name: api", "IdentityBinding, name: both");
    let mesh = mesh(&format!("{}{both}{target}", makers("web")));
    let all = ["default/x", "default/y", ""];
    assert_eq!(mesh.admitted("GET api:8080/api", &all), ["default/y"]);
}

#[test]
fn pods_that_share_an_address_are_not_told_apart() {
    // smi T-1: on the network of their node they have its address
    for [first, second] in [["api", "web"], ["web", "api"]] {
        let pods = pod("p", first, "10.0.0.1") + &pod("q", second, "10.0.0.1");
        let mesh = mesh(&format!("{pods}{}", slice("{addresses: [10.0.0.1]}")));
        assert_eq!(usable(&mesh), [vec![""; 0], vec!["10.0.0.1"]], "{first}");
    }
}

#[test]
fn endpoints_by_hand_are_what_the_service_selects() {
    // smi T-1
    let known_services = vec![(ServiceName::new("default", "api"), 8080)];
    let options = Options { known_services, ..Options::default() };
    let pods = pod("p", "web", "10.0.0.1");
    let named = slice("{addresses: [10.0.0.1]}");
    let deployment = maker("Deployment", "m", "{app: api}", "api");
    let documents = format!("{SERVICE}{ROOT}{}{pods}{named}{deployment}", of_api());
    let mesh = Mesh::new(&documents, &options);
    let api = ServiceName::new("default", "api");
    let call = Call::new("GET api:8080/api", "default/y");
    let unknown = mesh.translation.endpoints.unknown(&api, 8080);
    let decision = mesh.decide(&call);
    // The Pod of a document is open; another endpoint may be of the Deployment.
    assert_eq!(mesh.endpoints(8080, &call), ["10.0.0.1"]);
    assert!(!decision.admits(&call, unknown.workload));
    assert_eq!(unknown.account, None);
    // A Service that is only known by hand is `default`.
    let options = Options { known_services: vec![(api, 8080)], ..Options::default() };
    let mesh = Mesh::new(&format!("{ROOT}{}", of_api()), &options);
    assert!(mesh.passes("GET api:8080/api", "default/y"));
    let to_default = target("t", ALL, "x").replace("name: api}", "name: default}");
    let mesh = Mesh::new(&format!("{ROOT}{GROUP}{to_default}"), &options);
    assert!(!mesh.passes("GET api:8080/api", "default/y"));
    assert!(mesh.passes("GET api:8080/api", "default/x"));
}

#[test]
fn each_port_has_its_own_endpoints() {
    // smi T-15
    let service = SERVICE
        .replace("[{port: 8080}]", "[{name: a, port: 8080}, {name: b, port: 9090, targetPort: 1}]");
    let slices = slice("{addresses: [10.0.0.1]}").replace("[{port: 8080}]", "[{name: a, port: 1}]")
        + &slice("{addresses: [10.0.0.2]}")
            .replace("{name: api, labels", "{name: api-2, labels")
            .replace("[{port: 8080}]", "[{name: b, port: 2}]");
    let pods = pod("p", "api", "10.0.0.1") + &pod("q", "web", "10.0.0.2");
    let mesh = Mesh::of(&format!("{service}{ROOT}{}{pods}{slices}", of_api()));
    assert!(!mesh.passes("GET api:8080/api", "default/y"));
    assert!(mesh.passes("GET api:9090/api", "default/y"));
    // Endpoints of the other port do not admit anybody to this one, nor those that are not there.
    let call = Call::new("GET api:9090/api", "default/y");
    let decision = mesh.decide(&call);
    let admitting: Vec<_> = (0..9).filter(|at| decision.admits(&call, *at)).collect();
    let api = ServiceName::new("default", "api");
    let [of_b] = mesh.translation.endpoints.of_service(&api, 9090) else { panic!() };
    assert_eq!(admitting, [of_b.behind.workload]);
}

#[test]
fn the_target_port_is_that_of_the_endpoint() {
    // smi §6.4, S-2
    let target = target("t", ALL, "x")
        .replace("v1alpha3", "v1alpha2")
        .replace("name: api}", "name: api, port: 1}");
    let pods = pod("p", "api", "10.0.0.1") + &pod("q", "api", "10.0.0.2");
    let slices = slice("{addresses: [10.0.0.1]}").replace("{port: 8080}", "{port: 1}")
        + &slice("{addresses: [10.0.0.2]}")
            .replace("{name: api, labels", "{name: api-2, labels")
            .replace("{port: 8080}", "{port: 2}");
    let mesh = Mesh::of(&format!("{SERVICE}{GROUP}{target}{pods}{slices}"));
    let call = Call::new("GET api:8080/api", "default/x");
    assert_eq!(mesh.endpoints(8080, &call), ["10.0.0.1"]);
}
