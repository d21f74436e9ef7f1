//! RateLimit (smi §8.1).

use super::mesh::{API, Call, GROUP, Mesh};
use crate::request::attributes::SOURCE_WORKLOADS;
use crate::rules::{Service, ServiceLimit};
use std::time::Duration;

/// A limit of the Service `api`, with this after its destination.
fn limit(name: &str, rest: &str) -> String {
    of("{kind: Service, name: api}", name, rest)
}

fn of(destination: &str, name: &str, rest: &str) -> String {
    format!(
        "
---
apiVersion: specs.smi.nginx.com/v1alpha2
kind: RateLimit
metadata: {{name: {name}}}
spec: {{destination: {destination}, name: x, rate: 10r/m{rest}}}
"
    )
}

const ROOT: &str = "
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: s}
spec: {service: web, backends: [{service: api, weight: 1}]}
";

const WEB: &str = "
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 8080}]}
";

fn mesh(documents: &str) -> Mesh {
    Mesh::of(&format!("{API}{WEB}{ROOT}{documents}"))
}

/// The limits that a caller falls under, who is part of these workloads.
fn limits(mesh: &Mesh, request: &str, workloads: &str) -> Vec<String> {
    mesh.limits(&Call::new(request, "").with(SOURCE_WORKLOADS, workloads.as_bytes()))
}

fn service<'m>(mesh: &'m Mesh, name: &str) -> &'m Service {
    mesh.translation.rules.services.iter().find(|s| *s.name.name == *name).unwrap()
}

fn lowered(mesh: &Mesh) -> &ServiceLimit {
    let [limit] = &service(mesh, "api").limits[..] else { panic!() };
    limit
}

#[test]
fn rates_bursts_and_delays_are_kept() {
    // smi §8.1
    for (rate, rest, want) in [
        ("10r/m", "", (10, 60, 0, Some(0))),
        ("3r/s", ", burst: 5, delay: 2", (3, 1, 5, Some(2))),
        ("1r/s", ", burst: 5, delay: nodelay", (1, 1, 5, None)),
    ] {
        let mesh = mesh(&limit("l", rest).replace("10r/m", rate));
        let limit = lowered(&mesh);
        let got = (limit.requests, limit.per, limit.burst, limit.at_once);
        assert_eq!(got, (want.0, Duration::from_secs(want.1), want.2, want.3), "{rate} {rest}");
        assert_eq!(limit.origin.to_string(), "RateLimit default/l");
        assert_eq!((&limit.sources[..], &limit.workloads), (&[][..], &None));
    }
}

#[test]
fn sources_share_the_rate_evenly() {
    // smi N-2: two sources and 10r/m are 5r/m each
    for (sources, seconds) in [
        ("{kind: Pod, name: a}", 60),
        ("{kind: Pod, name: a}, {kind: Service, name: b}", 120),
        ("{kind: Pod, name: a}, {kind: Pod, name: a, namespace: b}, {kind: Pod, name: c}", 180),
    ] {
        let mesh = mesh(&limit("l", &format!(", sources: [{sources}]")));
        let limit = lowered(&mesh);
        assert_eq!((limit.requests, limit.per), (10, Duration::from_secs(seconds)), "{sources}");
    }
}

