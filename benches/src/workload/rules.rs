//! The rules of each kind.

use super::names::{OF_A_HOST, TEMPLATES, WORDS};
use super::{Expression, Kind, PathTest, Rule, ValueTest};

/// About `size` rules in order of precedence.
pub(super) fn rules(kind: Kind, size: usize) -> Vec<Rule> {
    match kind {
        Kind::Exact => (0..size).map(|n| Rule::whole(exact_path(n))).collect(),
        Kind::Templates => (0..size).map(|n| Rule::whole(template(n))).collect(),
        Kind::Hosts => (0..size / 10).flat_map(routes_of_host).collect(),
        Kind::HeaderValues => (1..size).map(of_tenant).chain([Rule::below("/checkout")]).collect(),
        Kind::Splits => (0..size).map(of_tenant).collect(),
        Kind::RegexPrefix => {
            paths(size, false, |n| format!("^/svc{n}/[a-z]+/v[0-9]+/items/[^/]+$"))
        }
        Kind::RegexInner => paths(size, false, |n| format!("^/[a-z]+/v[0-9]+/svc{n}/[^/]+$")),
        Kind::RegexAnyCase => {
            paths(size, true, |n| format!("^/svc{n}/[a-z]+/v[0-9]+/items/[^/]+$"))
        }
        Kind::FallThrough => (0..size / 8).flat_map(nested_prefixes).collect(),
        Kind::HeaderRegex => {
            let test = |n| ValueTest::Matches(Expression::new(format!("^app{n}/[0-9]+"), false));
            let rule = |n| Rule { header: Some(("x-agent", test(n))), ..Rule::below("/api") };
            (0..size).map(rule).collect()
        }
        Kind::Crossing => (0..size).map(|n| Rule::whole(crossing(n, size.ilog2()))).collect(),
    }
}

fn exact_path(n: usize) -> String {
    format!("/api/v{}/{}/{}-{n:x}", n % 4, WORDS[n % 32], WORDS[(n / 32) % 32])
}

fn template(n: usize) -> String {
    format!("/svc{}{}", n / 50, TEMPLATES[n % 50])
}

fn routes_of_host(n: usize) -> impl Iterator<Item = Rule> {
    let host = format!("t{n}.{}.example.com", WORDS[n % 32]);
    OF_A_HOST.into_iter().map(move |path| {
        let rule = match path.strip_suffix("/*") {
            Some(prefix) => Rule::below(prefix),
            None => Rule::whole(path.to_owned()),
        };
        Rule { host: host.clone(), ..rule }
    })
}

fn of_tenant(n: usize) -> Rule {
    let test = ValueTest::Equals(tenant(n));
    Rule { header: Some(("x-tenant", test)), ..Rule::below("/checkout") }
}

/// The value of `x-tenant` that rule `n` of workloads d and i wants.
pub(super) fn tenant(n: usize) -> String {
    format!("tenant-{n:07}")
}

fn paths(size: usize, ignore_case: bool, source: impl Fn(usize) -> String) -> Vec<Rule> {
    let expression = |n| Expression::new(source(n), ignore_case);
    (0..size).map(|n| Rule::new(PathTest::Matches(expression(n)))).collect()
}

/// The outermost prefix of tenant `n` of workload f.
pub(super) fn tenant_path(n: usize) -> String {
    format!("/{}{n}", WORDS[n % 32])
}

/// Four nested prefixes with two rules each, which few requests satisfy.
fn nested_prefixes(n: usize) -> [Rule; 8] {
    let rule = |path: &str, method, header: Option<(&'static str, String)>| Rule {
        method,
        header: header.map(|(name, value)| (name, ValueTest::Equals(value))),
        ..Rule::below(tenant_path(n) + path)
    };
    let tenant = |name: String| Some(("x-tenant", name));
    [
        rule("/api/v1/items", Some("POST"), Some(("x-canary", "1".to_owned()))),
        rule("/api/v1/items", Some("GET"), tenant("alpha".to_owned())),
        rule("/api/v1", Some("GET"), tenant(format!("beta{}", n % 7))),
        rule("/api/v1", Some("DELETE"), None),
        rule("/api", Some("GET"), Some(("x-canary", "always".to_owned()))),
        rule("/api", None, tenant(format!("gold{}", n % 7))),
        rule("", Some("POST"), None),
        rule("", None, None),
    ]
}

/// On each level a literal or, where the bit of `n` is set, a parameter. The first level has the
/// highest bit, so that of two paths that match the one with the earlier literal stands first.
fn crossing(n: usize, levels: u32) -> String {
    let level = |at: u32| match n >> (levels - 1 - at) & 1 {
        0 => "/a".to_owned(),
        _ => format!("/{{x{at}}}"),
    };
    (0..levels).map(level).collect::<String>() + "/end"
}
