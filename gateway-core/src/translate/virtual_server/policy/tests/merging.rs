//! Several policies in one list, and the levels above and below each other.

use super::*;
use crate::rules::{AccessRule, AuthRequest, Cors, LimitLog, Networks, RateLimitChoice, Test};
use http::StatusCode;

/// Policies `a`, `b`, … with these specs, and the list that names them.
fn several(specs: &[&str]) -> (String, String) {
    let names = ["a", "b", "c", "d", "e"];
    let documents = names.iter().zip(specs).map(|(name, spec)| policy(name, spec));
    let list: Vec<_> = names.iter().take(specs.len()).map(|n| format!("{{name: {n}}}")).collect();
    (documents.collect(), format!("[{}]", list.join(", ")))
}

/// What they say together, of which `want` is told.
fn together(specs: &[&str], want: &[&str]) -> Policies {
    let (documents, list) = several(specs);
    policies_and_told(&documents, &list, want)
}

/// They make their scope answer 500, of which `want` is told.
fn assert_fault(specs: &[&str], want: &str) {
    let (documents, list) = several(specs);
    let route = format!("routes: [{{path: /, policies: {list}, action: {{pass: tea}}}}]");
    let translation = with_secrets(&format!("{documents}---\n{}", cafe(&route)));
    assert_eq!(told(&translation.diagnostics), [want], "{specs:?}");
    let route = &translation.rules.listeners[0].hosts.sorted()[0].routes[0];
    assert!(route.policies.as_ref().is_some_and(|policies| policies.fault.is_some()));
}

#[test]
fn lists_of_networks_are_joined() {
    // virtualserver §15
    let networks =
        |texts: &[&str]| -> Networks { texts.iter().map(|t| t.parse().unwrap()).collect() };
    let (one, two) = ("10.0.0.1", "10.0.0.2");
    for (specs, rule, of, want) in [
        (
            ["allow: [10.0.0.1]", "allow: [10.0.0.2]"],
            AccessRule::Allow(networks(&[one, two])),
            "a",
            &[][..],
        ),
        (
            ["deny: [10.0.0.1]", "deny: [10.0.0.2]"],
            AccessRule::Deny(networks(&[one, two])),
            "a",
            &[],
        ),
        (
            ["deny: [10.0.0.1]", "allow: [10.0.0.2]"],
            AccessRule::Allow(networks(&[two])),
            "b",
            &[
                "warning[deny-inert]: spec.policies[0]: `deny` of `shop/a` gives way to the `allow` \
               lists beside it",
            ],
        ),
        (
            ["deny: [10.0.0.1]", "allow: []"],
            AccessRule::Deny(networks(&[one])),
            "a",
            &["warning[no-effect]: spec.accessControl: the list is empty and restricts nothing"],
        ),
    ] {
        let specs = specs.map(|list| format!("accessControl: {{{list}}}"));
        let access = together(&[&specs[0], &specs[1]], want).access.unwrap();
        assert_eq!(access.rule, rule, "{specs:?}");
        let origin = format!("Policy shop/{of}: spec.accessControl");
        assert_eq!(access.origin.to_string(), origin, "{specs:?}");
    }
}

#[test]
fn all_limits_apply() {
    // virtualserver §15: how requests are turned away is for the first to say
    let limit = |fields: &str| format!("rateLimit: {{key: x, zoneSize: 1m, {fields}}}");
    let specs = [
        limit("rate: 1r/s, dryRun: true, logLevel: info, rejectCode: 429"),
        limit("rate: 2r/s"),
        limit("rate: 3r/s, dryRun: true, logLevel: info, rejectCode: 429"),
    ];
    let policies = together(
        &specs.each_ref().map(|spec| &**spec),
        &[
            "warning[no-effect]: spec.policies[1]: `dryRun` of `shop/b` gives way to that of the \
             first `rateLimit`",
            "warning[no-effect]: spec.policies[1]: `logLevel` of `shop/b` gives way to that of \
             the first `rateLimit`",
            "warning[no-effect]: spec.policies[1]: `rejectCode` of `shop/b` gives way to that of \
             the first `rateLimit`",
        ],
    );
    let limits = policies.rate_limits.iter().map(|choice| choice.otherwise.as_deref().unwrap());
    let limits: Vec<_> = limits.collect();
    let buckets: Vec<_> = limits.iter().map(|limit| &*limit.bucket).collect();
    assert_eq!(buckets, ["shop/a shop/cafe", "shop/b shop/cafe", "shop/c shop/cafe"]);
    for limit in limits {
        let turned_away = (limit.dry_run, limit.log, limit.reject);
        assert_eq!(turned_away, (true, LimitLog::Info, StatusCode::TOO_MANY_REQUESTS));
    }
}

