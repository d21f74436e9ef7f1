use crate::resource::Resources;

/// What is wrong with an HTTPRoute of this spec (indented by two blanks): `field: message (help)`.
fn problems(spec: &str) -> Vec<String> {
    problems_of("HTTPRoute", spec)
}

fn problems_of(kind: &str, spec: &str) -> Vec<String> {
    let text = format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\nmetadata: {{name: r}}\nspec:\n{spec}\n"
    );
    let mut resources = Resources::new();
    resources.add_yaml("t.yaml", &text);
    assert_eq!(
        resources.gateway_routes().count(),
        usize::from(resources.refused().is_empty()),
        "{spec}"
    );
    let say = |d: &crate::Diagnostic| {
        let help = d.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{}: {}{help}", d.field, d.message)
    };
    resources.diagnostics().iter().map(say).collect()
}

/// Those of a rule, whose fields are indented by four blanks.
fn rule_problems(fields: &str) -> Vec<String> {
    problems(&format!("  rules:\n  -\n{fields}"))
}

#[test]
fn paths_are_checked_by_their_type() {
    // gateway-api §25
    let field = "spec.rules[0].matches[0].path.value";
    for (path, want) in [
        ("/", None),
        ("/a/b.c/..d/e..", None),
        ("/-._~!$&'()*+,;=:@%7E", None),
        ("/.well-known", None),
        ("a", Some("does not begin with `/`")),
        ("", Some("does not begin with `/`")),
        ("/a//b", Some("has an empty segment (requests are matched with repeated slashes merged)")),
        ("/a/./b", Some("has a dot segment")),
        ("/a/../b", Some("has a dot segment")),
        ("/a/.", Some("has a dot segment")),
        ("/a/..", Some("has a dot segment")),
        ("/a%2fb", Some("holds an escaped slash")),
        ("/a%2Fb", Some("holds an escaped slash")),
        ("/a#b", Some("holds a `#` (fragments are not sent to servers)")),
        ("/a?b", Some("holds a `?` (match the query with `queryParams`)")),
        ("/a%2", Some("has a `%` without two hexadecimal digits after it")),
        ("/a%zz", Some("has a `%` without two hexadecimal digits after it")),
        (
            "/[ab]",
            Some(
                "holds a character that paths do not have (expressions need `type: RegularExpression`)",
            ),
        ),
        (
            "/a b",
            Some(
                "holds a character that paths do not have (write blanks and characters beyond ASCII as percent-escapes)",
            ),
        ),
    ] {
        for kind in ["Exact", "PathPrefix", "RegularExpression"] {
            let quoted = path.replace('\'', "''");
            let got = rule_problems(&format!(
                "    matches: [{{path: {{type: {kind}, value: '{quoted}'}}}}]"
            ));
            let want = want.filter(|_| kind != "RegularExpression");
            let want: Vec<String> =
                want.iter().map(|what| format!("{field}: `{path}` {what}")).collect();
            assert_eq!(got, want, "{kind} {path}");
        }
    }
}

