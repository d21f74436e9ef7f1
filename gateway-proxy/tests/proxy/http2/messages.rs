//! What becomes of messages on their way: how they are announced, framed, given up and held back.

use super::peers::{Backend as Http2Backend, Client, Manners, announced, block_on, read};
use super::{H2C, grpc_with};
use crate::backend::Backend;
use crate::client::Client as Http1;
use crate::gateway::{self, cafe, cafe_with, config, service, start};
use crate::http1::{acting, answering, canned};
use bytes::Bytes;
use h2::{Reason, RecvStream};
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Reads a body to its end.
async fn whole(body: &mut RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut octets = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        octets.extend_from_slice(&data);
        body.flow_control().release_capacity(data.len())?;
    }
    Ok(octets)
}

/// Waits while the connections of a test go on.
async fn until(what: &str, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A request, and its answer without the body.
async fn head(client: &Client, method: &str, target: &str) -> http::Response<RecvStream> {
    client.send(Client::request(method, target), false).await.0.await.unwrap()
}

#[test]
fn answers_that_announce_one_are_passed_on() {
    // RFC 9110, section 15.2; RFC 8297
    let hint = |link: &str| (103, Some(link.to_owned()));
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    block_on(async {
        let client = Client::connect(address).await;
        for _ in 0..2 {
            let asked = client.send(Client::request("GET", "/early-hints"), false).await.0;
            let (hints, answer) = announced(asked).await;
            assert_eq!((hints, answer.status), (vec![hint("</a.css>")], 200));
        }
    });
    let backend = Http2Backend::start(Manners::default());
    let (_server, address) = grpc_with(&backend, "");
    block_on(async {
        let client = Client::connect(address).await;
        let asked = client.send(Client::request("GET", "/early-hints"), false).await.0;
        let (hints, answer) = announced(asked).await;
        assert_eq!((hints, answer.status), (vec![hint("</a.css>"), hint("</b.css>")], 200));
        // There may be so many that nobody would want to hear of them.
        let asked = client.send(Client::request("GET", "/announcements"), false).await.0;
        let (hints, answer) = announced(asked).await;
        assert_eq!((hints.len(), answer.status), (16, 200));
    });
    let mut client = Http1::connect(address);
    client.send("GET /early-hints HTTP/1.1\r\nHost: cafe.example.com\r\n\r\n").unwrap();
    for link in ["link: </a.css>", "link: </b.css>"] {
        assert_eq!(client.read_head().unwrap(), (103, link.to_owned()));
    }
    assert_eq!(client.read("GET").unwrap().status, 200);
}

#[test]
fn a_client_that_asks_first_is_told_to_go_on() {
    // RFC 9110, section 10.1.1
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, ", client-max-body-size: 1k");
    block_on(async {
        let client = Client::connect(address).await;
        let asking = |length| {
            let request = Client::request("POST", "/").header("expect", "100-continue");
            request.header("content-length", length)
        };
        let (mut answer, mut upload) = client.send(asking("5"), true).await;
        let told = std::future::poll_fn(|cx| answer.poll_informational(cx)).await;
        assert_eq!(told.unwrap().unwrap().status(), 100);
        upload.send_data("hello".into(), true).unwrap();
        let answer = read(answer).await.unwrap();
        assert_eq!(answer.seen("body").as_deref(), Some("5"));
        assert_eq!(answer.seen("expect"), None);
        // What is not wanted is not asked for.
        let (answer, _upload) = client.send(asking("2000"), true).await;
        let (told, answer) = announced(answer).await;
        assert_eq!((told, answer.status), (vec![], 413));
        // Nor is what came without being asked for.
        let (answer, mut upload) = client.send(asking("5"), true).await;
        upload.send_data("hello".into(), true).unwrap();
        assert_eq!(announced(answer).await.1.status, 200);
    });
}

#[test]
fn answers_without_a_body_end_with_their_head() {
    // RFC 9113, section 8.1
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let (_canned, canned) = canned();
    let http2 = Http2Backend::start(Manners::default());
    let mut config = config(H2C);
    config.services = vec![service("tea", &[http2.address])];
    let as_it_is = start(config);
    let dated = gateway::address(&as_it_is, 80);
    block_on(async {
        for (address, method, target, length) in [
            (address, "GET", "/status?200", Some(0)),
            (address, "GET", "/status?204", None),
            (address, "HEAD", "/", Some(1)),
            (canned, "HEAD", "/canned", Some(5)),
            (dated, "GET", "/dated", None),
        ] {
            let client = Client::connect(address).await;
            let answer = head(&client, method, target).await;
            assert!(answer.body().is_end_stream(), "{method} {target}");
            let told = answer.headers().get("content-length");
            let told = told.map(|length| length.to_str().unwrap().parse::<u64>().unwrap().min(5));
            match length {
                Some(1) => assert!(told > Some(0), "that of the answer to GET"),
                length => assert_eq!(told, length, "{method} {target}"),
            }
            // RFC 9110, section 6.6.1
            let dates: Vec<_> = answer.headers().get_all("date").iter().collect();
            assert_eq!(dates.len(), 1);
            assert_eq!(dates[0] == "yesterday", address == dated);
        }
        let mut answer = head(&Client::connect(canned).await, "GET", "/canned").await;
        assert_eq!(answer.headers()["content-length"], "5");
        assert_eq!(whole(answer.body_mut()).await.unwrap(), b"hello");
    });
}

