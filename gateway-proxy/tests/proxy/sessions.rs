//! Clients that are kept at the endpoint that they had first.

use crate::backend::Backend;
use crate::bodies::wait_until;
use crate::client::{Client, Response};
use crate::gateway::{address, cafe, config, service, start};
use crate::reload::File;
use gateway_proxy::{Config, Source};
use std::net::SocketAddr;

fn get(address: SocketAddr, fields: &str) -> Response {
    Client::connect(address).request("GET", "/", fields)
}

fn who(response: &Response) -> &str {
    response.field("x-backend").unwrap_or("nobody")
}

/// The cookie that an answer sets, as the client sends it back.
fn cookie(response: &Response) -> Option<String> {
    let pair = response.field("set-cookie")?.split(';').next()?;
    Some(format!("Cookie: other=1; {pair}\r\n"))
}

fn three() -> [Backend; 3] {
    std::array::from_fn(|n| Backend::start(&format!("b{n}")))
}

fn with(documents: &str, backends: &[Backend]) -> Config {
    let mut config = config(documents);
    let addresses: Vec<SocketAddr> = backends.iter().map(|backend| backend.address).collect();
    config.services = vec![service("tea", &addresses)];
    config
}

#[test]
fn a_cookie_keeps_its_client_at_one_endpoint() {
    // virtualserver §4, `sessionCookie`
    let backends = three();
    let rules = cafe(
        ", lb-method: round_robin, fail-timeout: 1h, next-upstream: http_500, sessionCookie: \
         {enable: true, name: srv, path: /, expires: 1h, httpOnly: true, samesite: lax}",
    );
    let server = start(with(&rules, &backends));
    let replica = start(with(&rules, &backends));
    let (at, other) = (address(&server, 80), address(&replica, 80));
    for _ in 0..3 {
        let first = get(at, "");
        let set = first.field("set-cookie").unwrap();
        assert!(set.ends_with("; Max-Age=3600; Path=/; HttpOnly; SameSite=Lax"), "{set}");
        assert!(!set.contains("127.0.0.1"), "{set}");
        let cookie = cookie(&first).unwrap();
        for at in [at, other, at, other, at] {
            let next = get(at, &cookie);
            assert_eq!((who(&next), next.field("set-cookie")), (who(&first), None));
        }
    }
    // What is none of ours, or of an endpoint that there is not, is as good as nothing.
    for value in ["", "127.0.0.1", &"0".repeat(32)] {
        let next = get(at, &format!("Cookie: srv={value}\r\n"));
        assert!(cookie(&next).is_some(), "{value}");
    }
    // An endpoint that fails loses its clients.
    let first = get(at, "");
    let kept = cookie(&first).unwrap();
    let index: usize = who(&first)[1..].parse().unwrap();
    backends[index].answer_with(500);
    let moved = get(at, &kept);
    assert_eq!(moved.status, 200);
    assert_ne!(who(&moved), who(&first));
    let kept = cookie(&moved).unwrap();
    assert_eq!(who(&get(at, &kept)), who(&moved));
}

/// Two Services, of which only the first has a weight, and a session.
fn shop(weights: [u32; 2], session: &str) -> String {
    format!(
        "{{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {{name: edge, \
         namespace: default}}, spec: {{gatewayClassName: any, listeners: [{{name: web, port: 80, \
         protocol: HTTP}}]}}}}\n---\n\
         {{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {{name: shop, \
         namespace: default}}, spec: {{parentRefs: [{{name: edge}}], rules: [{{backendRefs: \
         [{{name: tea, port: 80, weight: {}}}, {{name: milk, port: 80, weight: {}}}], \
         sessionPersistence: {session}}}]}}}}\n",
        weights[0], weights[1]
    )
}

fn gateway(documents: &str, tea: &[&Backend], milk: &[&Backend], key: Option<&str>) -> Config {
    let addresses = |backends: &[&Backend]| backends.iter().map(|b| b.address).collect::<Vec<_>>();
    let mut config = config(documents);
    config.services = vec![service("tea", &addresses(tea)), service("milk", &addresses(milk))];
    config.session_key = key.map(|key| key.as_bytes().to_vec());
    config
}

