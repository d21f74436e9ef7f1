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
        // Of another class: not ours.
        gateway_on("e", 85, ALL).replace("ours", "theirs"),
        gateway_on("f", 86, ALL).replace("name: f,", "name: f, namespace: infra,"),
    ];
    let refused = "f Accepted=false/NotAllowedByListeners";
    let options = Options { gateway_class: Some("ours".into()), ..default_options() };
    for (spec, hosts, conditions) in [
        (
            "  useDefaultGateways: All",
            &["a/l *: r", "b/l *: ", "c/l *: ", "d/l *: r"][..],
            &["a", "d", "f"][..],
        ),
        ("  useDefaultGateways: None", &["a/l *: ", "b/l *: ", "c/l *: ", "d/l *: "], &[]),
        ("  parentRefs: [{name: b}]", &["a/l *: ", "b/l *: r", "c/l *: ", "d/l *: "], &["b"]),
        (
            "  useDefaultGateways: All\n  parentRefs: [{name: b}]",
            &["a/l *: r", "b/l *: r", "c/l *: ", "d/l *: r"],
            &["b", "a", "d", "f"],
        ),
        // Named anyway: one entry.
        (
            "  useDefaultGateways: All\n  parentRefs: [{name: a}]",
            &["a/l *: r", "b/l *: ", "c/l *: ", "d/l *: r"],
            &["a", "d", "f"],
        ),
        (
            "  useDefaultGateways: All\n  parentRefs: [{name: d, namespace: default}]",
            &["a/l *: r", "b/l *: ", "c/l *: ", "d/l *: r"],
            &["d", "a", "f"],
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
            for condition in got.conditions(kind, "r") {
                // Ordinary rules hold: listeners of other namespaces take no route from here.
                let fine = condition.contains("Accepted=true/Accepted")
                    || condition.contains("ResolvedRefs=true")
                    || condition == refused;
                assert!(fine, "{kind} {spec} {condition}");
            }
            let accepted = |name: &str| {
                let all = got.conditions(kind, "r");
                all.contains(&format!("{name} Accepted=true/Accepted"))
            };
            for name in conditions.iter().filter(|name| **name != "f") {
                assert!(accepted(name), "{kind} {spec} {name}");
            }
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
    for (listener, spec, want) in [
        ("", hosts, "true/Accepted"),
        (", hostname: a.example", hosts, "false/NoMatchingListenerHostname"),
        (", hostname: a.example", "", "true/Accepted"),
        (", allowedRoutes: {kinds: [{kind: GRPCRoute}]}", "", "false/NotAllowedByListeners"),
        (", allowedRoutes: {namespaces: {from: All}}", "", "true/Accepted"),
    ] {
        let listener = format!("name: l, port: 80, protocol: HTTP{listener}");
        let gateway = named_gateway("gw", "", &[&listener]) + ALL;
        let document = route("r", "", &format!("  useDefaultGateways: All\n{spec}{RULES}"));
        let got = in_force(&default_options(), &[gateway, document]);
        assert_eq!(got.condition("HTTPRoute", "r", "gw Accepted"), want, "{listener} {spec}");
        let answer = if want == "true/Accepted" { "default/s:80" } else { "404" };
        let host = if spec.is_empty() { "a.example/" } else { "b.example/" };
        assert_eq!(target(&got.get(host, 0)), answer, "{listener} {spec}");
    }
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