/// A group in few words: what is looked at, and for each case the policy.
fn group(choice: &RateLimitChoice) -> String {
    let policy = |bucket: &str| bucket.split(' ').next().unwrap_or_default().to_owned();
    let case = |case: &crate::rules::LimitCase| {
        let test = match &case.test {
            Test::Equals { value, .. } => value.to_string(),
            Test::Matches { regex, .. } => format!("~{}", regex.source()),
            Test::Empty => String::new(),
        };
        format!(" {test}={}", policy(&case.limit.bucket))
    };
    let on = choice.on.as_ref().map(ToString::to_string).unwrap_or_default();
    let cases: String = choice.cases.iter().map(case).collect();
    let otherwise = choice.otherwise.as_ref().map(|limit| policy(&limit.bucket));
    format!("{on}:{cases} else {}", otherwise.unwrap_or_default())
}

#[test]
fn conditional_limits_form_groups() {
    // virtualserver §16.2: exact texts before expressions, whatever their order
    let limit = |condition: &str| {
        let fields = "rate: 1r/s, key: x, zoneSize: 1m";
        match condition {
            "" => format!("rateLimit: {{{fields}}}"),
            _ => format!("rateLimit: {{{fields}, condition: {{{condition}}}}}"),
        }
    };
    for (conditions, want_groups, want) in [
        (
            [
                "variables: [{name: $request_method, match: '~^P'}]",
                "variables: [{name: $request_method, match: POST}], default: true",
                "",
                "variables: [{name: $request_method, match: '~T$'}]",
                "jwt: {claim: tier, match: gold}",
            ],
            &[
                "method: POST=shop/b ~^P=shop/a ~T$=shop/d else shop/b",
                ": else shop/c",
                "attribute `jwt_claim_tier`: gold=shop/e else ",
            ][..],
            &[][..],
        ),
        (
            [
                "variables: [{name: $args, match: a}]",
                "variables: [{name: $query_string, match: A}]",
                "variables: [{name: $args, match: '~a'}]",
                "variables: [{name: $args, match: '~a'}], default: true",
                "variables: [{name: $args, match: '~*a'}]",
            ],
            &["query: a=shop/a ~a=shop/c ~a=shop/e else shop/d"],
            &[
                "warning[no-effect]: spec.policies[1]: a limit above has the case of `shop/b` \
                 already",
                "warning[no-effect]: spec.policies[3]: a limit above has the case of `shop/d` \
                 already",
            ],
        ),
    ] {
        let specs = conditions.map(limit);
        let policies = together(&specs.each_ref().map(|spec| &**spec), want);
        let groups: Vec<_> = policies.rate_limits.iter().map(group).collect();
        assert_eq!(groups, want_groups);
    }
    let default = |value: &str| limit(&format!("jwt: {{claim: a, match: {value}}}, default: true"));
    assert_fault(
        &[&default("x"), &default("y")],
        "error[conflicting-fields]: spec.routes[0].policies[1]: `shop/b` is a second default of \
         the limits by attribute `jwt_claim_a`: its scope answers 500",
    );
}

#[test]
fn the_first_of_a_type_counts() {
    // virtualserver §15
    for (first, second) in [
        ("basicAuth: {secret: users, realm: a}", "basicAuth: {secret: users, realm: b}"),
        ("jwt: {realm: a, secret: keys}", "jwt: {realm: b, secret: keys}"),
        (
            "ingressMTLS: {clientCertSecret: ca}",
            "ingressMTLS: {clientCertSecret: ca, verifyDepth: 2}",
        ),
        ("egressMTLS: {}", "egressMTLS: {serverName: true}"),
        ("externalAuth: {authServiceName: a}", "externalAuth: {authServiceName: b}"),
        (
            "cache: {cacheZoneName: a, cacheZoneSize: 1m}",
            "cache: {cacheZoneName: b, cacheZoneSize: 1m}",
        ),
        ("hsts: {maxAge: 1}", "hsts: {maxAge: 2}"),
    ] {
        let want = "warning[no-effect]: spec.policies[1]: `shop/b` gives way to the policy of \
                    its type above";
        let both = together(&[first, second], &[want]);
        assert_eq!(both, together(&[first], &[]), "{first}");
    }
}

