use super::super::reference::{agree, read};
use super::*;
use crate::worker::Random;

/// What requests are made of, and what makes them illegal.
const PIECES: [&str; 60] = [
    "GET / HTTP/1.1\r\n",
    "POST /a?b HTTP/1.1\r\n",
    "POST / HTTP/1.0\r\n",
    "Host: a\r\n",
    "content-length: 5\r\n",
    "Content-Length:5 \r\n",
    "CONTENT-LENGTH: \t0\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length: 5 5\r\n",
    "Content-Length: +5\r\n",
    "Content-Length:\r\n",
    "Content-Length: 18446744073709551616\r\n",
    "Content-Lengthy: 7\r\n",
    "Content-Lengt: 7\r\n",
    "X-Content-Length: 7\r\n",
    "transfer-encoding: chunked\r\n",
    "Transfer-Encoding:\tChunked \r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: chunked chunked\r\n",
    "Transfer-Encoding: chunke\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding:\r\n",
    "\r\n",
    "\r\n\r\n",
    "hello",
    "5\r\nhello\r\n",
    "05\r\nhello\r\n",
    "5;a=\"b\"\r\nhello\r\n",
    "5 ;a\r\nhello\r\n",
    "5 \r\nhello\r\n",
    "5;a\nhello\r\n",
    "0x5\r\nhello\r\n",
    "a\r\n0123456789\r\n",
    "A\r\n0123456789\r\n",
    "10000000000000005\r\nhello\r\n",
    "ffffffffffffffff\r\nhello",
    "5\r\nhelloXX",
    "5\nhello\r\n",
    "0\r\n\r\n",
    "0;last\r\n",
    "0\r\n",
    "x-sum: 5\r\n\r\n",
    "X-Sum: 5\r\n",
    "X: \r\n",
    "X:\r\n",
    ": 5\r\n",
    "X : 5\r\n",
    "X\r\n",
    "X: a\r\n b\r\n",
    " X: a\r\n",
    "X: a\rb\r\n",
    "X: a\0b\r\n",
    "X: a\x7fb\r\n",
    "X: \u{e9}\r\n",
    "\n",
    "\r",
    " ",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "GET  / HTTP/1.1\r\n",
    "GET / HTTP/1.1 \r\n",
];

/// Reads all of it.
fn scan(octets: &[u8]) -> Result<(), Violation> {
    let mut scanner = Scanner::new();
    let mut at = 0;
    while at < octets.len() {
        let next = scanner.next(&octets[at..]);
        at += next.map_err(|violation| Violation { at: at + violation.at, ..violation })?.0;
    }
    Ok(())
}

/// What a client may send on a connection, rightly or not.
pub(crate) fn connection(random: &Random) -> Vec<u8> {
    let mut octets = Vec::new();
    for _ in 0..random.below(4) {
        // Mostly right, so that what comes behind it counts.
        let lengths = ["Content-Length: 5\r\n\r\nhello", "\r\n"];
        let chunks = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        octets.extend_from_slice(b"POST / HTTP/1.1\r\nHost: a\r\n");
        octets.extend([lengths[0], lengths[1], chunks][random.below(3)].bytes());
    }
    octets.extend(PIECES[random.below(3)].bytes());
    for _ in 0..random.below(9) {
        octets.extend(PIECES[random.below(PIECES.len())].bytes());
    }
    if random.below(3) == 0 {
        let at = random.below(octets.len());
        octets[at] = *b"\r\n \t:;0aA\0\x7f\xff".get(random.below(12)).unwrap();
    }
    octets
}

#[test]
fn it_comes_to_what_a_plain_parser_does_however_octets_are_split() {
    let random = Random::from_seed(7);
    let (mut legal, mut refused) = (0, 0);
    for round in 0..30_000 {
        let octets = connection(&random);
        agree(&octets, round);
        match read(&octets).violation {
            Some(_) => refused += 1,
            None => legal += 1,
        }
    }
    assert!(legal > 2_500 && refused > 2_500, "{legal} {refused}");
}

#[test]
fn each_rule_is_found_at_its_octet() {
    for (octets, wanted) in [
        // A whole body, and the next request.
        ("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\n\r\n", None),
        ("GET / HTTP/1.1\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n", None),
        ("GET / HTTP/1.1\r\n\r\n\r\n\r\n", Some(("\r\n", Part::Head))),
        ("GET / HTTP/1.1\r\nA: b\n", Some(("\n", Part::Head))),
        ("\nGET / HTTP/1.1", Some(("\nGET / HTTP/1.1", Part::Head))),
        ("GET / HTTP/2.0\r\n", Some(("2.0\r\n", Part::Head))),
        ("GET / HTTP/1.1\r\nA: b\r\n c", Some((" c", Part::Head))),
        (
            "POST / HTTP/1.1\r\nContent-Length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
            Some(("\n\r\n", Part::Head)),
        ),
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\ncontent-length: 0\r\n\r\n",
            Some(("\n\r\n", Part::Head)),
        ),
        (
            "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
            Some(("\n\r\n", Part::Head)),
        ),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", Some(("\n", Part::Head))),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", None),
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\n",
            Some(("5\r\n", Part::Unknown)),
        ),
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\ncontent-length: 1\r\n",
            Some(("\n", Part::Body)),
        ),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;a\nb", Some(("\nb", Part::Body))),
    ] {
        let found = scan(octets.as_bytes()).err();
        let wanted =
            wanted.map(|(rest, part): (&str, _)| Violation { at: octets.len() - rest.len(), part });
        assert_eq!(found, wanted, "{octets:?}");
    }
}

#[test]
fn extensions_and_sizes_have_limits() {
    let chunk = |line: &str| format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{line}");
    let fits = |line: String| scan(chunk(&line).as_bytes()).is_ok();
    assert!(fits(format!("1;{}\r\na\r\n1;{}\r\n", "x".repeat(1024), "x".repeat(1024))));
    assert!(!fits(format!("1;{}", "x".repeat(1025))));
    assert!(fits(format!("1{};", " ".repeat(1024))));
    assert!(!fits(format!("1{}", " ".repeat(1025))));
    let many = |chunks| format!("1;{}\r\na\r\n", "x".repeat(1024)).repeat(chunks);
    assert!(fits(many(16)) && !fits(many(17)));
    agree(chunk(&many(17)).as_bytes(), 5);
    assert!(fits(format!("{}5\r\n", "0".repeat(15))));
    assert!(!fits(format!("{}5", "0".repeat(16))));
}

/// What fuzzing found once, and the seeds it starts from.
#[test]
fn seeds_and_regressions() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let folders =
        ["corpus/scan", "regressions/scan"].map(|folder| std::fs::read_dir(root.join(folder)));
    let files: Vec<_> = folders.into_iter().flatten().flatten().collect();
    assert!(!files.is_empty());
    for file in files {
        let octets = std::fs::read(file.unwrap().path()).unwrap();
        agree(&octets, octets.len() as u64);
    }
}
