mod listeners;

use super::*;
use crate::origin::{ObjectRef, Origin, Span};
use crate::request::{Connection, PathPolicy, RequestHead};
use crate::rules::*;
use proptest::prelude::*;
use std::sync::Arc;

fn origin(field: &str) -> Origin {
    let span = Span { file: "cafe.yaml".into(), line: 3, column: 7 };
    let origin = Origin::new(ObjectRef::new("VirtualServer", "default", "cafe"), field);
    Origin { span: Some(span), ..origin }
}

fn header(name: &str, value: &str) -> Condition {
    Condition::equals(Field::Header(name.into()), value)
}

fn method(name: &str) -> Condition {
    Condition::equals(Field::Method, name)
}

fn to(service: u32) -> Action {
    Action::Forward(Arc::new(forward(service)))
}

fn forward(service: u32) -> Forward {
    let settings = BackendSettings::new("tea-upstream", origin("spec.upstreams[0]"));
    Forward {
        unavailable: StatusCode::BAD_GATEWAY,
        ..Forward::new(
            UpstreamTarget { service: ServiceId(service), port: 80, splits: true },
            Arc::new(settings),
            origin("spec.upstreams[0]"),
        )
    }
}

fn prefix(path: &str) -> PathPattern {
    let template = PathTemplate::literal(path).unwrap();
    PathPattern::Prefix { template, boundary: Boundary::Byte }
}

/// Routes with origins by their index.
fn host(hostname: &str, routes: Vec<(PathPattern, Vec<Condition>, Action)>) -> VirtualHost {
    let route = |(i, (path, conditions, action))| {
        let origin = origin(&format!("{hostname}.routes[{i}]"));
        Route::new(path, conditions, action, origin)
    };
    let parsed = HostPattern::parse(hostname).unwrap_or(HostPattern::Any);
    VirtualHost::new(
        parsed,
        routes.into_iter().enumerate().map(route).collect(),
        origin("spec.host"),
    )
}

fn service(name: &str) -> Service {
    let name = ServiceName::new("default", name);
    Service::new(name, Some(vec![80]))
}

fn rules(hosts: Vec<VirtualHost>, services: Vec<Service>) -> RuleSet {
    let listener = Listener {
        tells_grpc: false,
        mutual_tls: false,
        name: "default/cafe".into(),
        address: None,
        port: 80,
        protocol: Protocol::Http,
        paths: PathPolicy::default(),
        hosts: hosts.into_iter().collect(),
        origin: origin(""),
    };
    RuleSet { listeners: vec![listener], services: services.into(), identity: None }
}

fn explained(rules: &RuleSet, request: &RequestHead<'_>, draw: u64) -> Explanation {
    Router::compile(rules).unwrap().explain(request, draw)
}

/// Where the considered routes were written, and what failed.
fn shown(considered: &[Considered]) -> Vec<String> {
    let short = |c: &Considered| match &c.failed {
        Some(failed) => format!("{} {failed}", c.origin.field),
        None => format!("{} holds", c.origin.field),
    };
    considered.iter().map(short).collect()
}

#[test]
fn each_route_is_shown_with_the_first_test_that_failed() {
    let routes = vec![
        (prefix("/tea"), vec![header("x-env", "beta"), header("x-b", "1")], to(0)),
        (prefix("/coffee"), vec![], to(0)),
        (prefix("/tea"), vec![method("POST")], to(0)),
        (prefix("/tea"), vec![header("x-none", "1").negate()], to(0)),
        (prefix("/"), vec![], to(0)),
    ];
    let rules = rules(vec![host("cafe.example.com", routes)], vec![service("tea")]);
    let headers = [("x-env", "prod")];
    let request = RequestHead::get("Cafe.example.com:80", "/t%65a/./x?y").headers(&headers);
    let explanation = explained(&rules, &request, 0);
    assert_eq!(
        shown(&explanation.considered),
        [
            "cafe.example.com.routes[0] header `x-env`: wanted `beta`, got `prod`",
            "cafe.example.com.routes[1] path: wanted prefix `/coffee`, got `/tea/x`",
            "cafe.example.com.routes[2] method: wanted `POST`, got `GET`",
            "cafe.example.com.routes[3] holds",
        ]
    );
    assert_eq!(explanation.left_out, 0);
    assert!(explanation.nearest.is_empty());
    assert_eq!(explanation.outcome, OutcomeKind::Forward);
    let route = explanation.route.unwrap();
    assert_eq!(route.origin.to_string(), "VirtualServer default/cafe: cafe.example.com.routes[3]");
    assert_eq!(route.path, "prefix `/tea`");
    assert_eq!(route.conditions, ["header `x-none`: not `1`"]);
    for (value, want) in [
        (explanation.service, "default/tea"),
        (explanation.listener, "default/cafe"),
        (explanation.host, "cafe.example.com"),
        (explanation.match_path, "/tea/x"),
        (explanation.forward_path, "/t%65a/x"),
        (explanation.target, "/t%65a/x?y"),
    ] {
        assert_eq!(value.as_deref(), Some(want));
    }
    assert_eq!(explanation.port, Some(80));
}

