//! The page for people.

mod goals;
mod table;

use crate::cell::Row;
use crate::recompile::Recompile;
use std::process::Command;

const LOCK: &str = include_str!("../../Cargo.lock");

/// The peers, by the names of their packages.
const PEERS: &[&str] = &["matchit", "wayfind", "path-tree", "atc-router", "regex"];

/// Everything that was measured.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order of the tables.
    pub rows: Vec<Row>,
    /// In ascending order.
    pub recompiles: Vec<Recompile>,
}

impl Report {
    /// The goals and all tables, as Markdown.
    pub fn tables(&self) -> String {
        format!("{}\n{}", goals::table(self), table::all(self))
    }

    /// The tables with what has to be known to read them.
    pub fn page(&self) -> String {
        let peers: Vec<String> = PEERS.iter().map(|name| version(name)).collect();
        format!(
            include_str!("report/page.md"),
            peers = peers.join(", "),
            rustc = rustc(),
            machine = machine(),
            goals = goals::table(self),
            tables = table::all(self),
        )
    }
}

/// The name and version of a package of the workspace's lock file.
fn version(name: &str) -> String {
    let line = format!("name = \"{name}\"\nversion = \"");
    let after = LOCK.split(&line).nth(1).and_then(|rest| rest.split('"').next());
    format!("{name} {}", after.unwrap_or("unknown"))
}

fn rustc() -> String {
    let output = Command::new("rustc").arg("--version").output();
    let text = output.ok().and_then(|output| String::from_utf8(output.stdout).ok());
    let version = text.as_deref().and_then(|text| text.split_whitespace().nth(1));
    format!("rustc {}", version.unwrap_or("unknown"))
}

fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(": ")).map(|(_, name)| name);
    model.unwrap_or("an unknown processor").to_owned()
}
