//! The filter `CORS` (gateway-api §13.3).

use super::super::cors::{Cors, CorsHost, CorsOrigin};
use super::super::filter::FilterKind;
use super::{rule, rule_problems};

fn filter(block: &str) -> String {
    format!("    filters: [{{type: CORS, cors: {{{block}}}}}]")
}

fn read(block: &str) -> Cors {
    let rule = rule(&filter(block));
    let FilterKind::Cors(cors) = &rule.filters[0].kind else { panic!("{rule:?}") };
    cors.clone()
}

#[test]
fn origins_have_a_scheme_a_host_and_perhaps_a_port() {
    // gateway-api §2 (CORSOrigin)
    let pattern = |https, host, port| CorsOrigin::Pattern { https, host, port };
    let exact = |name: &str| CorsHost::Exact(name.into());
    let under = |name: &str| CorsHost::Under(name.into());
    for (text, want) in [
        ("*", CorsOrigin::Any),
        ("https://Shop.Example", pattern(true, exact("shop.example"), None)),
        ("http://localhost:8080", pattern(false, exact("localhost"), Some(8080))),
        ("http://127.0.0.1:00080", pattern(false, exact("127.0.0.1"), Some(80))),
        ("http://-a-:0", pattern(false, exact("-a-"), Some(0))),
        ("https://*.Example:65535", pattern(true, under("example"), Some(65535))),
        ("https://*", pattern(true, CorsHost::Any, None)),
        ("http://*:81", pattern(false, CorsHost::Any, Some(81))),
    ] {
        let got = read(&format!("allowOrigins: ['{text}']"));
        let got: Vec<_> = got.origins.into_iter().map(|origin| origin.value).collect();
        assert_eq!(got, [want], "{text}");
    }
    let scheme = "it is `*`, or begins with `http://` or `https://`";
    let path = "an origin ends with the host or the port, without a `/`";
    let host =
        "its host is made of letters, digits, `-` and dots, with `*` only as the whole first label";
    let port = "its port is a number of at most five digits";
    for (text, help) in [
        ("shop.example", scheme),
        ("HTTPS://shop.example", scheme),
        ("ftp://shop.example", scheme),
        ("null", scheme),
        ("*.shop.example", scheme),
        ("https://shop.example/", path),
        ("https:///shop.example", path),
        ("https://", host),
        ("https://:80", host),
        ("https://a..b", host),
        ("https://a.", host),
        ("https://*.", host),
        ("https://*.*.example", host),
        ("https://a.*.example", host),
        ("https://a*.example", host),
        ("https://a_b", host),
        ("https://user@a", host),
        ("https://[::1]", host),
        ("https://caf\u{e9}.example", host),
        ("https://a?b", host),
        ("https://a:", port),
        ("https://a:000080", port),
        ("https://a:+80", port),
        ("https://a:80:80", port),
    ] {
        assert_eq!(
            rule_problems(&filter(&format!("allowOrigins: ['{text}']"))),
            [format!(
                "spec.rules[0].filters[0].cors.allowOrigins[0]: `{text}` is not an origin ({help})"
            )]
        );
    }
}

#[test]
fn a_port_that_does_not_exist_matches_nothing() {
    // gateway-api §2: the form has room for 99999.
    let block = "allowOrigins: ['http://a:65536', 'http://a:1']";
    assert_eq!(
        rule_problems(&filter(block)),
        [
            "spec.rules[0].filters[0].cors.allowOrigins[0]: `http://a:65536` is the origin of no page: there is no such port"
        ]
    );
    assert_eq!(read(block).origins.len(), 1);
}

#[test]
fn what_is_left_out_has_defaults() {
    // gateway-api §13.3
    let got = read("");
    assert_eq!(
        got,
        Cors {
            origins: vec![],
            credentials: false,
            methods: vec![],
            headers: vec![],
            expose: vec![],
            max_age: 5,
        }
    );
    let got = read(
        "allowCredentials: true, allowMethods: [PUT], allowHeaders: [X-A], exposeHeaders: ['*', X-B], maxAge: 1",
    );
    let texts = |list: &[&str]| list.iter().map(|text| (*text).into()).collect::<Vec<_>>();
    assert_eq!(
        got,
        Cors {
            origins: vec![],
            credentials: true,
            methods: texts(&["PUT"]),
            headers: texts(&["X-A"]),
            expose: texts(&["*", "X-B"]),
            max_age: 1,
        }
    );
}

