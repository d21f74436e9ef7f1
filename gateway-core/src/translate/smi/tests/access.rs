//! What a TrafficTarget admits (smi §5, §6.3 to §6.5).

use super::mesh::{ALL, API, Call, GROUP, Mesh, target, tcp_route};
use crate::translate::{AccessMode, Options};

/// SMI's example of v1alpha3: who may call `api`, and what for.
const EXAMPLE: &str = "
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: TCPRoute
metadata: {name: the-routes}
spec: {matches: {ports: [8080]}}
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {name: the-routes}
spec:
  matches:
  - {name: metrics, pathRegex: /metrics, methods: [GET]}
  - {name: api, pathRegex: /api, methods: ['*']}
---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: {name: api-service-metrics}
spec:
  destination: {kind: ServiceAccount, name: api}
  rules:
  - {kind: TCPRoute, name: the-routes}
  - {kind: HTTPRouteGroup, name: the-routes, matches: [metrics]}
  sources: [{kind: ServiceAccount, name: prometheus}]
---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: {name: api-service-api}
spec:
  destination: {kind: ServiceAccount, name: api}
  rules:
  - {kind: TCPRoute, name: the-routes}
  - {kind: HTTPRouteGroup, name: the-routes, matches: [api]}
  sources: [{kind: ServiceAccount, name: website}, {kind: ServiceAccount, name: payments}]
";

#[test]
fn the_example_of_smi_admits_what_it_says() {
    // smi §12, T-13
    let service = API.replace("[{port: 8080}]", "[{name: a, port: 8080}, {name: b, port: 9090}]");
    let mesh = Mesh::of(&format!("{service}{EXAMPLE}"));
    assert_eq!(mesh.said(), [""; 0]);
    for (caller, request, want) in [
        ("default/website", "POST api:8080/api", true),
        ("default/payments", "DELETE api:8080/api/x", true),
        ("default/website", "GET api:8080/metrics", false),
        ("default/prometheus", "GET api:8080/metrics", true),
        ("default/prometheus", "POST api:8080/metrics", false),
        ("default/prometheus", "GET api:8080/api", false),
        ("default/other", "GET api:8080/api", false),
        ("other/website", "GET api:8080/api", false),
        ("", "GET api:8080/api", false),
        ("default/website", "GET api:9090/api", false),
    ] {
        assert_eq!(mesh.passes(request, caller), want, "{caller} {request}");
    }
}

#[test]
fn only_governed_workloads_are_checked_unless_all_are() {
    // smi T-8, T-9
    let other = API.replace(": api", ": web");
    let yaml = format!("{API}{other}{GROUP}{}", target("t", ALL, "web")) + &root("web");
    let allow = Mesh::of(&yaml);
    assert!(!allow.passes("GET api:8080/api", "default/x"));
    assert!(allow.passes("GET web:8080/", "default/x"));
    assert!(allow.passes("GET web:8080/", ""));
    let deny = Mesh::denying(&yaml);
    assert!(deny.passes("GET api:8080/api", "default/web"));
    for caller in ["", "default/x", "default/web"] {
        assert!(!deny.passes("GET web:8080/", caller), "{caller}");
    }
    // Without any TrafficTarget nothing is asked, or everything refused.
    assert!(Mesh::of(&format!("{other}{}", root("web"))).passes("GET web:8080/", ""));
    assert!(!Mesh::denying(&format!("{other}{}", root("web"))).passes("GET web:8080/", ""));
    // Nor is anything known of Services without documents.
    assert!(Mesh::of(&root("web")).passes("GET web:80/", ""));
    assert!(!Mesh::denying(&root("web")).passes("GET web:80/", ""));
}

/// A split that does nothing, so that a Service has hosts of its own.
fn root(name: &str) -> String {
    format!(
        "
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {{name: {name}}}
spec: {{service: {name}, backends: [{{service: {name}, weight: 1}}]}}
"
    )
}

