use super::*;
use gateway_core::rules::{
    BasicAuth, Cache, Field, Jwt, JwtKeys, Network, Policies, Protocol, SecretText, Template,
    TemplatePart,
};
use gateway_core::{Connection, Credentials, Decision, ObjectRef, Request, Router, Step};
use http::{HeaderMap, StatusCode, Version};
use std::sync::Arc;
use std::time::Duration;
use testkit::OwnedRequest;
use testkit::generate::{self, Source};

/// A request of which nothing is told but what rules look at.
struct Needed<'a> {
    request: &'a OwnedRequest,
    needs: &'a Needs,
}

impl Request for Needed<'_> {
    fn method(&self) -> &str {
        self.request.method()
    }

    fn target(&self) -> &[u8] {
        self.request.target()
    }

    fn authority(&self) -> Option<&[u8]> {
        self.request.authority()
    }

    fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let is_needed = self.needs.header(name) != GW_NO_INDEX;
        self.request.headers(name).filter(move |_| is_needed)
    }

    fn version(&self) -> Version {
        self.request.version()
    }

    fn connection(&self) -> Connection {
        let connection = self.request.connection();
        let peer = connection.peer.filter(|_| self.needs.flags & GW_NEEDS_PEER != 0);
        Connection { peer, ..connection }
    }

    fn server_name(&self) -> Option<&[u8]> {
        let name = self.request.server_name();
        name.filter(|_| self.needs.flags & GW_NEEDS_SERVER_NAME != 0)
    }

    fn attribute(&self, name: &str) -> Option<&[u8]> {
        let is_needed = self.needs.attribute(name) != GW_NO_INDEX;
        self.request.attribute(name).filter(|_| is_needed)
    }
}

/// What a duty reads from a request.
fn of_duty(decision: &Decision<'_>, step: &Step<'_>, request: &impl Request) -> String {
    let mut text = Vec::new();
    match step {
        Step::BasicAuth(_) => format!("{:?}", Credentials::of(request)),
        Step::Jwt(policy) => {
            decision.write_token(policy, request, &mut text);
            format!("{text:?}")
        }
        Step::ExternalAuth(policy) => decision.is_for_sign_in(policy, request).to_string(),
        Step::AuthCheck(check) => {
            decision.write_check_target(check, request, &mut text);
            format!("{text:?}")
        }
        Step::Cache(cache) => {
            decision.write_cache_key(cache, request, &mut text);
            format!("{text:?} {:?}", decision.cache_use(cache, request))
        }
        _ => String::new(),
    }
}

/// Everything that comes of a request.
fn told(router: &Router, request: &impl Request, draw: u64) -> String {
    let decision = router.decide(request, draw);
    let of = |decision: &Decision<'_>| {
        let (mut sent, mut answered, mut target, mut body) =
            (HeaderMap::new(), HeaderMap::new(), Vec::new(), Vec::new());
        decision.edit_request(request, &mut sent);
        decision.edit_response(StatusCode::OK, request, &mut answered);
        decision.write_target(request, &mut target);
        decision.write_body(request, &mut body);
        let page = decision.error_page(StatusCode::BAD_GATEWAY, request, "502");
        let mut own = HeaderMap::new();
        let grpc = decision.edit_as_grpc(StatusCode::NOT_FOUND, request, &mut own);
        let host = decision.host_header(request);
        let route = decision.route().map(|route| &route.origin);
        let steps = decision.steps(request);
        let duties: Vec<_> = steps.iter().map(|step| of_duty(decision, step, request)).collect();
        format!(
            "{route:?} {steps:?} {duties:?} {sent:?} {answered:?} {target:?} {body:?} {page:?} {grpc:?} {host:?} {own:?}"
        )
    };
    let copies: Vec<_> = router.mirrors(&decision, request, draw).map(|copy| of(&copy)).collect();
    format!("{} {copies:?} {:?}", of(&decision), decision.admitted())
}

#[test]
fn what_is_needed_is_enough() {
    let (mut needed, mut decided) = (0, 0);
    for seed in 1..=40 {
        let mut source = Source::noise(seed);
        let rules = generate::rule_set(&mut source);
        let router = Router::compile(&rules).unwrap();
        let needs = Needs::of(&rules);
        needed += needs.headers.texts.len() + needs.attributes.texts.len();
        for _ in 0..10 {
            let (request, draw) = generate::request(&mut source, &rules);
            let part = Needed { request: &request, needs: &needs };
            let (all, part) = (told(&router, &request, draw), told(&router, &part, draw));
            assert_eq!(all, part, "{seed}: {request:?}");
            decided += usize::from(router.decide(&request, draw).route().is_some());
        }
    }
    assert!(needed > 100 && decided > 100, "{needed} {decided}");
}

#[test]
fn what_duties_read_is_needed() {
    let origin = || Origin::new(ObjectRef::new("Policy", "default", "p"), "spec");
    let basic = BasicAuth { realm: "r".into(), users: SecretText::default(), origin: origin() };
    let basic = Policies { basic_auth: Some(Arc::new(basic)), ..Policies::default() };
    let jwt = |token| {
        let (realm, keys) = ("r".into(), JwtKeys::Known(SecretText::default()));
        let jwt = Jwt { realm, token, keys, origin: origin() };
        Policies { jwt: Some(Arc::new(jwt)), ..Policies::default() }
    };
    let of = |name: &str| Template::new([TemplatePart::Field(Field::Header(name.into()))]);
    let cache = |purge: &[&str]| {
        let cache = Cache {
            zone: "zone".into(),
            zone_size: 1,
            max_size: None,
            min_free: None,
            inactive: Duration::from_secs(1),
            key: Some(of("x-key")),
            methods: Vec::new(),
            statuses: None,
            overrides_backend: false,
            stale: Vec::new(),
            revalidate: false,
            background_update: false,
            min_uses: 1,
            lock: None,
            no_cache: vec![of("x-private")],
            bypass: vec![of("x-fresh")],
            purge: purge.iter().filter_map(|text| text.parse::<Network>().ok()).collect(),
            origin: origin(),
        };
        Policies { cache: Some(Arc::new(cache)), ..Policies::default() }
    };
    for (policies, headers, flags) in [
        (basic, &["authorization"][..], 0),
        (jwt(None), &["authorization"], 0),
        (jwt(Some(Field::Header("x-token".into()))), &["x-token"], 0),
        (cache(&[]), &["x-fresh", "x-key", "x-private"], 0),
        (cache(&["10.0.0.0/8"]), &["x-fresh", "x-key", "x-private"], GW_NEEDS_PEER),
    ] {
        let rules = RuleSet::default();
        let mut walk = Walk::new(&rules);
        walk.policies(&policies, Protocol::Http);
        assert!(walk.headers.iter().eq(headers), "{policies:?}: {:?}", walk.headers);
        assert_eq!(walk.flags, flags, "{policies:?}");
    }
}
