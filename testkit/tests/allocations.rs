//! A decision allocates nothing, whatever the request.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use gateway_core::rules::{
    Access, Action, Anchor, Boundary, Branch, Caller, Condition, Field, Grant, GroupMatch,
    HostPattern, Listener, PathPattern, PathTemplate, Protocol, Regex, Respond, Route, RuleSet,
    Service, ServiceAccount, ServiceId, ServiceLimit, ServiceSplit, Split, SplitBackend, Sticky,
    Template, Test, VirtualHost, Workload,
};
use gateway_core::{
    Connection, Decision, ObjectRef, Options, Origin, Outcome, PathPolicy, Request, RequestHead,
    Resources, Router, Verdict, translate,
};
use http::StatusCode;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use testkit::generate::Scenario;
use testkit::suite::Suite;
use testkit::{OwnedRequest, build};

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

/// Decides, and allocates nothing.
fn decide<'r>(
    router: &'r Router,
    request: &(impl Request + std::fmt::Debug),
    draw: u64,
) -> Decision<'r> {
    let before = ALLOCATIONS.get();
    let decision = router.decide(request, draw);
    let allocations = ALLOCATIONS.get() - before;
    assert_eq!(allocations, 0, "{request:?}");
    decision
}

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
    Route::new(path, conditions, respond(), origin(name))
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
        falls_through: true,
        ..VirtualHost::new(hostname, routes, origin(name))
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
                session: None,
                sticky: None,
                branches: vec![Branch {
                    weight: 3,
                    action: respond(),
                    cors: None,
                    origin: origin(""),
                }],
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
        tells_grpc: false,
        mutual_tls: false,
        name: "web".into(),
        address: None,
        port: 80,
        protocol: Protocol::Http,
        paths: PathPolicy::default(),
        hosts: hosts.into_iter().collect(),
        origin: origin(""),
    };
    Router::compile(&RuleSet { listeners: vec![listener], ..RuleSet::default() }).unwrap()
}

fn shown(decision: &Decision<'_>) -> String {
    match (decision.route(), decision.admitted()) {
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
        assert_eq!(shown(&decide(&router, &request, 0)), want, "{request:?}");
    }
    assert!(ALLOCATIONS.get() > 0, "the allocator counts");
}

