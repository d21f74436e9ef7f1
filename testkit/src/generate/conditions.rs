//! Conditions.

use super::pool::{self, VALUES, WITHOUT_LITERAL};
use super::rules::Maker;
use gateway_core::rules::{Condition, Field, Regex, Test};

const VALUE_TEXTS: [&str; 12] =
    ["a", "b", "ab", "A", "", "GET", "POST", "/a", "a, b", "a=b", "a.b", "http"];

/// How many values [`item`] tells apart.
const ITEMS: usize = 48;

/// The value `n`: some are long, up to beyond what keys of hash probes can be.
fn item(n: usize) -> String {
    let text = format!("item-{n}");
    match n % 16 {
        13 => format!("{text}{}", "v".repeat(255 - text.len())),
        14 => format!("{text}{}", "v".repeat(256 - text.len())),
        15 => format!("{}{text}", "v".repeat(257 - text.len())),
        _ => text,
    }
}

impl Maker<'_, '_> {
    pub(super) fn conditions(&mut self) -> Vec<Condition> {
        let count = self.source.pick(&[0, 0, 1, 1, 2, 3]);
        (0..count).map(|_| self.condition()).collect()
    }

    fn condition(&mut self) -> Condition {
        let field = self.field();
        let test = match self.source.below(8) {
            0..5 => self.equals(),
            5 => Test::Empty,
            _ => {
                let simple = &VALUES[..24];
                let all = self.source.once_in(3);
                let known = if all { &VALUES[..] } else { simple };
                let regex = known[self.source.below(known.len())].regex.clone();
                self.matches(&regex)
            }
        };
        Condition { field, test, negated: self.source.once_in(4) }
    }

    fn equals(&mut self) -> Test {
        let value = if self.source.once_in(5) {
            item(self.source.below(ITEMS)).into()
        } else {
            self.source.pick(&VALUE_TEXTS).into()
        };
        Test::Equals { value, ignore_case: self.source.once_in(3) }
    }

    fn matches(&mut self, regex: &Regex) -> Test {
        Test::Matches { regex: regex.clone(), empty_matches: self.source.once_in(2) }
    }

    fn field(&mut self) -> Field {
        let name: Box<str> = self.source.pick(&["a", "b", "A"]).into();
        let ignore_case = self.source.once_in(2);
        match self.source.below(20) {
            0..5 => Field::Header(self.source.pick(&["x-a", "x-b", "host", "cookie"]).into()),
            5..8 => Field::Cookie { name, ignore_case },
            8..11 => Field::Argument { name, ignore_case, decoded: self.source.once_in(2) },
            11 | 12 => Field::Method,
            13 => Field::Host,
            14 => Field::Path,
            15 => Field::Query,
            16 => Field::Attribute(name),
            17 => self.source.pick(&[
                || Field::Scheme,
                || Field::Https,
                || Field::Http2,
                || Field::PeerAddress,
                || Field::PeerPort,
            ])(),
            18 => Field::Target,
            _ => Field::RequestLine,
        }
    }

    /// A field that requests often have, with many different values.
    pub(super) fn common_field(&mut self) -> Field {
        match self.source.below(8) {
            0..3 => Field::Header("x-a".into()),
            3 => Field::Header("x-b".into()),
            4 => Field::Cookie { name: "a".into(), ignore_case: self.source.once_in(2) },
            5 => {
                let decoded = self.source.once_in(2);
                Field::Argument { name: "a".into(), ignore_case: false, decoded }
            }
            6 => Field::Attribute("a".into()),
            _ => Field::Header(format!("x-{}", self.source.below(12)).into()),
        }
    }

    /// One of many conditions on `field`, most of which want some value.
    pub(super) fn one_of_many(&mut self, field: &Field) -> Condition {
        let test = match self.source.below(24) {
            20 | 21 => {
                let regex = VALUES[self.source.below(VALUES.len())].regex.clone();
                self.matches(&regex)
            }
            22 => Test::Empty,
            23 => self.equals(),
            _ => Test::Equals {
                value: item(self.source.below(ITEMS)).into(),
                ignore_case: self.source.once_in(4),
            },
        };
        Condition { field: field.clone(), test, negated: self.source.once_in(16) }
    }

    /// As many conditions on `field`, each with an expression.
    pub(super) fn expressions_on(&mut self, field: &Field, count: usize) -> Vec<Condition> {
        let all = !self.source.once_in(3);
        let known = if all { &VALUES[..] } else { &VALUES[WITHOUT_LITERAL] };
        let some: Vec<&Regex> = pool::some(known, count, self.source).collect();
        let condition = |regex: &Regex| {
            let test = self.matches(regex);
            Condition { field: field.clone(), test, negated: self.source.once_in(20) }
        };
        some.into_iter().map(condition).collect()
    }
}
