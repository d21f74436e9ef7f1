//! Peers that know paths only: alone where all rules are of one host, and one for each host
//! behind a hash map.

use super::{Built, Engine};
use crate::measure::{building, each};
use crate::workload::{PathTest, Request, Rule, Workload};
use path_tree::PathTree;
use std::collections::HashMap;

/// A peer that finds the number of a path.
pub(super) trait PathRouter: Sized + 'static {
    /// A path as the peer writes it.
    fn pattern(test: &PathTest) -> String;

    fn new(paths: Vec<(String, usize)>) -> Result<Self, String>;

    fn find(&self, path: &str) -> Option<usize>;
}

/// The path with what stands for the braces and for the rest below a prefix. The peers' rest is
/// never empty, so that a prefix misses its own path; no request asks for that.
fn written(test: &PathTest, (open, close): (&str, &str), rest: &str) -> String {
    match test {
        PathTest::Whole(text) => text.replace('{', open).replace('}', close),
        PathTest::Below(prefix) => format!("{prefix}/{rest}"),
        PathTest::Matches(_) => unreachable!("no peer of paths takes expressions"),
    }
}

impl PathRouter for matchit::Router<usize> {
    fn pattern(test: &PathTest) -> String {
        written(test, ("{", "}"), "{*rest}")
    }

    fn new(paths: Vec<(String, usize)>) -> Result<Self, String> {
        let mut router = Self::new();
        for (path, at) in paths {
            router.insert(&*path, at).map_err(|error| format!("refuses `{path}`: {error}"))?;
        }
        Ok(router)
    }

    fn find(&self, path: &str) -> Option<usize> {
        self.at(path).ok().map(|found| *found.value)
    }
}

impl PathRouter for wayfind::Router<usize> {
    fn pattern(test: &PathTest) -> String {
        written(test, ("<", ">"), "<*rest>")
    }

    fn new(paths: Vec<(String, usize)>) -> Result<Self, String> {
        let mut builder = wayfind::RouterBuilder::new();
        for (path, at) in paths {
            builder.insert(&path, at).map_err(|error| format!("refuses `{path}`: {error}"))?;
        }
        Ok(builder.build())
    }

    fn find(&self, path: &str) -> Option<usize> {
        self.search(path).map(|found| *found.data())
    }
}

impl PathRouter for PathTree<usize> {
    fn pattern(test: &PathTest) -> String {
        written(test, (":", ""), "+")
    }

    fn new(paths: Vec<(String, usize)>) -> Result<Self, String> {
        let mut tree = Self::new();
        for (at, (path, value)) in paths.into_iter().enumerate() {
            // A path that is there already gives its old number back and takes the new value.
            if tree.insert(&path, value) != at {
                return Err(format!("overwrites `{path}`"));
            }
        }
        Ok(tree)
    }

    fn find(&self, path: &str) -> Option<usize> {
        PathTree::find(self, path).map(|(value, _)| *value)
    }
}

struct Bare<P>(P);

pub(super) fn bare<P: PathRouter>(workload: &Workload) -> Result<Built, String> {
    let paths = numbered::<P>(&workload.rules, 0);
    let (router, cost) = building(|| P::new(paths));
    Ok(Built::new((Bare(router?), cost)))
}

fn numbered<P: PathRouter>(rules: &[Rule], first: usize) -> Vec<(String, usize)> {
    rules.iter().zip(first..).map(|(rule, at)| (P::pattern(&rule.path), at)).collect()
}

impl<P: PathRouter> Engine for Bare<P> {
    fn rule(&self, request: &Request) -> Option<usize> {
        self.0.find(request.path)
    }

    fn run(&mut self, requests: &[Request]) {
        each(requests, |request| self.0.find(request.path));
    }
}

struct ByHost<P>(HashMap<String, P>);

pub(super) fn by_host<P: PathRouter>(workload: &Workload) -> Result<Built, String> {
    let mut first = 0;
    let mut hosts = Vec::new();
    for rules in workload.hosts() {
        hosts.push((rules[0].host.clone(), numbered::<P>(rules, first)));
        first += rules.len();
    }
    let router = |(host, paths)| Ok((host, P::new(paths)?));
    let (hosts, cost) = building(|| hosts.into_iter().map(router).collect::<Result<_, String>>());
    Ok(Built::new((ByHost(hosts?), cost)))
}

impl<P: PathRouter> Engine for ByHost<P> {
    fn rule(&self, request: &Request) -> Option<usize> {
        self.0.get(request.host)?.find(request.path)
    }

    fn run(&mut self, requests: &[Request]) {
        each(requests, |request| self.rule(request));
    }
}
