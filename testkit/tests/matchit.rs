//! matchit as a second opinion on the templates that it accepts.
//!
//! It knows one parameter in a segment with text before or behind it, and a wildcard at the end.
//! It refuses many sets that are legal here: what it refuses is left out of both. It misses some
//! paths, since it does not come back from a suffix that led nowhere: what it does not find the
//! reference decides. What it does find has to be found, and to be among what holds.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use gateway_core::Router;
use gateway_core::rules::{
    Action, HostPattern, Listener, PathPattern, PathTemplate, Route, RuleSet, VirtualHost,
};
use http::StatusCode;
use proptest::test_runner::{Config, TestRunner};
use std::sync::Arc;
use testkit::generate::Source;
use testkit::{OwnedRequest, assert_agree, build, reference};

/// Parameters stand in braces without a name.
const SEGMENTS: [&str; 14] = [
    "a",
    "b",
    "{}",
    "ab",
    "{}",
    "img-{}",
    "{}.js",
    "a.js",
    "{}.json",
    "img-1",
    "img-{}.js",
    "x{}",
    "{}b",
    "pre{}.js",
];
const WORDS: [&str; 14] = [
    "a", "b", "ab", "img-1", "a.js", "img-", ".js", "img-1.js", "a.json", "pre.js", "xb",
    "prex.js", "x", "a.b",
];

/// Names have to differ within a template and agree between templates: they count from the left.
fn template(source: &mut Source<'_>) -> String {
    let mut text = String::new();
    let depth = source.between(1, 4);
    for level in 0..depth {
        text.push('/');
        if level + 1 == depth && source.once_in(6) {
            text.push_str("{*rest}");
            return text;
        }
        text.push_str(&source.pick(&SEGMENTS).replace("{}", &format!("{{p{level}}}")));
    }
    if source.once_in(8) {
        text.push('/');
    }
    text
}

fn path(templates: &[String], source: &mut Source<'_>) -> String {
    let mut path = String::new();
    let near = source.choose(templates).filter(|_| !source.once_in(4));
    let segments = near.map_or("/{*rest}", String::as_str).split('/').skip(1);
    for segment in segments {
        path.push('/');
        match (segment.find('{'), segment.find('}')) {
            (Some(start), Some(end)) if segment[start..].starts_with("{*") => {
                path.push_str(&segment[..start]);
                for _ in 0..source.below(3) {
                    path.push_str(source.pick(&WORDS));
                    path.push('/');
                }
                path.push_str(source.pick(&WORDS));
                path.push_str(&segment[end + 1..]);
            }
            (Some(start), Some(end)) if !source.once_in(4) => {
                path.push_str(&segment[..start]);
                path.push_str(source.pick(&["a", "1", ".js", "b", "img-", "e.js"]));
                path.push_str(&segment[end + 1..]);
            }
            (None, _) if !source.once_in(6) => path.push_str(segment),
            _ => path.push_str(source.pick(&WORDS)),
        }
    }
    path
}

fn rules(templates: &[String]) -> RuleSet {
    let route = |template: &String| {
        let origin = build::origin(template);
        let path = PathPattern::Exact(PathTemplate::parse(template).unwrap());
        let respond = build::respond(StatusCode::OK, origin.clone());
        Route::new(path, Vec::new(), Action::Respond(Arc::new(respond)), origin)
    };
    let host = VirtualHost::new(
        HostPattern::Any,
        templates.iter().map(route).collect(),
        build::origin("host"),
    );
    let listener = Listener { hosts: [host].into_iter().collect(), ..build::listener(80) };
    RuleSet { listeners: vec![listener], ..RuleSet::default() }
}

/// What was compared.
#[derive(Debug, Default)]
struct Counts {
    accepted: usize,
    refused: usize,
    found: usize,
    not_found: usize,
    missed: usize,
}

fn compare(seed: u64, counts: &mut Counts) {
    let mut source = Source::noise(seed);
    let mut other = matchit::Router::new();
    let mut templates = Vec::new();
    let count = source.between(1, 14);
    for template in (0..count).map(|_| template(&mut source)).collect::<Vec<_>>() {
        if other.insert(template.clone(), template.clone()).is_ok() {
            counts.accepted += 1;
            templates.push(template);
        } else {
            counts.refused += 1;
        }
    }
    let rules = rules(&templates);
    let router = Router::compile(&rules).unwrap();
    for _ in 0..24 {
        let path = path(&templates, &mut source);
        let request = OwnedRequest::new("GET", "h", 80, &path);
        let answer = assert_agree(&rules, &router, &request, 0);
        let Ok(found) = other.at(&path) else {
            counts.not_found += 1;
            counts.missed += usize::from(answer.route.is_some());
            continue;
        };
        counts.found += 1;
        let preferred = found.value;
        assert!(answer.route.is_some(), "{preferred} holds for {path}: {templates:?}");
        let pattern = PathPattern::Exact(PathTemplate::parse(preferred).unwrap());
        let holds = reference::path_holds(&pattern, path.as_bytes());
        assert!(holds, "{preferred} holds for {path}, says matchit");
        // Put first, it wins.
        let mut sorted = templates.clone();
        sorted.sort_by_key(|template| template != preferred);
        let sorted = self::rules(&sorted);
        let router = Router::compile(&sorted).unwrap();
        let answer = assert_agree(&sorted, &router, &request, 0);
        let first = answer.route.map(|origin| origin.field.to_string());
        assert_eq!(first.as_ref(), Some(preferred), "{path}: {templates:?}");
    }
}

#[test]
fn what_matchit_finds_is_found() {
    let default = Config::default();
    let cases = std::env::var_os("PROPTEST_CASES").map_or(150, |_| default.cases);
    let config = Config { cases, failure_persistence: None, ..default };
    let counts = std::cell::RefCell::new(Counts::default());
    let seeds = proptest::num::u64::ANY;
    let run = |seed| {
        compare(seed, &mut counts.borrow_mut());
        Ok(())
    };
    TestRunner::new(config).run(&seeds, run).unwrap();
    let counts = counts.into_inner();
    println!("{counts:?}");
    assert!(counts.found > counts.not_found / 4 && counts.accepted > counts.refused, "{counts:?}");
}

/// Both known ways in which matchit misses a path that holds: the reference finds it, and so does
/// the router.
#[test]
fn what_matchit_misses_is_found() {
    for (templates, path) in [
        (["/{y}.js/z", "/{y}/abc"], "/pre.js/abc"),
        (["/pre{x}.js/{y}/{z}", "/pre{x}/pre{y}"], "/prez.js/pre.js"),
    ] {
        let mut other = matchit::Router::new();
        templates.iter().for_each(|template| other.insert(*template, ()).unwrap());
        assert!(other.at(path).is_err(), "matchit finds {path}: say so above");
        let rules = rules(&templates.map(str::to_owned));
        let router = Router::compile(&rules).unwrap();
        let request = OwnedRequest::new("GET", "h", 80, path);
        let answer = assert_agree(&rules, &router, &request, 0);
        assert_eq!(answer.route, Some(build::origin(templates[1])), "{path}");
    }
}
