//! HTTP/2 with clients and with backends, gRPC, and other protocols within HTTP/2.

mod abuse;
mod messages;
mod peers;

use crate::backend::Backend;
use crate::client::Client as Http1;
use crate::gateway::{address, cafe, cafe_with, config, service, start};
use bytes::Bytes;
use gateway_proxy::Server;
use http::{HeaderMap, Request};
pub use peers::{Backend as Http2Backend, Client, Manners, Shown, block_on, read};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Everything goes to `tea`, which says that it speaks HTTP/2.
const H2C: &str = "
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: g}, spec: {
  gatewayClassName: any, listeners: [{name: http, port: 80, protocol: HTTP}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r}, spec: {
  parentRefs: [{name: g}], rules: [{backendRefs: [{name: tea, port: 80}]}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: tea}, spec: {
  ports: [{port: 80, appProtocol: kubernetes.io/h2c}]}}
";

/// A proxy for a backend that speaks HTTP/2.
fn grpc_with(backend: &Http2Backend, upstream: &str) -> (Server, SocketAddr) {
    let mut config = config(&cafe(&format!(", type: grpc{upstream}")));
    config.services = vec![service("tea", &[backend.address])];
    let server = start(config);
    let address = address(&server, 80);
    (server, address)
}

#[test]
fn requests_of_http2_reach_backends_of_http1() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    block_on(async {
        let client = Client::connect(address).await;
        let request = Client::request("GET", "/a/b?c=d").header("cookie", "x=1");
        let request = request.header("cookie", "y=2").header("te", "trailers");
        let answer = read(client.send(request, false).await.0).await.unwrap();
        assert_eq!(answer.status, 200);
        assert!(answer.body.starts_with("GET /a/b?c=d HTTP/1.1\r\n"), "{answer:?}");
        for (name, want) in [
            ("host", "cafe.example.com"),
            ("x-forwarded-host", "cafe.example.com"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-for", "127.0.0.1"),
            // RFC 9113, section 8.2.3
            ("cookie", "x=1; y=2"),
            ("te", "trailers"),
        ] {
            assert_eq!(answer.seen(name).as_deref(), Some(want), "{name}");
        }
        let answer = client.post("/upload", "hello").await.unwrap();
        assert_eq!(answer.seen("body").as_deref(), Some("5"));
        // RFC 9113, section 8.2.2
        let answer = client.get("/hop").await.unwrap();
        for name in ["connection", "keep-alive", "x-private", "transfer-encoding"] {
            assert_eq!(answer.field(name), None, "{name}");
        }
        assert_eq!(answer.head.get_all("set-cookie").iter().count(), 2);
    });
}

#[test]
fn requests_of_a_connection_do_not_wait_for_each_other() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    block_on(async {
        let client = Client::connect(address).await;
        let slow = client.send(Client::request("GET", "/slow?1500"), false).await.0;
        for _ in 0..20 {
            assert_eq!(client.get("/").await.unwrap().status, 200);
        }
        assert_eq!(read(slow).await.unwrap().status, 200);
    });
    assert_eq!(backend.requests(), 21);
}

#[test]
fn who_is_meant_is_said_once() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    block_on(async {
        let client = Client::connect(address).await;
        for (uri, host, want) in [
            ("http://cafe.example.com/", Some("CAFE.example.com"), 200),
            ("/", Some("cafe.example.com"), 200),
            ("/", None, 400),
        ] {
            let request = Request::builder().uri(uri);
            let request = host.into_iter().fold(request, |it, host| it.header("host", host));
            let answer = read(client.send(request, false).await.0).await.unwrap();
            assert_eq!(answer.status, want, "{uri} {host:?}");
        }
        let connect = Request::builder().method("CONNECT").uri("cafe.example.com:80");
        let answer = read(client.send(connect, false).await.0).await.unwrap();
        assert_eq!(answer.status, 405);
    });
    assert_eq!(backend.requests(), 2);
}

#[test]
fn requests_of_http1_reach_backends_of_http2() {
    // virtualserver §4, `type`
    let backend = Http2Backend::start(Manners::default());
    let (_server, address) = grpc_with(&backend, "");
    let mut client = Http1::connect(address);
    let lines = "Connection: keep-alive, x-private\r\nX-Private: 1\r\nTE: trailers\r\n\
                 Content-Length: 5\r\n";
    client
        .send(format!("POST /a?b=c HTTP/1.1\r\nHost: cafe.example.com\r\n{lines}\r\nhello"))
        .unwrap();
    let response = client.read("POST").unwrap();
    assert_eq!((response.status, response.complete), (200, true));
    for (name, want) in [
        ("te", Some("trailers")),
        ("content-length", Some("5")),
        ("body", Some("5")),
        ("connection", None),
        ("x-private", None),
        ("host", None),
        ("x-forwarded-host", Some("cafe.example.com")),
    ] {
        assert_eq!(response.seen(name).as_deref(), want, "{name}");
    }
    let head = &backend.heads()[0];
    assert_eq!(head.uri, "http://cafe.example.com/a?b=c");
    for _ in 0..10 {
        assert_eq!(client.get("/").status, 200);
    }
    assert_eq!((backend.connections(), backend.requests()), (1, 11));
}

