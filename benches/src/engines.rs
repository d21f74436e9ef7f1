//! The engines: this one, and its peers behind the same trait.

use crate::measure::{each, now};
use crate::workload::{Kind, Request, Rule, Workload};
use gateway_core::Router;
use gateway_core::rules::{
    Action, Boundary, Condition, Field, HostPattern, PathPattern, PathTemplate, Route, RuleSet,
    ServiceId, VirtualHost,
};
use std::collections::HashMap;
use std::sync::Arc;
use testkit::build;

pub(crate) trait Engine {
    /// The position of the rule that decides.
    fn rule(&self, request: &Request) -> Option<usize>;

    /// Decides all requests, in a loop of its own so that nothing is called through a pointer.
    fn run(&self, requests: &[Request]);

    /// Nanoseconds and bytes of building, as the engine knows better.
    fn own(&self, build: f64, bytes: usize) -> (f64, usize) {
        (build, bytes)
    }
}

/// This engine.
pub(crate) struct Gateway {
    router: Router,
    /// The position of the first rule of each host.
    first: HashMap<usize, usize>,
    compile: f64,
    bytes: usize,
}

impl Gateway {
    pub(crate) fn build(workload: &Workload) -> Option<Box<dyn Engine>> {
        let rules = rule_set(workload);
        let before = crate::alloc::live();
        let start = now();
        let router = Router::compile(&rules).unwrap();
        let compile = now() - start;
        let bytes = crate::alloc::live() - before;
        let mut position = 0;
        let mut first = HashMap::new();
        for host in router.rules().listeners[0].hosts.iter() {
            first.insert(host.routes.as_ptr().addr(), position);
            position += host.routes.len();
        }
        Some(Box::new(Self { router, first, compile, bytes }))
    }
}

impl Engine for Gateway {
    fn rule(&self, request: &Request) -> Option<usize> {
        let decision = self.router.decide(&request.head, 0);
        let routes = &decision.host()?.routes;
        let route = decision.route()?;
        let at = routes.iter().position(|r| std::ptr::eq(r, route))?;
        Some(self.first[&routes.as_ptr().addr()] + at)
    }

    fn run(&self, requests: &[Request]) {
        each(requests, |request| self.router.decide(&request.head, 0).route().is_some());
    }

    /// The rules themselves are the payload.
    fn own(&self, _: f64, _: usize) -> (f64, usize) {
        (self.compile, self.bytes)
    }
}

fn rule_set(workload: &Workload) -> RuleSet {
    let origin = build::origin("rule");
    let forward = Arc::new(build::forward(ServiceId(0), 80, origin.clone()));
    let route = |rule: &Rule| {
        let equals = |field, value: &str| Condition::equals(field, value);
        let method = rule.method.map(|method| equals(Field::Method, method));
        let header = rule.header.as_ref().map(|(n, v)| equals(Field::Header((*n).into()), v));
        Route {
            path: pattern(rule),
            conditions: method.into_iter().chain(header).collect(),
            action: Action::Forward(forward.clone()),
            origin: origin.clone(),
        }
    };
    let mut listener = build::listener(80);
    for rules in workload.rules.chunk_by(|a, b| a.host == b.host) {
        listener.hosts.insert(VirtualHost {
            hostname: HostPattern::parse(&rules[0].host).unwrap(),
            section: 0,
            falls_through: false,
            routes: rules.iter().map(route).collect(),
            origin: origin.clone(),
        });
    }
    let services = vec![build::service("test", &[80])].into();
    RuleSet { listeners: vec![listener], services }
}

fn pattern(rule: &Rule) -> PathPattern {
    let template = |text| PathTemplate::with_parameters(text).unwrap();
    match rule.prefix() {
        Some("") => {
            PathPattern::Prefix { template: PathTemplate::empty(), boundary: Boundary::Segment }
        }
        Some(prefix) => {
            PathPattern::Prefix { template: template(prefix), boundary: Boundary::Segment }
        }
        None => PathPattern::Exact(template(&rule.path)),
    }
}

