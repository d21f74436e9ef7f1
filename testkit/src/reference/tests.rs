use super::*;
use crate::{OwnedRequest, build};
use gateway_core::rules::{
    Anchor, Boundary, Branch, Condition, GroupMatch, GroupMatches, PathTemplate, Regex, ServiceId,
    ServiceSplit, Split, SplitBackend, Test,
};
use gateway_core::{InvalidTarget, PathPolicy};
use http::StatusCode;
use std::sync::Arc;

fn prefix(text: &str, boundary: Boundary) -> PathPattern {
    PathPattern::Prefix { template: PathTemplate::with_parameters(text).unwrap(), boundary }
}

fn exact(text: &str) -> PathPattern {
    PathPattern::Exact(PathTemplate::with_parameters(text).unwrap())
}

fn regex(text: &str, anchor: Anchor) -> Regex {
    Regex::new(text, anchor, false).unwrap()
}

fn host(name: &str, section: u32, falls_through: bool, routes: Vec<Route>) -> Arc<VirtualHost> {
    let hostname = if name == "*" { HostPattern::Any } else { HostPattern::parse(name).unwrap() };
    let origin = build::origin(name);
    Arc::new(VirtualHost { section, falls_through, ..VirtualHost::new(hostname, routes, origin) })
}

fn route(name: &str, path: PathPattern, conditions: Vec<Condition>) -> Route {
    let forward = build::forward(ServiceId(0), 80, build::origin(name));
    let action = Action::Forward(Arc::new(forward));
    Route::new(path, conditions, action, build::origin(name))
}

fn rules(hosts: Vec<Arc<VirtualHost>>) -> RuleSet {
    let hosts = hosts.into_iter().collect();
    let listeners = vec![Listener { hosts, ..build::listener(80) }];
    RuleSet { identity: None, listeners, services: vec![build::service("root", &[80])].into() }
}

fn taken_by(rules: &RuleSet, request: &OwnedRequest) -> String {
    let answer = decide(rules, request, 0);
    answer.route.map_or_else(|| format!("{:?}", answer.verdict), |route| route.field.to_string())
}

#[test]
fn the_first_route_that_holds_decides() {
    let table = rules(vec![host(
        "*",
        0,
        false,
        vec![
            route("exact", exact("/a"), vec![]),
            route("segment", prefix("/ab", Boundary::Segment), vec![]),
            route("parameter", prefix("/b/{x}/b", Boundary::Byte), vec![]),
            route("regex", PathPattern::Regex(regex("^/r[12]$", Anchor::Start)), vec![]),
            route("byte", prefix("/a", Boundary::Byte), vec![]),
        ],
    )]);
    for (target, want) in [
        ("/a", "exact"),
        ("/a?x", "exact"),
        ("/%61", "exact"),
        ("/x/../a", "exact"),
        ("/a/", "byte"),
        ("/ab", "segment"),
        ("/ab/c", "segment"),
        ("/abc", "byte"),
        ("/b/central/b", "parameter"),
        ("/b/central/beta", "parameter"),
        ("/b/b", "NoRoute(NoMatch)"),
        ("/b/x/y/b", "NoRoute(NoMatch)"),
        ("/r1", "regex"),
        ("/r3", "NoRoute(NoMatch)"),
        ("http://any/r2", "regex"),
        ("a", "NoRoute(Invalid(NotAPath))"),
        ("/a%2F..", "NoRoute(Invalid(HiddenDots))"),
    ] {
        let request = OwnedRequest::new("GET", "a.b", 80, target);
        assert_eq!(taken_by(&table, &request), want, "{target}");
    }
}

#[test]
fn the_most_specific_host_is_asked_and_falls_through_within_its_section() {
    // decisions §1
    let only = |name: &str, path: &str| -> Vec<Route> { vec![route(name, exact(path), vec![])] };
    let table = rules(vec![
        host("*", 0, false, only("any", "/any")),
        host("*.b", 0, true, only("wide", "/wide")),
        host("*.a.b", 1, true, only("long", "/long")),
        host("c.a.b", 0, true, only("exact", "/exact")),
        host("d.b", 0, false, only("stop", "/stop")),
    ]);
    for (name, target, want) in [
        ("c.a.b", "/exact", "exact"),
        ("C.A.B.:80", "/exact", "exact"),
        ("c.a.b", "/long", "NoRoute(NoMatch)"),
        ("c.a.b", "/wide", "wide"),
        ("c.a.b", "/any", "any"),
        ("d.a.b", "/long", "long"),
        ("d.a.b", "/wide", "NoRoute(NoMatch)"),
        ("d.b", "/any", "NoRoute(NoMatch)"),
        ("b", "/any", "any"),
        ("b", "/wide", "NoRoute(NoMatch)"),
        ("", "/any", "NoRoute(Invalid(NoHost))"),
        ("a b", "/any", "NoRoute(Invalid(MalformedHost))"),
    ] {
        let request = OwnedRequest::new("GET", name, 80, target);
        assert_eq!(taken_by(&table, &request), want, "{name}{target}");
    }
    let elsewhere = OwnedRequest::new("GET", "b", 81, "/any");
    assert_eq!(decide(&table, &elsewhere, 0), Answer::nothing(NoRoute::NoListener));
    let twice = OwnedRequest::new("GET", "b", 80, "/any").header("Host", "b");
    assert_eq!(taken_by(&table, &twice), "NoRoute(Invalid(SeveralHosts))");
}

