use super::*;
use crate::downstream::{Downstream, Unread};
use crate::exchange::Upload;
use crate::outbound::Fields;
use gateway_core::EditHeaders;
use http::header::HOST;
use http::{HeaderValue, Uri};
use http_body_util::BodyExt;
use std::borrow::Cow;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, yield_now};
use tokio::time::timeout;

/// Runs on one thread, as the proxy does.
fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { timeout(Duration::from_secs(30), test).await.expect("it ends") };
    LocalSet::new().block_on(&runtime, limited)
}

/// Both ends of a connection.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (one, listener.accept().await.unwrap().0)
}

/// A connection, and its backend.
async fn connection() -> (Connection, TcpStream) {
    let (proxy, backend) = pair().await;
    let socket = Socket::new(Stream::Plain(proxy), BytesMut::new(), Batch::default());
    (Connection { socket, persists: true, heard: false, upload: None }, backend)
}

/// A body of so many octets, and the client that sends it.
async fn body(length: u64) -> (Upload, TcpStream) {
    let (proxy, client) = pair().await;
    let hour = Duration::from_secs(3600);
    let stream = Downstream::new(Stream::Plain(proxy), Unread::default(), hour);
    let socket = Socket::new(stream, BytesMut::new(), Batch::default());
    socket.borrow_mut().incoming.begin(Ends::After(length));
    (Upload::new(Received::from_client(Body::of(&socket)), None), client)
}

fn request(method: &Method) -> Outbound<'_> {
    let mut fields = Fields::default();
    fields.append(&HOST, Cow::Owned(HeaderValue::from_static("a")));
    Outbound { method, uri: Uri::default(), fields }
}

