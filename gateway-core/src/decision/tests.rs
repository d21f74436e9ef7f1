mod error_pages;
mod headers;
mod keeps;
mod policies;

use super::*;
use crate::request::{Connection, Forwarded, ListenerKey, RequestHead};
use crate::rules::{
    Anchor, BackendSettings, Boundary, CaptureRegex, Condition, HeaderEdit, HeaderOps, HostPattern,
    HostRewrite, Hsts, Location, PathPattern, PathRewrite, PathTemplate, Protocol, Regex,
    ResponseHeaderAdd, ResponseHeaderOps, ServiceName, Template, TemplatePart, UpstreamTarget,
};
use crate::{ObjectRef, Origin};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use std::sync::Arc;

fn origin() -> Origin {
    Origin::new(ObjectRef::new("Test", "default", "test"), "")
}

fn forward() -> Forward {
    let settings = BackendSettings::new("default/tea", origin());
    Forward {
        unavailable: StatusCode::BAD_GATEWAY,
        ..Forward::new(
            UpstreamTarget { service: ServiceId(0), port: 80, splits: true },
            Arc::new(settings),
            origin(),
        )
    }
}

fn redirect(location: Location) -> Action {
    let status = StatusCode::FOUND;
    Action::Redirect(Arc::new(Redirect { status, location, max_body: None, origin: origin() }))
}

fn prefix(path: &str) -> PathPattern {
    let template = PathTemplate::literal(path).unwrap();
    PathPattern::Prefix { template, boundary: Boundary::Byte }
}

fn route(path: PathPattern, conditions: Vec<Condition>, action: Action) -> Route {
    Route::new(path, conditions, action, origin())
}

fn field(field: Field) -> Template {
    Template::new([TemplatePart::Field(field)])
}

fn header(name: &str) -> Template {
    field(Field::Header(name.into()))
}

fn edit(name: &'static str, value: Template) -> HeaderEdit {
    HeaderEdit { name: HeaderName::from_static(name), value }
}

/// Rules of one listener and one host; the last route decides.
struct Fixture {
    listener: Listener,
    service: Service,
}

impl Fixture {
    fn new(routes: Vec<Route>) -> Self {
        let host = VirtualHost::new(HostPattern::Any, routes, origin());
        let listener = Listener {
            tells_grpc: false,
            mutual_tls: false,
            name: "default/test".into(),
            address: None,
            port: 80,
            protocol: Protocol::Http,
            paths: PathPolicy::default(),
            hosts: [host].into_iter().collect(),
            origin: origin(),
        };
        let name = ServiceName::new("default", "tea");
        let service = Service::new(name, None);
        Self { listener, service }
    }

    fn action(path: PathPattern, action: Action) -> Self {
        Self::new(vec![route(path, Vec::new(), action)])
    }

    fn forward(path: PathPattern, forward: Forward) -> Self {
        Self::action(path, Action::Forward(Arc::new(forward)))
    }

    fn decision(&self) -> Decision<'_> {
        let host: &VirtualHost = self.listener.hosts.sorted()[0];
        let route = host.routes.last().unwrap();
        let outcome = match &route.action {
            Action::Forward(forward) => Outcome::Forward(Forwarding {
                forward,
                service: &self.service,
                id: ServiceId(0),
                port: 80,
                split: None,
            }),
            Action::Redirect(redirect) => Outcome::Redirect(redirect),
            Action::Respond(respond) => Outcome::Respond(respond),
            Action::Unmatched { .. } => Outcome::NoRoute(NoRoute::MethodNotAllowed),
            Action::Split(_) => panic!("no split here"),
        };
        Decision {
            addressed: None,
            listener: Some(&self.listener),
            host: Some(host),
            route: Some(route),
            branch: None,
            outcome,
            is_plain: false,
            target_is_normal: false,
            guarded: false,
            fell_back: false,
        }
    }
}

