//! What objects show of themselves (gateway-api §24).

use super::*;

const CLASS: &str = "---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: ours, generation: 2}
spec: {controllerName: example.com/gateway}
";

#[test]
fn listeners_count_the_accepted_routes_attached_to_them() {
    // gateway-api §5.2, §9.2
    let gateway = gateway(&[
        "name: all, port: 80, protocol: HTTP",
        "name: own, port: 80, protocol: HTTP, hostname: a.example",
        "name: other, port: 81, protocol: HTTP, hostname: b.example",
        "name: grpc, port: 82, protocol: HTTP, allowedRoutes: {kinds: [{kind: GRPCRoute}]}",
        "name: both, port: 83, protocol: HTTP, hostname: c.example, \
         allowedRoutes: {kinds: [{kind: GRPCRoute}, {kind: HTTPRoute}]}",
        "name: refused, port: 84, protocol: UDP",
    ]);
    let backend = "rules: [{backendRefs: [{name: s, port: 80}]}]";
    let host = "hostnames: [a.example]";
    let bad = "rules: [{matches: [{path: {type: RegularExpression, value: '('}}]}]";
    let documents = [
        gateway,
        route("a", "", &format!("  parentRefs: [{{name: gw}}]\n  {host}\n  {backend}")),
        // Of another kind, and not where the older one has a host already (gateway-api §18.4).
        grpc_route("d", "", &format!("  parentRefs: [{{name: gw}}]\n  {backend}")),
        // Two ways to one listener count once.
        route(
            "b",
            "",
            &format!("  parentRefs: [{{name: gw, port: 80}}, {{name: gw, port: 81}}]\n  {backend}"),
        ),
        route("c", "", &format!("  parentRefs: [{{name: gw}}]\n  {bad}")),
    ];
    let got = translated(&default_options(), &documents);
    let Status::Gateway { listeners, .. } = &got.status("Gateway", "gw").status else { panic!() };
    let say = |listener: &crate::translate::ListenerStatus| {
        let kinds: Vec<&str> = listener.supported_kinds.iter().map(|k| &*k.kind).collect();
        format!("{} {} {}", listener.name, listener.attached_routes, kinds.join(" "))
    };
    let got: Vec<String> = listeners.iter().map(say).collect();
    assert_eq!(
        got,
        [
            "all 2 HTTPRoute GRPCRoute",
            "own 2 HTTPRoute GRPCRoute",
            "other 1 HTTPRoute GRPCRoute",
            "grpc 1 GRPCRoute",
            "both 1 HTTPRoute GRPCRoute",
            "refused 0 ",
        ]
    );
}

#[test]
fn a_route_names_its_parents_as_it_wrote_them() {
    // gateway-api §24
    let spec = "  parentRefs:
  - {name: gw, namespace: default, sectionName: http, port: 80}
  - {name: gw}
  - {name: none}
  rules: [{backendRefs: [{name: s, port: 80}]}]";
    let route = route("r", "generation: 7", spec);
    for (class, controller) in [("", None), (CLASS, Some("example.com/gateway"))] {
        let documents = [class.to_owned(), format!("---{GATEWAY}"), route.clone()];
        let got = translated(&default_options(), &documents);
        let status = got.status("HTTPRoute", "r");
        assert_eq!(status.generation, Some(7));
        let Status::Route { parents } = &status.status else { panic!("{status:?}") };
        let say = |parent: &crate::translate::ParentStatus| {
            assert_eq!(parent.controller.as_deref(), controller);
            let p = &parent.parent;
            format!(
                "{} {} {:?} {} {:?} {:?}",
                p.group, p.kind, p.namespace, p.name, p.section_name, p.port
            )
        };
        let got: Vec<String> = parents.iter().map(say).collect();
        let group = "gateway.networking.k8s.io Gateway";
        let want = [
            format!("{group} Some(\"default\") gw Some(\"http\") Some(80)"),
            format!("{group} None gw None None"),
        ];
        assert_eq!(got, want, "{class}");
    }
}

#[test]
fn a_class_is_accepted_without_parameters() {
    // gateway-api §4
    let parameters = ", parametersRef: {group: example.com, kind: Config, name: c}}\n";
    let with_parameters = CLASS.replace("}\n", parameters).replacen(parameters, "}\n", 1);
    for (class, ours, want, warnings) in [
        (CLASS, None, vec![" Accepted=true/Accepted"], 0),
        (CLASS, Some("ours"), vec![" Accepted=true/Accepted"], 0),
        (&with_parameters, None, vec![" Accepted=false/InvalidParameters"], 1),
        (CLASS, Some("theirs"), vec![], 0),
    ] {
        let options = Options { gateway_class: ours.map(Into::into), ..default_options() };
        let got = translated(&options, &[class.to_owned()]);
        assert_eq!(got.diagnostics.len(), warnings, "{class} {:?}", got.diagnostics);
        if want.is_empty() {
            assert!(got.statuses.is_empty(), "{class} {ours:?}");
        } else {
            assert_eq!(got.conditions("GatewayClass", "ours"), want, "{class}");
            assert_eq!(got.status("GatewayClass", "ours").generation, Some(2), "{class}");
        }
    }
}
