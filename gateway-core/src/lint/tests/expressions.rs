//! Expressions that match more than they seem to.

use super::*;

#[test]
fn expressions_for_paths_are_looked_for_anywhere() {
    // virtualserver §9.2
    let route = |path: &str| cafe(&format!("{{path: {path:?}, action: {{pass: tea}}}}"));
    for (path, want) in [
        ("~/tea", Some(("/tea", "/x/tea", "^/tea"))),
        ("~*/tea|/coffee", Some(("/tea|/coffee", "/x/tea", "^(/tea|/coffee)"))),
        ("~ /v[12]/x", Some(("/v[12]/x", "/x/v1/x", "^/v[12]/x"))),
        ("~^/tea", None),
        ("~/tea$", None),
        ("~.*/tea", None),
        ("~/tea/.*", Some(("/tea/.*", "/x/tea/", "^/tea/.*"))),
        (r"~\\.(png|jpg)", None),
        ("/tea/", None),
    ] {
        let want = want.map(|(source, deeper, help)| {
            format!(
                "shop.yaml:6:1: notice[unanchored-path]: VirtualServer shop/cafe: spec.routes[0]: \
                 the expression `{source}` is looked for anywhere in the path, so it also takes \
                 `{deeper}`; write `{help}` to take what begins with it"
            )
        });
        assert_eq!(told(&route(path)), want.as_slice(), "{path}");
    }
}

#[test]
fn expressions_for_values_are_looked_for_anywhere() {
    // virtualserver §10.2
    let place = "shop.yaml:7:1: notice[unanchored-regex]: VirtualServer shop/cafe: \
                 spec.routes[0].matches[0]: ";
    let or_else = "to match nothing longer, or `.*` at both ends if that is meant";
    for (condition, want) in [
        (
            "cookie: version, value: ~v1",
            Some((
                "`v1` is looked for anywhere in cookie `version`, so it also matches `xv1x`",
                "^v1$",
            )),
        ),
        (
            "header: X-Env, value: '!~*a|b'",
            Some((
                "`a|b` is looked for anywhere in header `x-env`, so it also matches `xax`",
                "^(a|b)$",
            )),
        ),
        (
            r"argument: q, value: '~\\d+'",
            Some((
                r"`\d+` is looked for anywhere in argument `q`, so it also matches `x0x`",
                r"^\d+$",
            )),
        ),
        (
            "header: host, value: '~cafe'",
            Some((
                "`cafe` is looked for anywhere in header `host`, so it also matches `xcafex`",
                "^cafe(:[0-9]+)?$",
            )),
        ),
        // There is nothing that would have to stand in it.
        (
            "cookie: version, value: '~x*'",
            Some(("`x*` is looked for anywhere in cookie `version`", "^x*$")),
        ),
        ("cookie: version, value: ~^v1", None),
        ("cookie: version, value: ~v1$", None),
        ("cookie: version, value: ~v1.*", None),
        ("cookie: version, value: v1", None),
        ("header: cookie, value: ~a=b", None),
        ("variable: $request_uri, value: ~tea", None),
    ] {
        let want =
            want.map(|(message, help)| format!("{place}{message}; write `{help}` {or_else}"));
        assert_eq!(
            told(&with_conditions(&format!("{{{condition}}}"))),
            want.as_slice(),
            "{condition}"
        );
    }
    // Gateway API matches whole values (gateway-api §11.3).
    let whole = "{matches: [{headers: [{name: a, value: v1, type: RegularExpression}]}]}";
    assert_told(&http_routes(&[("cart", whole)]), &[]);
}

#[test]
fn conditions_of_splits_are_looked_at() {
    // smi H-11, H-14
    let split = |header: &str| {
        format!(
            "apiVersion: specs.smi-spec.io/v1alpha4\nkind: HTTPRouteGroup\nmetadata: {{name: g}}\n\
             spec: {{matches: [\n{{name: m, headers: [{header}]}}]}}\n---\napiVersion: \
             split.smi-spec.io/v1alpha4\nkind: TrafficSplit\nmetadata: {{name: s}}\nspec: {{service: \
             tea, matches: [{{kind: HTTPRouteGroup, name: g}}], backends: [{{service: tea, weight: \
             1}}]}}\n"
        )
    };
    let place = "HTTPRouteGroup default/g: spec.matches[0]: ";
    assert_told(
        &split("{x-user: beta}"),
        &[&format!(
            "shop.yaml:5:1: notice[unanchored-regex]: {place}`beta` is looked for anywhere in header \
             `x-user`, so it also matches `xbetax`; write `^beta$` to match nothing longer, or `.*` \
             at both ends if that is meant"
        )],
    );
    assert_told(&split("{x-user: ^beta$}"), &[]);
    assert_told(
        &split("{':authority': '^cafe.example.com(:80)?$'}"),
        &[&format!(
            "shop.yaml:5:1: notice[unescaped-dot]: {place}`.` in `^cafe.example.com(:80)?$` stands \
             for any character, so it also matches `cafe-example-com`; write \
             `^cafe\\.example\\.com(:80)?$`"
        )],
    );
    assert_told(&split(r"{':authority': '^cafe\.example\.com(:80)?$'}"), &[]);
    assert_told(&split("{x-user: ^a.b.c}"), &[]);
}
