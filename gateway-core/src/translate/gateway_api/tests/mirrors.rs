//! Who gets copies of requests, and what the copies look like (gateway-api §13.2).

use super::in_force::*;
use super::*;
use crate::decision::Decision;
use crate::request::RequestHead;
use http::header::HeaderMap;

/// Target, request target, `Host` (`-` as it came) and the lines beginning with `x-`.
fn shape(decision: &Decision<'_>, request: &RequestHead<'_>) -> String {
    let mut path = Vec::new();
    decision.write_target(request, &mut path);
    let host = decision.host_header(request);
    let host = host.as_ref().map_or("-", |value| value.to_str().unwrap());
    let mut headers = HeaderMap::new();
    headers.insert("x-old", "client".parse().unwrap());
    decision.edit_request(request, &mut headers);
    let mut lines: Vec<String> =
        headers.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect();
    lines.sort();
    let path = String::from_utf8(path).unwrap();
    format!("{} {path} {host} {}", target(decision), lines.join(" "))
}

fn copies(got: &InForce, request: &RequestHead<'_>, draw: u64) -> Vec<String> {
    let decision = got.decide(request, draw);
    got.router.mirrors(&decision, request, draw).map(|copy| shape(&copy, request)).collect()
}

fn services() -> Vec<String> {
    ["s", "t", "m", "n"].map(|name| service(name, "", "ports: [{port: 80}]")).to_vec()
}

fn with_rule(fields: &str) -> InForce {
    let documents = [vec![GATEWAY.to_owned(), rule(fields)], services()].concat();
    in_force(&Options::default(), &documents)
}

const MIRROR_M: &str = "{type: RequestMirror, requestMirror: {backendRef: {name: m, port: 80}}}";
const MIRROR_N: &str = "{type: RequestMirror, requestMirror: {backendRef: {name: n, port: 80}}}";
const SET: &str = "{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-new, value: rule}], remove: [x-old]}}";
const REWRITE: &str = "{type: URLRewrite, urlRewrite: {hostname: rule.test, path: \
                       {type: ReplacePrefixMatch, replacePrefixMatch: /r}}}";

#[test]
fn a_copy_has_what_was_changed_before_it_in_the_list() {
    // gateway-api §13, §13.2
    let request = RequestHead::get("a.test", "/p/q?x=1");
    let sent = "default/s:80 /r/q?x=1 rule.test x-new=rule";
    for (filters, want) in [
        (&[MIRROR_M, SET, REWRITE][..], &["default/m:80 /p/q?x=1 - x-old=client"][..]),
        (&[SET, MIRROR_M, REWRITE], &["default/m:80 /p/q?x=1 - x-new=rule"]),
        (&[REWRITE, MIRROR_M, SET], &["default/m:80 /r/q?x=1 rule.test x-old=client"]),
        (&[SET, REWRITE, MIRROR_M], &["default/m:80 /r/q?x=1 rule.test x-new=rule"]),
        // Several, each by its own place.
        (
            &[MIRROR_M, SET, MIRROR_N, REWRITE],
            &["default/m:80 /p/q?x=1 - x-old=client", "default/n:80 /p/q?x=1 - x-new=rule"],
        ),
        // Twice to one Service are two copies.
        (
            &[MIRROR_N, SET, REWRITE, MIRROR_N],
            &["default/n:80 /p/q?x=1 - x-old=client", "default/n:80 /r/q?x=1 rule.test x-new=rule"],
        ),
        (&[SET, REWRITE], &[]),
    ] {
        let fields = format!(
            "    matches: [{{path: {{value: /p}}}}]\n    filters: [{}]\n    \
             backendRefs: [{{name: s, port: 80}}]",
            filters.join(", ")
        );
        let got = with_rule(&fields);
        assert_eq!(got.told(), [""; 0], "{filters:?}");
        assert_eq!(copies(&got, &request, 0), want, "{filters:?}");
        // The request itself has all changes, wherever they stand.
        let own = shape(&got.decide(&request, 0), &request);
        assert_eq!(own, sent, "{filters:?}");
    }
}

