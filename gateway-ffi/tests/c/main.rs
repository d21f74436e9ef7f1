//! Programs in C and C++ that use the library, compiled with whatever `cc` and `c++` are.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod compile;
mod memcheck;
mod overhead;
mod suite;

use compile::compile;

#[test]
fn the_calls_of_every_host() {
    compile("smoke.c").run(&[]);
}

#[test]
fn programs_built_with_an_older_or_a_newer_header() {
    compile("old_header.c").run(&[]);
}

#[test]
fn calls_as_nobody_should_make_them() {
    compile("hostile.c").run(&[]);
}

#[test]
fn policies_that_a_host_does_not_know() {
    compile("policies.c").run(&[]);
}

#[test]
fn duties_and_what_they_need() {
    compile("duties.c").run(&[]);
}

#[test]
fn clients_that_stay_where_they_were_sent_first() {
    compile("sessions.c").run(&[]);
}

#[test]
fn endpoints_that_documents_list() {
    compile("endpoints.c").run(&[]);
}

#[test]
fn what_the_manual_shows_is_compiled() {
    let trimmed =
        |text: &str| text.lines().map(|line| format!("{}\n", line.trim())).collect::<String>();
    let read = |path: &str| std::fs::read_to_string(compile::folder().join(path)).unwrap();
    let manual = read("../docs/embedding.md");
    for (section, program) in
        [("Duties", "duties.c"), ("Sessions", "sessions.c"), ("Endpoints", "endpoints.c")]
    {
        let section = manual.split("\n### ").find(|text| text.starts_with(section)).unwrap();
        let blocks: Vec<&str> = section.split("\n```").filter(|t| t.starts_with("c\n")).collect();
        assert!(!blocks.is_empty());
        let compiled = trimmed(&read(&format!("tests/c/{program}")));
        for block in blocks {
            assert!(compiled.contains(trimmed(&block[2..]).trim()), "{program} lacks:{block}");
        }
    }
}

#[test]
fn two_threads_decide_while_a_third_publishes() {
    let told = compile("threads.c").run(&["2000", "50"]);
    println!("{told}");
}

#[test]
fn the_header_for_cpp() {
    if compile::has_cpp() {
        compile("raii.cpp").run(&[]);
    }
}
