use super::*;
use gateway_core::rules::ServiceAccount;
use gateway_core::{AccessMode, Request};

const FILE: &str = r#"
name: tea
documents: |
  apiVersion: k8s.nginx.org/v1
  kind: VirtualServer
  metadata: {name: cafe}
  spec:
    host: cafe.example.com
    upstreams: [{name: tea, service: tea, port: 80}]
    routes:
    - {path: /tea, action: {pass: tea}}
    - {path: /no, action: {return: {code: 403, type: text/plain, body: "no"}}}
options: {knownServices: ["default/tea:80"]}
requests:
- {request: "GET http://cafe.example.com/tea?x", expect: {service: "default/tea:80", target: "/tea?x"}}
- {request: "GET http://cafe.example.com/no", expect: {status: 403, type: text/plain, body: "no"}}
"#;

fn scenario(text: &str) -> Suite {
    let mut scenarios = Suite::read("file", text).unwrap();
    assert_eq!(scenarios.len(), 1);
    scenarios.remove(0)
}

#[test]
fn what_is_expected_is_looked_at() {
    let suite = scenario(FILE);
    let router = Router::compile(&suite.translation().rules).unwrap();
    let [tea, no] = &suite.cases[..] else { panic!("two cases") };
    let text = |text: &str| Some(text.to_owned());
    let wrong = [
        (tea, Expectation { service: text("default/tea:81"), ..tea.expect.clone() }, "service"),
        (tea, Expectation { service: None, ..tea.expect.clone() }, "service"),
        (tea, Expectation { target: text("/tea"), ..tea.expect.clone() }, "target"),
        (tea, Expectation { status: Some(403), ..tea.expect.clone() }, "status"),
        (tea, Expectation { route: text("another"), ..tea.expect.clone() }, "route"),
        (tea, Expectation { split: text("another"), ..tea.expect.clone() }, "split"),
        (tea, Expectation { received: vec!["X: 1".into()], ..tea.expect.clone() }, "received"),
        (tea, Expectation { received: vec!["-Host".into()], ..tea.expect.clone() }, "received"),
        (no, Expectation { service: text("default/tea:80"), ..no.expect.clone() }, "service"),
        (no, Expectation { status: Some(404), ..no.expect.clone() }, "status"),
        (no, Expectation { body: text("no\n"), ..no.expect.clone() }, "body"),
        (no, Expectation { content_type: text("text/html"), ..no.expect.clone() }, "type"),
        (no, Expectation { location: text("/"), ..no.expect.clone() }, "location"),
        (no, Expectation { allow: text("GET"), ..no.expect.clone() }, "allow"),
        (no, Expectation { answered: vec!["X: 1".into()], ..no.expect.clone() }, "answered"),
        (no, Expectation { reason: text("no match"), ..no.expect.clone() }, "reason"),
    ];
    for case in [tea, no] {
        assert_eq!(case.run_router(&router), Ok(()), "{}", case.name);
    }
    for (case, expect, what) in wrong {
        let changed = Case { expect, ..case.clone() };
        let said = changed.run_router(&router).unwrap_err();
        assert!(said.starts_with(&format!("{what}: ")), "{what}: {said}");
    }
}

#[test]
fn errors_in_documents_are_to_be_expected() {
    let broken = FILE.replace("pass: tea", "pass: tae");
    let said = scenario(&broken).check_diagnostics().unwrap_err();
    assert!(said.contains("not expected: "), "{said}");
    let listed = |line| {
        let expected = format!("diagnostics:\n- {{severity: error, line: {line}, message: tae}}\n");
        scenario(&format!("{broken}{expected}")).check_diagnostics()
    };
    assert_eq!(listed(8), Ok(()));
    assert!(listed(9).unwrap_err().contains("not said: "));
    assert_eq!(scenario(FILE).check_diagnostics(), Ok(()));
}

#[test]
fn callers_and_who_may_call_are_read() {
    let text = FILE
        .replace("options: {", "options: {accessMode: deny, gatewayIdentity: shop/gateway, ")
        .replacen("expect:", "attributes: {source_account: default/web, x: \"1\"}, expect:", 1);
    let suite = scenario(&text);
    assert_eq!(suite.options.access_mode, AccessMode::Deny);
    assert_eq!(suite.options.gateway_identity, Some(ServiceAccount::new("shop", "gateway")));
    let request = &suite.cases[0].request;
    assert_eq!(request.attribute("source_account"), Some(b"default/web".as_slice()));
    assert_eq!(request.attribute("x"), Some(b"1".as_slice()));
    assert_eq!(suite.cases[1].request.attributes, []);
    let options = scenario(FILE).options;
    assert_eq!((options.access_mode, options.gateway_identity), (AccessMode::Allow, None));
}

#[test]
fn files_that_are_wrong_are_refused() {
    for (from, to, want) in [
        ("requests:", "request:", "request"),
        ("GET http://cafe", "http://cafe", "METHOD URL"),
        ("GET http://cafe", "GET ftp://cafe", "neither http nor https"),
        ("/tea?x\", ", "/tea?x\", draw: 1.5, ", "[0, 1)"),
        ("/tea?x\", ", "/tea?x\", draw: 8000, ", "[0, 1)"),
        ("/tea?x\", ", "/tea?x\", draw: \"0xzz\", ", "no number"),
        ("/tea?x\", ", "/tea?x\", headers: [\"X\"], ", "no `:`"),
        ("default/tea:80\"]", "tea\"]", "namespace/name:port"),
        ("options: {", "options: {gatewayIdentity: gateway, ", "is no `namespace/name`"),
        ("options: {", "options: {accessMode: never, ", "accessMode"),
    ] {
        let text = FILE.replacen(from, to, 1);
        let error = Suite::read("file", &text).unwrap_err();
        assert!(error.contains(want), "{to}: {error}");
    }
}