#[test]
fn any_traffic_target_may_admit_and_none_refuses() {
    // smi T-10, T-13
    let metrics = "{kind: HTTPRouteGroup, name: g, matches: [metrics]}";
    let targets = target("a", metrics, "x") + &target("b", ALL, "y") + &target("c", ALL, "x");
    let mesh = Mesh::of(&format!("{API}{GROUP}{targets}"));
    for (caller, request, want) in [
        ("default/x", "GET api:8080/metrics", true),
        ("default/x", "GET api:8080/api", true),
        ("default/y", "GET api:8080/api", true),
        ("default/z", "GET api:8080/api", false),
    ] {
        assert_eq!(mesh.passes(request, caller), want, "{caller} {request}");
    }
}

#[test]
fn a_condition_that_is_selected_must_hold() {
    // smi §6.4: without names all of a group; of several groups any
    let second = GROUP
        .replace("name: g}", "name: h}")
        .replace("/api", "/health")
        .replace("name: api", "name: health");
    for (rules, want) in [
        (ALL, &["/api", "/metrics"][..]),
        ("{kind: HTTPRouteGroup, name: g, matches: []}", &["/api", "/metrics"]),
        ("{kind: HTTPRouteGroup, name: g, matches: [api]}", &["/api"]),
        ("{kind: HTTPRouteGroup, name: g, matches: [api, metrics]}", &["/api", "/metrics"]),
        (
            "{kind: HTTPRouteGroup, name: g, matches: [api]}, \
             {kind: HTTPRouteGroup, name: h, matches: [health]}",
            &["/api", "/health"],
        ),
        ("{kind: TCPRoute, name: t}", &["/api", "/metrics", "/health", "/x"]),
        ("{kind: UDPRoute, name: u}", &[]),
        ("{kind: HTTPRouteGroup, name: g, matches: [api]}, {kind: UDPRoute, name: u}", &["/api"]),
        ("{kind: HTTPRouteGroup, name: g, matches: [api]}, {kind: TCPRoute, name: t}", &["/api"]),
    ] {
        let udp = tcp_route("u", "[8080]").replace("TCPRoute", "UDPRoute");
        let specs = format!("{GROUP}{second}{}{udp}", tcp_route("t", "[]"));
        let mesh = Mesh::of(&format!("{API}{specs}{}", target("t", rules, "x")));
        let paths = ["/api", "/metrics", "/health", "/x"];
        let request = |path: &str| format!("GET api:8080{path}");
        let admitted = paths.into_iter().filter(|p| mesh.passes(&request(p), "default/x"));
        assert_eq!(admitted.collect::<Vec<_>>(), want, "{rules}");
    }
}

#[test]
fn layer_4_routes_narrow_by_port() {
    // smi §6.4, T-11, L-1: the port of the Service, or the target port of its endpoints
    let service = API.replace("port: 8080", "port: 8080, targetPort: 9000");
    for (ports, want) in [
        ("[8080]", true),
        ("[9000]", true),
        ("[1, 8080]", true),
        ("[1]", false),
        ("[]", true),
        ("", true),
    ] {
        let route = tcp_route("t", ports);
        for rules in
            [format!("{ALL}, {{kind: TCPRoute, name: t}}"), "{kind: TCPRoute, name: t}".into()]
        {
            let mesh = Mesh::of(&format!("{service}{GROUP}{route}{}", target("t", &rules, "x")));
            assert_eq!(mesh.passes("GET api:8080/api", "default/x"), want, "{ports} {rules}");
        }
    }
    // The union of several; one without ports takes all.
    for (other, want) in [("[8080]", true), ("[2]", false), ("[]", true)] {
        for rules in [
            "{kind: TCPRoute, name: t}, {kind: TCPRoute, name: u}",
            "{kind: TCPRoute, name: u}, {kind: TCPRoute, name: t}",
        ] {
            let routes = tcp_route("t", "[1]") + &tcp_route("u", other);
            let mesh = Mesh::of(&format!("{API}{routes}{}", target("t", rules, "x")));
            assert_eq!(mesh.passes("GET api:8080/api", "default/x"), want, "{other} {rules}");
        }
    }
    // The ports of UDPRoutes are not about HTTP.
    let rules = format!("{ALL}, {{kind: UDPRoute, name: t}}");
    let udp = tcp_route("t", "[1]").replace("TCPRoute", "UDPRoute");
    let mesh = Mesh::of(&format!("{API}{GROUP}{udp}{}", target("t", &rules, "x")));
    assert!(mesh.passes("GET api:8080/api", "default/x"));
}

