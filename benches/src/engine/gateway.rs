//! This engine.

use super::{Built, Engine};
use crate::measure::{building, each};
use crate::workload::{Expression, PathTest, Request, Rule, ValueTest, Workload};
use gateway_core::Router;
use gateway_core::rules::{
    Action, Anchor, Boundary, Condition, Field, HostPattern, PathPattern, PathTemplate, Regex,
    Route, RuleSet, ServiceId, Test, VirtualHost,
};
use std::collections::HashMap;
use std::ptr;
use std::sync::Arc;
use testkit::build;

struct Gateway {
    router: Router,
    /// The position of the first rule of each host, by the address of its routes.
    first: HashMap<usize, usize>,
}

/// The rules themselves are the payload and do not count, but expressions do: they are compiled
/// when a rule is made, and the peers compile theirs too.
pub(super) fn build(workload: &Workload) -> Result<Built, String> {
    let (rules, made) = building(|| rule_set(workload));
    let (router, mut cost) = building(|| Router::compile(&rules));
    let router = router.map_err(|errors| errors.to_string())?;
    if workload.kind.has_regexes() {
        cost += made;
    }
    let mut position = 0;
    let mut first = HashMap::new();
    for rules in workload.hosts() {
        let host = router.rules().listeners[0].hosts.get(&name(&rules[0])).unwrap();
        first.insert(host.routes.as_ptr().addr(), position);
        position += rules.len();
    }
    Ok(Built::new((Gateway { router, first }, cost)))
}

impl Engine for Gateway {
    fn rule(&self, request: &Request) -> Option<usize> {
        let decision = self.router.decide(&request.head, 0);
        let start = decision.host()?.routes.as_ptr().addr();
        let offset = ptr::from_ref(decision.route()?).addr() - start;
        Some(self.first[&start] + offset / size_of::<Route>())
    }

    fn run(&mut self, requests: &[Request]) {
        each(requests, |request| self.router.decide(&request.head, 0).route().is_some());
    }
}

/// The rules in the form of this engine, with one listener and one Service.
pub fn rule_set(workload: &Workload) -> RuleSet {
    let origin = build::origin("rule");
    let forward = Arc::new(build::forward(ServiceId(0), 80, origin.clone()));
    let route = |rule: &Rule| {
        let action = Action::Forward(forward.clone());
        Route::new(pattern(&rule.path), conditions(rule), action, origin.clone())
    };
    let mut listener = build::listener(80);
    for rules in workload.hosts() {
        listener.hosts.insert(VirtualHost::new(
            name(&rules[0]),
            rules.iter().map(route).collect(),
            origin.clone(),
        ));
    }
    let services = vec![build::service("test", &[80])].into();
    RuleSet { listeners: vec![listener], services, identity: None }
}

pub(super) fn name(rule: &Rule) -> HostPattern {
    HostPattern::parse(&rule.host).unwrap()
}

pub(super) fn pattern(test: &PathTest) -> PathPattern {
    let template = |text: &str| PathTemplate::with_parameters(text).unwrap();
    match test {
        PathTest::Whole(text) => PathPattern::Exact(template(text)),
        PathTest::Below(prefix) => PathPattern::Prefix {
            template: if prefix.is_empty() { PathTemplate::empty() } else { template(prefix) },
            boundary: Boundary::Segment,
        },
        PathTest::Matches(expression) => PathPattern::Regex(regex(expression)),
    }
}

pub(super) fn conditions(rule: &Rule) -> Vec<Condition> {
    let method = rule.method.map(|method| Condition::equals(Field::Method, method));
    let header = rule.header.as_ref().map(|(name, test)| {
        let field = Field::Header((*name).into());
        match test {
            ValueTest::Equals(value) => Condition::equals(field, value),
            ValueTest::Matches(expression) => Condition::new(
                field,
                Test::Matches { regex: regex(expression), empty_matches: false },
            ),
        }
    });
    method.into_iter().chain(header).collect()
}

fn regex(expression: &Expression) -> Regex {
    Regex::new(&expression.source, Anchor::None, expression.ignore_case).unwrap()
}
