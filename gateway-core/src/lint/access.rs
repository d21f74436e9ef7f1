//! `access-without-effect`: a list of networks that keeps nobody out.

use super::{Findings, routes_of_hosts};
use crate::diagnostic::Diagnostic;
use crate::rules::{AccessControl, AccessRule, RuleSet};
use std::collections::HashSet;
use std::sync::Arc;

pub(super) fn lint(rules: &RuleSet, found: &mut Findings) {
    // Many routes share one.
    let mut seen = HashSet::new();
    for route in routes_of_hosts(rules).flatten() {
        let access = route.policies.as_ref().and_then(|policies| policies.access.as_ref());
        if let Some(access) = access
            && seen.insert(Arc::as_ptr(access))
            && let Some((message, help)) = without_effect(access)
        {
            let code = "access-without-effect";
            found.push(Diagnostic::warning(code, &access.origin, message).help(help));
        }
    }
}

fn without_effect(access: &AccessControl) -> Option<(&'static str, &'static str)> {
    match &access.rule {
        AccessRule::Deny(networks) if networks.is_empty() => Some((
            "the list of denied networks is empty, so every client may come, `203.0.113.7` for one",
            "list the networks that may not come, or remove the policy",
        )),
        AccessRule::Allow(networks) if networks.is_everything() => Some((
            "the allowed networks hold every address, so every client may come, `203.0.113.7` for \
             one",
            "list only the networks that may come, or remove the policy",
        )),
        _ => None,
    }
}
