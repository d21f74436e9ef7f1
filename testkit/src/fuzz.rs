//! What fuzz targets do with octets: they panic where something does not hold.
//!
//! Here and not among the targets, so that an ordinary test replays what they found.

mod lines;

pub use lines::lines;

use crate::generate::{self, Edits, Scenario, Source};
use crate::reference::Answer;
use crate::{OwnedRequest, assert_agree};
use gateway_core::{Explanation, Options, Outcome, Resources, Router, Step, lint, translate};

/// Reads `bytes` as a configuration; whatever it holds can be linted, compiles, and decides as the
/// reference does.
pub fn load(bytes: &[u8]) {
    let mut resources = Resources::new();
    resources.add_yaml("fuzz.yaml", bytes);
    let rules = translate(&resources, &Options::default()).rules;
    lint(&rules);
    let Ok(router) = Router::compile(&rules) else { return };
    for listener in &rules.listeners {
        for host in listener.hosts.iter() {
            let name = host.hostname.to_string().replace('*', "a");
            for (method, target) in [
                ("GET", "/"),
                ("GET", "/a/b?a=b"),
                ("GET", "/tea"),
                ("OPTIONS", "/"),
                ("OPTIONS", "*"),
            ] {
                let request = OwnedRequest::new(method, &name, listener.port, target);
                assert_agree(&rules, &router, &request, 1 << 63);
            }
        }
    }
}

/// Reads `bytes` as rules and requests; the router decides as the reference does.
pub fn decide(bytes: &[u8]) {
    let Scenario { rules, requests } = Scenario::read(bytes);
    let router = Router::compile(&rules).expect("small rule sets compile");
    for (request, draw) in &requests {
        assert_agree(&rules, &router, request, *draw);
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
        // A request that is turned away goes nowhere.
        let steps = decision.steps(request);
        let ends = matches!(steps.last(), Some(Step::Refuse(_) | Step::Preflight(_)));
        let service = match decision.admitted() {
            Outcome::Forward(to) if !ends => Some(to.service.name.to_string()),
            _ => None,
        };
        assert_eq!(explanation.service, service, "{request:?} {draw}");
        assert_eq!(explanation.policies.len(), steps.len(), "{request:?} {draw}");
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

/// Reads `bytes` as rules, edits and requests; what is compiled from the router before decides as
/// what is compiled anew, and as the reference does.
pub fn edits(bytes: &[u8]) {
    let backwards: Vec<u8> = bytes.iter().rev().copied().collect();
    let (mut rules, mut others) = (Source::new(bytes), Source::new(&backwards));
    edit(&mut rules, &mut others, 6, 3, &mut EditCounts::default());
}

/// What [`edit`] has done.
#[derive(Debug, Default)]
pub struct EditCounts {
    /// Edited rules that compiled.
    pub compiled: usize,
    /// Edited rules that did not.
    pub refused: usize,
    /// Decisions that were compared.
    pub decisions: usize,
}

/// Reads rules, then as many edits, each with some requests.
pub fn edit(
    rules: &mut Source<'_>,
    others: &mut Source<'_>,
    steps: usize,
    requests: usize,
    counts: &mut EditCounts,
) {
    let mut edits = Edits::default();
    let mut rules = edits.begin(rules);
    let mut router = Router::compile(&rules).expect("small rule sets compile");
    for _ in 0..steps {
        let mut edited = rules.clone();
        edits.next(&mut edited, others);
        let anew = Router::compile(&edited);
        match (Router::compile_from(&router, &edited), &anew) {
            (Ok(next), Ok(_)) => (router, rules) = (next, edited),
            (Err(got), Err(want)) => {
                assert_eq!(got, *want);
                counts.refused += 1;
                continue;
            }
            (Ok(_), Err(error)) => panic!("compiles from the one before only: {error}"),
            (Err(error), Ok(_)) => panic!("compiles anew only: {error}"),
        }
        counts.compiled += 1;
        assert_eq!(*router.rules(), rules);
        for (request, draw) in (0..requests).map(|_| generate::request(others, &rules)) {
            let got = assert_agree(&rules, &router, &request, draw);
            let want = anew.as_ref().map(|anew| Answer::of(&anew.decide(&request, draw), &request));
            assert_eq!(Ok(&got), want.as_ref(), "{request:?} {draw}");
            counts.decisions += 1;
        }
    }
}
