use super::*;
use crate::decision::{CacheUse, Refusal, Step};
use crate::rules::{
    AuthCheck, AuthProtocol, Cache, Cors, CorsHeaders, CorsOrigins, ExternalAuth, Hsts, Jwt,
    JwtKeys, Network, Networks, Policies, SecretText, SignIn,
};
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, STRICT_TRANSPORT_SECURITY, VARY};
use http::{HeaderValue, Method};
use std::time::Duration;

/// A route to a backend with these policies.
fn guarded(policies: Policies) -> Fixture {
    let route = route(prefix("/"), Vec::new(), Action::Forward(Arc::new(forward())));
    Fixture::new(vec![Route { policies: Some(Arc::new(policies)), ..route }])
}

fn hsts() -> Policies {
    let value = HeaderValue::from_static("max-age=1");
    let hsts = Hsts { value, behind_proxy: true, origin: origin() };
    Policies { hsts: Some(Arc::new(hsts)), ..Policies::default() }
}

#[test]
fn the_header_of_a_backend_gives_way_to_hsts() {
    // virtualserver §16.10: also where the client is told nothing
    let fixture = guarded(hsts());
    for (proto, want) in [("https", Some("max-age=1")), ("http", None), ("HTTPS", None)] {
        let headers = [("x-forwarded-proto", proto)];
        let request = RequestHead::get("a.example", "/").headers(&headers);
        let mut answer = HeaderMap::new();
        answer.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=9"));
        fixture.decision().edit_response(StatusCode::OK, &request, &mut answer);
        let got = answer.get(STRICT_TRANSPORT_SECURITY).map(|value| value.to_str().unwrap());
        assert_eq!(got, want, "{proto}");
    }
}

#[test]
fn cors_is_told_beside_what_a_backend_says() {
    // virtualserver §16.8
    let cors = CorsHeaders {
        origins: CorsOrigins::One(HeaderValue::from_static("https://a.example")),
        methods: None,
        headers: None,
        expose: None,
        credentials: None,
        max_age: None,
        origin: origin(),
    };
    let fixture =
        guarded(Policies { cors: Some(Arc::new(Cors::Told(cors))), ..Policies::default() });
    let mut answer = HeaderMap::new();
    answer.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let request = RequestHead::get("a.example", "/");
    fixture.decision().edit_response(StatusCode::OK, &request, &mut answer);
    let all = |name| answer.get_all(name).iter().collect::<Vec<_>>();
    assert_eq!(all(VARY), ["Accept-Encoding", "Origin"]);
    assert_eq!(all(ACCESS_CONTROL_ALLOW_ORIGIN), ["*", "https://a.example"]);
}

#[test]
fn another_request_than_the_decided_one_is_turned_away() {
    // Policies that are asked of a target that is refused have no say; nothing passes all the same.
    let fixture = guarded(hsts());
    let decision = fixture.decision();
    assert_eq!(decision.steps(&RequestHead::get("a.example", "/")), []);
    let refusal = Refusal {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        reason: "this is not the request that was decided",
        origin: &origin(),
    };
    let steps = decision.steps(&RequestHead::get("a.example", "/%zz"));
    assert_eq!(steps, [Step::Refuse(refusal)]);
}

#[test]
fn changes_to_answers_of_backends_are_made_to_no_others() {
    // gateway-api §13; virtualserver §12.3 makes them to every answer
    for (of_backends, told) in [(true, [true, false]), (false, [true, true])] {
        let set = vec![edit("x-told", Template::text("1"))];
        let response_headers = ResponseHeaderOps { of_backends, set, ..Default::default() };
        let fixture = Fixture::forward(prefix("/"), Forward { response_headers, ..forward() });
        let request = RequestHead::get("a.example", "/");
        let (mut theirs, mut own) = (HeaderMap::new(), HeaderMap::new());
        let status = StatusCode::SERVICE_UNAVAILABLE;
        fixture.decision().edit_response(status, &request, &mut theirs);
        fixture.decision().edit_refusal(status, &request, &mut own);
        let got = [theirs, own].map(|header| header.contains_key("x-told"));
        assert_eq!(got, told, "{of_backends}");
    }
}

/// Where the client of the request is.
fn on(protocol: Protocol, peer: &str) -> Connection {
    let listener = ListenerKey { address: None, port: 80 };
    Connection { listener, protocol, peer: Some(format!("{peer}:1").parse().unwrap()) }
}

#[test]
fn a_token_is_taken_from_where_it_stands() {
    // virtualserver §16.4
    let cookie = Field::Cookie { name: "t".into(), ignore_case: false };
    let argument = Field::Argument { name: "t".into(), ignore_case: true, decoded: false };
    let headers = [("authorization", "Bearer a.b.c"), ("x-token", "d.e.f"), ("cookie", "t=g.h.i")];
    let request = RequestHead::get("a.example", "/?T=j%2Ek").headers(&headers);
    let fixture = guarded(Policies::default());
    for (token, want) in [
        (None, "a.b.c"),
        (Some(Field::Header("x-token".into())), "d.e.f"),
        (Some(Field::Header("x-none".into())), ""),
        (Some(cookie), "g.h.i"),
        (Some(argument), "j%2Ek"),
    ] {
        let keys = JwtKeys::Known(SecretText::default());
        let policy = Jwt { realm: "r".into(), token, keys, origin: origin() };
        let got = written(|out| fixture.decision().write_token(&policy, &request, out));
        assert_eq!(got, want, "{:?}", policy.token);
    }
}

