//! Typical slips, and the help that they get.

use super::*;

/// What is told of this spec, which is beside the upstreams of [`cafe`].
fn of(spec: &str) -> Vec<String> {
    told(&translation(&cafe(spec), &Options::default()).diagnostics)
}

/// What is told of a route with this path and these other fields.
fn of_route(path: &str, fields: &str) -> Vec<String> {
    told(&translation(&one_route(path, fields), &Options::default()).diagnostics)
}

#[test]
fn values_of_another_type() {
    // virtualserver §1: type errors are those of the API server
    let nested = "it has fields of its own: indent them below it, each as `name: value`";
    for (fields, want) in [
        (
            "splits: [{weight: '50', action: {pass: tea}}, {weight: 50, action: {pass: tea}}]",
            "splits[0].weight: expected a whole number, found the text `50`; did you mean `50`, \
             without quotes?"
                .to_owned(),
        ),
        (
            "splits: [{weight: 50%, action: {pass: tea}}, {weight: 50, action: {pass: tea}}]",
            "splits[0].weight: expected a whole number, found the text `50%`; did you mean `50`?"
                .to_owned(),
        ),
        (
            "action: {proxy: {upstream: tea, requestHeaders: {pass: 'False'}}}",
            "action.proxy.requestHeaders.pass: expected `true` or `false`, found the text \
             `False`; did you mean `false`, without quotes?"
                .to_owned(),
        ),
        (
            "action: {proxy: {upstream: tea, responseHeaders: {hide: Server}}}",
            "action.proxy.responseHeaders.hide: expected a list, found the text `Server`; put \
             each item on a line of its own, behind `- `"
                .to_owned(),
        ),
        (
            "action: {proxy: {upstream: tea, requestHeaders: {set: ['A: b']}}}",
            "action.proxy.requestHeaders.set[0]: expected a mapping, found the text `A: b`; did \
             you mean `A: b`, without quotes?"
                .to_owned(),
        ),
        ("action: tea", format!("action: expected a mapping, found the text `tea`; {nested}")),
        (
            "action: {return: 404}",
            format!("action.return: expected a mapping, found the number `404`; {nested}"),
        ),
        (
            "action: {redirect: 'https://a.example/'}",
            format!(
                "action.redirect: expected a mapping, found the text `https://a.example/`; {nested}"
            ),
        ),
    ] {
        let want = format!("error[wrong-type]: spec.routes[0].{want}");
        assert_eq!(of_route("/", fields), [want], "{fields}");
    }
}

#[test]
fn long_texts_are_shown_where_they_are_wrong() {
    // virtualserver §2, VARSTR and ESC
    let long = "x".repeat(100);
    for (body, want) in [
        (
            format!("first\\ncosts 5$ here\\n{long}"),
            "`costs 5$ here…` holds a `$` without a name in braces; write variables as in \
             `${scheme}`"
                .to_owned(),
        ),
        (
            format!("{long} costs $sum a day {long}"),
            format!(
                "`…{}x costs $sum a day {}…` holds a `$` without a name in braces; write \
                 variables as in `${{sum}}`",
                "x".repeat(13),
                "x".repeat(28)
            ),
        ),
    ] {
        let fields = format!("action: {{return: {{body: \"{body}\"}}}}");
        let want = format!("error[invalid-value]: spec.routes[0].action.return.body: {want}");
        assert_eq!(of_route("/", &fields), [want]);
    }
}

#[test]
fn fields_in_the_wrong_place() {
    // virtualserver §5.2, §5.3
    assert_eq!(
        of_route("/", "action:\npass: tea"),
        [
            "error[missing-field]: spec.routes[0]: expected exactly one of `action`, `splits`, \
             `route` or `routeSelector`, found none of them; `action` is empty: indent what \
             belongs to it below it",
            "warning[unknown-field]: spec.routes[0].pass: unknown field `pass`",
        ]
    );
    assert_eq!(
        of_route("/", "action: {pass: tea, rewritePath: /b}"),
        ["warning[unknown-field]: spec.routes[0].action.rewritePath: unknown field \
             `rewritePath`; known are `pass`, `redirect`, `return`, `proxy`"]
    );
    let unindented = "apiVersion: k8s.nginx.org/v1\nkind: VirtualServer\nmetadata: {name: a}\n\
                      spec:\nhost: a.example";
    let known = "known are `apiVersion`, `kind`, `metadata`, `status`, `spec`";
    assert_eq!(
        told(&translation(unindented, &Options::default()).diagnostics),
        [
            "error[missing-field]: spec: required field `spec` is empty; if something belongs to \
             it, indent that below `spec:`"
                .to_owned(),
            format!("warning[unknown-field]: host: unknown field `host`; {known}"),
        ]
    );
}