#[test]
fn a_session_keeps_its_client_at_one_backend_and_endpoint_over_all_weights() {
    // gateway-api §17
    let [one, two, three] = three();
    let (tea, milk) = ([&one, &two], [&three]);
    for (session, is_header) in
        [("{cookie: {name: s}}", false), ("{type: Header, header: {name: X-Session}}", true)]
    {
        let kept = |response: &Response| match is_header {
            true => response.field("x-session").map(|text| format!("X-Session: {text}\r\n")),
            false => cookie(response),
        };
        let file = File::new(&shop([0, 1], session));
        let mut config = gateway("", &tea, &milk, Some("secret"));
        config.sources = vec![Source::Path(file.path().into())];
        let server = start(config);
        let at = address(&server, 80);
        let first = get(at, "");
        let show = kept(&first).unwrap();
        assert_eq!(who(&first), "b2");
        if !is_header {
            let set = first.field("set-cookie").unwrap();
            assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{set}");
        }
        file.write(&shop([1, 0], session));
        server.reload().unwrap();
        for _ in 0..4 {
            let next = get(at, &show);
            assert_eq!((who(&next), kept(&next)), ("b2", None), "weight 0 all the same");
            assert_ne!(who(&get(at, "")), "b2");
        }
        // Endpoints are kept, too, and where only one backend is left.
        let first = get(at, "");
        let show = kept(&first).unwrap();
        for _ in 0..4 {
            assert_eq!(who(&get(at, &show)), who(&first));
        }
        // A replica with the key knows it, another one does not.
        for (key, want) in [(Some("secret"), true), (Some("other"), false), (None, false)] {
            let replica = start(gateway(&shop([0, 1], session), &tea, &milk, key));
            let next = get(address(&replica, 80), &show);
            assert_eq!(kept(&next).is_none(), want, "{key:?}");
            assert_eq!(who(&next) == who(&first), want, "{key:?}");
        }
    }
}

#[test]
fn a_session_whose_endpoint_is_gone_goes_on_at_another_one() {
    // gateway-api §17
    let [one, two, three] = three();
    let session = shop([1, 0], "{cookie: {name: s}}");
    let before = start(gateway(&session, &[&one, &two], &[&three], Some("key")));
    let first = get(address(&before, 80), "");
    let show = cookie(&first).unwrap();
    let left = if who(&first) == "b0" { &two } else { &one };
    let after = start(gateway(&session, &[left], &[&three], Some("key")));
    let next = get(address(&after, 80), &show);
    assert_ne!(who(&next), who(&first));
    let show = cookie(&next).expect("a new cookie");
    assert_eq!(cookie(&get(address(&after, 80), &show)), None);
}

#[test]
fn a_session_ends_when_its_time_is_over() {
    // gateway-api §17, `absoluteTimeout`
    let [one, two, three] = three();
    let session = "{absoluteTimeout: 2s, cookie: {name: s, lifetimeType: Permanent}}";
    let server = start(gateway(&shop([1, 1], session), &[&one, &two], &[&three], None));
    let at = address(&server, 80);
    let first = get(at, "");
    assert!(first.field("set-cookie").unwrap().contains("; Max-Age=2; "));
    let show = cookie(&first).unwrap();
    wait_until("it is another session", || cookie(&get(at, &show)).is_some());
    let again = get(at, "");
    let show = cookie(&again).unwrap();
    let next = get(at, &show);
    // Unless two seconds have passed already.
    assert!(who(&next) == who(&again) || cookie(&next).is_some());
}

#[test]
fn sessions_outlive_a_reload() {
    // gateway-api §17
    let [one, two, three] = three();
    let file = File::new(&shop([1, 1], "{cookie: {name: s}}"));
    let mut config = gateway("", &[&one, &two], &[&three], None);
    config.sources = vec![Source::Path(file.path().into())];
    let server = start(config);
    let at = address(&server, 80);
    let first = get(at, "");
    let show = cookie(&first).unwrap();
    for weights in [[1, 9], [9, 1], [0, 1], [1, 0]] {
        file.write(&shop(weights, "{cookie: {name: s}}"));
        server.reload().unwrap();
        assert_eq!(who(&get(at, &show)), who(&first), "{weights:?}");
    }
}
