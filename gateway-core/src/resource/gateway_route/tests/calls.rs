//! What is other in a GRPCRoute.

use super::problems_of;

/// What is wrong with a rule of a GRPCRoute, whose fields are indented by four blanks.
fn call_problems(fields: &str) -> Vec<String> {
    problems_of("GRPCRoute", &format!("  rules:\n  -\n{fields}"))
}

#[test]
fn services_and_methods_are_checked_by_their_type() {
    // gateway-api §18.1, §25
    let at = "spec.rules[0].matches[0].method";
    let regex = "expressions need `type: RegularExpression`";
    for (method, want) in [
        ("service: shop.v1.Carts, method: Get_1", vec![]),
        ("service: .shop", vec![]),
        ("service: _a._B2", vec![]),
        ("type: Exact, method: _get", vec![]),
        ("type: RegularExpression, service: '[a-z/]+'", vec![]),
        ("type: RegularExpression, method: ''", vec![]),
        ("type: Exact", vec![format!("{at}: `method` needs a `service`, a `method`, or both")]),
        (
            "service: ''",
            vec![format!(
                "{at}.service: `` is not the name of a gRPC service (a service is written with its package, like `shop.v1.Carts`)"
            )],
        ),
        (
            "service: shop..Carts",
            vec![format!(
                "{at}.service: `shop..Carts` is not the name of a gRPC service (a service is written with its package, like `shop.v1.Carts`)"
            )],
        ),
        (
            "service: shop.v1.Carts/Get",
            vec![format!(
                "{at}.service: `shop.v1.Carts/Get` is not the name of a gRPC service (write what stands after the `/` in a field of its own, `method`)"
            )],
        ),
        (
            "service: 'shop.*'",
            vec![format!("{at}.service: `shop.*` is not the name of a gRPC service ({regex})")],
        ),
        (
            "method: shop.v1.Carts.Get",
            vec![format!(
                "{at}.method: `shop.v1.Carts.Get` is not the name of a gRPC method (write the service, with its package, in a field of its own, `service`)"
            )],
        ),
        (
            "method: Get|Put",
            vec![format!("{at}.method: `Get|Put` is not the name of a gRPC method ({regex})")],
        ),
        (
            "method: 1st",
            vec![format!(
                "{at}.method: `1st` is not the name of a gRPC method (a method is one word, like `GetCart`)"
            )],
        ),
        (
            "type: Prefix, service: a",
            vec![format!("{at}.type: `Prefix` is not one of `Exact`, `RegularExpression`")],
        ),
        (
            "services: a, method: b",
            vec![format!("{at}.services: unknown field `services` (did you mean `service`?)")],
        ),
    ] {
        let got = call_problems(&format!("    matches: [{{method: {{{method}}}}}]"));
        assert_eq!(got, want, "{method}");
    }
    let long = "a".repeat(1025);
    assert_eq!(
        call_problems(&format!("    matches: [{{method: {{service: {long}}}}}]")),
        [format!("{at}.service: a gRPC name has at most 1024 characters, found 1025")]
    );
}

#[test]
fn calls_have_fewer_fields_and_filters_and_the_same_limits() {
    // gateway-api §18.1, §25
    let many = |n: usize, item: &str| vec![item; n].join(", ");
    let modifier =
        "{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: Host, value: x}]}}";
    for (spec, want) in [
        ("  rules: []".to_owned(), vec![]),
        ("  hostnames: [a]".into(), vec![]),
        (
            format!("  rules: [{}]", many(17, "{}")),
            vec!["spec.rules: at most 16 entries are allowed, found 17"],
        ),
        (
            format!("  rules: [{{matches: [{}]}}]", many(65, "{}")),
            vec!["spec.rules[0].matches: at most 64 entries are allowed, found 65"],
        ),
        (
            format!("  rules: [{}]", many(3, &format!("{{matches: [{}]}}", many(43, "{}")))),
            vec!["spec.rules: a route has at most 128 matches in all, found 129"],
        ),
        // Only lists that are written count.
        (
            format!("  rules: [{}, {{}}]", many(2, &format!("{{matches: [{}]}}", many(64, "{}")))),
            vec![],
        ),
        (
            "  rules: [{matches: [{headers: [{name: a, value: x}, {name: a, value: y}]}]}]".into(),
            vec!["spec.rules[0].matches[0].headers[1]: `a` stands here a second time"],
        ),
        (
            "  rules: [{matches: [{path: {value: /}, queryParams: []}], timeouts: {}, retry: {}}]"
                .into(),
            vec![
                "spec.rules[0].matches[0].path: unknown field `path` (known are `method`, `headers`)",
                "spec.rules[0].matches[0].queryParams: unknown field `queryParams` (known are `method`, `headers`)",
                "spec.rules[0].timeouts: unknown field `timeouts` (known are `name`, `matches`, `filters`, `backendRefs`, `sessionPersistence`)",
                "spec.rules[0].retry: unknown field `retry` (known are `name`, `matches`, `filters`, `backendRefs`, `sessionPersistence`)",
            ],
        ),
        (
            "  rules: [{filters: [{type: URLRewrite, urlRewrite: {hostname: a}}]}]".into(),
            vec![
                "spec.rules[0].filters[0].type: `URLRewrite` is not one of `RequestHeaderModifier`, \
                 `ResponseHeaderModifier`, `RequestMirror`, `ExtensionRef`",
                "spec.rules[0].filters[0].urlRewrite: unknown field `urlRewrite` (known are `type`, \
                 `requestHeaderModifier`, `responseHeaderModifier`, `requestMirror`, `extensionRef`)",
            ],
        ),
        (
            format!("  rules: [{{filters: [{modifier}]}}]"),
            vec![
                "spec.rules[0].filters[0].requestHeaderModifier.set[0].name: \
                  `Host` cannot be changed by a header modifier",
            ],
        ),
        (
            "  rules: [{backendRefs: [{name: s}]}]".into(),
            vec!["spec.rules[0].backendRefs[0]: a reference to a Service needs a `port`"],
        ),
    ] {
        assert_eq!(problems_of("GRPCRoute", &spec), want, "{spec}");
    }
}
