//! A thousand TrafficSplits of one Service are as much work as ten.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use gateway_core::rules::{
    Action, Anchor, Boundary, Condition, Field, GroupMatch, HostPattern, PathPattern, PathTemplate,
    Regex, Route, RuleSet, ServiceId, ServiceSplit, SplitBackend, Test, VirtualHost,
};
use gateway_core::{Connection, Outcome, Request, Router};
use http::Version;
use std::cell::Cell;
use std::sync::Arc;
use testkit::{OwnedRequest, assert_agree, build, reference};

/// What every match wants first, in two lines: whoever verifies a match has to read them again.
const WITNESS: &str = "x-witness";

/// A request that counts how often it is asked.
struct Counting {
    request: OwnedRequest,
    /// For anything.
    all: Cell<usize>,
    /// For the lines of [`WITNESS`].
    witness: Cell<usize>,
}

impl Counting {
    fn new(request: &OwnedRequest) -> Self {
        Self { request: request.clone(), all: Cell::new(0), witness: Cell::new(0) }
    }

    fn count(&self) -> &OwnedRequest {
        self.all.set(self.all.get() + 1);
        &self.request
    }
}

impl Request for Counting {
    fn method(&self) -> &str {
        self.count().method()
    }

    fn target(&self) -> &[u8] {
        self.count().target()
    }

    fn authority(&self) -> Option<&[u8]> {
        self.count().authority()
    }

    fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        if name == WITNESS {
            self.witness.set(self.witness.get() + 1);
        }
        self.count().headers(name)
    }

    fn version(&self) -> Version {
        self.count().version()
    }

    fn connection(&self) -> Connection {
        self.count().connection()
    }

    fn attribute(&self, name: &str) -> Option<&[u8]> {
        self.count().attribute(name)
    }
}

/// What tells the splits of a Service apart.
#[derive(Debug, Clone, Copy)]
enum By {
    Header,
    Cookie,
    Path,
}

impl By {
    /// As HTTPRouteGroups are translated: `^v123$` is an exact value.
    fn condition(self, n: usize) -> Condition {
        let matches = |field, source: &str, anchor| {
            let regex = Regex::new(source, anchor, false).unwrap();
            Condition::new(field, Test::Matches { regex, empty_matches: true })
        };
        let header = |name: &str| Field::Header(name.into());
        match self {
            Self::Header => Condition::equals(header("x-version"), &format!("v{n}")),
            Self::Cookie => {
                let source = format!(r"(^|;\s*)version=v{n}(\s*;|$)");
                matches(header("cookie"), &source, Anchor::None)
            }
            Self::Path => matches(Field::Path, &format!("/v{n}(/|$)"), Anchor::Start),
        }
    }

    fn request(self, n: usize) -> OwnedRequest {
        let path = if matches!(self, Self::Path) { format!("/v{n}/a") } else { "/a".into() };
        let request = OwnedRequest::new("GET", "root", 80, &path);
        let request = request.header(WITNESS, "a").header(WITNESS, "b");
        match self {
            Self::Header => request.header("x-version", &format!("v{n}")),
            // Also where HTTP/2 cuts the field into several.
            Self::Cookie => request
                .header("cookie", "sid=8d3ac1f0")
                .header("cookie", &format!("theme=dark; version=v{n}")),
            Self::Path => request,
        }
    }
}

/// A route to a Service with so many splits, of which split `n` sends to Service `n + 1`.
fn rules(by: By, splits: usize) -> RuleSet {
    let regex = Regex::new("^a, b$", Anchor::None, false).unwrap();
    let witness =
        Condition::new(Field::Header(WITNESS.into()), Test::Matches { regex, empty_matches: true });
    let split = |n: usize| {
        let origin = build::origin(&format!("split {n}"));
        let conditions = vec![witness.clone(), by.condition(n)];
        let service = ServiceId(n as u32 + 1);
        ServiceSplit {
            matches: Some(
                [GroupMatch { conditions, origin: origin.clone() }].into_iter().collect(),
            ),
            backends: vec![SplitBackend { service, weight: 1, origin: origin.clone() }],
            sticky: None,
            origin,
        }
    };
    let mut root = build::service("root", &[80]);
    root.splits = (0..splits).map(split).collect();
    let versions = (0..splits).map(|n| build::service(&format!("root-v{n}"), &[80]));
    let services: Vec<_> = [root].into_iter().chain(versions).collect();
    let forward = Arc::new(build::forward(ServiceId(0), 80, build::origin("forward")));
    let all = Route::new(
        PathPattern::Prefix { template: PathTemplate::empty(), boundary: Boundary::Segment },
        Vec::new(),
        Action::Forward(forward),
        build::origin("route"),
    );
    let host = VirtualHost::new(HostPattern::Any, vec![all], build::origin("host"));
    let mut listener = build::listener(80);
    listener.hosts.insert(host);
    RuleSet { listeners: vec![listener], services: services.into(), identity: None }
}

/// How often a decision asks for anything, and how many matches it verifies.
fn work(router: &Router, request: &OwnedRequest) -> (usize, usize) {
    let request = Counting::new(request);
    router.decide(&request, 0);
    // The first time tells that there are two lines.
    (request.all.get(), request.witness.get().saturating_sub(1))
}

#[test]
fn a_thousand_splits_of_a_service_are_as_much_work_as_ten() {
    for by in [By::Header, By::Cookie, By::Path] {
        let [few, many] = [10, 1000].map(|splits| Router::compile(&rules(by, splits)).unwrap());
        for n in 0..10 {
            let request = by.request(n);
            let (small, large) = (work(&few, &request), work(&many, &request));
            assert_eq!(small, large, "{by:?} {n}");
            assert_eq!(large.1, 1, "{by:?} {n}");
        }
        // The last is of no split.
        for n in 10..=1000 {
            // The text that is looked for in v123 stands in those of v1 and v12 too.
            let digits = n.to_string().len();
            let (_, verified) = work(&many, &by.request(n));
            assert!(verified <= digits, "{by:?} {n}: {verified}");
        }
        // The counter counts: who looks at one split after the other verifies all of them.
        let last = Counting::new(&by.request(999));
        reference::decide(many.rules(), &last, 0);
        assert!(last.witness.get() >= 1000, "{by:?}: {}", last.witness.get());
    }
}

#[test]
fn each_of_a_thousand_splits_takes_its_requests() {
    for by in [By::Header, By::Cookie, By::Path] {
        let rules = rules(by, 1000);
        let router = Router::compile(&rules).unwrap();
        for n in (0..1010).step_by(3) {
            let request = by.request(n);
            assert_agree(&rules, &router, &request, 0);
            let Outcome::Forward(forwarding) = router.decide(&request, 0).admitted() else {
                panic!("{by:?} {n}");
            };
            // smi S-15: where no split applies, the root itself takes it.
            let want = if n < 1000 { n + 1 } else { 0 };
            assert_eq!(forwarding.id, ServiceId(want as u32), "{by:?} {n}");
        }
    }
}