#[test]
fn conditions_read_fields_and_deny_every_line() {
    // decisions §3
    let header = || Field::Header("x".into());
    let cookie = |ignore_case| Field::Cookie { name: "v".into(), ignore_case };
    let argument =
        |decoded: bool| Field::Argument { name: "v".into(), ignore_case: !decoded, decoded };
    let equals = |field, value: &str| Condition::equals(field, value);
    let matches = |text, empty_matches| {
        let regex = regex(text, Anchor::None);
        Condition::new(header(), Test::Matches { regex, empty_matches })
    };
    let empty = || Condition::new(header(), Test::Empty);
    let base = || OwnedRequest::new("GET", "a", 80, "/p?V=1&v=2&w&w=%20+");
    let x = |values: &[&str]| values.iter().fold(base(), |r, v| r.header("X", v));
    let v = |text: &str| base().header("cookie", text);
    for (condition, request, want) in [
        (equals(header(), "a, b"), x(&["a", "b"]), true),
        (equals(header(), "a"), x(&["a", "b"]), false),
        (equals(header(), "b").negate(), x(&["a", "b"]), false),
        (equals(header(), "c").negate(), x(&["a", "b"]), true),
        (equals(header(), "c").negate(), x(&[]), true),
        (empty(), x(&[]), true),
        (empty(), x(&[""]), true),
        (empty(), x(&["", "a"]), false),
        (empty().negate(), x(&["", "a"]), false),
        (empty().negate(), x(&["a"]), true),
        (matches(".*", true), x(&[]), false),
        (matches(".*", true), x(&[""]), true),
        (matches(".*", false), x(&[""]), false),
        (matches("b$", false), x(&["a", "ab"]), true),
        (equals(cookie(false), "1"), v("V=0; v=1; v=2"), true),
        (equals(cookie(true), "0"), v("V=0; v=1"), true),
        (equals(cookie(false), "1 "), v("v = 1 ;w=2"), true),
        (equals(cookie(false), "2").negate(), v("v=1; v=2"), false),
        (equals(argument(false), "1"), base(), true),
        (equals(argument(true), "2"), base(), true),
        (equals(Field::Method, "get"), base(), false),
        (equals(Field::Host, "a"), base(), true),
        (equals(Field::Path, "/p"), base(), true),
        (equals(Field::RequestLine, "GET /p?V=1&v=2&w&w=%20+ HTTP/1.1"), base(), true),
    ] {
        let view = View::of(&request, &PathPolicy::default()).unwrap();
        assert_eq!(view.holds(&condition), want, "{condition:?} {request:?}");
    }
}

#[test]
fn a_known_path_blames_the_method_alone() {
    // decisions §7
    let get = Condition::equals(Field::Method, "GET");
    let x = Condition::equals(Field::Header("x".into()), "1");
    let action = Action::Unmatched { alternatives: 2 };
    let unmatched = Route::new(exact("/a"), vec![], action, build::origin("unmatched"));
    let table = rules(vec![host(
        "*",
        0,
        false,
        vec![
            route("first", exact("/a"), vec![get, x.clone()]),
            route("second", exact("/a"), vec![x.negate(), Condition::equals(Field::Method, "PUT")]),
            unmatched,
        ],
    )]);
    for (method, header, want) in [
        ("GET", "1", "first"),
        ("PUT", "2", "second"),
        ("PUT", "1", "MethodNotAllowed"),
        ("GET", "2", "MethodNotAllowed"),
    ] {
        let request = OwnedRequest::new(method, "a", 80, "/a").header("x", header);
        let answer = decide(&table, &request, 0);
        let got = match answer.verdict {
            Verdict::NoRoute(why) => format!("{why:?}"),
            _ => answer.route.unwrap().field.to_string(),
        };
        assert_eq!(got, want, "{method} {header}");
    }
}

