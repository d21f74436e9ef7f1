//! Gateways that take routes by default (gateway-api §9.4).

use super::in_force::*;
use super::*;
use crate::translate::ParentStatus;

const ALL: &str = "  defaultScope: All\n";

fn gateway_on(name: &str, port: u16, more: &str) -> String {
    named_gateway(name, "", &[&format!("name: l, port: {port}, protocol: HTTP")]) + more
}

fn parents(got: &Translated, kind: &str) -> Vec<ParentStatus> {
    match &got.status(kind, "r").status {
        Status::Route { parents } => parents.clone(),
        other => panic!("{other:?}"),
    }
}

const RULES: &str = "  rules: [{backendRefs: [{name: s, port: 80}]}]";

#[test]
fn routes_go_to_gateways_that_take_all() {
    // gateway-api §9.4
    let gateways = [
        gateway_on("a", 81, ALL),
        gateway_on("b", 82, ""),
        gateway_on("c", 83, "  defaultScope: None\n"),
        gateway_on("d", 84, ALL),
        // Of another class: not ours. The one after it takes no routes of other namespaces, which
        // is nothing that a route which does not name it has to be told.
        gateway_on("e", 85, ALL).replace("ours", "theirs"),
        gateway_on("f", 86, ALL).replace("name: f,", "name: f, namespace: infra,"),
    ];
    let options = Options { gateway_class: Some("ours".into()), ..default_options() };
    for (spec, hosts, conditions) in [
        (
            "  useDefaultGateways: All",
            &["a/l *: r", "b/l *: ", "c/l *: ", "d/l *: r"][..],
            &["a", "d"][..],
        ),
        ("  useDefaultGateways: None", &["a/l *: ", "b/l *: ", "c/l *: ", "d/l *: "], &[]),
        ("  parentRefs: [{name: b}]", &["a/l *: ", "b/l *: r", "c/l *: ", "d/l *: "], &["b"]),
        (
            "  useDefaultGateways: All\n  parentRefs: [{name: b}]",
            &["a/l *: r", "b/l *: r", "c/l *: ", "d/l *: r"],
            &["b", "a", "d"],
        ),
        // Named anyway: one entry.
        (
            "  useDefaultGateways: All\n  parentRefs: [{name: a}]",
            &["a/l *: r", "b/l *: ", "c/l *: ", "d/l *: r"],
            &["a", "d"],
        ),
        // Something else of that name is not the Gateway.
        (
            "  useDefaultGateways: All\n  parentRefs: [{group: a.example, kind: Gateway, name: a}]",
            &["a/l *: r", "b/l *: ", "c/l *: ", "d/l *: r"],
            &["a", "d"],
        ),
        (
            "  useDefaultGateways: All\n  parentRefs: [{name: d, namespace: default}]",
            &["a/l *: r", "b/l *: ", "c/l *: ", "d/l *: r"],
            &["d", "a"],
        ),
    ] {
        for kind in ["HTTPRoute", "GRPCRoute"] {
            let document = route_of_kind(kind, "r", "", &format!("{spec}\n{RULES}"));
            let got = translated(&options, &[&gateways[..], &[document]].concat());
            let found: Vec<String> =
                got.hosts().into_iter().filter(|host| !host.contains("infra")).collect();
            assert_eq!(found, hosts, "{kind} {spec}");
            if conditions.is_empty() {
                let all = got.statuses.iter();
                assert!(all.filter(|s| *s.object.name == *"r").count() == 0, "{kind} {spec}");
                continue;
            }
            let parents = parents(&got, kind);
            let names: Vec<&str> = parents.iter().map(|p| &*p.parent.name).collect();
            assert_eq!(names, conditions, "{kind} {spec}");
            let all = got.conditions(kind, "r");
            for condition in &all {
                assert!(condition.contains("=true/"), "{kind} {spec} {condition}");
            }
            for name in conditions {
                let accepted = format!("{name} Accepted=true/Accepted");
                assert!(all.contains(&accepted), "{kind} {spec} {name}");
            }
            let told = got.diagnostics.iter().filter(|d| !d.contains("unsupported-parent"));
            assert_eq!(told.count(), 0, "{kind} {spec} {:?}", got.diagnostics);
        }
    }
}

#[test]
fn a_default_parent_is_told_in_full() {
    // gateway-api §9.4, §24
    let document = route("r", "generation: 3", &format!("  useDefaultGateways: All\n{RULES}"));
    let got = clean(&[gateway_on("a", 81, ALL), document]);
    let [parent] = &*parents(&got, "HTTPRoute") else { panic!("{:?}", got.statuses) };
    let reference = &parent.parent;
    assert_eq!((&*reference.group, &*reference.kind), ("gateway.networking.k8s.io", "Gateway"));
    assert_eq!((reference.namespace.as_deref(), &*reference.name), (Some("default"), "a"));
    assert_eq!((&reference.section_name, reference.port), (&None, None));
    let status = got.status("HTTPRoute", "r");
    assert_eq!(status.generation, Some(3));
    // It counts as attached.
    let Status::Gateway { listeners, .. } = &got.status("Gateway", "a").status else { panic!() };
    assert_eq!(listeners[0].attached_routes, 1);
}

