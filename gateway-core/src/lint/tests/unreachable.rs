//! Routes that no request reaches.

use super::*;

/// What is told of a route that cannot be reached, given its place and that of the other.
fn hidden(place: &str, by: &str, example: &str) -> String {
    format!(
        "shop.yaml:{place}: no request gets here: {by} takes all of them first{example}; remove \
         this one, or narrow the other by its path or with a condition"
    )
}

#[test]
fn routes_that_no_request_reaches() {
    let server = |line, column, field: &str| {
        format!(
            "{line}:{column}: warning[unreachable-route]: VirtualServer shop/cafe: spec.{field}"
        )
    };
    let by = |field: &str| format!("VirtualServer shop/cafe: spec.{field}");
    // virtualserver §9.2: expressions go before prefixes
    let splits = "[{weight: 1, action: {pass: tea}}, {weight: 99, action: {pass: tea}}]";
    let example = ", `GET cafe.example.com/tea/` for one";
    assert_told(
        &cafe(&format!(
            "{{path: /tea/, splits: {splits}}},\n{{path: ~^/t, action: {{pass: tea}}}},\n\
             {{path: /milk/, action: {{pass: tea}}}}"
        )),
        &[&hidden(&server(6, 1, "routes[0]"), &by("routes[1]"), example)],
    );
    // virtualserver §10: of the matches of a route the first that holds decides
    let matches = |matches: &str| {
        cafe(&format!("{{path: '=/tea', matches: [\n{matches} ],\n action: {{pass: tea}}}}"))
    };
    let one =
        |conditions: &str| format!("{{conditions: [{conditions}], action: {{pass: tea}}}},\n");
    let header = "{header: x-env, value: '!prod'}";
    for (first, second, example) in [
        (
            "{cookie: version, value: beta}",
            "{cookie: version, value: beta}",
            "/tea` with `cookie: version=beta`",
        ),
        (
            "{cookie: version, value: ~^b}",
            "{header: a, value: b}, {cookie: version, value: ~^b}",
            "/tea` with `a: b` and `cookie: version=b`",
        ),
        (header, "{header: x-env, value: test}", "/tea` with `x-env: test`"),
        (header, "{header: x-env, value: ''}", "/tea`"),
        (
            "{argument: q, value: '!'}, {argument: q, value: '1'}",
            "{argument: q, value: '1'}, {argument: q, value: '!'}",
            "/tea?q=1&q=x`",
        ),
    ] {
        let example = format!(", `GET cafe.example.com{example} for one");
        let yaml = matches(&format!("{}{}", one(first), one(second)));
        let place = server(8, 1, "routes[0].matches[1]");
        assert_told(&yaml, &[&hidden(&place, &by("routes[0].matches[0]"), &example)]);
    }
    for (first, second) in [
        ("{cookie: version, value: beta}", "{cookie: version, value: stable}"),
        ("{cookie: version, value: beta}, {header: a, value: b}", "{cookie: version, value: beta}"),
        // A second cookie of the name may be `stable`.
        ("{cookie: version, value: '!stable'}", "{cookie: version, value: beta}"),
        ("{header: x-env, value: '~^t'}", "{header: x-env, value: test}"),
    ] {
        assert_told(&matches(&format!("{}{}", one(first), one(second))), &[]);
    }
}

#[test]
fn routes_of_different_documents() {
    // gateway-api §12: the older one goes first, and without a time the first by name
    let exact = "{matches: [{path: {type: Exact, value: /a}, method: POST}]}";
    let other = "{matches: [{path: {type: Exact, value: /a}}, {path: {value: /b}}]},
{matches: [{path: {type: RegularExpression, value: '/c/[0-9]+'}}]}";
    let yaml =
        http_routes(&[("one", &format!("{exact},\n{other}")), ("two", exact), ("three", other)]);
    let route = |line, column, name, field: &str| {
        format!("{line}:{column}: warning[unreachable-route]: HTTPRoute shop/{name}: spec.{field}")
    };
    let by = |field: &str| format!("HTTPRoute shop/one: spec.{field}");
    // On both hosts alike, told once.
    assert_told(
        &yaml,
        &[
            &hidden(
                &route(18, 12, "two", "rules[0].matches[0]"),
                &by("rules[0].matches[0]"),
                ", `POST a.example/a` for one",
            ),
            &hidden(
                &route(24, 12, "three", "rules[0].matches[0]"),
                &by("rules[1].matches[0]"),
                ", `GET a.example/a` for one",
            ),
            &hidden(
                &route(24, 46, "three", "rules[0].matches[1]"),
                &by("rules[1].matches[1]"),
                ", `GET a.example/b` for one",
            ),
            &hidden(
                &route(25, 12, "three", "rules[1].matches[0]"),
                &by("rules[2].matches[0]"),
                ", `GET a.example/c/0` for one",
            ),
        ],
    );
    // Hidden on one of its hosts only.
    let one_host = yaml.replacen("[a.example, b.example]", "[b.example]", 1);
    assert_told(&one_host, &[]);
}

#[test]
fn what_was_written_once_is_reached_if_one_rule_of_it_is() {
    // virtualserver §9.2, trailing slash rule: `/tea` is still redirected to `/tea/`
    let routes = "{path: /tea/, action: {pass: tea}},\n{path: ~^/, action: {pass: tea}}";
    assert_told(&cafe(routes), &[]);
    // Copies of the expression stand within `/a/b/`; the rule itself is hidden by `^~/a/` only there.
    let routes = "{path: ^~/a/, action: {pass: tea}},\n{path: ~^/a/b/c, action: {pass: tea}},\n{path: /a/b/, action: {pass: tea}}";
    assert_told(&cafe(routes), &[]);
    let routes = "{path: ^~/a/, action: {pass: tea}},\n{path: ~^/a/b, action: {pass: tea}}";
    let place = "7:1: warning[unreachable-route]: VirtualServer shop/cafe: spec.routes[1]";
    let by = "VirtualServer shop/cafe: spec.routes[0]";
    assert_told(&cafe(routes), &[&hidden(place, by, ", `GET cafe.example.com/a/b` for one")]);
}
