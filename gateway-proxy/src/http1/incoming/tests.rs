use super::super::reference;
use super::super::scan::tests::connection;
use super::super::wire::{Wire, finish};
use super::*;
use crate::worker::Random;
use std::future::poll_fn;
use std::task::Waker;

/// A socket and what comes on it.
struct Comes {
    wire: Wire,
    incoming: Incoming,
}

impl Comes {
    fn on(wire: Wire) -> Self {
        Self { wire, incoming: Incoming::new(BytesMut::new()) }
    }

    fn head(&mut self, most: usize) -> Result<Bytes, NoHead> {
        finish(poll_fn(|cx| self.incoming.poll_head(&mut self.wire, cx, most)))
    }

    fn frame(&mut self) -> Option<Result<Frame<Bytes>, BrokenBody>> {
        finish(poll_fn(|cx| self.incoming.poll_frame(&mut self.wire, cx)))
    }

    /// The rest of a body, with its trailers.
    fn body(&mut self) -> Result<(Vec<u8>, Option<http::HeaderMap>), BrokenBody> {
        let (mut body, mut trailers) = (Vec::new(), None);
        while let Some(frame) = self.frame() {
            match frame?.into_data() {
                Ok(data) => body.extend_from_slice(&data),
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
        }
        Ok((body, trailers))
    }
}

/// What comes out of octets that a client sends: bodies, and whether something was wrong.
fn read(octets: &[u8], most: usize, seed: u64) -> (Vec<Vec<u8>>, bool) {
    let mut comes = Comes::on(Wire::of(octets, most, seed));
    let mut bodies = Vec::new();
    loop {
        match comes.head(usize::MAX) {
            Ok(_) => {}
            Err(why) => return (bodies, why == NoHead::Illegal),
        }
        match comes.body() {
            Ok((body, _)) => bodies.push(body),
            // The end in the middle of a body is no violation, but as bad.
            Err(BrokenBody) => return (bodies, true),
        }
        comes.incoming.rest();
    }
}

#[test]
fn bodies_come_out_as_they_went_in_however_octets_are_split() {
    let random = Random::from_seed(5);
    for round in 0..5_000 {
        let octets = connection(&random);
        let wanted = reference::read(&octets);
        for most in [1, 7, 1 << 20] {
            let (bodies, wrong) = read(&octets, most, round);
            let text = String::from_utf8_lossy(&octets);
            assert_eq!(bodies, wanted.bodies, "{text:?}");
            assert!(wrong || wanted.violation.is_none(), "{text:?}");
        }
    }
}

#[test]
fn large_bodies_come_out_as_they_went_in() {
    let all: Vec<u8> = (0..300_000_u32).map(|at| (at / 251) as u8).collect();
    let mut chunked = Vec::new();
    for part in all.chunks(70_000) {
        chunked.extend(format!("{:x}\r\n", part.len()).bytes());
        chunked.extend_from_slice(part);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\nX-Sum: 5\r\nx-sum: 6\r\n\r\nHTTP");
    let sized = [&all[..], b"HTTP"].concat();
    for (octets, ends, rest) in [
        (&chunked, Ends::InChunks, 4),
        (&sized, Ends::After(300_000), 4),
        (&all, Ends::WithConnection, 0),
    ] {
        for most in [1000, 40_000, 1 << 20] {
            let mut comes = Comes::on(Wire::of(octets, most, 3));
            comes.incoming.begin(ends);
            let hint = comes.incoming.size_hint().exact();
            assert_eq!(hint, matches!(ends, Ends::After(_)).then_some(300_000));
            let (body, trailers) = comes.body().unwrap();
            assert!(body == all, "{ends:?} {most}");
            let sums: Option<Vec<_>> =
                trailers.map(|it| it.get_all("x-sum").iter().cloned().collect());
            assert_eq!(sums.is_some(), ends == Ends::InChunks);
            assert!(sums.is_none_or(|sums| sums == ["5", "6"]));
            assert!(comes.incoming.is_over());
            while comes.incoming.len() < rest {
                finish(poll_fn(|cx| comes.incoming.poll_fill(&mut comes.wire, cx))).unwrap();
            }
            assert_eq!(comes.incoming.len(), rest, "what follows is left");
        }
    }
}

#[test]
fn a_body_that_ends_too_soon_is_broken() {
    for (octets, ends) in [
        ("hell", Ends::After(5)),
        ("", Ends::After(5)),
        ("5\r\nhello\r\n", Ends::InChunks),
        ("5\r\nhello\r\n0\r\n", Ends::InChunks),
        ("5\r\nhelloX", Ends::InChunks),
    ] {
        let mut comes = Comes::on(Wire::of(octets.as_bytes(), 3, 1));
        comes.incoming.begin(ends);
        assert_eq!(comes.body().err(), Some(BrokenBody), "{octets:?}");
        assert!(!comes.incoming.is_over(), "nothing follows");
        assert!(matches!(comes.frame(), Some(Err(BrokenBody))), "and it stays so");
    }
}

#[test]
fn heads_and_trailers_have_limits() {
    let head = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(1000));
    for (most, want) in [(head.len(), Ok(head.len())), (head.len() - 1, Err(NoHead::TooLong))] {
        let mut comes = Comes::on(Wire::of(head.as_bytes(), 1 << 20, 1));
        assert_eq!(comes.head(most).map(|head| head.len()), want);
    }
    let mut comes = Comes::on(Wire::of(head.as_bytes(), 100, 1));
    assert_eq!(comes.head(500), Err(NoHead::TooLong), "before all of it is there");
    let trailer = format!("a: {}\r\n", "x".repeat(1000));
    for (lines, fits) in [(16, true), (17, false)] {
        let octets = format!("0\r\n{}\r\n", trailer.repeat(lines));
        let mut comes = Comes::on(Wire::of(octets.as_bytes(), 1000, 1));
        comes.incoming.begin(Ends::InChunks);
        assert_eq!(comes.body().is_ok(), fits, "{lines}");
    }
}

/// A frame may be kept for long, to be sent again: who sends little by little must not make it
/// large.
#[test]
fn frames_take_no_more_space_than_they_need() {
    let size = 10_000;
    let mut comes = Comes::on(Wire::of(&vec![b'x'; size], 1, 1));
    comes.incoming.begin(Ends::After(1 << 20));
    let mut space = 0;
    for _ in 0..size {
        let data = comes.frame().unwrap().unwrap().into_data().unwrap();
        space += data.try_into_mut().map_or(0, |data| data.capacity());
    }
    assert!(space < 64 * size, "{space}");
}

#[test]
fn who_waits_holds_no_space() {
    let mut comes = Comes::on(Wire::open(&vec![b'x'; 100_000], 1 << 20));
    comes.incoming.begin(Ends::After(200_000));
    let mut cx = Context::from_waker(Waker::noop());
    let mut read = 0;
    while read < 100_000 {
        if let Poll::Ready(frame) = comes.incoming.poll_frame(&mut comes.wire, &mut cx) {
            read += frame.unwrap().unwrap().into_data().unwrap().len();
        }
    }
    assert!(comes.incoming.poll_frame(&mut comes.wire, &mut cx).is_pending());
    assert_eq!(comes.incoming.buffer.capacity(), 0);
    // The same between two messages, whatever there was before.
    comes.wire.come(&vec![b'x'; 100_000]);
    assert_eq!(comes.body().unwrap().0.len(), 100_000);
    assert!(comes.incoming.poll_fill(&mut comes.wire, &mut cx).is_pending());
    assert_eq!(comes.incoming.buffer.capacity(), 0);
}

#[test]
fn heads_of_answers_are_found_once_they_are_whole() {
    let all = "HTTP/1.1 103 Early\r\na: b\r\n\r\nHTTP/1.1 200 OK\na: b\n\nbody";
    let wanted = ["HTTP/1.1 103 Early\r\na: b\r\n\r\n", "HTTP/1.1 200 OK\na: b\n\n"];
    for most in [1, 5, 1000] {
        let mut comes = Comes::on(Wire::of(all.as_bytes(), most, 2));
        let mut heads = Vec::new();
        while heads.len() < 2 {
            match comes.incoming.find_head() {
                Some(head) => heads.push(head),
                None => {
                    let fill = poll_fn(|cx| comes.incoming.poll_fill(&mut comes.wire, cx));
                    assert!(finish(fill).unwrap() > 0);
                }
            }
        }
        assert_eq!(heads, wanted);
        assert_eq!(comes.incoming.find_head(), None);
    }
}
