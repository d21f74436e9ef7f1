//! Rules and requests.

use gateway_core::RequestHead;

/// The host of the workloads that have one.
const HOST: &str = "api.example.com";

const WORDS: [&str; 32] = [
    "orders", "users", "billing", "catalog", "search", "cart", "checkout", "profile", "media",
    "images", "events", "audit", "reports", "tokens", "sessions", "devices", "alerts", "metrics",
    "groups", "roles", "teams", "projects", "issues", "labels", "hooks", "keys", "plans", "quotas",
    "regions", "zones", "nodes", "pods",
];

/// Paths like those of GitHub's API; where two match, the one with the literal stands first.
const TEMPLATES: [&str; 50] = [
    "/user",
    "/users/{u}",
    "/users/{u}/repos",
    "/users/{u}/orgs",
    "/users/{u}/gists",
    "/users/{u}/followers",
    "/users/{u}/following/{t}",
    "/orgs/{o}",
    "/orgs/{o}/repos",
    "/orgs/{o}/members",
    "/orgs/{o}/members/{u}",
    "/orgs/{o}/teams",
    "/teams/{i}",
    "/teams/{i}/members",
    "/teams/{i}/members/{u}",
    "/teams/{i}/repos/{o}/{r}",
    "/gists",
    "/gists/{i}",
    "/gists/{i}/star",
    "/repos/{o}/{r}",
    "/repos/{o}/{r}/issues",
    "/repos/{o}/{r}/issues/comments",
    "/repos/{o}/{r}/issues/{n}",
    "/repos/{o}/{r}/issues/comments/{i}",
    "/repos/{o}/{r}/issues/{n}/comments",
    "/repos/{o}/{r}/issues/{n}/labels",
    "/repos/{o}/{r}/issues/{n}/labels/{l}",
    "/repos/{o}/{r}/issues/{n}/events",
    "/repos/{o}/{r}/pulls",
    "/repos/{o}/{r}/pulls/{n}",
    "/repos/{o}/{r}/pulls/{n}/files",
    "/repos/{o}/{r}/pulls/{n}/commits",
    "/repos/{o}/{r}/pulls/{n}/merge",
    "/repos/{o}/{r}/git/blobs/{s}",
    "/repos/{o}/{r}/git/commits/{s}",
    "/repos/{o}/{r}/git/tags/{s}",
    "/repos/{o}/{r}/git/trees/{s}",
    "/repos/{o}/{r}/branches",
    "/repos/{o}/{r}/branches/{b}",
    "/repos/{o}/{r}/commits",
    "/repos/{o}/{r}/commits/{s}",
    "/repos/{o}/{r}/contributors",
    "/repos/{o}/{r}/releases",
    "/repos/{o}/{r}/releases/{i}",
    "/repos/{o}/{r}/releases/{i}/assets",
    "/repos/{o}/{r}/hooks",
    "/repos/{o}/{r}/hooks/{i}",
    "/repos/{o}/{r}/stats/contributors",
    "/search/repositories",
    "/search/code",
];

/// The routes of each host of workload c: nine paths that match whole, then prefixes.
const OF_A_HOST: [&str; 10] = [
    "/",
    "/login",
    "/logout",
    "/healthz",
    "/api/v1/status",
    "/api/v1/users/{id}",
    "/api/v1/users/{id}/orders",
    "/api/v1/users/{id}/orders/{oid}",
    "/static/*",
    "/*",
];

/// What kind of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Exact,
    Templates,
    Hosts,
    HeaderValues,
    FallThrough,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Exact, Self::Templates, Self::Hosts, Self::HeaderValues, Self::FallThrough];

    pub(crate) fn named(letter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().split(' ').next() == Some(letter))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Exact => "a exact paths",
            Self::Templates => "b templates",
            Self::Hosts => "c hosts × 10",
            Self::HeaderValues => "d header values",
            Self::FallThrough => "f fall-through",
        }
    }
}