#[test]
fn layer_4_routes_of_all_versions_are_read_and_told_from_those_of_the_gateway_api() {
    // smi §5, L-1, L-2
    let rule = "{kind: TCPRoute, name: t}";
    for (route, want) in [
        ("apiVersion: specs.smi-spec.io/v1alpha1\nkind: TCPRoute\nmetadata: {name: t}", true),
        (
            "apiVersion: specs.smi-spec.io/v1alpha3\nkind: TCPRoute\nmetadata: {name: t}\nspec: {}",
            true,
        ),
        (
            "apiVersion: specs.smi-spec.io/v1alpha4\nkind: TCPRoute\nmetadata: {name: t}\n\
             spec: {matches: {name: x, ports: [8080]}}",
            true,
        ),
        (
            "apiVersion: specs.smi-spec.io/v1alpha4\nkind: TCPRoute\nmetadata: {name: t}\n\
             spec: {matches: {ports: [70000]}}",
            false,
        ),
        (
            "apiVersion: gateway.networking.k8s.io/v1alpha2\nkind: TCPRoute\nmetadata: {name: t}\n\
             spec: {rules: []}",
            false,
        ),
    ] {
        let mesh = Mesh::of(&format!("{API}---\n{route}\n{}", target("t", rule, "x")));
        assert_eq!(mesh.passes("GET api:8080/api", "default/x"), want, "{route}");
        let missing = mesh.said().iter().any(|said| said.contains("SMI-W12"));
        assert_eq!(missing, !want, "{:?}", mesh.said());
    }
}

#[test]
fn the_port_of_a_destination_is_that_of_the_service_or_of_its_endpoints() {
    // smi §6.4
    let service = API.replace("port: 8080", "port: 8080, targetPort: 9000");
    for (port, want) in [(8080, true), (9000, true), (80, false)] {
        let target = target("t", ALL, "x")
            .replace("v1alpha3", "v1alpha2")
            .replace("name: api}", &format!("name: api, port: {port}}}"));
        let mesh = Mesh::of(&format!("{service}{GROUP}{target}"));
        assert_eq!(mesh.said(), [""; 0]);
        assert_eq!(mesh.passes("GET api:8080/api", "default/x"), want, "{port}");
        // Both have to fit.
        let routed = target.replace(ALL, &format!("{ALL}, {{kind: TCPRoute, name: r}}"));
        let mesh = Mesh::of(&format!("{service}{GROUP}{}{routed}", tcp_route("r", "[9000]")));
        assert_eq!(mesh.passes("GET api:8080/api", "default/x"), want, "{port}");
    }
    // smi §6.1: gone since v1alpha3, and never wider than written.
    let late = target("t", ALL, "x").replace("name: api}", "name: api, port: 80}");
    let mesh = Mesh::of(&format!("{service}{GROUP}{late}"));
    assert!(!mesh.passes("GET api:8080/api", "default/x"));
    assert_eq!(
        mesh.said(),
        ["warning[SMI-W01]: TrafficTarget default/t: spec.destination.port: v1alpha3 has no \
          `port` here; it is applied"]
    );
}

