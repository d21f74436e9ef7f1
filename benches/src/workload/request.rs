//! The requests of each kind.

use super::names::WORDS;
use super::rules::{tenant, tenant_path};
use super::{HOST, Kind, PathTest, Traffic, Workload};
use gateway_core::RequestHead;

/// The fields that every request carries.
const FIELDS: [(&str, &str); 6] = [
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)"),
    ("accept", "*/*"),
    ("accept-encoding", "gzip, br"),
    ("accept-language", "en-GB,en;q=0.9"),
    ("cookie", "sid=8d3ac1f0; theme=dark"),
    ("x-request-id", "3b0c8e51d9f24a77"),
];

/// A request, ready to be decided.
#[derive(Debug)]
pub struct Request {
    /// As sent.
    pub method: &'static str,
    /// As sent.
    pub host: &'static str,
    /// Also the target: there is no query.
    pub path: &'static str,
    /// The same for this engine.
    pub head: RequestHead<'static>,
    headers: &'static [(&'static str, &'static str)],
}

impl Request {
    /// Leaks its parts, which live as long as the process anyway. They stand next to each other,
    /// as they do when a request has just been read.
    fn new(
        method: &'static str,
        host: &str,
        path: &str,
        more: Option<(&'static str, &str)>,
    ) -> Self {
        let host: &'static str = host.to_owned().leak();
        let path: &'static str = path.to_owned().leak();
        let mut headers = FIELDS.to_vec();
        headers.extend(more.map(|(name, value)| (name, &*value.to_owned().leak())));
        let headers = headers.leak();
        let head = RequestHead::new(method, host, path).headers(headers);
        Self { method, host, path, head, headers }
    }

    fn get(path: &str) -> Self {
        Self::new("GET", HOST, path, None)
    }

    /// The value of the first field of that name, which is in lower case like all of them.
    pub fn header(&self, name: &str) -> Option<&'static str> {
        self.headers.iter().find(|(n, _)| *n == name).map(|&(_, value)| value)
    }
}

/// The same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((self.0 >> 33) as usize) % limit
    }

    fn word(&mut self) -> String {
        format!("{}{}", WORDS[self.below(32)], self.below(1000))
    }
}

pub(super) fn requests(workload: &Workload, traffic: Traffic) -> Vec<Request> {
    let mut random = Random(7);
    let count = if traffic == Traffic::Hot { 256 } else { workload.size.clamp(1024, 65_536) };
    (0..count).map(|_| request(workload, &mut random, traffic == Traffic::Miss)).collect()
}

fn request(workload: &Workload, random: &mut Random, miss: bool) -> Request {
    let size = workload.size;
    // Where a rule is told from the next by a number, one request in eleven has none of its own.
    let number = |random: &mut Random| random.below(size + size / 10 + 1);
    match workload.kind {
        Kind::Exact | Kind::Templates => {
            let rule = &workload.rules[random.below(workload.rules.len())];
            let path = fill(&rule.path, random);
            // A path with a parameter at its end takes a longer segment too.
            let parameter = matches!(&rule.path, PathTest::Whole(text) if text.ends_with('}'));
            let tail = if parameter { "~/~" } else { "~" };
            Request::get(&(path + if miss { tail } else { "" }))
        }
        Kind::Hosts => {
            let rule = &workload.rules[random.below(workload.rules.len())];
            let host = if miss { format!("x{}", rule.host) } else { rule.host.clone() };
            Request::new("GET", &host, &fill(&rule.path, random), None)
        }
        Kind::HeaderValues => {
            let value = tenant(number(random));
            let path = if miss { "/checkout-cart/items" } else { "/checkout/cart/items" };
            Request::new("GET", HOST, path, Some(("x-tenant", &value)))
        }
        // All go to the Service, which keeps what is of no split.
        Kind::Splits => {
            let value = tenant(if miss { size + random.below(size) } else { number(random) });
            Request::new("GET", HOST, "/checkout/cart/items", Some(("x-tenant", &value)))
        }
        Kind::RegexPrefix | Kind::RegexInner | Kind::RegexAnyCase => {
            let (n, version, item) = (number(random), random.below(9), random.below(100_000));
            let word = ["alpha", "beta", "gamma", "orders"][random.below(4)];
            let tail = if miss { "/~" } else { "" };
            Request::get(&match workload.kind {
                Kind::RegexPrefix => format!("/svc{n}/{word}/v{version}/items/{item}{tail}"),
                Kind::RegexInner => format!("/{word}/v{version}/svc{n}/{item}{tail}"),
                _ => format!("/Svc{n}/{word}/V{version}/items/{item}{tail}"),
            })
        }
        Kind::FallThrough => fall_through(random.below(size / 8), random, miss),
        Kind::HeaderRegex => {
            let version = if miss { "x" } else { "" };
            let value = format!("app{}/{version}{} (Linux)", number(random), random.below(20));
            Request::new("GET", HOST, "/api/items", Some(("x-agent", &value)))
        }
        // The literal branch and the parameter's go on at every level, and both end in nothing.
        Kind::Crossing if miss => Request::get(&("/a".repeat(size.ilog2() as usize) + "/miss")),
        Kind::Crossing => Request::get(&fill(&workload.rules[random.below(size)].path, random)),
    }
}

fn fall_through(tenant: usize, random: &mut Random, miss: bool) -> Request {
    let tail = if miss { "~" } else { "" };
    let path = format!("{}{tail}/api/v1/items/{}", tenant_path(tenant), random.below(9999));
    let header = |value: &str| Request::new("GET", HOST, &path, Some(("x-tenant", value)));
    match random.below(5) {
        0 => header("alpha"),
        1 => header(&format!("beta{}", tenant % 7)),
        2 => header(&format!("gold{}", tenant % 7)),
        3 => Request::new("DELETE", HOST, &path, None),
        _ => header("none"),
    }
}

/// A path that passes the test.
fn fill(test: &PathTest, random: &mut Random) -> String {
    match test {
        PathTest::Whole(pattern) => {
            let segment = |text: &str| match text.starts_with('{') {
                true => random.word(),
                false => text.to_owned(),
            };
            pattern.split('/').map(segment).collect::<Vec<_>>().join("/")
        }
        PathTest::Below(prefix) => format!("{prefix}/x/{}.css", random.word()),
        PathTest::Matches(_) => unreachable!("requests for expressions are made by hand"),
    }
}
