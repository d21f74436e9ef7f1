//! Policies, each mechanism in a file: what is refused, and what the rest is lowered to.

mod access;
mod auth;
mod cache;
mod cors;
mod external_auth;
mod guarding;
mod hsts;
mod jwt;
mod merging;
mod rate_limit;
mod references;
mod secrets;
mod tls;

use crate::rules::{Policies, Protocol};
use crate::translate::virtual_server::tests::{cafe, told, translation};
use crate::{Options, Status, Step, Translation};
use proptest::prelude::*;
use std::fmt::Write as _;

/// What every Secret of these tests holds in some form, and what must not show anywhere.
const HIDDEN: &str = "hunter2";

/// Secrets of every type, in the namespace of the Policies.
const SECRETS: &str = "
{apiVersion: v1, kind: Secret, metadata: {name: users, namespace: shop}, type: nginx.org/htpasswd,
 data: {htpasswd: YTp7UExBSU59aHVudGVyMg==}}
---
{apiVersion: v1, kind: Secret, metadata: {name: keys, namespace: shop}, type: nginx.org/jwk,
 stringData: {jwk: '{\"keys\": [], \"hunter2\": 0}'}}
---
{apiVersion: v1, kind: Secret, metadata: {name: clients, namespace: shop}, type: nginx.org/apikey,
 stringData: {ann: hunter2-ann, bob: hunter2-bob}}
---
apiVersion: v1
kind: Secret
metadata: {name: ca, namespace: shop}
type: nginx.org/ca
stringData:
  ca.crt: |
    -----BEGIN CERTIFICATE-----
    hunter2
    -----END CERTIFICATE-----
  ca.crl: |
    -----BEGIN X509 CRL-----
    hunter2
    -----END X509 CRL-----
---
apiVersion: v1
kind: Secret
metadata: {name: cert, namespace: shop}
type: kubernetes.io/tls
stringData:
  tls.crt: |
    -----BEGIN CERTIFICATE-----
    hunter2
    -----END CERTIFICATE-----
  tls.key: |
    -----BEGIN RSA PRIVATE KEY-----
    hunter2
    -----END RSA PRIVATE KEY-----
";

/// The Policy `shop/NAME`.
fn policy(name: &str, spec: &str) -> String {
    let mut yaml = format!(
        "---\napiVersion: k8s.nginx.org/v1\nkind: Policy\n\
         metadata: {{name: {name}, namespace: shop}}\nspec:\n"
    );
    for line in spec.lines() {
        let _ = writeln!(yaml, "  {line}");
    }
    yaml
}

/// All Secrets, and these documents.
fn with_secrets(documents: &str) -> Translation {
    translation(&format!("{SECRETS}\n{documents}"), &Options::default())
}

/// Every case is refused, with all that is wrong told at once.
fn assert_refused(cases: &[(&str, &[&str])]) {
    for (spec, want) in cases {
        let translation = with_secrets(&policy("p", spec));
        assert_eq!(told(&translation.diagnostics), *want, "{spec}");
        let Status::Policy(state) = &translation.statuses[0].status else { panic!("{spec}") };
        assert_eq!((&*state.state, &*state.reason), ("Invalid", "Rejected"), "{spec}");
        let refused: Vec<_> = translation.refused.iter().map(ToString::to_string).collect();
        assert_eq!(refused, ["Policy shop/p"], "{spec}");
    }
}

/// As [`cafe`], with TLS to the upstream `tea`.
fn cafe_with_tls(spec: &str) -> String {
    cafe(spec).replace("port: 80}", "port: 80, tls: {enable: true}}")
}

/// The policies of a VirtualServer with TLS that names these, all of which there are.
fn policies_of(documents: &str, list: &str) -> Policies {
    policies_and_told(documents, list, &[])
}

