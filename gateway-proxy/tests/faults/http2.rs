//! Each way to get HTTP/2 wrong, as a backend.

use crate::client::Client;
use crate::fault::{Fault, Result};
use crate::gateway::cafe;
use crate::observe::Log;
use crate::raw::{
    CONTINUATION, Connection, DATA, END_HEADERS, END_STREAM, GO_AWAY, HEADERS, OK, PING,
    RST_STREAM, Raw, SETTINGS, frame,
};
use crate::shop::{Shop, ask, is_whole, watched};
use gateway_proxy::Server;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

const SIZE: usize = 400;
const PATIENCE: &str = ", read-timeout: 700ms, send-timeout: 700ms";

/// A proxy for a backend that sends frames as it likes.
fn in_front_of(backend: &Raw) -> (Server, SocketAddr, Log) {
    watched(&cafe(&format!(", type: grpc{PATIENCE}")), &[backend.address])
}

/// The status, as it would be without gRPC's own form (virtualserver §13).
fn status(response: &crate::client::Response) -> u16 {
    match (response.status, response.field("grpc-status")) {
        (204, Some("14")) => 502,
        (status, _) => status,
    }
}

#[test]
fn each_fault_has_its_status() {
    for fault in Fault::HTTP2 {
        println!("{fault:?}");
        let shop = Shop::http2(&[fault], PATIENCE);
        for id in 1..=3 {
            let mut client = Client::connect(shop.address);
            let response = ask(&mut client, "GET", id, SIZE);
            let problem = shop.line(id).problem;
            match fault.alone() {
                Result::Whole => assert!(is_whole(&response, id, SIZE), "{fault:?}: {response:?}"),
                Result::Broken => {
                    assert_eq!((response.status, response.complete), (200, false), "{fault:?}");
                    assert_eq!(problem, "broken_body", "{fault:?}");
                }
                Result::Failed(..) => {
                    assert_eq!(status(&response), 502, "{fault:?}: {response:?}");
                    let want = match fault {
                        Fault::ResetBeforeHead => "reset",
                        Fault::CloseBeforeHead => "disconnect",
                        Fault::Hang => "timeout",
                        Fault::Refuse => "refused",
                        _ => "connect",
                    };
                    assert_eq!(problem, want, "{fault:?}");
                }
            }
        }
    }
}

#[test]
fn another_endpoint_answers_what_may_be_asked_twice() {
    for fault in Fault::HTTP2 {
        println!("{fault:?}");
        let shop = Shop::http2(&[fault, Fault::None], PATIENCE);
        for (id, method) in ["GET", "POST", "PUT", "POST"].into_iter().cycle().take(8).enumerate() {
            let id = id as u64 + 1;
            let response = ask(&mut Client::connect(shop.address), method, id, SIZE);
            let whole = is_whole(&response, id, SIZE);
            let seen = shop.ledger.of(id);
            let done = shop.ledger.done(id);
            assert!(method != "POST" || done <= 1, "{fault:?}: {seen:?}");
            let is_late = fault.alone() == Result::Broken && seen == [fault];
            let may_fail = is_late || method == "POST" && done == 1 && seen.last() == Some(&fault);
            assert!(whole || may_fail, "{fault:?} {method}: {response:?}, {seen:?}");
        }
    }
}

#[test]
fn floods_of_frames_hold_nobody_up() {
    /// The frames of a flood, one by one.
    type Flood = fn(u32) -> Vec<u8>;
    let floods: [(&str, Flood); 4] = [
        ("settings", |_| frame(SETTINGS, 0, 0, &[])),
        ("pings", |_| frame(PING, 0, 0, &[0; 8])),
        ("heads without an end", |n| {
            let kind = if n == 0 { HEADERS } else { CONTINUATION };
            frame(kind, 0, 1, if n == 0 { OK } else { b"\x00\x01a\x01b" })
        }),
        ("informational heads", |_| frame(HEADERS, END_HEADERS, 1, b"\x08\x03103")),
    ];
    for (name, flood) in floods {
        let backend = Raw::start(&[], move |connection| {
            let stream = connection.request()?;
            if connection.number > 0 {
                return connection.answer(stream).and_then(|()| connection.request().map(drop));
            }
            let frames: Vec<u8> = (1..200).flat_map(flood).collect();
            connection.send(&flood(0))?;
            loop {
                connection.send(&frames)?;
            }
        });
        let (_server, address, _log) = in_front_of(&backend);
        let flooded = std::thread::spawn(move || Client::connect(address).get("/").status);
        let mut other = Client::connect(address);
        for _ in 0..20 {
            let request = "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n";
            other.send(request).unwrap();
            assert_eq!(other.read("GET").unwrap().status, 404, "{name}");
        }
        assert_eq!(flooded.join().unwrap(), 204, "{name}");
    }
}

