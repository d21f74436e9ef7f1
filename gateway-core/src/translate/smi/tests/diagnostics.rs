//! Codes and fields (smi §10).

use super::*;

#[test]
fn faults_of_a_split_are_found_at_their_field() {
    let refer = "  matches: [{kind: HTTPRouteGroup, name: g}]";
    let with = |from: &str, to: &str| split("s", refer).replace(from, to);
    for (yaml, want) in [
        // smi S-12, P-7
        (with("kind: HTTPRouteGroup,", "kind: TCPRoute,"), ("wrong-kind", "spec.matches[0].kind")),
        (with("kind: HTTPRouteGroup, ", ""), ("missing-field", "spec.matches[0].kind")),
        (with(", name: g", ""), ("missing-field", "spec.matches[0].name")),
        (
            with(", name: g", ", name: g, apiGroup: split.smi-spec.io"),
            ("wrong-group", "spec.matches[0].apiGroup"),
        ),
        // smi P-6
        (with("service: tea\n", "service: ''\n"), ("invalid-service", "spec.service")),
        (with("tea-2", "tea.other.svc"), ("invalid-service", "spec.backends[1].service")),
        (with("tea-2", "Tea"), ("invalid-service", "spec.backends[1].service")),
        // smi P-11
        (with("service: tea\n", "service: 1\n"), ("wrong-type", "spec.service")),
        (with("  service: tea\n", ""), ("missing-field", "spec.service")),
        (
            with("  service: tea\n", "  service: tea\n  matches: {}\n").replace(refer, ""),
            ("wrong-type", "spec.matches"),
        ),
    ] {
        let outcome = of(&yaml);
        assert_eq!(outcome.found(Severity::Error), [want], "{yaml}");
        assert_eq!(outcome.refused, ["TrafficSplit default/s"], "{yaml}");
    }
    // smi P-7
    let right = with(", name: g", ", name: g, apiGroup: specs.smi-spec.io");
    assert_eq!(of(&right).found(Severity::Error), []);
}

#[test]
fn faults_of_a_group_are_found_at_their_field() {
    for (matches, want) in [
        // smi H-1
        ("  - {name: a}\n  - {name: b}\n  - {name: a}", ("duplicate-name", "spec.matches[2].name")),
        // smi H-4
        ("  - {name: a, headers: [x]}", ("wrong-type", "spec.matches[0].headers[0]")),
        ("  - {name: a, headers: x}", ("wrong-type", "spec.matches[0].headers")),
        // smi P-11
        (
            "  - {name: a, headers: {x-test: true}}",
            ("wrong-type", "spec.matches[0].headers.x-test"),
        ),
        ("  - {name: a, headers: {x-test: }}", ("wrong-type", "spec.matches[0].headers.x-test")),
        ("  - {name: a, pathRegex: 1}", ("wrong-type", "spec.matches[0].pathRegex")),
        ("  - {name: a, methods: GET}", ("wrong-type", "spec.matches[0].methods")),
        // smi H-9
        ("  - {name: a, methods: [GET, 'A B']}", ("invalid-method", "spec.matches[0].methods[1]")),
        ("  - {name: a, methods: ['']}", ("invalid-method", "spec.matches[0].methods[0]")),
        // smi H-14
        (
            "  - {name: a, headers: {':path': x}}",
            ("invalid-header", "spec.matches[0].headers.:path"),
        ),
        (
            "  - {name: a, headers: {a b: x}}",
            ("invalid-header", "spec.matches[0].headers[\"a b\"]"),
        ),
        // smi H-16
        ("  - {name: a, pathRegex: '/a('}", ("invalid-regex", "spec.matches[0].pathRegex")),
        ("  - {name: a, headers: {x: '(?=a)'}}", ("invalid-regex", "spec.matches[0].headers.x")),
        (
            "  - {name: a, headers: [{x: '(a)\\1'}]}",
            ("invalid-regex", "spec.matches[0].headers[0].x"),
        ),
    ] {
        let outcome = of(&group("g", matches));
        assert_eq!(outcome.found(Severity::Error), [want], "{matches}");
        assert_eq!(outcome.refused, ["HTTPRouteGroup default/g"], "{matches}");
    }
    let long = group("g", &format!("  - {{name: a, pathRegex: {}}}", "a".repeat(5000)));
    assert_eq!(of(&long).found(Severity::Error), [("invalid-regex", "spec.matches[0].pathRegex")]);
}

#[test]
fn all_faults_are_found_at_once() {
    let outcome =
        of(&group("g", "  - {name: a, pathRegex: '(', methods: ['(']}\n  - {headers: {x: '('}}"));
    let mut found: Vec<_> = outcome.found(Severity::Error);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("invalid-method", "spec.matches[0].methods[0]"),
            ("invalid-regex", "spec.matches[0].pathRegex"),
            ("invalid-regex", "spec.matches[1].headers.x"),
        ]
    );
}