#[test]
fn names_that_are_nearly_right() {
    // virtualserver §2, §3, §4
    for (host, meant) in [
        ("https://cafe.example.com/tea", "cafe.example.com"),
        ("cafe.example.com:8080", "cafe.example.com"),
        ("cafe.example.com.", "cafe.example.com"),
        ("'*.Cafe_a.example.com'", "*.cafe-a.example.com"),
    ] {
        let yaml = server(&format!("host: {host}"));
        let found = told(&translation(&yaml, &Options::default()).diagnostics);
        let help = format!("; did you mean `{meant}`?");
        assert!(matches!(&found[..], [one] if one.ends_with(&help)), "{found:?}");
    }
    let label = "is not a DNS label: it may hold only lower-case letters, digits and `-`";
    assert_eq!(
        of("policies: [{name: bar/allow}]"),
        [format!(
            "error[invalid-value]: spec.policies[0].name: `bar/allow` {label}; write `name: \
             allow` and `namespace: bar`"
        )]
    );
    let upstream = |fields: &str| server(&format!("host: a.example\nupstreams: [{{{fields}}}]"));
    for (fields, want) in [
        (
            "name: tea, service: tea, port: 80, next-upstream: 'error, timeout'",
            "next-upstream: `error, timeout` holds a comma; put blanks between the conditions"
                .to_owned(),
        ),
        (
            "name: tea_1, service: tea, port: 80",
            format!("name: `tea_1` {label}; did you mean `tea-1`?"),
        ),
        (
            "name: tea, service: tea.shop.svc.cluster.local, port: 80",
            format!("service: `tea.shop.svc.cluster.local` {label}; did you mean `shop/tea`?"),
        ),
        (
            "name: tea, service: tea.example.com, port: 80",
            format!("service: `tea.example.com` {label}"),
        ),
    ] {
        let found = told(&translation(&upstream(fields), &Options::default()).diagnostics);
        let want = format!("error[invalid-value]: spec.upstreams[0].{want}");
        assert!(found.contains(&want), "{fields}: {found:?}");
    }
}

#[test]
fn paths_that_are_taken_for_patterns() {
    // virtualserver §5.1, §9.1: anything but a path with `~` is compared as it stands
    for (path, sign, help) in [
        ("/tea/*", "*", "a path without `=` takes all paths that begin with it: leave the `*` out"),
        ("=/tea/.*", ".*", "put `~ ` before an expression"),
        ("/(tea|coffee)", "|", "put `~ ` before an expression"),
        ("/tea?a=b", "?", "a path ends before the query: use a condition on an `argument`"),
        ("/tea/:id", ":", "write a parameter as in `/{name}`"),
        ("/a%20b", "%", "write the character itself: paths are compared after decoding"),
    ] {
        let want = format!(
            "warning[no-effect]: spec.routes[0].path: `{sign}` in `{path}` stands for itself; {help}"
        );
        assert_eq!(of_route(path, "action: {pass: tea}"), [want]);
    }
    for path in ["~ ^/(tea|coffee)/.*", "/tea/{id}", "/100%", "/tea(1)/$count", "/v1/tea:brew"] {
        assert_eq!(of_route(path, "action: {pass: tea}"), [""; 0], "{path}");
    }
    assert_eq!(
        of_route("^/tea", "action: {pass: tea}"),
        ["error[invalid-value]: spec.routes[0].path: `^/tea` does not begin with `/`, `=`, \
             `^~`, `~` or `~*`; did you mean `~ ^/tea`?"]
    );
}

#[test]
fn groups_that_there_are_not() {
    // virtualserver §12.1
    for (path, to, want) in [
        ("~ ^/a/(.*)", "/b/$2", Some(("$2", "the path has only one group"))),
        ("~ ^/a/", "/$1", Some(("$1", "the path has no groups, which stand in `(` and `)`"))),
        ("~ ^/(a)/(b)", "/$4/$3", Some(("$3", "the path has only 2 groups"))),
        ("~* ^/(a)/(?:b)/(c)", "/$0/$2/$1", None),
    ] {
        let fields = format!("action: {{proxy: {{upstream: tea, rewritePath: {to}}}}}");
        let want = want.map(|(group, help)| {
            format!(
                "warning[always-empty]: spec.routes[0].action.proxy.rewritePath: `{group}` in \
                 `{to}` is always empty; {help}"
            )
        });
        assert_eq!(of_route(path, &fields), want.as_slice(), "{path}");
    }
}

#[test]
fn what_is_not_enabled() {
    // virtualserver §3, §4
    let upstream = |fields: &str| {
        server(&format!(
            "host: a.example\nupstreams: [{{name: tea, service: tea-svc, port: 80, {fields}}}]"
        ))
    };
    for (yaml, field, name) in [
        (cafe("tls: {redirect: {code: 302}}"), "tls", "redirect"),
        (upstream("sessionCookie: {name: srv}"), "upstreams[0]", "sessionCookie"),
        (upstream("healthCheck: {path: /live}"), "upstreams[0]", "healthCheck"),
    ] {
        let want = format!(
            "warning[no-effect]: spec.{field}.{name}: `{name}` has no effect without `enable`; \
             add `enable: true`"
        );
        let found = told(&translation(&yaml, &Options::default()).diagnostics);
        assert!(found.contains(&want), "{found:?}");
    }
    assert_eq!(of("tls: {redirect: {enable: false, code: 302}}"), [""; 0]);
}

#[test]
fn redirects_to_what_is_not_served() {
    // virtualserver §8
    assert_eq!(
        of("tls: {redirect: {enable: true}}"),
        ["warning[missing-field]: spec.tls.redirect: without `secret` nothing is served over \
             `https`, where this redirects to; name a `secret`, or set `basedOn: \
             x-forwarded-proto` where a proxy in front ends TLS"]
    );
    assert_eq!(of("tls: {redirect: {enable: true, basedOn: x-forwarded-proto}}"), [""; 0]);
}