#[test]
fn a_service_says_that_it_speaks_http2() {
    // gateway-api §15.4
    let backend = Http2Backend::start(Manners::default());
    let mut config = config(H2C);
    config.services = vec![service("tea", &[backend.address])];
    let server = start(config);
    let mut client = Http1::connect(address(&server, 80));
    assert_eq!(client.get("/x").field("x-backend"), Some("h2"));
}

#[test]
fn grpc_streams_both_ways_with_trailers() {
    let backend = Http2Backend::start(Manners::default());
    let (_server, address) = grpc_with(&backend, "");
    block_on(async {
        let client = Client::connect(address).await;
        let request = Client::request("POST", "/stream").header("te", "trailers");
        let request = request.header("content-type", "application/grpc");
        let (answer, mut upload) = client.send(request, true).await;
        let mut body = answer.await.unwrap().into_body();
        for message in ["one", "two", "three"] {
            upload.send_data(message.into(), false).unwrap();
            let data = body.data().await.unwrap().unwrap();
            assert_eq!(data, message, "before the next is sent");
            body.flow_control().release_capacity(data.len()).unwrap();
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "11".parse().unwrap());
        upload.send_trailers(trailers).unwrap();
        assert!(body.data().await.is_none());
        let trailers = body.trailers().await.unwrap().unwrap();
        assert_eq!(
            (&trailers["grpc-status"], &trailers["x-sum"]),
            (&"0".parse().unwrap(), &"11".parse().unwrap())
        );
        let answer = client.post("/only-trailers", "x").await.unwrap();
        assert_eq!((answer.status, answer.field("grpc-status")), (200, Some("5")));
    });
    assert_eq!(backend.heads()[0].headers["te"], "trailers");
}

#[test]
fn what_goes_wrong_is_told_as_grpc_tells_it() {
    // virtualserver §13
    let mut config = config(&cafe(", type: grpc, client-max-body-size: 1k"));
    config.services = vec![service("tea", &[Backend::nowhere()])];
    let server = start(config);
    let address = address(&server, 80);
    block_on(async {
        let client = Client::connect(address).await;
        let large = Client::request("POST", "/").header("content-length", "2000");
        let (large, _upload) = client.send(large, true).await;
        for (answer, code) in [(client.get("/").await, "14"), (read(large).await, "8")] {
            let answer = answer.unwrap();
            assert_eq!((answer.status, answer.field("grpc-status")), (204, Some(code)));
            assert_eq!(answer.field("content-type"), Some("application/grpc"));
            assert_eq!(answer.body, "");
        }
    });
}

#[test]
fn a_connection_that_is_full_is_joined_by_another() {
    let backend = Http2Backend::start(Manners { streams: 2, ..Manners::default() });
    let mut config = config(&cafe(", type: grpc"));
    config.services = vec![service("tea", &[backend.address])];
    config.threads = std::num::NonZeroUsize::new(1);
    let server = start(config);
    let address = address(&server, 80);
    block_on(async {
        let client = Client::connect(address).await;
        // The backend says how much it takes when the first connection is there.
        assert_eq!(client.get("/").await.unwrap().status, 200);
        let answers: Vec<_> = futures(10, || client.get("/slow")).await;
        assert!(answers.iter().all(|answer| answer.as_ref().unwrap().status == 200), "{answers:?}");
    });
    assert_eq!(backend.requests(), 11);
    let connections = backend.connections();
    assert_eq!(connections, 5, "two requests for each");
}