#[test]
fn what_is_accepted_with_a_remark_is_in_force() {
    for (matches, want) in [
        ("  - pathRegex: /x/", ("SMI-W08", "spec.matches[0]")),
        ("    []", ("SMI-W09", "spec.matches")),
        ("  - {name: a, pathRegex: '*'}", ("SMI-W10", "spec.matches[0].pathRegex")),
        ("  - {name: a, methods: [GET, post]}", ("SMI-W11", "spec.matches[0].methods[1]")),
        ("  - {name: a, pathRegx: /}", ("SMI-W02", "spec.matches[0].pathRegx")),
        ("  - {name: a, pathRegex: /metrics}", ("SMI-L01", "spec.matches[0].pathRegex")),
        ("  - {name: a, headers: {Cookie: a=b}}", ("SMI-L02", "spec.matches[0].headers.Cookie")),
        (
            "  - {name: a, headers: [{cookie: '^(.*?;)?(a=b)(;.*)?$'}]}",
            ("SMI-L03", "spec.matches[0].headers[0].cookie"),
        ),
    ] {
        let outcome = of(&group("g", matches));
        assert_eq!(outcome.found(Severity::Notice), [want], "{matches}");
        assert!(outcome.refused.is_empty(), "{matches}");
    }
    let missing =
        of("apiVersion: specs.smi-spec.io/v1alpha1\nkind: HTTPRouteGroup\nmetadata: {name: g}");
    assert_eq!(missing.found(Severity::Notice), [("SMI-W09", "")]);
    // smi D-4
    let old =
        split("s", "  matches: [{kind: HTTPRouteGroup, name: g}]").replace("v1alpha3", "v1alpha2");
    let outcome = of(&(old + &group("g", "  - name: all")));
    assert_eq!(outcome.found(Severity::Notice), [("SMI-W01", "spec.matches")]);
    assert_eq!(outcome.service("tea").splits[0].matches.as_ref().unwrap().iter().count(), 1);
}

#[test]
fn unknown_fields_are_errors_in_strict_mode() {
    // smi P-8
    let strict = Options { strict: true, ..Options::default() };
    let yaml = split("s", "  mathces: []\n");
    let warned = of(&yaml);
    assert_eq!(warned.found(Severity::Warning), [("SMI-W02", "spec.mathces")]);
    assert_eq!(warned.diagnostics[0].help.as_deref(), Some("did you mean `matches`?"));
    assert_eq!(outcome(&yaml, &strict).refused, ["TrafficSplit default/s"]);
}

#[test]
fn near_names_are_proposed() {
    // smi S-7, S-11
    let yaml = split("s", "  matches: [{kind: HTTPRouteGroup, name: tea-grp}]")
        + &group("tea-group", "  - name: all")
        + &service("tea", "[{port: 80}]")
        + &service("tea-1", "[{port: 80}]")
        + &service("tea-22", "[{port: 80}]");
    let lines: Vec<String> = of(&yaml).diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "test.yaml:12:14: warning[SMI-W04]: TrafficSplit default/s: spec.backends[1].service: there \
             is no Service `tea-2`; it is left out; did you mean `tea-22`?",
            "test.yaml:14:42: warning[SMI-W05]: TrafficSplit default/s: spec.matches[0].name: no \
             HTTPRouteGroup `tea-grp` is in force in namespace `default`; it adds no condition; did \
             you mean `tea-group`?",
        ]
    );
}

#[test]
fn conditions_on_cookies_have_one_other_way_to_be_read() {
    // smi D-21
    let annotated = "metadata:\n  annotations: {smi.gateway/cookie-conditions: x}\n";
    let yaml = group("g", "  - name: a").replace("metadata:\n", annotated);
    let lines: Vec<String> = of(&yaml).diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        ["test.yaml:6:48: error[unsupported-value]: HTTPRouteGroup default/g: \
             metadata.annotations[\"smi.gateway/cookie-conditions\"]: `x` is not a way to read \
             conditions on cookies; the only one is `exact`"]
    );
    let exact = yaml.replace("conditions: x", "conditions: exact");
    let refused = of(&exact.replace("- name: a", "- {name: a, headers: {cookie: '^a$'}}"));
    let lines: Vec<String> = refused.diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        ["test.yaml:10:33: error[invalid-cookie]: HTTPRouteGroup default/g: \
             spec.matches[0].headers.cookie: `^a$` is not a cookie as `name=value`"]
    );
}
