//! One table for each workload.

use super::Report;
use crate::cell::{Figures, Row};
use crate::engine::{GATEWAY, MATCHIT, MATCHIT_BY_HOST};
use crate::label;
use crate::recompile::Recompile;
use crate::workload::{Kind, Traffic};

/// The tables of the workloads that were measured.
pub(super) fn all(report: &Report) -> String {
    let mut text = String::new();
    for kind in Kind::ALL {
        let rows: Vec<&Row> = report.rows.iter().filter(|row| row.kind == kind).collect();
        if !rows.is_empty() {
            text += &of_kind(kind, &rows);
        }
    }
    if !report.recompiles.is_empty() {
        text += &of_recompiles(&report.recompiles);
    }
    text.truncate(text.trim_end().len());
    text
}

fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Exact => "a: literal paths of one host",
        Kind::Templates => "b: paths with parameters, of one host",
        Kind::Hosts => "c: hosts with ten routes each",
        Kind::HeaderValues => "d: one path, told apart by the value of a header field",
        Kind::RegexPrefix => "e, prefix: `^/svc{i}/[a-z]+/v[0-9]+/items/[^/]+$`",
        Kind::RegexInner => "e, inner: `^/[a-z]+/v[0-9]+/svc{i}/[^/]+$`",
        Kind::RegexAnyCase => "e, any case: as prefix, ignoring case",
        Kind::FallThrough => "f: fall-through over nested prefixes",
        Kind::HeaderRegex => "g: one path, told apart by `^app{i}/[0-9]+` on a header field",
        Kind::Splits => {
            "i: TrafficSplits of one Service, told apart by the value of a header field"
        }
        Kind::Crossing => "h: every combination of a literal and a parameter, on 4, 6 and 8 levels",
    }
}

/// What the others are compared with.
fn anchor(kind: Kind) -> &'static str {
    match kind {
        Kind::Exact | Kind::Templates | Kind::Crossing => MATCHIT,
        Kind::Hosts => MATCHIT_BY_HOST,
        _ => GATEWAY,
    }
}

fn of_kind(kind: Kind, rows: &[&Row]) -> String {
    let anchor = anchor(kind);
    let mut heads = vec!["rules".to_owned(), "engine".to_owned()];
    for traffic in kind.traffic() {
        heads.extend([format!("{}, ns", traffic.name()), "÷ anchor".to_owned()]);
    }
    heads.extend(["allocations", "bytes per rule", "build ns per rule"].map(str::to_owned));
    let mut lines =
        vec![heads.join(" | "), "--: | ---".to_owned() + &" | --:".repeat(heads.len() - 2)];
    for row in rows {
        let mut cells = vec![label(row.size), row.engine.clone()];
        match &row.figures {
            Ok(figures) => {
                let same = |r: &&&Row| r.size == row.size && r.engine == anchor;
                let base = rows.iter().find(same).and_then(|r| r.figures.as_ref().ok());
                for &traffic in kind.traffic() {
                    cells.extend(times(figures, base, traffic));
                }
                cells.extend([
                    format!("{:.2}", figures.allocations()),
                    number(figures.bytes),
                    number(figures.build),
                ]);
            }
            Err(reason) => cells.push(format!("left out: {reason}")),
        }
        cells.resize(heads.len(), String::new());
        lines.push(cells.join(" | "));
    }
    section(title(kind), &format!("The anchor is {anchor}."), &lines)
}

/// The time under one kind of traffic, and its ratio.
fn times(figures: &Figures, base: Option<&Figures>, traffic: Traffic) -> [String; 2] {
    let time = figures.time(traffic);
    let ratio = time.zip(base.and_then(|base| base.time(traffic))).map(|(t, base)| t / base);
    [time.map_or(String::new(), number), ratio.map_or(String::new(), number)]
}

fn of_recompiles(recompiles: &[Recompile]) -> String {
    let mut lines =
        vec!["hosts | all of them, ms | one changed, ms".to_owned(), "--: | --: | --:".to_owned()];
    for Recompile { hosts, full, changed } in recompiles {
        let (full, changed) = (number(full / 1e6), number(changed / 1e6));
        lines.push(format!("{} | {full} | {changed}", label(*hosts)));
    }
    section("Compiling again", "Hosts with ten routes each, as in c.", &lines)
}

fn section(title: &str, note: &str, lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("| {line} |\n")).collect();
    format!("### {title}\n\n{note}\n\n{}\n", lines.concat())
}

/// With three digits that mean something, and thousands apart.
pub(super) fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if value < 0.0995 {
        return format!("{value:.4}");
    }
    if value < 9.995 {
        return format!("{value:.2}");
    }
    if value < 99.95 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let start = digits.len() % 3;
    let (head, tail) = digits.split_at(start);
    let groups = tail.as_bytes().chunks(3).map(|group| std::str::from_utf8(group).unwrap());
    let head = Some(head).filter(|head| !head.is_empty());
    head.into_iter().chain(groups).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, want) in [
            (0.0, "0"),
            (0.00247, "0.0025"),
            (0.789, "0.79"),
            (9.996, "10.0"),
            (27.04, "27.0"),
            (99.96, "100"),
            (999.7, "1,000"),
            (1_234_567.0, "1,234,567"),
        ] {
            assert_eq!(number(value), want);
        }
    }
}
