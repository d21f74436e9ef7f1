//! The same programs under valgrind, which sees reads beyond what was handed in, and leaks.

use crate::compile::{Program, compile_with};
use std::process::Command;

/// Runs a program under memcheck. Where there is no valgrind it says so, and is content unless
/// `GATEWAY_REQUIRE_TOOLS` is set.
fn memcheck(source: &str, arguments: &[&str]) {
    if Command::new("valgrind").arg("--version").output().is_err() {
        assert!(std::env::var_os("GATEWAY_REQUIRE_TOOLS").is_none(), "there is no valgrind");
        println!("SKIPPED: there is no valgrind");
        return;
    }
    let program: Program = compile_with(source, &format!("memcheck-{source}"), &[]);
    program.run_under(
        &["valgrind", "-q", "--error-exitcode=9", "--leak-check=full", "--show-leak-kinds=all"],
        arguments,
    );
}

#[test]
fn no_memory_is_lost_by_the_calls_of_every_host() {
    memcheck("smoke.c", &[]);
    memcheck("raii.cpp", &[]);
}

#[test]
fn nothing_is_read_that_was_not_handed_in() {
    memcheck("hostile.c", &[]);
    memcheck("old_header.c", &[]);
    memcheck("policies.c", &[]);
}

#[test]
fn no_memory_is_lost_while_threads_decide_and_publish() {
    memcheck("threads.c", &["2000", "20"]);
}
