//! What takes the place of a Service whose endpoints are all out.

use super::*;
use crate::decision::{Counted, Decision, Step, Verdict};
use crate::rules::{
    Access, AccessControl, AccessRule, Caller, CircuitBreaker, Grant, Networks, Policies,
    ServiceAccount, ServiceLimit, Workload,
};
use std::time::Duration;

fn breaker(service: u32, port: u16) -> Option<Arc<CircuitBreaker>> {
    Some(Arc::new(CircuitBreaker {
        errors: 1,
        window: Duration::from_secs(10),
        counts_5xx: false,
        fallback: Some((ServiceId(service), port)),
        origin: origin("breaker"),
    }))
}

fn limit(name: &str) -> Arc<ServiceLimit> {
    Arc::new(ServiceLimit {
        requests: 1,
        per: Duration::from_secs(1),
        sources: Vec::new(),
        burst: 0,
        at_once: Some(0),
        matches: None,
        workloads: None,
        origin: origin(name),
    })
}

/// Lets in `shop/web` alone, whom callers without a name are taken for if they are `known`.
fn access(known: bool) -> Option<Arc<Access>> {
    let account = |name: &str| ServiceAccount::new("shop", name);
    let grant = Grant {
        callers: vec![Caller::Account(account("web"))],
        port: None,
        layer4: None,
        matches: None,
        origin: origin("grant"),
    };
    let workload = Workload {
        account: account("backup"),
        port: None,
        target_port: None,
        asks: vec![Arc::from([grant])],
    };
    let anonymous = known.then(|| account("web"));
    Some(Arc::new(Access { anonymous, workloads: vec![workload] }))
}

/// A router with a path for each of `services`, `/0` for the first.
fn compiled(services: Vec<Service>, policies: &Policies) -> Router {
    let target = |id: usize| Route {
        action: forward(id as u32, true),
        policies: Some(Arc::new(policies.clone())),
        ..route(&format!("=/{id}"), vec![])
    };
    let routes = (0..services.len()).map(target).collect();
    let mut rules = rules(vec![host("*", 0, false, routes)]);
    rules.services = Arc::new(services);
    Router::compile(&rules).unwrap()
}

