//! A decision allocates nothing, whatever the request.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use gateway_core::rules::{
    Action, Anchor, Boundary, Branch, Condition, Field, HostPattern, Listener, PathPattern,
    PathTemplate, Protocol, Regex, Respond, Route, RuleSet, Split, Template, Test, VirtualHost,
};
use gateway_core::{
    Connection, Decision, ObjectRef, Origin, Outcome, PathPolicy, RequestHead, Router,
};
use http::StatusCode;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

/// The system's allocator, counting the allocations of each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator is unsafe by its nature")]
// SAFETY: everything is handed to the system's allocator as it comes.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

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

fn route(name: &str, path: PathPattern, conditions: Vec<Condition>) -> Route {
    Route { path, conditions, action: respond(), origin: origin(name) }
}

fn exact(path: &str) -> PathPattern {
    PathPattern::Exact(PathTemplate::with_parameters(path).unwrap())
}

fn prefix(path: &str) -> PathPattern {
    let template = PathTemplate::with_parameters(path).unwrap().without_final_slash();
    PathPattern::Prefix { template, boundary: Boundary::Segment }
}

fn host(name: &str, routes: Vec<Route>) -> Arc<VirtualHost> {
    let hostname = if name == "*" { HostPattern::Any } else { HostPattern::parse(name).unwrap() };
    Arc::new(VirtualHost {
        hostname,
        section: 0,
        falls_through: true,
        routes,
        origin: origin(name),
    })
}

fn router() -> Router {
    let header = |n: usize| Field::Header(format!("x-{n}").into());
    let argument = Field::Argument { name: "decoded".into(), ignore_case: false, decoded: true };
    let cookie = Field::Cookie { name: "last".into(), ignore_case: true };
    let regex = |source| Regex::new(source, Anchor::None, false).unwrap();
    let matches = |field, source| {
        Condition::new(field, Test::Matches { regex: regex(source), empty_matches: true })
    };
    let in_any_case = |field, value: &str| {
        Condition::new(field, Test::Equals { value: value.into(), ignore_case: true })
    };
    let sixteen: String = (0..16).map(|n| format!("/{{p{n}}}")).collect();
    let mut many: Vec<Route> = (0..30)
        .map(|n| {
            let conditions =
                vec![Condition::equals(header(n), "yes"), in_any_case(header(0), "No")];
            route("many", prefix("/many"), conditions)
        })
        .collect();
    many.extend((0..30).map(|n| {
        let conditions = vec![Condition::equals(header(99), &format!("value-{n}"))];
        route("value", prefix("/many"), conditions)
    }));
    let alternatives = vec![Condition::equals(Field::Method, "PUT")];
    many.extend([
        route("parameters", exact(&sixteen), vec![]),
        route("decoded", exact("/args"), vec![Condition::equals(argument, "a b")]),
        route("cookie", exact("/cookie"), vec![Condition::equals(cookie, "found")]),
        route("regex", PathPattern::Regex(regex("^/v[0-9]+/x$")), vec![]),
        route(
            "peer",
            exact("/peer"),
            vec![
                matches(Field::PeerAddress, "^10[.]"),
                matches(Field::RequestLine, " HTTP/1.1$"),
                matches(header(7), "a, b").negate(),
            ],
        ),
        route("put", exact("/put"), alternatives),
        Route {
            action: Action::Unmatched { alternatives: 1 },
            ..route("405", exact("/put"), vec![])
        },
        Route {
            action: Action::Split(Arc::new(Split {
                branches: vec![Branch { weight: 3, action: respond(), origin: origin("") }],
                otherwise: StatusCode::INTERNAL_SERVER_ERROR,
                origin: origin(""),
            })),
            ..route("split", exact("/split"), vec![])
        },
    ]);
    many.extend((1..40).rev().map(|n| {
        let conditions = vec![Condition::equals(header(1), "never")];
        route("nested", prefix(&"/n".repeat(n)), conditions)
    }));
    let hosts = vec![
        host("shop.example.com", many),
        host("*.example.com", vec![route("wildcard", exact("/wildcard"), vec![])]),
        host("*", vec![route("any", exact("/any"), vec![])]),
    ];
    let listener = Listener {
        name: "web".into(),
        address: None,
        port: 80,
        protocol: Protocol::Http,
        paths: PathPolicy::default(),
        hosts: hosts.into_iter().collect(),
        origin: origin(""),
    };
    Router::compile(&RuleSet { listeners: vec![listener], services: Arc::default() }).unwrap()
}

fn shown(decision: &Decision<'_>) -> String {
    match (decision.route(), decision.outcome()) {
        (Some(route), _) => route.origin.field.to_string(),
        (None, Outcome::NoRoute(why)) => format!("{why:?}"),
        (None, other) => format!("{other:?}"),
    }
}

#[test]
fn decisions_allocate_nothing() {
    let router = router();
    let names: Vec<String> = (0..100).map(|n| format!("x-{n}")).collect();
    let mut hundred: Vec<(&str, &str)> = names.iter().map(|n| (&**n, "no")).collect();
    hundred[29].1 = "yes";
    let value = [("x-99", "value-"), ("x-99", "29"), ("x-0", "no")];
    let value_found = [("x-99", "value-17")];
    let long = format!("{}last=found", "a=1; ".repeat(2000));
    let cookies = [("cookie", "b=2"), ("cookie", &*long)];
    let lines = [("x-7", "a"), ("x-7", "b")];
    let sixteen = "/segment".repeat(16);
    let fifteen = "/segment".repeat(15);
    let nested = "/n".repeat(60);
    let peer = Connection { peer: Some("10.1.2.3:4".parse().unwrap()), ..Connection::http(80) };
    let get = |target| RequestHead::get("shop.example.com", target);
    for (request, want) in [
        (get("/many").headers(&hundred), "many"),
        (get("/many").headers(&value), "NoMatch"),
        (get("/many").headers(&value_found), "value"),
        (get(&sixteen), "parameters"),
        (get(&fifteen), "NoMatch"),
        (get("/args?x=1&decoded=a%20b"), "decoded"),
        (get("/cookie").headers(&cookies), "cookie"),
        (get("/v12/x"), "regex"),
        (get("/peer").on(peer), "peer"),
        (get("/peer").on(peer).headers(&lines), "NoMatch"),
        (get("/put"), "405"),
        (get("/split"), "split"),
        (get(&nested), "NoMatch"),
        (get("/wildcard"), "wildcard"),
        (get("/any"), "any"),
        (get("/nowhere"), "NoMatch"),
        (get("/a/..//./%61ny"), "any"),
        (get("/%zz"), "Invalid(MalformedEscape)"),
        (RequestHead::get("SHOP.Example.COM.:80", "//any"), "any"),
        (RequestHead::get("a b", "/any"), "Invalid(MalformedHost)"),
        (RequestHead::get("elsewhere", "/any").on(Connection::http(81)), "NoListener"),
        (RequestHead::new("OPTIONS", "h", "*"), "NoMatch"),
    ] {
        let before = ALLOCATIONS.get();
        let decision = router.decide(&request, 0);
        let allocations = ALLOCATIONS.get() - before;
        assert_eq!(shown(&decision), want, "{request:?}");
        assert_eq!(allocations, 0, "{request:?}");
    }
    assert!(ALLOCATIONS.get() > 0, "the allocator counts");
}