/// The same, of which this is told.
fn policies_and_told(documents: &str, list: &str, want: &[&str]) -> Policies {
    let server = cafe_with_tls(&format!(
        "tls: {{secret: cert}}\npolicies: {list}\nroutes: [{{path: /, action: {{pass: tea}}}}]"
    ));
    let translation = with_secrets(&format!("{documents}---\n{server}"));
    assert_eq!(told(&translation.diagnostics), want, "{documents}");
    let route = &translation.rules.listeners[0].hosts.sorted()[0].routes[0];
    route.policies.as_deref().cloned().unwrap_or_default()
}

/// What the only policy of a VirtualServer is lowered to.
fn lowered(spec: &str) -> Policies {
    policies_of(&policy("p", spec), "[{name: p}]")
}

/// What a host tells beforehand: all that some request may be asked, and nothing else.
#[test]
fn policies_tell_what_they_may_ask() {
    let asks = |spec: &str, protocol| {
        let policies = lowered(spec);
        let name = |step: Step<'_>| match step {
            Step::ClientCertificate(_) => "certificate",
            Step::RateLimit { .. } => "limit",
            Step::BasicAuth(_) => "basic",
            Step::ApiKey { .. } => "key",
            Step::Cache(_) => "cache",
            other => panic!("{other:?}"),
        };
        policies.steps(protocol).map(name).collect::<Vec<_>>()
    };
    for (spec, want) in [
        ("accessControl: {allow: [127.0.0.1]}", &[][..]),
        ("cors: {allowOrigin: ['*']}", &[]),
        ("hsts: {maxAge: 1}", &[]),
        ("rateLimit: {rate: 1r/s, key: a, zoneSize: 1m}", &["limit"]),
        ("basicAuth: {secret: users}", &["basic"]),
        ("apiKey: {suppliedIn: {header: [x-key]}, clientSecret: clients}", &["key"]),
        ("cache: {cacheZoneName: tea, cacheZoneSize: 10m}", &["cache"]),
    ] {
        assert_eq!(asks(spec, Protocol::Http), want, "{spec}");
    }
    let certificate = "ingressMTLS: {clientCertSecret: ca}";
    assert_eq!(asks(certificate, Protocol::Https), ["certificate"]);
    assert_eq!(asks(certificate, Protocol::Http), [""; 0], "nobody shows one there");
}

#[test]
fn a_policy_is_of_one_type() {
    // virtualserver §15, §18
    assert_refused(&[
        (
            "{}",
            &["error[missing-field]: spec: expected exactly one of `accessControl`, \
                 `rateLimit`, `jwt`, `basicAuth`, `ingressMTLS`, `egressMTLS`, `apiKey`, \
                 `cache`, `cors`, `externalAuth`, `hsts`, `oidc` or `waf`, found none of them"],
        ),
        (
            "accessControl: null",
            &["error[missing-field]: spec: expected exactly one of `accessControl`, \
                 `rateLimit`, `jwt`, `basicAuth`, `ingressMTLS`, `egressMTLS`, `apiKey`, \
                 `cache`, `cors`, `externalAuth`, `hsts`, `oidc` or `waf`, found none of them; `accessControl` \
                 is empty: indent what belongs to it below it"],
        ),
        (
            "ingress_MTLS: {clientCertSecret: ca}",
            &[
                "error[missing-field]: spec: expected exactly one of `accessControl`, \
                 `rateLimit`, `jwt`, `basicAuth`, `ingressMTLS`, `egressMTLS`, `apiKey`, \
                 `cache`, `cors`, `externalAuth`, `hsts`, `oidc` or `waf`, found none of them",
                "warning[unknown-field]: spec.ingress_MTLS: unknown field `ingress_MTLS`; did you \
                 mean `ingressMTLS`?",
            ],
        ),
        (
            "accessControl: {allow: []}\ncors: {}",
            &["error[conflicting-fields]: spec: expected exactly one of `accessControl`, \
                 `rateLimit`, `jwt`, `basicAuth`, `ingressMTLS`, `egressMTLS`, `apiKey`, \
                 `cache`, `cors`, `externalAuth`, `hsts`, `oidc` or `waf`, found `accessControl` \
                 and `cors`"],
        ),
        (
            "rateLimit: 7",
            &[
                "error[wrong-type]: spec.rateLimit: expected a mapping, found the number `7`; it has fields of its own: indent them below it, each as `name: value`",
            ],
        ),
        (
            "waf: {enable: true, apPolicy: x}",
            &["error[unsupported-field]: spec.waf: `waf` is not supported: what the policy is \
                 attached to answers 500"],
        ),
        (
            "oidc: {clientID: x}",
            &["error[unsupported-field]: spec.oidc: `oidc` is not supported: what the policy is \
                 attached to answers 500"],
        ),
    ]);
}