/// Where a decision sends its request.
fn target(decision: &Decision<'_>) -> String {
    match decision.admitted() {
        Outcome::Forward(to) => format!("{}:{}", to.service.name.name, to.port),
        Outcome::Deny(to) => format!("denied {}:{}", to.service.name.name, to.port),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_request_goes_to_the_fallback_of_the_service_that_was_chosen() {
    // smi N-10, N-12
    let open = |name: &str| service(name, true, vec![]);
    let guarded = |name: &str, id, port| Service { breaker: breaker(id, port), ..open(name) };
    let services = vec![
        guarded("tea", 6, 80),
        open("no-breaker"),
        guarded("to-missing", 7, 80),
        guarded("to-no-port", 6, 81),
        open("other"),
        guarded("to-closed", 8, 80),
        // Neither its split nor its breaker sends a request on that comes by way of another.
        Service {
            breaker: breaker(1, 80),
            splits: vec![service_split(None, &[(1, 1)])],
            ..open("backup")
        },
        service("missing", false, vec![]),
        Service { access: access(false), ..open("closed") },
        // A breaker of the root does not see what its split sends elsewhere.
        Service { splits: vec![service_split(None, &[(0, 1)])], ..guarded("root", 1, 80) },
        guarded("to-open", 11, 80),
        Service { access: access(true), ..open("ajar") },
    ];
    let router = compiled(services, &Policies::default());
    for (path, want) in [
        ("/0", "backup:80"),
        ("/1", "none"),
        ("/2", "none"),
        ("/3", "none"),
        ("/5", "denied closed:80"),
        ("/8", "none"),
        ("/9", "backup:80"),
        ("/10", "ajar:80"),
        ("/miss", "none"),
    ] {
        let request = RequestHead::get("h", path);
        let decision = router.decide(&request, 0);
        let other = router.fall_back(&decision, &request);
        assert_eq!(other.as_ref().map_or("none".to_owned(), target), want, "{path}");
        if let Some(other) = &other {
            let split = match other.admitted() {
                Outcome::Forward(to) | Outcome::Deny(to) => to.split,
                _ => None,
            };
            assert!(split.is_none(), "{path}");
            assert_eq!(other.route().map(|r| &r.origin), decision.route().map(|r| &r.origin));
            assert!(router.fall_back(other, &request).is_none(), "{path}: not once more");
        }
    }
}

#[test]
fn only_the_limits_of_the_fallback_are_asked_about() {
    // smi N-7, N-10
    let open = |name: &str| service(name, true, vec![]);
    let services = vec![
        Service { breaker: breaker(1, 80), limits: vec![limit("tea")], ..open("tea") },
        Service { limits: vec![limit("backup")], ..open("backup") },
        Service { breaker: breaker(3, 80), limits: vec![limit("cake")], ..open("cake") },
        open("free"),
        Service { breaker: breaker(5, 80), ..open("milk") },
        Service { access: access(false), limits: vec![limit("closed")], ..open("closed") },
    ];
    let nobody =
        AccessControl { rule: AccessRule::Allow(Networks::default()), origin: origin("nobody") };
    let policies = Policies { access: Some(Arc::new(nobody)), ..Policies::default() };
    let router = compiled(services, &policies);
    for (path, want) in [("/0", &["backup at the endpoint"][..]), ("/2", &[]), ("/4", &[])] {
        let request = RequestHead::get("h", path);
        let decision = router.decide(&request, 0);
        assert!(matches!(decision.verdict(), Verdict::Guarded), "{path}");
        let other = router.fall_back(&decision, &request).unwrap();
        let shown = |step: Step<'_>| match step {
            Step::ServiceLimit(Counted { limit, by_endpoint: true, .. }) => {
                format!("{} at the endpoint", limit.origin.field)
            }
            step => format!("{step:?}"),
        };
        let steps: Vec<_> = other.steps(&request).into_iter().map(shown).collect();
        assert_eq!(steps, want, "{path}");
        let guarded = matches!(other.verdict(), Verdict::Guarded);
        assert_eq!(guarded, !want.is_empty(), "{path}");
    }
}

#[test]
fn a_request_goes_to_the_backup_of_the_rule_once() {
    // virtualserver §4, `backup`
    let open = |name: &str| service(name, true, vec![]);
    let services = vec![
        Service { limits: vec![limit("tea")], ..open("tea") },
        Service { limits: vec![limit("backup")], ..open("backup") },
        Service { access: access(false), ..open("closed") },
        service("missing", false, vec![]),
    ];
    for (backup, want) in
        [(None, "none"), (Some(1), "backup:80"), (Some(2), "denied closed:80"), (Some(3), "none")]
    {
        let mut action = forward(0, true);
        action.edit_forwards(&mut |forward| {
            let target = |id| UpstreamTarget { service: ServiceId(id), port: 80, splits: false };
            Arc::make_mut(&mut forward.settings).backup = backup.map(target);
        });
        let route = Route { action, ..route("=/0", vec![]) };
        let mut rules = rules(vec![host("*", 0, false, vec![route])]);
        rules.services = Arc::new(services.clone());
        let router = Router::compile(&rules).unwrap();
        let request = RequestHead::get("h", "/0");
        let decision = router.decide(&request, 0);
        let other = router.back_up(&decision, &request);
        assert_eq!(other.as_ref().map_or("none".to_owned(), target), want, "{backup:?}");
        if let Some(other) = &other {
            assert!(router.back_up(other, &request).is_none(), "not once more");
        }
        if backup == Some(1) {
            let steps = other.unwrap().steps(&request);
            let of_backup = |step: &Step<'_>| {
                matches!(step, Step::ServiceLimit(Counted { limit, .. })
                    if limit.origin.field.to_string() == "backup")
            };
            assert!(steps.len() == 1 && of_backup(&steps[0]), "its own limits count: {steps:?}");
        }
    }
}