#[test]
fn callers_fall_under_the_limits_that_list_them() {
    // smi N-4, N-5, N-8
    let yaml = limit("all", "")
        + &limit("some", ", sources: [{kind: Deployment, name: a}, {kind: Pod, name: p}]")
        + &limit("more", ", sources: [{kind: Service, name: s, namespace: shop}]");
    let mesh = mesh(&yaml);
    assert_eq!(mesh.said(), [""; 0]);
    for (workloads, want) in [
        ("", &["all all by endpoint"][..]),
        ("Deployment/default/other", &["all all by endpoint"]),
        ("Deployment/default/a", &["some 0 by endpoint"]),
        ("Pod/default/p", &["some 1 by endpoint"]),
        ("Pod/default/p,Deployment/default/a", &["some 0 by endpoint"]),
        ("Service/shop/s", &["more 0 by endpoint"]),
        ("Service/shop/s,Pod/default/p", &["more 0 by endpoint", "some 1 by endpoint"]),
        // Neither of another kind nor of another namespace, nor more than the name.
        ("Pod/default/a", &["all all by endpoint"]),
        ("Service/default/s", &["all all by endpoint"]),
        ("Deployment/default/a/b", &["all all by endpoint"]),
        ("Deployment/default/ab", &["all all by endpoint"]),
    ] {
        let mut got = limits(&mesh, "GET api:8080/", workloads);
        got.sort();
        let mut want = want.to_vec();
        want.sort_unstable();
        assert_eq!(got, want, "{workloads}");
    }
    // Nothing is taken from a header (smi N-8).
    let headers = [("source_workloads", "Deployment/default/a")];
    let forged = Call::new("GET api:8080/", "").headers(&headers);
    assert_eq!(mesh.limits(&forged), ["all all by endpoint"]);
    // Without a limit for everybody, those who are not listed have none.
    let some = self::mesh(&limit("some", ", sources: [{kind: Pod, name: p}]"));
    assert_eq!(limits(&some, "GET api:8080/", "Pod/default/q"), [""; 0]);
    assert_eq!(limits(&some, "GET api:8080/", ""), [""; 0]);
}

#[test]
fn only_selected_requests_count() {
    // smi N-5
    let rules = |rules: &str| format!("{GROUP}{}", limit("l", &format!(", rules: [{rules}]")));
    let group = "{kind: HTTPRouteGroup, name: g, matches: [metrics]}";
    for (yaml, want) in [
        (rules("{kind: HTTPRouteGroup, name: g}"), &["/api", "/metrics"][..]),
        (rules(group), &["/metrics"]),
        (rules(""), &["/api", "/metrics", "/x"]),
        // What is missing selects nothing (smi T-7).
        (rules("{kind: HTTPRouteGroup, name: none}"), &[]),
        (rules(&format!("{{kind: HTTPRouteGroup, name: none}}, {group}")), &["/metrics"]),
    ] {
        let mesh = mesh(&yaml);
        let counts = |path: &&str| !limits(&mesh, &format!("GET api:8080{path}"), "").is_empty();
        let counted: Vec<_> = ["/api", "/metrics", "/x"].into_iter().filter(counts).collect();
        assert_eq!(counted, want, "{yaml}");
    }
    let mesh = mesh(&rules("{kind: HTTPRouteGroup, name: none}"));
    assert_eq!(
        mesh.said(),
        ["warning[SMI-W12]: RateLimit default/l: spec.rules[0].name: no HTTPRouteGroup `none` is \
          in force in namespace `default`; it selects nothing"]
    );
}

#[test]
fn the_addressed_service_comes_before_the_chosen_one() {
    // smi N-3, N-7
    let of_web = of("{kind: Service, name: web}", "web", "");
    let mesh = mesh(&format!("{}{of_web}", limit("api", "")));
    assert_eq!(limits(&mesh, "GET web:8080/", ""), ["web all", "api all by endpoint"]);
    // Once, where both are the same.
    assert_eq!(limits(&mesh, "GET api:8080/", ""), ["api all by endpoint"]);
    // Where no backend takes part, the root was addressed all the same.
    let empty = ROOT.replace("weight: 1", "weight: 0");
    let mesh = Mesh::of(&format!("{API}{WEB}{empty}{of_web}"));
    let call = Call::new("GET web:8080/", "");
    assert_eq!((mesh.limits(&call), &*mesh.answer(&call)), (vec!["web all".to_owned()], "503"));
}

