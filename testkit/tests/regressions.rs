//! What fuzzing found once, and the seeds it starts from, replayed.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::Path;
use testkit::fuzz;

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
