//! What a call through the C interface costs over the same one in Rust, in instructions: they are
//! the same on a loaded machine. Only optimised code says anything:
//! `cargo test --release -p gateway-ffi --test c overhead`.

use crate::compile::{self, Program, compile_with};
use gateway_core::{Options, RequestHead, Resources, Router, translate};
use std::hint::black_box;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// More instructions than this fail.
const MOST: u64 = 200;

const DOCUMENTS: &str = include_str!("overhead.yaml");

/// What both programs decide: the same as in `overhead.c`.
const HEADERS: [(&str, &str); 4] = [
    ("user-agent", "curl/8.5.0"),
    ("accept", "*/*"),
    ("x-version", "beta"),
    ("x-request-id", "0123456789abcdef"),
];

/// Where to find how often the native loop runs.
const TIMES: &str = "GATEWAY_OVERHEAD_TIMES";

/// The same calls in Rust, where [`TIMES`] asks for them.
#[test]
fn native_loop() {
    let Ok(times) = std::env::var(TIMES) else { return };
    let times: u64 = times.parse().unwrap();
    let resources = Resources::from_yaml(DOCUMENTS).unwrap();
    let router = Router::compile(&translate(&resources, &Options::default()).rules).unwrap();
    let mut best = u128::MAX;
    for _ in 0..times.div_ceil(10_000) {
        let start = Instant::now();
        for draw in 0..times.min(10_000) {
            let head = RequestHead::get("cafe.example.com", "/tea/green?x=1").headers(&HEADERS);
            let request = black_box(&head);
            let decision = router.decide(request, draw);
            assert_eq!(&*decision.service().unwrap().name.name, "beta-svc");
        }
        best = best.min(start.elapsed().as_nanos() / u128::from(times.min(10_000)));
    }
    println!("native: {best} ns");
}

/// The instructions of one call: of a long run less those of a short one.
fn instructions(run: impl Fn(u64) -> Command) -> u64 {
    let all = [1_000, 9_000].map(|times| {
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("callgrind.{times}"));
        let program = run(times);
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", &format!("--callgrind-out-file={}", file.display())]);
        command.arg(program.get_program()).args(program.get_args());
        command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        compile::expect_success(command);
        let text = std::fs::read_to_string(&file).unwrap();
        let totals = text.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
        totals.trim().parse::<u64>().unwrap()
    });
    (all[1] - all[0]) / 8_000
}

#[test]
fn a_call_costs_few_instructions_more_than_in_rust() {
    if cfg!(debug_assertions) {
        println!("SKIPPED: this code is not optimised; run it with --release");
        return;
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        assert!(std::env::var_os("GATEWAY_REQUIRE_TOOLS").is_none(), "there is no valgrind");
        println!("SKIPPED: there is no valgrind");
        return;
    }
    let program: Program = compile_with("overhead.c", "overhead", &[]);
    let documents = compile::folder().join("tests/c/overhead.yaml");
    let documents = documents.to_str().unwrap();
    let native = instructions(|times| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "overhead::native_loop", "--nocapture"])
            .env(TIMES, times.to_string());
        command
    });
    println!("native: {native} instructions");
    for how in ["decide", "lazy", "minimal", "forward"] {
        let through_c =
            instructions(|times| program.command(&[documents, how, &times.to_string()]));
        println!("{how}: {through_c} instructions, {} more", through_c.saturating_sub(native));
        if how == "decide" {
            let more = through_c.saturating_sub(native);
            assert!(more <= MOST, "{through_c} - {native} = {more}");
        }
    }
}
