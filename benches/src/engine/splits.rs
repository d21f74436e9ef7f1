//! This engine, where rules are TrafficSplits of a Service that one route names.

use super::gateway::{conditions, name, pattern};
use super::{Built, Engine};
use crate::measure::{building, each};
use crate::workload::{Request, Rule, Workload};
use gateway_core::rules::{
    Action, GroupMatch, Route, RuleSet, Service, ServiceId, ServiceSplit, SplitBackend, VirtualHost,
};
use gateway_core::{Outcome, Router};
use std::ptr;
use std::sync::Arc;
use testkit::build;

/// The Service with the splits.
const ROOT: ServiceId = ServiceId(0);
/// Where they send half of what they take; the other half stays.
const CANARY: ServiceId = ServiceId(1);

struct Splits(Router);

/// The rules themselves do not count, as where they are routes.
pub(super) fn build(workload: &Workload) -> Result<Built, String> {
    let rules = rule_set(workload);
    let (router, cost) = building(|| Router::compile(&rules));
    let router = router.map_err(|errors| errors.to_string())?;
    Ok(Built::new((Splits(router), cost)))
}

impl Splits {
    fn split(&self, request: &Request) -> Option<&ServiceSplit> {
        match self.0.decide(&request.head, 0).admitted() {
            Outcome::Forward(forwarding) => forwarding.split.map(|choice| choice.split),
            _ => None,
        }
    }
}

impl Engine for Splits {
    fn rule(&self, request: &Request) -> Option<usize> {
        let split = self.split(request)?;
        let splits = &self.0.rules().service(ROOT).splits;
        splits.iter().position(|other| ptr::eq(other, split))
    }

    fn run(&mut self, requests: &[Request]) {
        each(requests, |request| self.split(request).is_some());
    }
}

/// What all rules say of the path is said by the route, and the rest by the splits.
fn rule_set(workload: &Workload) -> RuleSet {
    let origin = build::origin("rule");
    let first = &workload.rules[0];
    let forward = Arc::new(build::forward(ROOT, 80, origin.clone()));
    let path = pattern(&first.path);
    let route = Route::new(path, Vec::new(), Action::Forward(forward), origin.clone());
    let mut listener = build::listener(80);
    listener.hosts.insert(VirtualHost::new(name(first), vec![route], origin));
    let root = Service { splits: workload.rules.iter().map(split).collect(), ..service("test") };
    let services = vec![root, service("canary")].into();
    RuleSet { listeners: vec![listener], services, identity: None }
}

fn service(name: &str) -> Service {
    build::service(name, &[80])
}

fn split(rule: &Rule) -> ServiceSplit {
    let origin = build::origin("rule");
    let matched = GroupMatch { conditions: conditions(rule), origin: origin.clone() };
    let backend = |service| SplitBackend { service, weight: 1, origin: origin.clone() };
    ServiceSplit {
        matches: Some([matched].into_iter().collect()),
        backends: [ROOT, CANARY].map(backend).into(),
        sticky: None,
        origin,
    }
}