fn cache() -> Cache {
    Cache {
        zone: "zone".into(),
        zone_size: 1,
        max_size: None,
        min_free: None,
        inactive: Duration::from_secs(1),
        key: None,
        methods: vec![Method::GET, Method::HEAD],
        statuses: None,
        overrides_backend: false,
        stale: Vec::new(),
        revalidate: false,
        background_update: false,
        min_uses: 1,
        lock: None,
        no_cache: Vec::new(),
        bypass: Vec::new(),
        purge: Networks::default(),
        origin: origin(),
    }
}

#[test]
fn the_key_of_a_cache() {
    // virtualserver §16.9: scheme, upstream and target, or what is written
    let fixture = guarded(Policies::default());
    let headers = [("x-user", "ann")];
    let request = RequestHead::get("a.example", "/%74ea?x=1").headers(&headers);
    let request = request.on(on(Protocol::Https, "10.0.0.1"));
    for (key, want) in [(None, "https://default/tea/%74ea?x=1"), (Some(header("x-user")), "ann")] {
        let cache = Cache { key, ..cache() };
        let got = written(|out| fixture.decision().write_cache_key(&cache, &request, out));
        assert_eq!(got, want);
    }
}

#[test]
fn what_a_cache_does_for_a_request() {
    // virtualserver §16.9
    let fixture = guarded(Policies::default());
    let cache = Cache {
        no_cache: vec![header("x-none"), header("x-private")],
        bypass: vec![header("x-fresh")],
        purge: ["10.0.0.0/8"].iter().filter_map(|text| text.parse::<Network>().ok()).collect(),
        ..cache()
    };
    for (method, line, peer, (serves, stores, purges)) in [
        ("GET", ("x-a", "1"), "10.0.0.1", (true, true, false)),
        ("HEAD", ("x-a", "1"), "10.0.0.1", (true, true, false)),
        ("get", ("x-a", "1"), "10.0.0.1", (false, false, false)),
        ("POST", ("x-a", "1"), "10.0.0.1", (false, false, false)),
        ("GET", ("x-private", "1"), "10.0.0.1", (true, false, false)),
        ("GET", ("x-private", "0"), "10.0.0.1", (true, true, false)),
        ("GET", ("x-private", ""), "10.0.0.1", (true, true, false)),
        ("GET", ("x-fresh", "yes"), "10.0.0.1", (false, true, false)),
        ("PURGE", ("x-a", "1"), "10.0.0.1", (false, false, true)),
        ("PURGE", ("x-a", "1"), "192.0.2.1", (false, false, false)),
    ] {
        let headers = [line];
        let request = RequestHead::new(method, "a.example", "/").headers(&headers);
        let request = request.on(on(Protocol::Http, peer));
        let want = CacheUse { serves, stores, purges };
        let got = fixture.decision().cache_use(&cache, &request);
        assert_eq!(got, want, "{method} {line:?} {peer}");
    }
}

#[test]
fn another_service_is_asked_about_the_path_before_it_is_rewritten() {
    // gateway-api §13.4
    let path = PathRewrite::Full("/elsewhere".into());
    let fixture = Fixture::forward(prefix("/"), Forward { path, ..forward() });
    let http = |path: &str| AuthProtocol::Http {
        path: path.into(),
        request_headers: vec![],
        response_headers: vec![],
    };
    let grpc = AuthProtocol::Grpc { request_headers: vec![] };
    for (protocol, target, want) in [
        (http("/check"), "/a/../tea?x=1", "/check/tea?x=1"),
        (http("/check/"), "/tea", "/check/tea"),
        (http("check"), "/tea", "/check/tea"),
        (http("/"), "/tea", "/tea"),
        (http("/"), "*", "/"),
        (grpc.clone(), "/a/../tea?x=1", "/tea?x=1"),
        (grpc, "*", "*"),
    ] {
        let check = AuthCheck {
            protocol,
            target: UpstreamTarget { service: ServiceId(0), port: 80, splits: false },
            tls: None,
            certificate: None,
            max_body: 0,
            before_cors: false,
            name: "default/auth:80".into(),
            origin: origin(),
        };
        let method = if target == "*" { "OPTIONS" } else { "GET" };
        let request = RequestHead::new(method, "a.example", target);
        let got = written(|out| fixture.decision().write_check_target(&check, &request, out));
        assert_eq!(got, want, "{:?} {target}", check.protocol);
    }
}

#[test]
fn clients_may_log_in_below_the_path_for_that() {
    // virtualserver §16.11
    let fixture = guarded(Policies::default());
    for (base, target, want) in [
        (Some("/oauth2"), "/oauth2", true),
        (Some("/oauth2"), "/oauth2/start?x=1", true),
        (Some("/oauth2/"), "/a/../%6Fauth2/start", true),
        (Some("/o%61uth2?a=b"), "/oauth2/start", true),
        (Some("/oauth2"), "/oauth22", false),
        (Some("/oauth2"), "/tea?/oauth2/", false),
        (Some("/oauth2"), "/oauth2/../tea", false),
        (Some("/"), "/tea", false),
        (Some(""), "/tea", false),
        (Some("?/oauth2"), "/oauth2", false),
        (Some("oauth2"), "/oauth2", false),
        (Some("/%zz"), "/tea", false),
        (None, "/oauth2/start", false),
    ] {
        let sign_in = base.map(|base| SignIn { uri: "/login".into(), base_path: base.into() });
        let policy = ExternalAuth {
            uri: "/".into(),
            target: UpstreamTarget { service: ServiceId(0), port: 80, splits: false },
            server_name: "auth.default.svc".into(),
            tls: None,
            sign_in,
            origin: origin(),
        };
        let request = RequestHead::get("a.example", target);
        let got = fixture.decision().is_for_sign_in(&policy, &request);
        assert_eq!(got, want, "{base:?} {target}");
    }
}
