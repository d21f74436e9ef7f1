//! The command line.

use benches::cell::Plan;
use benches::workload::Kind;

/// As the command line calls what is not about decisions.
pub(crate) const RECOMPILE: &str = "recompile";

pub(crate) struct Arguments {
    pub(crate) kinds: Vec<Kind>,
    pub(crate) recompile: bool,
    pub(crate) min: usize,
    pub(crate) max: usize,
    pub(crate) rounds: usize,
    /// Part of a name, or empty.
    pub(crate) engine: String,
    /// Part of a name, or empty.
    pub(crate) traffic: String,
    pub(crate) write: Option<String>,
    /// Measure in this process and tell the parent.
    pub(crate) child: bool,
}

impl Arguments {
    pub(crate) fn plan(&self) -> Plan<'_> {
        Plan { rounds: self.rounds, engine: &self.engine, traffic: &self.traffic }
    }
}

/// Everything is asked for unless something is named.
pub(crate) fn read(mut arguments: impl Iterator<Item = String>) -> Arguments {
    let mut found = Arguments {
        kinds: Vec::new(),
        recompile: false,
        min: 0,
        max: 10_000,
        rounds: 9,
        engine: String::new(),
        traffic: String::new(),
        write: None,
        child: false,
    };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} wants a value"));
        match &*argument {
            "--min" => found.min = value().parse().unwrap(),
            "--max" => found.max = value().parse().unwrap(),
            "--rounds" => found.rounds = value().parse().unwrap(),
            "--engine" => found.engine = value(),
            "--traffic" => found.traffic = value(),
            "--write" => found.write = Some(value()),
            "--child" => found.child = true,
            RECOMPILE => found.recompile = true,
            name => {
                let before = found.kinds.len();
                found.kinds.extend(named(name));
                assert!(found.kinds.len() > before, "what is {name}?");
            }
        }
    }
    if found.kinds.is_empty() && !found.recompile {
        found.kinds.extend(Kind::ALL);
        found.recompile = true;
    }
    found
}

/// `e` names three kinds, `e-inner` one of them.
fn named(name: &str) -> impl Iterator<Item = Kind> {
    Kind::ALL.into_iter().filter(move |kind| {
        let rest = kind.id().strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    })
}