#[test]
fn trailers_are_passed_on_as_far_as_they_may_be() {
    // RFC 9110, section 6.5.1
    let (_server, address, _) = answering(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\
         x-sum: 5\r\nconnection: x-sum\r\nkeep-alive: 1\r\ncontent-type: a/b\r\n\r\n",
    );
    block_on(async {
        let client = Client::connect(address).await;
        let mut body = head(&client, "GET", "/").await.into_body();
        assert_eq!(whole(&mut body).await.unwrap(), b"hello");
        let trailers = body.trailers().await.unwrap().unwrap();
        assert_eq!((trailers.len(), &trailers["x-sum"]), (1, &"5".parse().unwrap()));
    });
}

#[test]
fn a_body_that_breaks_off_is_told_behind_what_came() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    block_on(async {
        let client = Client::connect(address).await;
        for target in ["/short", "/short-chunked"] {
            let mut body = head(&client, "GET", target).await.into_body();
            assert_eq!(body.data().await.unwrap().unwrap(), "short", "{target}");
            let end = body.data().await.unwrap().unwrap_err();
            assert_eq!(end.reason(), Some(Reason::INTERNAL_ERROR), "{target}");
        }
        assert_eq!(client.get("/").await.unwrap().status, 200, "others go on");
    });
}

#[test]
fn a_request_that_the_client_gives_up_is_given_up() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let http2 = Http2Backend::start(Manners::default());
    let (_http2, through) = grpc_with(&http2, "");
    block_on(async {
        // Before the answer.
        let client = Client::connect(address).await;
        let (answer, upload) =
            client.send(Client::request("GET", "/until-the-client-leaves"), false).await;
        until("it is there", || backend.requests() == 1).await;
        drop((answer, upload));
        assert_eq!(client.get("/").await.unwrap().status, 200, "others go on");
        until("the backend sees it", || backend.aborted() == 1).await;
        // Within it.
        let body = head(&client, "GET", "/flood?100000000").await.into_body();
        drop(body);
        until("the backend sees it", || backend.aborted() == 2).await;
        // Within the request.
        let (answer, mut upload) = client.send(Client::request("POST", "/"), true).await;
        upload.send_data("hel".into(), false).unwrap();
        until("it is there", || backend.requests() == 4).await;
        upload.send_reset(Reason::CANCEL);
        assert!(answer.await.is_err());
        until("the backend sees it", || backend.aborted() == 3).await;
        // The same with a backend of HTTP/2.
        let client = Client::connect(through).await;
        let (answer, upload) =
            client.send(Client::request("GET", "/until-the-client-leaves"), false).await;
        until("it is there", || http2.requests() == 1).await;
        drop((answer, upload));
        until("the backend sees it", || http2.aborted() == 1).await;
        // The answer has begun already.
        let (answer, mut upload) = client.send(Client::request("POST", "/stream"), true).await;
        upload.send_data("hel".into(), false).unwrap();
        assert_eq!(answer.await.unwrap().status(), 200);
        upload.send_reset(Reason::CANCEL);
        until("the backend sees it", || http2.aborted() == 2).await;
    });
    assert_eq!(http2.connections(), 1);
}

#[test]
fn bodies_pass_as_fast_as_the_other_side_takes_them() {
    // RFC 9113, section 5.2
    const SIZE: usize = 3_000_000;
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, ", client-max-body-size: \"0\"");
    let http2 = Http2Backend::start(Manners::default());
    let (_http2, through) = grpc_with(&http2, ", client-max-body-size: \"0\"");
    block_on(async {
        let client = Client::with_window(address, 1000).await;
        let mut body = head(&client, "GET", "/flood?300000").await.into_body();
        // What waits for one holds up no other.
        assert_eq!(client.get("/").await.unwrap().status, 200);
        assert_eq!(whole(&mut body).await.unwrap(), vec![b'x'; 300_000]);
        for address in [address, through] {
            let client = Client::connect(address).await;
            for length in [None, Some(SIZE)] {
                let request = Client::request("POST", "/");
                let request = length
                    .into_iter()
                    .fold(request, |it, length| it.header("content-length", length));
                let (answer, mut upload) = client.send(request, true).await;
                upload.send_data(Bytes::from(vec![b'x'; SIZE]), true).unwrap();
                let answer = read(answer).await.unwrap();
                assert_eq!(answer.seen("body"), Some(SIZE.to_string()), "{length:?}");
                let told = answer.seen("content-length");
                assert_eq!(told, length.map(|length| length.to_string()));
            }
        }
    });
}

