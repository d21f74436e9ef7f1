//! What the engine promises, beside what it reached.

use super::Report;
use super::table::number;
use crate::cell::{Figures, Row};
use crate::engine::{ATC, GATEWAY, LINEAR, MATCHIT, ONE_BY_ONE};
use crate::label;
use crate::workload::{Kind, Traffic};

/// A promise and the figures that it is about.
struct Goal {
    what: String,
    limit: Limit,
    reached: Vec<Reached>,
}

enum Limit {
    AtMost(f64, &'static str),
    AtLeast(f64, &'static str),
}

/// A figure and what it was measured with.
struct Reached {
    with: String,
    figure: f64,
}

impl Goal {
    fn new(
        what: impl Into<String>,
        limit: Limit,
        figures: impl IntoIterator<Item = (String, f64)>,
    ) -> Self {
        let reached = figures.into_iter().map(|(with, figure)| Reached { with, figure }).collect();
        Self { what: what.into(), limit, reached }
    }

    fn verdict(&self) -> &'static str {
        match &*self.reached {
            [] => "not measured",
            all if all.iter().all(|reached| self.limit.holds(reached.figure)) => "yes",
            _ => "**no**",
        }
    }
}

impl Limit {
    fn holds(&self, figure: f64) -> bool {
        match *self {
            Self::AtMost(limit, _) => figure <= limit,
            Self::AtLeast(limit, _) => figure >= limit,
        }
    }

