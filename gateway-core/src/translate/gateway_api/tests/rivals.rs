//! HTTPRoutes and GRPCRoutes on one listener (gateway-api §18.4).

use super::*;

const OLD: &str = "creationTimestamp: '2024-01-01T00:00:00Z'";

fn spec(parent: &str, hosts: &str) -> String {
    format!(
        "  parentRefs: [{{name: gw{parent}}}]\n  hostnames: [{hosts}]\n  rules: [{{backendRefs: [{{name: s, port: 80}}]}}]"
    )
}

fn accepted(got: &Translated, kind: &str, name: &str) -> String {
    got.conditions(kind, name)[0].clone()
}

#[test]
fn of_two_kinds_with_a_host_in_common_the_older_route_is_accepted() {
    // gateway-api §18.4
    let (yes, no) = ("gw Accepted=true/Accepted", "gw Accepted=false/Conflicted");
    for (http, grpc, want) in [
        // By age, then by name, then by kind.
        (("h", OLD, "a.example"), ("g", "", "a.example"), (yes, no)),
        (("h", "", "a.example"), ("g", OLD, "a.example"), (no, yes)),
        (("a", "", "a.example"), ("b", "", "a.example"), (yes, no)),
        (("b", "", "a.example"), ("a", "", "a.example"), (no, yes)),
        (("a", "", "a.example"), ("a", "", "a.example"), (no, yes)),
        // Hosts intersect by wildcards too.
        (("h", OLD, "'*.example'"), ("g", "", "a.example"), (yes, no)),
        (("h", OLD, "a.b.example"), ("g", "", "'*.example'"), (yes, no)),
        (("h", OLD, ""), ("g", "", "'*.example'"), (yes, no)),
        (("h", OLD, "a.example"), ("g", "", "b.example"), (yes, yes)),
        (("h", OLD, "'*.example'"), ("g", "", "example"), (yes, yes)),
        (("h", OLD, "a.example"), ("g", "", "b.example, a.example"), (yes, no)),
    ] {
        let documents = [
            GATEWAY.into(),
            route(http.0, http.1, &spec("", http.2)),
            grpc_route(grpc.0, grpc.1, &spec("", grpc.2)),
        ];
        let got = translated(&default_options(), &documents);
        let shown = (accepted(&got, "HTTPRoute", http.0), accepted(&got, "GRPCRoute", grpc.0));
        assert_eq!((&*shown.0, &*shown.1), want, "{http:?} {grpc:?}");
        let routes = got.claims.iter().flat_map(|claim| &claim.routes).count();
        let refused = usize::from(want.0 == no) + usize::from(want.1 == no);
        assert_eq!((got.diagnostics.len(), routes > 0), (refused, true), "{:?}", got.diagnostics);
    }
}

#[test]
fn the_message_names_who_has_the_host() {
    let documents = [
        GATEWAY.into(),
        route("h", OLD, &spec("", "'*.example'")),
        grpc_route("g", "", &spec("", "other, a.example")),
    ];
    let got = translated(&default_options(), &documents);
    assert_eq!(
        got.diagnostics,
        [
            "warning Conflicted: spec.parentRefs[0]: HTTPRoute default/h has requests that `a.example` covers on \
          the listener `http` (an HTTPRoute and a GRPCRoute cannot share a host; the older one wins)"
        ]
    );
    assert_eq!(got.hosts(), ["gw/http *.example: h", "gw/http *: "]);
}

#[test]
fn a_conflict_on_one_listener_leaves_the_others() {
    let documents = [
        gateway(&["name: a, port: 80, protocol: HTTP", "name: b, port: 81, protocol: HTTP"]),
        route("h", OLD, &spec(", sectionName: a", "x.example")),
        grpc_route("g", "", &spec("", "x.example")),
    ];
    let got = translated(&default_options(), &documents);
    assert_eq!(got.diagnostics.len(), 1, "{:?}", got.diagnostics);
    assert_eq!(accepted(&got, "GRPCRoute", "g"), "gw Accepted=true/Accepted");
    assert_eq!(got.hosts(), ["gw/a *: ", "gw/a x.example: h", "gw/b *: ", "gw/b x.example: g"]);
}

#[test]
fn a_rejected_route_rejects_nobody() {
    // `g` loses against `h`, and so has no say about `i`.
    let documents = [
        GATEWAY.into(),
        route("h", "creationTimestamp: '2023-01-01T00:00:00Z'", &spec("", "a.example")),
        grpc_route("g", OLD, &spec("", "a.example, b.example")),
        route("i", "", &spec("", "b.example")),
    ];
    let got = translated(&default_options(), &documents);
    for (kind, name, want) in [
        ("HTTPRoute", "h", "true/Accepted"),
        ("GRPCRoute", "g", "false/Conflicted"),
        ("HTTPRoute", "i", "true/Accepted"),
    ] {
        assert_eq!(accepted(&got, kind, name), format!("gw Accepted={want}"), "{name}");
    }
}

#[test]
fn a_listener_may_take_one_kind_only() {
    // gateway-api §5.2
    let gateway = gateway(&[
        "name: l, port: 80, protocol: HTTP, allowedRoutes: {kinds: [{kind: HTTPRoute}]}",
    ]);
    let got = translated(&default_options(), &[gateway, grpc_route("g", "", &spec("", ""))]);
    assert_eq!(
        got.diagnostics,
        [
            "warning NotAllowedByListeners: spec.parentRefs[0]: no listener of the Gateway `gw` takes \
          GRPCRoutes of namespace `default` (see `allowedRoutes` of its listeners)"
        ]
    );
}
