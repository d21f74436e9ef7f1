//! What lints tell is true.
//!
//! A long run:
//!
//! ```text
//! PROPTEST_CASES=20000 cargo test -p testkit --release --test lint -- --nocapture
//! ```

use gateway_core::lint;
use proptest::test_runner::{Config, TestRunner};
use std::cell::Cell;
use std::collections::BTreeSet;
use testkit::generate::{Scenario, scenario};
use testkit::reference;

const REQUESTS: usize = 100;

#[test]
fn what_is_called_unreachable_is_never_reached() {
    let default = Config::default();
    let cases = std::env::var_os("PROPTEST_CASES").map_or(150, |_| default.cases);
    let config = Config { cases, failure_persistence: None, ..default };
    let (unreachable, with_example) = (Cell::new(0), Cell::new(0));
    let run = |Scenario { rules, requests }: Scenario| {
        let found = lint(&rules);
        let called = found.iter().filter(|found| found.code == "unreachable-route");
        // In generated rules each has a field path of its own.
        let fields: BTreeSet<&str> = called.clone().map(|found| &*found.field).collect();
        for (request, draw) in &requests {
            if let Some(route) = reference::decide(&rules, request, *draw).route
                && fields.contains(&*route.field)
            {
                panic!("{route} was reached\n{found:#?}\n{request:?}\n{rules:#?}");
            }
        }
        unreachable.set(unreachable.get() + fields.len());
        let example = called.filter(|found| found.message.contains('`'));
        with_example.set(with_example.get() + example.count());
        Ok(())
    };
    TestRunner::new(config).run(&scenario(REQUESTS), run).unwrap();
    let (unreachable, with_example) = (unreachable.get(), with_example.get());
    println!("{unreachable} routes are unreachable, a request shows it for {with_example}");
    assert!(unreachable > 2 * cases as usize && with_example > unreachable / 3);
}
