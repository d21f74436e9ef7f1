//! The LuaJIT example: its declarations are those of `gateway.h`, and it runs.
//!
//! `UPDATE_ABI=1 cargo test -p examples --test luajit` writes the declarations anew.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("luajit")
}

#[test]
fn the_declarations_are_those_of_the_header() {
    let header = folder().join("../../gateway-ffi/include/gateway.h");
    let wanted = declarations(&std::fs::read_to_string(header).unwrap());
    let path = folder().join("gateway_h.lua");
    if std::env::var_os("UPDATE_ABI").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "{} is not that of gateway.h: UPDATE_ABI=1 writes it", path.display());
}

#[test]
fn the_script_decides() {
    if Command::new("luajit").arg("-v").output().is_err() {
        let why = "the package luajit is not installed";
        assert!(std::env::var_os("GATEWAY_REQUIRE_TOOLS").is_none(), "{why}");
        println!("SKIPPED: {why}");
        return;
    }
    for (request, wanted) in [
        (&["GET", "cafe.example.com", "/tea/green"][..], &["default/tea-svc:80", "200000 of"][..]),
        (&["GET", "cafe.example.com", "/tea", "X-Version: beta"], &["default/tea-beta-svc:80"]),
        (&["GET", "cafe.example.com", "/coffee"], &["status     418", "0 of 200000"]),
        (&["GET", "cafe.example.com", "/nothing"], &["status     404", "no-match"]),
    ] {
        let mut script = Command::new("luajit");
        script.arg(folder().join("decide.lua")).arg(folder().join("../c/cafe.yaml")).args(request);
        // Cargo has put the library there that this test depends on.
        let library = std::env::current_exe().unwrap().with_file_name("libgateway.so");
        let ran = script.env("GATEWAY_LIBRARY", library).output().unwrap();
        let (out, err) =
            (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{request:?}: {err}");
        for part in wanted {
            assert!(out.contains(part), "{request:?}: no `{part}` in:\n{out}");
        }
    }
}

/// `gateway.h` as Lua: what `ffi.cdef` takes, and the numbers.
fn declarations(header: &str) -> String {
    let plain = without_comments(header);
    let (mut cdef, mut numbers) = (String::new(), String::new());
    let mut lines = plain.lines().peekable();
    let mut is_cpp = false;
    while let Some(line) = lines.next() {
        let line = line.trim_end();
        match line {
            "#ifdef __cplusplus" => is_cpp = true,
            "#else" | "#endif" => is_cpp = false,
            _ if is_cpp || line.is_empty() => {}
            _ if line.starts_with('#') => {
                numbers += &number(line).unwrap_or_default();
                if line.ends_with('\\') {
                    lines.next();
                }
            }
            _ => writeln!(cdef, "{line}").unwrap(),
        }
    }
    format!(
        "-- Made from gateway.h by a test: do not change it by hand.\nreturn {{\n{numbers}  \
         cdef = [[\n{cdef}]],\n}}\n"
    )
}

fn without_comments(mut text: &str) -> String {
    let mut plain = String::new();
    while let Some((before, rest)) = text.split_once("/*") {
        plain += before;
        text = rest.split_once("*/").unwrap().1;
    }
    plain + text
}

/// `#define GW_NAME number` as a field of a table.
fn number(line: &str) -> Option<String> {
    let (name, value) = line.strip_prefix("#define GW_")?.split_once(' ')?;
    let value = value.trim_start_matches("UINT64_C").trim_start_matches("UINT32_C");
    let digits = value.trim_start_matches('(').trim_end_matches(')');
    digits.parse::<i64>().ok()?;
    let suffix = if line.contains("UINT64_C") { "ULL" } else { "" };
    Some(format!("  {name} = {digits}{suffix},\n"))
}