#[test]
fn the_services_split_draws_from_what_the_routes_split_left() {
    // decisions §4, smi §3.6
    let branch = |name: &str, weight| Branch {
        weight,
        cors: None,
        action: Action::Forward(Arc::new(build::forward(ServiceId(0), 80, build::origin(name)))),
        origin: build::origin(name),
    };
    let split = Split {
        session: None,
        sticky: None,
        branches: vec![branch("one", 1), branch("none", 0), branch("two", 1)],
        otherwise: StatusCode::INTERNAL_SERVER_ERROR,
        origin: build::origin("split"),
    };
    let mut both = route("route", exact("/"), vec![]);
    both.action = Action::Split(Arc::new(split));
    let mut table = rules(vec![host("*", 0, false, vec![both])]);
    let backend = |service, weight| SplitBackend {
        service: ServiceId(service),
        weight,
        origin: build::origin("backend"),
    };
    let beta = GroupMatch {
        conditions: vec![Condition::equals(Field::Header("x".into()), "beta")],
        origin: build::origin("match"),
    };
    let applies = |matches, backends| ServiceSplit {
        sticky: None,
        matches,
        backends,
        origin: build::origin("service split"),
    };
    let [mut missing, elsewhere] = [build::service("gone", &[80]), build::service("else", &[81])];
    missing.exists = false;
    let services = Arc::make_mut(&mut table.services);
    services.extend([build::service("v2", &[80]), missing, elsewhere]);
    services[0].splits = vec![
        applies(Some(GroupMatches::default()), vec![backend(2, 1)]), // smi S-11: applies to no request
        applies(Some(GroupMatches::from_iter([beta])), vec![backend(0, 0), backend(1, 0)]),
        applies(None, vec![backend(0, 1), backend(2, 9), backend(3, 9), backend(1, 1)]),
    ];
    let ask = |draw: f64, value: &str| {
        let request = OwnedRequest::new("GET", "a", 80, "/").header("x", value);
        let answer = decide(&table, &request, (draw * 2f64.powi(64)) as u64);
        let branch = answer.branch.unwrap().field.to_string();
        match answer.verdict {
            Verdict::Forward { service, .. } => format!("{branch} {}", service.name),
            verdict => format!("{branch} {verdict:?}"),
        }
    };
    for (draw, value, want) in [
        (0.0, "", "one root"),
        (0.25, "", "one v2"),
        (0.5, "", "two root"),
        (0.75, "", "two v2"),
        (0.75, "beta", "two NoRoute(NoBackend)"),
    ] {
        assert_eq!(ask(draw, value), want, "{draw} {value}");
    }
}

#[test]
fn faulty_paths_are_refused() {
    // decisions §2
    for (path, want) in [
        ("/%", InvalidTarget::MalformedEscape),
        ("/a%00", InvalidTarget::Nul),
        ("/a%7f", InvalidTarget::ControlCharacter),
        ("/a\\b", InvalidTarget::Backslash),
        ("/a%5cb", InvalidTarget::Backslash),
        ("/..", InvalidTarget::AboveRoot),
        ("/a/..;/b", InvalidTarget::DotParameters),
        ("/a%2F..%2Fb", InvalidTarget::HiddenDots),
    ] {
        let got = path::match_path(path.as_bytes(), &PathPolicy::default());
        assert_eq!(got, Err(want), "{path}");
    }
    for (path, want) in [
        ("//a///b/", "/a/b/"),
        ("/a/./b/../c", "/a/c"),
        ("/a/b//..", "/a/"),
        ("/a%2fb", "/a%2Fb"),
        ("/caf%C3%A9", "/café"),
        ("/%3Fx", "/?x"),
    ] {
        let got = path::match_path(path.as_bytes(), &PathPolicy::default()).unwrap();
        assert_eq!(String::from_utf8(got).unwrap(), want, "{path}");
    }
}