/// A Service with splits by value, by cookie and by path, sticky ones among them; whose versions
/// know their callers and are limited (smi §3, §6, §8.1).
#[test]
fn decisions_of_services_allocate_nothing() {
    let header = |name: &str| Field::Header(name.into());
    let matches = |field, source: &str| {
        let regex = Regex::new(source, Anchor::None, false).unwrap();
        Condition::new(field, Test::Matches { regex, empty_matches: true })
    };
    let condition = |n: usize| match n % 3 {
        0 => Condition::equals(header("x-version"), &format!("v{n}")),
        1 => matches(header("cookie"), &format!(r"(^|;\s*)version=v{n}(\s*;|$)")),
        _ => matches(Field::Path, &format!("^/v{n}/")),
    };
    let group = |condition| GroupMatch { conditions: vec![condition], origin: origin("match") };
    let sticky = |field| Some(Arc::new(Sticky::new(field, "s", ["v1", "v2"])));
    let split = |matches, sticky| ServiceSplit {
        matches,
        backends: [1, 2]
            .map(|service| SplitBackend {
                service: ServiceId(service),
                weight: 50,
                origin: origin("backend"),
            })
            .into(),
        sticky,
        origin: origin("split"),
    };
    let mut root = build::service("root", &[80]);
    root.splits = (0..60)
        .map(|n| {
            let field = Field::Cookie { name: "client".into(), ignore_case: false };
            split(Some([group(condition(n))].into_iter().collect()), sticky(field))
        })
        .collect();
    root.splits.push(split(None, sticky(header("x-client"))));

    let grant = |caller, matches| Grant {
        callers: vec![caller],
        port: Some(80),
        layer4: Some(vec![443, 80]),
        matches,
        origin: origin("grant"),
    };
    let account = ServiceAccount::new("shop", "web");
    let labels = [("app".into(), "web".into())].into();
    let reads = group(Condition::equals(Field::Method, "GET"));
    let workload = Workload {
        account: account.clone(),
        port: None,
        target_port: None,
        asks: vec![Arc::new([
            grant(Caller::Spiffe("spiffe://d/other".into()), None),
            grant(Caller::Labelled { namespace: "shop".into(), labels }, None),
            grant(Caller::Account(account), Some([reads].into_iter().collect())),
        ])],
    };
    let mut versions = ["v1", "v2"].map(|name| build::service(name, &[80]));
    for version in &mut versions {
        let access = Access { anonymous: None, workloads: vec![workload.clone()] };
        version.access = Some(Arc::new(access));
    }
    let limit = ServiceLimit {
        requests: 10,
        per: Duration::from_secs(1),
        sources: Vec::new(),
        burst: 0,
        at_once: None,
        matches: Some([group(matches(header("x-client"), "^a"))].into_iter().collect()),
        workloads: None,
        origin: origin("limit"),
    };
    versions[1].limits.push(Arc::new(limit));

    let forward = Arc::new(build::forward(ServiceId(0), 80, origin("forward")));
    let all = Route { action: Action::Forward(forward), ..route("all", prefix("/"), vec![]) };
    let listener =
        Listener { hosts: [host("*", vec![all])].into_iter().collect(), ..build::listener(80) };
    let services: Vec<Service> = [root].into_iter().chain(versions).collect();
    let rules =
        RuleSet { listeners: vec![listener], services: services.into(), ..RuleSet::default() };
    let router = Router::compile(&rules).unwrap();

    let web = |path, headers: &[(&str, &str)]| {
        let mut request = OwnedRequest::new("GET", "root", 80, path);
        request.attributes.push(("source_identity".into(), b"spiffe://d/ns/shop/sa/web".into()));
        let lines = headers.iter();
        request.headers.extend(lines.map(|(n, v)| ((*n).to_owned(), v.as_bytes().into())));
        request
    };
    let mut stranger = web("/", &[]);
    stranger.attributes.clear();
    let mut labelled = OwnedRequest { method: "PUT".into(), ..web("/", &[]) };
    labelled.attributes.push(("source_labels".into(), b"tier=front,app=web".into()));
    let put = OwnedRequest { method: "PUT".into(), ..web("/", &[]) };
    for (request, draw, want) in [
        (web("/", &[]), 0, "v1"),
        (web("/", &[]), u64::MAX, "v2, limited"),
        (web("/", &[("x-version", "v57")]), 0, "v1 of match"),
        (web("/", &[("x-version", "v57"), ("x-version", "v3")]), 0, "v1"),
        (web("/", &[("cookie", "a=b"), ("cookie", "version=v40; c=d")]), 0, "v1 of match"),
        (web("/v59/a?b=c", &[]), u64::MAX, "v2 of match, limited"),
        (web("/v59/a", &[("cookie", "client=5")]), u64::MAX, "v1 of match"),
        (web("/", &[("x-client", "a"), ("x-client", "b")]), 0, "v1"),
        (labelled, 0, "v1"),
        (put, 0, "deny v1"),
        (stranger, u64::MAX, "deny v2"),
    ] {
        let decision = decide(&router, &request, draw);
        let (denied, sent) = match decision.admitted() {
            Outcome::Forward(sent) => ("", sent),
            Outcome::Deny(sent) => ("deny ", sent),
            other => panic!("{other:?}"),
        };
        let matched = sent.split.unwrap().matched.map_or("", |_| " of match");
        let limited = matches!(decision.verdict(), Verdict::Guarded);
        let limited = if limited { ", limited" } else { "" };
        let got = format!("{denied}{}{matched}{limited}", sent.service.name.name);
        assert_eq!(got, want, "{request:?} {draw}");
    }
}

