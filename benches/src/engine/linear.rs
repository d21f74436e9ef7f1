//! Rules one after the other behind a hash map of hosts, as proxies without an index do it.

use super::{Built, Engine};
use crate::measure::{building, each};
use crate::workload::{Request, Rule, Workload};
use std::collections::HashMap;

struct Linear(HashMap<String, Vec<(usize, Rule)>>);

pub(super) fn build(workload: &Workload) -> Result<Built, String> {
    Ok(Built::new(building(|| {
        let mut hosts: HashMap<String, Vec<(usize, Rule)>> = HashMap::new();
        for (at, rule) in workload.rules.iter().enumerate() {
            hosts.entry(rule.host.clone()).or_default().push((at, rule.clone()));
        }
        Linear(hosts)
    })))
}

impl Engine for Linear {
    fn rule(&self, request: &Request) -> Option<usize> {
        let rules = self.0.get(request.host)?;
        rules.iter().find(|(_, rule)| rule.holds(request)).map(|&(at, _)| at)
    }

    fn run(&mut self, requests: &[Request]) {
        each(requests, |request| self.rule(request));
    }
}
