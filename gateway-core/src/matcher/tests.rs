mod fallback;

use super::*;
use crate::decision::{Outcome, SplitChoice};
use crate::request::{Connection, InvalidTarget, PathPolicy, RequestHead};
use crate::rules::{
    Action, Anchor, BackendSettings, Boundary, Branch, Condition, Field, Forward, GroupMatch,
    HostPattern, PathPattern, PathTemplate, Protocol, Regex, Respond, Route, Service, ServiceId,
    ServiceName, ServiceSplit, Split, SplitBackend, Template, Test, UpstreamTarget, VirtualHost,
};
use crate::{ObjectRef, Origin};
use http::StatusCode;
use proptest::prelude::*;

fn origin(name: &str) -> Origin {
    Origin::new(ObjectRef::new("Test", "", ""), name)
}

fn respond() -> Action {
    Action::Respond(Arc::new(Respond {
        status: StatusCode::OK,
        content_type: None,
        body: Template::default(),
        headers: Vec::new(),
        reason: None,
        origin: origin(""),
    }))
}

fn forward(service: u32, splits: bool) -> Action {
    Action::Forward(Arc::new(Forward {
        unavailable: StatusCode::BAD_GATEWAY,
        ..Forward::new(
            UpstreamTarget { service: ServiceId(service), port: 80, splits },
            Arc::new(BackendSettings::new("", origin(""))),
            origin(""),
        )
    }))
}

/// `=/a` is the whole path, `/a/*` ends with a segment, `/a*` anywhere, `~…` is an expression that
/// begins with the path.
fn pattern(text: &str) -> PathPattern {
    let template = |text: &str| match text {
        "" => PathTemplate::empty(),
        _ => PathTemplate::with_parameters(text).unwrap(),
    };
    if let Some(text) = text.strip_prefix('=') {
        PathPattern::Exact(template(text))
    } else if let Some(source) = text.strip_prefix('~') {
        PathPattern::Regex(Regex::new(source, Anchor::Start, false).unwrap())
    } else if let Some(text) = text.strip_suffix("/*") {
        PathPattern::Prefix { template: template(text), boundary: Boundary::Segment }
    } else {
        let template = template(text.strip_suffix('*').unwrap());
        PathPattern::Prefix { template, boundary: Boundary::Byte }
    }
}

/// Its origin is its pattern.
fn route(path: &str, conditions: Vec<Condition>) -> Route {
    Route::new(pattern(path), conditions, respond(), origin(path))
}

fn routes(paths: &[&str]) -> Vec<Route> {
    paths.iter().map(|path| route(path, Vec::new())).collect()
}

fn host(name: &str, section: u32, falls_through: bool, routes: Vec<Route>) -> Arc<VirtualHost> {
    let hostname = match name {
        "*" => HostPattern::Any,
        _ => HostPattern::parse(name).unwrap(),
    };
    Arc::new(VirtualHost {
        section,
        falls_through,
        ..VirtualHost::new(hostname, routes, origin(name))
    })
}

fn listener(address: Option<&str>, port: u16, hosts: Vec<Arc<VirtualHost>>) -> Listener {
    Listener {
        tells_grpc: false,
        mutual_tls: false,
        name: format!("{address:?}:{port}").into(),
        address: address.map(|a| a.parse().unwrap()),
        port,
        protocol: Protocol::Http,
        paths: PathPolicy::default(),
        hosts: hosts.into_iter().collect(),
        origin: origin(""),
    }
}

fn rules(hosts: Vec<Arc<VirtualHost>>) -> RuleSet {
    RuleSet { listeners: vec![listener(None, 80, hosts)], ..RuleSet::default() }
}

fn router(routes: Vec<Route>) -> Router {
    Router::compile(&rules(vec![host("*", 0, false, routes)])).unwrap()
}

fn decided(router: &Router, request: &RequestHead<'_>) -> Option<String> {
    router.decide(request, 0).route().map(|route| route.origin.field.to_string())
}