/// Which requests come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// All rules are hit equally often.
    Uniform,
    /// 256 requests, over and over.
    Hot,
    /// No rule holds.
    Miss,
}

impl Traffic {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Hot => "hot",
            Self::Miss => "miss",
        }
    }
}

/// A rule as all engines understand it.
pub(crate) struct Rule {
    pub(crate) host: String,
    /// A path with parameters, or the prefix of one before `/*`.
    pub(crate) path: String,
    pub(crate) method: Option<&'static str>,
    pub(crate) header: Option<(&'static str, String)>,
}

impl Rule {
    fn new(path: impl Into<String>) -> Self {
        Self { host: HOST.to_owned(), path: path.into(), method: None, header: None }
    }

    /// The prefix, if it is one.
    pub(crate) fn prefix(&self) -> Option<&str> {
        self.path.strip_suffix("/*")
    }

    /// Whether all its conditions hold.
    pub(crate) fn holds(&self, request: &Request) -> bool {
        let value = |name| gateway_core::Request::headers(&request.head, name).next();
        self.method.is_none_or(|method| method == gateway_core::Request::method(&request.head))
            && self.path_holds(request.path)
            && self.header.as_ref().is_none_or(|(n, v)| value(n) == Some(v.as_bytes()))
    }

    fn path_holds(&self, path: &str) -> bool {
        if let Some(prefix) = self.prefix() {
            return path.strip_prefix(prefix).is_some_and(|r| r.is_empty() || r.starts_with('/'));
        }
        if !self.path.contains('{') {
            return self.path == path;
        }
        let (mut wanted, mut segments) = (self.path.split('/'), path.split('/'));
        loop {
            match (wanted.next(), segments.next()) {
                (None, None) => return true,
                (Some(w), Some(s)) if w == s || (w.starts_with('{') && !s.is_empty()) => {}
                _ => return false,
            }
        }
    }
}

/// A request, ready to be decided.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) host: &'static str,
    pub(crate) path: &'static str,
    pub(crate) head: RequestHead<'static>,
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
        let mut headers = vec![
            ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)"),
            ("accept", "*/*"),
            ("accept-encoding", "gzip, br"),
            ("accept-language", "en-GB,en;q=0.9"),
            ("cookie", "sid=8d3ac1f0; theme=dark"),
            ("x-request-id", "3b0c8e51d9f24a77"),
        ];
        headers.extend(more.map(|(name, value)| (name, &*value.to_owned().leak())));
        Self { host, path, head: RequestHead::new(method, host, path).headers(headers.leak()) }
    }
}

/// The same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((self.0 >> 33) as usize) % limit
    }
}

/// Rules in order of precedence.
pub(crate) struct Workload {
    pub(crate) kind: Kind,
    /// About as many as there are rules.
    pub(crate) size: usize,
    pub(crate) rules: Vec<Rule>,
}

impl Workload {
    pub(crate) fn new(kind: Kind, size: usize) -> Self {
        let rules = match kind {
            Kind::Exact => (0..size).map(|n| Rule::new(exact_path(n))).collect(),
            Kind::Templates => (0..size).map(|n| Rule::new(template(n))).collect(),
            Kind::Hosts => (0..size / 10).flat_map(routes_of_host).collect(),
            Kind::HeaderValues => {
                let header = |n| Some(("x-tenant", tenant(n)));
                let rule = |n| Rule { header: header(n), ..Rule::new("/checkout/*") };
                (1..size).map(rule).chain([Rule::new("/checkout/*")]).collect()
            }
            Kind::FallThrough => fall_through(size / 8),
        };
        Self { kind, size, rules }
    }

    /// The position of the first rule that holds.
    pub(crate) fn decide(&self, request: &Request) -> Option<usize> {
        // Only workload c has several hosts, with ten rules each.
        let rules = self.rules.iter().enumerate().filter(|(_, rule)| rule.host == request.host);
        rules.into_iter().find(|(_, rule)| rule.holds(request)).map(|(at, _)| at)
    }

