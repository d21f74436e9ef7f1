//! The suite, run by the compiled router and by the reference.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use gateway_core::Router;
use std::path::Path;
use testkit::suite::Suite;

fn all() -> Vec<Suite> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/suite");
    Suite::load_all(&folder).unwrap()
}

/// Every fault of every scenario, so that one run shows all.
fn faults(run: impl Fn(&Suite, &mut Vec<String>)) -> Vec<String> {
    let mut faults = Vec::new();
    for suite in all() {
        let mut found = Vec::new();
        run(&suite, &mut found);
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", suite.name)));
    }
    faults
}

#[test]
fn diagnostics_are_as_expected() {
    let faults = faults(|suite, faults| faults.extend(suite.check_diagnostics().err()));
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_router_decides_as_expected() {
    let faults = faults(|suite, faults| {
        let router = Router::compile(&suite.translation().rules).unwrap();
        for case in &suite.cases {
            let fault = case.run_router(&router).err();
            faults.extend(fault.map(|fault| format!("{}: {fault}", case.name)));
        }
    });
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_reference_decides_as_expected() {
    let faults = faults(|suite, faults| {
        let rules = suite.translation().rules;
        for case in &suite.cases {
            let fault = case.run_reference(&rules).err();
            faults.extend(fault.map(|fault| format!("{}: {fault}", case.name)));
        }
    });
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn statuses_are_as_expected() {
    let faults = faults(|suite, faults| faults.extend(suite.check_statuses().err()));
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}
