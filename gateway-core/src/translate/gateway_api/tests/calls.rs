//! Matches of GRPCRoutes (gateway-api §18).

use super::*;

const BACKEND: &str = "    backendRefs: [{name: s, port: 80}]";

/// A rule with one match.
fn matching(wanted: &str) -> String {
    grpc_rule(&format!("    matches: [{{{wanted}}}]\n{BACKEND}"))
}

#[test]
fn service_and_method_are_the_two_parts_of_the_path() {
    // gateway-api §18.2
    for (method, path, taken, others) in [
        (
            "service: shop.v1.Carts, method: Get",
            "exactly `/shop.v1.Carts/Get`",
            vec!["/shop.v1.Carts/Get"],
            vec![
                "/shop.v1.Carts/get",
                "/shop.v1.Carts/GetAll",
                "/shop.v1.Carts/Get/",
                "/shop.v1.carts/Get",
            ],
        ),
        (
            "type: Exact, service: shop.v1.Carts",
            "prefix `/shop.v1.Carts/`",
            vec!["/shop.v1.Carts/Get", "/shop.v1.Carts/Put"],
            vec!["/shop.v1.CartsX/Get", "/shop.v1.Carts", "/x/shop.v1.Carts/Get"],
        ),
        (
            "method: Get",
            "exactly `/{*service}/Get`",
            vec!["/shop.v1.Carts/Get", "/a/Get"],
            vec!["/shop.v1.Carts/GetAll", "/Get", "/a/Get/b"],
        ),
        (
            "type: RegularExpression, service: 'shop[.]v[12].*|test', method: Get|Put",
            "matching `/(?:shop[.]v[12].*|test)/(?:Get|Put)` as a whole",
            vec!["/shop.v1.Carts/Get", "/shop.v2/Put", "/test/Put"],
            vec!["/shop.v3/Get", "/shop.v1.Carts/GetAll", "/test", "/xtest/Get", "/Put"],
        ),
        (
            "type: RegularExpression, service: '^shop[.]v1$'",
            "matching `/(?:shop[.]v1)/(?:.*)` as a whole",
            vec!["/shop.v1/Get"],
            vec!["/shop.v1.Carts/Get", "/shop.v1"],
        ),
        (
            "type: RegularExpression, service: '', method: '[GP]et|[\\^$]'",
            "matching `/(?:.+)/(?:[GP]et|[\\^$])` as a whole",
            vec!["/shop.v1/Get", "/shop.v1/Pet"],
            vec!["/shop.v1/Set"],
        ),
        (
            "type: RegularExpression, service: '', method: ''",
            "prefix `/` by segments",
            vec!["/shop.v1/Get"],
            vec![],
        ),
    ] {
        let got = clean(&[GATEWAY.into(), matching(&format!("method: {{{method}}}"))]);
        let [route] = got.routes() else { panic!("{method}") };
        assert_eq!(route.path.to_string(), path, "{method}");
        for (paths, want) in [(taken, true), (others, false)] {
            for path in paths {
                let covers = route.path.covers(Some(path.as_bytes())).is_some();
                assert_eq!(covers, want, "{method}: {path}");
            }
        }
    }
}

#[test]
fn only_calls_are_taken_and_headers_count_as_in_http_routes() {
    // gateway-api §18.2
    let [post, content_type] = ["POST", "application/grpc"];
    for fields in ["{}", "", "{headers: []}", "{method: {service: a, method: b}}"] {
        let rule = grpc_rule(&format!("    matches: [{fields}]\n{BACKEND}"));
        let got = clean(&[GATEWAY.into(), rule]);
        let [route] = got.routes() else { panic!("{fields}") };
        let [method, kind] = &*route.conditions else { panic!("{fields}: {:?}", route.conditions) };
        assert_eq!(*method, Condition::equals(Field::Method, post), "{fields}");
        assert_eq!(kind.field, Field::Header("content-type".into()), "{fields}");
        let crate::rules::Test::Matches { regex, .. } = &kind.test else { panic!("{kind:?}") };
        for (value, want) in [
            (content_type, true),
            ("application/grpc+proto", true),
            ("Application/GRPC;a=b", true),
            ("application/json", false),
            ("x-application/grpc", false),
        ] {
            assert_eq!(regex.is_match(value.as_bytes()), want, "{value}");
        }
    }
    let headers = "headers: [{name: Version, value: two}, {name: x, type: RegularExpression, value: '[0-9]'}]";
    let got = clean(&[GATEWAY.into(), matching(headers)]);
    let fields: Vec<_> = got.routes()[0].conditions.iter().map(|c| c.field.clone()).collect();
    let want = ["content-type", "version", "x"].map(|name| Field::Header(name.into()));
    assert_eq!(fields, [&[Field::Method], &want[..]].concat());
}