fn on(protocol: Protocol, port: u16) -> Connection {
    let listener = ListenerKey { address: None, port };
    Connection { listener, protocol, peer: None }
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn the_backend_receives_the_forward_path() {
    // decisions §2
    let raw = PathPolicy { forwarded: Forwarded::Raw, ..PathPolicy::default() };
    let tea = PathRewrite::Prefix("/tea".into());
    let unfit = PathRewrite::Pattern {
        regex: CaptureRegex::new("^/nothing", false).unwrap(),
        replacement: "/x".into(),
    };
    for (rewrite, policy, method, target, want) in [
        (&PathRewrite::Keep, PathPolicy::default(), "GET", "/a/./b//%7ec?x=%20", "/a/b/%7ec?x=%20"),
        (&PathRewrite::Keep, raw, "GET", "/a/./b//%7ec?x=%20", "/a/./b//%7ec?x=%20"),
        (&tea, raw, "GET", "/x/..//a/./b%2fc", "/tea/b%2fc"),
        (&unfit, raw, "GET", "/a/./b", "/a/./b"),
        (&unfit, PathPolicy::default(), "GET", "/a/./b", "/a/b"),
        // an absolute target becomes a path
        (&PathRewrite::Keep, PathPolicy::default(), "GET", "http://h:80/a?b", "/a?b"),
        (&PathRewrite::Keep, PathPolicy::default(), "GET", "http://h", "/"),
        (&tea, PathPolicy::default(), "GET", "http://h/a/c?b", "/tea/c?b"),
        // no path
        (&tea, PathPolicy::default(), "OPTIONS", "*", "*"),
        (&tea, PathPolicy::default(), "CONNECT", "h:443", "h:443"),
        // refused
        (&PathRewrite::Keep, PathPolicy::default(), "GET", "/a%", ""),
    ] {
        let action = Forward { path: rewrite.clone(), ..forward() };
        let mut fixture = Fixture::forward(prefix("/a"), action);
        fixture.listener.paths = policy;
        let request = RequestHead::new(method, "h", target);
        let got = written(|out| fixture.decision().write_target(&request, out));
        assert_eq!(got, want, "{method} {target} {rewrite:?}");
    }
    let request = RequestHead::get("h", "/%61/./caf%C3%A9?x");
    let fixture = Fixture::forward(prefix("/a"), forward());
    assert_eq!(written(|out| fixture.decision().write_match_path(&request, out)), "/a/café");
}

#[test]
fn what_is_known_of_a_plain_request_is_not_found_out_again() {
    let rewrites = [
        PathRewrite::Keep,
        PathRewrite::Prefix("/tea".into()),
        PathRewrite::Pattern {
            regex: CaptureRegex::new("^/a/(.*)", false).unwrap(),
            replacement: "/x/$1?y".into(),
        },
    ];
    let hosts = [HostRewrite::Keep, HostRewrite::WithoutPort, HostRewrite::Set(every_field())];
    for (method, host, target, plain) in [
        ("GET", "a.example", "/a", true),
        ("GET", "a.example", "/a/b?x=%20&y=", true),
        ("GET", "a.example", "/a?", true),
        ("GET", "10.0.0.1", "/a??", true),
        ("CONNECT", "a.example", "/a", true),
        ("GET", "a_b", "/a?x", true),
        // the host
        ("GET", "A.example", "/a", false),
        ("GET", "a.example:80", "/a", false),
        ("GET", "a.example.", "/a?x", false),
        // the target
        ("GET", "a.example", "/a/./b", false),
        ("GET", "a.example", "/a/%41", false),
        ("GET", "a.example", "/a//b?x", false),
        ("GET", "a.example", "/a#x", false),
        ("GET", "a.example", "/a?x#y", false),
        ("GET", "a.example", "http://a.example/a", false),
        ("GET", "a.example", "http://a.example", false),
        ("OPTIONS", "a.example", "*", false),
        ("CONNECT", "a.example", "a.example:80", false),
        ("GET", "a.example", "/a?x\n", false),
    ] {
        let request = RequestHead::new(method, host, target);
        let known = |view: Result<&View<'_, _>, _>| {
            view.map_or((false, false), |view| (view.is_plain(), view.target_is_normal()))
        };
        let (is_plain, is_normal) = View::with(&request, &PathPolicy::default(), known);
        assert_eq!(is_plain, plain, "{method} {host} {target}");
        for (rewrite, host) in rewrites.iter().flat_map(|r| hosts.iter().map(move |h| (r, h))) {
            let set = vec![edit("x-all", every_field())];
            let action = Forward {
                path: rewrite.clone(),
                host: host.clone(),
                request_headers: HeaderOps { set, ..HeaderOps::default() },
                ..forward()
            };
            let fixture = Fixture::forward(prefix("/a"), action);
            let told = |is_plain, target_is_normal| {
                let decision = Decision { is_plain, target_is_normal, ..fixture.decision() };
                let mut headers = HeaderMap::new();
                decision.edit_request(&request, &mut headers);
                let target = written(|out| decision.write_target(&request, out));
                (target, decision.host_header(&request), headers)
            };
            assert_eq!(
                told(plain, is_normal),
                told(false, false),
                "{method} {target} {rewrite:?} {host:?}"
            );
        }
    }
}