#[test]
fn lists_are_sets_in_which_a_star_stands_alone() {
    // gateway-api §13.3, §25
    let at = "spec.rules[0].filters[0].cors";
    let alone = |field: &str| format!("{at}.{field}: `*` takes all and stands alone");
    let twice =
        |field: &str, text: &str| format!("{at}.{field}: `{text}` stands here a second time");
    let numbered = |n: usize, before: &str| {
        (0..n).map(|i| format!("{before}{i}")).collect::<Vec<_>>().join(", ")
    };
    let at_most = |field: &str, most: usize, found: usize| {
        format!("{at}.{field}: at most {most} entries are allowed, found {found}")
    };
    let methods = "GET, HEAD, POST, PUT, DELETE, CONNECT, OPTIONS, TRACE, PATCH";
    for (block, want) in [
        (format!("allowMethods: [{methods}]"), vec![]),
        ("allowMethods: ['*'], allowHeaders: ['*'], allowOrigins: ['*']".into(), vec![]),
        ("exposeHeaders: ['*', a]".into(), vec![]),
        // Sets compare texts as they stand.
        ("allowHeaders: [a, A], exposeHeaders: [a, A]".into(), vec![]),
        ("allowOrigins: ['http://a', 'http://A']".into(), vec![]),
        ("allowOrigins: ['http://a', '*']".into(), vec![alone("allowOrigins")]),
        ("allowMethods: ['*', GET]".into(), vec![alone("allowMethods")]),
        ("allowHeaders: [a, '*']".into(), vec![alone("allowHeaders")]),
        (
            "allowOrigins: ['http://a', 'http://b', 'http://a']".into(),
            vec![twice("allowOrigins[2]", "http://a")],
        ),
        ("allowMethods: [GET, GET]".into(), vec![twice("allowMethods[1]", "GET")]),
        ("allowHeaders: [a, a]".into(), vec![twice("allowHeaders[1]", "a")]),
        ("exposeHeaders: [a, b, a]".into(), vec![twice("exposeHeaders[2]", "a")]),
        (
            "allowMethods: [get, LOCK]".into(),
            vec![
                format!(
                    "{at}.allowMethods[0]: `get` is not one of `GET`, `HEAD`, `POST`, `PUT`, `DELETE`, `CONNECT`, `OPTIONS`, `TRACE`, `PATCH`, `*` (did you mean `GET`?)"
                ),
                format!(
                    "{at}.allowMethods[1]: `LOCK` is not one of `GET`, `HEAD`, `POST`, `PUT`, `DELETE`, `CONNECT`, `OPTIONS`, `TRACE`, `PATCH`, `*`"
                ),
            ],
        ),
        (
            "allowHeaders: ['a b'], exposeHeaders: ['']".into(),
            vec![
                format!(
                    "{at}.allowHeaders[0]: `a b` is not a header name (it is made of letters, digits and ``!#$%&'*+-.^_`|~``)"
                ),
                format!("{at}.exposeHeaders[0]: a header name must not be empty"),
            ],
        ),
        (
            format!("allowOrigins: [{}]", numbered(65, "http://a")),
            vec![at_most("allowOrigins", 64, 65)],
        ),
        (format!("allowMethods: [{methods}, '*']"), vec![at_most("allowMethods", 9, 10)]),
        (format!("allowHeaders: [{}]", numbered(64, "a")), vec![]),
        (format!("allowHeaders: [{}]", numbered(65, "a")), vec![at_most("allowHeaders", 64, 65)]),
        (format!("exposeHeaders: [{}]", numbered(65, "a")), vec![at_most("exposeHeaders", 64, 65)]),
        (
            format!("allowOrigins: ['http://{}']", "a".repeat(247)),
            vec![format!("{at}.allowOrigins[0]: an origin has at most 253 characters, found 254")],
        ),
        ("maxAge: 0".into(), vec![format!("{at}.maxAge: `0` is not between 1 and 2147483647")]),
        (
            "maxAge: 5s, allowCredentials: 'yes please'".into(),
            vec![
                format!(
                    "{at}.allowCredentials: expected `true` or `false`, found the text `yes please`"
                ),
                format!("{at}.maxAge: expected a whole number, found the text `5s`"),
            ],
        ),
        (
            "allowOrigin: ['*']".into(),
            vec![format!(
                "{at}.allowOrigin: unknown field `allowOrigin` (did you mean `allowOrigins`?)"
            )],
        ),
    ] {
        assert_eq!(rule_problems(&filter(&block)), want, "{block}");
    }
}
