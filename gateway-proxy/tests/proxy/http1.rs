//! HTTP/1 with backends that do exactly what a test says, and clients that look at each octet.

use crate::backend::{Backend, field};
use crate::bodies::wait_until;
use crate::client::{Client, connect};
use crate::gateway::{address, cafe, cafe_with, config, service, start};
use gateway_proxy::Server;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

const HOST: &str = "Host: cafe.example.com\r\n";

/// A proxy whose backend does `act` with each of its connections, and the number of those.
pub fn acting(
    upstream: &str,
    act: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> (Server, SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = config(&cafe(upstream));
    config.services = vec![service("tea", &[listener.local_addr().unwrap()])];
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let act = Arc::new(act);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            let act = Arc::clone(&act);
            // What goes wrong here shows at the client.
            thread::spawn(move || act(stream));
        }
    });
    let server = start(config);
    let address = address(&server, 80);
    (server, address, connections)
}

/// A proxy whose backend answers each request with these octets.
pub fn answering(octets: &'static str) -> (Server, SocketAddr, Arc<AtomicUsize>) {
    acting("", move |mut stream| {
        while read_head(&mut stream)?.ends_with("\r\n\r\n") {
            stream.write_all(octets.as_bytes())?;
        }
        Ok(())
    })
}

/// Reads up to an empty line, or the end.
fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut octet = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut octet)? > 0 {
        head.push(octet[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Octets of which each tells where it belongs.
fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at / 251 % 251) as u8).collect()
}

/// The client is read for a while when its answer is over, and what comes then is thrown away: the
/// backend must not take what follows for the next part of the body.
#[test]
fn a_body_that_nobody_reads_to_its_end_has_no_hole() {
    const SIZE: usize = 48 << 20;
    let (seen, told) = mpsc::channel();
    let (go_on, waits) = mpsc::channel();
    let waits = Mutex::new(waits);
    let (_server, address, _) = acting(", client-max-body-size: \"0\"", move |mut stream| {
        read_head(&mut stream)?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
        let _ = waits.lock().unwrap().recv();
        let mut body = Vec::new();
        let _ = stream.read_to_end(&mut body);
        seen.send(body).unwrap();
        Ok(())
    });
    let mut client = Client::connect(address);
    let mut sends = client.stream().try_clone().unwrap();
    let body = pattern(SIZE);
    let all = body.clone();
    let sending = thread::spawn(move || {
        let (first, rest) = all.split_at(SIZE / 2);
        sends.write_all(&[&head_of(SIZE)[..], first].concat())?;
        go_on.send(()).unwrap();
        for part in rest.chunks(1 << 20) {
            thread::sleep(Duration::from_millis(10));
            sends.write_all(part)?;
        }
        Ok::<_, io::Error>(())
    });
    assert_eq!(client.read("POST").unwrap().text(), "ok");
    assert!(client.is_closed());
    let seen = told.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(seen.len() < SIZE && body.starts_with(&seen), "{} octets", seen.len());
    // It may be cut off while it sends.
    let _ = sending.join().unwrap();
}

fn head_of(length: usize) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\n{HOST}Content-Length: {length}\r\n\r\n").into_bytes()
}

/// Both directions at once, each with more than sockets hold, and neither waits for the other.
#[test]
fn a_body_and_its_answer_pass_at_the_same_time() {
    const SIZE: usize = 16 << 20;
    for chunked in [false, true] {
        let (_server, address, _) = acting(", client-max-body-size: \"0\"", move |mut stream| {
            let head = read_head(&mut stream)?;
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n")?;
            let mut reads = stream.try_clone()?;
            let reading = thread::spawn(move || match field(&head, "content-length") {
                Some(_) => {
                    let mut body = vec![0; SIZE];
                    reads.read_exact(&mut body).map(|()| body == pattern(SIZE))
                }
                None => {
                    let mut tail = Vec::new();
                    let mut octets = vec![0; 1 << 16];
                    while !tail.ends_with(b"\r\n0\r\n\r\n") {
                        let read = reads.read(&mut octets)?;
                        tail.drain(..tail.len().saturating_sub(7));
                        tail.extend_from_slice(&octets[..read]);
                        if read == 0 {
                            return Ok(false);
                        }
                    }
                    Ok(true)
                }
            });
            let all = pattern(SIZE);
            stream.write_all(&all[..SIZE / 2])?;
            // The rest comes only if the whole request does.
            if reading.join().unwrap()? {
                stream.write_all(&all[SIZE / 2..])?;
            }
            Ok(())
        });
        let mut client = Client::connect(address);
        let mut sends = client.stream().try_clone().unwrap();
        let sending = thread::spawn(move || {
            let all = pattern(SIZE);
            if chunked {
                write!(sends, "POST / HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n")?;
                for part in all.chunks(100_000) {
                    write!(sends, "{:x}\r\n", part.len())?;
                    sends.write_all(part)?;
                    sends.write_all(b"\r\n")?;
                }
                return sends.write_all(b"0\r\n\r\n");
            }
            write!(sends, "POST / HTTP/1.1\r\n{HOST}Content-Length: {SIZE}\r\n\r\n")?;
            sends.write_all(&all)
        });
        let answer = client.read("POST").unwrap();
        assert!(answer.complete && answer.body == pattern(SIZE), "{chunked}");
        sending.join().unwrap().unwrap();
    }
}