#[test]
fn rules_are_checked_as_a_whole() {
    // gateway-api §25
    let prefix = "path: {type: ReplacePrefixMatch, replacePrefixMatch: /x}";
    let needs = "spec.rules[0]: `ReplacePrefixMatch` needs a rule with exactly one match, of type `PathPrefix`";
    let rewrite = format!("{{type: URLRewrite, urlRewrite: {{{prefix}}}}}");
    let redirect = format!("{{type: RequestRedirect, requestRedirect: {{{prefix}}}}}");
    let headers = "{type: RequestHeaderModifier, requestHeaderModifier: {}}";
    let mirror = "{type: RequestMirror, requestMirror: {backendRef: {name: s, port: 1}}}";
    for (fields, want) in [
        (format!("    filters: [{rewrite}]"), vec![]),
        (format!("    matches: [{{method: GET}}]\n    filters: [{rewrite}]"), vec![]),
        (format!("    matches: []\n    filters: [{rewrite}]"), vec![needs]),
        (format!("    matches: [{{}}, {{}}]\n    filters: [{redirect}]"), vec![needs]),
        (format!("    matches: [{{path: {{type: Exact, value: /}}}}]\n    filters: [{rewrite}]"), vec![needs]),
        (
            format!("    matches: [{{}}, {{}}]\n    backendRefs: [{{name: s, port: 1, filters: [{rewrite}]}}]"),
            vec![needs],
        ),
        (
            format!("    filters: [{redirect}]\n    backendRefs: [{{name: s, port: 1}}]"),
            vec!["spec.rules[0]: a rule that redirects has no `backendRefs`"],
        ),
        (
            format!("    filters: [{redirect}, {rewrite}]"),
            vec!["spec.rules[0].filters[1]: `RequestRedirect` and `URLRewrite` exclude each other"],
        ),
        (
            format!("    filters: [{headers}, {headers}]"),
            vec!["spec.rules[0].filters[1]: a list has at most one `RequestHeaderModifier` filter"],
        ),
        (
            format!("    filters: [{mirror}, {mirror}]"),
            vec![],
        ),
        (
            "    filters: [{type: CORS}]".into(),
            vec!["spec.rules[0].filters[0]: a filter of type `CORS` needs `cors`"],
        ),
        (
            "    filters: [{type: CORS, cors: {}, urlRewrite: {}}]".into(),
            vec!["spec.rules[0].filters[0]: a filter of type `CORS` cannot have `urlRewrite`"],
        ),
        (
            "    filters: [{type: Cors, cors: {}}]".into(),
            vec!["spec.rules[0].filters[0].type: `Cors` is not one of `RequestHeaderModifier`, \
                  `ResponseHeaderModifier`, `RequestRedirect`, `URLRewrite`, `RequestMirror`, `CORS`, \
                  `ExternalAuth`, `ExtensionRef` (did you mean `CORS`?)"],
        ),
        (
            "    filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replacePrefixMatch: /}}}]".into(),
            vec!["spec.rules[0].filters[0].urlRewrite.path: a path modifier of this type has the field \
                  `replaceFullPath` and no other"],
        ),
        (
            "    timeouts: {request: 1s, backendRequest: 2s}".into(),
            vec!["spec.rules[0].timeouts: `backendRequest` is longer than `request`, which covers all tries"],
        ),
        ("    timeouts: {request: 0s, backendRequest: 2s}".into(), vec![]),
        (
            "    backendRefs: [{name: s}]".into(),
            vec!["spec.rules[0].backendRefs[0]: a reference to a Service needs a `port`"],
        ),
        ("    backendRefs: [{name: s, kind: Other}]".into(), vec![]),
        (
            "    backendRefs: [{name: s, port: 0, weight: 1000001}]".into(),
            vec![
                "spec.rules[0].backendRefs[0].port: `0` is not between 1 and 65535",
                "spec.rules[0].backendRefs[0].weight: `1000001` is not between 0 and 1000000",
            ],
        ),
        (
            "    retry: {codes: [500, 399, 500], attempts: 0}".into(),
            vec![
                "spec.rules[0].retry.codes[1]: `399` is not between 400 and 599",
                "spec.rules[0].retry.codes[2]: `500` stands here a second time",
                "spec.rules[0].retry.attempts: `0` is not between 1 and 2147483647",
            ],
        ),
    ] {
        assert_eq!(rule_problems(&fields), want, "{fields}");
    }
}

#[test]
fn header_modifiers_name_each_header_once_and_leave_framing_alone() {
    // gateway-api §13.1
    let at = "spec.rules[0].filters[0].requestHeaderModifier";
    for (block, want) in [
        ("set: [{name: A, value: '1'}], add: [{name: b, value: '1'}], remove: [c]", vec![]),
        (
            "set: [{name: A, value: '1'}, {name: a, value: '1'}]",
            vec![format!("{at}.set[1]: `a` stands here a second time")],
        ),
        (
            "set: [{name: A, value: '1'}], add: [{name: a, value: '1'}], remove: [a]",
            vec![
                format!("{at}.add[0]: `a` stands here a second time"),
                format!("{at}.remove[0]: `a` stands here a second time"),
            ],
        ),
        (
            "set: [{name: Host, value: x}]",
            vec![format!(
                "{at}.set[0].name: `Host` is changed by `urlRewrite.hostname`, not by a header modifier"
            )],
        ),
        (
            "remove: [Transfer-Encoding]",
            vec![format!(
                "{at}.remove[0]: `Transfer-Encoding` belongs to the connection and cannot be changed"
            )],
        ),
        (
            "set: [{name: 'a b', value: x}]",
            vec![format!(
                "{at}.set[0].name: `a b` is not a header name (it is made of letters, digits and ``!#$%&'*+-.^_`|~``)"
            )],
        ),
        (
            "set: [{name: a, value: \"x\\r\\ny\"}]",
            vec![format!(
                "{at}.set[0].value: `x…` is not a header value (it holds no control characters)"
            )],
        ),
    ] {
        let filter = format!(
            "    filters: [{{type: RequestHeaderModifier, requestHeaderModifier: {{{block}}}}}]"
        );
        assert_eq!(rule_problems(&filter), want, "{block}");
    }
}

