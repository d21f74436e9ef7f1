//! Compiling from a previous router decides as compiling anew does, and as the reference does.
//!
//! A long run:
//!
//! ```text
//! PROPTEST_CASES=3000 cargo test -p testkit --release --test edits -- --nocapture
//! ```

use proptest::test_runner::{Config, TestRunner};
use std::cell::RefCell;
use testkit::fuzz::{EditCounts, edit};
use testkit::generate::Source;

#[test]
fn edits_decide_as_compiled_anew() {
    let default = Config::default();
    let cases = std::env::var_os("PROPTEST_CASES").map_or(12, |_| default.cases);
    let config = Config { cases, failure_persistence: None, ..default };
    let counts = RefCell::new(EditCounts::default());
    let run = |seed: u64| {
        let (mut rules, mut others) = (Source::noise(seed), Source::noise(!seed));
        edit(&mut rules, &mut others, 8, 20, &mut counts.borrow_mut());
        Ok(())
    };
    TestRunner::new(config).run(&proptest::num::u64::ANY, run).unwrap();
    let counts = counts.into_inner();
    println!("{counts:?}");
    assert!(counts.compiled > 5 * counts.refused, "most edits lead to a configuration: {counts:?}");
}
