use super::*;
use crate::ObjectRef;
use crate::origin::Origin;
use crate::request::PathPolicy;
use crate::rules::{
    Action, Anchor, BackendSettings, Boundary, Branch, CircuitBreaker, Condition, Field, Forward,
    HostPattern, Mirror, PathPattern, PathTemplate, Protocol, Redirect, Regex, Route, Service,
    ServiceId, ServiceName, ServiceSplit, Split, SplitBackend, Template, Test, UpstreamTarget,
    VirtualHost,
};
use http::StatusCode;
use std::time::Duration;

fn origin(name: &str) -> Origin {
    Origin::new(ObjectRef::new("Test", "", "x"), name)
}

fn route(name: &str) -> Route {
    let redirect = Redirect {
        status: StatusCode::FOUND,
        location: crate::rules::Location::Url(Template::text("/")),
        max_body: None,
        origin: origin(name),
    };
    let path = PathPattern::Exact(PathTemplate::literal("/").unwrap());
    Route::new(path, Vec::new(), Action::Redirect(Arc::new(redirect)), origin(name))
}

fn host(name: &str, routes: Vec<Route>) -> Arc<VirtualHost> {
    let hostname = HostPattern::parse(name).unwrap();
    Arc::new(VirtualHost::new(hostname, routes, origin(name)))
}

fn listener(name: &str, hosts: Vec<Arc<VirtualHost>>) -> Listener {
    Listener {
        tells_grpc: false,
        mutual_tls: false,
        name: name.into(),
        address: None,
        port: 80,
        protocol: Protocol::Http,
        paths: PathPolicy::default(),
        hosts: hosts.into_iter().collect(),
        origin: origin(name),
    }
}

fn rules(routes: Vec<Route>) -> RuleSet {
    let hosts = vec![host("h", routes)];
    RuleSet { listeners: vec![listener("web", hosts)], ..RuleSet::default() }
}

fn split(weights: &[u64], action: &Action) -> Action {
    let branch = |&weight: &u64| Branch {
        weight,
        action: action.clone(),
        cors: None,
        origin: origin("branch"),
    };
    Action::Split(Arc::new(Split {
        session: None,
        sticky: None,
        branches: weights.iter().map(branch).collect(),
        otherwise: StatusCode::INTERNAL_SERVER_ERROR,
        origin: origin("split"),
    }))
}

fn refused(rules: &RuleSet, limits: &Limits) -> String {
    match Router::compile_with(rules, limits) {
        Ok(_) => "compiles".into(),
        Err(errors) => errors.to_string(),
    }
}

#[test]
fn all_problems_are_told_with_their_origins() {
    let too_many_before = Action::Unmatched { alternatives: 2 };
    let redirect = route("").action;
    let heavy = split(&[1, 1 << 63], &split(&[u64::MAX, 1], &redirect));
    let first = Route { action: heavy, ..route("first") };
    let second = Route { action: too_many_before, ..route("second") };
    let mut rules = RuleSet {
        listeners: vec![
            listener("web", vec![host("h", vec![first, second])]),
            listener("web-2", Vec::new()),
        ],
        ..RuleSet::default()
    };
    let backend =
        |weight| SplitBackend { service: ServiceId(1), weight, origin: origin("backend") };
    Arc::make_mut(&mut rules.services).push(Service {
        splits: vec![ServiceSplit {
            matches: None,
            backends: vec![backend(1 << 63)],
            sticky: None,
            origin: origin("service split"),
        }],
        breaker: Some(Arc::new(CircuitBreaker {
            errors: 1,
            window: Duration::from_secs(1),
            counts_5xx: false,
            fallback: Some((ServiceId(7), 80)),
            origin: origin("breaker"),
        })),
        ..Service::new(ServiceName::new("", "s"), None)
    });
    let want = [
        "Test x: web-2: the listeners `web` and `web-2` have the same address and port 80",
        "Test x: breaker: there is no service number 7, only 1 of them",
        "Test x: service split: the sum of the weights does not fit 63 bits",
        "Test x: backend: there is no service number 1, only 1 of them",
        "Test x: split: the sum of the weights does not fit 63 bits",
        "Test x: split: the sum of the weights does not fit 63 bits",
        "Test x: split: the sum of the weights does not fit 63 bits",
        "Test x: second: a route stands for 2 routes before it, of which there are 1",
    ];
    assert_eq!(refused(&rules, &Limits::default()).lines().collect::<Vec<_>>(), want);
}

