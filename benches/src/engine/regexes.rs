//! Expressions without an index of hosts or paths around them: what they cost by themselves.

use super::{Built, Engine};
use crate::measure::{building, each};
use crate::workload::{Expression, PathTest, Request, Rule, ValueTest, Workload};
use regex::bytes::{Regex, RegexSet, RegexSetBuilder};

/// What all expressions of a workload look at.
#[derive(Clone, Copy)]
enum Subject {
    Path,
    Header(&'static str),
}

impl Subject {
    fn of(self, request: &Request) -> Option<&[u8]> {
        match self {
            Self::Path => Some(request.path.as_bytes()),
            Self::Header(name) => request.header(name).map(str::as_bytes),
        }
    }
}

fn subject(rule: &Rule) -> (Subject, &Expression) {
    match (&rule.path, &rule.header) {
        (PathTest::Matches(expression), _) => (Subject::Path, expression),
        (_, Some((name, ValueTest::Matches(expression)))) => (Subject::Header(name), expression),
        _ => unreachable!("these engines are made for expressions"),
    }
}

fn subjects(workload: &Workload) -> (Subject, Vec<&Expression>) {
    let expressions = workload.rules.iter().map(|rule| subject(rule).1).collect();
    (subject(&workload.rules[0]).0, expressions)
}

struct OneByOne(Subject, Vec<Regex>);

pub(super) fn one_by_one(workload: &Workload) -> Result<Built, String> {
    let (subject, expressions) = subjects(workload);
    let compile = || expressions.iter().map(|expression| expression.compile()).collect();
    let (regexes, cost) = building(compile);
    Ok(Built::new((OneByOne(subject, regexes), cost)))
}

impl Engine for OneByOne {
    fn rule(&self, request: &Request) -> Option<usize> {
        let text = self.0.of(request)?;
        self.1.iter().position(|regex| regex.is_match(text))
    }

    fn run(&mut self, requests: &[Request]) {
        each(requests, |request| self.rule(request));
    }
}

struct Set(Subject, RegexSet);

pub(super) fn set(workload: &Workload) -> Result<Built, String> {
    let (subject, expressions) = subjects(workload);
    let mut builder = RegexSetBuilder::new(expressions.iter().map(|e| &e.source));
    // The cache is ample: below its need the set is many times slower.
    builder.unicode(false).size_limit(1 << 30).dfa_size_limit(64 << 20);
    builder.case_insensitive(expressions[0].ignore_case);
    let (set, cost) = building(|| builder.build());
    let set = set.map_err(|error| format!("refuses the set: {error}"))?;
    Ok(Built::new((Set(subject, set), cost)))
}

impl Engine for Set {
    fn rule(&self, request: &Request) -> Option<usize> {
        self.1.matches(self.0.of(request)?).iter().next()
    }

    fn run(&mut self, requests: &[Request]) {
        each(requests, |request| self.rule(request));
    }
}