#[test]
fn lists_have_limits_and_no_duplicates() {
    // gateway-api §10, §25
    let many = |n: usize, item: &str| vec![item; n].join(", ");
    let numbered = |n: usize| {
        (0..n).map(|i| format!("{{name: h{i}, value: x}}")).collect::<Vec<_>>().join(", ")
    };
    let at_most = |field: &str, most: usize, found: usize| {
        format!("{field}: at most {most} entries are allowed, found {found}")
    };
    for (spec, want) in [
        ("  rules: []".to_owned(), vec!["spec.rules: at least one entry is needed".to_owned()]),
        (format!("  rules: [{}]", many(17, "{}")), vec![at_most("spec.rules", 16, 17)]),
        (format!("  hostnames: [{}]", many(17, "a")), vec![at_most("spec.hostnames", 16, 17)]),
        (
            format!("  parentRefs: [{}]", (0..33).map(|i| format!("{{name: g{i}}}")).collect::<Vec<_>>().join(", ")),
            vec![at_most("spec.parentRefs", 32, 33)],
        ),
        (
            format!("  rules: [{{matches: [{}]}}]", many(65, "{}")),
            vec![at_most("spec.rules[0].matches", 64, 65)],
        ),
        (
            format!("  rules: [{}]", many(3, &format!("{{matches: [{}]}}", many(43, "{}")))),
            vec!["spec.rules: a route has at most 128 matches in all, found 129".into()],
        ),
        (format!("  rules: [{}]", many(2, &format!("{{matches: [{}]}}", many(64, "{}")))), vec![]),
        (
            format!("  rules: [{{matches: [{{headers: [{}]}}]}}]", numbered(17)),
            vec![at_most("spec.rules[0].matches[0].headers", 16, 17)],
        ),
        (
            "  rules: [{matches: [{headers: [{name: A, value: x}, {name: a, value: y}, {name: A, value: z}]}]}]".into(),
            vec!["spec.rules[0].matches[0].headers[2]: `A` stands here a second time".into()],
        ),
        (
            "  rules: [{matches: [{queryParams: [{name: a, value: x}, {name: a, value: y}]}]}]".into(),
            vec!["spec.rules[0].matches[0].queryParams[1]: `a` stands here a second time".into()],
        ),
        (
            format!("  rules: [{{matches: [{{path: {{value: /{}}}}}]}}]", "a".repeat(1024)),
            vec!["spec.rules[0].matches[0].path.value: a path has at most 1024 characters, found 1025".into()],
        ),
    ] {
        assert_eq!(problems(&spec), want, "{spec}");
    }
}

#[test]
fn every_problem_is_found_in_one_pass() {
    let got = problems(
        "  parentRefs: [{sectionName: A}]
  hostnames: [Example.com, 1.2.3.4]
  rules:
  - name: Bad_Name
    matches: [{path: {type: exact, value: /}, method: get, headers: [{name: a}]}, {path: {type: Prefix}}]
    timeouts: {request: 1d}
    backendRef: []",
    );
    assert_eq!(
        got,
        [
            "spec.parentRefs[0].name: required field `name` is missing",
            "spec.parentRefs[0].sectionName: `A` is not a section name (it is made of lower-case letters, digits, `-` and `.`)",
            "spec.hostnames[0]: `Example.com` is not a valid host name: a host name is written in lower case",
            "spec.hostnames[1]: `1.2.3.4` is not a valid host name: an IP address is not a host name",
            "spec.rules[0].name: `Bad_Name` is not a section name (it is made of lower-case letters, digits, `-` and `.`)",
            "spec.rules[0].matches[0].path.type: `exact` is not one of `Exact`, `PathPrefix`, `RegularExpression` (did you mean `Exact`?)",
            "spec.rules[0].matches[0].method: `get` is not one of `GET`, `HEAD`, `POST`, `PUT`, `DELETE`, `CONNECT`, `OPTIONS`, `TRACE`, `PATCH` (did you mean `GET`?)",
            "spec.rules[0].matches[0].headers[0].value: required field `value` is missing",
            "spec.rules[0].matches[1].path.type: `Prefix` is not one of `Exact`, `PathPrefix`, `RegularExpression` (did you mean `PathPrefix`?)",
            "spec.rules[0].timeouts.request: `1d` is not a duration (write one to four parts of at most five digits and `h`, `m`, `s` or `ms`, as in `1m30s`)",
            "spec.rules[0].backendRef: unknown field `backendRef` (did you mean `backendRefs`?)",
        ]
    );
}

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