    pub(crate) fn requests(&self, traffic: Traffic) -> Vec<Request> {
        let mut random = Random(7);
        let count = if traffic == Traffic::Hot { 256 } else { self.size.clamp(1024, 65_536) };
        (0..count).map(|_| self.request(&mut random, traffic == Traffic::Miss)).collect()
    }

    fn request(&self, random: &mut Random, miss: bool) -> Request {
        let at = random.below(self.rules.len());
        let rule = &self.rules[at];
        let tail = if miss { "~" } else { "" };
        match self.kind {
            Kind::Exact | Kind::Templates => Request::new(
                "GET",
                HOST,
                &(fill(&rule.path, random) + tail + tail_of(&rule.path, miss)),
                None,
            ),
            Kind::Hosts => {
                let host = if miss { format!("x{}", rule.host) } else { rule.host.clone() };
                Request::new("GET", &host, &fill(&rule.path, random), None)
            }
            Kind::HeaderValues => {
                // One in eleven has no rule of its own.
                let value = tenant(1 + random.below(self.size + self.size / 10));
                let path = if miss { "/checkout-cart/items" } else { "/checkout/cart/items" };
                Request::new("GET", HOST, path, Some(("x-tenant", &value)))
            }
            Kind::FallThrough => {
                let tenant = random.below(self.size / 8);
                let path =
                    format!("{}{tail}/api/v1/items/{}", tenant_path(tenant), random.below(9999));
                let header =
                    |value: &str| Request::new("GET", HOST, &path, Some(("x-tenant", value)));
                match random.below(5) {
                    0 => header("alpha"),
                    1 => header(&format!("beta{}", tenant % 7)),
                    2 => header(&format!("gold{}", tenant % 7)),
                    3 => Request::new("DELETE", HOST, &path, None),
                    _ => header("none"),
                }
            }
        }
    }
}

/// What makes a path with a parameter at its end a miss.
fn tail_of(path: &str, miss: bool) -> &'static str {
    if miss && path.ends_with('}') { "/~" } else { "" }
}

fn exact_path(n: usize) -> String {
    format!("/api/v{}/{}/{}-{n:x}", n % 4, WORDS[n % 32], WORDS[(n / 32) % 32])
}

fn template(n: usize) -> String {
    format!("/svc{}{}", n / 50, TEMPLATES[n % 50])
}

fn tenant(n: usize) -> String {
    format!("tenant-{n:07}")
}

fn tenant_path(n: usize) -> String {
    format!("/{}{n}", WORDS[n % 32])
}

fn routes_of_host(n: usize) -> impl Iterator<Item = Rule> {
    let host = format!("t{n}.{}.example.com", WORDS[n % 32]);
    OF_A_HOST.into_iter().map(move |path| Rule { host: host.clone(), ..Rule::new(path) })
}

/// For each tenant four nested prefixes with two rules each, which few requests satisfy.
fn fall_through(tenants: usize) -> Vec<Rule> {
    let of_tenant = |n: usize| {
        let rule = move |path: &str, method, header: Option<(&'static str, String)>| Rule {
            method,
            header,
            ..Rule::new(format!("{}{path}/*", tenant_path(n)))
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
    };
    (0..tenants).flat_map(of_tenant).collect()
}

/// A path that the pattern matches.
fn fill(pattern: &str, random: &mut Random) -> String {
    let mut word = || format!("{}{}", WORDS[random.below(32)], random.below(1000));
    let filled: Vec<String> = pattern
        .split('/')
        .map(|segment| match segment {
            "*" => format!("x/{}.css", word()),
            _ if segment.starts_with('{') => word(),
            _ => segment.to_owned(),
        })
        .collect();
    filled.join("/")
}