#[test]
fn backends_have_mirrors_of_their_own() {
    // gateway-api §13: filters of the rule come before those of the backend that was drawn.
    let own =
        "{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-own, value: s}]}}";
    let fields = format!(
        "    filters: [{MIRROR_N}, {SET}]
    backendRefs:
    - {{name: s, port: 80, filters: [{MIRROR_M}, {own}, {MIRROR_M}]}}
    - {{name: t, port: 80}}"
    );
    let got = with_rule(&fields);
    assert_eq!(got.told(), [""; 0]);
    let request = RequestHead::get("a.test", "/");
    let of_rule = "default/n:80 / - x-old=client";
    assert_eq!(
        copies(&got, &request, 0),
        [of_rule, "default/m:80 / - x-new=rule", "default/m:80 / - x-new=rule x-own=s"]
    );
    assert_eq!(copies(&got, &request, u64::MAX), [of_rule]);
}

#[test]
fn shares_are_written_as_percent_or_fraction() {
    // gateway-api §13.2
    for (share, want) in [
        ("", (100, 100)),
        (", percent: 0", (0, 100)),
        (", percent: 42", (42, 100)),
        (", percent: 100", (100, 100)),
        (", fraction: {numerator: 1}", (1, 100)),
        (", fraction: {numerator: 5, denominator: 1000}", (5, 1000)),
        (", fraction: {numerator: 3, denominator: 3}", (3, 3)),
        (", fraction: {numerator: 0, denominator: 1}", (0, 1)),
        (", fraction: {numerator: 2147483647, denominator: 2147483647}", (2147483647, 2147483647)),
    ] {
        let mirror = format!(
            "{{type: RequestMirror, requestMirror: {{backendRef: {{name: m, port: 80}}{share}}}}}"
        );
        let fields = format!("    filters: [{mirror}]\n    backendRefs: [{{name: s, port: 80}}]");
        for text in [rule(&fields), grpc_rule(&fields)] {
            let got = clean(&[GATEWAY.to_owned(), text]);
            let [mirror] = &*got.forward().mirrors else { panic!("{share}") };
            assert_eq!((mirror.numerator, mirror.denominator), want, "{share}");
            // The copy goes to the Service itself, and has no copies.
            assert!(!mirror.forward.target.splits && mirror.forward.mirrors.is_empty());
        }
    }
}

/// 64 bits that are as good as random.
fn draws(count: u64) -> impl Iterator<Item = u64> {
    (1..=count).map(|n| {
        let mut x = n.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x9216_d5d9_8979_fb1b;
        for _ in 0..3 {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
        }
        x
    })
}

#[test]
fn every_mirror_draws_for_itself() {
    // gateway-api §13.2
    const COUNT: u64 = 40_000;
    let mirror = |name: &str, share: &str| {
        format!(
            "{{type: RequestMirror, requestMirror: {{backendRef: {{name: {name}, port: 80}}, {share}}}}}"
        )
    };
    let filters = [
        mirror("m", "percent: 50"),
        mirror("n", "percent: 50"),
        mirror("m", "percent: 100"),
        mirror("n", "percent: 0"),
        mirror("t", "fraction: {numerator: 1, denominator: 8}"),
    ];
    let fields = format!(
        "    filters: [{}]\n    backendRefs: [{{name: s, port: 80}}, {{name: t, port: 80}}]",
        filters.join(", ")
    );
    let got = with_rule(&fields);
    let request = RequestHead::get("a.test", "/");
    // By backend, first mirror, second mirror; and those of the last one.
    let (mut counts, mut eighth, mut all) = ([0u64; 8], 0u64, 0u64);
    for draw in draws(COUNT) {
        let decision = got.decide(&request, draw);
        let copies: Vec<_> = got.router.mirrors(&decision, &request, draw).collect();
        let has = |name: &str| copies.iter().filter(|copy| target(copy) == name).count();
        let (m, n) = (has("default/m:80"), has("default/n:80"));
        let backend = usize::from(target(&decision) == "default/t:80");
        counts[backend * 4 + (m - 1) * 2 + n] += 1;
        eighth += has("default/t:80") as u64;
        all += u64::from(m > 0);
        // The same draw says the same again.
        let again = got.router.mirrors(&decision, &request, draw).count();
        assert_eq!(again, copies.len());
    }
    assert_eq!(all, COUNT);
    assert!(eighth.abs_diff(COUNT / 8) < COUNT / 100, "{eighth}");
    // Independent of the backend and of each other: each combination alike.
    for count in counts {
        assert!(count.abs_diff(COUNT / 8) < COUNT / 100, "{counts:?}");
    }
}

