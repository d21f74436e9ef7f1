//! What is told, and that what is told is so.

use super::*;
use crate::guard::{Guard, enforce};
use crate::tls::ClientVerdict;
use gateway_core::rules::Protocol;
use gateway_core::{Connection, Options, RequestHead, Resources, Router, translate};
use http::StatusCode;

/// What is told of upstreams with these settings, each of which two listeners serve twice.
fn told(upstreams: &[&str]) -> Vec<String> {
    let mut yaml = String::from(
        "apiVersion: k8s.nginx.org/v1\nkind: VirtualServer\nmetadata: {name: cafe}\nspec:\n  \
             host: cafe.example\n  tls: {secret: cert}\n  upstreams:\n",
    );
    let mut routes = String::from("  routes:\n");
    for (i, upstream) in upstreams.iter().enumerate() {
        yaml += &format!("  - {{name: u{i}, service: s, port: 80{upstream}}}\n");
        routes += &format!("  - {{path: /a{i}, action: {{pass: u{i}}}}}\n");
        routes += &format!("  - {{path: /b{i}, action: {{pass: u{i}}}}}\n");
    }
    let mut resources = Resources::default();
    resources.add_yaml("cafe.yaml", yaml + &routes);
    let rules = translate(&resources, &Options::default()).rules;
    assert_eq!(rules.route_count(), 4 * upstreams.len());
    unsupported(&rules).iter().map(|d| format!("{}: {}", d.field, d.message)).collect()
}

#[test]
fn what_is_done_is_not_told() {
    let done = [
        "",
        ", lb-method: round_robin",
        ", lb-method: random",
        ", lb-method: ip_hash, max-fails: 0, fail-timeout: 5s, max-conns: 1, queue: {size: 1}",
        ", lb-method: hash $host consistent, keepalive: 0",
        ", lb-method: least_time header, backup: b, backupPort: 80, slow-start: 5s",
        ", tls: {enable: false}, type: http, connect-timeout: 1s, next-upstream: off",
        ", sessionCookie: {name: a, enable: true}, healthCheck: {enable: false}, use-cluster-ip: true",
        ", subselector: {a: b}, healthCheck: {enable: true, mandatory: true}",
    ];
    assert_eq!(told(&done), [""; 0]);
}

