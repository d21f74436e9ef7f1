//! The engines: this one, and its peers behind the same trait.

mod atc;
mod gateway;
mod linear;
mod paths;
mod regexes;
mod splits;

pub use gateway::rule_set;

use crate::measure::Cost;
use crate::workload::{Kind, Request, Workload};

/// What decides.
pub trait Engine {
    /// Makes of the requests what the engine takes, before any clock starts.
    fn prepare(&mut self, _requests: &[Request]) {}

    /// The position of the rule that decides. The request need not be among those prepared.
    fn rule(&self, request: &Request) -> Option<usize>;

    /// Decides requests, the first of those prepared, in a loop of its own so that nothing is
    /// called through a pointer.
    fn run(&mut self, requests: &[Request]);
}

/// An engine and what it took to make it.
pub struct Built {
    /// Ready to decide.
    pub engine: Box<dyn Engine>,
    /// Of the engine beside the rules as it is given them.
    pub cost: Cost,
}

impl Built {
    fn new((engine, cost): (impl Engine + 'static, Cost)) -> Self {
        Self { engine: Box::new(engine), cost }
    }
}

/// How an engine is made.
pub struct Maker {
    /// As the report calls it.
    pub name: &'static str,
    /// As criterion's names begin.
    pub stage: &'static str,
    /// The most rules of a kind that it can do in reasonable time; 0 where it is not its job.
    pub most: fn(Kind) -> usize,
    /// Fails with the reason where it cannot take the rules.
    pub build: fn(&Workload) -> Result<Built, String>,
}

/// The name of this engine.
pub const GATEWAY: &str = "gateway";
/// The anchor where there is one host and no condition.
pub const MATCHIT: &str = "matchit, bare";
/// The anchor where there are many hosts.
pub const MATCHIT_BY_HOST: &str = "matchit by host";
/// What proxies without an index do.
pub const LINEAR: &str = "linear list";
/// A peer that knows hosts and conditions.
pub const ATC: &str = "atc-router";
/// What proxies without an index do where paths are expressions.
pub const ONE_BY_ONE: &str = "regex, one by one";

/// All engines, in the order of their turns.
pub const ENGINES: [Maker; 9] = [
    Maker {
        name: MATCHIT,
        stage: "matchit",
        most: without_hosts,
        build: paths::bare::<matchit::Router<usize>>,
    },
    Maker { name: GATEWAY, stage: "decide", most: |_| usize::MAX, build: this_engine },
    Maker {
        name: MATCHIT_BY_HOST,
        stage: "matchit_by_host",
        most: with_hosts,
        build: paths::by_host::<matchit::Router<usize>>,
    },
    Maker {
        name: "wayfind by host",
        stage: "wayfind",
        most: with_hosts,
        build: paths::by_host::<wayfind::Router<usize>>,
    },
    Maker {
        name: "path-tree by host",
        stage: "path_tree",
        most: with_hosts,
        build: paths::by_host::<path_tree::PathTree<usize>>,
    },
    Maker { name: LINEAR, stage: "linear", most: linear, build: linear::build },
    Maker { name: ATC, stage: "atc_router", most: one_after_the_other, build: atc::build },
    Maker {
        name: ONE_BY_ONE,
        stage: "regex",
        most: |kind| if kind.has_regexes() { 1_000 } else { 0 },
        build: regexes::one_by_one,
    },
    Maker {
        name: "regex::RegexSet",
        stage: "regex_set",
        most: |kind| if kind.has_regexes() { 10_000 } else { 0 },
        build: regexes::set,
    },
];

fn this_engine(workload: &Workload) -> Result<Built, String> {
    match workload.kind {
        Kind::Splits => splits::build(workload),
        _ => gateway::build(workload),
    }
}

fn without_hosts(kind: Kind) -> usize {
    match kind {
        Kind::Exact | Kind::Templates | Kind::Crossing => usize::MAX,
        _ => 0,
    }
}

fn with_hosts(kind: Kind) -> usize {
    if kind == Kind::Hosts { usize::MAX } else { without_hosts(kind) }
}

/// Beyond, each decision takes milliseconds.
fn one_after_the_other(kind: Kind) -> usize {
    if kind.has_regexes() { 0 } else { 10_000 }
}

fn linear(kind: Kind) -> usize {
    if kind == Kind::Hosts { usize::MAX } else { one_after_the_other(kind) }
}