#[test]
fn calls_are_ordered_by_precedence() {
    // gateway-api §18.3, from the first to the last
    let matches = [
        "{method: {service: shop.v1.Carts, method: GetAll}}",
        "{method: {service: shop.v1.Carts, method: Get}, headers: [{name: x, value: '1'}, {name: y, value: '1'}]}",
        "{method: {service: shop.v1.Carts, method: Get}, headers: [{name: x, value: '1'}]}",
        "{method: {service: shop.v1.Carts, method: Get}}",
        "{method: {service: shop.v1.Carts}, headers: [{name: x, value: '1'}]}",
        "{method: {service: shop.v1.Carts}}",
        // The type does not count.
        "{method: {type: RegularExpression, service: 'shop[.]v1', method: GetAll}}",
        "{method: {service: shop.v1, method: GetAll}}",
        "{method: {method: GetAll}}",
        "{headers: [{name: x, value: '1'}, {name: y, value: '1'}]}",
        "{headers: [{name: x, value: '1'}]}",
        "{}",
    ];
    for step in [1, 5, 7, 11] {
        let order: Vec<usize> = (0..matches.len()).map(|i| i * step % matches.len()).collect();
        let rules: String =
            order.iter().map(|i| format!("  - matches: [{}]\n{BACKEND}\n", matches[*i])).collect();
        let spec = format!("  parentRefs: [{{name: gw}}]\n  rules:\n{rules}");
        let got = clean(&[GATEWAY.into(), grpc_route("r", "", &spec)]);
        let got: Vec<String> = got.routes().iter().map(|r| r.origin.field.to_string()).collect();
        let want: Vec<String> = (0..matches.len())
            .map(|i| order.iter().position(|j| *j == i).unwrap())
            .map(|at| format!("spec.rules[{at}].matches[0]"))
            .collect();
        assert_eq!(got, want, "step {step}");
    }
}

#[test]
fn ties_between_calls_go_to_the_host_then_to_the_older_route_then_to_the_name() {
    // gateway-api §18.3
    let gateway = gateway(&["name: l, port: 80, protocol: HTTP, hostname: a.b.example"]);
    let of = |name: &str, meta: &str, host: &str, service: &str| {
        let rule = format!("  - matches: [{{method: {{service: {service}}}}}]\n{BACKEND}");
        let spec = format!("  parentRefs: [{{name: gw}}]\n  hostnames: [{host}]\n  rules:\n{rule}");
        grpc_route(name, meta, &spec)
    };
    let got = clean(&[
        gateway,
        of("wide", "", "'*.example'", "long.er"),
        of("b", "", "a.b.example", "x"),
        of("a", "", "a.b.example", "x"),
        of("old", "creationTimestamp: '2024-01-01T00:00:00Z'", "a.b.example", "x"),
        of("narrow", "", "'*.b.example'", "y"),
    ]);
    assert_eq!(got.hosts(), ["gw/l a.b.example: old a b narrow wide"]);
}

#[test]
fn a_route_without_rules_takes_nothing_and_is_accepted() {
    // gateway-api §18.1
    for rules in ["", "\n  rules: []"] {
        let route = grpc_route("r", "", &format!("  parentRefs: [{{name: gw}}]{rules}"));
        let got = clean(&[GATEWAY.into(), route]);
        assert_eq!(got.hosts(), ["gw/http *: "]);
        assert_eq!(
            got.conditions("GRPCRoute", "r"),
            ["gw Accepted=true/Accepted", "gw ResolvedRefs=true/ResolvedRefs"]
        );
    }
}