/// Policies of every kind, none of which says anything of a request before its steps are asked for.
const POLICIES: &str = "
{apiVersion: v1, kind: Secret, metadata: {name: users}, type: nginx.org/htpasswd,
 stringData: {htpasswd: ''}}
---
{apiVersion: v1, kind: Secret, metadata: {name: clients}, type: nginx.org/apikey,
 stringData: {ann: a}}
---
{apiVersion: v1, kind: Secret, metadata: {name: keys}, type: nginx.org/jwk, stringData: {jwk: '{}'}}
---
{apiVersion: v1, kind: Secret, metadata: {name: ca}, type: nginx.org/ca,
 stringData: {ca.crt: '-----BEGIN CERTIFICATE-----'}}
";

#[test]
fn guarded_decisions_allocate_nothing() {
    let networks: Vec<String> = (0..100_000_u32)
        .map(|n| format!("'10.{}.{}.{}/31'", n >> 15 & 255, n >> 7 & 255, n << 1 & 255))
        .collect();
    let allow = format!("accessControl: {{allow: [{}]}}", networks.join(", "));
    let limit = "rate: 1r/s, zoneSize: 1m, key: '${binary_remote_addr}${http_x_a}'";
    let case = "condition: {variables: [{name: $http_x_a, match: '~^a+$'}], default: true}";
    let specs = [
        &*allow,
        &format!("rateLimit: {{{limit}}}"),
        &format!("rateLimit: {{{limit}, {case}}}"),
        "basicAuth: {secret: users}",
        "apiKey: {suppliedIn: {header: [X-Key], query: [key]}, clientSecret: clients}",
        "jwt: {realm: a, secret: keys}",
        "cors: {allowOrigin: ['https://a.example', 'https://*.example']}",
        "cache: {cacheZoneName: a, cacheZoneSize: 1m}",
        "egressMTLS: {}",
        "ingressMTLS: {clientCertSecret: ca}",
        "hsts: {maxAge: 1}",
    ];
    let mut documents = POLICIES.to_owned();
    let mut names = String::new();
    for (n, spec) in specs.iter().enumerate() {
        documents += &format!(
            "---\napiVersion: k8s.nginx.org/v1\nkind: Policy\nmetadata: {{name: p{n}}}\n\
             spec: {{{spec}}}\n"
        );
        names += &format!("{{name: p{n}}}, ");
    }
    documents += &format!(
        "---\napiVersion: k8s.nginx.org/v1\nkind: VirtualServer\nmetadata: {{name: a}}\nspec:\n  \
         host: a.example\n  tls: {{secret: cert}}\n  policies: [{names}]\n  \
         upstreams: [{{name: u, service: s, port: 80, tls: {{enable: true}}}}]\n  \
         routes: [{{path: /, action: {{pass: u}}}}]\n"
    );
    let mut resources = Resources::new();
    resources.add_yaml("policies.yaml", &documents);
    let rules = translate(&resources, &Options::default()).rules;
    let router = Router::compile(&rules).unwrap();
    let peer = Some("10.2.3.4:5".parse().unwrap());
    let headers = [("x-a", "aaa"), ("x-key", "a"), ("origin", "https://a.example")];
    for (method, protocol, steps) in
        [("GET", Protocol::Http, 6), ("GET", Protocol::Https, 7), ("OPTIONS", Protocol::Http, 1)]
    {
        let port = if protocol == Protocol::Https { 443 } else { 80 };
        let connection = Connection { peer, protocol, ..Connection::http(port) };
        let request =
            RequestHead::new(method, "a.example", "/a?key=b").headers(&headers).on(connection);
        let decision = decide(&router, &request, 0);
        assert!(matches!(decision.verdict(), Verdict::Guarded), "{request:?}");
        assert!(decision.service().is_none(), "{request:?}");
        assert_eq!(decision.steps(&request).len(), steps, "{:?}", decision.steps(&request));
    }
}

