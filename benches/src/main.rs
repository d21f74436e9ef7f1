//! How long a decision takes, with the peers in the same process.
//!
//! ```text
//! cargo run --release -p benches -- [a b c d e f g h i recompile] [--min RULES] [--max RULES]
//!     [--rounds N] [--engine TEXT] [--traffic uniform|hot|miss] [--write FILE]
//! ```
//!
//! With `--rounds 0` each request is decided once and in this process, for tools that count
//! instructions.
#![expect(clippy::unwrap_used, reason = "benches fail by panicking")]

mod arguments;

use arguments::Arguments;
use benches::alloc::Counting;
use benches::cell::{self, Row};
use benches::label;
use benches::recompile::{self, Recompile};
use benches::report::Report;
use benches::workload::Kind;
use serde::{Deserialize, Serialize};
use std::process::{Command, Stdio};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a child process has to do.
#[derive(Debug, Clone, Copy)]
enum Cell {
    Decide(Kind, usize),
    Recompile(usize),
}

/// What it tells its parent.
#[derive(Serialize, Deserialize)]
enum Results {
    Rows(Vec<Row>),
    Recompile(Recompile),
}

fn main() {
    let arguments = arguments::read(std::env::args().skip(1));
    let cells = cells(&arguments);
    if arguments.child {
        let results: Vec<Results> = cells.iter().map(|cell| cell.measure(&arguments)).collect();
        serde_json::to_writer(std::io::stdout(), &results).unwrap();
        return;
    }
    let mut report = Report::default();
    for cell in cells {
        let start = Instant::now();
        eprint!("{}: ", cell.name());
        let results = if arguments.rounds == 0 {
            vec![cell.measure(&arguments)]
        } else {
            cell.spawn(&arguments)
        };
        eprintln!("{:.1} s", start.elapsed().as_secs_f64());
        for result in results {
            match result {
                Results::Rows(rows) => report.rows.extend(rows),
                Results::Recompile(recompile) => report.recompiles.push(recompile),
            }
        }
    }
    if arguments.rounds > 0 {
        println!("{}", report.tables());
    }
    if let Some(file) = &arguments.write {
        std::fs::write(file, report.page()).unwrap();
    }
}

fn cells(arguments: &Arguments) -> Vec<Cell> {
    let asked = |sizes: &'static [usize]| {
        sizes.iter().copied().filter(|size| (arguments.min..=arguments.max).contains(size))
    };
    let mut cells = Vec::new();
    for &kind in &arguments.kinds {
        cells.extend(asked(kind.sizes()).map(|size| Cell::Decide(kind, size)));
    }
    if arguments.recompile {
        cells.extend(asked(Kind::Hosts.sizes()).map(Cell::Recompile));
    }
    cells
}

impl Cell {
    fn name(self) -> String {
        let (id, size) = self.id_and_size();
        format!("{id}, {} rules", label(size))
    }

    fn id_and_size(self) -> (&'static str, usize) {
        match self {
            Self::Decide(kind, size) => (kind.id(), size),
            Self::Recompile(size) => (arguments::RECOMPILE, size),
        }
    }

    fn measure(self, arguments: &Arguments) -> Results {
        match self {
            Self::Decide(kind, size) => Results::Rows(cell::run(kind, size, &arguments.plan())),
            Self::Recompile(size) => Results::Recompile(recompile::run(size, arguments.rounds)),
        }
    }

    /// The same in a process of its own.
    fn spawn(self, arguments: &Arguments) -> Vec<Results> {
        let (id, size) = self.id_and_size();
        let size = size.to_string();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--child", id, "--min", &*size, "--max", &*size]);
        command.args(["--rounds", &*arguments.rounds.to_string()]);
        command.args(["--engine", &*arguments.engine, "--traffic", &*arguments.traffic]);
        let output = command.stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "{} failed", self.name());
        serde_json::from_slice(&output.stdout).unwrap()
    }
}