/// The doc comments of `PathPattern`, `Boundary` and `PathPart`, case by case.
#[test]
fn patterns_hold_as_documented() {
    let parse = |text| PathTemplate::parse(text).unwrap();
    let exact = |text| PathPattern::Exact(parse(text));
    let bytes = |text| PathPattern::Prefix { template: parse(text), boundary: Boundary::Byte };
    let segments = |text| {
        let template = parse(text).without_final_slash();
        PathPattern::Prefix { template, boundary: Boundary::Segment }
    };
    for (pattern, held, not_held) in [
        (exact("/a"), &["/a"][..], &["/", "/a/", "/ab", "/b/a"][..]),
        (exact("/{x}"), &["/a", "/é", "/%2F"], &["/", "/a/", "/a/b"]),
        (exact("/a/{x}/b"), &["/a/x/b"], &["/a//b", "/a/b", "/a/x/y/b", "/a/x/bb"]),
        (exact("/img-{x}"), &["/img-1", "/img--"], &["/img-", "/img-1/", "/ximg-1"]),
        (exact("/{x}.js"), &["/a.js", "/.js.js", "/a.json.js"], &["/.js", "/a.json", "/a/b.js"]),
        (exact("/{a}-{b}"), &["/1-2", "/1-2-3", "/---"], &["/1-", "/-2", "/--", "/1/-2"]),
        (exact("/{*x}"), &["/a", "/a/b", "/a/"], &["/"]),
        (exact("/a/{*x}"), &["/a/b", "/a/b/"], &["/a", "/a/"]),
        (exact("/{*a}/x-{b}"), &["/1/x-2", "/1/2/x-3", "/x-1/x-2"], &["/x-1", "/1/x-", "/1/x-2/"]),
        (exact("/{*a}b"), &["/ab", "/a/b", "/bb"], &["/b", "/ba"]),
        (bytes("/tea"), &["/tea", "/teapot", "/tea/"], &["/te", "/a/tea"]),
        (bytes("/tea/"), &["/tea/", "/tea/a"], &["/tea", "/teapot"]),
        (bytes("/"), &["/", "/a"], &[]),
        (bytes("/{x}"), &["/a", "/a/b", "/a/"], &["/"]),
        (bytes("/{x}.js"), &["/a.js", "/a.json", "/a.js/b"], &["/.js", "/a/b.js"]),
        (bytes("/img-{x}"), &["/img-1", "/img-1/b"], &["/img-", "/img-/b"]),
        (bytes("/{a}-{b}"), &["/1-2", "/1-2/3"], &["/1-", "/1-/2"]),
        (bytes("/a/{*x}"), &["/a/b", "/a/b/c"], &["/a/", "/a"]),
        (bytes("/{*x}/b"), &["/a/b", "/a/bc", "/1/2/b/"], &["/b", "/b/", "/a/c"]),
        (segments("/"), &["/", "/a"], &[]),
        (segments("/a"), &["/a", "/a/", "/a/b"], &["/ab", "/", "/b/a"]),
        (segments("/a/"), &["/a", "/a/b"], &["/ab"]),
        (segments("/{x}"), &["/a", "/a/b"], &["/"]),
        (segments("/{x}.js"), &["/a.js", "/a.js/b", "/a.js.js"], &["/a.json", "/.js/a.js"]),
        (segments("/{a}-{b}"), &["/1-2/3", "/1-2-3"], &["/1-/2"]),
        (segments("/{*x}"), &["/a", "/a/b"], &["/"]),
        (segments("/{*x}/b"), &["/1/b", "/1/bb/b/c", "/1/2/b/3"], &["/b/b2", "/b", "/1/bc"]),
    ] {
        for (paths, want) in [(held, true), (not_held, false)] {
            for path in paths {
                assert_eq!(path_holds(&pattern, path.as_bytes()), want, "{pattern} {path}");
            }
        }
    }
}

#[test]
fn parameters_take_as_little_as_they_can() {
    let parse = |text| PathTemplate::parse(text).unwrap();
    let exact = |text| PathPattern::Exact(parse(text));
    let prefix = |text, boundary| PathPattern::Prefix { template: parse(text), boundary };
    for (pattern, path, want) in [
        (exact("/a"), "/a", ""),
        (exact("/{x}/b/{y}"), "/1/b/2", "x=1 y=2"),
        (exact("/{a}-{b}"), "/1-2-3", "a=1 b=2-3"),
        (exact("/{a}-{b}"), "/---", "a=- b=-"),
        (exact("/{a}.{b}.js"), "/1.2.js.js", "a=1 b=2.js"),
        (exact("/{*a}/x-{b}"), "/1/x-2/x-3", "a=1/x-2 b=3"),
        (exact("/{*a}/{*b}"), "/1/2/3", "a=1 b=2/3"),
        (prefix("/{a}-{b}", Boundary::Byte), "/1-2-3/4", "a=1 b=2-3"),
        (prefix("/{a}-b", Boundary::Byte), "/1-b-b", "a=1"),
        (prefix("/{a}-b", Boundary::Segment), "/1-b-b", "a=1-b"),
        (prefix("/{*a}", Boundary::Byte), "/1/2", "a=1"),
        (prefix("/{*a}", Boundary::Segment), "/12/3", "a=12"),
        (prefix("/{*a}/b", Boundary::Segment), "/1/bb/b/c/b", "a=1/bb"),
        (exact("/{a}"), "/1/2", ""),
        (PathPattern::Regex(regex("/(?P<a>r|s)([0-9]+)(x)?", Anchor::None)), "/y/s12", "a=s 2=12"),
    ] {
        let mut request = OwnedRequest::new("GET", "h", 80, "/");
        request.target = path.into();
        let route = route("", pattern, vec![]);
        let captures = captures(&build::listener(80), &route, &request);
        let shown = captures.iter().map(|(n, v)| format!("{n}={}", String::from_utf8_lossy(v)));
        assert_eq!(shown.collect::<Vec<_>>().join(" "), want, "{} {path}", route.path);
    }
}