#[test]
fn ordinary_rules_of_attachment_hold() {
    // gateway-api §9.2, §9.4
    let hosts = "  hostnames: [b.example]\n";
    for (listener, spec, fault) in [
        ("", hosts, ""),
        (
            ", hostname: a.example",
            hosts,
            "NoMatchingListenerHostname: … the hosts `b.example` have \
             none in common with the listeners' `a.example`",
        ),
        (", hostname: a.example", "", ""),
        (
            ", allowedRoutes: {kinds: [{kind: GRPCRoute}]}",
            "",
            "NotAllowedByListeners: … no listener \
             of the Gateway `gw` takes HTTPRoutes of namespace `default`",
        ),
        (", allowedRoutes: {namespaces: {from: All}}", "", ""),
    ] {
        let listener = format!("name: l, port: 80, protocol: HTTP{listener}");
        let gateway = named_gateway("gw", "", &[&listener]) + ALL;
        let document = route("r", "", &format!("  useDefaultGateways: All\n{spec}{RULES}"));
        let got = in_force(&default_options(), &[gateway, document]);
        // A route that nobody takes is told once, and has no status for a Gateway it does not name.
        let of_route = |s: &&ObjectStatus| *s.object.name == *"r";
        let statuses = got.translation.statuses.iter().filter(of_route).count();
        let answer = if fault.is_empty() {
            assert_eq!(got.condition("HTTPRoute", "r", "gw Accepted"), "true/Accepted", "{spec}");
            assert_eq!(got.told(), [""; 0], "{listener} {spec}");
            "default/s:80"
        } else {
            assert_eq!(statuses, 0, "{listener} {spec}");
            let none = "no Gateway that takes routes by default takes this one:";
            assert_eq!(got.told(), [fault.replace('…', none)], "{listener} {spec}");
            "404"
        };
        let host = if spec.is_empty() { "a.example/" } else { "b.example/" };
        assert_eq!(target(&got.get(host, 0)), answer, "{listener} {spec}");
    }
}

#[test]
fn a_gateway_that_a_route_does_not_name_is_nothing_to_complain_of() {
    // gateway-api §9.4: one fits, or the route has parents of its own.
    let gateways: Vec<String> = (0..9)
        .map(|n| {
            let listener =
                format!("name: l, port: {}, protocol: HTTP, hostname: {n}.example", 80 + n);
            named_gateway(&format!("g{n}"), "", &[&listener]) + ALL
        })
        .chain([named_gateway("own", "", &["name: l, port: 99, protocol: HTTP"])])
        .collect();
    for (spec, want) in [
        ("  useDefaultGateways: All\n  hostnames: [3.example]", &["g3"][..]),
        (
            "  useDefaultGateways: All\n  hostnames: [x.example]\n  parentRefs: [{name: own}]",
            &["own"],
        ),
        // One that it names has to fit.
        (
            "  useDefaultGateways: All\n  hostnames: [3.example]\n  parentRefs: [{name: g4}]",
            &["g4", "g3"],
        ),
    ] {
        let document = route("r", "", &format!("{spec}\n{RULES}"));
        let got = translated(&default_options(), &[&gateways[..], &[document]].concat());
        let parents = parents(&got, "HTTPRoute");
        let names: Vec<&str> = parents.iter().map(|p| &*p.parent.name).collect();
        assert_eq!(names, want, "{spec}");
        let told = usize::from(want.contains(&"g4"));
        assert_eq!(got.diagnostics.len(), told, "{spec} {:?}", got.diagnostics);
    }
}

#[test]
fn of_two_kinds_at_a_default_gateway_the_older_has_the_host() {
    // gateway-api §9.4, §18.4: there the route would fit.
    let of_kind = |kind: &str, name: &str, year: u16| {
        let meta = format!("creationTimestamp: '{year}-01-01T00:00:00Z'");
        route_of_kind(kind, name, &meta, &format!("  useDefaultGateways: All\n{RULES}"))
    };
    let documents = [
        gateway_on("a", 80, ALL),
        of_kind("HTTPRoute", "r", 2025),
        of_kind("GRPCRoute", "g", 2024),
    ];
    let got = in_force(&default_options(), &documents);
    assert_eq!(got.condition("HTTPRoute", "r", "a Accepted"), "false/Conflicted");
    assert_eq!(got.told().len(), 1, "{:?}", got.told());
}

#[test]
fn without_a_default_gateway_the_route_says_so() {
    // gateway-api §9.2, §9.4
    let document = route("r", "", &format!("  useDefaultGateways: All\n{RULES}"));
    let got = translated(&default_options(), &[GATEWAY.to_owned(), document]);
    assert_eq!(
        got.diagnostics,
        ["warning unknown-parent: spec.useDefaultGateways: \
          there is no Gateway that takes routes by default (a Gateway does with `defaultScope: All`)"]
    );
}

#[test]
fn defaults_belong_to_the_experimental_channel() {
    // gateway-api §1
    let options = Options { channel: super::super::Channel::Standard, ..default_options() };
    let document = route("r", "", &format!("  useDefaultGateways: All\n{RULES}"));
    let got = translated(&options, &[gateway_on("a", 81, ""), document]);
    assert_eq!(got.refused, ["HTTPRoute default/r"]);
    assert_eq!(got.hosts(), ["a/l *: "]);
    let got = translated(&options, &[gateway_on("a", 81, ALL)]);
    assert_eq!(got.refused, ["Gateway default/a"]);
    assert_eq!(got.hosts(), [""; 0]);
}
