//! The router decides as the naive reference does.
//!
//! The ordinary run takes seconds. A long one, of more than 10,000,000 decisions:
//!
//! ```text
//! PROPTEST_CASES=30000 cargo test -p testkit --release --test agreement -- --nocapture agrees
//! ```

use gateway_core::Router;
use gateway_core::rules::{
    Boundary, Condition, Field, HostPattern, PathPart, PathPattern, PathTemplate, Route, RuleSet,
    ServiceSplit, Test,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::generate::{Scenario, Source, reordered, scenario};
use testkit::reference::{self, Answer, Verdict};
use testkit::{OwnedRequest, assert_agree};

/// Compiling takes longer than deciding: many requests to each rule set.
const REQUESTS: usize = if cfg!(debug_assertions) { 200 } else { 400 };

/// `PROPTEST_CASES` asks for long runs.
fn config(cases: u32) -> Config {
    let default = Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { cases };
    Config { cases, failure_persistence: None, ..default }
}

#[test]
fn agrees_with_the_reference() {
    let decisions = AtomicUsize::new(0);
    let run = |scenario: Scenario| {
        let router = Router::compile(&scenario.rules).unwrap();
        for (request, draw) in &scenario.requests {
            assert_agree(&scenario.rules, &router, request, *draw);
        }
        decisions.fetch_add(scenario.requests.len(), Ordering::Relaxed);
        Ok(())
    };
    TestRunner::new(config(80)).run(&scenario(REQUESTS), run).unwrap();
    println!("{} decisions", decisions.into_inner());
}

proptest! {
    #![proptest_config(config(20))]

    /// Only the order of a host's routes says something.
    #[test]
    fn the_order_of_listeners_hosts_and_services_does_not_matter(
        scenario in scenario(40),
        seed in any::<u64>(),
    ) {
        let Scenario { rules, requests } = scenario;
        let other = reordered(&rules, &mut Source::noise(seed));
        let [router, reordered] = [&rules, &other].map(|rules| Router::compile(rules).unwrap());
        for (request, draw) in &requests {
            let want = Answer::of(&router.decide(request, *draw), request);
            let got = Answer::of(&reordered.decide(request, *draw), request);
            prop_assert_eq!(&got, &want, "{:?} {}", request, draw);
            // The reference too, which has an order of its own.
            prop_assert_eq!(reference::decide(&other, request, *draw), want);
        }
    }
}

/// How often something was seen.
#[derive(Debug, Default)]
struct Seen(BTreeMap<String, u32>);

impl Seen {
    fn add(&mut self, name: impl Into<String>) {
        *self.0.entry(name.into()).or_default() += 1;
    }

    fn add_if(&mut self, name: &str, condition: bool) {
        if condition {
            self.add(name);
        }
    }

    fn assert_each(&self, wanted: &[&str]) {
        for wanted in wanted {
            let times = self.0.get(*wanted).copied().unwrap_or_default();
            assert!(times >= 5, "{wanted}: {times} times among {self:#?}");
        }
    }
}

/// A generator whose scenarios never reach an outcome proves nothing about it; nor one whose rules
/// never fill a table.
#[test]
fn scenarios_reach_every_outcome_by_every_structure() {
    let mut outcomes = Seen::default();
    let mut structures = Seen::default();
    for seed in 1..=600_u64 {
        let Scenario { rules, requests } = Scenario::numbered(seed << 32, 40);
        for (request, draw) in &requests {
            let answer = reference::decide(&rules, request, *draw);
            outcomes.add(name_of(&answer.verdict));
            outcomes.add_if("branch", answer.branch.is_some());
            answer.steps.iter().for_each(|step| outcomes.add(step.kind));
            outcomes.add_if("a split past its eighth condition", is_late(&rules, &answer));
            if let Some((verdict, _)) = reference::fall_back(&rules, request, &answer) {
                outcomes.add(format!("fallback: {}", name_of(&verdict)));
            }
            outcomes.add_if("sticky split", is_sticky(&rules, &answer, request));
            count_structures(&rules, &answer, request, &mut structures);
        }
    }
    println!("{outcomes:#?} {structures:#?}");
    outcomes.assert_each(&[
        "forward",
        "split, conditional: true",
        "split, conditional: false",
        "a split past its eighth condition",
        "sticky split",
        "deny",
        "fallback: forward",
        "fallback: deny",
        "service-limit",
        "redirect",
        "respond",
        "branch",
        "refuse",
        "preflight",
        "client-certificate",
        "rate-limit",
        "basic-auth",
        "api-key",
        "external-auth",
        "jwt",
        "cache",
        "NoListener",
        "NoHost",
        "NoMatch",
        "MethodNotAllowed",
        "NoBranch(500)",
        "NoBackend",
        "Invalid(NoHost)",
        "Invalid(SeveralHosts)",
        "Invalid(MalformedHost)",
        "Invalid(NotAPath)",
        "Invalid(MalformedEscape)",
        "Invalid(Nul)",
        "Invalid(ControlCharacter)",
        "Invalid(Backslash)",
        "Invalid(EncodedSlash)",
        "Invalid(AboveRoot)",
        "Invalid(DotParameters)",
        "Invalid(HiddenDots)",
    ]);
    structures.assert_each(&[
        "any host",
        "wildcard of a host",
        "exact host",
        "one of more than 20 hosts",
        "fell through to a less specific host",
        "one of more than 8 routes of a path",
        "the ninth or a later route of a path",
        "a long value among many routes",
        "one of more than 8 expressions on a field",
        "one of more than 64 expressions on a field",
        "one of more than 64 without a literal",
        "an expression beside negated ones",
        "one of more than 8 expressions for paths",
        "one of more than 64 expressions for paths",
        "one of more than 64 for paths without another literal",
        "more than 16 routes on the way",
        "one of more than 16 siblings",
        "a template before and after which others hold",
        "a parameter of a whole segment",
        "a parameter with text before it",
        "a parameter with text behind it",
        "two parameters in a segment",
        "a wildcard at the end",
        "a wildcard before other parts",
        "affixes in a prefix by octets",
        "affixes in a prefix by segments",
        "nested prefixes, not the longest",
    ]);
}

/// The TrafficSplit that applied.
fn split_of<'r>(rules: &'r RuleSet, answer: &Answer) -> Option<&'r ServiceSplit> {
    let Verdict::Forward { split: Some(choice), .. } = &answer.verdict else { return None };
    rules.services.iter().flat_map(|s| &s.splits).find(|split| split.origin == choice.split)
}

