//! The binary interface: `gateway.h` is what the source says, C sees what Rust sees, and neither
//! changes unnoticed.
//!
//! `UPDATE_ABI=1 cargo test -p gateway-ffi --test abi` writes the committed files anew. A change of
//! `abi.txt` other than lines that come to it breaks programs that are out there: then
//! `GW_ABI_VERSION` changes too.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod header;
mod layout;

use gateway::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

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

/// What C makes of the header that the source says, found out once: the committed files may be those
/// of an older source.
fn seen_by_c() -> &'static str {
    static SEEN: OnceLock<String> = OnceLock::new();
    SEEN.get_or_init(|| {
        let interface = header::read(&folder());
        let mut declarations = interface.functions.clone();
        declarations.sort();
        let include = Path::new(env!("CARGO_TARGET_TMPDIR")).join("include");
        std::fs::create_dir_all(&include).unwrap();
        std::fs::write(include.join("gateway.h"), &interface.header).unwrap();
        let layout = layout::of_header(&interface, &include);
        format!("{}\n\n{layout}", declarations.join("\n"))
    })
}

/// The structs and their sizes in C.
fn structs_of_c() -> impl Iterator<Item = (&'static str, usize)> {
    let lines = seen_by_c().lines().filter_map(|line| line.strip_prefix("struct "));
    lines.map(|line| {
        let (name, size) = line.split_once(' ').unwrap();
        (name, size.parse().unwrap())
    })
}

#[test]
fn symbols_sizes_offsets_and_numbers_are_those_that_were_promised() {
    is_up_to_date(&folder().join("abi.txt"), seen_by_c());
}

/// A library that exports more collides with others in a large process.
#[test]
fn the_library_exports_what_the_header_declares_and_nothing_else() {
    let library = std::env::current_exe().unwrap().with_file_name("libgateway.so");
    let Some(symbols) = layout::symbols(&library) else {
        println!("SKIPPED: there is no nm");
        return;
    };
    let interface = header::read(&folder());
    let mut wanted: Vec<&str> = interface.names().collect();
    wanted.sort_unstable();
    assert_eq!(symbols, wanted);
}

/// Sizes and alignments in Rust, beside those in C.
#[test]
fn rust_sees_what_c_sees() {
    macro_rules! sizes {
        ($($name:ident)*) => {
            BTreeMap::from([$((stringify!($name), size_of::<$name>())),*])
        };
    }
    let rust = sizes!(
        gw_str gw_header gw_source gw_build_options gw_diagnostic gw_listener gw_needs gw_request
        gw_decision gw_step gw_basic_auth gw_jwt gw_client_certificate gw_external_auth
        gw_auth_check gw_cache gw_header_op gw_forward gw_settings gw_backend_tls gw_session
        gw_endpoints gw_endpoint gw_mirror gw_response
    );
    let c: BTreeMap<&str, usize> = structs_of_c().collect();
    assert_eq!(rust, c);
}

#[test]
fn structs_that_may_grow_are_whole_words() {
    // A user's size is a multiple of a word, so no pointer is ever cut in two.
    for (name, size) in structs_of_c() {
        assert_eq!(size % size_of::<usize>(), 0, "{name}");
    }
}

/// Exported functions that have nothing that could panic.
const PLAIN: [&str; 4] = ["gw_abi_version", "gw_mix64", "gw_set_log", "gw_version"];

#[test]
fn no_entry_lets_a_panic_out() {
    for (name, body) in header::bodies(&folder()) {
        let guards = ["boundary (", "or (", "decider :: with (", "{ tell ("];
        let is_guarded = guards.iter().any(|guard| body.contains(guard));
        assert_eq!(is_guarded, !PLAIN.contains(&&*name), "{name}: {body}");
    }
}
