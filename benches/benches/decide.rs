//! Decisions, with bare `matchit` beside them: it knows paths, neither hosts nor conditions.
#![expect(clippy::unwrap_used, reason = "benches fail by panicking")]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use gateway_core::rules::{
    Action, Condition, Field, HostPattern, PathPattern, PathTemplate, Route, RuleSet, VirtualHost,
};
use gateway_core::{RequestHead, Router};
use http::StatusCode;
use std::hint::black_box;
use std::sync::Arc;
use testkit::build;

const HOST: &str = "shop.example.com";

/// A router with one host; the origin of each route is its position.
fn router(routes: impl IntoIterator<Item = (PathPattern, Vec<Condition>)>) -> Router {
    let routes = routes.into_iter().enumerate().map(|(at, (path, conditions))| {
        let origin = build::origin(&at.to_string());
        let action = Action::Respond(Arc::new(build::respond(StatusCode::OK, origin.clone())));
        Route { path, conditions, action, origin }
    });
    let host = VirtualHost {
        hostname: HostPattern::parse(HOST).unwrap(),
        section: 0,
        falls_through: false,
        routes: routes.collect(),
        origin: build::origin("host"),
    };
    let mut listener = build::listener(80);
    listener.hosts.insert(host);
    Router::compile(&RuleSet { listeners: vec![listener], services: Arc::default() }).unwrap()
}

fn exact(path: &str) -> PathPattern {
    PathPattern::Exact(PathTemplate::with_parameters(path).unwrap())
}

/// Times `requests`, one after the other, each of which route of the same position takes.
fn bench(c: &mut Criterion, name: &str, size: usize, router: &Router, requests: &[RequestHead]) {
    for (at, request) in requests.iter().enumerate() {
        let route = router.decide(request, 0).route().unwrap();
        assert_eq!(*route.origin.field, *at.to_string(), "{request:?}");
    }
    let mut requests = requests.iter().cycle();
    c.bench_function(&format!("decide/{name}/{size}"), |b| {
        b.iter(|| {
            let request = requests.next().unwrap();
            black_box(router.decide(black_box(request), 0)).route().is_some()
        });
    });
}

/// Times bare `matchit` on the same paths.
fn bench_matchit(c: &mut Criterion, name: &str, patterns: &[String], paths: &[String]) {
    let mut router = matchit::Router::new();
    for (at, pattern) in patterns.iter().enumerate() {
        router.insert(pattern.as_str(), at).unwrap();
    }
    for (at, path) in paths.iter().enumerate() {
        assert_eq!(*router.at(path).unwrap().value, at, "{path}");
    }
    let mut paths = paths.iter().cycle();
    c.bench_with_input(
        BenchmarkId::new(format!("matchit/{name}"), patterns.len()),
        &(),
        |b, ()| {
            b.iter(|| {
                let path = paths.next().unwrap();
                black_box(router.at(black_box(path))).is_ok()
            });
        },
    );
}

fn exact_hit(c: &mut Criterion) {
    for size in [1_000, 10_000] {
        let paths: Vec<String> = (0..size).map(|n| format!("/api/v1/resource{n}/list")).collect();
        let router = router(paths.iter().map(|path| (exact(path), vec![])));
        let requests: Vec<_> = paths.iter().map(|path| RequestHead::get(HOST, path)).collect();
        bench(c, "exact_hit", size, &router, &requests);
        bench_matchit(c, "exact_hit", &paths, &paths);
    }
}

fn template_hit(c: &mut Criterion) {
    let size = 1_000;
    let pattern = |n: usize| format!("/repos{}/{{owner}}/{{name}}/part{n}", n % 50);
    let patterns: Vec<String> = (0..size).map(pattern).collect();
    let paths: Vec<String> =
        patterns.iter().map(|p| p.replace("{owner}", "rust").replace("{name}", "cargo")).collect();
    let router = router(patterns.iter().map(|pattern| (exact(pattern), vec![])));
    let requests: Vec<_> = paths.iter().map(|path| RequestHead::get(HOST, path)).collect();
    bench(c, "template_hit", size, &router, &requests);
    bench_matchit(c, "template_hit", &patterns, &paths);
}

fn header_value_hit(c: &mut Criterion) {
    let size = 10_000;
    let values: Vec<String> = (0..size).map(|n| format!("tenant-{n}")).collect();
    let tenant = |value| Condition::equals(Field::Header("x-tenant".into()), value);
    let router = router(values.iter().map(|value| (exact("/api"), vec![tenant(value)])));
    let headers: Vec<_> =
        values.iter().map(|v| [("accept", "*/*"), ("x-tenant", v.as_str())]).collect();
    let requests: Vec<_> =
        headers.iter().map(|lines| RequestHead::get(HOST, "/api").headers(lines)).collect();
    bench(c, "header_value_hit", size, &router, &requests);
}

criterion_group!(benches, exact_hit, template_hit, header_value_hit);
criterion_main!(benches);