#[test]
fn a_miss_names_the_nearest_routes() {
    let routes = vec![
        (prefix("/coffee"), vec![], to(0)),
        (prefix("/tea/green"), vec![], to(0)),
        (prefix("/tea"), vec![header("x-a", "1"), header("x-b", "1")], to(0)),
        (prefix("/tea"), vec![header("x-token", "sesame")], to(0)),
    ];
    let rules = rules(vec![host("cafe.example.com", routes)], vec![service("tea")]);
    let headers = [("x-token", "guess!!")];
    let request = RequestHead::get("cafe.example.com", "/tea").headers(&headers);
    let explanation = explained(&rules, &request, 0);
    assert_eq!(explanation.status, Some(StatusCode::NOT_FOUND));
    assert_eq!(explanation.reason.as_deref(), Some("no route holds"));
    assert_eq!(
        shown(&explanation.nearest),
        [
            "cafe.example.com.routes[3] header `x-token`: wanted (hidden, 6 octets), got `(hidden, 7 octets)`",
            "cafe.example.com.routes[2] header `x-a`: wanted `1`, got nothing",
            "cafe.example.com.routes[1] path: wanted prefix `/tea/green`, got `/tea`",
        ]
    );
    assert_eq!(explanation.considered.len(), 4);
}

#[test]
fn refusals_say_why() {
    let routes = vec![
        (prefix("/tea"), vec![method("POST")], to(0)),
        (prefix("/tea"), vec![], Action::Unmatched { alternatives: 1 }),
    ];
    let rules = rules(vec![host("cafe.example.com", routes)], vec![service("tea")]);
    for (host, port, target, status, want) in [
        ("cafe.example.com", 80, "/tea%", 400, "malformed percent-escape in the path"),
        ("cafe.example.com", 81, "/tea", 404, "there is no listener on port 81"),
        (
            "cfae.example.com",
            80,
            "/tea",
            404,
            "no virtual host covers `cfae.example.com`; did you mean `cafe.example.com`?",
        ),
        ("x.org", 80, "/tea", 404, "no virtual host covers `x.org`"),
        (
            "cafe.example.com",
            80,
            "/tea",
            405,
            "the path is known, but cannot be taken with the method `GET`",
        ),
    ] {
        let request = RequestHead::get(host, target).on(Connection::http(port));
        let explanation = explained(&rules, &request, 0);
        assert_eq!(explanation.reason.as_deref(), Some(want), "{host}:{port}{target}");
        assert_eq!(explanation.status.unwrap(), status, "{host}:{port}{target}");
        let allow = if status == 405 { &["POST"][..] } else { &[] };
        assert_eq!(explanation.allow, allow, "{host}:{port}{target}");
        assert_eq!(explanation.nearest.len(), allow.len(), "{host}:{port}{target}");
    }
}

#[test]
fn the_list_is_capped_to_the_nearest() {
    let far = |i| (prefix(&format!("/far/{i}")), vec![], to(0));
    let near = |i: i32| (prefix("/near"), vec![header("x", &i.to_string())], to(0));
    let mut routes: Vec<_> = (0..500).map(far).collect();
    routes.extend((500..550).map(near));
    routes.push((prefix("/"), vec![], to(0)));
    let rules = rules(vec![host("h", routes)], vec![service("tea")]);
    let explanation = explained(&rules, &RequestHead::get("h", "/near"), 0);
    assert_eq!(explanation.considered.len(), MAX_CONSIDERED);
    assert_eq!(explanation.considered.len() + explanation.left_out, 551);
    let listed = shown(&explanation.considered);
    assert_eq!(listed[0], "h.routes[0] path: wanted prefix `/far/0`, got `/near`");
    assert_eq!(listed[49], "h.routes[500] header `x`: wanted `500`, got nothing");
    assert_eq!(listed[99], "h.routes[550] holds");
    assert_eq!(explanation.left_out, 451);
}

