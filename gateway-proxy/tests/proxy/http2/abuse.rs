//! What clients may not do with frames of HTTP/2: each way ends the connection, and the proxy goes
//! on answering others (RFC 9113, section 10.5).

use crate::backend::Backend;
use crate::client::Client as Http1;
use crate::gateway::cafe_with;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `GET`, `http`, `/`, and the host literally, without Huffman.
const HEAD: &[u8] = b"\x82\x86\x84\x01\x10cafe.example.com";

/// The same with `POST`.
const POST: &[u8] = b"\x83\x86\x84\x01\x10cafe.example.com";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut octets = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    octets.extend_from_slice(&[kind, flags]);
    octets.extend_from_slice(&stream.to_be_bytes());
    octets.extend_from_slice(payload);
    octets
}

/// Sends what `next` makes of the numbers from 0 on, until the proxy ends the connection; whether it
/// does within `most` of them.
fn is_ended_by(address: SocketAddr, most: u32, next: impl Fn(u32) -> Vec<u8>) -> bool {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).unwrap();
    let mut reader = stream.try_clone().unwrap();
    // What comes back is read, so that nothing stalls.
    let reading = std::thread::spawn(move || io::copy(&mut reader, &mut io::sink()));
    for n in 0..most {
        if reading.is_finished() || stream.write_all(&next(n)).is_err() {
            return true;
        }
    }
    // What is left to be read may tell it.
    let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
    let ended = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        reading.is_finished()
    });
    let _ = stream.shutdown(std::net::Shutdown::Both);
    ended
}

#[test]
fn floods_end_the_connection() {
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    let id = |n: u32| 2 * n + 1;
    // CVE-2023-44487
    let rapid_reset = |n| {
        let head = frame(HEADERS, END_HEADERS | END_STREAM, id(n), HEAD);
        [head, frame(RST_STREAM, 0, id(n), &8u32.to_be_bytes())].concat()
    };
    assert!(is_ended_by(address, 100_000, rapid_reset), "rapid reset");
    // CVE-2024-27316 and the like
    let continuation = |n| match n {
        0 => frame(HEADERS, 0, 1, HEAD),
        _ => frame(CONTINUATION, 0, 1, &[b"\x00\x01a\x7f\x00", &[b'x'; 127][..]].concat()),
    };
    assert!(is_ended_by(address, 100_000, continuation), "headers without an end");
    let empty_continuation = |n| match n {
        0 => frame(HEADERS, 0, 1, HEAD),
        _ => frame(CONTINUATION, 0, 1, b""),
    };
    assert!(is_ended_by(address, 1_000_000, empty_continuation), "empty frames of headers");
    // RUSTSEC-2026-0258
    let empty_data = |n| match n {
        0 => frame(HEADERS, END_HEADERS, 1, POST),
        _ => frame(DATA, 0, 1, b""),
    };
    assert!(is_ended_by(address, 1_000_000, empty_data), "empty frames of data");
    // One that is wrong in itself.
    assert!(is_ended_by(address, 1, |_| frame(PING, 0, 0, b"short")), "a wrong frame");
    let mut client = Http1::connect(address);
    assert_eq!(client.get("/").status, 200);
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    // 16 KiB, as with HTTP/1.1
    let backend = Backend::start("tea");
    let (_server, address) = cafe_with(&backend, "");
    super::block_on(async {
        let client = super::Client::connect(address).await;
        let large = super::Client::request("GET", "/").header("x-large", "x".repeat(15_000));
        assert_eq!(super::read(client.send(large, false).await.0).await.unwrap().status, 200);
        let larger = super::Client::request("GET", "/").header("x-large", "x".repeat(30_000));
        let answer = super::read(client.send(larger, false).await.0).await;
        assert_eq!(answer.unwrap().status, 431);
        assert_eq!(client.get("/").await.unwrap().status, 200);
    });
    assert_eq!(backend.requests(), 2);
}
