//! Configurations that are taken, and those that are refused.

use crate::process::{Envoy, Folder, validate};
use crate::setup::routes;
use serde_json::{Value, json};

fn refused(config: Value) -> Option<String> {
    let output = validate(&routes(config, &[]))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    Some(said)
}

/// `expected` stands in what is said of `config`.
fn assert_refused(config: Value, expected: &str) {
    if let Some(said) = refused(config.clone()) {
        assert!(said.contains(expected), "{config}: no `{expected}` in\n{said}");
    }
}

#[test]
fn what_is_wrong_with_documents_is_said_with_its_place() {
    let folder = Folder::new();
    let text = "apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe}
spec:
  host: cafe.example.com
  upstreams: [{name: tea, service: tea, port: 80}]
  routes:
  - {path: /tea, action: {pass: coffee}}
  - {path: tea, action: {pass: tea}}
";
    let path = folder.put("cafe.yaml", text);
    // All of it, not only the first.
    let config = json!({"files": [folder.path()]});
    for (line, part) in [(8, "coffee"), (9, "spec.routes[1].path")] {
        assert_refused(config.clone(), &format!("{}:{line}:", path.display()));
        assert_refused(config.clone(), part);
    }
}

#[test]
fn what_is_wrong_with_the_configuration_is_said() {
    for (config, expected) in [
        (json!({}), "neither `files` nor `documents` is given"),
        (json!({"documents": "", "prot": 80}), "unknown field `prot`"),
        (json!({"documents": "", "port": 80.5}), "80.5 is no port"),
        (json!({"documents": "", "knownServices": ["tea"]}), "`tea` is no `namespace/name:port`"),
        (json!({"files": ["/nowhere/routes.yaml"]}), "/nowhere/routes.yaml: "),
    ] {
        assert_refused(config, expected);
    }
}

#[test]
fn errors_can_be_left_out() {
    let documents = "
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: broken}
spec: {host: 'not a host'}
";
    let setup = routes(json!({"documents": documents, "errors": "leave-out"}), &[]);
    let Some(output) = validate(&setup) else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("VirtualServer default/broken"), "{said}");
}

/// The ABI is declared by hand, and Envoy only warns where its own is another one.
#[test]
fn the_abi_is_that_of_this_envoy() {
    let Some(envoy) = Envoy::start(&routes(json!({"documents": ""}), &[])) else { return };
    let log = envoy.log();
    assert!(log.contains("Dynamic module ABI version v0.2.0 matched"), "{log}");
}
