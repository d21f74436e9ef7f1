//! Rules and requests.

mod names;
mod request;
mod rule;
mod rules;

pub use request::Request;
pub use rule::{Expression, PathTest, Rule, ValueTest};

use serde::{Deserialize, Serialize};

/// The host of the workloads that have one.
const HOST: &str = "api.example.com";

/// What kind of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Literal paths of one host.
    Exact,
    /// Paths with parameters, of one host.
    Templates,
    /// Hosts with ten routes each.
    Hosts,
    /// One path, and as many values of one header field.
    HeaderValues,
    /// Expressions over paths that begin with what tells them apart.
    RegexPrefix,
    /// The same where that stands in the middle.
    RegexInner,
    /// The first in any case.
    RegexAnyCase,
    /// Nested prefixes, most of whose conditions fail.
    FallThrough,
    /// One path, and as many expressions over one header field.
    HeaderRegex,
    /// Every combination of a literal and a parameter.
    Crossing,
    /// TrafficSplits of one Service, and as many values of one header field.
    Splits,
}

impl Kind {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 11] = [
        Self::Exact,
        Self::Templates,
        Self::Hosts,
        Self::HeaderValues,
        Self::RegexPrefix,
        Self::RegexInner,
        Self::RegexAnyCase,
        Self::FallThrough,
        Self::HeaderRegex,
        Self::Crossing,
        Self::Splits,
    ];

    /// Its letter on the command line; `e` has three kinds.
    pub fn id(self) -> &'static str {
        match self {
            Self::Exact => "a",
            Self::Templates => "b",
            Self::Hosts => "c",
            Self::HeaderValues => "d",
            Self::RegexPrefix => "e-prefix",
            Self::RegexInner => "e-inner",
            Self::RegexAnyCase => "e-any-case",
            Self::FallThrough => "f",
            Self::HeaderRegex => "g",
            Self::Crossing => "h",
            Self::Splits => "i",
        }
    }

    /// Its name in criterion's reports.
    pub fn shape(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Templates => "template",
            Self::Hosts => "host",
            Self::HeaderValues => "header_value",
            Self::RegexPrefix => "regex_prefix",
            Self::RegexInner => "regex_inner",
            Self::RegexAnyCase => "regex_any_case",
            Self::FallThrough => "fall_through",
            Self::HeaderRegex => "header_regex",
            Self::Crossing => "crossing",
            Self::Splits => "split",
        }
    }

    /// Whether its rules hold expressions.
    pub fn has_regexes(self) -> bool {
        matches!(
            self,
            Self::RegexPrefix | Self::RegexInner | Self::RegexAnyCase | Self::HeaderRegex
        )
    }

    /// How many rules it comes with.
    pub fn sizes(self) -> &'static [usize] {
        match self {
            Self::Crossing => &[1 << 4, 1 << 6, 1 << 8],
            Self::Splits => &[10, 100, 1_000, 10_000],
            _ if self.has_regexes() => &[10, 100, 1_000, 10_000],
            _ => &[100, 1_000, 10_000, 100_000, 1_000_000],
        }
    }

    /// Which requests are sent to it.
    pub fn traffic(self) -> &'static [Traffic] {
        match self {
            Self::Crossing => &[Traffic::Uniform, Traffic::Miss],
            _ => &Traffic::ALL,
        }
    }
}

/// Which requests come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Traffic {
    /// All rules are hit equally often.
    Uniform,
    /// 256 requests, over and over.
    Hot,
    /// No rule holds.
    Miss,
}

impl Traffic {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 3] = [Self::Uniform, Self::Hot, Self::Miss];

    /// As the command line and the report call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Hot => "hot",
            Self::Miss => "miss",
        }
    }
}

/// Rules in order of precedence.
pub struct Workload {
    /// What kind they are of.
    pub kind: Kind,
    /// About as many as there are rules.
    pub size: usize,
    /// The first that holds decides. Those of a host stand together.
    pub rules: Vec<Rule>,
}

impl Workload {
    /// Always the same rules.
    pub fn new(kind: Kind, size: usize) -> Self {
        Self { kind, size, rules: rules::rules(kind, size) }
    }

    /// The rules of each host.
    pub fn hosts(&self) -> impl Iterator<Item = &[Rule]> {
        self.rules.chunk_by(|a, b| a.host == b.host)
    }

    /// The position of the first rule that holds.
    pub fn decide(&self, request: &Request) -> Option<usize> {
        self.rules.iter().position(|rule| rule.host == request.host && rule.holds(request))
    }

    /// Always the same requests.
    pub fn requests(&self, traffic: Traffic) -> Vec<Request> {
        request::requests(self, traffic)
    }
}
