//! Why callers are admitted, or not (smi X-5).

use super::mesh::{ALL, API, Call, GROUP, Mesh, target, tcp_route};
use crate::request::attributes::SOURCE_WORKLOADS;
use crate::{Considered, Explanation, OutcomeKind};

fn explained(mesh: &Mesh, call: &Call<'_>) -> Explanation {
    mesh.router.explain(call, 0)
}

/// Where the considered were written, and what failed.
fn tried(considered: &[Considered]) -> Vec<String> {
    let shown = |c: &Considered| format!("{}: {}", c.origin, c.failed.as_ref().unwrap());
    considered.iter().map(shown).collect()
}

/// `a` is for `x` and metrics, `b` for `x` and port 1, `c` for `y` and everything of the group.
fn mesh() -> Mesh {
    let metrics = "{kind: HTTPRouteGroup, name: g, matches: [metrics]}";
    let port = format!("{ALL}, {{kind: TCPRoute, name: t}}");
    let targets = target("a", metrics, "x") + &target("b", &port, "x") + &target("c", ALL, "y");
    Mesh::of(&format!("{API}{GROUP}{}{targets}", tcp_route("t", "[1, 2]")))
}

#[test]
fn the_traffic_target_and_the_match_that_admitted_are_named() {
    let mesh = mesh();
    let told = explained(&mesh, &Call::new("GET api:8080/metrics", "default/y"));
    assert_eq!((told.outcome, told.status), (OutcomeKind::Forward, None));
    assert_eq!(told.caller.as_deref(), Some("default/y"));
    let [endpoints] = &told.access[..] else { panic!("{told:?}") };
    assert_eq!((&*endpoints.workload, endpoints.admitted), ("default/api", true));
    let by = endpoints.by.as_ref().unwrap().to_string();
    let matched = endpoints.matched.as_ref().unwrap().to_string();
    assert_eq!(by, "TrafficTarget default/c");
    assert_eq!(matched, "HTTPRouteGroup default/g: spec.matches[1]");
    assert_eq!(
        tried(&endpoints.tried),
        [
            "TrafficTarget default/a: caller: wanted `default/x`, got `default/y`",
            "TrafficTarget default/b: caller: wanted `default/x`, got `default/y`",
        ]
    );
    // Layer 4 has no match.
    let layer4 = target("t", "{kind: TCPRoute, name: t}", "x");
    let mesh = Mesh::of(&format!("{API}{}{layer4}", tcp_route("t", "[]")));
    let told = explained(&mesh, &Call::new("GET api:8080/", "default/x"));
    assert!(told.access[0].by.is_some() && told.access[0].matched.is_none());
}

#[test]
fn what_was_tried_is_told_of_each() {
    let mesh = mesh();
    let told = explained(&mesh, &Call::new("POST api:8080/metrics", "default/x"));
    assert_eq!(told.outcome, OutcomeKind::Refuse);
    assert_eq!(told.status.map(|status| status.as_u16()), Some(403));
    assert_eq!(told.reason.as_deref(), Some("no TrafficTarget admits the caller"));
    assert_eq!((told.service.as_deref(), told.port), (Some("default/api"), Some(8080)));
    let [endpoints] = &told.access[..] else { panic!("{told:?}") };
    assert_eq!((endpoints.admitted, &endpoints.by, &endpoints.matched), (false, &None, &None));
    assert_eq!(
        tried(&endpoints.tried),
        [
            "TrafficTarget default/a: matches: wanted one that holds, got nothing",
            "HTTPRouteGroup default/g: spec.matches[1]: method: wanted `GET`, got `POST`",
            "TrafficTarget default/b: port: wanted 1 or 2, got `8080`",
            "TrafficTarget default/c: caller: wanted `default/y`, got `default/x`",
        ]
    );
    // Nobody is told apart from somebody else.
    let told = explained(&mesh, &Call::new("GET api:8080/metrics", ""));
    assert_eq!(told.caller, None);
    let of_a = "TrafficTarget default/a: caller: wanted `default/x`, got nothing";
    assert_eq!(tried(&told.access[0].tried)[0], of_a);
}

#[test]
fn where_nothing_can_admit_the_explanation_says_so() {
    // smi T-7, T-8, T-12
    let nobody = target("t", ALL, "x")
        .replace("v1alpha3", "v1alpha2")
        .replace("  sources: [{kind: ServiceAccount, name: x}]\n", "");
    let mesh = Mesh::of(&format!("{API}{GROUP}{nobody}"));
    let told = explained(&mesh, &Call::new("GET api:8080/api", "default/x"));
    let want = "TrafficTarget default/t: caller: wanted none at all, got `default/x`";
    assert_eq!(tried(&told.access[0].tried), [want]);

    let nothing = target("t", "{kind: HTTPRouteGroup, name: none}", "x");
    let mesh = Mesh::of(&format!("{API}{nothing}"));
    let told = explained(&mesh, &Call::new("GET api:8080/api", "default/x"));
    let want = "TrafficTarget default/t: matches: wanted one that holds, got nothing";
    assert_eq!(tried(&told.access[0].tried), [want]);

    let nothing = target("t", "{kind: TCPRoute, name: none}", "x");
    let mesh = Mesh::of(&format!("{API}{nothing}"));
    let told = explained(&mesh, &Call::new("GET api:8080/api", "default/x"));
    let want = "TrafficTarget default/t: port: wanted none at all, got `8080`";
    assert_eq!(tried(&told.access[0].tried), [want]);
}

