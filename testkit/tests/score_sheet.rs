//! What virtualserver.md promises of itself: each row of its score sheet (§21) has a mark and names
//! tests that exist, and each surprise (§19) says whether it is followed.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use testkit::suite::Suite;

/// How many rows there are of each letter, numbered from 1.
const ROWS: [(&str, usize); 10] = [
    ("R", 11),
    ("P", 8),
    ("D", 9),
    ("M", 8),
    ("S", 3),
    ("A", 12),
    ("E", 5),
    ("U", 20),
    ("K", 25),
    ("X", 1),
];

const SURPRISES: usize = 36;

/// Where source files stand whose path begins with no crate.
const HERE: &str = "gateway-core/src/translate/virtual_server";

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn page() -> String {
    fs::read_to_string(repository().join("docs/spec/virtualserver.md")).unwrap()
}

/// The only table row with this id, cut into its cells.
fn row<'p>(page: &'p str, id: &str) -> Vec<&'p str> {
    let start = format!("| {id} |");
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with(&start)).collect();
    assert_eq!(rows.len(), 1, "rows of {id}");
    rows[0].trim_matches('|').split('|').map(str::trim).collect()
}

#[test]
fn each_row_has_a_mark_and_tests_that_exist() {
    let page = page();
    let scenarios = scenarios();
    for (letter, count) in ROWS {
        for number in 1..=count {
            let id = format!("{letter}{number:02}");
            let cells = row(&page, &id);
            let [_, capability, mark, note, proofs] = cells[..] else { panic!("{id}: {cells:?}") };
            assert!(!capability.is_empty(), "{id}");
            assert!(["done", "data", "partly", "not"].contains(&mark), "{id}: mark `{mark}`");
            assert!(mark == "done" || !note.is_empty(), "{id}: {mark}, and nothing said of it");
            let tests: Vec<_> = proofs.split('`').skip(1).step_by(2).collect();
            assert!(!tests.is_empty(), "{id} names no test");
            for test in tests {
                assert!(exists(test, &scenarios), "{id}: there is no test `{test}`");
            }
        }
    }
}

#[test]
fn each_surprise_is_followed_or_not_copied() {
    let page = page();
    for number in 1..=SURPRISES {
        let id = format!("Q{number}");
        let cells = row(&page, &id);
        let [_, behaviour, _, here] = cells[..] else { panic!("{id}: {cells:?}") };
        assert!(!behaviour.is_empty(), "{id}");
        assert!(here.starts_with("followed") || here.starts_with("not copied"), "{id}: `{here}`");
    }
}

/// The scenarios of the suite, as `file.yaml: name`.
fn scenarios() -> BTreeSet<String> {
    let suites = Suite::load_all(&repository().join("testdata/suite")).unwrap();
    suites.iter().map(|suite| suite.name.replacen(": ", ".yaml: ", 1)).collect()
}

/// Whether there is such a scenario, or such a test in a source file.
fn exists(test: &str, scenarios: &BTreeSet<String>) -> bool {
    let Some((file, name)) = test.split_once(": ") else { return false };
    if file.ends_with(".yaml") {
        return scenarios.contains(test);
    }
    let folder = match file.starts_with("gateway-") || file.starts_with("testkit/") {
        true => repository().to_owned(),
        false => repository().join(HERE),
    };
    let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let head = format!("fn {name}(");
    lines.windows(2).any(|pair| pair[0] == "#[test]" && pair[1].starts_with(&head))
}