#[test]
fn hosts_fallen_through_are_listed() {
    let mut narrow = host("a.example.com", vec![(prefix("/x"), vec![], to(0))]);
    narrow.falls_through = true;
    let wide = host("*.example.com", vec![(prefix("/"), vec![], to(0))]);
    let mut other = host("*.com", vec![(prefix("/"), vec![], to(0))]);
    other.section = 1;
    let rules = rules(vec![other, wide, narrow], vec![service("tea")]);
    for (path, want) in [("/x", &["a.example.com"][..]), ("/", &["a.example.com", "*.example.com"])]
    {
        let explanation = explained(&rules, &RequestHead::get("a.example.com", path), 0);
        let hosts: Vec<&str> = explanation.hosts.iter().map(|h| &*h.hostname).collect();
        assert_eq!(hosts, want, "{path}");
    }
}

/// A split of a route, 90 to 10, whose second branch leads to a Service with TrafficSplits.
fn split_rules() -> RuleSet {
    let branch = |i, weight, action| {
        let origin = origin(&format!("splits[{i}]"));
        Branch { weight, action, cors: None, origin }
    };
    let split = Action::Split(Arc::new(Split {
        session: None,
        sticky: None,
        branches: vec![branch(0, 90, to(0)), branch(1, 10, to(1)), branch(2, 0, to(0))],
        otherwise: StatusCode::INTERNAL_SERVER_ERROR,
        origin: origin("splits"),
    }));
    let backend = |service, weight| SplitBackend {
        service: ServiceId(service),
        weight,
        origin: origin(&format!("backends[{service}]")),
    };
    let matches = |conditions| {
        Some([GroupMatch { conditions, origin: origin("matches[0]") }].into_iter().collect())
    };
    let traffic = |matches, backends| ServiceSplit {
        matches,
        backends,
        sticky: None,
        origin: origin("split"),
    };
    let mut root = service("root");
    root.splits = vec![
        traffic(Some(GroupMatches::default()), vec![backend(2, 1)]),
        traffic(matches(vec![header("x-env", "beta")]), vec![backend(2, 1)]),
        traffic(
            matches(vec![header("x-env", "prod")]),
            vec![backend(1, 5), backend(2, 15), backend(3, 7), backend(4, 7), backend(0, 0)],
        ),
    ];
    let mut gone = service("gone");
    gone.exists = false;
    let mut portless = service("portless");
    portless.ports = Some(vec![81]);
    let services = vec![service("tea"), root, service("v2"), gone, portless];
    rules(vec![host("h", vec![(prefix("/"), vec![], split)])], services)
}

#[test]
fn a_choice_shows_its_candidates_and_the_point_drawn() {
    // smi X-5
    let rules = split_rules();
    let headers = [("x-env", "prod")];
    let request = RequestHead::get("h", "/").headers(&headers);
    let explanation = explained(&rules, &request, u64::MAX);
    assert_eq!(explanation.service.as_deref(), Some("default/v2"));
    let [of_route, of_service] = &explanation.splits[..] else { panic!("{explanation:?}") };
    assert_eq!((of_route.point, of_route.chosen), (Some(99), Some(1)));
    assert_eq!((of_service.point, of_service.chosen), (Some(19), Some(1)));
    assert_eq!(of_service.root.as_deref(), Some("default/root"));
    assert_eq!(of_service.matched, Some(origin("matches[0]")));
    let candidates = |split: &SplitSummary| -> Vec<_> {
        let of = |c: &Candidate| (c.name.clone(), c.range.clone(), c.left_out.is_some());
        split.candidates.iter().map(of).collect()
    };
    let named = |name: &str, range, left_out| (name.to_owned(), range, left_out);
    assert_eq!(
        candidates(of_route),
        [
            named("default/tea:80", 0..90, false),
            named("default/root:80", 90..100, false),
            named("default/tea:80", 100..100, true),
        ]
    );
    assert_eq!(
        candidates(of_service),
        [
            named("default/root", 0..5, false),
            named("default/v2", 5..20, false),
            named("default/gone", 20..20, true),
            named("default/portless", 20..20, true),
            named("default/tea", 20..20, true),
        ]
    );
    assert_eq!(
        shown(&explanation.passed_over),
        [
            "split matches: wanted a match that can be used, got nothing",
            "matches[0] header `x-env`: wanted `beta`, got `prod`",
        ]
    );
    let split = &explanation.splits[1];
    assert_eq!(split.candidates[1].weight, 15);
    let left_out: Vec<_> = split.candidates.iter().filter_map(|c| c.left_out).collect();
    assert_eq!(
        left_out,
        ["the Service does not exist", "the Service does not have the port", "its weight is 0"]
    );
    assert_eq!(split.point, Some(19));
}