#[test]
fn in_deny_mode_endpoints_without_traffic_target_tried_none() {
    // smi T-8
    let root = "
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: s}
spec: {service: api, backends: [{service: api, weight: 1}]}
";
    let mesh = Mesh::denying(&format!("{API}{root}"));
    let told = explained(&mesh, &Call::new("GET api:8080/", "default/x"));
    let [endpoints] = &told.access[..] else { panic!("{told:?}") };
    assert_eq!((endpoints.admitted, &endpoints.tried[..]), (false, &[][..]));
    // Where nothing is asked, nothing is told.
    let told = explained(&Mesh::of(&format!("{API}{root}")), &Call::new("GET api:8080/", ""));
    assert_eq!((&told.access[..], &told.caller), (&[][..], &None));
}

#[test]
fn each_kind_of_endpoint_speaks_for_itself() {
    // smi T-15
    let pods = "
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {serviceAccountName: api}
status: {podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: q}
spec: {serviceAccountName: web}
status: {podIP: 10.0.0.2}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: api, labels: {kubernetes.io/service-name: api}}
addressType: IPv4
endpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}]
ports: [{port: 8080}]
";
    let mesh = Mesh::of(&format!("{API}{pods}{GROUP}{}", target("t", ALL, "x")));
    let told = explained(&mesh, &Call::new("GET api:8080/api", "default/y"));
    let says: Vec<_> = told.access.iter().map(|a| (&*a.workload, a.admitted)).collect();
    assert_eq!(says, [("default/api", false), ("default/web", true)]);
    assert_eq!(told.outcome, OutcomeKind::Forward);
}

#[test]
fn other_names_of_callers_are_told_as_they_are() {
    // smi T-6
    let binding = "
---
apiVersion: access.smi-spec.io/v1alpha4
kind: IdentityBinding
metadata: {name: b}
spec: {schemes: SCHEMES}
";
    let target = target("t", ALL, "x")
        .replace("v1alpha3", "v1alpha4")
        .replace("ServiceAccount, name: x", "IdentityBinding, name: b");
    for (schemes, want) in [
        ("{spiffeIdentities: [a/b]}", "`spiffe://a/b`"),
        (
            "{podLabelSelector: {matchLabels: {app: x, tier: y}}}",
            "a Pod of `default` with `app=x,tier=y`",
        ),
    ] {
        let mesh =
            Mesh::of(&format!("{API}{GROUP}{target}{}", binding.replace("SCHEMES", schemes)));
        let told = explained(&mesh, &Call::new("GET api:8080/api", "spiffe://c/d"));
        assert_eq!(told.caller.as_deref(), Some("spiffe://c/d"));
        let want = format!("TrafficTarget default/t: caller: wanted {want}, got `spiffe://c/d`");
        assert_eq!(tried(&told.access[0].tried), [want]);
    }
}

#[test]
fn limits_are_told_with_whom_they_count() {
    // smi N-4, N-7
    let limit = |name: &str, rest: &str| {
        format!(
            "
---
apiVersion: specs.smi.nginx.com/v1alpha2
kind: RateLimit
metadata: {{name: {name}}}
spec: {{destination: {{kind: Service, name: api}}, name: x, rate: 10r/m{rest}}}
"
        )
    };
    let sources = ", sources: [{kind: Pod, name: p}, {kind: Pod, name: q}]";
    let limits = limit("all", "") + &limit("some", sources);
    let mesh = Mesh::of(&format!("{API}{GROUP}{}{limits}", target("t", ALL, "x")));
    for (workloads, want) in [
        ("", "service-limit RateLimit default/all"),
        ("Pod/default/q", "service-limit RateLimit default/some"),
    ] {
        let call =
            Call::new("GET api:8080/api", "default/x").with(SOURCE_WORKLOADS, workloads.as_bytes());
        let told = explained(&mesh, &call);
        let asked: Vec<_> =
            told.policies.iter().map(|p| format!("{} {}", p.kind, p.origin)).collect();
        assert_eq!(asked, [want], "{workloads}");
        let who = if workloads.is_empty() { "all callers" } else { "Pod/default/q" };
        assert!(told.policies[0].asks.contains(who), "{}", told.policies[0].asks);
    }
}
