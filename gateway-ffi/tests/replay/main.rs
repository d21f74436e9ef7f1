//! What the fuzz target `ffi` starts from and what it has found, replayed; and requests that are made
//! up.

mod drive;

use drive::drive;
use std::path::Path;
use testkit::generate::Source;

#[test]
fn seeds_and_regressions() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let mut files = 0;
    for folder in ["corpus/ffi", "regressions/ffi"] {
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            drive(&std::fs::read(&path).unwrap());
            files += 1;
        }
    }
    assert!(files > 0);
}

#[test]
fn requests_that_are_made_up() {
    let methods: [&[u8]; 5] = [b"", b"POST", b"OPTIONS", b"\xfe", b"CONNECT"];
    let hosts: [&[u8]; 6] =
        [b"", b"Cafe.example.com:80", b"a.shop.example", b"none", b"[::1]", b"a b"];
    let targets: [&[u8]; 15] = [
        b"",
        b"/tea/%67reen",
        b"/tea?v=1",
        b"/tea/../hello",
        b"/x/old",
        b"/limited",
        b"/users?v=beta",
        b"/ask/in",
        b"/cart/7",
        b"http://a.shop.example/check/%61",
        b"/old",
        b"*",
        b"http://a.shop.example/cart",
        b"/tea\x00",
        b"bad",
    ];
    let names: [&[u8]; 6] = [b"x-a", b"X-Version", b"cookie", b"Host", b"\xfe", b"Authorization"];
    let values: [&[u8]; 6] = [b"b", b"beta", b"user=alice", b"", b"\xfe\r\n", b"Basic YW5uOng="];
    for seed in 1..=200 {
        let mut source = Source::noise(seed);
        let mut bytes = Vec::new();
        let mut put = |part: &[u8]| {
            bytes.push(255);
            bytes.extend_from_slice(part);
        };
        put(source.pick(&methods));
        put(source.pick(&targets));
        put(source.pick(&hosts));
        for _ in 0..source.below(4) {
            put(source.pick(&names));
            put(source.pick(&values));
        }
        drive(&bytes);
    }
}
