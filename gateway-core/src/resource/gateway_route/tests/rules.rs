//! Rules as a whole, and their matches.

use super::{problems, rule_problems};

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
    let answers = "{type: ResponseHeaderModifier, responseHeaderModifier: {}}";
    let extension = "{type: ExtensionRef, extensionRef: {group: g, kind: K, name: n}}";
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
        // Two backends, which the rule of the API server does not see.
        (
            format!(
                "    matches: [{{}}, {{}}]\n    backendRefs: [{{name: s, port: 1, filters: [{rewrite}]}}, {{name: t, port: 1, filters: [{rewrite}]}}]"
            ),
            vec![needs],
        ),
        (format!("    backendRefs: [{{name: s, port: 1, filters: [{redirect}]}}]"), vec![]),
        (
            format!("    backendRefs: [{{name: s, port: 1, filters: [{rewrite}, {redirect}]}}]"),
            vec!["spec.rules[0].backendRefs[0].filters[1]: `RequestRedirect` and `URLRewrite` exclude each other"],
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
            "    filters: [{type: CORS, cors: {}}, {type: CORS, cors: {}}]".into(),
            vec!["spec.rules[0].filters[1]: a list has at most one `CORS` filter"],
        ),
        (
            format!("    filters: [{rewrite}, {rewrite}]"),
            vec!["spec.rules[0].filters[1]: a list has at most one `URLRewrite` filter"],
        ),
        (
            format!("    filters: [{redirect}, {redirect}]"),
            vec!["spec.rules[0].filters[1]: a list has at most one `RequestRedirect` filter"],
        ),
        (
            format!("    filters: [{answers}, {headers}, {answers}]"),
            vec!["spec.rules[0].filters[2]: a list has at most one `ResponseHeaderModifier` filter"],
        ),
        (
            format!("    filters: [{extension}, {extension}]"),
            vec![],
        ),
        (
            "    filters: [{cors: {}}]".into(),
            vec!["spec.rules[0].filters[0].type: required field `type` is missing"],
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
        ("    retry: {codes: [400, 599], attempts: 1, backoff: 1ms}".into(), vec![]),
        (
            "    retry: {codes: [500, 399, 500, 600], attempts: 0}".into(),
            vec![
                "spec.rules[0].retry.codes[1]: `399` is not between 400 and 599",
                "spec.rules[0].retry.codes[3]: `600` is not between 400 and 599",
                "spec.rules[0].retry.codes[2]: `500` stands here a second time",
                "spec.rules[0].retry.attempts: `0` is not between 1 and 2147483647",
            ],
        ),
    ] {
        assert_eq!(rule_problems(&fields), want, "{fields}");
    }
}

#[test]
fn lists_have_limits_and_no_duplicates() {
    // gateway-api §10, §25
    let many = |n: usize, item: &str| vec![item; n].join(", ");
    let numbered = |n: usize| {
        (0..n).map(|i| format!("{{name: h{i}, value: x}}")).collect::<Vec<_>>().join(", ")
    };
    let full = format!("{{matches: [{}]}}", many(64, "{}"));
    let mirror = "{type: RequestMirror, requestMirror: {backendRef: {name: s, port: 1}}}";
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
        // An empty list counts as none, and an absent one as the match that fills it in.
        (format!("  rules: [{}, {{matches: []}}]", many(2, &full)), vec![]),
        (
            format!("  rules: [{}, {{}}]", many(2, &full)),
            vec!["spec.rules: a route has at most 128 matches in all, found 129".into()],
        ),
        ("  useDefaultGateways: None".into(), vec![]),
        (
            "  useDefaultGateways: Some".into(),
            vec!["spec.useDefaultGateways: `Some` is not one of `All`, `None`".into()],
        ),
        (
            format!("  rules: [{{filters: [{}]}}]", many(17, mirror)),
            vec![at_most("spec.rules[0].filters", 16, 17)],
        ),
        (
            format!("  rules: [{{backendRefs: [{}]}}]", many(17, "{name: s, port: 1}")),
            vec![at_most("spec.rules[0].backendRefs", 16, 17)],
        ),
        (
            format!("  rules: [{{backendRefs: [{{name: s, port: 1, filters: [{}]}}]}}]", many(17, mirror)),
            vec![at_most("spec.rules[0].backendRefs[0].filters", 16, 17)],
        ),
        (
            format!("  rules: [{{matches: [{{queryParams: [{}]}}]}}]", numbered(17)),
            vec![at_most("spec.rules[0].matches[0].queryParams", 16, 17)],
        ),
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
        (format!("  rules: [{{matches: [{{path: {{value: /{}}}}}]}}]", "a".repeat(1023)), vec![]),
        (
            format!(
                "  rules: [{{matches: [{{headers: [{{name: a, value: {}}}], queryParams: [{{name: a, value: {}}}]}}]}}]",
                "a".repeat(4096),
                "a".repeat(1024)
            ),
            vec![],
        ),
        (
            format!(
                "  rules: [{{matches: [{{headers: [{{name: a, value: {}}}]}}, {{queryParams: [{{name: a, value: {}}}]}}]}}]",
                "a".repeat(4097),
                "a".repeat(1025)
            ),
            vec![
                "spec.rules[0].matches[0].headers[0].value: a header value has at most 4096 characters, found 4097".into(),
                "spec.rules[0].matches[1].queryParams[0].value: a query parameter value has at most 1024 characters, found 1025".into(),
            ],
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