#[test]
fn an_answer_that_comes_before_the_whole_body_is_passed_on() {
    // RFC 9113, section 8.1
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    block_on(async {
        let client = Client::connect(address).await;
        let (answer, mut upload) = client.send(Client::request("POST", "/early"), true).await;
        upload.send_data("hel".into(), false).unwrap();
        let answer = read(answer).await.unwrap();
        assert_eq!((answer.status, &*answer.body), (413, "large"));
        // Nobody is going to read the rest, of which the client is told.
        let told = std::future::poll_fn(|cx| upload.poll_reset(cx)).await;
        assert_eq!(told.unwrap(), Reason::NO_ERROR);
        assert_eq!(client.get("/").await.unwrap().status, 200, "others go on");
    });
}

#[test]
fn a_websocket_that_is_given_up_ends_on_the_other_side() {
    // RFC 8441, section 5.1: a reset is the reset of a connection
    let over = Arc::new(AtomicBool::new(false));
    let sees_end = Arc::clone(&over);
    let (_server, address, _) = acting("", move |mut stream| {
        let mut octets = [0; 1024];
        while stream.read(&mut octets)? == octets.len() {}
        stream.write_all(
            b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\
              upgrade: websocket\r\n\r\n",
        )?;
        // Its own half stays open as long as there is somebody to write to.
        while stream.read(&mut octets)? > 0 {}
        while stream.write_all(b"still here").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
        sees_end.store(true, Ordering::SeqCst);
        Ok(())
    });
    block_on(async {
        let client = Client::connect(address).await;
        assert!(client.connects().await);
        let wanted = || {
            let websocket = h2::ext::Protocol::from_static("websocket");
            Client::request("CONNECT", "/").extension(websocket)
        };
        for ends_first in [true, false] {
            over.store(false, Ordering::SeqCst);
            let (answer, mut upload) = client.send(wanted(), true).await;
            let mut body = answer.await.unwrap().into_body();
            if ends_first {
                upload.send_data(Bytes::new(), true).unwrap();
                assert_eq!(body.data().await.unwrap().unwrap(), "still here");
                drop((upload, body));
            } else {
                upload.send_reset(Reason::CANCEL);
            }
            until("the backend sees the end", || over.load(Ordering::SeqCst)).await;
        }
    });
}

/// A socket that nothing is read from any more once that is wanted.
struct Deaf(TcpStream, Arc<AtomicBool>);

impl AsyncRead for Deaf {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.1.load(Ordering::SeqCst) {
            return Poll::Pending;
        }
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Deaf {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[test]
fn a_client_that_reads_nothing_is_given_up() {
    let backend = Backend::start("tea");
    let mut config = config(&cafe(", client-max-body-size: \"0\""));
    config.services = vec![service("tea", &[backend.address])];
    config.limits.send_timeout = Duration::from_millis(300);
    let server = start(config);
    let address = gateway::address(&server, 80);
    block_on(async {
        let is_deaf = Arc::new(AtomicBool::new(false));
        let stream = Deaf(TcpStream::connect(address).await.unwrap(), Arc::clone(&is_deaf));
        // Whatever comes may come; what is not read fills the socket.
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(1 << 30).initial_connection_window_size(1 << 30);
        let (mut sender, connection) = builder.handshake::<_, Bytes>(stream).await.unwrap();
        let running = tokio::spawn(connection);
        let request = Client::request("GET", "/flood?1000000000").body(()).unwrap();
        let (answer, _) = sender.send_request(request, true).unwrap();
        assert_eq!(answer.await.unwrap().status(), 200);
        is_deaf.store(true, Ordering::SeqCst);
        until("the backend sees it", || backend.aborted() == 1).await;
        running.abort();
    });
}

#[test]
fn a_websocket_that_has_ended_may_be_given_up_all_the_same() {
    // RFC 8441, section 5.1, where the backend says nothing that could show it
    let (is_over, waits) = mpsc::channel::<()>();
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = config(&cafe(""));
    config.services = vec![service("tea", &[backend.local_addr().unwrap()])];
    config.limits.grace = Duration::from_secs(3600);
    std::thread::spawn(move || -> io::Result<()> {
        let (mut stream, _) = backend.accept()?;
        let mut octets = [0; 1024];
        while stream.read(&mut octets)? == octets.len() {}
        stream.write_all(
            b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\
              upgrade: websocket\r\n\r\n",
        )?;
        while stream.read(&mut octets)? > 0 {}
        stream.write_all(b"heard")?;
        // It neither ends nor says more.
        let _ = waits.recv();
        Ok(())
    });
    let server = start(config);
    let address = gateway::address(&server, 80);
    block_on(async {
        let client = Client::connect(address).await;
        assert!(client.connects().await);
        let websocket = h2::ext::Protocol::from_static("websocket");
        let wanted = Client::request("CONNECT", "/").extension(websocket);
        let (answer, mut upload) = client.send(wanted, true).await;
        let mut body = answer.await.unwrap().into_body();
        upload.send_data(Bytes::new(), true).unwrap();
        assert_eq!(body.data().await.unwrap().unwrap(), "heard");
        drop((upload, body));
        // A proxy that stops waits for what is under way, which is nothing any more.
        let stopping = std::thread::spawn(move || server.shutdown());
        until("nothing is under way", || stopping.is_finished()).await;
    });
    drop(is_over);
}