#[test]
fn where_no_split_applies_the_root_serves() {
    let explanation = explained(&split_rules(), &RequestHead::get("h", "/"), u64::MAX);
    assert_eq!(explanation.service.as_deref(), Some("default/root"));
    assert_eq!(explanation.splits.len(), 1);
    assert_eq!(explanation.passed_over.len(), 3);
    let explanation = explained(&split_rules(), &RequestHead::get("h", "/"), 0);
    assert_eq!(explanation.service.as_deref(), Some("default/tea"));
    assert_eq!(explanation.splits[0].point, Some(0));
}

#[test]
fn answers_without_a_backend_say_what_and_why() {
    let location = Location::Url(Template::text("https://b.example/"));
    let (status, at) = (StatusCode::FOUND, origin("action"));
    let redirect = Redirect { status, location, max_body: None, origin: at.clone() };
    let respond = Respond {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        content_type: None,
        body: Template::default(),
        headers: Vec::new(),
        reason: Some("the Secret is missing".into()),
        origin: at.clone(),
    };
    let weightless = Branch { weight: 0, action: to(0), cors: None, origin: at.clone() };
    let otherwise = StatusCode::INTERNAL_SERVER_ERROR;
    let split = Split {
        session: None,
        branches: vec![weightless],
        sticky: None,
        otherwise,
        origin: at.clone(),
    };
    let mut empty = service("empty");
    let backends = vec![SplitBackend { service: ServiceId(1), weight: 0, origin: at.clone() }];
    empty.splits = vec![ServiceSplit { matches: None, backends, sticky: None, origin: at }];
    let mut gone = service("gone");
    gone.exists = false;
    let services = vec![service("tea"), empty, gone];
    for (action, kind, status, reason, location) in [
        (
            Action::Redirect(Arc::new(redirect)),
            "redirect",
            Some(302),
            None,
            Some("https://b.example/"),
        ),
        (
            Action::Respond(Arc::new(respond)),
            "respond",
            Some(500),
            Some("the Secret is missing"),
            None,
        ),
        (
            Action::Split(Arc::new(split)),
            "no-route",
            Some(500),
            Some("all weights of the split are 0"),
            None,
        ),
        (
            to(1),
            "no-route",
            Some(503),
            Some(
                "no backend of the TrafficSplit takes part, or none applies and the Service does \
                 not exist",
            ),
            None,
        ),
        (to(2), "forward", None, Some("the Service does not exist"), None),
    ] {
        let shown = format!("{action:?}");
        let hosts = vec![host("h", vec![(prefix("/"), vec![], action)])];
        let explanation =
            explained(&rules(hosts, services.clone()), &RequestHead::get("h", "/"), 0);
        assert_eq!(explanation.outcome.as_str(), kind, "{shown}");
        assert_eq!(explanation.status.map(|s| s.as_u16()), status, "{shown}");
        assert_eq!(explanation.reason.as_deref(), reason, "{shown}");
        assert_eq!(explanation.location.as_deref(), location, "{shown}");
        assert_eq!(explanation.splits.iter().find(|s| s.chosen.is_some()), None, "{shown}");
    }
}

#[test]
fn header_changes_show_the_values_of_this_request() {
    let edit = |name, value| HeaderEdit { name: http::HeaderName::from_static(name), value };
    let env = Template::new([TemplatePart::Field(Field::Header("x-env".into()))]);
    let mut action = forward(0);
    action.request_headers = HeaderOps {
        drop_all: true,
        drop_unusual: true,
        remove: vec![http::header::ACCEPT],
        set: vec![edit("x-env", env.clone()), edit("x-api-key", Template::text("abc"))],
        add: vec![],
    };
    action.response_headers.add = vec![ResponseHeaderAdd { edit: edit("x-a", env), always: true }];
    let action = Action::Forward(Arc::new(action));
    let rules = rules(vec![host("h", vec![(prefix("/"), vec![], action)])], vec![service("tea")]);
    let headers = [("x-env", "prod")];
    let explanation = explained(&rules, &RequestHead::get("h", "/").headers(&headers), 0);
    let shown = |changes: &[HeaderChange]| -> Vec<String> {
        let text = |c: &HeaderChange| format!("{} {} {}", c.operation.as_str(), c.name, c.value);
        changes.iter().map(text).collect()
    };
    assert_eq!(
        shown(&explanation.request_headers),
        ["drop-all  ", "remove accept ", "set x-env prod", "set x-api-key (hidden, 3 octets)"]
    );
    assert_eq!(shown(&explanation.response_headers), ["add-always x-a prod"]);
}