#[test]
fn backends_and_filters_are_those_of_http_routes() {
    // gateway-api §13, §15, §18.1
    let got = clean(&[
        GATEWAY.into(),
        grpc_rule(
            "    filters:
    - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: rule}]}}
    backendRefs:
    - {name: s, port: 80, weight: 3, filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {remove: [b]}}]}
    - {name: t, port: 80}",
        ),
    ]);
    let Action::Split(split) = got.action() else { panic!("{:?}", got.action()) };
    let weights: Vec<u64> = split.branches.iter().map(|branch| branch.weight).collect();
    assert_eq!(weights, [3, 1]);
    let forwards: Vec<&Forward> = split
        .branches
        .iter()
        .map(|branch| match &branch.action {
            Action::Forward(forward) => &**forward,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(forwards.iter().all(|forward| forward.request_headers.set.len() == 1));
    assert!(forwards.iter().all(|forward| forward.target.splits), "smi R-1");
    let removed: Vec<usize> = forwards.iter().map(|f| f.response_headers.remove.len()).collect();
    assert_eq!(removed, [1, 0]);
}

#[test]
fn what_cannot_be_matched_is_said() {
    // gateway-api §18, §24
    let dropped = ["gw Accepted=false/UnsupportedValue", "gw ResolvedRefs=true/ResolvedRefs"];
    let accepted = ["gw Accepted=true/Accepted", "gw ResolvedRefs=true/ResolvedRefs"];
    let at = "spec.rules[0].matches[0].method";
    for (method, want, conditions) in [
        (
            "type: RegularExpression, service: 'a)(?:b'",
            format!(
                "error UnsupportedValue: {at}.service: `a)(?:b` is not a valid expression: \
                 unopened group (at character 2 of the expression)"
            ),
            dropped,
        ),
        (
            "type: RegularExpression, method: 'a|^b'",
            format!(
                "error UnsupportedValue: {at}.method: `a|^b` has an anchor elsewhere than at its two ends"
            ),
            dropped,
        ),
        (
            "service: .shop.v1.Carts",
            format!(
                "warning unreachable-path: {at}.service: no client calls a service `.shop.v1.Carts` \
                 (in requests no dot stands before the name of a service)"
            ),
            accepted,
        ),
    ] {
        let got = translated(
            &default_options(),
            &[GATEWAY.into(), matching(&format!("method: {{{method}}}"))],
        );
        assert_eq!(got.diagnostics, [want], "{method}");
        assert_eq!(got.conditions("GRPCRoute", "r"), conditions, "{method}");
    }
}

#[test]
fn faults_of_backends_and_filters_show_as_in_http_routes() {
    // gateway-api §13, §15.2, §24
    let options = Options { assume_services: Some(false), ..Options::default() };
    let got = translated(&options, &[GATEWAY.into(), grpc_rule(BACKEND)]);
    assert_eq!(
        got.diagnostics,
        [
            "error BackendNotFound: spec.rules[0].backendRefs[0].name: there is no Service `default/s`"
        ]
    );
    // gateway-api §15.2: UNAVAILABLE in place of 500
    assert_eq!(answered(got.action()), (503, "there is no Service `default/s`"));
    assert_eq!(
        got.conditions("GRPCRoute", "r"),
        ["gw Accepted=true/Accepted", "gw ResolvedRefs=false/BackendNotFound"]
    );
    let extension = "    filters: [{type: ExtensionRef, extensionRef: {group: g, kind: K, name: n}}, \
                     {type: RequestMirror, requestMirror: {backendRef: {name: s, port: 80}}}]\n";
    let got = translated(
        &default_options(),
        &[GATEWAY.into(), grpc_rule(&format!("{extension}{BACKEND}"))],
    );
    assert_eq!(
        got.diagnostics,
        ["error unsupported-filter: spec.rules[0].filters[0]: the extension `n` of kind `K` of \
             group `g` is not known (requests to the rule are answered 500)",]
    );
    assert_eq!(fault(got.action()), "the extension `n` of kind `K` of group `g` is not known");
}

#[test]
fn experimental_fields_of_calls_are_refused_in_the_standard_channel() {
    // gateway-api §1
    let spec = "  parentRefs: [{name: gw}]\n  useDefaultGateways: All\n  rules: [{sessionPersistence: {cookie: {}}, backendRefs: [{name: s, port: 80}]}]";
    let documents = [GATEWAY.into(), grpc_route("r", "", spec)];
    for (channel, errors, refused) in
        [(Channel::Standard, 2, &["GRPCRoute default/r"][..]), (Channel::Experimental, 0, &[])]
    {
        let got = translated(&Options { channel, ..default_options() }, &documents);
        let is_error = |told: &&String| told.starts_with("error experimental-field");
        assert_eq!(got.diagnostics.iter().filter(is_error).count(), errors);
        assert_eq!(got.diagnostics.len(), errors, "{:?}", got.diagnostics);
        assert_eq!(got.refused, refused);
    }
}