#[test]
fn a_mirror_that_leads_nowhere_is_dropped() {
    // gateway-api §13.2, §15.2
    for (reference, reason) in [
        ("name: missing, port: 80", "BackendNotFound"),
        ("name: m, port: 81", "BackendNotFound"),
        ("group: x.test, kind: Other, name: m", "InvalidKind"),
        ("name: outside, port: 80", "InvalidKind"),
        ("name: x, namespace: other, port: 80", "RefNotPermitted"),
        ("name: gone, namespace: other, port: 80", "RefNotPermitted"),
        ("name: wss, port: 80", "UnsupportedProtocol"),
        ("name: y, namespace: other, port: 80", ""),
    ] {
        let mirror =
            format!("{{type: RequestMirror, requestMirror: {{backendRef: {{{reference}}}}}}}");
        for (place, fields) in [
            (
                "rule",
                format!(
                    "    filters: [{mirror}, {MIRROR_N}]\n    backendRefs: [{{name: s, port: 80}}]"
                ),
            ),
            (
                "backend",
                format!(
                    "    backendRefs: [{{name: s, port: 80, filters: [{mirror}, {MIRROR_N}]}}]"
                ),
            ),
        ] {
            let mut documents = services();
            documents.extend([
                GATEWAY.to_owned(),
                rule(&fields),
                service(
                    "outside",
                    "",
                    "type: ExternalName, externalName: x.test, ports: [{port: 80}]",
                ),
                service("wss", "", "ports: [{port: 80, appProtocol: kubernetes.io/wss}]"),
                service("x", "namespace: other", "ports: [{port: 80}]"),
                service("y", "namespace: other", "ports: [{port: 80}]"),
                grant("other", ("HTTPRoute", "default"), "kind: Service, name: y"),
            ]);
            let got = in_force(&Options::default(), &documents);
            let resolved = got.condition("HTTPRoute", "r", "gw ResolvedRefs");
            let (want, count) = match reason {
                "" => ("true/ResolvedRefs".to_owned(), 2),
                reason => (format!("false/{reason}"), 1),
            };
            assert_eq!(resolved, want, "{place} {reference}");
            assert_eq!(got.condition("HTTPRoute", "r", "gw Accepted"), "true/Accepted");
            let request = RequestHead::get("a.test", "/");
            assert_eq!(target(&got.decide(&request, 0)), "default/s:80", "{place} {reference}");
            let copies = copies(&got, &request, 0);
            assert_eq!(copies.len(), count, "{place} {reference} {copies:?}");
            assert!(copies.last().unwrap().starts_with("default/n:80 "), "{copies:?}");
        }
    }
}

#[test]
fn only_what_is_forwarded_is_copied() {
    // gateway-api §13.2; the copy stays where it was sent (smi X-3 is about requests themselves).
    let split = "---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: split}
spec: {service: m, backends: [{service: t, weight: 1}]}
";
    let never = tls_policy(
        "p",
        "",
        "{group: '', kind: Service, name: n}",
        "wellKnownCACertificates: x.test/y",
    );
    let fields = format!(
        "    filters: [{MIRROR_M}, {MIRROR_N}]
    backendRefs:
    - {{name: s, port: 80}}
    - {{name: missing, port: 80}}"
    );
    let mut documents = services();
    documents.extend([GATEWAY.to_owned(), rule(&fields), split.to_owned(), never]);
    let got = in_force(&Options::default(), &documents);
    let request = RequestHead::get("a.test", "/");
    // `n` must not be spoken to in plain, and nobody knows how else.
    assert_eq!(copies(&got, &request, 0), ["default/m:80 / - x-old=client"]);
    assert_eq!(target(&got.decide(&request, u64::MAX)), "500");
    assert_eq!(copies(&got, &request, u64::MAX), [""; 0]);
}
