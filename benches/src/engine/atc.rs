//! atc-router, which interprets one expression after the other.

use super::{Built, Engine};
use crate::measure::building;
use crate::workload::{PathTest, Request, Rule, ValueTest, Workload};
use atc_router::ast::Type;
use atc_router::context::Context;
use atc_router::router::Router;
use atc_router::schema::Schema;
use std::hint::black_box;
use std::sync::LazyLock;
use uuid::Uuid;

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let mut schema = Schema::default();
    for field in ["http.path", "http.host", "http.method", "http.headers.*"] {
        schema.add_field(field, Type::String);
    }
    schema
});

/// The fields that its rules test.
const HEADERS: [&str; 2] = ["x-tenant", "x-canary"];

struct Atc {
    router: Router<'static>,
    /// Of the requests prepared: filling one costs more than most decisions, so that this is the
    /// engine's cheapest case.
    contexts: Vec<Context<'static>>,
}

pub(super) fn build(workload: &Workload) -> Result<Built, String> {
    let rules = &workload.rules;
    // What tells most rules apart comes first: the rest is looked at only where it holds.
    let by_host = rules.first().map(|r| &r.host) != rules.last().map(|r| &r.host);
    let expressions: Vec<String> = rules.iter().map(|rule| expression(rule, by_host)).collect();
    let (router, cost) = building(|| {
        let mut router = Router::new(&SCHEMA);
        for (at, expression) in expressions.iter().enumerate() {
            // The highest priority is asked first.
            let id = Uuid::from_u128(at as u128);
            router.add_matcher(expressions.len() - at, id, expression)?;
        }
        Ok::<_, String>(router)
    });
    Ok(Built::new((Atc { router: router?, contexts: Vec::new() }, cost)))
}

impl Atc {
    fn decide(router: &Router, context: &mut Context) -> Option<usize> {
        let found = router.execute(context).then(|| context.result.take());
        found.flatten().map(|found| found.uuid.as_u128() as usize)
    }
}

impl Engine for Atc {
    fn prepare(&mut self, requests: &[Request]) {
        self.contexts = requests.iter().map(context).collect();
    }

    fn rule(&self, request: &Request) -> Option<usize> {
        Self::decide(&self.router, &mut context(request))
    }

    fn run(&mut self, requests: &[Request]) {
        for context in &mut self.contexts[..requests.len()] {
            black_box(Self::decide(&self.router, black_box(context)));
        }
    }
}

fn context(request: &Request) -> Context<'static> {
    let mut context = Context::new(&SCHEMA);
    context.add_value("http.path", request.path.to_owned().into());
    context.add_value("http.host", request.host.to_owned().into());
    context.add_value("http.method", request.method.to_owned().into());
    for name in HEADERS {
        if let Some(value) = request.header(name) {
            context.add_value(&field(name), value.to_owned().into());
        }
    }
    context
}

fn field(header: &str) -> String {
    format!("http.headers.{}", header.replace('-', "_"))
}

fn expression(rule: &Rule, by_host: bool) -> String {
    let header = rule.header.as_ref().map(|(name, test)| match test {
        ValueTest::Equals(value) => format!("{} == \"{value}\"", field(name)),
        ValueTest::Matches(expression) => format!("{} ~ r#\"{}\"#", field(name), expression.source),
    });
    let host = format!("http.host == \"{}\"", rule.host);
    let path = path(&rule.path);
    let method = rule.method.map(|method| format!("http.method == \"{method}\""));
    let (first, last) = if by_host { (Some(host), None) } else { (None, Some(host)) };
    let predicates = [first, header, Some(path), method, last];
    predicates.into_iter().flatten().collect::<Vec<_>>().join(" && ")
}

fn path(test: &PathTest) -> String {
    match test {
        PathTest::Whole(pattern) if pattern.contains('{') => {
            let segment = |text: &str| match text.starts_with('{') {
                true => "[^/]+".to_owned(),
                false => regex::escape(text),
            };
            let segments: Vec<String> = pattern.split('/').map(segment).collect();
            format!("http.path ~ r#\"^{}$\"#", segments.join("/"))
        }
        PathTest::Whole(literal) => format!("http.path == \"{literal}\""),
        PathTest::Below(prefix) if prefix.is_empty() => "http.path ^= \"/\"".to_owned(),
        PathTest::Below(prefix) => {
            format!("(http.path == \"{prefix}\" || http.path ^= \"{prefix}/\")")
        }
        PathTest::Matches(expression) => format!("http.path ~ r#\"{}\"#", expression.source),
    }
}
