//! How long a decision takes, with the peers in the same process.
//!
//! ```text
//! cargo run --release -p benches -- [a b c d f] [--min RULES] [--max RULES] [--rounds N]
//!     [--engine TEXT] [--traffic uniform|hot|miss] [--write FILE]
//! ```
//!
//! With `--rounds 0` each request is decided once, for tools that count instructions.
#![expect(clippy::unwrap_used, reason = "benches fail by panicking")]

mod alloc;
mod engines;
mod measure;
mod report;
mod workload;

use engines::{Bare, ByHost, Engine, Gateway, Linear};
use measure::Measured;
use workload::{Kind, Traffic, Workload};

struct Arguments {
    kinds: Vec<Kind>,
    min: usize,
    max: usize,
    rounds: usize,
    engine: Option<String>,
    traffic: Option<String>,
    write: Option<String>,
}

fn main() {
    let arguments = arguments();
    let mut rows = Vec::new();
    for &kind in &arguments.kinds {
        for rules in [100, 1_000, 10_000, 100_000, 1_000_000] {
            if (arguments.min..=arguments.max).contains(&rules) {
                rows.extend(run(&Workload::new(kind, rules), &arguments));
            }
        }
    }
    let table = report::table(&rows);
    println!("{table}");
    if let Some(file) = &arguments.write {
        std::fs::write(file, report::page(&table)).unwrap();
    }
}

fn arguments() -> Arguments {
    let mut found = Arguments {
        kinds: Vec::new(),
        min: 100,
        max: 10_000,
        rounds: 9,
        engine: None,
        traffic: None,
        write: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} wants a value"));
        match &*argument {
            "--min" => found.min = value().parse().unwrap(),
            "--max" => found.max = value().parse().unwrap(),
            "--rounds" => found.rounds = value().parse().unwrap(),
            "--engine" => found.engine = Some(value()),
            "--traffic" => found.traffic = Some(value()),
            "--write" => found.write = Some(value()),
            name => {
                found.kinds.push(Kind::named(name).unwrap_or_else(|| panic!("what is {name}?")))
            }
        }
    }
    if found.kinds.is_empty() {
        found.kinds.extend(Kind::ALL);
    }
    found
}

/// Measures every engine that can do the workload, under all kinds of traffic.
fn run(workload: &Workload, arguments: &Arguments) -> Vec<report::Row> {
    let mut traffic = vec![Traffic::Uniform, Traffic::Hot, Traffic::Miss];
    traffic.retain(|t| arguments.traffic.as_ref().is_none_or(|name| name == t.name()));
    let wanted = |name: &str| arguments.engine.as_ref().is_none_or(|text| name.contains(&**text));
    let mut engines: Vec<Measured> = Vec::new();
    let mut add = |name: &'static str, build: &dyn Fn(&Workload) -> Option<Box<dyn Engine>>| {
        if wanted(name) {
            engines.extend(Measured::build(name, workload, build));
        }
    };
    add("matchit, bare", &Bare::<matchit::Router<usize>>::build);
    add("gateway", &Gateway::build);
    add("matchit by host", &ByHost::<matchit::Router<usize>>::build);
    add("wayfind by host", &ByHost::<wayfind::Router<usize>>::build);
    add("linear list", &Linear::build);
    let mut rows = Vec::new();
    for traffic in traffic {
        let requests = workload.requests(traffic);
        measure::agree(&engines, workload, &requests);
        measure::time(&mut engines, &requests, arguments.rounds);
        rows.extend(engines.iter().map(|e| report::Row::new(workload, traffic, e)));
    }
    rows
}