#[test]
fn the_last_cors_counts() {
    // virtualserver §15; NGINX says nothing of it
    let cors = ["cors: {allowOrigin: ['http://a']}", "cors: {allowOrigin: ['http://b']}"];
    let want = "warning[no-effect]: spec.policies[1]: `shop/b` takes the place of the `cors` \
                policy above: the last counts";
    let origins = |policies: Policies| match policies.cors.as_deref() {
        Some(Cors::Told(headers)) => headers.origins.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(origins(together(&cors, &[want])), origins(lowered(cors[1])));
}

#[test]
fn api_keys_and_external_auth_share_one_place() {
    // virtualserver §15
    let key = "apiKey: {suppliedIn: {header: [X-Key]}, clientSecret: clients}";
    let external = "externalAuth: {authServiceName: auth}";
    for specs in [[key, key], [key, external], [external, key]] {
        assert_fault(
            &specs,
            "error[conflicting-policies]: spec.routes[0].policies[1]: `shop/b` cannot stand \
             beside the `apiKey` or `externalAuth` above: its scope answers 500",
        );
    }
    // That of a route takes the place of the server's.
    let (documents, _) = several(&[key, external]);
    let server = cafe(
        "policies: [{name: a}]\n\
         routes: [{path: /, policies: [{name: b}], action: {pass: tea}}]",
    );
    let translation = with_secrets(&format!("{documents}---\n{server}"));
    let route = &translation.rules.listeners[0].hosts.sorted()[0].routes[0];
    let request = route.policies.as_ref().and_then(|policies| policies.auth_request.as_ref());
    assert!(matches!(request, Some(AuthRequest::External(_))));
}

#[test]
fn an_empty_list_takes_the_place_of_nothing() {
    // virtualserver §15, §16.1: what restricts nothing does not open what the server guards
    let (documents, _) =
        several(&["accessControl: {allow: [10.0.0.1]}", "accessControl: {deny: []}"]);
    let server = cafe(
        "policies: [{name: a}]\n\
         routes: [{path: /, policies: [{name: b}], action: {pass: tea}}]",
    );
    let translation = with_secrets(&format!("{documents}---\n{server}"));
    let policies = &translation.rules.listeners[0].hosts.sorted()[0].routes[0].policies;
    let access = policies.as_ref().unwrap().access.as_ref().unwrap();
    assert_eq!(access.origin.to_string(), "Policy shop/a: spec.accessControl");
}

#[test]
fn routes_share_what_is_long() {
    // One long list on many routes is kept once, as are the policies of a server.
    let (documents, _) = several(&[
        "accessControl: {allow: [10.0.0.1]}",
        "basicAuth: {secret: users}",
        "accessControl: {allow: []}",
    ]);
    let server = cafe(
        "policies: [{name: b}]\nroutes:\n\
         - {path: /a, policies: [{name: a}], action: {pass: tea}}\n\
         - {path: /b, policies: [{name: c}, {name: a}], action: {pass: tea}}\n\
         - {path: /c, action: {pass: tea}}\n\
         - {path: /d, action: {pass: tea}}",
    );
    let translation = with_secrets(&format!("{documents}---\n{server}"));
    let routes = &translation.rules.listeners[0].hosts.sorted()[0].routes;
    // Longer paths come first; of one length, in alphabetical order.
    let policies: Vec<_> = routes.iter().map(|route| route.policies.as_ref().unwrap()).collect();
    let access = |at: usize| policies[at].access.as_ref().unwrap();
    assert!(std::sync::Arc::ptr_eq(access(0), access(1)));
    assert!(std::sync::Arc::ptr_eq(policies[2], policies[3]));
}

#[test]
fn routes_override_by_mechanism() {
    // virtualserver §15
    let (documents, _) = several(&[
        "basicAuth: {secret: users, realm: server}",
        "accessControl: {allow: [10.0.0.1]}",
        "accessControl: {deny: [10.0.0.2]}",
        "hsts: {maxAge: 1, behindProxy: true}",
    ]);
    let server = cafe(
        "policies: [{name: a}, {name: b}, {name: d}]\n\
         routes: [{path: /, policies: [{name: c}], action: {pass: tea}}]",
    );
    let translation = with_secrets(&format!("{documents}---\n{server}"));
    let policies = translation.rules.listeners[0].hosts.sorted()[0].routes[0].policies.clone();
    let policies = policies.unwrap();
    assert_eq!(&*policies.basic_auth.as_ref().unwrap().realm, "server");
    assert!(matches!(policies.access.as_ref().unwrap().rule, AccessRule::Deny(_)));
    assert!(policies.hsts.is_some());
}
