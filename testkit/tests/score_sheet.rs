//! What the pages of the specification promise of themselves: each row of a score sheet has a mark
//! and names tests that exist, and each surprise of virtualserver.md (§19) says whether it is
//! followed.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use gateway_core::FEATURES;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use testkit::suite::Suite;

/// A page of the specification with a score sheet.
struct Page {
    /// Its file below `docs/spec`.
    file: &'static str,
    /// Where source files stand whose path begins with no crate.
    folder: &'static str,
    /// How many digits the number of a row has at least.
    digits: usize,
    /// How many rows there are that begin with each text, numbered from 1.
    rows: &'static [(&'static str, usize)],
}

const VIRTUAL_SERVER: Page = Page {
    file: "virtualserver.md",
    folder: "gateway-core/src/translate/virtual_server",
    digits: 2,
    rows: &[
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
    ],
};

const SMI: Page = Page {
    file: "smi.md",
    folder: "gateway-core/src/translate/smi",
    digits: 1,
    rows: &[
        ("R-", 3),
        ("P-", 11),
        ("W-", 9),
        ("S-", 23),
        ("H-", 17),
        ("L-", 2),
        ("T-", 18),
        ("X-", 5),
        ("N-", 14),
        ("E-", 8),
        ("V-", 5),
    ],
};

/// The codes of smi.md §10.
const SMI_DIAGNOSTICS: Page =
    Page { digits: 2, rows: &[("SMI-N", 2), ("SMI-W", 15), ("SMI-L", 3)], ..SMI };

/// Its rows are features, by name.
const GATEWAY_API: Page = Page {
    file: "gateway-api.md",
    folder: "gateway-core/src/translate/gateway_api",
    digits: 0,
    rows: &[],
};

/// The features of the Gateway API for which nothing is done.
const OTHER_FEATURES: [&str; 5] =
    ["TCPRoute", "TLSRoute", "TLSRouteModeMixed", "TLSRouteModeTerminate", "UDPRoute"];

const MARKS: [&str; 4] = ["done", "data", "partly", "not"];

const SURPRISES: usize = 36;

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The only table row with this id, cut into its cells.
fn row<'p>(text: &'p str, id: &str) -> Vec<&'p str> {
    let start = format!("| {id} |");
    let rows: Vec<_> = text.lines().filter(|line| line.starts_with(&start)).collect();
    assert_eq!(rows.len(), 1, "rows of {id}");
    cells(rows[0])
}

fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split('|').map(str::trim).collect()
}

impl Page {
    fn read(&self) -> String {
        fs::read_to_string(repository().join("docs/spec").join(self.file)).unwrap()
    }

    fn check(&self) {
        let Self { digits, rows, .. } = self;
        let (text, scenarios) = (self.read(), scenarios());
        for (start, count) in *rows {
            for number in 1..=*count {
                self.check_row(&text, &format!("{start}{number:0digits$}"), &scenarios);
            }
            let next = format!("| {start}{:0digits$} |", count + 1);
            assert!(!text.contains(&next), "{}: more rows than {count} of {start}", self.file);
        }
    }

    /// Checks the row with this id, and says its mark.
    fn check_row<'p>(&self, text: &'p str, id: &str, scenarios: &BTreeSet<String>) -> &'p str {
        let cells = row(text, id);
        let [_, capability, mark, note, proofs] = cells[..] else { panic!("{id}: {cells:?}") };
        assert!(!capability.is_empty(), "{id}");
        assert!(MARKS.contains(&mark), "{id}: mark `{mark}`");
        assert!(mark == "done" || !note.is_empty(), "{id}: {mark}, and nothing said of it");
        let tests: Vec<_> = proofs.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "{id} names no test");
        for test in tests {
            assert!(exists(test, self.folder, scenarios), "{id}: there is no test `{test}`");
        }
        mark
    }
}

#[test]
fn each_row_of_virtual_servers_has_a_mark_and_tests_that_exist() {
    VIRTUAL_SERVER.check();
}

#[test]
fn each_row_of_smi_has_a_mark_and_tests_that_exist() {
    SMI.check();
    SMI_DIAGNOSTICS.check();
}

#[test]
fn each_feature_of_the_gateway_api_has_a_mark_and_tests_that_exist() {
    let (text, scenarios) = (GATEWAY_API.read(), scenarios());
    // Other sections have tables with rows of the same names.
    let (_, sheet) = text.split_once("\n## 27. ").unwrap();
    for name in FEATURES.into_iter().chain(OTHER_FEATURES) {
        let mark = GATEWAY_API.check_row(sheet, name, &scenarios);
        assert_eq!(mark == "not", OTHER_FEATURES.contains(&name), "{name}: mark `{mark}`");
    }
    let is_marked = |line: &&str| cells(line).get(2).is_some_and(|mark| MARKS.contains(mark));
    assert_eq!(sheet.lines().filter(is_marked).count(), FEATURES.len() + OTHER_FEATURES.len());
}

#[test]
fn each_rule_of_smi_has_a_row() {
    let text = SMI.read();
    for line in text.lines().filter_map(|line| line.strip_prefix("**")) {
        let id: String = line.chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect();
        let is_rule = |(start, _): &(&str, usize)| {
            id.strip_prefix(start).is_some_and(|number| number.parse::<u32>().is_ok())
        };
        if SMI.rows.iter().any(is_rule) {
            row(&text, &id);
        }
    }
}

#[test]
fn each_surprise_is_followed_or_not_copied() {
    let text = VIRTUAL_SERVER.read();
    for number in 1..=SURPRISES {
        let id = format!("Q{number}");
        let cells = row(&text, &id);
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

/// Whether there is such a scenario, or such a test in a source file, which stands below `folder`
/// unless its path begins with a crate.
fn exists(test: &str, folder: &str, scenarios: &BTreeSet<String>) -> bool {
    let Some((file, name)) = test.split_once(": ") else { return false };
    if file.ends_with(".yaml") {
        return scenarios.contains(test);
    }
    let folder = match file.starts_with("gateway-") || file.starts_with("testkit/") {
        true => repository().to_owned(),
        false => repository().join(folder),
    };
    let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let head = format!("fn {name}(");
    lines.windows(2).any(|pair| pair[0] == "#[test]" && pair[1].starts_with(&head))
}
