//! Which listeners are in force (gateway-api §4, §5).

use super::*;

#[test]
fn listeners_that_cannot_share_a_port_all_lose() {
    // gateway-api §5.3
    let documents = [gateway(&[
        "name: a, port: 80, protocol: HTTP",
        "name: b, port: 80, protocol: HTTPS, tls: {certificateRefs: [{name: c}]}",
        "name: c, port: 81, protocol: HTTP",
        "name: d, port: 82, protocol: UDP",
    ])];
    let got = translated(&default_options(), &documents);
    assert_eq!(got.hosts(), ["gw/c *: "]);
    assert_eq!(
        got.diagnostics,
        [
            "error ProtocolConflict: spec.listeners[0]: \
             the listeners `a` (HTTP) and `b` (HTTPS) cannot share port 80",
            "error ProtocolConflict: spec.listeners[1]: \
             the listeners `b` (HTTPS) and `a` (HTTP) cannot share port 80",
            "warning InvalidCertificateRef: spec.listeners[1].tls.certificateRefs[0]: \
             there is no Secret `default/c`",
            "warning UnsupportedProtocol: spec.listeners[3]: the protocol `UDP` is not supported \
             (the protocols are `HTTP` and `HTTPS`)",
        ]
    );
    let conditions = got.conditions("Gateway", "gw");
    for want in [
        " Accepted=true/ListenersNotValid",
        " Programmed=true/Programmed",
        "a Accepted=false/ProtocolConflict",
        "a Conflicted=true/ProtocolConflict",
        "a Programmed=false/Invalid",
        "c Accepted=true/Accepted",
        "c Conflicted=false/NoConflicts",
        "c Programmed=true/Programmed",
        "d Accepted=false/UnsupportedProtocol",
        "d Conflicted=false/NoConflicts",
    ] {
        assert!(conditions.iter().any(|c| c == want), "{want}: {conditions:#?}");
    }
}

/// A ListenerSet of the Gateway `of`.
fn listener_set(name: &str, created: &str, of: &str, listener: &str) -> String {
    format!(
        "---
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {{name: {name}, creationTimestamp: '{created}'}}
spec:
  parentRef: {{name: {of}}}
  listeners: [{{{listener}}}]
"
    )
}

/// A Gateway that takes ListenerSets.
fn open_gateway(name: &str, created: &str, listener: &str) -> String {
    let created = format!("creationTimestamp: '{created}'");
    let gateway = named_gateway(name, &created, &[listener]);
    format!("{gateway}  allowedListeners: {{namespaces: {{from: All}}}}\n")
}

#[test]
fn a_listener_set_takes_nothing_from_other_gateways() {
    // gateway-api §5.3, decisions §1: its own age counts, not that of its Gateway.
    let (old, new) = ("2020-01-01T00:00:00Z", "2024-01-01T00:00:00Z");
    let documents = [
        open_gateway("old", old, "name: l, port: 80, protocol: HTTP"),
        open_gateway("new", new, "name: l, port: 81, protocol: HTTP, hostname: bank.example"),
        listener_set("a", new, "old", "name: m, port: 81, protocol: HTTP, hostname: bank.example"),
        listener_set("b", old, "new", "name: m, port: 82, protocol: HTTP"),
        listener_set("c", new, "old", "name: m, port: 82, protocol: HTTP"),
    ];
    let got = in_force::in_force(&default_options(), &documents);
    let accepted = |kind: &str, name: &str, part: &str| got.condition(kind, name, part);
    assert_eq!(accepted("Gateway", "new", "l Accepted"), "true/Accepted");
    assert_eq!(accepted("ListenerSet", "a", "m Accepted"), "false/HostnameConflict");
    assert_eq!(accepted("ListenerSet", "b", "m Accepted"), "true/Accepted");
    assert_eq!(accepted("ListenerSet", "c", "m Accepted"), "false/HostnameConflict");
}

#[test]
fn a_listener_without_a_place_keeps_none_from_sets() {
    // gateway-api §8.2
    let (old, new) = ("2020-01-01T00:00:00Z", "2024-01-01T00:00:00Z");
    let tls = "tls: {certificateRefs: [{name: c}]}";
    let https = |host: &str| format!("name: l, port: 84, protocol: HTTPS, hostname: {host}, {tls}");
    let young = named_gateway(
        "young",
        &format!("creationTimestamp: '{new}'"),
        &["name: lost, port: 84, protocol: HTTP", "name: k, port: 85, protocol: HTTP"],
    );
    let documents = [
        open_gateway("old", old, &https("old.example")),
        format!("{young}  allowedListeners: {{namespaces: {{from: All}}}}\n"),
        listener_set("set", new, "young", &https("set.example")),
    ];
    let got = in_force::in_force(&default_options(), &documents);
    assert_eq!(got.condition("Gateway", "young", "lost Accepted"), "false/ProtocolConflict");
    assert_eq!(got.condition("ListenerSet", "set", "l Accepted"), "true/Accepted");
}

