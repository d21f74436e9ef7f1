use super::*;
use crate::request::{Connection, ListenerKey, RequestHead};
use crate::rules::Anchor;

type Lines<'a> = &'a [(&'a str, &'a str)];

fn with<T>(request: &RequestHead<'_>, then: impl FnOnce(&View<'_, RequestHead<'_>>) -> T) -> T {
    View::with(request, &PathPolicy::default(), |view| then(view.unwrap()))
}

fn read(request: &RequestHead<'_>, field: &Field) -> Option<String> {
    with(request, |view| {
        let value = view.read(field);
        let mut out = Vec::new();
        value.append_to(&mut out);
        value.is_present().then(|| String::from_utf8(out).unwrap())
    })
}

fn header(name: &str) -> Field {
    Field::Header(name.into())
}

fn cookie(name: &str, ignore_case: bool) -> Field {
    Field::Cookie { name: name.into(), ignore_case }
}

fn argument(name: &str, ignore_case: bool, decoded: bool) -> Field {
    Field::Argument { name: name.into(), ignore_case, decoded }
}

fn equals(field: Field, value: &str) -> Condition {
    Condition::equals(field, value)
}

fn matches(field: Field, source: &str, empty_matches: bool) -> Condition {
    let regex = Regex::new(source, Anchor::None, false).unwrap();
    Condition::new(field, Test::Matches { regex, empty_matches })
}

