//! Checks of endpoints (virtualserver §4, `healthCheck`).

use crate::backend::Backend;
use crate::bodies::wait_until;
use crate::client::Client;
use crate::gateway::{address, cafe, config, service, start};
use crate::reload::File;
use bytes::Bytes;
use gateway_proxy::{Server, Source};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

fn get(address: SocketAddr) -> (u16, String) {
    let response = Client::connect(address).get("/");
    (response.status, response.field("x-backend").unwrap_or_default().to_owned())
}

fn shop(upstream: &str, backends: &[&Backend]) -> (Server, SocketAddr) {
    let addresses: Vec<SocketAddr> = backends.iter().map(|backend| backend.address).collect();
    let mut config = config(&cafe(upstream));
    config.services = vec![service("tea", &addresses)];
    config.admin = Some((Ipv4Addr::LOCALHOST, 0).into());
    let server = start(config);
    let address = address(&server, 80);
    (server, address)
}

/// What the metrics tell of an endpoint.
fn told(server: &Server, endpoint: SocketAddr) -> Option<String> {
    let metrics = Client::connect(server.admin().unwrap()).get("/metrics").text();
    let end = format!(
        "{{owner=\"VirtualServer default/cafe\",upstream=\"tea\",service=\"default/tea:80\",\
         endpoint=\"{endpoint}\"}} "
    );
    metrics.lines().find_map(|line| {
        line.strip_prefix("gateway_upstream_healthy")?.strip_prefix(&end).map(str::to_owned)
    })
}

#[test]
fn endpoints_that_fail_their_checks_get_no_requests_until_they_pass_again() {
    let (good, bad) = (Backend::start("good"), Backend::start("bad"));
    let rules = ", lb-method: round_robin, max-fails: 0, healthCheck: {enable: true, path: /check, \
                 interval: 20ms, jitter: 10ms, fails: 2, passes: 2}";
    let (server, address) = shop(rules, &[&good, &bad]);
    wait_until("both are checked", || good.requests() > 0 && bad.requests() > 0);
    let answers = || (0..8).map(|_| get(address).1).collect::<BTreeSet<_>>();
    assert_eq!(answers().len(), 2);
    assert_eq!(told(&server, bad.address).as_deref(), Some("1"));
    bad.answer_with(500);
    wait_until("the checks fail", || told(&server, bad.address).as_deref() == Some("0"));
    assert_eq!(Vec::from_iter(answers()), ["good"]);
    assert_eq!(told(&server, good.address).as_deref(), Some("1"));
    bad.answer_with(204);
    wait_until("the checks pass", || told(&server, bad.address).as_deref() == Some("1"));
    assert_eq!(answers().len(), 2);
    for backend in [&good, &bad] {
        backend.answer_with(500);
    }
    wait_until("all checks fail", || get(address).0 == 502);
}

#[test]
fn checks_are_as_written() {
    // `statusMatch`, `headers`, `port`
    let (tea, other) = (Backend::start("tea"), Backend::start("other"));
    tea.answer_with(500);
    let rules = format!(
        ", healthCheck: {{enable: true, interval: 20ms, statusMatch: '418', port: {}, headers: \
         [{{name: Host, value: cafe.example}}]}}",
        other.address.port()
    );
    let (server, address) = shop(&rules, &[&tea]);
    wait_until("another port is checked", || get(address).0 == 502);
    assert_eq!(told(&server, tea.address).as_deref(), Some("0"));
    other.answer_with(418);
    wait_until("this status will do", || get(address).0 == 500);
    wait_until("it is checked again and again", || other.requests() > 5);
    assert!(other.connections() < other.requests(), "a connection is kept");
}

