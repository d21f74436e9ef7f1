//! The router decides as the naive reference does.

use gateway_core::Router;
use proptest::prelude::*;
use proptest::test_runner::Config;
use testkit::generate::scenario;
use testkit::reference::{self, Answer};

/// `PROPTEST_CASES` asks for long runs.
fn config() -> Config {
    let default = Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { 512 };
    Config { cases, failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_the_reference(scenario in scenario(16)) {
        let router = Router::compile(&scenario.rules).unwrap();
        for (request, draw) in &scenario.requests {
            let want = reference::decide(&scenario.rules, request, *draw);
            let got = Answer::of(&router.decide(request, *draw));
            prop_assert_eq!(got, want, "{:?} {}", request, draw);
        }
    }
}

/// A generator whose scenarios never reach an outcome proves nothing about it.
#[test]
fn scenarios_reach_every_outcome() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    use std::collections::BTreeMap;
    use testkit::reference::Verdict;

    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut runner = TestRunner::deterministic();
    for _ in 0..1000 {
        let case = scenario(16).new_tree(&mut runner).unwrap().current();
        for (request, draw) in &case.requests {
            let answer = reference::decide(&case.rules, request, *draw);
            let name = match &answer.verdict {
                Verdict::Forward { split: None, .. } => "forward".into(),
                Verdict::Forward { split: Some(choice), .. } => {
                    format!("split, conditional: {}", choice.matched.is_some())
                }
                Verdict::Redirect { .. } => "redirect".into(),
                Verdict::Respond { .. } => "respond".into(),
                Verdict::NoRoute(why) => format!("{why:?}"),
            };
            *seen.entry(name).or_default() += 1;
            if answer.branch.is_some() {
                *seen.entry("branch".into()).or_default() += 1;
            }
        }
    }
    for wanted in [
        "forward",
        "split, conditional: true",
        "split, conditional: false",
        "redirect",
        "respond",
        "branch",
        "NoListener",
        "NoHost",
        "NoMatch",
        "MethodNotAllowed",
        "NoBranch(500)",
        "NoBackend",
        "Invalid(NoHost)",
        "Invalid(SeveralHosts)",
        "Invalid(MalformedHost)",
        "Invalid(NotAPath)",
        "Invalid(MalformedEscape)",
        "Invalid(Nul)",
        "Invalid(ControlCharacter)",
        "Invalid(Backslash)",
        "Invalid(EncodedSlash)",
        "Invalid(AboveRoot)",
        "Invalid(DotParameters)",
        "Invalid(HiddenDots)",
    ] {
        let times = seen.get(wanted).copied().unwrap_or_default();
        assert!(times >= 5, "{wanted}: {times} times among {seen:#?}");
    }
}