#[test]
fn splits_by_claims_are_told_of() {
    // decisions §4
    let of = |by: &str| {
        let yaml = format!(
                "
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {{name: cafe, annotations: {{gateway/sticky-by: '{by}'}}}}
spec:
  host: cafe.example
  routes:
  - path: /
    splits: [{{weight: 50, action: {{return: {{body: a}}}}}}, {{weight: 50, action: {{return: {{body: b}}}}}}]
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {{name: tea, annotations: {{gateway/sticky-by: '{by}'}}}}
spec: {{service: tea, backends: [{{service: tea-1, weight: 1}}]}}
"
            );
        let mut resources = Resources::default();
        resources.add_yaml("cafe.yaml", yaml);
        let rules = translate(&resources, &Options::default()).rules;
        unsupported(&rules).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for by in ["cookie:id", "header:x-user", "source"] {
        assert_eq!(of(by), [""; 0], "{by}");
    }
    assert_eq!(
        of("claim:sub"),
        [
            "cafe.yaml:11:1: warning[unsupported]: TrafficSplit default/tea: this proxy does \
                 not know `jwt_claim_sub`: each request is drawn anew",
            "cafe.yaml:9:13: warning[unsupported]: VirtualServer default/cafe: \
                 spec.routes[0].splits: this proxy does not know `jwt_claim_sub`: each request is \
                 drawn anew",
        ]
    );
}

const SECRETS: &str = "
{apiVersion: v1, kind: Secret, metadata: {name: users}, type: nginx.org/htpasswd,
 stringData: {htpasswd: ''}}
---
{apiVersion: v1, kind: Secret, metadata: {name: clients}, type: nginx.org/apikey,
 stringData: {ann: a}}
---
{apiVersion: v1, kind: Secret, metadata: {name: keys}, type: nginx.org/jwk, stringData: {jwk: '{}'}}
---
{apiVersion: v1, kind: Secret, metadata: {name: ca}, type: nginx.org/ca,
 stringData: {ca.crt: '-----BEGIN CERTIFICATE-----'}}
---
";

#[test]
fn policies_that_are_not_enforced_are_told_once_and_let_nobody_pass() {
    for (spec, protocol, want) in [
        ("accessControl: {allow: [127.0.0.1]}", Protocol::Http, None),
        ("cors: {allowOrigin: ['*']}", Protocol::Http, None),
        ("hsts: {maxAge: 1}", Protocol::Http, None),
        ("egressMTLS: {}", Protocol::Http, None),
        ("ingressMTLS: {clientCertSecret: ca}", Protocol::Https, None),
        ("rateLimit: {rate: 1r/s, key: a, zoneSize: 1m}", Protocol::Http, Some("a rate limit")),
        (
            "rateLimit: {rate: 1r/s, key: a, zoneSize: 1m, condition: {variables: [{name: \
                 $request_method, match: GET}]}}",
            Protocol::Http,
            Some("a rate limit"),
        ),
        ("basicAuth: {secret: users}", Protocol::Http, Some("basic authentication")),
        (
            "apiKey: {suppliedIn: {header: [X-Key]}, clientSecret: clients}",
            Protocol::Http,
            Some("an API key"),
        ),
        (
            "externalAuth: {authServiceName: auth}",
            Protocol::Http,
            Some("authentication by another service"),
        ),
        ("jwt: {realm: a, secret: keys}", Protocol::Http, Some("a signed token")),
        ("cache: {cacheZoneName: a, cacheZoneSize: 1m}", Protocol::Http, Some("a cache")),
    ] {
        let yaml = format!(
            "{SECRETS}apiVersion: k8s.nginx.org/v1\nkind: Policy\nmetadata: {{name: p}}\n\
                 spec:\n  {spec}\n---\n\
                 apiVersion: k8s.nginx.org/v1\nkind: VirtualServer\nmetadata: {{name: cafe}}\nspec:\n  \
                 host: cafe.example\n  tls: {{secret: cert}}\n  policies: [{{name: p}}]\n  \
                 upstreams: [{{name: u, service: s, port: 80}}]\n  routes:\n  \
                 - {{path: /a, action: {{pass: u}}}}\n  - {{path: /b, action: {{pass: u}}}}\n  \
                 - {{path: /lost, policies: [{{name: gone}}], action: {{pass: u}}}}\n"
        );
        let mut resources = Resources::default();
        resources.add_yaml("cafe.yaml", yaml);
        let rules = translate(&resources, &Options::default()).rules;
        let told = unsupported(&rules);
        let told: Vec<_> = told.iter().map(|d| format!("{}: {}", d.field, d.message)).collect();
        let (name, _) = spec.split_once(':').unwrap();
        let want = want
            .map(|what| format!("spec.{name}: {what} is not enforced yet: its routes answer 500"));
        // What is told is what happens.
        let router = Router::compile(&rules).unwrap();
        let peer = Some("127.0.0.1:1".parse().unwrap());
        let https = Connection { protocol, ..Connection::http(443) };
        let on = if protocol == Protocol::Https { https } else { Connection::http(80) };
        let request = RequestHead::get("cafe.example", "/a")
            .headers(&[("x-key", "a")])
            .on(Connection { peer, ..on });
        let got = enforce(&router.decide(&request, 0), &request, || Ok(ClientVerdict::Valid));
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let guard = match want {
            Some(_) => Guard::Refused(status, "unenforced_policy"),
            None => Guard::Admitted(Vec::new()),
        };
        assert_eq!(told, Vec::from_iter(want), "{spec}");
        assert_eq!(got, guard, "{spec}");
    }
}

#[test]
fn variables_without_values_are_told_once() {
    // virtualserver §17.4, §17.5, §17.7
    let mut resources = Resources::default();
    resources.add_yaml(
            "cafe.yaml",
            "apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe}
spec:
  host: cafe.example
  upstreams: [{name: tea, service: s, port: 80, lb-method: 'hash ${ssl_session_id}'}]
  routes:
  - {path: /a, action: {return: {body: '${request_length} ${pid} ${request_length} ${arg_x}'}}}
  - path: /b
    splits:
    - {weight: 1, action: {pass: tea}}
    - weight: 99
      action:
        proxy:
          upstream: tea
          requestHeaders: {set: [{name: X-A, value: '${ssl_cipher} ${ssl_curves}'}, {name: Host, value: '${jwt_claim_sub}'}]}
          responseHeaders: {add: [{name: X-B, value: '${server_addr} ${nginx_version}'}]}
    errorPages: [{codes: [404], return: {body: '${upstream_status}'}}]
",
        );
    let rules = translate(&resources, &Options::default()).rules;
    let told: Vec<_> = unsupported(&rules)
        .iter()
        .map(|d| format!("{}: {}", d.field, d.message.split(':').next().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            "spec.routes[0].action: `$request_length` is always empty",
            "spec.routes[1].splits[1].action: `$jwt_claim_sub` is always empty",
            "spec.routes[1].splits[1].action: `$nginx_version` is always empty",
            "spec.routes[1].splits[1].action: `$ssl_curves` is always empty",
            "spec.upstreams[0]: `$ssl_session_id` is always empty",
        ]
    );
}

#[test]
fn endpoints_that_may_be_others_are_told_of() {
    // virtualserver §4, `subselector`
    let yaml = "
{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 80}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s-1, labels:
  {kubernetes.io/service-name: s}}, addressType: IPv4, ports: [{port: 80}],
  endpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, name: s-1}}]}
---
{apiVersion: k8s.nginx.org/v1, kind: VirtualServer, metadata: {name: cafe}, spec: {
  host: cafe.example, upstreams: [{name: u, service: s, port: 80, subselector: {a: b}}],
  routes: [{path: /a, action: {pass: u}}, {path: /b, action: {pass: u}}]}}
---
";
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: s-1, labels: {a: c}}}";
    for (pod, want) in [("", 1), (pod, 0)] {
        let mut resources = Resources::default();
        resources.add_yaml("cafe.yaml", format!("{yaml}{pod}"));
        let translation = translate(&resources, &Options::default());
        let told = unknown_endpoints(&translation.rules, &translation.endpoints);
        assert_eq!(told.len(), want, "{told:?}");
    }
}