#[test]
fn fields_without_effect_are_told_one_by_one() {
    // virtualserver §1, §18
    let cases: &[(&str, &[&str])] = &[
        (
            "egressMTLS: {verifyDepth: 2}",
            &["notice[no-effect]: spec.egressMTLS.verifyDepth: no certificates are verified, \
                 however long their chain"],
        ),
        (
            "ingressMTLS: {clientCertSecret: ca, verifyClient: off, verifyDepth: 2}",
            &["notice[no-effect]: spec.ingressMTLS.verifyDepth: no certificates are verified, \
                 however long their chain"],
        ),
        (
            "externalAuth: {authServiceName: auth, sslEnabled: true, sslVerifyDepth: 2}",
            &[
                "notice[no-effect]: spec.externalAuth.sslVerifyDepth: no certificates are verified, \
                 however long their chain",
            ],
        ),
        (
            "jwt: {realm: a, secret: keys, sslVerifyDepth: 2}",
            &["notice[no-effect]: spec.jwt.sslVerifyDepth: no certificates are verified, however \
                 long their chain"],
        ),
        (
            "rateLimit: {rate: 1r/s, key: a, zoneSize: 32k, delay: 1, noDelay: true}",
            &["warning[no-effect]: spec.rateLimit.delay: `noDelay` goes before `delay`"],
        ),
        (
            "egressMTLS: {trustedCertSecret: ca}",
            &["warning[no-effect]: spec.egressMTLS.trustedCertSecret: without `verifyServer` \
                 nobody is verified"],
        ),
        (
            "cache: {cacheZoneName: a, cacheZoneSize: 10m, levels: '1:2', useTempPath: true, \
             manager: {files: 1}}",
            &[
                "notice[no-effect]: spec.cache.useTempPath: `useTempPath` has no effect: it is \
                 about files that are not kept here",
                "notice[no-effect]: spec.cache.levels: `levels` has no effect: it is about files \
                 that are not kept here",
                "notice[no-effect]: spec.cache.manager: `manager` has no effect: it is about \
                 files that are not kept here",
            ],
        ),
        (
            "externalAuth: {authServiceName: auth, authServicePorts: [1, 2], \
             authSigninRedirectBasePath: /x, authURI: /$uri, sniName: a}",
            &[
                "warning[no-effect]: spec.externalAuth.authURI: `$` stands for itself: variables \
                 cannot stand here",
                "warning[no-effect]: spec.externalAuth.authSigninRedirectBasePath: without \
                 `authSigninURI` nobody is sent to log in",
                "warning[no-effect]: spec.externalAuth.authServicePorts[1]: only the first port \
                 is used",
            ],
        ),
        (
            "cache: {cacheZoneName: a, cacheZoneSize: 10m, cacheKey: '$schema$is_args${uri}', \
             conditions: {bypass: [$content_type]}}",
            &[
                "warning[unknown-variable]: spec.cache.cacheKey: `$schema` is empty, unless an \
                 embedder supplies it; did you mean `scheme`?",
                "warning[unknown-variable]: spec.cache.cacheKey: `$is_args` is empty, unless an \
                 embedder supplies it",
            ],
        ),
        (
            "rateLimit: {rate: 1r/s, key: a, zoneSize: 1m, condition: {variables: [{name: \
             $tenant, match: a}]}}",
            &["warning[unknown-variable]: spec.rateLimit.condition.variables[0].name: \
                 `$tenant` is empty, unless an embedder supplies it"],
        ),
        (
            "ingresClassName: nginx\nhsts: {maxAge: 1}",
            &["warning[unknown-field]: spec.ingresClassName: unknown field `ingresClassName`; \
                 did you mean `ingressClassName`?"],
        ),
    ];
    for (spec, want) in cases {
        let translation = with_secrets(&policy("p", spec));
        assert_eq!(told(&translation.diagnostics), *want, "{spec}");
        assert!(translation.refused.is_empty(), "{spec}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// decisions §5: nothing in a document can make the engine panic, and what is wrong with a
    /// Policy makes its users answer 500.
    #[test]
    fn any_texts_are_safe(texts in prop::collection::vec(
        prop_oneof![
            any::<String>(),
            "[=~*/{}$\\\\a.:1rsmk\"( -]{0,10}",
            "(https?://)?(\\*\\.)?[ab]{1,2}(:[0-9]{1,5})?",
            "[1-9]{1,2}(r/s|m|k|h)",
            "\\$\\{?(http_a|arg_b|uri|host)\\}?",
            "users|keys|clients|ca|cert",
        ],
        5,
    )) {
        let texts: Vec<_> =
            texts.iter().map(|text| format!("{text:?}").replace("\\u{", "u{")).collect();
        let [a, b, c, d, e] = &texts[..] else { unreachable!("five texts") };
        for spec in [
            format!("accessControl: {{allow: [{a}, {b}]}}"),
            format!("basicAuth: {{secret: {a}, realm: {b}}}"),
            format!("apiKey: {{suppliedIn: {{header: [{a}], query: [{b}]}}, clientSecret: {c}}}"),
            format!("jwt: {{realm: {a}, secret: {b}, token: {c}}}"),
            format!("jwt: {{realm: {a}, jwksURI: {b}, keyCache: {c}, token: {d}}}"),
            format!("ingressMTLS: {{clientCertSecret: {a}, verifyClient: {b}}}"),
            format!("egressMTLS: {{tlsSecret: {a}, protocols: {b}, ciphers: {c}, sslName: {d}}}"),
            format!("cors: {{allowOrigin: [{a}, {b}], allowHeaders: [{c}], exposeHeaders: [{d}]}}"),
            format!(
                "cache: {{cacheZoneName: a, cacheZoneSize: {a}, cacheKey: {b}, time: {c}, \
                 levels: {d}, conditions: {{noCache: [{e}]}}}}"
            ),
            format!("externalAuth: {{authServiceName: {a}, authURI: {b}, sniName: {c}}}"),
            format!(
                "rateLimit: {{rate: {a}, key: {b}, zoneSize: {c}, condition: {{variables: \
                 [{{name: {d}, match: {e}}}]}}}}"
            ),
        ] {
            let server = cafe(
                "tls: {secret: cert}\npolicies: [{name: p}]\n\
                 routes: [{path: /, action: {pass: tea}}]",
            );
            let yaml = format!("{}---\n{server}", policy("p", &spec));
            let translation = with_secrets(&yaml);
            let is_error = |d: &crate::Diagnostic| d.severity == crate::Severity::Error;
            let of_policy = translation.diagnostics.iter().filter(|d| is_error(d)).any(|d| {
                d.object.as_ref().is_some_and(|object| &*object.kind == "Policy")
            });
            let route = &translation.rules.listeners[0].hosts.sorted()[0].routes[0];
            let answers_500 = route.policies.as_ref().is_some_and(|p| p.fault.is_some());
            prop_assert_eq!(answers_500, of_policy, "{}", yaml);
        }
    }
}
