//! `sessionPersistence` (gateway-api §17).

use super::super::session::SessionName;
use super::{experimental, problems_of, rule, rule_problems};
use http::HeaderName;
use std::time::Duration;

fn session(block: &str) -> String {
    format!("    sessionPersistence: {{{block}}}")
}

#[test]
fn sessions_are_kept_in_a_cookie_or_a_header() {
    // gateway-api §17
    let cookie = |name: Option<&str>, path: &str, permanent| SessionName::Cookie {
        name: name.map(Into::into),
        path: path.into(),
        permanent,
    };
    let header = |name| SessionName::Header { name: HeaderName::from_static(name) };
    let day = Some(Duration::from_secs(86_400));
    for (block, timeout, name) in [
        ("cookie: {}", None, cookie(None, "/", false)),
        (
            "type: Cookie, absoluteTimeout: 24h, cookie: {name: s, path: /cart, lifetimeType: Session}",
            day,
            cookie(Some("s"), "/cart", false),
        ),
        ("absoluteTimeout: 24h, cookie: {lifetimeType: Permanent}", day, cookie(None, "/", true)),
        ("type: Header, header: {name: X-Session}", None, header("x-session")),
    ] {
        let got = rule(&session(block)).session.unwrap_or_else(|| panic!("{block}"));
        assert_eq!((got.absolute_timeout, got.name), (timeout, name), "{block}");
    }
    for kind in ["HTTPRoute", "GRPCRoute"] {
        let got = experimental(kind, &session("cookie: {}"));
        assert_eq!(got, ["spec.rules[0].sessionPersistence"], "{kind}");
    }
}

#[test]
fn what_is_wrong_with_sessions_is_said() {
    // gateway-api §17, §25
    let at = "spec.rules[0].sessionPersistence";
    let needs = |kind: &str, field: &str| {
        format!("{at}: `sessionPersistence` of type `{kind}` needs `{field}`")
    };
    let cannot = |kind: &str, field: &str| {
        format!("{at}: `sessionPersistence` of type `{kind}` cannot have `{field}`")
    };
    let permanent = format!("{at}: a `Permanent` cookie needs an `absoluteTimeout`");
    let known = "known are `type`, `absoluteTimeout`, `cookie`, `header`";
    let path = "it holds ASCII without `;` and control characters";
    for (block, want) in [
        // The five rules of the union and of the lifetime.
        ("".to_owned(), vec![needs("Cookie", "cookie")]),
        ("type: Header".into(), vec![needs("Header", "header")]),
        ("cookie: {}, header: {name: a}".into(), vec![cannot("Cookie", "header")]),
        ("type: Header, cookie: {}, header: {name: a}".into(), vec![cannot("Header", "cookie")]),
        ("cookie: {lifetimeType: Permanent}".into(), vec![permanent.clone()]),
        (
            "type: Header, cookie: {lifetimeType: Permanent}".into(),
            vec![permanent, needs("Header", "header"), cannot("Header", "cookie")],
        ),
        (
            "type: cookie, cookie: {lifetimeType: Forever}".into(),
            vec![
                format!(
                    "{at}.type: `cookie` is not one of `Cookie`, `Header` (did you mean `Cookie`?)"
                ),
                format!("{at}.cookie.lifetimeType: `Forever` is not one of `Session`, `Permanent`"),
            ],
        ),
        (
            "cookie: {lifetimeType: Permanent}, absoluteTimeout: 1d".into(),
            vec![format!(
                "{at}.absoluteTimeout: `1d` is not a duration (write one to four parts of at most five digits and `h`, `m`, `s` or `ms`, as in `1m30s`)"
            )],
        ),
        (
            "cookie: {}, sessionName: a, idleTimeout: 1s".into(),
            vec![
                format!("{at}.sessionName: unknown field `sessionName` ({known})"),
                format!("{at}.idleTimeout: unknown field `idleTimeout` ({known})"),
            ],
        ),
        (
            "cookie: {name: 'a;b', path: '/;b'}".into(),
            vec![
                format!(
                    "{at}.cookie.name: `a;b` is not a cookie name (it is made of letters, digits and ``!#$%&'*+-.^_`|~``)"
                ),
                format!("{at}.cookie.path: `/;b` is not a cookie path ({path})"),
            ],
        ),
        (
            "cookie: {path: \"/a\\r\\nb\"}".into(),
            vec![format!("{at}.cookie.path: `/a…` is not a cookie path ({path})")],
        ),
        (
            format!("cookie: {{name: {}, path: {}}}", "a".repeat(257), "a".repeat(1025)),
            vec![
                format!("{at}.cookie.name: a cookie name has at most 256 characters, found 257"),
                format!("{at}.cookie.path: a cookie path has at most 1024 characters, found 1025"),
            ],
        ),
        (
            "type: Header, header: {}".into(),
            vec![format!("{at}.header.name: required field `name` is missing")],
        ),
        (
            "type: Header, header: {name: 'a b'}".into(),
            vec![format!(
                "{at}.header.name: `a b` is not a header name (it is made of letters, digits and ``!#$%&'*+-.^_`|~``)"
            )],
        ),
        (
            "type: Header, header: {name: Content-Length}".into(),
            vec![format!(
                "{at}.header.name: `Content-Length` belongs to the connection and cannot carry a session"
            )],
        ),
    ] {
        assert_eq!(rule_problems(&session(&block)), want, "{block}");
        let got = problems_of("GRPCRoute", &format!("  rules:\n  -\n{}", session(&block)));
        assert_eq!(got, want, "{block}");
    }
}