#[test]
fn the_suite_allocates_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/suite");
    let suites = Suite::load_all(&folder).unwrap();
    assert!(!suites.is_empty());
    for suite in &suites {
        let router = Router::compile(&suite.translation().rules).unwrap();
        for case in &suite.cases {
            let draws = case.draw.map_or(vec![0, 1 << 62, 1 << 63, u64::MAX], |draw| vec![draw]);
            for draw in draws {
                decide(&router, &case.request, draw);
            }
        }
    }
}

/// What makes a request large, whatever it is.
fn enlarge(request: &OwnedRequest) -> OwnedRequest {
    let mut large = request.clone();
    let cookies: Vec<u8> = b"b=1; ".repeat(2000);
    large.headers.insert(1.min(large.headers.len()), ("cookie".into(), cookies));
    for n in 0..100 {
        large.headers.push((format!("x-{n}"), format!("item-{n}").into()));
    }
    for name in ["x-a", "X-B"] {
        large.headers.extend((0..20).map(|n| (name.to_owned(), b"item-7".repeat(n))));
    }
    large.target.extend(if large.target.contains(&b'?') { b"&" } else { b"?" });
    large.target.extend(b"c=%20&".repeat(500));
    large
}

#[test]
fn generated_scenarios_allocate_nothing() {
    for seed in 1..=60_u64 {
        let Scenario { rules, requests } = Scenario::numbered(seed << 40, 40);
        let router = Router::compile(&rules).unwrap();
        for (request, draw) in &requests {
            decide(&router, request, *draw);
            decide(&router, &enlarge(request), *draw);
        }
    }
}

/// Many expressions on one field and many for paths, in a group of their own and all together.
#[test]
fn large_sets_of_expressions_allocate_nothing() {
    let any_case = |n: usize| n.is_multiple_of(3);
    let on_header = |n: usize| {
        let source = ["^tenant-N$", "tenant-N[a-z]*", "t.*-N$", "^[a-z]+N"][n % 4];
        let regex = Regex::new(&source.replace('N', &n.to_string()), Anchor::None, any_case(n));
        let test = Test::Matches { regex: regex.unwrap(), empty_matches: n.is_multiple_of(2) };
        let field = Field::Header(if n.is_multiple_of(5) { "x-b".into() } else { "x-a".into() });
        let condition = Condition::new(field, test);
        let negated = n.is_multiple_of(17) && n < 150;
        let condition = if negated { condition.negate() } else { condition };
        let never = Condition::equals(Field::Header("x-never".into()), "never");
        let conditions = if n < 150 { vec![condition, never] } else { vec![condition] };
        route("header", prefix("/header"), conditions)
    };
    let for_path = |n: usize| {
        let source = ["^/api/[a-z]+N$", "^/api/.*/N", "/N$", "^/api/x{1,3}N/"][n % 4];
        let regex = Regex::new(&source.replace('N', &n.to_string()), Anchor::None, any_case(n));
        route("path", PathPattern::Regex(regex.unwrap()), Vec::new())
    };
    let mut routes: Vec<Route> = (0..200).map(on_header).collect();
    routes.extend((0..200).map(for_path));
    let listener = Listener {
        hosts: [host("*", routes)].into_iter().collect(),
        ..testkit::build::listener(80)
    };
    let rules = RuleSet { listeners: vec![listener], ..RuleSet::default() };
    let router = Router::compile(&rules).unwrap();
    let long = "tenant-".repeat(1000);
    for (target, values, want) in [
        ("/header", &["tenant199"][..], "header"),
        ("/header", &["a", "tenant-198"], "header"),
        ("/header", &["te", "nant-1"], "NoMatch"),
        ("/header", &[&*long, "-"], "NoMatch"),
        ("/header", &[], "NoMatch"),
        ("/api/r196", &[], "path"),
        ("/api/a/b/c/197", &[], "path"),
        ("/api/a/b/c/none", &[], "NoMatch"),
    ] {
        let headers: Vec<(&str, &str)> = values.iter().map(|value| ("x-a", *value)).collect();
        let request = RequestHead::get("h", target).headers(&headers);
        assert_eq!(shown(&decide(&router, &request, 0)), want, "{target} {values:.100?}");
    }
}