#[test]
fn limits_of_another_namespace_name_it() {
    // smi D-26
    let service = API.replace("metadata: {name: api}", "metadata: {name: api, namespace: shop}");
    let root = ROOT.replace("{name: s}", "{name: s, namespace: shop}");
    let own = limit("l", "").replace("{name: l}", "{name: l, namespace: shop}");
    let other = of("{kind: Service, name: api, namespace: shop}", "l", "");
    for (yaml, want) in [(own, 1), (other, 1), (limit("l", ""), 0)] {
        let mesh = Mesh::of(&format!("{service}{root}{yaml}"));
        assert_eq!(limits(&mesh, "GET api.shop:8080/", "").len(), want, "{yaml}");
    }
}

#[test]
fn of_rivals_the_older_is_in_force() {
    // smi N-6
    let dated = |name: &str, year: u32, rest: &str| {
        limit(name, rest).replace(
            &format!("{{name: {name}}}"),
            &format!("{{name: {name}, creationTimestamp: '{year}-01-01T00:00:00Z'}}"),
        )
    };
    let refused = |younger: &str, older: &str| {
        format!(
            "error[conflicting-limit]: RateLimit default/{younger}: spec.sources: RateLimit \
             default/{older} limits a caller of `Service/default/api` too, and is older"
        )
    };
    let a = ", sources: [{kind: Pod, name: a}]";
    let both = ", sources: [{kind: Pod, name: b}, {kind: Pod, name: a}]";
    let other = ", sources: [{kind: Deployment, name: a}]";
    for (yaml, want) in [
        (limit("x", a) + &limit("y", both), vec![refused("y", "x")]),
        (limit("y", a) + &limit("x", both), vec![refused("y", "x")]),
        (dated("x", 2024, a) + &dated("y", 2023, both), vec![refused("x", "y")]),
        (dated("y", 2024, a) + &limit("x", a), vec![refused("x", "y")]),
        (limit("x", a) + &limit("y", other), vec![]),
        (limit("x", a) + &limit("y", ""), vec![]),
    ] {
        let mesh = mesh(&yaml);
        assert_eq!(mesh.said(), want, "{yaml}");
        assert_eq!(service(&mesh, "api").limits.len(), 2 - want.len(), "{yaml}");
        assert_eq!(mesh.refused().len(), want.len(), "{yaml}");
    }
    // Both without sources count as common; the field is then not there.
    let mesh = mesh(&(limit("x", "") + &limit("y", "")));
    let said = mesh.said();
    let rival = "RateLimit default/x limits a caller of `Service/default/api` too, and is older";
    assert!(said.len() == 1 && said[0].ends_with(rival), "{said:?}");
    assert_eq!(mesh.refused(), ["RateLimit default/y"]);
    // A third is compared with those in force only.
    let three =
        limit("x", a) + &limit("y", both) + &limit("z", ", sources: [{kind: Pod, name: b}]");
    assert_eq!(self::mesh(&three).refused(), ["RateLimit default/y"]);
}

#[test]
fn limits_of_workloads_protect_the_endpoints_that_are_theirs() {
    // smi N-3
    let pods = "
---
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {app: api}}
status: {podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: q, labels: {app: api, canary: a}}
status: {podIP: 10.0.0.2}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: canary}
spec: {template: {metadata: {labels: {app: api, canary: a}}}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: api, labels: {kubernetes.io/service-name: api}}
addressType: IPv4
endpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}]
ports: [{port: 8080}]
";
    for (destination, want) in [
        ("{kind: Service, name: api}", None),
        ("{kind: Deployment, name: api}", Some(vec!["10.0.0.1", "10.0.0.2"])),
        ("{kind: Deployment, name: canary}", Some(vec!["10.0.0.2"])),
        ("{kind: Pod, name: p}", Some(vec!["10.0.0.1"])),
    ] {
        let mesh = mesh(&format!("{pods}{}", of(destination, "l", "")));
        assert_eq!(mesh.said(), [""; 0], "{destination}");
        assert_eq!(limits(&mesh, "GET api:8080/", ""), ["l all by endpoint"], "{destination}");
        let api = service(&mesh, "api");
        let endpoints = mesh.translation.endpoints.of_service(&api.name, 8080);
        let protected = lowered(&mesh).workloads.as_ref().map(|places| {
            let of = endpoints.iter().filter(|e| places.contains(&e.behind.workload));
            of.map(|endpoint| &*endpoint.host).collect()
        });
        assert_eq!(protected, want, "{destination}");
        // Nobody is kept out by that.
        assert_eq!(mesh.endpoints(8080, &Call::new("GET api:8080/", "")).len(), 2);
    }
    // smi N-4: a default stays one for whom another destination's limit lists.
    let canary = of("{kind: Deployment, name: canary}", "c", ", sources: [{kind: Pod, name: x}]");
    let mesh = mesh(&format!("{pods}{}{canary}", limit("all", "")));
    let got = limits(&mesh, "GET api:8080/", "Pod/default/x");
    assert_eq!(got, ["all all by endpoint", "c 0 by endpoint"]);
}

