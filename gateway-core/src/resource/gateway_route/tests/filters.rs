//! Filters of rules.

use super::super::filter::FilterKind;
use super::super::mirror::Fraction;
use super::{problems_of, rule, rule_problems};

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
fn header_modifiers_have_limits() {
    // gateway-api §13.1
    let at = "spec.rules[0].filters[0].responseHeaderModifier";
    let edits = |n: usize, name: &str| {
        (0..n).map(|i| format!("{{name: {name}{i}, value: x}}")).collect::<Vec<_>>().join(", ")
    };
    let names = |n: usize| (0..n).map(|i| format!("c{i}")).collect::<Vec<_>>().join(", ");
    let at_most = |list: &str| format!("{at}.{list}: at most 16 entries are allowed, found 17");
    for (n, want) in [(16, vec![]), (17, vec![at_most("set"), at_most("add"), at_most("remove")])] {
        let (set, add, remove) = (edits(n, "a"), edits(n, "b"), names(n));
        let filter = format!(
            "    filters: [{{type: ResponseHeaderModifier, responseHeaderModifier: {{set: [{set}], add: [{add}], remove: [{remove}]}}}}]"
        );
        assert_eq!(rule_problems(&filter), want, "{n}");
    }
}

#[test]
fn redirects_and_rewrites_are_checked() {
    // gateway-api §14
    let long = "a".repeat(1025);
    for (block, want) in [
        ("requestRedirect: {}".to_owned(), vec![]),
        ("requestRedirect: {scheme: https, hostname: a.b, port: 65535, statusCode: 308}".into(), vec![]),
        (
            "requestRedirect: {scheme: HTTP, hostname: '*.a', port: 0, statusCode: 304}".into(),
            vec![
                ".scheme: `HTTP` is not one of `http`, `https` (did you mean `http`?)".to_owned(),
                ".hostname: `*.a` is not a valid host name: a wildcard cannot stand here".into(),
                ".port: `0` is not between 1 and 65535".into(),
                ".statusCode: `304` is not one of 301, 302, 303, 307 and 308".into(),
            ],
        ),
        ("urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: ''}}".into(), vec![]),
        (
            "urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: a, replacePrefixMatch: a}}".into(),
            vec![".path: a path modifier of this type has the field `replaceFullPath` and no other".into()],
        ),
        (
            "urlRewrite: {path: {replaceFullPath: a}}".into(),
            vec![".path.type: required field `type` is missing".into()],
        ),
        (
            format!("urlRewrite: {{path: {{type: ReplacePrefixMatch, replacePrefixMatch: {long}}}}}"),
            vec![
                ".path.replacePrefixMatch: a path has at most 1024 characters, found 1025".into(),
            ],
        ),
    ] {
        let (kind, at) = match block.starts_with("urlRewrite") {
            true => ("URLRewrite", "spec.rules[0].filters[0].urlRewrite"),
            false => ("RequestRedirect", "spec.rules[0].filters[0].requestRedirect"),
        };
        let want: Vec<_> = want.iter().map(|problem| format!("{at}{problem}")).collect();
        assert_eq!(rule_problems(&format!("    filters: [{{type: {kind}, {block}}}]")), want, "{block}");
    }
}