#[test]
fn the_first_route_that_holds_decides() {
    let in_order =
        ["=/b", "/a/b/*", "=/a/{x}", "~/a/b+$", "/a*", "~.*/z$", "=/a/y/z", "/{x}/y/*", "/*"];
    let backwards: Vec<&str> = in_order.into_iter().rev().collect();
    for (path, first, last) in [
        ("/b", "=/b", "/*"),
        ("/a/b", "/a/b/*", "/*"),
        ("/a/b/c", "/a/b/*", "/*"),
        ("/a/bb", "=/a/{x}", "/*"),
        ("/a/c", "=/a/{x}", "/*"),
        ("/ab", "/a*", "/*"),
        ("/a/y/z", "/a*", "/*"),
        ("/b/y/z", "~.*/z$", "/*"),
        ("/b/y", "/{x}/y/*", "/*"),
        ("/b/yy", "/*", "/*"),
    ] {
        let request = RequestHead::get("h", path);
        assert_eq!(decided(&router(routes(&in_order)), &request).as_deref(), Some(first), "{path}");
        assert_eq!(decided(&router(routes(&backwards)), &request).as_deref(), Some(last), "{path}");
    }
    let without_last = router(routes(&backwards[1..]));
    for (path, want) in
        [("/a/y/z", "/{x}/y/*"), ("/a/bb", "/a*"), ("/z", "~.*/z$"), ("/b/yy", "none")]
    {
        let got = decided(&without_last, &RequestHead::get("h", path));
        assert_eq!(got.as_deref().unwrap_or("none"), want, "{path}");
    }
}

#[test]
fn only_the_empty_prefix_holds_without_a_path() {
    // gateway-api §11.2
    for (path, want) in [("*", true), ("/*", true), ("~.*", false), ("=/{x}", false), ("=/", false)]
    {
        for request in
            [RequestHead::new("OPTIONS", "h", "*"), RequestHead::new("CONNECT", "h", "x:1")]
        {
            // The expression beside it shares the group of the empty prefix.
            let router = router(routes(&["~", "~.*/x", path]));
            let got = decided(&router, &request);
            assert_eq!(got.as_deref(), want.then_some(path), "{path} {request:?}");
        }
    }
}

#[test]
fn listeners_of_the_address_go_first() {
    let rules = RuleSet {
        identity: None,
        listeners: vec![
            listener(None, 80, vec![host("any", 0, false, routes(&["/*"]))]),
            listener(Some("::1"), 80, vec![host("one", 0, false, routes(&["/*"]))]),
            listener(Some("::2"), 81, vec![]),
        ],
        services: Arc::default(),
    };
    let router = Router::compile(&rules).unwrap();
    for (address, port, want) in [
        (None, 80, Some("None:80")),
        (Some("::1"), 80, Some("Some(\"::1\"):80")),
        (Some("::3"), 80, Some("None:80")),
        (None, 81, None),
        (Some("::2"), 81, Some("Some(\"::2\"):81")),
        (Some("::1"), 81, None),
    ] {
        let listener = ListenerKey { address: address.map(|a: &str| a.parse().unwrap()), port };
        let request =
            RequestHead::get("h", "/").on(Connection { listener, ..Connection::http(port) });
        let decision = router.decide(&request, 0);
        assert_eq!(decision.listener().map(|l| &*l.name), want, "{address:?} {port}");
        if want.is_none() {
            assert!(matches!(decision.admitted(), Outcome::NoRoute(NoRoute::NoListener)));
        }
    }
}

