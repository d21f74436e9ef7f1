//! The binary interface: `gateway.h` is what the source says, and C sees what Rust sees.
//!
//! `UPDATE_ABI=1 cargo test -p gateway-ffi --test abi` writes the files anew. A change of
//! `abi.txt` other than lines that come to it breaks programs that are out there.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod header;

use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Compares a committed file with what it should be, or writes it.
fn is_up_to_date(path: &Path, wanted: &str) {
    if std::env::var_os("UPDATE_ABI").is_some() {
        std::fs::write(path, wanted).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    let difference = found.lines().zip(wanted.lines()).enumerate().find(|(_, (a, b))| a != b);
    assert!(
        found == wanted,
        "{} is not what the source says; first difference: {difference:?}; UPDATE_ABI=1 writes it",
        path.display()
    );
}

#[test]
fn the_header_is_what_the_source_says() {
    let interface = header::read(&folder());
    is_up_to_date(&folder().join("include/gateway.h"), &interface.header);
}