/// One that sends everything before it reads anything is no reason to stop.
#[test]
fn a_client_that_sends_all_before_it_reads_is_answered() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let mut client = Client::connect(address);
    let requests = 2000;
    let request =
        format!("POST /a HTTP/1.1\r\n{HOST}Content-Length: 300\r\n\r\n{}", "x".repeat(300));
    let mut sends = client.stream().try_clone().unwrap();
    let sending = thread::spawn(move || sends.write_all(request.repeat(requests).as_bytes()));
    sending.join().unwrap().unwrap();
    for _ in 0..requests {
        assert_eq!(client.read("POST").unwrap().seen("body").as_deref(), Some("300"));
    }
}

/// A client that leaves is noticed, also when its body came to its end beside the answer.
#[test]
fn a_client_that_leaves_after_its_body_is_noticed() {
    let (gone, told) = mpsc::channel();
    let (_server, address, _) = acting("", move |mut stream| {
        read_head(&mut stream)?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nearly")?;
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        gone.send(rest).unwrap();
        Ok(())
    });
    let mut client = Client::connect(address);
    client.send(format!("POST / HTTP/1.1\r\n{HOST}Content-Length: 5\r\n\r\nhe")).unwrap();
    assert_eq!(client.read_head().unwrap().0, 200);
    // By now nothing else wakes those who pass the answer on.
    thread::sleep(Duration::from_millis(1500));
    client.send("llo").unwrap();
    thread::sleep(Duration::from_millis(100));
    drop(client);
    assert_eq!(told.recv_timeout(Duration::from_secs(10)).unwrap(), b"hello");
}

/// RFC 9110, section 7.8: a server ignores `Upgrade` in a request of HTTP/1.0.
#[test]
fn an_old_client_changes_no_protocol() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let mut client = Client::connect(address);
    let wish = "Connection: upgrade\r\nUpgrade: websocket\r\n";
    client.send(format!("GET / HTTP/1.0\r\n{HOST}{wish}\r\n")).unwrap();
    let answer = client.read("GET").unwrap();
    assert_eq!((answer.status, answer.seen("upgrade")), (200, None));
}

