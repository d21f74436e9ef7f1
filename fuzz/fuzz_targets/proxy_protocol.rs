//! See `gateway-proxy/src/proxy_protocol/header.rs`.
#![no_main]

#[path = "../../gateway-proxy/src/proxy_protocol/header.rs"]
mod header;

use header::{Found, LIMIT, find};

// A header is found at its last octet, and stays one; what is none stays none.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let all = find(bytes);
    let known = |end: usize| match all {
        Some(Found::Whole { len, .. }) if end >= len => all,
        Some(_) => Some(Found::Part),
        None => None,
    };
    let mut is_none = false;
    for end in 0..bytes.len() {
        let found = find(&bytes[..end]);
        assert!(!is_none || found.is_none());
        is_none = found.is_none();
        if all.is_some() {
            assert_eq!(found, known(end));
        } else {
            assert!(matches!(found, None | Some(Found::Part)));
        }
    }
    match all {
        Some(Found::Whole { len, .. }) => assert!(len <= LIMIT.min(bytes.len())),
        Some(Found::Part) => assert!(bytes.len() < LIMIT),
        None => {}
    }
});
