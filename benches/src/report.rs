//! Tables for people.

use crate::measure::Measured;
use crate::workload::{Traffic, Workload};
use std::fmt::Write as _;

const LOCK: &str = include_str!("../../Cargo.lock");

/// One engine under one kind of traffic.
pub(crate) struct Row {
    workload: &'static str,
    rules: usize,
    traffic: &'static str,
    engine: &'static str,
    decision: f64,
    allocations: f64,
    bytes: f64,
    build: f64,
}

impl Row {
    pub(crate) fn new(workload: &Workload, traffic: Traffic, measured: &Measured) -> Self {
        let rules = workload.rules.len() as f64;
        Self {
            workload: workload.kind.name(),
            rules: workload.size,
            traffic: traffic.name(),
            engine: measured.name,
            decision: measured.decision,
            allocations: measured.allocations,
            bytes: measured.bytes as f64 / rules,
            build: measured.build / rules,
        }
    }

    fn same_run(&self, other: &Self) -> bool {
        (self.workload, self.rules, self.traffic) == (other.workload, other.rules, other.traffic)
    }
}

/// All rows as Markdown, each with its ratio to this engine.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = "| workload | rules | traffic | engine | ns | ÷ gateway | allocations | \
                    bytes per rule | build ns per rule |\n\
                    |---|---:|---|---|---:|---:|---:|---:|---:|\n"
        .to_owned();
    for row in rows {
        let anchor = rows.iter().find(|r| r.engine == "gateway" && row.same_run(r));
        let ratio = anchor.map_or(String::new(), |a| format!("{:.2}", row.decision / a.decision));
        let Row { workload, rules, traffic, engine, decision, allocations, bytes, build } = row;
        let line = format!(
            "| {workload} | {rules} | {traffic} | {engine} | {decision:.1} | {ratio} | \
             {allocations:.2} | {bytes:.0} | {build:.0} |\n"
        );
        text.write_str(&line).unwrap();
    }
    text
}

/// The table with what has to be known to read it.
pub(crate) fn page(table: &str) -> String {
    let versions: Vec<String> = ["matchit", "wayfind"].iter().map(|name| version(name)).collect();
    format!(include_str!("page.md"), versions = versions.join(", "), table = table)
}

/// The name and version of a package of the workspace's lock file.
fn version(name: &str) -> String {
    let line = format!("name = \"{name}\"\nversion = \"");
    let after = LOCK.split(&line).nth(1).and_then(|rest| rest.split('"').next());
    format!("{name} {}", after.unwrap_or("unknown"))
}
