//! What fuzzing found once, and the seeds it starts from, replayed.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use gateway_core::Router;
use gateway_core::rules::{PathPattern, Test};
use std::collections::BTreeSet;
use std::path::Path;
use testkit::fuzz;
use testkit::generate::{Scenario, Source};
use testkit::reference::{Answer, Verdict};

/// Hands every file of the target's folders to `target`, and tells how many there were.
fn replay(name: &str, target: fn(&[u8])) -> usize {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let mut files = 0;
    for folder in ["corpus", "regressions"] {
        let Ok(entries) = std::fs::read_dir(root.join(folder).join(name)) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            target(&std::fs::read(&path).unwrap());
            files += 1;
        }
    }
    files
}

#[test]
fn load() {
    assert!(replay("load", fuzz::load) > 0);
}

#[test]
fn decide() {
    assert!(replay("decide", fuzz::decide) > 0);
}

/// Explanations are of the decisions that the other target found.
#[test]
fn explain() {
    assert!(replay("decide", fuzz::explain) + replay("explain", fuzz::explain) > 0);
}

/// Each kind of answer is among the seeds.
#[test]
fn lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/lines");
    let mut sums = [0; 3];
    for entry in std::fs::read_dir(root).unwrap() {
        let counts = fuzz::lines(&std::fs::read(entry.unwrap().path()).unwrap());
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    assert!(sums.iter().all(|sum| *sum > 0), "{sums:?}");
    replay("lines", |bytes| _ = fuzz::lines(bytes));
}

/// Edits begin with the rules of the other target.
#[test]
fn edits() {
    assert!(replay("edits", fuzz::edits) > 0);
}

/// Writes the seeds of `decide` and `edits` anew, for when the reading of octets has changed:
///
/// ```text
/// cargo test -p testkit --test regressions -- --ignored
/// ```
///
/// Of many random strings it takes those that show something that none before has shown, shorter
/// ones first; for `edits` some of each length.
#[test]
#[ignore = "writes files"]
fn write_seeds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let empty = |name: &str| {
        let folder = corpus.join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    };
    let folder = empty("edits");
    for n in 0..24_u64 {
        let mut source = Source::noise((n + 1) << 40);
        let bytes: Vec<u8> = (0..16 * n).map(|_| source.below(256) as u8).collect();
        std::fs::write(folder.join(format!("seed-{n:02}")), bytes).unwrap();
    }
    let folder = empty("decide");
    let mut seen = BTreeSet::new();
    let mut written = 0;
    for seed in 1..1_600_u64 {
        let mut source = Source::noise(seed << 24);
        let bytes: Vec<u8> = (0..seed / 5).map(|_| source.below(256) as u8).collect();
        let shown = shown(&Scenario::read(&bytes));
        if shown.difference(&seen).count() > written / 16 {
            seen.extend(shown);
            std::fs::write(folder.join(format!("seed-{written:02}")), bytes).unwrap();
            written += 1;
        }
    }
    println!("{written} seeds show {seen:#?}");
    assert!(written < 50, "{written} are too many");
}

/// What a scenario shows: outcomes, and by what kind of route.
fn shown(scenario: &Scenario) -> BTreeSet<String> {
    let router = Router::compile(&scenario.rules).unwrap();
    let mut shown = BTreeSet::new();
    for (request, draw) in &scenario.requests {
        let decision = router.decide(request, *draw);
        let answer = Answer::of(&decision, request);
        shown.extend(answer.steps.iter().map(|step| step.kind.to_owned()));
        shown.insert(match answer.verdict {
            Verdict::NoRoute(why) => format!("{why:?}"),
            Verdict::Forward { split, .. } => format!("forward {}", split.is_some()),
            Verdict::Deny { .. } => "deny".into(),
            Verdict::Redirect { .. } => "redirect".into(),
            Verdict::Respond { .. } => "respond".into(),
        });
        let (Some(route), Some(host)) = (decision.route(), decision.host()) else { continue };
        let kind = match &route.path {
            PathPattern::Exact(_) => "exact",
            PathPattern::Prefix { .. } => "prefix",
            PathPattern::Regex(_) => "expression",
        };
        let captures = decision.captures(request).iter().count();
        let routes = match host.routes.len() {
            0..=8 => "few",
            9..=64 => "many",
            _ => "very many",
        };
        shown.insert(format!("{kind} with {captures} parameters"));
        shown.insert(format!("{kind} of {routes}"));
        for condition in &route.conditions {
            let test = match condition.test {
                Test::Equals { .. } => "equal",
                Test::Empty => "empty",
                Test::Matches { .. } => "matches",
            };
            let field = condition.field.to_string();
            let field = field.split('`').next().unwrap_or_default().trim_end().to_owned();
            shown.insert(format!("{field} {test}"));
            shown.insert(format!("{test} of {routes}, negated: {}", condition.negated));
        }
    }
    shown
}