#[test]
fn misses_fall_through_within_a_section() {
    // decisions §1
    let rules = rules(vec![
        host("a.b.c", 1, true, routes(&["=/exact"])),
        host("*.b.c", 2, true, routes(&["=/other"])),
        host("*.c", 1, true, routes(&["=/wild"])),
        host("*", 1, true, routes(&["=/any"])),
        host("stop.c", 1, false, routes(&["=/stop"])),
    ]);
    let router = Router::compile(&rules).unwrap();
    for (name, path, want) in [
        ("a.b.c", "/exact", "a.b.c =/exact"),
        ("A.B.C.:80", "/exact", "a.b.c =/exact"),
        ("a.b.c", "/other", "a.b.c"),
        ("a.b.c", "/wild", "*.c =/wild"),
        ("a.b.c", "/any", "* =/any"),
        ("z.b.c", "/other", "*.b.c =/other"),
        ("z.b.c", "/any", "*.b.c"),
        ("stop.c", "/wild", "stop.c"),
        ("stop.c", "/stop", "stop.c =/stop"),
        ("z", "/any", "* =/any"),
        ("z", "/wild", "*"),
    ] {
        let decision = router.decide(&RequestHead::get(name, path), 0);
        let host = decision.host().unwrap().hostname.to_string();
        let got = match decision.route() {
            Some(route) => format!("{host} {}", route.origin.field),
            None => host,
        };
        assert_eq!(got, want, "{name}{path}");
    }
}

#[test]
fn what_is_not_routed_says_why() {
    let router = Router::compile(&rules(vec![host("h", 0, false, routes(&["=/a"]))])).unwrap();
    for (name, target, want) in [
        ("h", "/b", NoRoute::NoMatch),
        ("i", "/a", NoRoute::NoHost),
        ("", "/a", NoRoute::Invalid(InvalidTarget::NoHost)),
        ("h", "/%", NoRoute::Invalid(InvalidTarget::MalformedEscape)),
        ("i", "/..", NoRoute::Invalid(InvalidTarget::AboveRoot)),
    ] {
        match router.decide(&RequestHead::get(name, target), 0).admitted() {
            Outcome::NoRoute(got) => assert_eq!(got, want, "{name}{target}"),
            other => panic!("{name}{target}: {other:?}"),
        }
    }
}

#[test]
fn the_method_alone_may_be_to_blame() {
    // decisions §7, smi §9.3
    let method = |name: &str| Condition::equals(Field::Method, name);
    let beta = || Condition::equals(Field::Header("x".into()), "beta");
    let router = router(vec![
        route("/a/*", vec![method("GET")]),
        route("/a/*", vec![method("POST"), beta()]),
        Route { action: Action::Unmatched { alternatives: 2 }, ..route("/a/*", vec![]) },
        route("/b/*", vec![beta()]),
        Route { action: Action::Unmatched { alternatives: 1 }, ..route("/b/*", vec![]) },
    ]);
    for (verb, target, header, want) in [
        ("GET", "/a", "", "route"),
        ("PUT", "/a", "", "MethodNotAllowed GET"),
        ("PUT", "/a", "beta", "MethodNotAllowed GET, POST"),
        ("POST", "/a", "beta", "route"),
        ("GET", "/b", "", "NoMatch "),
    ] {
        let headers = [("x", header)];
        let request = RequestHead::new(verb, "h", target).headers(&headers);
        let decision = router.decide(&request, 0);
        let got = match decision.admitted() {
            Outcome::NoRoute(why) => format!("{why:?} {}", decision.allow(&request).join(", ")),
            _ => "route".to_owned(),
        };
        assert_eq!(got, want, "{verb} {target} {header}");
    }
}

fn service(name: &str, exists: bool, splits: Vec<ServiceSplit>) -> Service {
    Service { exists, splits, ..Service::new(ServiceName::new("", name), Some(vec![80])) }
}

fn service_split(matches: Option<Vec<&str>>, backends: &[(u32, u64)]) -> ServiceSplit {
    let matched = |value: &str| GroupMatch {
        conditions: vec![Condition::equals(Field::Header("x".into()), value)],
        origin: origin(value),
    };
    let backend = |&(service, weight): &(u32, u64)| SplitBackend {
        service: ServiceId(service),
        weight,
        origin: origin(""),
    };
    ServiceSplit {
        sticky: None,
        matches: matches.map(|values| values.into_iter().map(matched).collect()),
        backends: backends.iter().map(backend).collect(),
        origin: origin(""),
    }
}

