//! Which requests of the common suite go on.

#![expect(clippy::unwrap_used, reason = "tests")]

use embedding::{judge, unsupported};
use gateway_core::rules::Protocol;
use gateway_core::{Connection, Router};
use std::collections::BTreeSet;
use std::path::Path;
use testkit::OwnedRequest;
use testkit::suite::Suite;

fn suites() -> Vec<Suite> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/suite");
    Suite::load_all(&folder).unwrap()
}

#[test]
fn what_a_request_lacks_was_told_before_it_came() {
    let mut lacking = BTreeSet::new();
    for suite in suites() {
        let rules = suite.translation().rules;
        let told = unsupported(&rules, false);
        let router = Router::compile(&rules).unwrap();
        for case in &suite.cases {
            let request = &case.request;
            for draw in [0, 1 << 62, 1 << 63, u64::MAX] {
                let decision = router.decide(request, draw);
                let judged = judge(&decision, request, Some(0), false);
                let Err(turned) = &judged else { continue };
                let Some(lack) = &turned.lack else { continue };
                lacking.insert(lack.what);
                let same = |it: &&_| same(it, lack);
                let place = format!("{}: {}: {lack}", suite.name, case.name);
                assert!(told.iter().any(|it| same(&it)), "{place}");
                assert_eq!(turned.answer.status, 500, "{place}");
            }
        }
    }
    // The suite has something of nearly everything.
    assert!(lacking.len() >= 9, "{lacking:?}");
}

fn same(one: &embedding::Unsupported<'_>, other: &embedding::Unsupported<'_>) -> bool {
    one.what == other.what && one.origin == other.origin
}

#[test]
fn whom_a_policy_guards_does_not_pass() {
    let mut guarded = 0;
    for suite in suites() {
        let router = Router::compile(&suite.translation().rules).unwrap();
        for case in &suite.cases {
            let decision = router.decide(&case.request, case.draw.unwrap_or_default());
            if case.expect.steps.as_ref().is_none_or(Vec::is_empty) {
                continue;
            }
            guarded += 1;
            let judged = judge(&decision, &case.request, Some(0), true);
            assert!(judged.is_err(), "{}: {}", suite.name, case.name);
        }
    }
    assert!(guarded > 30, "{guarded}");
}

#[test]
fn what_is_settled_in_the_handshake_is_not_overlooked() {
    // gateway-api §7.4: who comes without a certificate does not come at all.
    let with_clients = |suite: &Suite| {
        let listeners = suite.translation().rules.listeners;
        listeners.iter().flat_map(|listener| listener.hosts.iter().cloned()).any(|host| {
            let clients = host.tls.as_ref().and_then(|tls| tls.clients.clone());
            clients.is_some_and(|clients| !clients.insecure_fallback)
        })
    };
    let suite = suites().into_iter().find(with_clients).unwrap();
    let mut rules = suite.translation().rules;
    let router = Router::compile(&rules).unwrap();
    let mut request = OwnedRequest::new("GET", "a.example.com", 443, "/");
    for (protocol, what) in [
        (Protocol::Https, "a client certificate"),
        (Protocol::Http, "HTTP without TLS, where documents say TLS,"),
    ] {
        request.connection = Connection { protocol, ..Connection::http(443) };
        let decision = router.decide(&request, 0);
        let turned = judge(&decision, &request, None, true).unwrap_err();
        assert_eq!(turned.lack.unwrap().what, what);
    }
    // gateway-api §22: nor does who is not of the mesh.
    rules.listeners.iter_mut().for_each(|listener| listener.mutual_tls = true);
    let router = Router::compile(&rules).unwrap();
    let decision = router.decide(&request, 0);
    let turned = judge(&decision, &request, None, true).unwrap_err();
    assert_eq!(turned.lack.unwrap().what, "mutual TLS with clients");
    assert!(unsupported(&rules, true).iter().any(|it| it.what == "mutual TLS with clients"));
}