#[test]
fn a_redirect_shows_the_port_where_it_is_not_the_default() {
    // gateway-api §14.2, the table of the port test
    use Protocol::{Http, Https};
    for (protocol, listener, scheme, port, want) in [
        (Http, 80, None, None, "http://h/"),
        (Http, 80, None, Some(8080), "http://h:8080/"),
        (Http, 80, Some(Https), None, "https://h/"),
        (Https, 443, Some(Http), None, "http://h/"),
        (Https, 443, Some(Http), Some(8080), "http://h:8080/"),
        (Https, 443, None, Some(8443), "https://h:8443/"),
        (Https, 443, None, None, "https://h/"),
        (Http, 8080, None, None, "http://h:8080/"),
        (Http, 8080, None, Some(80), "http://h/"),
        (Http, 8080, Some(Https), None, "https://h/"),
        (Https, 80, None, None, "https://h:80/"),
    ] {
        let location = Location::Parts { scheme, host: None, port, path: PathRewrite::Keep };
        let fixture = Fixture::action(prefix("/"), redirect(location));
        // The port of the Host field does not count.
        let request = RequestHead::get("h:99", "/").on(on(protocol, listener));
        let got = written(|out| fixture.decision().write_location(&request, out));
        assert_eq!(got, want, "{protocol:?}:{listener} scheme {scheme:?} port {port:?}");
    }
}

#[test]
fn a_redirect_replaces_parts_of_the_url() {
    // gateway-api §14.1, §14.2
    let segments = PathPattern::Prefix {
        template: PathTemplate::escaped("/foo").unwrap(),
        boundary: Boundary::Segment,
    };
    let xyz = PathRewrite::SegmentPrefix("/xyz".into());
    for (host, path, from, target, want) in [
        (None, PathRewrite::Keep, "A.example.:80", "/foo/%7e?x=1", "http://a.example/foo/%7e?x=1"),
        (None, xyz.clone(), "[::1]:80", "/foo/b%2Fc?x", "http://[::1]/xyz/b%2Fc?x"),
        (Some("b.example"), xyz.clone(), "h", "/foo", "http://b.example/xyz"),
        (None, PathRewrite::Full("/new".into()), "h", "/foo/bar?x=1", "http://h/new?x=1"),
        (None, xyz, "h", "http://other/foo/a", "http://other/xyz/a"),
    ] {
        let host = host.map(Box::from);
        let location = Location::Parts { scheme: None, host, port: None, path };
        let fixture = Fixture::action(segments.clone(), redirect(location));
        let request = RequestHead::get(from, target);
        let got = written(|out| fixture.decision().write_location(&request, out));
        assert_eq!(got, want, "{from} {target}");
    }
}

