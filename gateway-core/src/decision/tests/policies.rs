use super::*;
use crate::decision::{Refusal, Step};
use crate::rules::{Cors, CorsHeaders, CorsOrigins, Hsts, Policies};
use http::HeaderValue;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, STRICT_TRANSPORT_SECURITY, VARY};

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