#[test]
fn copies_go_to_services_that_there_are() {
    let to = |service| UpstreamTarget { service: ServiceId(service), port: 80, splits: true };
    let settings = Arc::new(BackendSettings::new("u", origin("settings")));
    let copy = Forward::new(to(1), Arc::clone(&settings), origin("copy"));
    let mirror = Mirror { numerator: 1, denominator: 1, forward: Arc::new(copy) };
    let forward = Forward { mirrors: vec![mirror], ..Forward::new(to(0), settings, origin("f")) };
    let route = Route { action: Action::Forward(Arc::new(forward)), ..route("r") };
    let service = Service::new(ServiceName::new("", "s"), None);
    let rules = RuleSet {
        listeners: vec![listener("web", vec![host("h", vec![route])])],
        services: vec![service].into(),
        ..RuleSet::default()
    };
    let want = "Test x: copy: there is no service number 1, only 1 of them";
    assert_eq!(refused(&rules, &Limits::default()), want);
}

#[test]
fn limits_are_limits() {
    let default = Limits::default;
    let header = || Field::Header("x".into());
    let regex = Regex::new("a+b", Anchor::None, false).unwrap();
    let bytes = regex.memory();
    let matches = Condition::new(header(), Test::Matches { regex, empty_matches: true });
    // A copy of the expression shares its compiled form, and counts once.
    let copy = Route { conditions: vec![matches.clone()], ..route("b") };
    let conditions = vec![matches, Condition::equals(header(), "a")];
    let rules = rules(vec![Route { conditions, ..route("a") }, copy]);
    for (limits, want) in [
        (default(), "compiles".to_owned()),
        (
            Limits { routes_per_host: 1, ..default() },
            "Test x: h: the host `h` has 2 routes, more than 1".into(),
        ),
        (
            Limits { routes: 1, ..default() },
            "there are 2 routes and matches of TrafficSplits, more than 1".into(),
        ),
        (
            Limits { conditions_per_route: 1, ..default() },
            "Test x: a: a route has 2 conditions, more than 1".into(),
        ),
        (Limits { path_length: 1, ..default() }, "compiles".into()),
        (
            Limits { path_length: 0, ..default() },
            "Test x: a: the path has 1 octets, more than 0\n\
             Test x: b: the path has 1 octets, more than 0"
                .into(),
        ),
        (Limits { regex_bytes: bytes, ..default() }, "compiles".into()),
        (
            Limits { regex_bytes: bytes - 1, ..default() },
            format!("all expressions together compile to {bytes} bytes, more than {}", bytes - 1),
        ),
    ] {
        assert_eq!(refused(&rules, &limits), want, "{limits:?}");
    }
}

#[test]
fn automata_of_many_expressions_are_limited() {
    let matches = |n: u8| {
        let regex = Regex::new(&format!("[0-9]{{{n}}}"), Anchor::Both, false).unwrap();
        Condition::new(Field::Header("x".into()), Test::Matches { regex, empty_matches: true })
    };
    let routes = (1..20).map(|n| Route { conditions: vec![matches(n)], ..route("a") }).collect();
    let rules = rules(routes);
    let limits = |automata_bytes| Limits { automata_bytes, ..Limits::default() };
    let bytes = Router::compile(&rules).unwrap().tables.listeners[0].shards[0].facts.automata_bytes;
    assert!(bytes > 0);
    assert_eq!(refused(&rules, &limits(bytes)), "compiles");
    assert_eq!(
        refused(&rules, &limits(bytes - 1)),
        format!(
            "the automata that find many expressions at once take {bytes} bytes together, more \
             than {}",
            bytes - 1
        )
    );
}

#[test]
fn expressions_made_of_templates_are_limited() {
    // The second route shares the expression of the first.
    let routes = ["/{a}-{b}", "/{a}-{b}", "/{a}.{b}"].map(|text| {
        let path = PathPattern::Exact(PathTemplate::parse(text).unwrap());
        Route { path, ..route(text) }
    });
    let rules = rules(routes.to_vec());
    let bytes = |router: &Router| router.tables.listeners[0].shards[0].facts.regex_bytes;
    let router = Router::compile(&rules).unwrap();
    let all = bytes(&router);
    let limits = |regex_bytes| Limits { regex_bytes, ..Limits::default() };
    assert!(all > 0);
    assert_eq!(refused(&rules, &limits(all)), "compiles");
    let want = format!(
        "Test x: /{{a}}.{{b}}: the path is matched by an expression: all of this host take more \
         than {} bytes",
        all - 1
    );
    assert_eq!(refused(&rules, &limits(all - 1)), want);
    let mut changed = rules.clone();
    let host =
        VirtualHost { falls_through: true, ..(**rules.listeners[0].hosts.sorted()[0]).clone() };
    changed.listeners[0].hosts.insert(host);
    let changed = Router::compile_from(&router, &changed).unwrap();
    assert_eq!(bytes(&changed), all, "of shared tables");
}