#[test]
fn header_lines_are_joined() {
    // virtualserver §10.1, smi H-13
    let cases: [(Lines<'_>, &str, Option<&str>); 6] = [
        (&[], "x-a", None),
        (&[("X-A", "1")], "x-a", Some("1")),
        (&[("x-a", "1"), ("x-b", "2"), ("X-A", "3")], "x-a", Some("1, 3")),
        (&[("x-a", ""), ("x-a", "v")], "x-a", Some(", v")),
        (&[("x-a", "")], "x-a", Some("")),
        (&[("cookie", "a=1"), ("cookie", "b=2")], "cookie", Some("a=1; b=2")),
    ];
    for (lines, name, want) in cases {
        let request = RequestHead::get("h", "/").headers(lines);
        assert_eq!(read(&request, &header(name)).as_deref(), want, "{lines:?} {name}");
    }
}

#[test]
fn the_first_cookie_of_a_name_counts() {
    // virtualserver §10.1
    let cases: [(Lines<'_>, &str, bool, Option<&str>); 16] = [
        (&[], "a", false, None),
        (&[("cookie", "a=1")], "a", false, Some("1")),
        (&[("cookie", "b=0; a=1; a=2")], "a", false, Some("1")),
        (&[("cookie", "b=0"), ("cookie", "a=1"), ("cookie", "a=2")], "a", false, Some("1")),
        (&[("cookie", "a = 1")], "a", false, Some("1")),
        (&[("cookie", "a=1 ; b=2")], "a", false, Some("1 ")),
        (&[("cookie", "a=\"1\"")], "a", false, Some("\"1\"")),
        (&[("cookie", "a=b=c")], "a", false, Some("b=c")),
        (&[("cookie", "a=1,b=2")], "a", false, Some("1,b=2")),
        (&[("cookie", "a=")], "a", false, Some("")),
        (&[("cookie", "a")], "a", false, None),
        (&[("cookie", "xa=1; ax=2")], "a", false, None),
        (&[("cookie", "b=1;a=2")], "a", false, Some("2")),
        (&[("cookie", "A=1")], "a", false, None),
        (&[("cookie", "A=1; a=2")], "a", false, Some("2")),
        (&[("cookie", "A=1; a=2")], "a", true, Some("1")),
    ];
    for (lines, name, ignore_case, want) in cases {
        let request = RequestHead::get("h", "/").headers(lines);
        let got = read(&request, &cookie(name, ignore_case));
        assert_eq!(got.as_deref(), want, "{lines:?} {name}");
    }
}

#[test]
fn the_first_argument_of_a_name_counts() {
    // virtualserver §10.1 (raw), gateway-api §11.4 (decoded)
    for (target, name, ignore_case, raw, decoded) in [
        ("/", "a", false, None, None),
        ("/?", "a", false, None, None),
        ("/?a=1", "a", false, Some("1"), Some("1")),
        ("/?b=0&a=1&a=2", "a", false, Some("1"), Some("1")),
        ("/?a=b=c", "a", false, Some("b=c"), Some("b=c")),
        ("/?a=", "a", false, Some(""), Some("")),
        ("/?a", "a", false, None, Some("")),
        ("/?a&a=1", "a", false, Some("1"), Some("")),
        ("/?A=1", "a", false, None, None),
        ("/?A=1", "a", true, Some("1"), Some("1")),
        ("/?a=x%20y+z", "a", false, Some("x%20y+z"), Some("x y z")),
        ("/?%61=1", "a", false, None, Some("1")),
        ("/?a=%zz%4", "a", false, Some("%zz%4"), Some("%zz%4")),
        ("/?a=1#b", "a", false, Some("1"), Some("1")),
        ("/?a=caf%C3%A9", "a", false, Some("caf%C3%A9"), Some("café")),
        ("/?xa=1&ax=2", "a", false, None, None),
    ] {
        let request = RequestHead::get("h", target);
        for (is_decoded, want) in [(false, raw), (true, decoded)] {
            let got = read(&request, &argument(name, ignore_case, is_decoded));
            assert_eq!(got.as_deref(), want, "{target} {name} decoded={is_decoded}");
        }
    }
}

#[test]
fn other_fields() {
    let connection = Connection {
        listener: ListenerKey { address: None, port: 443 },
        protocol: Protocol::Https,
        peer: Some("[2001:db8::1]:4711".parse().unwrap()),
    };
    let lines = [("content-type", "text/plain")];
    let plain = RequestHead::get("H.Example.:80", "/a//b?x=1").headers(&lines);
    for (request, field, want) in [
        (plain, Field::Method, Some("GET")),
        (plain, Field::Scheme, Some("http")),
        (plain, Field::Host, Some("h.example")),
        (plain, Field::Path, Some("/a/b")),
        (plain, Field::Target, Some("/a//b?x=1")),
        // virtualserver §17: the target without scheme and authority
        (RequestHead::get("h", "http://h/a?x"), Field::Target, Some("/a?x")),
        (RequestHead::get("h", "HTTPS://h"), Field::Target, Some("/")),
        (RequestHead::get("h", "http://h?x"), Field::Target, Some("/?x")),
        (RequestHead::get("h", "http://h/a"), Field::RequestLine, Some("GET http://h/a HTTP/1.1")),
        (RequestHead::new("OPTIONS", "h", "*"), Field::Target, Some("*")),
        (plain, Field::Query, Some("x=1")),
        (plain, Field::RequestLine, Some("GET /a//b?x=1 HTTP/1.1")),
        (plain, Field::PeerAddress, None),
        (plain, Field::PeerPort, None),
        (plain, Field::Https, None),
        (plain, Field::Http2, None),
        // smi H-14
        (plain, header("host"), Some("H.Example.:80")),
        (plain, Field::Attribute("x".into()), None),
        (plain.on(connection), Field::Scheme, Some("https")),
        (plain.on(connection), Field::Https, Some("on")),
        (plain.on(connection), Field::PeerAddress, Some("2001:db8::1")),
        (plain.on(connection), Field::PeerPort, Some("4711")),
        (RequestHead::get("h", "/"), Field::Query, None),
        (RequestHead::get("h", "/?"), Field::Query, Some("")),
        (RequestHead::new("OPTIONS", "h", "*"), Field::Path, None),
        (RequestHead::new("CONNECT", "h", "x:443"), Field::Path, None),
        (RequestHead::new("CONNECT", "h", "x:443"), Field::Host, Some("x")),
    ] {
        assert_eq!(read(&request, &field).as_deref(), want, "{field} of {request:?}");
    }
}

#[test]
fn http_2_has_its_own_names() {
    let (mut parts, ()) = http::Request::get("http://H:81/a").body(()).unwrap().into_parts();
    parts.version = Version::HTTP_2;
    let text = |parts: &http::request::Parts, field: &Field| {
        let read = |view: &View<'_, _>| {
            let mut out = Vec::new();
            view.read(field).append_to(&mut out);
            String::from_utf8(out).unwrap()
        };
        View::with(parts, &PathPolicy::default(), |view| read(view.unwrap()))
    };
    assert_eq!(text(&parts, &Field::Http2), "h2c");
    assert_eq!(text(&parts, &header("host")), "H:81");
    assert_eq!(text(&parts, &Field::Host), "h");
    assert_eq!(text(&parts, &Field::RequestLine), "GET /a HTTP/2.0");
    parts.extensions.insert(Connection { protocol: Protocol::Https, ..Connection::http(443) });
    assert_eq!(text(&parts, &Field::Http2), "h2");
}

#[test]
fn tests_of_one_value() {
    // virtualserver §10.2, smi H-11 and H-12, smi 4.4
    let x = || header("x");
    let folded =
        |value: &str| Condition::new(x(), Test::Equals { value: value.into(), ignore_case: true });
    let empty = || Condition::new(x(), Test::Empty);
    let beta = || matches(header("cookie"), "version=beta", true);
    let cases: [(Lines<'_>, Condition, bool); 28] = [
        (&[("x", "Get")], equals(x(), "Get"), true),
        (&[("x", "Get")], equals(x(), "get"), false),
        (&[("x", "Get")], folded("gET"), true),
        (&[("x", "Gets")], folded("get"), false),
        (&[("x", "Ge")], folded("get"), false),
        (&[], equals(x(), ""), false),
        (&[("x", "")], equals(x(), ""), true),
        (&[("x", "a"), ("x", "b")], equals(x(), "a, b"), true),
        (&[("x", "a"), ("x", "b")], equals(x(), "a"), false),
        (&[], empty(), true),
        (&[("x", "")], empty(), true),
        (&[("x", ""), ("x", "")], empty(), false),
        (&[("x", " ")], empty(), false),
        (&[], matches(x(), ".*", true), false),
        (&[("x", "")], matches(x(), ".*", true), true),
        (&[("x", "")], matches(x(), ".*", false), false),
        (&[("x", "demo-10")], matches(x(), "^demo-1$", true), false),
        (&[("x", "a"), ("x", "b")], matches(x(), "^a, b$", false), true),
        (&[("cookie", "version=beta")], beta(), true),
        (&[("cookie", "session=42; version=beta; theme=dark")], beta(), true),
        (&[("cookie", "session=42"), ("cookie", "version=beta")], beta(), true),
        (&[], beta(), false),
        (&[("cookie", "version=stable")], beta(), false),
        (&[("cookie", "version=BETA")], beta(), false),
        (&[("cookie", "version=\"beta\"")], beta(), false),
        (&[("cookie", "version=betamax")], beta(), true),
        (&[("cookie", "oldversion=beta")], beta(), true),
        (&[("x", "a")], equals(x(), "a").negate().negate(), true),
    ];
    for (lines, condition, want) in cases {
        let request = RequestHead::get("h", "/").headers(lines);
        let got = with(&request, |view| view.holds(&condition));
        assert_eq!(got, want, "{} {condition} for {lines:?}", condition.field);
    }
}

#[test]
fn a_deny_cannot_be_bypassed_by_adding_a_line() {
    // decisions §3
    let not = |field: Field| equals(field, "bad").negate();
    let x = || not(header("x"));
    let c = || not(cookie("c", false));
    let cases: [(&str, Lines<'_>, Condition, bool); 16] = [
        ("/", &[], x(), true),
        ("/", &[("x", "good")], x(), true),
        ("/", &[("x", "bad")], x(), false),
        ("/", &[("x", "good"), ("x", "bad")], x(), false),
        ("/", &[("x", "bad"), ("x", "good")], x(), false),
        ("/", &[("x", "good"), ("x", "better")], x(), true),
        ("/", &[("x", "a"), ("x", "b")], equals(header("x"), "a, b").negate(), false),
        ("/", &[("cookie", "c=good; c=bad")], c(), false),
        ("/", &[("cookie", "c=good"), ("cookie", "c=bad")], c(), false),
        ("/", &[("cookie", "c=good; d=bad")], c(), true),
        ("/?a=good&a=bad", &[], not(argument("a", false, false)), false),
        ("/?a=good&A=bad", &[], not(argument("a", true, true)), false),
        ("/?a=good&a=b%61d", &[], not(argument("a", false, true)), false),
        ("/?a=good&a=b%61d", &[], not(argument("a", false, false)), true),
        ("/", &[("x", "v"), ("x", "")], Condition::new(header("x"), Test::Empty).negate(), false),
        // The authority is one value: the `Host` line, which is `h`, has lost to the target.
        ("http://other/", &[], equals(header("host"), "h").negate(), true),
    ];
    for (target, lines, condition, want) in cases {
        let request = RequestHead::get("h", target).headers(lines);
        let got = with(&request, |view| view.holds(&condition));
        assert_eq!(got, want, "{} {condition} for {target} {lines:?}", condition.field);
    }
}

#[test]
fn refusals_come_before_the_rules() {
    // decisions §2 and §3
    for (host, target, want) in [
        ("", "/", InvalidTarget::NoHost),
        ("a b", "/", InvalidTarget::MalformedHost),
        ("h", "tea", InvalidTarget::NotAPath),
        ("h", "/..", InvalidTarget::AboveRoot),
        ("h", "/%", InvalidTarget::MalformedEscape),
        ("h", "/?\0", InvalidTarget::Nul),
        ("h", "/?a\r\nb", InvalidTarget::ControlCharacter),
        ("h", "/?\x7f", InvalidTarget::ControlCharacter),
        ("h", "/#\n", InvalidTarget::ControlCharacter),
        ("h", "http://h?\t", InvalidTarget::ControlCharacter),
    ] {
        let request = RequestHead::get(host, target);
        let got = View::with(&request, &PathPolicy::default(), |view| view.map(|_| ()));
        assert_eq!(got, Err(want), "{host} {target}");
    }
}