/// RFC 9112, section 6.1: what such a backend sends behind it may be anything.
#[test]
fn an_old_backend_that_sends_chunks_is_not_asked_again() {
    let (_server, address, connections) = answering(
        "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n\
         2\r\nok\r\n0\r\n\r\n",
    );
    let mut client = Client::connect(address);
    for _ in 0..3 {
        assert_eq!(client.get("/").text(), "ok");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

/// RFC 9110, section 8.6
#[test]
fn answers_without_a_body_tell_no_length() {
    let wish = "Connection: upgrade\r\nUpgrade: echo\r\n";
    for (octets, lines, want) in [
        ("HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n", "", 204),
        (
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\
             content-length: 5\r\n\r\n",
            wish,
            101,
        ),
        ("HTTP/1.1 103 Early Hints\r\ncontent-length: 5\r\na: b\r\n\r\n", "", 103),
    ] {
        let (_server, address, _) = answering(octets);
        let mut client = Client::connect(address);
        client.send(format!("GET / HTTP/1.1\r\n{HOST}{lines}\r\n")).unwrap();
        let (status, head) = client.read_head().unwrap();
        assert_eq!(status, want);
        for name in ["content-length", "transfer-encoding"] {
            assert_eq!(field(&head, name), None, "{head}");
        }
    }
}

/// Nobody waits where there is nothing to go on with, so that the connection is as good as before.
#[test]
fn an_expectation_without_a_body_is_none() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let mut client = Client::connect(address);
    for _ in 0..2 {
        let answer = client.request("GET", "/", "Expect: 100-continue\r\n");
        assert_eq!((answer.status, answer.field("connection")), (200, None));
    }
}

/// docs/reliability.md: a short answer is never taken for a whole one, not even where nothing but
/// the end of the connection tells its end.
#[test]
fn a_short_answer_to_an_old_client_ends_in_a_reset() {
    for octets in [
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshortX",
    ] {
        let (_server, address, _) = acting("", move |mut stream| {
            read_head(&mut stream)?;
            stream.write_all(octets.as_bytes())
        });
        let mut client = Client::connect(address);
        client.send(format!("GET / HTTP/1.0\r\n{HOST}\r\n")).unwrap();
        let whole = client.read("GET").is_ok_and(|answer| answer.complete);
        assert!(!whole, "{octets:?}");
    }
}

/// RFC 9112, section 9.3
#[test]
fn old_clients_may_ask_for_a_connection_that_goes_on() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let mut client = Client::connect(address);
    let request = |target: &str, option: &str| {
        format!("GET {target} HTTP/1.0\r\n{HOST}Connection: {option}\r\n\r\n")
    };
    for _ in 0..3 {
        client.send(request("/", "Keep-Alive")).unwrap();
        let answer = client.read("GET").unwrap();
        assert_eq!((answer.status, answer.field("connection")), (200, Some("keep-alive")));
    }
    // Without a length nothing but the end of the connection tells where the answer ends.
    client.send(request("/chunked", "keep-alive")).unwrap();
    let answer = client.read("GET").unwrap();
    assert_eq!(
        (answer.text().as_str(), answer.field("connection")),
        ("hello world", Some("close"))
    );
    assert!(client.is_closed());
    let mut client = Client::connect(address);
    client.send(request("/", "close")).unwrap();
    assert_eq!(client.read("GET").unwrap().field("connection"), Some("close"));
    assert!(client.is_closed());
}

pub fn canned() -> (Server, SocketAddr) {
    let routes = "  - path: /canned\n    action: {return: {body: hello}}\n";
    let mut config = config(&(cafe("") + routes));
    config.limits.head_timeout = Duration::from_secs(2);
    let server = start(config);
    let address = address(&server, 80);
    (server, address)
}

#[test]
fn canned_answers_tell_their_length_to_head() {
    let (_server, address) = canned();
    let mut client = Client::connect(address);
    assert_eq!(client.request("HEAD", "/canned", "").field("content-length"), Some("5"));
    assert_eq!(client.get("/canned").text(), "hello", "and nothing is left over");
}

/// A client that waits to be told to go on may send its body all the same: nobody could tell it
/// from the next request.
#[test]
fn an_expectation_that_comes_to_nothing_ends_the_connection() {
    let (_server, address) = canned();
    for body in ["", "hello"] {
        let mut client = Client::connect(address);
        let head = format!("POST /canned HTTP/1.1\r\n{HOST}Expect: 100-continue\r\n");
        client.send(format!("{head}Content-Length: 5\r\n\r\n{body}")).unwrap();
        let answer = client.read("POST").unwrap();
        assert_eq!((answer.status, answer.field("connection")), (200, Some("close")));
        assert!(client.is_closed());
    }
}

/// What nobody wants of a body is read as long as it is little.
#[test]
fn small_bodies_that_nobody_reads_leave_the_connection_as_it_is() {
    let (_server, address) = canned();
    let (sized, chunked) = ("Content-Length", "Transfer-Encoding: chunked");
    let chunks = |size: usize| format!("{size:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(size));
    let request = |field: &str| format!("POST /canned HTTP/1.1\r\n{HOST}{field}\r\n\r\n");
    for (head, body, goes_on) in [
        (request(&format!("{sized}: 16384")), "x".repeat(16 << 10), true),
        (request(&format!("{sized}: 100000")), "x".repeat(100_000), false),
        (request(chunked), chunks(16 << 10), true),
        (request(chunked), chunks(100_000), false),
    ] {
        let mut client = Client::connect(address);
        client.send(&head).unwrap();
        // The answer does not wait for the body.
        assert_eq!(client.read("POST").unwrap().text(), "hello");
        let _ = client.send(&body);
        let next = client.try_request("GET", "/canned", "");
        assert_eq!(next.is_ok_and(|answer| answer.text() == "hello"), goes_on, "{head}");
    }
}

#[test]
fn a_head_that_does_not_come_to_its_end_is_answered_408() {
    let (_server, address) = canned();
    let mut client = Client::connect(address);
    assert_eq!(client.get("/canned").status, 200);
    client.send("GET /canned HTTP/1.1\r\nHos").unwrap();
    let answer = client.read("GET").unwrap();
    assert_eq!((answer.status, answer.field("connection")), (408, Some("close")));
    assert!(client.is_closed());
    // One that has not begun is no request, and gets no answer.
    let mut client = Client::connect(address);
    assert_eq!(client.get("/canned").status, 200);
    assert!(client.is_closed());
    let mut rest = Vec::new();
    client.reader().read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty(), "{rest:?}");
}