/// Reads the head of a request.
async fn head(backend: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(backend.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[test]
fn requests_follow_each_other() {
    run(async {
        let (mut connection, mut backend) = connection().await;
        for (method, length) in [(Method::GET, ""), (Method::POST, "content-length: 0\r\n")] {
            let sent = connection.send(request(&method), Upload::Empty.attempt(), None);
            let answers = async {
                let sent = head(&mut backend).await;
                assert_eq!(sent, format!("{method} / HTTP/1.1\r\nhost: a\r\n{length}\r\n"));
                backend.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await
            };
            let (sent, answered) = tokio::join!(sent, answers);
            answered.unwrap();
            let body = sent.unwrap_or_else(|_| panic!("no answer")).into_body();
            assert_eq!(body.collect().await.unwrap().to_bytes(), "ok");
            assert!(connection.is_through() && connection.is_ready());
        }
    });
}

/// Why there is no answer to GET where the backend sends these octets and goes.
fn lost(octets: &'static [u8]) -> Failure {
    run(async {
        let (mut connection, mut backend) = connection().await;
        let answers = async {
            head(&mut backend).await;
            // It may be cut off.
            let _ = backend.write_all(octets).await;
            drop(backend);
        };
        let (sent, ()) = tokio::join!(
            connection.send(request(&Method::GET), Upload::Empty.attempt(), None),
            answers
        );
        assert!(!connection.is_ready());
        let Unanswered { failure, unsent } = sent.err().expect("no answer");
        assert!(!unsent);
        failure
    })
}

#[test]
fn what_is_no_answer_is_told() {
    // docs/reliability.md
    for (octets, want) in [
        (&b""[..], Failure::Disconnect),
        (b"HTTP/1.1 200 O", Failure::BrokenHead),
        (b"HTTP/1.1 100 Continue\r\n\r\n", Failure::BrokenHead),
        (b"good day to you\r\n\r\n", Failure::InvalidHead),
        (b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", Failure::InvalidHead),
    ] {
        assert_eq!(lost(octets), want, "{:?}", String::from_utf8_lossy(octets));
    }
}

#[test]
fn announcements_have_a_limit() {
    const ONE: &str = "HTTP/1.1 102 Processing\r\n\r\n";
    let fit = HEAD / ONE.len();
    for (count, want) in [(fit - 10, None), (fit + 10, Some(Failure::InvalidHead))] {
        run(async {
            let (mut connection, mut backend) = connection().await;
            let interim = Interim::default();
            let answers = async {
                head(&mut backend).await;
                let all = ONE.repeat(count) + "HTTP/1.1 204 No Content\r\n\r\n";
                let _ = backend.write_all(all.as_bytes()).await;
            };
            let (sent, ()) = tokio::join!(
                connection.send(request(&Method::GET), Upload::Empty.attempt(), Some(&interim)),
                answers
            );
            assert_eq!(sent.as_ref().err().map(|unanswered| unanswered.failure), want);
            assert!(interim.take().len() <= fit);
            if want.is_none() {
                assert!(connection.is_ready());
            }
        });
    }
}

#[test]
fn a_head_has_a_limit() {
    let field = format!("a: {}\r\n", "x".repeat(2000));
    let head = format!("HTTP/1.1 200 OK\r\n{}", field.repeat(99)).into_bytes();
    assert!(head.len() > 2 * HEAD);
    assert_eq!(lost(head.leak()), Failure::InvalidHead);
}

#[test]
fn what_comes_unasked_is_the_end_of_a_connection() {
    run(async {
        for octets in [&b"HTTP/1.1 200 OK\r\n\r\n"[..], b"\r\n", b""] {
            let (connection, mut backend) = connection().await;
            assert!(connection.is_ready());
            let told = poll_fn(|cx| match connection.watch(cx.waker()) {
                true => Poll::Pending,
                false => Poll::Ready(()),
            });
            let comes = async {
                yield_now().await;
                backend.write_all(octets).await.unwrap();
                backend.shutdown().await.unwrap();
            };
            tokio::join!(told, comes);
            assert!(!connection.is_ready());
        }
    });
}

#[test]
fn a_backend_that_takes_nothing_may_still_answer() {
    const SIZE: usize = 32 << 20;
    run(async {
        let (upload, mut client) = body(SIZE as u64).await;
        let sending = tokio::task::spawn_local(async move {
            let _ = client.write_all(&vec![b'x'; SIZE]).await;
            client
        });
        let (mut connection, mut backend) = connection().await;
        let answers = async {
            head(&mut backend).await;
            backend
                .write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
            backend
        };
        let sent = connection.send(request(&Method::POST), upload.attempt(), None);
        let (sent, backend) = tokio::join!(sent, answers);
        assert_eq!(sent.unwrap_or_else(|_| panic!("no answer")).status(), 413);
        assert!(!connection.is_through() && !connection.is_ready());
        // It goes without having taken the rest.
        drop(backend);
        assert!(!connection.ready().await);
        assert!(connection.is_through());
        drop((connection, upload));
        sending.abort();
    });
}

/// What is still to be sent of the request would be a part of the other protocol.
#[test]
fn a_protocol_is_not_changed_before_the_request_is_through() {
    const SIZE: usize = 32 << 20;
    run(async {
        for rest in [0, SIZE] {
            let (upload, mut client) = body(5 + rest as u64).await;
            client.write_all(b"hello").await.unwrap();
            let sending = tokio::task::spawn_local(async move {
                let _ = client.write_all(&vec![b'x'; rest]).await;
                client
            });
            let (mut connection, mut backend) = connection().await;
            let answers = async {
                head(&mut backend).await;
                let mut hello = [0; 5];
                backend.read_exact(&mut hello).await.unwrap();
                let switch = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\n\r\n";
                backend.write_all(switch).await.unwrap();
            };
            let sent = connection.send(request(&Method::GET), upload.attempt(), None);
            let (sent, ()) = tokio::join!(sent, answers);
            assert_eq!(sent.unwrap_or_else(|_| panic!("no answer")).status(), 101);
            assert_eq!(connection.tunnel().is_some(), rest == 0);
            sending.abort();
        }
    });
}

/// Nothing is left of an exchange that is broken off.
#[test]
fn who_breaks_off_lets_go_of_the_socket() {
    const SIZE: usize = 32 << 20;
    run(async {
        let (upload, mut client) = body(SIZE as u64).await;
        let sending = tokio::task::spawn_local(async move {
            let _ = client.write_all(&vec![b'x'; SIZE]).await;
        });
        let (mut connection, mut backend) = connection().await;
        let answers = async {
            head(&mut backend).await;
            backend.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n").await.unwrap();
        };
        let sent = connection.send(request(&Method::POST), upload.attempt(), None);
        let (sent, ()) = tokio::join!(sent, answers);
        drop((connection, sent, upload));
        let mut octets = vec![0; 1 << 16];
        while backend.read(&mut octets).await.is_ok_and(|read| read > 0) {}
        // The client is let go of, too.
        sending.await.unwrap();
    });
}

/// It is told to be unsent, and sent again elsewhere.
#[test]
fn a_request_that_is_given_up_is_not_written_after_all() {
    run(async {
        let batch = Batch::default();
        let writer = tokio::task::spawn_local(batch.clone().write());
        yield_now().await;
        let (proxy, mut backend) = pair().await;
        let socket = Socket::new(Stream::Plain(proxy), BytesMut::new(), batch);
        let mut connection = Connection { socket, persists: true, heard: false, upload: None };
        {
            let mut sent =
                pin!(connection.send(request(&Method::GET), Upload::Empty.attempt(), None));
            let once = poll_fn(|cx| Poll::Ready(sent.as_mut().poll(cx).is_pending()));
            assert!(once.await);
        }
        assert!(!connection.socket.borrow().outgoing.is_empty(), "it is put off");
        drop(connection);
        yield_now().await;
        let mut all = Vec::new();
        backend.read_to_end(&mut all).await.unwrap();
        assert_eq!(String::from_utf8(all).unwrap(), "");
        writer.abort();
    });
}