#[test]
fn a_new_endpoint_waits_for_its_first_check_where_that_is_mandatory() {
    let (first, second) = (Backend::start("first"), Backend::start("second"));
    second.answer_with(500);
    let rules = cafe(
        ", lb-method: round_robin, max-fails: 0, healthCheck: {enable: true, interval: 20ms, \
         mandatory: true}",
    );
    let with = |backends: &[&Backend]| {
        let slices = backends.iter().map(|backend| {
            let port = backend.address.port();
            format!(
                "---\n{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: \
                 s{port}, namespace: default, labels: {{kubernetes.io/service-name: tea}}}}, \
                 addressType: IPv4, endpoints: [{{addresses: [127.0.0.1]}}], ports: [{{port: \
                 {port}}}]}}\n"
            )
        });
        let service = "---\n{apiVersion: v1, kind: Service, metadata: {name: tea, namespace: \
                       default}, spec: {ports: [{port: 80}]}}\n";
        format!("{rules}{service}{}", slices.collect::<String>())
    };
    let file = File::new(&with(&[&first]));
    let mut config = config("");
    config.sources = vec![Source::Path(file.path().into())];
    let server = start(config);
    let address = address(&server, 80);
    wait_until("the first one is healthy", || get(address).0 == 200);
    for _ in 0..3 {
        file.write(&with(&[&first, &second]));
        server.reload().unwrap();
        for _ in 0..8 {
            assert_eq!(get(address).1, "first", "one that stays is not new");
        }
        file.write(&with(&[&first]));
        server.reload().unwrap();
    }
    file.write(&with(&[&first, &second]));
    server.reload().unwrap();
    second.answer_with(200);
    wait_until("the second one is healthy", || get(address).1 == "second");
    file.write(&with(&[&first]).replace("enable: true", "enable: false"));
    server.reload().unwrap();
    wait_until("nobody asks for checks any more", || {
        let last = (first.requests(), second.requests());
        std::thread::sleep(std::time::Duration::from_millis(200));
        (first.requests(), second.requests()) == last
    });
}

/// What a gRPC server says of its health.
#[derive(Default)]
struct Said {
    /// `grpc.health.v1.HealthCheckResponse.ServingStatus`.
    serving: AtomicU8,
    asked: AtomicUsize,
}

/// A server of gRPC that knows nothing but `grpc.health.v1.Health/Check` of `tea`.
fn grpc_server(said: Arc<Said>) -> SocketAddr {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let said = Arc::clone(&said);
                let service = service_fn(move |request| check(request, Arc::clone(&said)));
                let connection = http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
    });
    address
}

async fn check(
    request: Request<Incoming>,
    said: Arc<Said>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    said.asked.fetch_add(1, Ordering::SeqCst);
    let (parts, body) = request.into_parts();
    let question = body.collect().await.unwrap().to_bytes();
    let is_right = parts.uri.path() == "/grpc.health.v1.Health/Check"
        && parts.headers["content-type"] == "application/grpc"
        && *question == [0, 0, 0, 0, 5, 0x0a, 3, b't', b'e', b'a'];
    if !is_right {
        let mut response = Response::new(Full::new(Bytes::new()).boxed());
        response.headers_mut().insert("grpc-status", HeaderValue::from_static("12"));
        return Ok(response);
    }
    let message = vec![0, 0, 0, 0, 2, 8, said.serving.load(Ordering::SeqCst)];
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let trailers = std::future::ready(Some(Ok(trailers)));
    Ok(Response::new(Full::new(Bytes::from(message)).with_trailers(trailers).boxed()))
}

#[test]
fn grpc_servers_tell_whether_they_serve() {
    // `grpcStatus`, `grpcService`
    const SERVING: u8 = 1;
    let said = Arc::new(Said::default());
    let grpc = grpc_server(Arc::clone(&said));
    for (fields, serving) in
        [("grpcService: tea", SERVING), ("grpcService: milk, grpcStatus: 12", 2)]
    {
        said.serving.store(2, Ordering::SeqCst);
        let rules = format!(
            ", type: grpc, healthCheck: {{enable: true, interval: 20ms, mandatory: true, {fields}}}"
        );
        let mut config = config(&cafe(&rules));
        config.services = vec![service("tea", &[grpc])];
        config.admin = Some((Ipv4Addr::LOCALHOST, 0).into());
        let server = start(config);
        let before = said.asked.load(Ordering::SeqCst);
        wait_until("it is asked", || said.asked.load(Ordering::SeqCst) > before + 2);
        if serving == SERVING {
            assert_eq!(told(&server, grpc).as_deref(), Some("0"), "it does not serve");
        }
        said.serving.store(serving, Ordering::SeqCst);
        wait_until("it is healthy", || told(&server, grpc).as_deref() == Some("1"));
    }
}
