//! What fuzz targets do with octets: they panic where something does not hold.
//!
//! Here and not among the targets, so that an ordinary test replays what they found.

use crate::OwnedRequest;
use crate::generate::Scenario;
use crate::reference::{self, Answer};
use gateway_core::rules::RuleSet;
use gateway_core::{Explanation, Options, Resources, Router, translate};

/// Reads `bytes` as a configuration; whatever it holds compiles, and decides as the reference
/// does.
pub fn load(bytes: &[u8]) {
    let mut resources = Resources::new();
    resources.add_yaml("fuzz.yaml", bytes);
    let rules = translate(&resources, &Options::default()).rules;
    let Ok(router) = Router::compile(&rules) else { return };
    for listener in &rules.listeners {
        for host in listener.hosts.iter() {
            let name = host.hostname.to_string().replace('*', "a");
            for target in ["/", "/a/b?a=b", "/tea", "*"] {
                let request = OwnedRequest::new("GET", &name, listener.port, target);
                agree(&rules, &router, &request, 1 << 63);
            }
        }
    }
}

/// Reads `bytes` as rules and requests; the router decides as the reference does.
pub fn decide(bytes: &[u8]) {
    let Scenario { rules, requests } = Scenario::read(bytes);
    let router = Router::compile(&rules).expect("small rule sets compile");
    for (request, draw) in &requests {
        agree(&rules, &router, request, *draw);
    }
}

/// Reads `bytes` as rules and requests; an explanation names what was decided.
pub fn explain(bytes: &[u8]) {
    let Scenario { rules, requests } = Scenario::read(bytes);
    let router = Router::compile(&rules).expect("small rule sets compile");
    for (request, draw) in &requests {
        let decision = router.decide(request, *draw);
        let explanation = router.explain(request, *draw);
        let said = |e: &Explanation| e.route.as_ref().map(|route| route.origin.clone());
        let picked = decision.route().map(|route| route.origin.clone());
        assert_eq!(said(&explanation), picked, "{request:?} {draw}");
        let service = decision.service().map(|service| service.name.to_string());
        assert_eq!(explanation.service, service, "{request:?} {draw}");
        // Routes before the one that decided were looked at, and each failed a test.
        let (last, before) = match explanation.considered.split_last() {
            Some((last, before)) => (Some(last), before),
            None => (None, &[][..]),
        };
        assert!(before.iter().all(|route| route.failed.is_some()), "{request:?}");
        if let Some(picked) = picked {
            let last = last.expect("the route that decided was looked at");
            assert_eq!((&last.origin, &last.failed), (&picked, &None), "{request:?}");
        }
    }
}

fn agree(rules: &RuleSet, router: &Router, request: &OwnedRequest, draw: u64) {
    let want = reference::decide(rules, request, draw);
    assert_eq!(Answer::of(&router.decide(request, draw)), want, "{request:?} {draw}");
}