#[test]
fn v1alpha1_has_its_fields_at_top_level() {
    // smi §6.1
    let target = "
---
apiVersion: access.smi-spec.io/v1alpha1
kind: TrafficTarget
metadata: {name: t}
destination: {kind: ServiceAccount, name: api, port: 8080}
specs: [{kind: HTTPRouteGroup, name: g, matches: [metrics]}]
sources: [{kind: ServiceAccount, name: x, namespace: shop}]
";
    let mesh = Mesh::of(&format!("{API}{GROUP}{target}"));
    assert_eq!(mesh.said(), [""; 0]);
    for (request, caller, want) in [
        ("GET api:8080/metrics", "shop/x", true),
        ("GET api:8080/api", "shop/x", false),
        ("GET api:8080/metrics", "default/x", false),
    ] {
        assert_eq!(mesh.passes(request, caller), want, "{request} {caller}");
    }
}

#[test]
fn what_is_missing_narrows_and_is_told() {
    // smi T-7
    let w12 = |field: &str, rest: &str| {
        format!("warning[SMI-W12]: TrafficTarget default/t: {field}: {rest}")
    };
    let none =
        "warning[SMI-W13]: TrafficTarget default/t: the TrafficTarget admits nothing of HTTP";
    let name = "spec.rules[0].name";
    for (rules, admits, want) in [
        (
            "{kind: TCPRoute, name: prot}",
            false,
            vec![
                w12(
                    name,
                    "no TCPRoute `prot` is in force in namespace `default`; it selects nothing; \
                     did you mean `port`?",
                ),
                none.into(),
            ],
        ),
        (
            "{kind: HTTPRouteGroup, name: elsewhere}",
            false,
            vec![
                w12(
                    name,
                    "no HTTPRouteGroup `elsewhere` is in force in namespace `default`; it selects \
                     nothing",
                ),
                none.into(),
            ],
        ),
        (
            "{kind: HTTPRouteGroup, name: g, matches: [metric]}",
            false,
            vec![
                w12(
                    "spec.rules[0].matches[0]",
                    "the HTTPRouteGroup `g` has no match `metric`; it selects nothing; did you \
                     mean `metrics`?",
                ),
                none.into(),
            ],
        ),
        (
            "{kind: HTTPRouteGroup, name: g, matches: [zzz, api]}",
            true,
            vec![w12(
                "spec.rules[0].matches[0]",
                "the HTTPRouteGroup `g` has no match `zzz`; it selects nothing",
            )],
        ),
        (
            "{kind: TCPRoute, name: none}, {kind: HTTPRouteGroup, name: g}",
            false,
            vec![
                w12(
                    name,
                    "no TCPRoute `none` is in force in namespace `default`; it selects nothing",
                ),
                none.into(),
            ],
        ),
        (
            "{kind: TCPRoute, name: none}",
            false,
            vec![
                w12(
                    name,
                    "no TCPRoute `none` is in force in namespace `default`; it selects nothing",
                ),
                none.into(),
            ],
        ),
        (
            "{kind: TCPRoute, name: none}, {kind: TCPRoute, name: port}",
            true,
            vec![w12(
                name,
                "no TCPRoute `none` is in force in namespace `default`; it selects nothing",
            )],
        ),
        (
            "{kind: UDPRoute, name: port}, {kind: HTTPRouteGroup, name: g}",
            true,
            vec![w12(
                name,
                "no UDPRoute `port` is in force in namespace `default`; it selects nothing",
            )],
        ),
    ] {
        let elsewhere = GROUP.replace("{name: g}", "{name: elsewhere, namespace: shop}");
        let specs = format!("{GROUP}{elsewhere}{}", tcp_route("port", "[8080]"));
        let mesh = Mesh::of(&format!("{API}{specs}{}", target("t", rules, "x")));
        assert_eq!(mesh.said(), want, "{rules}");
        assert_eq!(mesh.passes("GET api:8080/api", "default/x"), admits, "{rules}");
        // The destination is governed all the same.
        assert!(!mesh.passes("GET api:8080/api", "default/y"), "{rules}");
    }
}

