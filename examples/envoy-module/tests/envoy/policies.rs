//! Policies: those that are carried out, and those that turn requests away because they are not.

use crate::process::{Envoy, validate};
use crate::setup::routes;
use serde_json::json;
use testkit::socket::{EchoBackend, get};

const CAFE: &str = "
apiVersion: k8s.nginx.org/v1
kind: Policy
metadata: {name: local}
spec: {accessControl: {deny: [127.0.0.1]}}
---
apiVersion: k8s.nginx.org/v1
kind: Policy
metadata: {name: slowly}
spec: {rateLimit: {rate: 1r/s, key: '${binary_remote_addr}', zoneSize: 10M}}
---
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe}
spec:
  host: cafe.example.com
  upstreams: [{name: tea, service: tea, port: 80}]
  routes:
  - {path: /open, action: {pass: tea}}
  - {path: /denied, policies: [{name: local}], action: {pass: tea}}
  - {path: /limited, policies: [{name: slowly}], action: {pass: tea}}
";

#[test]
fn what_nobody_enforces_lets_nobody_through() {
    let tea = EchoBackend::start("default/tea:80").unwrap();
    let setup = routes(json!({"documents": CAFE, "port": 80}), &[&tea]);
    let Some(mut envoy) = Envoy::start(&setup) else { return };
    let address = envoy.address();
    for (target, status) in [("/open", 200), ("/denied", 403), ("/limited", 500)] {
        let answer = get(address, "cafe.example.com", target, "").unwrap();
        assert_eq!(answer.status, status, "{target}");
    }
    assert_eq!(tea.requests(), 1);
    envoy.wait_for("line in the log", |envoy| {
        let log = envoy.log();
        let at_load = "a rate limit is not done here: its requests are answered 500";
        let at_once =
            "a request is answered 500: a rate limit is not done here: Policy default/slowly";
        (log.contains(at_load) && log.contains(at_once)).then_some(())
    });
}

#[test]
fn what_nobody_enforces_can_refuse_the_configuration() {
    let setup = routes(json!({"documents": CAFE, "port": 80, "unsupported": "refuse"}), &[]);
    let Some(output) = validate(&setup) else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("error[unsupported]: Policy default/slowly: "), "{said}");
}

#[test]
fn tls_with_backends_is_the_cluster_s_business_only_if_that_is_said() {
    let tea = EchoBackend::start("default/tea:80").unwrap();
    let documents = "
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe}
spec:
  host: cafe.example.com
  upstreams: [{name: tea, service: tea, port: 80, tls: {enable: true}}]
  routes:
  - {path: /, action: {pass: tea}}
";
    for (backend_tls, status) in [("none", 500), ("cluster", 200)] {
        let config = json!({"documents": documents, "port": 80, "backendTls": backend_tls});
        let Some(envoy) = Envoy::start(&routes(config, &[&tea])) else { return };
        let answer = get(envoy.address(), "cafe.example.com", "/", "").unwrap();
        assert_eq!(answer.status, status, "{backend_tls}");
    }
}