/// An idle connection that its backend closes goes at once, without waiting for a request.
#[test]
fn idle_connections_that_end_are_closed() {
    let (seen, told) = mpsc::channel();
    let (_server, address, connections) = acting("", move |mut stream| {
        read_head(&mut stream)?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
        thread::sleep(Duration::from_millis(50));
        stream.shutdown(Shutdown::Write)?;
        // Until the proxy closes it as well.
        seen.send(read_head(&mut stream)?).unwrap();
        Ok(())
    });
    let mut client = Client::connect(address);
    for _ in 0..3 {
        assert_eq!(client.get("/").text(), "ok");
        assert_eq!(told.recv_timeout(Duration::from_secs(10)).unwrap(), "");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

/// What comes on an idle connection is the answer to nobody's request.
#[test]
fn answers_that_nobody_asked_for_are_nobody_s() {
    let (_server, address, _) = acting("", |mut stream| {
        let mut poisoned = false;
        while read_head(&mut stream)?.ends_with("\r\n\r\n") {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
            if !poisoned {
                poisoned = true;
                thread::sleep(Duration::from_millis(20));
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison")?;
            }
        }
        Ok(())
    });
    let mut client = Client::connect(address);
    for _ in 0..5 {
        assert_eq!(client.get("/").text(), "ok");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Answers in pieces that end anywhere, with others that announce them.
#[test]
fn answers_may_come_an_octet_at_a_time() {
    let (_server, address, connections) = acting("", |mut stream| {
        stream.set_nodelay(true)?;
        while read_head(&mut stream)?.ends_with("\r\n\r\n") {
            let all = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\na: b\r\n\r\n\
                       HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                       5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nx-sum: 11\r\n\r\n";
            for octet in all.as_bytes() {
                stream.write_all(&[*octet])?;
                thread::sleep(Duration::from_micros(200));
            }
        }
        Ok(())
    });
    let mut client = Client::connect(address);
    for _ in 0..3 {
        client.send(format!("GET / HTTP/1.1\r\n{HOST}\r\n")).unwrap();
        let (status, head) = client.read_head().unwrap();
        assert_eq!((status, field(&head, "a")), (103, Some("b")));
        assert_eq!(client.read("GET").unwrap().text(), "hello world");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

/// A request that comes while a tunnel may begin is not lost, nor is what the backend says first.
#[test]
fn what_comes_with_the_change_of_a_protocol_is_part_of_it() {
    let (_server, address, _) = acting("", |mut stream| {
        read_head(&mut stream)?;
        stream.write_all(
            b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n\
              HTTP/1.1 200 OK\r\n\r\n",
        )?;
        io::copy(&mut stream.try_clone()?, &mut stream)?;
        stream.shutdown(Shutdown::Both)
    });
    let mut client = Client::over(connect(address));
    client
        .send(format!("GET / HTTP/1.1\r\n{HOST}Connection: upgrade\r\nUpgrade: echo\r\n\r\n"))
        .unwrap();
    assert_eq!(client.read_head().unwrap().0, 101);
    assert_eq!(client.read_head().unwrap().0, 200, "what was read ahead comes first");
    let all = pattern(4 << 20);
    let mut sends = client.stream().try_clone().unwrap();
    let sent = all.clone();
    let sending = thread::spawn(move || {
        sends.write_all(&sent)?;
        sends.shutdown(Shutdown::Write)
    });
    let mut echo = Vec::new();
    client.reader().read_to_end(&mut echo).unwrap();
    assert!(echo == all);
    sending.join().unwrap().unwrap();
}

/// Small bodies that come to their end before the backend has looked at them.
#[test]
fn a_backend_that_reads_nothing_of_a_body_is_used_no_more() {
    let (_server, address, connections) = acting("", |mut stream| {
        read_head(&mut stream)?;
        // The body is taken for a request by one that has not understood the head.
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\n\r\nbad")
    });
    let mut client = Client::connect(address);
    for _ in 0..3 {
        client.send(format!("POST / HTTP/1.1\r\n{HOST}Content-Length: 5\r\n\r\nhello")).unwrap();
        assert_eq!(client.read("POST").unwrap().text(), "ok");
    }
    wait_until("each has its own", || connections.load(Ordering::SeqCst) == 3);
}
