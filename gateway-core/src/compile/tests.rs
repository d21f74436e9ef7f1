use super::*;
use crate::ObjectRef;
use crate::request::PathPolicy;
use crate::rules::{
    Action, Anchor, Branch, Condition, Field, HostPattern, PathPattern, PathTemplate, Protocol,
    Redirect, Regex, Route, Service, ServiceId, ServiceName, ServiceSplit, Split, SplitBackend,
    Template, Test,
};
use http::StatusCode;

fn origin(name: &str) -> Origin {
    Origin::new(ObjectRef::new("Test", "", "x"), name)
}

fn route(name: &str) -> Route {
    let redirect = Redirect {
        status: StatusCode::FOUND,
        location: crate::rules::Location::Url(Template::text("/")),
        origin: origin(name),
    };
    Route {
        path: PathPattern::Exact(PathTemplate::literal("/").unwrap()),
        conditions: Vec::new(),
        action: Action::Redirect(Arc::new(redirect)),
        origin: origin(name),
    }
}

fn host(name: &str, routes: Vec<Route>) -> Arc<VirtualHost> {
    let hostname = HostPattern::parse(name).unwrap();
    let (section, falls_through) = (0, false);
    Arc::new(VirtualHost { hostname, section, falls_through, routes, origin: origin(name) })
}

fn listener(name: &str, hosts: Vec<Arc<VirtualHost>>) -> Listener {
    Listener {
        name: name.into(),
        address: None,
        port: 80,
        protocol: Protocol::Http,
        paths: PathPolicy::default(),
        hosts,
        origin: origin(name),
    }
}

fn rules(routes: Vec<Route>) -> RuleSet {
    let hosts = vec![host("h", routes)];
    RuleSet { listeners: vec![listener("web", hosts)], services: Vec::new() }
}

fn split(weights: &[u64], action: &Action) -> Action {
    let branch =
        |&weight: &u64| Branch { weight, action: action.clone(), origin: origin("branch") };
    Action::Split(Arc::new(Split {
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
            listener("web", vec![host("h", vec![first, second]), host("h", Vec::new())]),
            listener("web-2", Vec::new()),
        ],
        services: Vec::new(),
    };
    let backend =
        |weight| SplitBackend { service: ServiceId(1), weight, origin: origin("backend") };
    rules.services.push(Service {
        name: ServiceName::new("", "s"),
        exists: true,
        ports: None,
        splits: vec![ServiceSplit {
            matches: None,
            backends: vec![backend(1 << 63)],
            origin: origin("service split"),
        }],
    });
    let want = [
        "Test x: split: the sum of the weights does not fit 63 bits",
        "Test x: split: the sum of the weights does not fit 63 bits",
        "Test x: split: the sum of the weights does not fit 63 bits",
        "Test x: second: a route stands for 2 routes before it, of which there are 1",
        "Test x: h: the host `h` stands twice in the listener `web`",
        "Test x: web-2: the listeners `web` and `web-2` have the same address and port 80",
        "Test x: service split: the sum of the weights does not fit 63 bits",
        "Test x: backend: there is no service number 1, only 1 of them",
    ];
    assert_eq!(refused(&rules, &Limits::default()).lines().collect::<Vec<_>>(), want);
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
        (Limits { routes: 1, ..default() }, "there are 2 routes, more than 1".into()),
        (
            Limits { conditions_per_route: 1, ..default() },
            "Test x: a: a route has 2 conditions, more than 1".into(),
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
fn paths_that_would_make_matching_recurse_too_deep_are_refused() {
    let crossing = |level: usize| {
        ["{x}", "a"].map(|last| {
            let text = format!("{}/{last}/{{y}}", "/a".repeat(level));
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
fn routers_are_cheap_to_clone_and_safe_to_share() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    let router = Router::compile(&rules(vec![route("a")])).unwrap();
    shared(&router);
    assert!(Arc::ptr_eq(&router.tables, &router.clone().tables));
}