#[test]
fn a_refused_group_is_a_missing_one() {
    // smi T-7, P-10
    let broken = GROUP.replace("/metrics", "'('");
    let mesh = Mesh::of(&format!("{API}{broken}{}", target("t", ALL, "x")));
    assert!(mesh.said().iter().any(|said| said.contains("SMI-W12")), "{:?}", mesh.said());
    assert!(!mesh.passes("GET api:8080/api", "default/x"));
}

#[test]
fn without_rules_or_sources_nothing_is_admitted() {
    // smi T-12, D-25
    let warned = |what: &str| {
        format!("warning[SMI-W13]: TrafficTarget default/t: the TrafficTarget admits {what}")
    };
    let full = target("t", ALL, "x");
    let sources = "  sources: [{kind: ServiceAccount, name: x}]\n";
    let rules = format!("  rules: [{ALL}]\n");
    for (without, empty, field, error) in [
        (rules.as_str(), "  rules: []\n", "rules", "rule"),
        (sources, "  sources: []\n", "sources", "source"),
    ] {
        let what = if field == "rules" { "nothing of HTTP" } else { "nobody" };
        for written in ["", empty] {
            // The destination is closed.
            let early = full.replace(without, written).replace("v1alpha3", "v1alpha2");
            let mesh = Mesh::of(&format!("{API}{GROUP}{early}"));
            assert_eq!(mesh.said(), [warned(what)], "{early}");
            assert!(!mesh.passes("GET api:8080/api", "default/x"), "{early}");
            // It is as if the document was not there.
            for version in ["v1alpha3", "v1alpha4"] {
                let late = full.replace(without, written).replace("v1alpha3", version);
                let mesh = Mesh::of(&format!("{API}{GROUP}{}{late}", root("api")));
                let want = if written.is_empty() {
                    format!(
                        "error[missing-field]: TrafficTarget default/t: spec.{field}: required \
                         field `{field}` is missing"
                    )
                } else {
                    format!(
                        "error[no-{field}]: TrafficTarget default/t: spec.{field}: a \
                         TrafficTarget has at least one {error}"
                    )
                };
                let said = mesh.said();
                assert!(said.contains(&want), "{said:?}");
                assert!(mesh.passes("GET api:8080/api", ""), "{late}");
            }
        }
    }
}

#[test]
fn a_destination_is_of_the_own_namespace() {
    // smi T-5, D-23: otherwise anyone could close another team's service
    let shop = target("t", ALL, "x").replace("name: api}", "name: api, namespace: shop}");
    let api = API.replace("name: api}", "name: api, namespace: shop}");
    for version in ["v1alpha2", "v1alpha3", "v1alpha4"] {
        let mesh = Mesh::of(&format!("{api}{GROUP}{}", shop.replace("v1alpha3", version)));
        assert_eq!(
            mesh.said(),
            ["error[foreign-destination]: TrafficTarget default/t: spec.destination.namespace: a \
              TrafficTarget of namespace `default` does not speak for the workloads of `shop`; \
              move it to namespace `shop`"]
        );
        assert_eq!(mesh.refused(), ["TrafficTarget default/t"]);
        // No host is claimed for it either (smi R-2).
        assert_eq!(mesh.answer(&Call::new("GET api.shop:8080/api", "default/x")), "404");
    }
    let early = "
---
apiVersion: access.smi-spec.io/v1alpha1
kind: TrafficTarget
metadata: {name: t}
destination: {kind: ServiceAccount, name: api, namespace: shop}
specs: [{kind: HTTPRouteGroup, name: g}]
sources: [{kind: ServiceAccount, name: x}]
";
    let mesh = Mesh::of(&format!("{api}{GROUP}{early}"));
    assert!(mesh.said()[0].contains(": destination.namespace: "), "{:?}", mesh.said());
    // The own one may be written out.
    let own = target("t", ALL, "x").replace("name: api}", "name: api, namespace: default}");
    let mesh = Mesh::of(&format!("{API}{GROUP}{own}"));
    assert!(mesh.passes("GET api:8080/api", "default/x"));
    assert!(!mesh.passes("GET api:8080/api", "default/y"));
}