/// Whether more than eight conditions were looked at before the one of a split that held.
fn is_late(rules: &RuleSet, answer: &Answer) -> bool {
    let Verdict::Forward { split: Some(choice), .. } = &answer.verdict else { return false };
    let matches = split_of(rules, answer).and_then(|split| split.matches.as_ref());
    matches.is_some_and(|m| m.iter().skip(8).any(|m| Some(&m.origin) == choice.matched.as_ref()))
}

/// Whether a TrafficSplit decided by a value that the request has.
fn is_sticky(rules: &RuleSet, answer: &Answer, request: &OwnedRequest) -> bool {
    let sticky = split_of(rules, answer).and_then(|split| split.sticky.as_ref());
    sticky.is_some_and(|sticky| match sticky.by() {
        Field::Header(name) => request.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)),
        Field::PeerAddress => request.connection.peer.is_some(),
        _ => false,
    })
}

fn name_of(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Forward { split: None, .. } => "forward".into(),
        Verdict::Forward { split: Some(choice), .. } => {
            format!("split, conditional: {}", choice.matched.is_some())
        }
        Verdict::Deny { .. } => "deny".into(),
        Verdict::Redirect { .. } => "redirect".into(),
        Verdict::Respond { .. } => "respond".into(),
        Verdict::NoRoute(why) => format!("{why:?}"),
    }
}

/// Counts what the router needs to find the route that decided.
fn count_structures(rules: &RuleSet, answer: &Answer, request: &OwnedRequest, seen: &mut Seen) {
    let Some(origin) = &answer.route else { return };
    let listener = rules.listeners.iter().find(|l| Some(&l.origin) == answer.listener.as_ref());
    let listener = listener.expect("the listener of the rules");
    let host = listener.hosts.iter().find(|host| Some(&host.origin) == answer.host.as_ref());
    let host = host.expect("a host of the listener");
    let at = host.routes.iter().position(|route| route.origin == *origin).expect("its route");
    let route = &host.routes[at];

    seen.add(match host.hostname {
        HostPattern::Any => "any host",
        HostPattern::Wildcard(_) => "wildcard of a host",
        HostPattern::Exact(_) => "exact host",
    });
    seen.add_if("one of more than 20 hosts", listener.hosts.len() > 20);
    let asked = request.headers.iter().find(|(name, _)| name == "host");
    let more_specific = |(_, name): &(String, Vec<u8>)| {
        let name = String::from_utf8_lossy(name);
        let covers = |other: &HostPattern| other.covers(&name) && *other != host.hostname;
        listener.hosts.iter().any(|h| covers(&h.hostname) && host.hostname.includes(&h.hostname))
    };
    seen.add_if("fell through to a less specific host", asked.is_some_and(more_specific));

    count_group(&host.routes, at, seen);
    match &route.path {
        PathPattern::Exact(template) => count_template(template, "", seen),
        PathPattern::Prefix { template, boundary: Boundary::Byte } => {
            count_template(template, "affixes in a prefix by octets", seen);
        }
        PathPattern::Prefix { template, boundary: Boundary::Segment } => {
            count_template(template, "affixes in a prefix by segments", seen);
        }
        PathPattern::Regex(_) => {
            let regex = |route: &&Route| matches!(route.path, PathPattern::Regex(_));
            let count = host.routes.iter().filter(regex).count();
            seen.add_if("one of more than 8 expressions for paths", count > 8);
            seen.add_if("one of more than 64 expressions for paths", count > 64);
            let digits = |route: &&Route| match &route.path {
                PathPattern::Regex(regex) => regex.source().contains("x]"),
                _ => false,
            };
            let count = host.routes.iter().filter(digits).count();
            let found = digits(&route) && count > 64;
            seen.add_if("one of more than 64 for paths without another literal", found);
        }
    }
    // The others that hold for the same path.
    let path = request.target.split(|b| b"?#".contains(b)).next().unwrap_or_default();
    let holds = |other: &&Route| reference::path_holds(&other.path, path);
    let before = host.routes[..at].iter().filter(holds).count();
    let after = host.routes[at + 1..].iter().filter(holds);
    let is_template = !matches!(route.path, PathPattern::Regex(_));
    let between = is_template && before > 0 && after.count() > 0;
    seen.add_if("a template before and after which others hold", between);
    let on_the_way = host.routes.iter().filter(holds).count();
    seen.add_if("more than 16 routes on the way", is_template && on_the_way > 16);
    let first_octets = host.routes.iter().filter_map(|route| match &route.path {
        PathPattern::Exact(template) if template.as_literal().is_some() => None,
        PathPattern::Exact(template) | PathPattern::Prefix { template, .. } => {
            match template.parts().first() {
                Some(PathPart::Literal(text)) => text.get(1),
                _ => None,
            }
        }
        PathPattern::Regex(_) => None,
    });
    let siblings = first_octets.collect::<BTreeSet<_>>().len();
    seen.add_if("one of more than 16 siblings", is_template && siblings > 16);
    let prefix = |route: &Route| match &route.path {
        PathPattern::Prefix { template, .. } => Some(template.rank_length()),
        _ => None,
    };
    let longer = host.routes.iter().filter(holds).any(|other| prefix(other) > prefix(route));
    seen.add_if("nested prefixes, not the longest", prefix(route).is_some() && longer);
}

