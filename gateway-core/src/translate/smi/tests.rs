//! From documents to what the router gets, by rule number.

mod access;
mod breakers;
mod conditions;
mod decisions;
mod diagnostics;
mod explanations;
mod hosts;
mod identities;
mod limits;
mod mesh;
mod splits;
mod workloads;

use super::translate;
use crate::decision::split::choose;
use crate::diagnostic::{Diagnostic, Severity};
use crate::resource::Resources;
use crate::rules::{Condition, Field, GroupMatch, GroupMatches, Service, ServiceName, Test};
use crate::translate::hosts::Claim;
use crate::translate::{Context, Options};

/// What this dialect makes of some documents.
struct Outcome {
    services: Vec<Service>,
    claims: Vec<Claim>,
    /// Those of reading, then those of translating.
    diagnostics: Vec<Diagnostic>,
    /// `Kind namespace/name`, of reading and of translating.
    refused: Vec<String>,
}

fn outcome(yaml: &str, options: &Options) -> Outcome {
    let mut resources = Resources::with_defaults("default", options.strict);
    resources.add_yaml("test.yaml", yaml);
    let mut context = Context::new(&resources, options);
    translate(&mut context);
    let Context { services, problems, claims, refused, .. } = context;
    let unread = resources.refused().iter().filter_map(|r| r.object.clone());
    let mut diagnostics = resources.diagnostics().to_vec();
    diagnostics.extend(problems.into_list());
    Outcome {
        services: services.into_list(),
        claims,
        diagnostics,
        refused: unread.chain(refused).map(|object| object.to_string()).collect(),
    }
}

/// With default options, so that Services without documents are taken to exist.
fn of(yaml: &str) -> Outcome {
    outcome(yaml, &Options::default())
}

impl Outcome {
    fn service(&self, name: &str) -> &Service {
        let name = ServiceName::new("default", name);
        self.services.iter().find(|s| s.name == name).unwrap()
    }

    /// The whole table of smi §3.6 for one request: the Service chosen, `None` for 503.
    fn resolve(&self, root: &str, port: u16, request: &Request<'_>, draw: u64) -> Option<&str> {
        let root = self.service(root);
        let applies = |matches: &Option<GroupMatches>| match matches {
            Some(list) => list.iter().any(|m| m.conditions.iter().all(|c| request.meets(c))),
            None => true,
        };
        let Some(split) = root.splits.iter().find(|s| applies(&s.matches)) else {
            return root.has_port(port).then_some(&*root.name.name);
        };
        let service = |id: crate::rules::ServiceId| &self.services[id.0 as usize];
        let weight = |of: &Service, weight| if of.takes_part(port) { weight } else { 0 };
        let weights = split.backends.iter().map(|b| weight(service(b.service), b.weight));
        let (chosen, _) = choose(weights, draw)?;
        Some(&*service(split.backends[chosen].service).name.name)
    }

    /// Code and field of everything of at least this severity.
    fn found(&self, least: Severity) -> Vec<(&'static str, &str)> {
        let severe = self.diagnostics.iter().filter(|d| d.severity >= least);
        severe.map(|d| (d.code, &*d.field)).collect()
    }
}

/// A request as conditions see it.
struct Request<'a> {
    method: &'a str,
    /// The match path.
    path: &'a str,
    headers: &'a [(&'a str, &'a str)],
}

const PLAIN: Request<'static> = Request { method: "GET", path: "/", headers: &[] };

impl Request<'_> {
    fn field(&self, field: &Field) -> Option<String> {
        match field {
            Field::Method => Some(self.method.into()),
            Field::Path => Some(self.path.into()),
            Field::Header(name) => {
                let lines = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
                let lines: Vec<&str> = lines.map(|(_, value)| *value).collect();
                let separator = if **name == *"cookie" { "; " } else { ", " };
                (!lines.is_empty()).then(|| lines.join(separator))
            }
            other => panic!("{other}"),
        }
    }

    fn meets(&self, condition: &Condition) -> bool {
        assert!(!condition.negated);
        let Some(value) = self.field(&condition.field) else { return false };
        match &condition.test {
            Test::Equals { value: wanted, ignore_case: false } => value == **wanted,
            Test::Matches { regex, empty_matches: true } => regex.is_match(value.as_bytes()),
            other => panic!("{other:?}"),
        }
    }
}

/// A split of `tea` into `tea` 90 and `tea-2` 10, with this after its fields.
fn split(name: &str, more: &str) -> String {
    format!(
        "
---
apiVersion: split.smi-spec.io/v1alpha3
kind: TrafficSplit
metadata:
  name: {name}
spec:
  service: tea
  backends:
  - service: tea-1
    weight: 90
  - service: tea-2
    weight: 10
{more}"
    )
}

/// A group with these matches, in flow or block style, indented by four.
fn group(name: &str, matches: &str) -> String {
    format!(
        "
---
apiVersion: specs.smi-spec.io/v1alpha3
kind: HTTPRouteGroup
metadata:
  name: {name}
spec:
  matches:
{matches}"
    )
}

/// A Service with these ports.
fn service(name: &str, ports: &str) -> String {
    format!(
        "
---
apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  ports: {ports}"
    )
}
