//! The cells of the comparison: all engines over one workload, in a process of their own, so that
//! neither leaked memory nor the layout of the heap disturbs the next.

use crate::engine::{ENGINES, Maker};
use crate::measure::{Measured, time};
use crate::workload::{Kind, Traffic, Workload};
use serde::{Deserialize, Serialize};

/// One engine over one workload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// Of the workload.
    pub kind: Kind,
    /// Of the workload.
    pub size: usize,
    /// As the report calls it.
    pub engine: String,
    /// Or why there is nothing to compare.
    pub figures: Result<Figures, String>,
}

/// What was measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figures {
    /// In the order of the traffic.
    pub timings: Vec<Timing>,
    /// Bytes for each rule.
    pub bytes: f64,
    /// Nanoseconds for each rule.
    pub build: f64,
}

impl Figures {
    /// Median nanoseconds of a decision, if that traffic was measured.
    pub fn time(&self, traffic: Traffic) -> Option<f64> {
        self.timings.iter().find(|timing| timing.traffic == traffic).map(|timing| timing.time)
    }

    /// Allocations of a decision, the most of all traffic.
    pub fn allocations(&self) -> f64 {
        self.timings.iter().map(|timing| timing.allocations).fold(0.0, f64::max)
    }
}

/// Decisions under one kind of traffic.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Timing {
    /// Which requests came.
    pub traffic: Traffic,
    /// Median nanoseconds.
    pub time: f64,
    /// Mean number.
    pub allocations: f64,
}

/// What to measure in a cell.
pub struct Plan<'a> {
    /// How often each engine takes its turn; 0 to decide each request once and time nothing.
    pub rounds: usize,
    /// Part of the names of the engines; all if it is empty.
    pub engine: &'a str,
    /// The name of the traffic; all if it is empty.
    pub traffic: &'a str,
}

/// Measures every engine that takes the workload.
pub fn run(kind: Kind, size: usize, plan: &Plan) -> Vec<Row> {
    let workload = Workload::new(kind, size);
    let asked = kind.traffic().iter().filter(|t| t.name().contains(plan.traffic));
    let requests: Vec<_> = asked.map(|&traffic| (traffic, workload.requests(traffic))).collect();
    let makers = || {
        let asked = |maker: &&Maker| maker.name.contains(plan.engine);
        ENGINES.iter().filter(asked).filter(|maker| size <= (maker.most)(kind))
    };
    let build = |maker: &Maker| {
        let measured = Measured::build(maker, &workload)?;
        requests.iter().try_for_each(|(_, requests)| measured.check(&workload, requests))?;
        Ok::<_, String>(measured)
    };
    let mut engines = Vec::new();
    let mut rows = Vec::new();
    for maker in makers() {
        let rules = workload.rules.len() as f64;
        let figures = build(maker).map(|measured| {
            let (bytes, build) = (measured.cost.bytes as f64 / rules, measured.cost.time / rules);
            engines.push(measured);
            Figures { timings: Vec::new(), bytes, build }
        });
        rows.push(Row { kind, size, engine: maker.name.to_owned(), figures });
    }
    for (traffic, requests) in &requests {
        time(&mut engines, requests, plan.rounds);
        let timed = rows.iter_mut().filter_map(|row| row.figures.as_mut().ok());
        for (figures, measured) in timed.zip(&engines) {
            figures.timings.push(Timing {
                traffic: *traffic,
                time: measured.decision,
                allocations: measured.allocations,
            });
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_engines_decide_as_the_rules_say() {
        for kind in Kind::ALL {
            for row in run(kind, kind.sizes()[0], &Plan { rounds: 0, engine: "", traffic: "" }) {
                assert!(row.figures.is_ok(), "{row:?}");
            }
        }
    }
}