#[test]
fn the_backend_of_a_split_is_what_is_checked() {
    // smi T-14: not the root, and a refused choice is not drawn again
    let leaf = |name: &str| API.replace(": api", &format!(": {name}"));
    let split = "
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: s}
spec: {service: web, backends: [{service: api, weight: 1}, {service: free, weight: 1}]}
";
    let documents = leaf("api") + &leaf("web") + &leaf("free") + split + GROUP;
    let mesh = Mesh::of(&format!("{documents}{}", target("t", ALL, "x")));
    let half = 1 << 63;
    for (draw, caller, denied, chosen) in [
        (0, "default/x", false, "default/api"),
        (0, "default/y", true, "default/api"),
        (half, "default/y", false, "default/free"),
    ] {
        let call = Call::new("GET web:8080/api", caller);
        let (is_denied, to) = match mesh.router.decide(&call, draw).admitted() {
            crate::Outcome::Deny(to) => (true, to),
            crate::Outcome::Forward(to) => (false, to),
            other => panic!("{other:?}"),
        };
        assert_eq!((is_denied, &*to.service.name.to_string()), (denied, chosen), "{caller}");
    }
    // A root that is governed says nothing about its backends.
    let of_root = target("t", ALL, "x").replace("name: api}", "name: web}");
    let mesh = Mesh::of(&format!("{documents}{of_root}"));
    assert!(mesh.passes("GET web:8080/api", "default/y"));
}

#[test]
fn the_canonical_path_is_judged() {
    // smi T-18, H-8
    let metrics = "{kind: HTTPRouteGroup, name: g, matches: [metrics]}";
    let mesh = Mesh::of(&format!("{API}{GROUP}{}", target("t", metrics, "x")));
    for (target, want) in [
        ("/api/../metrics", true),
        ("/%6Detrics", true),
        ("/metrics?x=/api", true),
        ("/metrics/../api", false),
        ("/metrics/%2E%2E/api", false),
        ("/x?/metrics", false),
    ] {
        assert_eq!(mesh.passes(&format!("GET api:8080{target}"), "default/x"), want, "{target}");
    }
}

#[test]
fn headers_are_conditions_like_others() {
    // smi H-13: a second value next to an allowed one does not pass an anchored condition
    let group = GROUP.replace("pathRegex: /api", "headers: {x-tenant: '^a$'}");
    let rule = "{kind: HTTPRouteGroup, name: g, matches: [api]}";
    let mesh = Mesh::of(&format!("{API}{group}{}", target("t", rule, "x")));
    for (headers, want) in [
        (&[("x-tenant", "a")][..], "default/api:8080"),
        (&[("x-tenant", "a"), ("x-tenant", "b")], "403"),
        (&[], "403"),
    ] {
        let call = Call::new("GET api:8080/", "default/x").headers(headers);
        assert_eq!(mesh.answer(&call), want, "{headers:?}");
    }
}

#[test]
fn services_without_endpoints_are_denied_alike() {
    // smi T-17: the one who carries it out answers 503 first where there are no ready endpoints
    let options = Options { access_mode: AccessMode::Deny, ..Options::default() };
    let mesh = Mesh::new(&format!("{API}{}", root("api")), &options);
    let call = Call::new("GET api:8080/", "default/x");
    let crate::Outcome::Deny(to) = mesh.decide(&call).admitted() else { panic!() };
    assert_eq!(to.forward.unavailable, 503);
    assert!(mesh.translation.endpoints.of_service(&to.service.name, to.port).is_empty());
}