#[test]
fn a_redirect_to_a_text_fills_in_fields_and_breaks_no_line() {
    // virtualserver §12.4
    let text = |t: &str| TemplatePart::Text(t.into());
    let url = Template::new([
        TemplatePart::Field(Field::Header("x-forwarded-proto".into())),
        text("://"),
        TemplatePart::Field(Field::Host),
        TemplatePart::Field(Field::Target),
    ]);
    let fixture = Fixture::action(prefix("/"), redirect(Location::Url(url)));
    for (proto, want) in [
        ("https", "https://cafe.example.com/tea?x=%20"),
        ("", "://cafe.example.com/tea?x=%20"),
        ("a\r\nset-cookie: b\0", "aset-cookie: b://cafe.example.com/tea?x=%20"),
    ] {
        let headers = [("x-forwarded-proto", proto)];
        let request = RequestHead::get("Cafe.example.com:81", "/tea?x=%20").headers(&headers);
        let got = written(|out| fixture.decision().write_location(&request, out));
        assert_eq!(got, want, "{proto:?}");
        let mut answer = HeaderMap::new();
        fixture.decision().edit_response(StatusCode::FOUND, &request, &mut answer);
        assert_eq!(answer["location"], want, "{proto:?}");
    }
}

#[test]
fn the_host_is_kept_stripped_of_its_port_or_set() {
    // gateway-api §3, virtualserver §12.2, decisions §6
    for (host, from, want) in [
        (HostRewrite::Keep, "A.example:81", None),
        (HostRewrite::WithoutPort, "A.example:81", Some("a.example")),
        (HostRewrite::WithoutPort, "[::1]:81", Some("[::1]")),
        (HostRewrite::Set(Template::text("b.example")), "a.example", Some("b.example")),
        (HostRewrite::Set(header("x-host")), "a.example", Some("c.example")),
        (HostRewrite::Set(header("x-none")), "A.example:81", Some("a.example")),
    ] {
        let fixture = Fixture::forward(prefix("/"), Forward { host: host.clone(), ..forward() });
        let headers = [("x-host", "c.example")];
        let request = RequestHead::get(from, "/").headers(&headers);
        let got = fixture.decision().host_header(&request);
        assert_eq!(got.as_ref().map(|v| v.to_str().unwrap()), want, "{host:?} {from}");
    }
}

#[test]
fn the_key_of_a_hash_is_filled_in() {
    // virtualserver §14, `hash <key>`
    use crate::rules::Balance;
    let hash = Balance::Hash { key: header("x-user"), consistent: true };
    for (balance, want) in [(hash, "ann"), (Balance::ClientAddress, ""), (Balance::Random, "")] {
        let mut forward = forward();
        Arc::make_mut(&mut forward.settings).balance = balance.clone();
        let fixture = Fixture::forward(prefix("/"), forward);
        let headers = [("x-user", "ann")];
        let request = RequestHead::get("a.example", "/").headers(&headers);
        let got = written(|out| fixture.decision().write_balance_key(&request, out));
        assert_eq!(got, want, "{balance:?}");
    }
    let fixture = Fixture::action(prefix("/"), redirect(Location::Url(Template::text("/"))));
    let request = RequestHead::get("a.example", "/");
    assert_eq!(written(|out| fixture.decision().write_balance_key(&request, out)), "");
}

/// Lines as text, in the order of the names.
fn lines(headers: &HeaderMap) -> Vec<String> {
    let text = |(n, v): (&HeaderName, &http::HeaderValue)| format!("{n}: {}", v.to_str().unwrap());
    let mut lines: Vec<String> = headers.iter().map(text).collect();
    lines.sort_by(|a, b| a.split(':').next().cmp(&b.split(':').next()));
    lines
}