#[test]
fn a_connection_that_fell_silent_is_left() {
    // It answers no PING either, and nothing ends it: without requests it would be used for ever.
    let backend = Raw::start(&[], |connection| {
        let mut served = 0;
        loop {
            let stream = connection.request()?;
            if connection.number > 0 || served == 0 {
                connection.answer(stream)?;
            }
            served += 1;
        }
    });
    let documents = cafe(", type: grpc, read-timeout: 1500ms");
    let (_server, address, _log) = watched(&documents, &[backend.address]);
    let mut client = Client::connect(address);
    assert_eq!(client.get("/").status, 200);
    assert_eq!(status(&client.get("/")), 502, "it may only be late");
    for _ in 0..3 {
        assert_eq!(client.get("/").status, 200);
    }
    assert_eq!(backend.connections(), 2);
}

#[test]
fn a_window_that_never_opens_costs_a_request_and_no_more() {
    // SETTINGS_INITIAL_WINDOW_SIZE 0
    let backend = Raw::start(&[0, 4, 0, 0, 0, 0], |connection| {
        loop {
            let frame = connection.next()?;
            if frame.kind == HEADERS && frame.flags & END_STREAM != 0 {
                connection.answer(frame.stream)?;
            }
        }
    });
    let (_server, address, _log) = in_front_of(&backend);
    let mut client = Client::connect(address);
    assert_eq!(client.get("/").status, 200);
    for _ in 0..2 {
        let head = "POST / HTTP/1.1\r\nHost: cafe.example.com\r\nContent-Length: 5\r\n\r\nhello";
        client.send(head).unwrap();
        assert_eq!(status(&client.read("POST").unwrap()), 502);
        assert_eq!(client.get("/").status, 200);
    }
}

#[test]
fn a_backend_that_takes_no_request_gets_few_connections() {
    // SETTINGS_MAX_CONCURRENT_STREAMS 0
    let backend = Raw::start(&[0, 3, 0, 0, 0, 0], |connection| {
        loop {
            connection.next()?;
        }
    });
    let (_server, address, _log) = in_front_of(&backend);
    let clients: Vec<_> = (0..40)
        .map(|_| std::thread::spawn(move || status(&Client::connect(address).get("/"))))
        .collect();
    assert!(clients.into_iter().all(|client| client.join().unwrap() == 502));
    assert!(backend.connections() <= 16, "{}", backend.connections());
}

#[test]
fn what_a_backend_that_goes_did_not_look_at_is_sent_on_a_new_connection() {
    // RFC 9113, section 6.8: even a POST, and even if all connections that are there end so.
    const SAME_TIME: Duration = Duration::from_millis(600);
    // SETTINGS_MAX_CONCURRENT_STREAMS 1
    let backend = Raw::start(&[0, 3, 0, 0, 0, 1], |connection| {
        let mut last = 0;
        loop {
            let stream = connection.request()?;
            if connection.number < 3 && last > 0 {
                // With NO_ERROR.
                let payload = [u32::to_be_bytes(last), [0; 4]].concat();
                connection.send(&frame(GO_AWAY, 0, 0, &payload))?;
                return until_left(connection);
            }
            if connection.number < 3 {
                std::thread::sleep(SAME_TIME);
            }
            connection.answer(stream)?;
            last = stream;
        }
    });
    let (_server, address, _log) = in_front_of(&backend);
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = Client::connect(address);
        client.send("GET / HTTP/1.1\r\nHost: cafe.example.com\r\n\r\n").unwrap();
        clients.push(client);
        std::thread::sleep(SAME_TIME / 6);
    }
    for client in &mut clients {
        assert_eq!(client.read("GET").unwrap().status, 200);
    }
    for client in &mut clients {
        assert_eq!(client.request("POST", "/", "Content-Length: 0\r\n").status, 200);
    }
}

fn until_left(connection: &mut Connection) -> io::Result<()> {
    loop {
        connection.next()?;
    }
}

#[test]
fn a_stream_that_is_reset_after_its_head_breaks_one_answer() {
    let backend = Raw::start(&[], |connection| {
        let first = connection.request()?;
        let second = connection.request()?;
        connection.send(&frame(HEADERS, END_HEADERS, first, OK))?;
        connection.send(&frame(DATA, 0, first, b"begun"))?;
        connection.send(&frame(RST_STREAM, 0, first, &2u32.to_be_bytes()))?;
        connection.answer(second)?;
        until_left(connection)
    });
    let (_server, address, _log) = in_front_of(&backend);
    let mut clients = [Client::connect(address), Client::connect(address)];
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: cafe.example.com\r\n\r\n").unwrap();
    }
    let answers = clients.map(|mut client| client.read("GET").map(|a| (a.status, a.complete)).ok());
    let whole = answers.iter().filter(|answer| **answer == Some((200, true))).count();
    assert_eq!(whole, 1, "{answers:?}");
}
