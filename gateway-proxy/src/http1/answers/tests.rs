use super::*;
use crate::worker::Random;

/// What answers are made of, and what makes them illegal.
const PIECES: [&str; 42] = [
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 200\r\n",
    "HTTP/1.0 200 OK\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 103 Early\r\na: b\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\n",
    "HTTP/1.1 204 No Content\r\n",
    "HTTP/1.1 304 Not Modified\r\n",
    "HTTP/1.1 099 X\r\n",
    "HTTP/1.1 20 X\r\n",
    "HTTP/1.1 2000 X\r\n",
    "HTTP/1.1  200 X\r\n",
    "HTTP/2.0 200 OK\r\n",
    "HTTP/1.1 200 OK\n",
    "content-length: 5\r\n",
    "Content-Length:5 \r\n",
    "content-length: 05\n",
    "content-length: 0\r\n",
    "content-length: 5, 5\r\n",
    "content-length:\r\n",
    "content-length: +5\r\n",
    "content-length : 5\r\n",
    "content-length: 18446744073709551615\r\n",
    "transfer-encoding: chunked\r\n",
    "Transfer-Encoding: Chunked\n",
    "transfer-encoding: gzip, chunked\r\n",
    "connection: close\r\n",
    "connection: keep-alive\r\n",
    "connection: a, Close\r\n",
    "A:\r\n",
    "a: b\r\n c\r\n",
    ": b\r\n",
    "a: b\rc\r\n",
    "\r\n",
    "\n",
    "\r",
    "hello",
    "5\r\nhello\r\n",
    "5\nhello\n",
    "0\r\n\r\n",
    "0\r\nx: y\r\n\r\n",
    "0\r\n",
];

fn answer(random: &Random) -> Vec<u8> {
    let mut octets = Vec::new();
    for _ in 0..random.below(2) {
        octets.extend(PIECES[3 + random.below(2)].bytes());
    }
    octets.extend(PIECES[random.below(8)].bytes());
    for _ in 0..random.below(3) {
        octets.extend(PIECES[14 + random.below(20)].bytes());
    }
    if random.below(4) > 0 {
        octets.extend(b"\r\n");
    }
    for _ in 0..random.below(5) {
        octets.extend(PIECES[random.below(PIECES.len())].bytes());
    }
    if random.below(3) == 0 {
        let at = random.below(octets.len());
        octets[at] = *b"\r\n \t:;0aA\0\x7f\xff".get(random.below(12)).unwrap();
    }
    octets
}

#[test]
fn answers_are_read_as_a_plain_parser_does_however_octets_are_split() {
    let random = Random::from_seed(11);
    let (mut whole, mut broken, mut none) = (0, 0, 0);
    for round in 0..20_000 {
        let (octets, is_head) = (answer(&random), random.below(8) == 0);
        agree(&octets, is_head, round);
        *match read(&octets, is_head) {
            Sent::Answer { is_whole: true, .. } => &mut whole,
            Sent::Answer { .. } => &mut broken,
            Sent::Nothing => &mut none,
        } += 1;
    }
    assert!(whole > 3000 && broken > 300 && none > 3000, "{whole} {broken} {none}");
}

#[test]
fn the_end_of_an_answer_is_known() {
    let head = |lines: &str| format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
    for (octets, is_head, want) in [
        (head("content-length: 5\r\n") + "hello+", false, Some(("hello", 1, true))),
        (head("content-length: 5\r\n") + "+", true, Some(("", 1, true))),
        (
            head("transfer-encoding: chunked\r\n") + "2\r\nok\r\n0\r\n\r\n+",
            false,
            Some(("ok", 1, true)),
        ),
        (head("connection: close\r\n") + "hello", false, Some(("hello", 0, false))),
        ("HTTP/1.1 204 X\r\ncontent-length: 5\r\n\r\n+".into(), false, Some(("", 1, true))),
        ("HTTP/1.1 103 X\r\n\r\nHTTP/1.1 304 X\r\n\r\n+".into(), false, Some(("", 1, true))),
        (head("content-length: 5\r\ntransfer-encoding: chunked\r\n"), false, None),
        ("HTTP/1.1 103 X\r\n\r\n".into(), false, None),
    ] {
        agree(octets.as_bytes(), is_head, 1);
        let found = match read(octets.as_bytes(), is_head) {
            Sent::Answer { body, rest, persists, is_whole: true, .. } => {
                Some((String::from_utf8(body).unwrap(), rest, persists))
            }
            _ => None,
        };
        let want = want.map(|(body, rest, persists)| (body.to_owned(), rest, persists));
        assert_eq!(found, want, "{octets:?}");
    }
}

/// What fuzzing found once, and the seeds it starts from.
#[test]
fn seeds_and_regressions() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let folders =
        ["corpus/answers", "regressions/answers"].map(|it| std::fs::read_dir(root.join(it)));
    let files: Vec<_> = folders.into_iter().flatten().flatten().collect();
    assert!(!files.is_empty());
    for file in files {
        fuzzed(&std::fs::read(file.unwrap().path()).unwrap());
    }
}
