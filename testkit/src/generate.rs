//! Rule sets and requests that collide: few labels (`a`, `b`, `ab`, and the empty one), nested
//! prefixes, crossing parameters, wildcards over names, many conditions and expressions on one
//! field, repeated headers, odd spellings.
//!
//! Everything is read from a string of octets, the same way for property tests and for fuzzing,
//! so that what a fuzzer finds is replayed by an ordinary test. Octets that run out read as 0,
//! and 0 always stands for the simplest choice: a shorter string is a simpler scenario. Property
//! tests make the octets up from a number ([`Source::noise`]), which is cheap enough for millions
//! of requests.

mod conditions;
mod edits;
mod order;
mod paths;
mod policies;
mod pool;
mod requests;
mod routes;
mod rules;
mod services;
mod source;

pub use edits::Edits;
pub use order::reordered;
pub use source::Source;

use crate::OwnedRequest;
use gateway_core::rules::RuleSet;
use proptest::prelude::*;

/// The most requests that are read from octets.
const MOST_REQUESTS: usize = 16;

/// A rule set and requests to it, each with its draw.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The rules. Each has an origin of its own.
    pub rules: RuleSet,
    /// Requests with their draws.
    pub requests: Vec<(OwnedRequest, u64)>,
}

impl Scenario {
    /// Reads rules from the front, and requests (at most 16) from the back: what makes the rules
    /// larger leaves the requests as they are.
    pub fn read(bytes: &[u8]) -> Self {
        let rules = rule_set(&mut Source::new(bytes));
        let backwards: Vec<u8> = bytes.iter().rev().copied().collect();
        let mut source = Source::new(&backwards);
        let mut requests = vec![request(&mut source, &rules)];
        while !source.is_empty() && requests.len() < MOST_REQUESTS {
            requests.push(request(&mut source, &rules));
        }
        Self { rules, requests }
    }

    /// The scenario of that number, with this many requests.
    pub fn numbered(seed: u64, requests: usize) -> Self {
        let mut source = Source::noise(seed);
        let rules = rule_set(&mut source);
        let requests = (0..requests).map(|_| request(&mut source, &rules)).collect();
        Self { rules, requests }
    }
}

/// A rule set.
pub fn rule_set(source: &mut Source<'_>) -> RuleSet {
    rules::rule_set(source)
}

/// A request and its draw. Most are meant for one of the rules.
pub fn request(source: &mut Source<'_>, rules: &RuleSet) -> (OwnedRequest, u64) {
    requests::request(source, rules)
}

/// Rule sets, each with this many requests.
pub fn scenario(requests: usize) -> impl Strategy<Value = Scenario> {
    // Numbers have no simpler neighbours: `crate::smallest` looks for a smaller case.
    any::<u64>().no_shrink().prop_map(move |seed| Scenario::numbered(seed, requests))
}
