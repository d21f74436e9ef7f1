//! The router and the reference, asked the same.

use crate::reference::{self, Answer};
use crate::{OwnedRequest, smallest};
use gateway_core::rules::RuleSet;
use gateway_core::{Outcome, Router, Verdict};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Compares what `router`, which was made of `rules`, and the reference say.
///
/// # Errors
///
/// What differs.
pub fn agree(
    rules: &RuleSet,
    router: &Router,
    request: &OwnedRequest,
    draw: u64,
) -> Result<Answer, String> {
    let decision = router.decide(request, draw);
    let (want, got) = (reference::decide(rules, request, draw), Answer::of(&decision, request));
    if want != got {
        return Err(format!("decided: {got:#?}\nthe reference: {want:#?}"));
    }
    let answer = want;
    let open = matches!(decision.verdict(), Verdict::Open(_)) || decision.service().is_some();
    if open && !answer.steps.is_empty() {
        return Err(format!("open, though policies ask {:#?}", answer.steps));
    }
    let instead = router.fall_back(&decision, request).map(|instead| {
        let Answer { verdict, steps, .. } = Answer::of(&instead, request);
        (verdict, steps)
    });
    let want = reference::fall_back(rules, request, &answer);
    if want != instead {
        return Err(format!("falls back to {instead:#?}\nthe reference: {want:#?}"));
    }
    let copies = router.mirrors(&decision, request, draw);
    let copies: Vec<_> = copies
        .filter_map(|copy| match copy.admitted() {
            Outcome::Forward(to) => Some((to.service.name.clone(), to.forward.origin.clone())),
            _ => None,
        })
        .collect();
    let want = reference::mirrors(rules, request, draw, &answer);
    if want != copies {
        return Err(format!("copies go to {copies:?}\nthe reference: {want:?}"));
    }
    let captures = decision.captures(request);
    let got: Vec<(&str, &[u8])> = captures.iter().collect();
    let captures = match (decision.listener(), decision.route()) {
        (Some(listener), Some(route)) => reference::captures(listener, route, request),
        _ => Vec::new(),
    };
    let want: Vec<(&str, &[u8])> = captures.iter().map(|(n, v)| (&**n, &**v)).collect();
    if want != got {
        return Err(format!("captured: {got:?}\nthe reference: {want:?}"));
    }
    Ok(answer)
}

/// The same, where a difference is a fault of the router: panics with a small case of it.
///
/// # Panics
///
/// When the two differ, or the router itself panics.
pub fn assert_agree(rules: &RuleSet, router: &Router, request: &OwnedRequest, draw: u64) -> Answer {
    let ask = || agree(rules, router, request, draw);
    if let Ok(Ok(answer)) = catch_unwind(AssertUnwindSafe(ask)) {
        return answer;
    }
    let fails = |rules: &RuleSet, request: &OwnedRequest| {
        let ask = || match Router::compile(rules) {
            Ok(router) => agree(rules, &router, request, draw).is_err(),
            Err(_) => false,
        };
        catch_unwind(AssertUnwindSafe(ask)).unwrap_or(true)
    };
    if !fails(rules, request) {
        panic!("{:?}, and not when compiled again\n{request:?}\n{rules:#?}", ask());
    }
    let (rules, request) = smallest(rules, request, fails);
    let router = Router::compile(&rules).expect("what fails is compiled first");
    let difference = agree(&rules, &router, &request, draw).expect_err("this is the small case");
    panic!("{difference}\n{request:?} {draw}\n{rules:#?}");
}
