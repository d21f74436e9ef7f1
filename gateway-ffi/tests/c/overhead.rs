//! What a call through the C interface costs over the same one in Rust, in instructions: they are
//! the same on a loaded machine. Only optimised code says anything:
//! `cargo test --release -p gateway-ffi --test c overhead`.

use crate::compile::{self, Program, compile_with};
use gateway_core::rules::BackendProtocol;
use gateway_core::{
    Decision, Keeps, Options, Outcome, RequestHead, Resources, Router, Verdict, translate,
};
use http::{HeaderMap, StatusCode};
use std::hint::black_box;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// More instructions than this fail. They are those of checking what was handed in, of reading it
/// where C has it, and of writing the decision where C reads it.
const MOST: u64 = 490;

/// More instructions than this for `gw_edit_request` fail.
const MOST_TO_EDIT: u64 = 470;

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
            let facts = black_box(facts(&decision));
            assert_eq!(facts.service.1, "beta-svc");
        }
        best = best.min(start.elapsed().as_nanos() / u128::from(times.min(10_000)));
    }
    println!("native: {best} ns");
    ask_for_the_rest(&router);
}

/// What [`gw_decision`](gateway::gw_decision) tells.
struct Facts<'r> {
    _status: u16,
    _duties: [bool; 3],
    _upstream: &'r str,
    _split: Option<&'r str>,
    _route: Option<[&'r str; 4]>,
    _listener: Option<&'r str>,
    _protocol: BackendProtocol,
    _max_body: Option<u64>,
    _keeps: [Keeps; 2],
    service: (&'r str, &'r str, u16),
}

/// The same facts are read on both sides: what is measured is the way through C.
#[inline]
fn facts<'r>(decision: &Decision<'r>) -> Facts<'r> {
    let Verdict::Open(Outcome::Forward(to)) = decision.verdict() else { panic!("it is sent") };
    let name = &to.service.name;
    Facts {
        _status: to.forward.unavailable.as_u16(),
        _duties: [decision.backend_tls().is_some(), decision.mutual_tls(), to.is_checked()],
        _upstream: &to.forward.settings.name,
        _split: to.split.map(|choice| &*choice.split.origin.object.name),
        _route: decision.route().map(|route| {
            let object = &route.origin.object;
            [&*object.kind, &object.namespace, &object.name, &route.origin.field]
        }),
        _listener: decision.listener().map(|listener| &*listener.name),
        _protocol: to.protocol(),
        _max_body: to.forward.settings.max_body,
        _keeps: [decision.keeps_request(), decision.keeps_answers()],
        service: (&name.namespace, &name.name, to.port),
    }
}

/// What a host asks besides. That some code is used once only, and may be copied to where it is,
/// makes the measured loop no host's.
fn ask_for_the_rest(router: &Router) {
    let head = black_box(RequestHead::get("cafe.example.com", "/coffee").headers(&HEADERS));
    let decision = router.decide(&head, 0);
    let (mut target, mut body, mut header) = (Vec::new(), Vec::new(), HeaderMap::new());
    decision.write_target(&head, &mut target);
    decision.write_body(&head, &mut body);
    decision.edit_request(&head, &mut header);
    decision.edit_response(StatusCode::OK, &head, &mut header);
    decision.edit_refusal(StatusCode::NOT_FOUND, &head, &mut header);
    let told = (decision.host_header(&head), decision.steps(&head));
    let page = decision.error_page(StatusCode::BAD_GATEWAY, &head, "502");
    black_box((told, page, target, body, header, router.explain(&head, 0)));
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
    if !compile::has_tool("valgrind") {
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
    let [decide, _, _, forward] = ["decide", "lazy", "minimal", "forward"].map(|how| {
        let through_c =
            instructions(|times| program.command(&[documents, how, &times.to_string()]));
        println!("{how}: {through_c} instructions, {} more", through_c.saturating_sub(native));
        through_c
    });
    let more = decide.saturating_sub(native);
    assert!(more <= MOST, "{decide} - {native} = {more}");
    let more = forward.saturating_sub(decide);
    assert!(more <= MOST_TO_EDIT, "{forward} - {decide} = {more}");
}