/// Does something several times at once.
async fn futures<F: Future<Output = T>, T>(n: usize, mut begin: impl FnMut() -> F) -> Vec<T> {
    let mut running: Vec<_> = (0..n).map(|_| Box::pin(begin())).collect();
    let mut done: Vec<Option<T>> = (0..n).map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (future, done) in running.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(cx)
            {
                *done = Some(output);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().map(Option::unwrap).collect()
}

#[test]
fn a_backend_that_ends_connections_loses_no_request() {
    // RFC 9113, section 6.8
    let backend = Http2Backend::start(Manners { requests: 7, ..Manners::default() });
    let (_server, address) = grpc_with(&backend, "");
    block_on(async {
        let client = Client::connect(address).await;
        for _ in 0..20 {
            let answers = futures(8, || client.post("/", "hello")).await;
            for answer in answers {
                assert_eq!(answer.unwrap().status, 200);
            }
        }
    });
    assert_eq!(backend.requests(), 160);
    assert!(backend.connections() > 10);
}

#[test]
fn what_a_backend_refuses_to_look_at_is_sent_again() {
    // RFC 9113, section 8.7: even a POST, on the connection that is there
    let backend = Http2Backend::start(Manners::default());
    let (_server, address) = grpc_with(&backend, "");
    block_on(async {
        let client = Client::connect(address).await;
        assert_eq!(client.get("/").await.unwrap().status, 200);
        let answer = client.post("/refuse-once", "hello").await.unwrap();
        assert_eq!((answer.status, answer.seen("body").as_deref()), (200, Some("5")));
    });
    assert_eq!(backend.requests(), 3);
}

#[test]
fn a_request_that_the_backend_gives_up_harms_no_other() {
    let backend = Http2Backend::start(Manners::default());
    let mut config = config(H2C);
    config.services = vec![service("tea", &[backend.address])];
    config.threads = std::num::NonZeroUsize::new(1);
    let server = start(config);
    let address = address(&server, 80);
    block_on(async {
        let client = Client::connect(address).await;
        let slow = client.send(Client::request("GET", "/slow"), false).await.0;
        assert_eq!(client.get("/reset").await.unwrap().status, 502);
        for path in ["/reset-midway", "/close-midway"] {
            let broken = client.get(path).await;
            assert!(broken.is_err(), "a short answer is never taken for a whole one: {path}");
            let mut http1 = Http1::connect(address);
            assert!(!http1.get(path).complete, "{path}");
        }
        assert_eq!(read(slow).await.unwrap().status, 200);
        assert_eq!(backend.connections(), 1);
        assert_eq!(client.get("/abort").await.unwrap().status, 503);
        assert_eq!(client.get("/").await.unwrap().status, 200);
        // The request was sent once more: the connection had been open before.
        assert_eq!(backend.connections(), 3);
    });
}

#[test]
fn websockets_come_within_http2() {
    // RFC 8441
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    block_on(async {
        let client = Client::connect(address).await;
        assert!(client.connects().await);
        let wanted = |path| {
            Client::request("CONNECT", path).extension(h2::ext::Protocol::from_static("websocket"))
        };
        let (answer, mut upload) = client.send(wanted("/websocket"), true).await;
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(!answer.headers().contains_key("upgrade"));
        let mut body = answer.into_body();
        for message in ["hello", "again"] {
            upload.send_data(Bytes::from(message), false).unwrap();
            assert_eq!(body.data().await.unwrap().unwrap(), message);
        }
        upload.send_data(Bytes::new(), true).unwrap();
        // The end comes back, too.
        assert!(body.data().await.is_none_or(|data| data.unwrap().is_empty()));
        assert!(body.is_end_stream());
        // Success would mean that the other protocol is spoken.
        let (answer, _upload) = client.send(wanted("/"), true).await;
        assert_eq!(answer.await.unwrap().status(), 501);
    });
}

#[test]
fn a_proxy_that_stops_finishes_what_is_under_way() {
    let backend = Backend::start("tea");
    let (server, address) = cafe_with(&backend, "");
    block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (client, over) = Client::on(stream).await;
        let slow = client.send(Client::request("GET", "/slow?800"), false).await.0;
        while backend.requests() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let stopping = std::thread::spawn(move || server.shutdown());
        assert_eq!(read(slow).await.unwrap().status, 200);
        drop(client);
        over.await.unwrap().unwrap();
        stopping.join().unwrap();
    });
}

#[test]
fn a_client_without_requests_is_not_kept() {
    let backend = Backend::start("tea");
    let mut config = config(&cafe(""));
    config.services = vec![service("tea", &[backend.address])];
    config.limits.head_timeout = Duration::from_millis(300);
    let server = start(config);
    let address = address(&server, 80);
    block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (client, over) = Client::on(stream).await;
        // A request takes as long as it takes.
        assert_eq!(client.get("/slow?900").await.unwrap().status, 200);
        assert!(over.await.unwrap().is_ok());
    });
}

#[test]
fn a_client_that_takes_nothing_is_given_up() {
    let backend = Backend::start("tea");
    let mut config = config(&cafe(""));
    config.services = vec![service("tea", &[backend.address])];
    config.limits.send_timeout = Duration::from_millis(300);
    let server = start(config);
    let address = address(&server, 80);
    block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (client, over) = Client::on(stream).await;
        let flood = client.send(Client::request("GET", "/flood?10000000"), false).await.0;
        let mut body = flood.await.unwrap().into_body();
        let _ = over.await.unwrap();
        while let Some(Ok(_)) = body.data().await {}
        assert!(!body.is_end_stream(), "the answer breaks off");
    });
    let started = Instant::now();
    while backend.aborted() == 0 {
        assert!(started.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(20));
    }
}