/// Rules one after the other, as proxies without an index look at them.
pub(crate) struct Linear(HashMap<String, Vec<(usize, Rule)>>);

impl Linear {
    pub(crate) fn build(workload: &Workload) -> Option<Box<dyn Engine>> {
        if workload.size > 10_000 {
            return None;
        }
        let copy = |r: &Rule| Rule {
            host: r.host.clone(),
            path: r.path.clone(),
            method: r.method,
            header: r.header.clone(),
        };
        let mut hosts: HashMap<String, Vec<(usize, Rule)>> = HashMap::new();
        for (at, rule) in workload.rules.iter().enumerate() {
            hosts.entry(rule.host.clone()).or_default().push((at, copy(rule)));
        }
        Some(Box::new(Self(hosts)))
    }
}

impl Engine for Linear {
    fn rule(&self, request: &Request) -> Option<usize> {
        let rules = self.0.get(request.host)?;
        rules.iter().find(|(_, rule)| rule.holds(request)).map(|&(at, _)| at)
    }

    fn run(&self, requests: &[Request]) {
        each(requests, |request| self.rule(request));
    }
}

/// A peer that knows paths only.
pub(crate) trait PathRouter {
    /// Parameters stand in braces; a prefix ends with `/*`.
    fn new(paths: &[(&str, usize)]) -> Self;

    fn find(&self, path: &str) -> Option<usize>;
}

impl PathRouter for matchit::Router<usize> {
    fn new(paths: &[(&str, usize)]) -> Self {
        let mut router = Self::new();
        for &(path, at) in paths {
            router.insert(path.replace("/*", "/{*rest}"), at).unwrap();
        }
        router
    }

    fn find(&self, path: &str) -> Option<usize> {
        self.at(path).ok().map(|found| *found.value)
    }
}

impl PathRouter for wayfind::Router<usize> {
    fn new(paths: &[(&str, usize)]) -> Self {
        let mut builder = wayfind::RouterBuilder::new();
        for &(path, at) in paths {
            let path = path.replace("/*", "/{*rest}").replace('{', "<").replace('}', ">");
            builder.insert(&path, at).unwrap();
        }
        builder.build()
    }

    fn find(&self, path: &str) -> Option<usize> {
        self.search(path).map(|found| *found.data())
    }
}

/// A peer without hosts.
pub(crate) struct Bare<P>(P);

impl<P: PathRouter + 'static> Bare<P> {
    pub(crate) fn build(workload: &Workload) -> Option<Box<dyn Engine>> {
        if !matches!(workload.kind, Kind::Exact | Kind::Templates) {
            return None;
        }
        let rules = workload.rules.iter().enumerate();
        let paths: Vec<_> = rules.map(|(at, rule)| (&*rule.path, at)).collect();
        Some(Box::new(Self(P::new(&paths))))
    }
}

impl<P: PathRouter> Engine for Bare<P> {
    fn rule(&self, request: &Request) -> Option<usize> {
        self.0.find(request.path)
    }

    fn run(&self, requests: &[Request]) {
        each(requests, |request| self.0.find(request.path));
    }
}

/// A peer for each host.
pub(crate) struct ByHost<P>(HashMap<String, P>);

impl<P: PathRouter + 'static> ByHost<P> {
    pub(crate) fn build(workload: &Workload) -> Option<Box<dyn Engine>> {
        if !matches!(workload.kind, Kind::Exact | Kind::Templates | Kind::Hosts) {
            return None;
        }
        let mut hosts: HashMap<&str, Vec<_>> = HashMap::new();
        for (at, rule) in workload.rules.iter().enumerate() {
            hosts.entry(&rule.host).or_default().push((&*rule.path, at));
        }
        let hosts = hosts.into_iter().map(|(host, paths)| (host.to_owned(), P::new(&paths)));
        Some(Box::new(Self(hosts.collect())))
    }
}

impl<P: PathRouter> Engine for ByHost<P> {
    fn rule(&self, request: &Request) -> Option<usize> {
        self.0.get(request.host)?.find(request.path)
    }

    fn run(&self, requests: &[Request]) {
        each(requests, |request| self.rule(request));
    }
}
