//! Nothing passes that was meant to be guarded, whatever route takes it.

use super::*;
use crate::request::{Connection, RequestHead};
use crate::rules::Protocol;
use crate::{Outcome, Router, Step, Verdict};

/// A VirtualServer with routes of every kind, a VirtualServerRoute, and these policies.
fn shop(spec: &str, route: &str) -> String {
    let policies = [
        policy("nobody", "accessControl: {deny: [0.0.0.0/0, '::/0']}"),
        policy("open", "accessControl: {allow: []}"),
        policy("wrong", "accessControl: {allow: [x]}"),
        policy("locked", "basicAuth: {secret: nobody}"),
        policy("login", "oidc: {clientID: a}"),
        policy("inner", "hsts: {maxAge: 1}"),
    ];
    let server = cafe(&format!(
        "tls: {{secret: cert}}\npolicies: {spec}\nroutes:\n\
         - {{path: /, policies: {route}, action: {{pass: tea}}}}\n\
         - {{path: /slash/, policies: {route}, action: {{pass: tea}}}}\n\
         - {{path: =/exact, policies: {route}, action: {{pass: tea}}}}\n\
         - {{path: '~^/[0-9]+$', policies: {route}, action: {{pass: tea}}}}\n\
         - {{path: '^~/static', policies: {route}, action: {{return: {{body: a}}}}}}\n\
         - {{path: '/{{kind}}/brand', policies: {route}, action: {{pass: tea}}}}\n\
         - {{path: /moved, policies: {route}, action: {{redirect: {{url: 'http://a.example/'}}}}}}\n\
         - {{path: /splits, policies: {route}, splits: [{{weight: 50, action: {{pass: tea}}}},\n    \
         {{weight: 50, action: {{return: {{body: a}}}}}}]}}\n\
         - {{path: /matches, policies: {route}, matches: [{{conditions: [{{argument: a, value: b}}],\n    \
         action: {{pass: coffee}}}}], action: {{pass: tea}}}}\n\
         - {{path: /only, policies: {route}, matches: [{{conditions: [{{argument: a, value: b}}],\n    \
         action: {{pass: coffee}}}}]}}\n\
         - {{path: /delegated, policies: {route}, route: more}}"
    ));
    let more = "---\napiVersion: k8s.nginx.org/v1\nkind: VirtualServerRoute\n\
                metadata: {name: more, namespace: shop}\nspec:\n  host: cafe.example.com\n  \
                upstreams: [{name: tea, service: tea-svc, port: 80}]\n  subroutes:\n  \
                - {path: /delegated/inherits, action: {pass: tea}}\n  \
                - {path: /delegated/empty/, policies: [], action: {pass: tea}}\n";
    format!("{}---\n{server}{more}", policies.concat())
}

/// Targets of [`shop`] that its policies are for.
const TARGETS: [&str; 19] = [
    "/",
    "/unlisted",
    "/slash/",
    "/slash/x",
    "/exact",
    "/%65xact",
    "/12",
    "/static",
    "/a/brand",
    "/moved",
    "/splits",
    "/matches",
    "/matches?a=b",
    "/only",
    "/only?a=b",
    "/delegated",
    "/delegated/inherits",
    "/delegated/empty/",
    "http://cafe.example.com/exact",
];

fn assert_nobody_passes(spec: &str, route: &str, want: u16) {
    let translation = with_secrets(&shop(spec, route));
    let router = Router::compile(&translation.rules).expect("it compiles");
    for (protocol, port) in [(Protocol::Http, 80), (Protocol::Https, 443)] {
        let peer = Some("192.0.2.7:1".parse().expect("an address"));
        let connection = Connection { protocol, peer, ..Connection::http(port) };
        for method in ["GET", "HEAD", "POST", "OPTIONS", "PURGE", "get"] {
            for target in TARGETS {
                let request = RequestHead::new(method, "cafe.example.com", target).on(connection);
                for draw in [0, u64::MAX] {
                    let decision = router.decide(&request, draw);
                    let case = format!("{spec} {route}: {method} {target} {draw}");
                    let got = match decision.verdict() {
                        Verdict::Guarded => match &decision.steps(&request)[..] {
                            [Step::Refuse(refusal)] => refusal.status,
                            steps => panic!("{case}: {steps:?}"),
                        },
                        // A policy of the whole host that is not there takes the place of routes.
                        Verdict::Open(Outcome::Respond(respond)) => respond.status,
                        Verdict::Open(outcome) => panic!("{case}: {outcome:?}"),
                    };
                    assert_eq!(got.as_u16(), want, "{case}");
                }
            }
        }
    }
}

#[test]
fn what_guards_a_host_guards_all_of_it() {
    // virtualserver §7, §15
    let lists = [
        ("[{name: nobody}]", 403),
        ("[{name: gone}]", 500),
        ("[{name: nobody, namespace: other}]", 500),
        ("[{name: wrong}]", 500),
        ("[{name: locked}]", 500),
        ("[{name: login}]", 500),
        ("[{name: nobody}, {name: gone}]", 500),
    ];
    for (list, want) in lists {
        for route in ["[]", "[{name: open}]"] {
            assert_nobody_passes(list, route, want);
        }
    }
}

#[test]
fn what_guards_routes_guards_their_branches_and_delegates() {
    // virtualserver §6.4, §15
    for (list, want) in [
        ("[{name: nobody}]", 403),
        ("[{name: gone}]", 500),
        ("[{name: wrong}]", 500),
        ("[{name: inner}]", 500),
        ("[{name: open}, {name: gone}]", 500),
    ] {
        assert_nobody_passes("[{name: open}]", list, want);
    }
}