/// A few routes of few words, so that they collide.
fn some_routes() -> impl Strategy<Value = Vec<(PathPattern, Vec<Condition>, Action)>> {
    let path = prop::sample::select(vec!["/", "/a", "/a/b", "/{x}", "/{x}/b"]).prop_flat_map(|p| {
        let template = PathTemplate::with_parameters(p).unwrap();
        prop::sample::select(vec![
            PathPattern::Exact(template.clone()),
            PathPattern::Prefix { template: template.clone(), boundary: Boundary::Byte },
            PathPattern::Prefix {
                template: template.without_final_slash(),
                boundary: Boundary::Segment,
            },
            PathPattern::Regex(Regex::new("a$", Anchor::None, false).unwrap()),
        ])
    });
    let condition = (prop::sample::select(vec!["x", "y"]), "[01]", any::<bool>());
    let condition = condition.prop_map(|(name, value, negated)| {
        let condition = header(name, &value);
        if negated { condition.negate() } else { condition }
    });
    let conditions = prop::collection::vec(condition, 0..3);
    prop::collection::vec((path, conditions, (0..3u32).prop_map(to)), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// smi X-5: the explanation names what was decided.
    #[test]
    fn the_explanation_names_the_route_and_the_service_of_the_decision(
        narrow in some_routes(),
        wide in some_routes(),
        falls_through: bool,
        target in "(/a|/b|/ab){1,3}/?",
        x in "[01]",
        draw: u64,
    ) {
        let mut narrow = host("a.b", narrow);
        narrow.falls_through = falls_through;
        let services = split_rules().services;
        let rules = rules(vec![host("*.b", wide), narrow], services.to_vec());
        let headers = [("x", &*x)];
        let request = RequestHead::get("a.b", &target).headers(&headers);
        let router = Router::compile(&rules).unwrap();
        let decision = router.decide(&request, draw);
        let explanation = router.explain(&request, draw);
        let holds = explanation.considered.iter().find(|c| c.failed.is_none());
        prop_assert_eq!(holds.map(|c| &c.origin), decision.route().map(|r| &r.origin));
        let last = explanation.considered.last();
        prop_assert_eq!(last.map(|c| c.failed.is_none()).unwrap_or_default(), holds.is_some());
        if let Some(split) = explanation.splits.last().filter(|s| s.root.is_some()) {
            let chosen = split.chosen.map(|index| &split.candidates[index].name);
            prop_assert_eq!(chosen, explanation.service.as_ref());
        }
    }
}

#[test]
fn secrets_in_queries_are_hidden_in_targets_and_locations() {
    let conditions = vec![Condition::equals(Field::Query, "x=1")];
    let to_url = |parts: Vec<TemplatePart>| {
        let location = Location::Url(Template::new(parts));
        let status = StatusCode::FOUND;
        Action::Redirect(Arc::new(Redirect {
            status,
            location,
            max_body: None,
            origin: origin("spec"),
        }))
    };
    let argument = |name: &str| {
        let name = name.into();
        TemplatePart::Field(Field::Argument { name, ignore_case: false, decoded: false })
    };
    let text = |text: &str| TemplatePart::Text(text.into());
    let routes = vec![
        (prefix("/"), conditions, to(0)),
        (prefix("/to"), vec![], to(0)),
        (prefix("/url"), vec![], to_url(vec![text("/a"), TemplatePart::Field(Field::Target)])),
        (prefix("/argument"), vec![], to_url(vec![text("/a/"), argument("token")])),
    ];
    let rules = rules(vec![host("h", routes)], vec![service("tea")]);
    for (target, want) in [
        ("/to?token=s3cret", "/to?token=(hidden, 6 octets)"),
        ("/url?token=s3cret", "/a/url?token=(hidden, 6 octets)"),
        ("/argument?token=s3cret", "(hidden, 9 octets)"),
    ] {
        let explanation = explained(&rules, &RequestHead::get("h", target), 0);
        let shown = explanation.target.as_ref().or(explanation.location.as_ref());
        assert_eq!(shown.map(String::as_str), Some(want), "{target}");
        let all = format!("{explanation:?}");
        assert!(!all.contains("s3cret"), "{target}: {all}");
    }
}