#[test]
fn longer_paths_than_requests_have_are_refused() {
    let path = |octets: usize| {
        let template = PathTemplate::literal(&format!("/{}", "a".repeat(octets - 1))).unwrap();
        vec![Route { path: PathPattern::Exact(template), ..route("long") }]
    };
    let most = |path_length| Limits { path_length, ..Limits::default() };
    assert_eq!(refused(&rules(path(8192)), &most(1 << 20)), "compiles");
    assert_eq!(
        refused(&rules(path(8193)), &most(1 << 20)),
        "Test x: long: the path has 8193 octets, more than 8192"
    );
}

#[test]
fn templates_that_need_too_large_an_expression_are_refused() {
    let wide: String = (0..20).map(|n| format!("/{{*a{n}}}/{}x", "b".repeat(n))).collect();
    let template = PathTemplate::parse(&wide).unwrap();
    let path = PathPattern::Prefix { template, boundary: Boundary::Segment };
    let error = refused(&rules(vec![Route { path, ..route("wide") }]), &Limits::default());
    assert!(
        error == "compiles"
            || error
                == "Test x: wide: the path is matched by an expression: the compiled expression is \
                    larger than 1048576 bytes",
        "{error}"
    );
    let long = format!("/{{a}}-{{b}}/{}", "c".repeat(5000));
    let path = PathPattern::Exact(PathTemplate::parse(&long).unwrap());
    assert_eq!(
        refused(&rules(vec![Route { path, ..route("long") }]), &Limits::default()),
        "Test x: long: the path is matched by an expression: the expression is longer than 4096 \
         characters"
    );
}

#[test]
fn paths_that_would_make_matching_recurse_too_deep_are_refused() {
    let crossing = |level: usize| {
        ["{x}", "a"].map(|last| {
            // Literals before the first parameter are no levels: they are looked up as a whole.
            let text = format!("/{{p}}{}/{last}/{{y}}", "/a".repeat(level));
            let path = PathPattern::Exact(PathTemplate::with_parameters(&text).unwrap());
            Route { path, ..route("deep") }
        })
    };
    let refused =
        |levels| refused(&rules((0..levels).flat_map(crossing).collect()), &Limits::default());
    assert_eq!(refused(60), "compiles");
    assert_eq!(
        refused(70),
        "Test x: h: the paths of the host `h` have a parameter beside a literal on 70 levels, \
         more than 64"
    );
}

#[test]
fn paths_that_would_have_to_be_followed_in_too_many_ways_are_refused() {
    // Every combination of a literal and a parameter on so many levels.
    let crossing = |levels: u32| {
        let route = move |set: u32| {
            let segment = |level: u32| match set >> level & 1 {
                1 => format!("/{{p{level}}}"),
                _ => "/a".into(),
            };
            let text: String = (0..levels).map(segment).chain(["/end".into()]).collect();
            let path = PathPattern::Exact(PathTemplate::with_parameters(&text).unwrap());
            Route { path, ..route("crossing") }
        };
        rules((0..1 << levels).map(route).collect())
    };
    let limits = |crossing_width| Limits { crossing_width, ..Limits::default() };
    assert_eq!(refused(&crossing(10), &Limits::default()), "compiles");
    assert_eq!(
        refused(&crossing(11), &Limits::default()),
        "Test x: h: the paths of the host `h` have parameters beside literals so that one path may \
         have to be followed in 2047 ways, more than 1024"
    );
    assert_eq!(refused(&crossing(3), &limits(7)), "compiles");
    assert_eq!(
        refused(&crossing(3), &limits(6)),
        "Test x: h: the paths of the host `h` have parameters beside literals so that one path may \
         have to be followed in 7 ways, more than 6"
    );
}

#[test]
fn routers_are_cheap_to_clone_and_safe_to_share() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    let router = Router::compile(&rules(vec![route("a")])).unwrap();
    shared(&router);
    assert!(Arc::ptr_eq(&router.tables, &router.clone().tables));
}