#[test]
fn a_listener_whose_port_a_virtual_server_has_says_so() {
    // gateway-api §5.3, decisions §1
    let servers = "---
apiVersion: k8s.nginx.org/v1
kind: GlobalConfiguration
metadata: {name: g}
spec: {listeners: [{name: s, port: 8080, protocol: HTTP, ssl: true}]}
---
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: v, creationTimestamp: '2021-01-01T00:00:00Z'}
spec:
  host: v.example
  listener: {https: s}
  tls: {secret: c}
  upstreams: [{name: s, service: s, port: 80}]
  routes: [{path: /, action: {pass: s}}]
";
    let listeners = ["name: l, port: 8080, protocol: HTTP", "name: m, port: 81, protocol: HTTP"];
    for (created, lost) in [("2022", true), ("2020", false)] {
        let created = format!("creationTimestamp: '{created}-01-01T00:00:00Z'");
        // What counts is the age of the route that the host is there for.
        let spec = "  parentRefs: [{name: gw}]\n  rules: [{backendRefs: [{name: s, port: 80}]}]";
        let route = route("r", &created, spec);
        let documents = [gateway(&listeners), route, servers.to_owned()];
        let got = in_force::in_force(&default_options(), &documents);
        let condition = |part: &str| got.condition("Gateway", "gw", part);
        let want = match lost {
            true => ["false/ProtocolConflict", "true/ProtocolConflict", "false/Invalid"],
            false => ["true/Accepted", "false/NoConflicts", "true/Programmed"],
        };
        let parts = ["l Accepted", "l Conflicted", "l Programmed"];
        assert_eq!(parts.map(condition), want);
        assert_eq!(condition("m Accepted"), "true/Accepted");
        let all = if lost { "true/ListenersNotValid" } else { "true/Accepted" };
        assert_eq!(condition(" Accepted"), all);
    }
}

#[test]
fn a_namespace_that_cannot_be_read_is_not_selected() {
    // gateway-api §9.2
    let namespace = |label: &str| {
        format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: default, labels: {{a: {label}}}}}\n"
        )
    };
    let routes = "allowedRoutes: {namespaces: {from: Selector, selector: \
                  {matchExpressions: [{key: a, operator: DoesNotExist}]}}}";
    let gateway = gateway(&[&format!("name: l, port: 80, protocol: HTTP, {routes}")]);
    let route = rule("    backendRefs: [{name: s, port: 80}]");
    for (documents, want) in [
        (vec![], "true/Accepted"),
        (vec![namespace("b")], "false/NotAllowedByListeners"),
        // A label is no boolean: the document is refused.
        (vec![namespace("true")], "false/NotAllowedByListeners"),
    ] {
        let mut documents: Vec<String> = documents;
        documents.extend([gateway.clone(), route.clone()]);
        let got = in_force::in_force(&default_options(), &documents);
        assert_eq!(got.condition("HTTPRoute", "r", "gw Accepted"), want, "{documents:?}");
    }
}

#[test]
fn between_gateways_the_older_listener_wins() {
    let old = "creationTimestamp: '2024-01-01T00:00:00Z'";
    let documents = [
        named_gateway(
            "a",
            "",
            &[
                "name: same, port: 80, protocol: HTTP",
                "name: host, port: 80, protocol: HTTP, hostname: a.example",
                "name: tls, port: 81, protocol: HTTPS, tls: {certificateRefs: [{name: c}]}",
            ],
        ),
        named_gateway(
            "b",
            old,
            &["name: x, port: 80, protocol: HTTP", "name: y, port: 81, protocol: HTTP"],
        ),
    ];
    let got = translated(&default_options(), &documents);
    assert_eq!(got.hosts(), ["a/host a.example: ", "b/x *: ", "b/y *: "]);
    assert_eq!(
        got.diagnostics,
        [
            "warning HostnameConflict: spec.listeners[0]: port 80 has a listener for host `*` already, \
             in Gateway default/b (the older Gateway wins, then the first by name)",
            "warning ProtocolConflict: spec.listeners[2]: port 81 speaks http already, \
             in Gateway default/b (the older Gateway wins, then the first by name)",
            "warning InvalidCertificateRef: spec.listeners[2].tls.certificateRefs[0]: \
             there is no Secret `default/c`",
        ]
    );
}

#[test]
fn gateways_of_other_classes_are_invisible() {
    let documents = [GATEWAY.to_owned(), rule("    backendRefs: [{name: s, port: 80}]")];
    for (class, served) in [(None, 1), (Some("ours"), 1), (Some("theirs"), 0)] {
        let options = Options { gateway_class: class.map(Into::into), ..default_options() };
        let got = translated(&options, &documents);
        assert_eq!(got.claims.len(), served, "{class:?}");
        assert_eq!(got.statuses.len(), 2 * served, "{class:?}");
        assert_eq!(got.diagnostics, [""; 0], "{class:?}");
    }
    let class = "---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: our}
spec: {controllerName: example.com/gateway}
";
    let got = translated(&default_options(), &[GATEWAY.into(), class.into()]);
    assert_eq!(got.claims.len(), 1);
    assert_eq!(
        got.diagnostics,
        ["warning unknown-class: spec.gatewayClassName: \
          no document describes the GatewayClass `ours` (did you mean `our`?)"]
    );
}