/// Routes of the same path.
fn count_group(routes: &[Route], at: usize, seen: &mut Seen) {
    let same = |route: &&Route| route.path == routes[at].path;
    let group: Vec<&Route> = routes.iter().filter(same).collect();
    let before = routes[..at].iter().filter(same).count();
    seen.add_if("one of more than 8 routes of a path", group.len() > 8);
    seen.add_if("the ninth or a later route of a path", before > 8);
    let long = |condition: &Condition| match &condition.test {
        Test::Equals { value, .. } => value.len() > 256 && !condition.negated,
        _ => false,
    };
    let is_long = routes[at].conditions.iter().any(long);
    seen.add_if("a long value among many routes", group.len() > 8 && is_long);
    for condition in &routes[at].conditions {
        if !matches!(condition.test, Test::Matches { .. }) {
            continue;
        }
        let alike = |other: &&Condition| {
            other.field == condition.field && matches!(other.test, Test::Matches { .. })
        };
        let conditions = group.iter().flat_map(|route| &route.conditions);
        let (negated, positive): (Vec<_>, Vec<_>) =
            conditions.filter(alike).partition(|other| other.negated);
        seen.add_if("one of more than 8 expressions on a field", positive.len() > 8);
        seen.add_if("one of more than 64 expressions on a field", positive.len() > 64);
        if of_digits(condition) {
            let digits = positive.iter().filter(|other| of_digits(other)).count();
            seen.add_if("one of more than 64 without a literal", digits > 64);
        }
        seen.add_if("an expression beside negated ones", !negated.is_empty() && positive.len() > 8);
    }
}

/// Whether there is an expression in which each octet may be one of several.
fn of_digits(condition: &Condition) -> bool {
    matches!(&condition.test, Test::Matches { regex, .. } if regex.source().contains("x]"))
}

fn count_template(template: &PathTemplate, affixes_in: &str, seen: &mut Seen) {
    let parts = template.parts();
    let literal = |at: Option<usize>| match at.and_then(|at| parts.get(at)) {
        Some(PathPart::Literal(text)) => &**text,
        _ => &[],
    };
    for (at, part) in parts.iter().enumerate() {
        let (before, behind) = (literal(at.checked_sub(1)), literal(Some(at + 1)));
        let last = at + 1 == parts.len();
        match part {
            PathPart::Literal(_) => {}
            PathPart::Wildcard(_) if last => seen.add("a wildcard at the end"),
            PathPart::Wildcard(_) => seen.add("a wildcard before other parts"),
            PathPart::Parameter(_) => {
                let prefixed = before.last() != Some(&b'/');
                let suffixed = !last && behind.first() != Some(&b'/');
                seen.add_if("a parameter of a whole segment", !prefixed && !suffixed);
                seen.add_if("a parameter with text before it", prefixed);
                seen.add_if("a parameter with text behind it", suffixed);
                let second = matches!(parts.get(at + 2), Some(PathPart::Parameter(_)));
                seen.add_if("two parameters in a segment", second && !behind.contains(&b'/'));
                seen.add_if(affixes_in, prefixed || suffixed);
            }
        }
    }
}
