//! Rule sets and requests that collide: few labels (`a`, `b`, `ab`, and the empty one), nested
//! prefixes, wildcards over names, repeated headers, odd spellings.
//!
//! Everything is read from a string of octets, the same way for property tests and for fuzzing,
//! so that what a fuzzer finds is replayed by an ordinary test. Octets that run out read as 0,
//! and 0 always stands for the simplest choice: a shorter string is a simpler scenario.

mod requests;
mod rules;
mod source;

pub use source::Source;

use crate::OwnedRequest;
use gateway_core::rules::RuleSet;
use proptest::collection::vec;
use proptest::prelude::*;

/// A rule set and requests to it, each with its draw.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The rules. Each has an origin of its own.
    pub rules: RuleSet,
    /// Requests with their draws.
    pub requests: Vec<(OwnedRequest, u64)>,
}

impl Scenario {
    /// Reads rules, then requests (at most 16) while there are octets left.
    pub fn read(bytes: &[u8]) -> Self {
        let mut source = Source::new(bytes);
        let rules = rules::rule_set(&mut source);
        let mut requests = Vec::new();
        while !source.is_empty() && requests.len() < 16 {
            requests.push(requests::request(&mut source));
        }
        Self { rules, requests }
    }
}

/// Rule sets.
pub fn rule_set() -> impl Strategy<Value = RuleSet> {
    vec(any::<u8>(), 32..700).prop_map(|bytes| rules::rule_set(&mut Source::new(&bytes)))
}

/// Requests with their draws.
pub fn request() -> impl Strategy<Value = (OwnedRequest, u64)> {
    vec(any::<u8>(), 8..64).prop_map(|bytes| requests::request(&mut Source::new(&bytes)))
}

/// Rule sets, each with this many requests.
pub fn scenario(requests: usize) -> impl Strategy<Value = Scenario> {
    (rule_set(), vec(request(), requests))
        .prop_map(|(rules, requests)| Scenario { rules, requests })
}