    fn text(&self) -> String {
        let limit = |limit: f64| if limit.fract() == 0.0 { integer(limit) } else { number(limit) };
        match *self {
            Self::AtMost(most, unit) => format!("≤ {}{unit}", limit(most)),
            Self::AtLeast(least, unit) => format!("≥ {}{unit}", limit(least)),
        }
    }
}

fn integer(value: f64) -> String {
    if value < 100.0 { format!("{value:.0}") } else { number(value) }
}

/// All goals as Markdown.
pub(super) fn table(report: &Report) -> String {
    let mut text = "| goal | limit | reached | |\n|---|--:|---|---|\n".to_owned();
    for goal in goals(report) {
        let reached: Vec<String> =
            goal.reached.iter().map(|r| format!("{} ({})", number(r.figure), r.with)).collect();
        let (limit, verdict) = (goal.limit.text(), goal.verdict());
        text += &format!("| {} | {limit} | {} | {verdict} |\n", goal.what, reached.join(", "));
    }
    text
}

fn goals(report: &Report) -> Vec<Goal> {
    let mut goals = Vec::new();
    for traffic in [Traffic::Uniform, Traffic::Hot] {
        goals.extend(paths(report, traffic));
    }
    goals.extend(peers(report));
    goals.extend(growth(report));
    goals.extend(regexes(report));
    goals.extend(costs(report));
    goals.push(recompile(report));
    goals
}

/// Beside the fastest router of paths, which knows neither hosts nor conditions.
fn paths(report: &Report, traffic: Traffic) -> [Goal; 3] {
    let goal = |what, most, kind, sizes: &[usize]| {
        let ratio =
            |&size| Some((label(size), report.ratio((kind, size, traffic), GATEWAY, MATCHIT)?));
        let what = format!("{what}, {} requests", traffic.name());
        Goal::new(what, Limit::AtMost(most, " × matchit, bare"), sizes.iter().filter_map(ratio))
    };
    let (small, large) = ([100, 1_000], [10_000, 100_000, 1_000_000]);
    let exact = [1_000, 10_000, 100_000, 1_000_000];
    [
        goal("exact paths, host included", 1.0, Kind::Exact, &exact),
        goal("templates up to 1k rules", 1.3, Kind::Templates, &small),
        goal("templates from 10k rules", 0.6, Kind::Templates, &large),
    ]
}

/// Beside those that look at one rule after the other.
fn peers(report: &Report) -> [Goal; 4] {
    let goal = |what, kind, peer, least| {
        let size = 10_000;
        let ratio = report.ratio((kind, size, Traffic::Uniform), peer, GATEWAY);
        let ratio = ratio.map(|ratio| (label(size), ratio));
        Goal::new(format!("{what}: times slower is {peer}"), Limit::AtLeast(least, " ×"), ratio)
    };
    let (by_value, nested) = ("one path by header value", "fall-through over nested prefixes");
    [
        goal(by_value, Kind::HeaderValues, ATC, 1_000.0),
        goal(by_value, Kind::HeaderValues, LINEAR, 300.0),
        goal(nested, Kind::FallThrough, ATC, 20.0),
        goal(nested, Kind::FallThrough, LINEAR, 100.0),
    ]
}

fn growth(report: &Report) -> [Goal; 4] {
    let goal = |what, kind, (few, many), most| {
        let time = |size| report.time((kind, size, Traffic::Hot), GATEWAY);
        let growth = time(many).zip(time(few)).map(|(large, small)| large / small);
        let growth = growth.map(|growth| (format!("{} to {}", label(few), label(many)), growth));
        Goal::new(format!("growth, hot requests, {what}"), Limit::AtMost(most, " ×"), growth)
    };
    let sizes = (1_000, 1_000_000);
    [
        goal("exact paths", Kind::Exact, sizes, 2.0),
        goal("templates", Kind::Templates, sizes, 2.5),
        goal("header values", Kind::HeaderValues, sizes, 1.5),
        goal("TrafficSplits of a Service", Kind::Splits, (10, 1_000), 1.5),
    ]
}

fn regexes(report: &Report) -> [Goal; 3] {
    let goal = |what, limit, figure: &dyn Fn(Kind) -> Option<f64>| {
        let kinds = [
            (Kind::RegexPrefix, "prefix"),
            (Kind::RegexInner, "inner"),
            (Kind::RegexAnyCase, "any case"),
        ];
        let figures = kinds.iter().filter_map(|&(kind, name)| Some((name.into(), figure(kind)?)));
        Goal::new(what, limit, figures)
    };
    let micros = |kind, size| Some(report.time((kind, size, Traffic::Uniform), GATEWAY)? / 1e3);
    let ratio = |kind| report.ratio((kind, 1_000, Traffic::Uniform), ONE_BY_ONE, GATEWAY);
    let one_by_one = "1k regex paths: times slower is one by one";
    [
        goal("1k regex paths", Limit::AtMost(0.5, " µs"), &|kind| micros(kind, 1_000)),
        goal("10k regex paths", Limit::AtMost(2.0, " µs"), &|kind| micros(kind, 10_000)),
        goal(one_by_one, Limit::AtLeast(50.0, " ×"), &ratio),
    ]
}

/// The worst of all workloads.
fn costs(report: &Report) -> [Goal; 4] {
    let goal = |what, most, unit, figure: &dyn Fn(&Row, &Figures) -> Option<f64>| {
        Goal::new(what, Limit::AtMost(most, unit), report.worst(figure))
    };
    let allocations = |_: &Row, figures: &Figures| Some(figures.allocations());
    // Tables of a few rules are all overhead, and those of expressions are counted with them.
    let counts = |row: &Row| row.size >= 1_000 && !row.kind.has_regexes();
    let bytes = |row: &Row, figures: &Figures| counts(row).then_some(figures.bytes);
    let build = |size| {
        move |row: &Row, figures: &Figures| {
            (counts(row) && row.size == size).then_some(figures.build / 1e3)
        }
    };
    [
        goal("allocations in a decision, the most", 0.0, "", &allocations),
        goal("memory beside the rules, the most from 1k rules", 110.0, " bytes per rule", &bytes),
        goal("compile 10k rules, the slowest", 1.0, " µs per rule", &build(10_000)),
        goal("compile 1M rules, the slowest", 3.0, " µs per rule", &build(1_000_000)),
    ]
}

fn recompile(report: &Report) -> Goal {
    let changed = report.recompiles.iter().filter(|recompile| recompile.hosts == 100_000);
    let figures = changed.map(|recompile| ("100k".to_owned(), recompile.changed / 1e6));
    Goal::new("compile when one host among 100k changed", Limit::AtMost(1.0, " ms"), figures)
}

/// Figures by workload, number of rules and traffic.
impl Report {
    fn time(&self, (kind, size, traffic): (Kind, usize, Traffic), engine: &str) -> Option<f64> {
        let wanted = |row: &&Row| row.kind == kind && row.size == size && row.engine == engine;
        self.rows.iter().find(wanted)?.figures.as_ref().ok()?.time(traffic)
    }

    fn ratio(&self, place: (Kind, usize, Traffic), engine: &str, base: &str) -> Option<f64> {
        Some(self.time(place, engine)? / self.time(place, base)?)
    }

    /// The highest figure of this engine, and where that is.
    fn worst(&self, figure: &dyn Fn(&Row, &Figures) -> Option<f64>) -> Option<(String, f64)> {
        let ours = self.rows.iter().filter(|row| row.engine == GATEWAY);
        let figures = ours.filter_map(|row| {
            let figure = figure(row, row.figures.as_ref().ok()?)?;
            Some((format!("{}, {}", row.kind.id(), label(row.size)), figure))
        });
        figures.max_by(|(_, a), (_, b)| a.total_cmp(b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        for (limit, figures, want) in [
            (Limit::AtMost(1.0, ""), vec![0.5, 1.0], "yes"),
            (Limit::AtMost(1.0, ""), vec![0.5, 1.01], "**no**"),
            (Limit::AtLeast(300.0, ""), vec![259.0], "**no**"),
            (Limit::AtMost(0.0, ""), vec![0.0], "yes"),
            (Limit::AtMost(1.0, ""), vec![], "not measured"),
        ] {
            let text = limit.text();
            let goal = Goal::new("", limit, figures.iter().map(|&f| (String::new(), f)));
            assert_eq!(goal.verdict(), want, "{text} {figures:?}");
        }
    }
}