#[test]
fn splits_of_services_are_final() {
    let mut no_port = service("no-port", true, vec![]);
    no_port.ports = Some(vec![81]);
    let services = vec![
        service(
            "root",
            true,
            vec![
                service_split(Some(vec![]), &[(5, 1)]),
                service_split(Some(vec!["a", "b"]), &[(1, 1), (2, 1)]),
                service_split(Some(vec!["none"]), &[(3, 1), (4, 1), (1, 0)]),
            ],
        ),
        service("v1", true, vec![service_split(None, &[(2, 1)])]),
        service("v2", true, vec![]),
        service("missing", false, vec![]),
        no_port,
        service("ghost", false, vec![service_split(Some(vec!["a"]), &[(2, 1)])]),
    ];
    let target = |path: &str, service, splits| Route {
        action: forward(service, splits),
        ..route(path, vec![])
    };
    let mut set = rules(vec![host(
        "*",
        0,
        false,
        vec![
            target("=/root", 0, true),
            target("=/narrow", 0, false),
            target("=/missing", 3, true),
            target("=/ghost", 5, true),
        ],
    )]);
    set.services = services.into();
    let router = Router::compile(&set).unwrap();
    let half = 1 << 63;
    for (path, header, draw, want) in [
        ("/root", "a", 0, "/v1 of /root by a"), // smi S-16: not on to v2
        ("/root", "b", half, "/v2 of /root by b"),
        ("/root", "", 0, "/root"),         // smi S-11, S-15
        ("/root", "none", 0, "NoBackend"), // smi S-6, S-14
        ("/narrow", "a", 0, "/root"),      // smi R-1
        ("/missing", "a", 0, "/missing"),  // virtualserver §14: answered as the rule says
        ("/ghost", "a", 0, "/v2 of /ghost by a"),
        ("/ghost", "", 0, "NoBackend"), // smi S-15
    ] {
        let headers = [("x", header)];
        let request = RequestHead::get("h", path).headers(&headers);
        let got = match router.decide(&request, draw).admitted() {
            Outcome::Forward(f) => match f.split {
                Some(SplitChoice { root, matched: Some(m), .. }) => {
                    format!("{} of {} by {}", f.service.name, root.name, m.origin.field)
                }
                _ => f.service.name.to_string(),
            },
            Outcome::NoRoute(why) => format!("{why:?}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(got, want, "{path} {header}");
    }
}

#[test]
fn nested_choices_are_independent() {
    let branch =
        |name: &str, weight, action| Branch { weight, action, cors: None, origin: origin(name) };
    let split = |branches| {
        let otherwise = StatusCode::INTERNAL_SERVER_ERROR;
        Action::Split(Arc::new(Split {
            session: None,
            branches,
            sticky: None,
            otherwise,
            origin: origin(""),
        }))
    };
    let halves = |a: &str, b: &str| split(vec![branch(a, 1, respond()), branch(b, 1, respond())]);
    let outer = split(vec![branch("x", 1, halves("a", "b")), branch("y", 1, halves("c", "d"))]);
    let never = split(vec![branch("x", 0, respond())]);
    let router = router(vec![
        Route { action: outer, ..route("=/", vec![]) },
        Route { action: never, ..route("=/never", vec![]) },
    ]);
    for (eighth, want) in ["a", "a", "b", "b", "c", "c", "d", "d"].into_iter().enumerate() {
        let decision = router.decide(&RequestHead::get("h", "/"), (eighth as u64) << 61);
        assert_eq!(&*decision.branch().unwrap().origin.field, want, "{eighth}/8");
    }
    let decision = router.decide(&RequestHead::get("h", "/never"), 0);
    let want = NoRoute::NoBranch(StatusCode::INTERNAL_SERVER_ERROR);
    assert!(matches!(decision.admitted(), Outcome::NoRoute(why) if why == want));
}

/// Few fields and values, so that they collide; more fields than are remembered; values longer
/// than keys.
fn condition() -> impl Strategy<Value = Condition> {
    let header = (0..20u8).prop_map(|n| Field::Header(format!("h{}", n.min(17)).into()));
    let field = prop_oneof![
        3 => header,
        1 => Just(Field::Method),
        1 => Just(Field::Cookie { name: "c".into(), ignore_case: true }),
        1 => Just(Field::Argument { name: "a".into(), ignore_case: false, decoded: true }),
    ];
    let value = prop_oneof![
        4 => prop::sample::select(vec!["", "a", "A", "b", "a, b", "GET"]).prop_map(str::to_owned),
        1 => Just("a".repeat(300)),
    ];
    let test = prop_oneof![
        6 => (value, any::<bool>())
            .prop_map(|(value, ignore_case)| Test::Equals { value: value.into(), ignore_case }),
        1 => Just(Test::Empty),
        1 => any::<bool>().prop_map(|empty_matches| Test::Matches {
            regex: Regex::new("^a*$", Anchor::None, false).unwrap(),
            empty_matches,
        }),
    ];
    (field, test, prop::bool::weighted(0.1)).prop_map(|(field, test, negated)| Condition {
        field,
        test,
        negated,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// However the routes of a path are divided, the first that holds decides.
    #[test]
    fn large_groups_are_lists(
        conditions in prop::collection::vec(prop::collection::vec(condition(), 0..3), 1..60),
        headers in prop::collection::vec(
            (prop::sample::select(vec!["h0", "h1", "h2", "h16", "h17", "cookie"]),
             prop::sample::select(vec!["", "a", "A", "b", "a, b", "c=a", "C=B", "LONG"])), 0..5),
        method in prop::sample::select(vec!["GET", "a", "get"]),
        target in prop::sample::select(vec!["/", "/?a=a", "/?a=%41", "/?a=a%2C+b", "/?a"]),
    ) {
        let long = "a".repeat(300);
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|&(n, v)| (n, if v == "LONG" { &*long } else { v })).collect();
        let request = RequestHead::new(method, "h", target).headers(&headers);
        let routes: Vec<Route> = conditions.into_iter().map(|c| route("*", c)).collect();
        let want = View::with(&request, &PathPolicy::default(), |view| {
            let view = view.unwrap();
            routes.iter().position(|r| r.conditions.iter().all(|c| view.holds(c)))
        });
        let router = router(routes);
        let got = router.decide(&request, 0).route().map(|route| {
            let routes = &router.rules().listeners[0].hosts.sorted()[0].routes;
            routes.iter().position(|r| std::ptr::eq(r, route)).unwrap()
        });
        prop_assert_eq!(got, want);
    }

    /// On templates of whole segments `matchit` is a second opinion.
    #[test]
    fn templates_match_as_in_matchit(
        templates in prop::collection::btree_set("(/(a|b|ab|\\{p\\})){1,4}", 1..12),
        path in "(/(a|b|ab|c)){1,5}/?",
    ) {
        // Names have to differ within a template and agree between templates.
        let named = |template: &str| {
            let mut parts = template.split("{p}");
            let first = parts.next().unwrap_or_default().to_owned();
            parts.zip(0..).fold(first, |text, (part, n)| format!("{text}{{p{n}}}{part}"))
        };
        let mut other = matchit::Router::new();
        let mut routes = Vec::new();
        for template in &templates {
            let template = named(template);
            if other.insert(template.clone(), template.clone()).is_ok() {
                routes.push(route(&format!("={template}"), Vec::new()));
            }
        }
        let want = other.at(&path).ok().map(|found| found.value.clone());
        let found = decided(&router(routes.clone()), &RequestHead::get("h", &path));
        prop_assert_eq!(found.is_some(), want.is_some(), "{} in {:?}", path, templates);
        // What matchit prefers is among what matches: put first, it wins.
        if let Some(want) = want {
            let want = format!("={want}");
            routes.sort_by_key(|route| *route.origin.field != *want);
            let found = decided(&router(routes), &RequestHead::get("h", &path));
            prop_assert_eq!(found, Some(want));
        }
    }
}
