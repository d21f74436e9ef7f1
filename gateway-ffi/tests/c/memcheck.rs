//! The same programs under valgrind, which sees reads beyond what was handed in, and leaks.

use crate::compile::{Program, compile_with, has_cpp, has_tool};

/// Runs a program under memcheck, where there is valgrind.
fn memcheck(source: &str, arguments: &[&str]) {
    if !has_tool("valgrind") {
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
    if has_cpp() {
        memcheck("raii.cpp", &[]);
    }
}

#[test]
fn nothing_is_read_that_was_not_handed_in() {
    memcheck("hostile.c", &[]);
    memcheck("old_header.c", &[]);
    memcheck("policies.c", &[]);
    memcheck("sessions.c", &[]);
    memcheck("endpoints.c", &[]);
    memcheck("duties.c", &[]);
}

#[test]
fn no_memory_is_lost_while_threads_decide_and_publish() {
    memcheck("threads.c", &["2000", "20"]);
}
