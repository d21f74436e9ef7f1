//! Lists of networks.

use super::*;
use crate::rules::{AccessControl, AccessRule, Network, Policies, Route, RuleSet, VirtualHost};
use std::sync::Arc;

/// The rules of a VirtualServer with this access control on its route.
fn with_access(rule: AccessRule) -> RuleSet {
    let mut resources = Resources::default();
    resources.add_yaml("shop.yaml", cafe("{path: /tea/, action: {pass: tea}}"));
    let mut rules = translate(&resources, &Options::default()).rules;
    let listener = &mut rules.listeners[0];
    let host = Arc::clone(listener.hosts.sorted()[0]);
    let access = AccessControl { rule, origin: host.routes[0].origin.clone() };
    let policies = Policies { access: Some(access.into()), ..Policies::default() };
    let policies = Some(Arc::new(policies));
    let guarded = |route: &Route| Route { policies: policies.clone(), ..route.clone() };
    let routes = host.routes.iter().map(guarded).collect();
    listener.hosts.insert(VirtualHost { routes, ..(*host).clone() });
    rules
}

#[test]
fn lists_of_networks_that_keep_nobody_out() {
    // virtualserver §16.1
    let list = |networks: &[&str]| {
        let networks = networks.iter().map(|text| text.parse::<Network>().expect("a network"));
        networks.collect()
    };
    let place = "shop.yaml:6:1: warning[access-without-effect]: VirtualServer shop/cafe: \
                 spec.routes[0]: ";
    for (rule, want) in [
        (AccessRule::Allow(list(&[])), None),
        (
            AccessRule::Deny(list(&[])),
            Some(
                "the list of denied networks is empty, so every client may come, `203.0.113.7` for \
                 one; list the networks that may not come, or remove the policy",
            ),
        ),
        (
            AccessRule::Allow(list(&["10.0.0.0/8", "0.0.0.0/0", "::/0"])),
            Some(
                "the allowed networks hold every address, so every client may come, `203.0.113.7` \
                 for one; list only the networks that may come, or remove the policy",
            ),
        ),
        (AccessRule::Allow(list(&["0.0.0.0/0"])), None),
        (AccessRule::Deny(list(&["0.0.0.0/0", "::/0"])), None),
    ] {
        let rules = with_access(rule.clone());
        let told: Vec<String> = lint(&rules).iter().map(ToString::to_string).collect();
        let want: Vec<String> = want.iter().map(|text| format!("{place}{text}")).collect();
        assert_eq!(told, want, "{rule:?}");
    }
}