#[test]
fn what_may_be_protected_is() {
    // smi N-3: where endpoints are not told apart
    let mesh = mesh(&of("{kind: Deployment, name: api}", "l", ""));
    assert_eq!(limits(&mesh, "GET api:8080/", ""), ["l all by endpoint"]);
    assert_eq!(limits(&mesh, "GET web:8080/", ""), ["l all by endpoint"]);
    // An addressed Service that passes its requests on has no endpoint in this.
    let of_web = API.replace(": api", ": web").split("---").nth(2).unwrap().to_owned();
    let yaml = format!("---{of_web}{}", of("{kind: Deployment, name: web}", "l", ""));
    assert_eq!(limits(&self::mesh(&yaml), "GET web:8080/", ""), [""; 0]);
}

#[test]
fn a_workload_without_document_limits_nothing() {
    // smi §8.1
    let mesh = mesh(&of("{kind: Deployment, name: apo}", "l", ""));
    assert_eq!(
        mesh.said(),
        ["warning[SMI-W12]: RateLimit default/l: spec.destination.name: there is no document of \
          `Deployment/default/apo`; nothing is limited; did you mean `api`?"]
    );
    assert_eq!(service(&mesh, "api").limits, []);
}

#[test]
fn a_service_and_its_workload_do_not_limit_one_caller_twice() {
    // smi N-6: found only where the endpoints are
    let of_workload = |name: &str, rest: &str| of("{kind: Deployment, name: api}", name, rest);
    let warned = |younger: &str, older: &str| {
        format!(
            "RateLimit default/{older} limits a caller of the same endpoints, those of \
             `default/api`, and is older: this one has no part there|RateLimit default/{younger}"
        )
    };
    let a = ", sources: [{kind: Pod, name: a}]";
    for (yaml, want, limits) in [
        (limit("x", "") + &of_workload("y", ""), Some(warned("y", "x")), vec!["x"]),
        (limit("y", "") + &of_workload("x", ""), Some(warned("y", "x")), vec!["x"]),
        (limit("x", a) + &of_workload("y", ""), None, vec!["x", "y"]),
        (limit("x", a) + &of_workload("y", a), Some(warned("y", "x")), vec!["x"]),
    ] {
        let mesh = mesh(&yaml);
        let said: Vec<_> = mesh
            .translation
            .diagnostics
            .iter()
            .filter(|d| d.code == "conflicting-limit")
            .map(|d| format!("{}|{}", d.message, d.object.as_ref().unwrap()))
            .collect();
        assert_eq!(said, Vec::from_iter(want), "{yaml}");
        // Nothing is refused: it may be in force elsewhere.
        assert_eq!(mesh.refused(), [""; 0], "{yaml}");
        let names = service(&mesh, "api").limits.iter();
        let names: Vec<_> = names.map(|l| &*l.origin.object.name).collect();
        assert_eq!(names, limits, "{yaml}");
    }
}