fn header_map(lines: &[(&'static str, &str)]) -> HeaderMap {
    lines.iter().map(|(n, v)| (HeaderName::from_static(n), v.parse().unwrap())).collect()
}

#[test]
fn a_canned_answer_has_its_type_its_headers_and_its_body() {
    // virtualserver §12.5
    let body = Template::new([
        TemplatePart::Text("no ".into()),
        TemplatePart::Field(Field::Target),
        TemplatePart::Text("\r\n".into()),
    ]);
    let respond = Respond {
        status: StatusCode::NOT_FOUND,
        content_type: Some("text/plain".into()),
        body,
        headers: vec![edit("x-a", Template::text("1"))],
        reason: None,
        origin: origin(),
    };
    let fixture = Fixture::action(prefix("/"), Action::Respond(Arc::new(respond)));
    let request = RequestHead::get("h", "/page.json");
    assert_eq!(written(|out| fixture.decision().write_body(&request, out)), "no /page.json\r\n");
    let mut headers = HeaderMap::new();
    fixture.decision().edit_response(StatusCode::NOT_FOUND, &request, &mut headers);
    assert_eq!(lines(&headers), ["content-type: text/plain", "x-a: 1"]);
}

#[test]
fn allow_lists_the_methods_that_would_do() {
    // decisions §7
    let method = |name| Condition::equals(Field::Method, name);
    let any_case = |name: &str| {
        let test = Test::Equals { value: name.into(), ignore_case: true };
        Condition::new(Field::Method, test)
    };
    let regex = |source| {
        let regex = Regex::new(source, Anchor::None, false).unwrap();
        Condition::new(Field::Method, Test::Matches { regex, empty_matches: false })
    };
    let beta = || Condition::equals(Field::Header("x-env".into()), "beta");
    for (ways, want) in [
        (vec![vec![method("POST")], vec![method("PATCH")]], "PATCH, POST"),
        (vec![vec![method("POST")], vec![method("POST"), beta()]], "POST"),
        // another condition is to blame as well
        (vec![vec![method("POST"), beta()], vec![method("PUT")]], "PUT"),
        (vec![vec![method("PURGE")], vec![any_case("post")]], "POST, PURGE"),
        (vec![vec![regex("^(GET|HEAD)$")]], "GET, HEAD"),
        (vec![vec![method("GET").negate()]], "DELETE, HEAD, OPTIONS, PATCH, POST, PUT"),
        // no method would do
        (vec![vec![method("PUT"), method("POST")]], ""),
        (vec![vec![method("PUT"), method("PUT").negate()]], ""),
        (vec![vec![method("POST"), beta()]], ""),
    ] {
        let deny = || Action::Forward(Arc::new(forward()));
        let mut routes = vec![route(prefix("/x"), vec![method("TRACE")], deny())];
        let count = u32::try_from(ways.len()).unwrap();
        let wanted: Vec<_> = ways.iter().map(|c| c.iter().map(Condition::to_string)).collect();
        let shown = format!("{:?}", wanted.into_iter().map(Vec::from_iter).collect::<Vec<_>>());
        routes.extend(ways.into_iter().map(|c| route(prefix("/"), c, deny())));
        routes.push(route(prefix("/"), Vec::new(), Action::Unmatched { alternatives: count }));
        let fixture = Fixture::new(routes);
        let request = RequestHead::new("LOCK", "h", "/");
        assert_eq!(fixture.decision().allow(&request).join(", "), want, "{shown}");
        if want.is_empty() {
            continue;
        }
        let mut headers = HeaderMap::new();
        let status = StatusCode::METHOD_NOT_ALLOWED;
        fixture.decision().edit_response(status, &request, &mut headers);
        assert_eq!(headers["allow"], want, "{shown}");
    }
    let fixture = Fixture::forward(prefix("/"), forward());
    assert!(fixture.decision().allow(&RequestHead::get("h", "/")).is_empty());
}

/// Every field that a template can print of a request.
fn every_field() -> Template {
    let named = |name: &str| -> Box<str> { name.into() };
    let fields = [
        Field::Method,
        Field::Host,
        Field::Path,
        Field::Target,
        Field::Query,
        Field::RequestLine,
        Field::Header("x-a".into()),
        Field::Header("host".into()),
        Field::Cookie { name: named("c"), ignore_case: false },
        Field::Argument { name: named("q"), ignore_case: true, decoded: false },
        Field::Argument { name: named("q"), ignore_case: false, decoded: true },
    ];
    Template::new(fields.into_iter().map(TemplatePart::Field))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_client_can_begin_another_header_line(
        path in hostile(), query in hostile(), value in hostile(), method in hostile(),
    ) {
        let (before, after) = (TemplatePart::Text("a\r\nx: ".into()), every_field());
        let template = Template::new([before].into_iter().chain(after.parts().iter().cloned()));
        let forwarding = Forward {
            host: HostRewrite::Set(template.clone()),
            request_headers: HeaderOps {
                set: vec![edit("x-set", template.clone())],
                add: vec![edit("x-add", template.clone())],
                ..HeaderOps::default()
            },
            response_headers: ResponseHeaderOps {
                set: vec![edit("x-set", template.clone())],
                add: vec![ResponseHeaderAdd { edit: edit("x-add", template.clone()), always: true }],
                ..ResponseHeaderOps::default()
            },
            ..forward()
        };
        let captured = PathRewrite::Pattern {
            regex: CaptureRegex::new("(?s)^/(.*)", false).unwrap(),
            replacement: "/x/$1?y=$1\n".into(),
        };
        let parts = |path| Location::Parts { scheme: None, host: None, port: None, path };
        let respond = Respond {
            status: StatusCode::OK,
            content_type: Some("text/plain\r\nx: y".into()),
            body: Template::default(),
            headers: vec![edit("x-add", template.clone())],
            reason: None,
            origin: origin(),
        };
        let target = format!("/{path}?q={query}");
        let cookie = format!("c={value}");
        let headers = [("x-a", &*value), ("cookie", &*cookie)];
        let request = RequestHead::new(&method, "h", &target).headers(&headers);
        for action in [
            Action::Forward(Arc::new(forwarding)),
            redirect(Location::Url(template.clone())),
            redirect(parts(PathRewrite::Keep)),
            redirect(parts(captured)),
            redirect(parts(PathRewrite::Prefix("/\r\n".into()))),
            Action::Respond(Arc::new(respond)),
        ] {
            let mut fixture = Fixture::action(prefix("/"), action);
            let keep = crate::request::Treatment::Keep;
            fixture.listener.paths = PathPolicy { control: keep, backslash: keep, ..PathPolicy::default() };
            let decision = fixture.decision();
            let mut headers = HeaderMap::new();
            decision.edit_request(&request, &mut headers);
            let mut answer = HeaderMap::new();
            decision.edit_response(StatusCode::OK, &request, &mut answer);
            let values = headers.values().chain(answer.values()).cloned();
            for value in values.chain(decision.host_header(&request)) {
                let control = |b: &u8| b.is_ascii_control() && *b != b'\t';
                prop_assert!(!value.as_bytes().iter().any(control), "{value:?}: {target:?}");
            }
        }
    }
}

/// Text with what ends lines, plain and escaped.
fn hostile() -> impl Strategy<Value = String> {
    let pieces =
        ["a", "/", "\r\n", "\n", "\0", "\t", "%0d%0A", "%0a", "%00", "%7F", "\u{85}", "é", "&q="];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..8).prop_map(|p| p.concat())
}

#[test]
fn captures_are_of_the_path_that_decided() {
    let parse = |text| PathTemplate::parse(text).unwrap();
    let regex = |text, anchor, ignore_case| {
        PathPattern::Regex(Regex::new(text, anchor, ignore_case).unwrap())
    };
    for (path, target, want) in [
        (PathPattern::Exact(parse("/{a}/{b}.{c}")), "/x%20y/z.tar.gz?a=1", "a=x y b=z c=tar.gz"),
        (PathPattern::Exact(parse("/{*rest}")), "/a//b/%2F", "rest=a/b/%2F"),
        (PathPattern::Exact(parse("/a")), "/a", ""),
        (regex("^/v([0-9]+)/(?P<rest>.*)$", Anchor::None, false), "/v12/x/y", "1=12 rest=x/y"),
        (regex("/(a)|/(b)", Anchor::Start, true), "/Bc", "2=B"),
        (regex("(.)(.*)", Anchor::Both, false), "/ab", "1=/ 2=ab"),
        (prefix("/"), "*", ""),
    ] {
        let fixture = Fixture::forward(path, forward());
        let method = if target == "*" { "OPTIONS" } else { "GET" };
        let captures = fixture.decision().captures(&RequestHead::new(method, "h", target));
        let text = |value| String::from_utf8_lossy(value).into_owned();
        let got: Vec<String> =
            captures.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
        assert_eq!(got.join(" "), want, "{target}");
        for (name, value) in captures.iter() {
            assert_eq!(captures.get(name), Some(value), "{target}");
        }
        assert_eq!(captures.get("none"), None, "{target}");
    }
}
