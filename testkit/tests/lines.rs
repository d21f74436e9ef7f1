//! No request writes lines of its own into what is sent for it, whatever its target and its fields.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use testkit::fuzz;

/// What targets are made of, after one of the paths that have a rule.
const PIECES: [&[u8]; 18] = [
    b"/",
    b"a",
    b"%20",
    b"%2F",
    b"%C4%8A",
    b"%ff",
    b"%0d%0a",
    b"%00",
    b"?",
    b"a=",
    b"&",
    b"\xff",
    b"\xc4\x8a",
    b"\"",
    b"{",
    b"//",
    b"/./",
    b"%2e%2e",
];

const PATHS: [&str; 5] = ["/r/a/", "/p/", "/redirect", "/return", "http://echo.example.com/r/b/"];

const NAMES: [&str; 4] = ["x-a", "cookie", "x-forwarded-proto", "referer"];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn requests_write_no_lines(
        path in select(&PATHS[..]),
        pieces in vec(select(&PIECES[..]), 0..12),
        fields in vec((select(&NAMES[..]), vec(any::<u8>(), 0..20)), 0..4),
    ) {
        let mut bytes = [path.as_bytes(), &pieces.concat()].concat();
        for (name, value) in fields {
            // A line feed would end the field in this notation.
            let value = value.into_iter().filter(|octet| *octet != b'\n');
            bytes.extend_from_slice(format!("\n{name}:").as_bytes());
            bytes.extend(value);
        }
        fuzz::lines(&bytes);
    }
}
