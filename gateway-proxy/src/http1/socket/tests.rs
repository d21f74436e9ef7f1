use super::super::incoming::Ends;
use super::super::tunnel::Tunnel;
use super::super::wire::{Wire, finish};
use super::*;
use std::future::poll_fn;
use std::task::Waker;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

/// A socket whose message has a body of five octets.
fn expecting(wire: Wire) -> Shared<Wire> {
    let socket = Socket::new(wire, BytesMut::new(), Batch::default());
    socket.borrow_mut().incoming.begin(Ends::After(5));
    socket.borrow_mut().awaits_continue = true;
    socket
}

fn poll_once(body: &Body<Wire>) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
    body.poll_frame(&mut Context::from_waker(Waker::noop()))
}

fn read(body: &Body<Wire>) -> Result<Vec<u8>, BrokenBody> {
    let mut all = Vec::new();
    while let Some(frame) = finish(poll_fn(|cx| body.poll_frame(cx))) {
        all.extend_from_slice(&frame?.into_data().unwrap_or_default());
    }
    Ok(all)
}

fn sent(socket: &Shared<Wire>) -> String {
    String::from_utf8(socket.borrow().stream.output.clone()).unwrap()
}

#[test]
fn a_client_is_told_once_to_go_on() {
    let socket = expecting(Wire::open(b"", 10));
    let body = Body::of(&socket);
    for _ in 0..200 {
        assert!(poll_once(&body).is_pending());
    }
    assert_eq!(sent(&socket), CONTINUE);
    assert_eq!(socket.borrow().stream.flushed, CONTINUE.len(), "it is not kept back");
    socket.borrow_mut().stream.come(b"hello");
    assert_eq!(read(&body).unwrap(), b"hello");
    assert_eq!(sent(&socket), CONTINUE);
}

#[test]
fn a_client_that_did_not_wait_need_not_be_told() {
    let socket = expecting(Wire::open(b"llo", 10));
    socket.borrow_mut().incoming = super::super::incoming::Incoming::new(BytesMut::from("he"));
    socket.borrow_mut().incoming.begin(Ends::After(5));
    assert_eq!(read(&Body::of(&socket)).unwrap(), b"hello");
    assert_eq!(sent(&socket), "");
}

/// What is written within an answer would be taken for a part of it.
#[test]
fn a_client_is_not_told_to_go_on_once_its_answer_has_begun() {
    let socket = expecting(Wire::open(b"", 1 << 20));
    let body = Body::of(&socket);
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
    socket.borrow_mut().begin(Framing::Length(2)).extend_from_slice(answer.as_bytes());
    for _ in 0..20 {
        assert!(poll_once(&body).is_pending());
    }
    finish(poll_fn(|cx| socket.borrow_mut().poll_flush(cx))).unwrap();
    assert_eq!(sent(&socket), answer);
}

#[test]
fn the_body_of_an_earlier_message_is_over() {
    let socket = Socket::new(Wire::of(b"hellohello", 3, 1), BytesMut::new(), Batch::default());
    socket.borrow_mut().incoming.begin(Ends::After(5));
    let first = Body::of(&socket);
    assert_eq!(first.size_hint().exact(), Some(5));
    assert_eq!(read(&first).unwrap(), b"hello");
    assert!(first.is_over());
    socket.borrow_mut().next_message();
    socket.borrow_mut().incoming.begin(Ends::After(5));
    assert!(first.is_over() && first.size_hint().exact().is_none());
    assert_eq!(read(&first), Err(BrokenBody));
    let second = Body::of(&socket);
    assert!(!second.is_over());
    assert_eq!(read(&second).unwrap(), b"hello");
}

#[test]
fn a_tunnel_begins_with_what_was_read_ahead() {
    let socket = Socket::new(
        Wire::of(b" and the rest", 4, 1),
        BytesMut::from("what came first"),
        Batch::default(),
    );
    let mut tunnel = Tunnel::new(Rc::clone(&socket));
    let mut all = Vec::new();
    finish(tunnel.read_to_end(&mut all)).unwrap();
    assert_eq!(String::from_utf8(all).unwrap(), "what came first and the rest");
    finish(tunnel.write_all(b"hello")).unwrap();
    finish(tunnel.flush()).unwrap();
    assert_eq!(sent(&socket), "hello");
    assert!(socket.borrow().incoming.is_empty());
}
