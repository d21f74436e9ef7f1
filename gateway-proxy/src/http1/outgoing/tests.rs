use super::super::scan::{Piece, Scanner};
use super::super::wire::{Wire, finish};
use super::*;
use crate::worker::Random;
use http::HeaderValue;
use std::future::poll_fn;

/// Sends a message, whose frames come as soon as there is room for them.
fn send(
    wire: &mut Wire,
    framing: Framing,
    frames: Vec<Frame<Bytes>>,
) -> Result<Vec<u8>, BrokenBody> {
    let mut outgoing = Outgoing::default();
    outgoing.begin(framing).extend_from_slice(b"head\r\n\r\n");
    let mut write = |outgoing: &mut Outgoing| {
        finish(poll_fn(|cx| outgoing.poll_write(wire, cx))).unwrap();
    };
    for frame in frames {
        if !outgoing.has_room() {
            write(&mut outgoing);
        }
        outgoing.frame(frame)?;
    }
    outgoing.end()?;
    write(&mut outgoing);
    assert!(outgoing.is_empty() && outgoing.is_whole() && outgoing.has_room());
    let sent = wire.output.strip_prefix(b"head\r\n\r\n").unwrap().to_vec();
    assert_eq!(outgoing.sent(), wire.output.len() as u64);
    Ok(sent)
}

/// The data of a body in chunks, and what ends it.
fn unchunked(mut octets: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut scanner, mut data) = (Scanner::of_chunks(), Vec::new());
    loop {
        let (read, piece) = scanner.next(octets).unwrap();
        let (piece_of, rest) = octets.split_at(read);
        match piece {
            Piece::Data => data.extend_from_slice(piece_of),
            Piece::End => {
                assert!(rest.is_empty());
                return (data, piece_of.to_vec());
            }
            Piece::Framing | Piece::Head => assert!(!rest.is_empty(), "it comes to its end"),
        }
        octets = rest;
    }
}

fn frames(random: &Random) -> (Vec<Frame<Bytes>>, Vec<u8>) {
    let sizes = [0, 1, 15, 16, 100, FLAT - 10, FLAT, FLAT + 1, 50_000];
    let all: Vec<Vec<u8>> = (0..random.below(8))
        .map(|i| vec![b'a' + i as u8; sizes[random.below(sizes.len())]])
        .collect();
    let frames = all.iter().map(|data| Frame::data(Bytes::from(data.clone()))).collect();
    (frames, all.concat())
}

#[test]
fn what_is_read_is_what_was_sent_however_little_is_taken_at_a_time() {
    let random = Random::from_seed(9);
    for round in 0..60 {
        for most in [1 + random.below(20), 10_000, 1 << 20] {
            // An octet at a time takes long.
            let most = if round < 20 { most } else { most.max(1000) };
            let (frames, all) = frames(&random);
            let wire = || Wire::of(b"", most, round);
            let again = || frames.iter().map(|f| Frame::data(f.data_ref().unwrap().clone()));
            let length = Framing::Length(all.len() as u64);
            for framing in [length, Framing::UntilEnd] {
                assert!(send(&mut wire(), framing, again().collect()) == Ok(all.clone()));
            }
            let chunks = Framing::Chunks { trailers: false };
            let sent = send(&mut wire(), chunks, again().collect()).unwrap();
            assert!(unchunked(&sent) == (all.clone(), b"\r\n".to_vec()));
        }
    }
}

#[test]
fn lengths_have_to_agree() {
    let data = |text: &'static str| Frame::data(Bytes::from_static(text.as_bytes()));
    for (framing, frames, fits) in [
        (Framing::Length(5), vec![data("hello")], true),
        (Framing::Length(5), vec![data("hel"), data("lo"), data("")], true),
        (Framing::Length(5), vec![data("hell")], false),
        (Framing::Length(5), vec![data("hello"), data("x")], false),
        (Framing::Length(5), vec![data("hello!")], false),
        (Framing::Length(0), vec![], true),
        (Framing::Length(0), vec![data("x")], false),
        (Framing::None, vec![data("x")], false),
    ] {
        let text = format!("{framing:?} {frames:?}");
        let sent = send(&mut Wire::of(b"", 10, 1), framing, frames);
        assert_eq!(sent.is_ok(), fits, "{text}");
    }
}

/// RFC 9110, sections 6.5.1 and 7.6.1
#[test]
fn trailers_are_sent_to_those_who_understand_them_and_framing_is_none() {
    let value = HeaderValue::from_static("1");
    let names = [
        "x-sum",
        "content-length",
        "transfer-encoding",
        "host",
        "te",
        "trailer",
        "connection",
        "keep-alive",
        "proxy-connection",
        "upgrade",
        "authorization",
        "proxy-authorization",
        "set-cookie",
        "content-encoding",
        "content-type",
        "content-range",
        "cache-control",
        "max-forwards",
        "expect",
        "x-other",
    ];
    let trailers: HeaderMap =
        names.iter().map(|name| (HeaderName::from_static(name), value.clone())).collect();
    for (framing, want) in [
        (Framing::Chunks { trailers: true }, "2\r\nok\r\n0\r\nx-sum: 1\r\nx-other: 1\r\n\r\n"),
        (Framing::Chunks { trailers: false }, "2\r\nok\r\n0\r\n\r\n"),
        (Framing::Length(2), "ok"),
        (Framing::UntilEnd, "ok"),
    ] {
        let data = Frame::data(Bytes::from_static(b"ok"));
        let frames = vec![data, Frame::trailers(trailers.clone())];
        let sent = send(&mut Wire::of(b"", 5, 1), framing, frames).unwrap();
        assert_eq!(String::from_utf8(sent).unwrap(), want, "{framing:?}");
    }
}

#[test]
fn little_space_is_kept_between_two_messages() {
    let mut outgoing = Outgoing::default();
    let mut wire = Wire::of(b"", 1 << 20, 1);
    for size in [10, 5000] {
        outgoing.begin(Framing::Length(size));
        outgoing.frame(Frame::data(Bytes::from(vec![b'x'; size as usize]))).unwrap();
        finish(poll_fn(|cx| outgoing.poll_write(&mut wire, cx))).unwrap();
        outgoing.rest();
        assert!(outgoing.buffer.capacity() <= KEPT);
    }
}
