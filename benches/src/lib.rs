//! Benchmarks: this engine and its peers, over the same rules and requests.
//!
//! ```text
//!  workload ──► engine ──► measure ──► cell ──────► report
//!  rules and    ours and   checked,    a process    tables and
//!  requests     the peers  then timed  of its own   goals
//! ```
//!
//! The binary prints the tables; `benches/decide.rs` runs the same engines under criterion.
#![expect(clippy::unwrap_used, reason = "benches fail by panicking")]

pub mod alloc;
pub mod cell;
pub mod engine;
pub mod measure;
pub mod recompile;
pub mod report;
pub mod workload;

/// A number of rules as people write it: `10k`.
pub fn label(size: usize) -> String {
    match size {
        0 => "0".to_owned(),
        n if n % 1_000_000 == 0 => format!("{}M", n / 1_000_000),
        n if n % 1_000 == 0 => format!("{}k", n / 1_000),
        n => n.to_string(),
    }
}