#[test]
fn mirrors_name_a_backend_and_a_share() {
    // gateway-api §13.2, §2 (Fraction)
    let at = "spec.rules[0].filters[0].requestMirror";
    let of = |share: &str| format!("backendRef: {{name: s, port: 1}}{share}");
    for (block, want) in [
        (
            "percent: 1".to_owned(),
            vec![format!("{at}.backendRef: required field `backendRef` is missing")],
        ),
        (
            "backendRef: {name: s}".into(),
            vec![format!("{at}.backendRef: a reference to a Service needs a `port`")],
        ),
        ("backendRef: {name: s, kind: Other, group: example.com}".into(), vec![]),
        (
            "backendRef: {name: s, port: 1, weight: 1}".into(),
            vec![format!(
                "{at}.backendRef.weight: unknown field `weight` (known are `group`, `kind`, `namespace`, `name`, `port`)"
            )],
        ),
        (of(", percent: -1"), vec![format!("{at}.percent: `-1` is not between 0 and 100")]),
        (of(", percent: 101"), vec![format!("{at}.percent: `101` is not between 0 and 100")]),
        (
            of(", percent: 1, fraction: {numerator: 1}"),
            vec![format!("{at}: `percent` and `fraction` exclude each other")],
        ),
        (
            of(", fraction: {}"),
            vec![format!("{at}.fraction.numerator: required field `numerator` is missing")],
        ),
        (
            of(", fraction: {numerator: -1, denominator: 0}"),
            vec![
                format!("{at}.fraction.numerator: `-1` is not between 0 and 2147483647"),
                format!("{at}.fraction.denominator: `0` is not between 1 and 2147483647"),
            ],
        ),
        (
            of(", fraction: {numerator: 2147483648, denominator: 2147483648}"),
            vec![
                format!("{at}.fraction.numerator: `2147483648` is not between 0 and 2147483647"),
                format!("{at}.fraction.denominator: `2147483648` is not between 1 and 2147483647"),
            ],
        ),
        (
            of(", fraction: {numerator: 101}"),
            vec![format!("{at}.fraction: `101/100` is more than the whole")],
        ),
    ] {
        let filter = format!("    filters: [{{type: RequestMirror, requestMirror: {{{block}}}}}]");
        assert_eq!(rule_problems(&filter), want, "{block}");
        // It is the same filter in both kinds of route.
        let got = problems_of("GRPCRoute", &format!("  rules:\n  -\n{filter}"));
        assert_eq!(got, want, "{block}");
    }
    for (share, numerator, denominator) in [
        ("", 100, 100),
        (", percent: 0", 0, 100),
        (", percent: 100", 100, 100),
        (", fraction: {numerator: 5}", 5, 100),
        (", fraction: {numerator: 3, denominator: 3}", 3, 3),
        (", fraction: {numerator: 0, denominator: 2147483647}", 0, 2_147_483_647),
    ] {
        let block = of(share);
        let read =
            rule(&format!("    filters: [{{type: RequestMirror, requestMirror: {{{block}}}}}]"));
        let FilterKind::RequestMirror(mirror) = &read.filters[0].kind else { panic!("{read:?}") };
        assert_eq!(mirror.share, Fraction { numerator, denominator }, "{block}");
        assert_eq!((&*mirror.target.name, mirror.target.port), ("s", Some(1)), "{block}");
    }
}

#[test]
fn extensions_are_named_in_full() {
    // gateway-api §13
    let at = "spec.rules[0].filters[0].extensionRef";
    for (block, want) in [
        ("group: example.com, kind: K, name: n", vec![]),
        ("group: '', kind: K, name: n", vec![]),
        (
            "{}",
            vec![
                format!("{at}.group: required field `group` is missing"),
                format!("{at}.kind: required field `kind` is missing"),
                format!("{at}.name: required field `name` is missing"),
            ],
        ),
        (
            "group: A, kind: a/b, name: '', namespace: n",
            vec![
                format!(
                    "{at}.group: `A` is not an API group (it is made of lower-case letters, digits, `-` and `.`)"
                ),
                format!(
                    "{at}.kind: `a/b` is not a kind (it begins with a letter and holds letters, digits and `-`)"
                ),
                format!("{at}.name: an object name must not be empty"),
                format!(
                    "{at}.namespace: unknown field `namespace` (known are `group`, `kind`, `name`)"
                ),
            ],
        ),
    ] {
        let block = block.trim_matches(['{', '}']);
        let filter = format!("    filters: [{{type: ExtensionRef, extensionRef: {{{block}}}}}]");
        assert_eq!(rule_problems(&filter), want, "{block}");
    }
    let read = rule(
        "    filters: [{type: ExtensionRef, extensionRef: {group: example.com, kind: K, name: n}}]",
    );
    let FilterKind::ExtensionRef(object) = &read.filters[0].kind else { panic!("{read:?}") };
    assert_eq!([&*object.group, &*object.kind, &*object.name], ["example.com", "K", "n"]);
}
