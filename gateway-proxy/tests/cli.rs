//! `gateway check` and `gateway explain` as scripts and people use them.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "cli/explain.rs"]
mod explain;

use serde_json::Value;
use std::io::Write;
use std::process::{Command, Output, Stdio};

const SHOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/shop.yaml");

fn gateway(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gateway"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(arguments: &[&str], input: &str) -> Value {
    serde_json::from_slice(&gateway(arguments, input).stdout).unwrap()
}

/// The first example's TrafficSplit and HTTPRouteGroup with their separator lost (smi §9.1).
fn without_separator() -> String {
    let split = "apiVersion: split.smi-spec.io/v1alpha3\nkind: TrafficSplit\nmetadata:\n  name: tea-svc\n\
                 spec:\n  service: tea.1\n  backends:\n  - service: tea.1\n    weight: 0\n";
    let group = "apiVersion: specs.smi-spec.io/v1alpha3\nkind: HTTPRouteGroup\nmetadata:\n  name: tea-hrg\n\
                 spec:\n  matches: []\n";
    format!("{split}{group}")
}

#[test]
fn a_reader_may_leave_early() {
    for arguments in [
        &["check", "-f", SHOP][..],
        &["check", "-f", SHOP, "-o", "json"],
        &["explain", "-f", SHOP, "http://cafe.example.com/tea"],
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gateway"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    }
}

#[test]
fn exit_statuses() {
    for (arguments, input, want) in [
        (&["check", "-f", SHOP][..], "", 0),
        (&["check", "-f", "-"], "kind: VirtualServer", 1),
        (&["check", "-f", "/no/such/file"], "", 1),
        (&["check"], "", 2),
        (&["explain", "-f", SHOP, "ftp://x"], "", 2),
        (&["explain", "-f", SHOP, "http://cafe.example.com/tea"], "", 0),
        (&["serve", "-f", SHOP, "--map-port", "x"], "", 2),
        (&["serve", "-f", "/no/such/file"], "", 2),
        (&["nonsense"], "", 2),
    ] {
        assert_eq!(gateway(arguments, input).status.code(), Some(want), "{arguments:?}");
    }
}

#[test]
fn a_lost_separator_is_named_with_both_lines() {
    // smi P-9
    let output = gateway(&["check", "-f", "-"], &without_separator());
    assert_eq!(output.status.code(), Some(1));
    let shown = text(&output);
    assert!(shown.contains("the key `apiVersion` stands twice, in line 1 and line 10"), "{shown}");
    assert!(shown.contains("a separator line `---` is probably missing"), "{shown}");
    assert!(shown.contains("-:10:1"), "{shown}");
    assert!(!shown.contains('\x1b'), "no colour unless on a terminal: {shown}");
}

#[test]
fn check_has_a_form_for_scripts() {
    let checked = json(&["check", "-f", "-", "-o", "json"], &without_separator());
    let problem = &checked["diagnostics"][0];
    for (field, want) in [
        ("severity", "error".into()),
        ("code", "duplicate-key".into()),
        ("kind", "TrafficSplit".into()),
        ("name", "tea-svc".into()),
        ("file", "-".into()),
        ("line", Value::from(10)),
        ("column", Value::from(1)),
    ] {
        assert_eq!(problem[field], want, "{field}");
    }
    let checked = json(&["check", "-f", SHOP, "-o", "json"], "");
    assert_eq!(checked["listeners"][0]["port"], 80);
    assert!(checked["routes"].as_u64().unwrap() > 10);
    let statuses = checked["statuses"].as_array().unwrap();
    let cafe = statuses.iter().find(|s| s["kind"] == "VirtualServer").unwrap();
    assert_eq!(cafe["apiVersion"], "k8s.nginx.org/v1");
    assert_eq!(cafe["status"]["state"], "Warning");
    // virtualserver §1
    let policy = "{apiVersion: k8s.nginx.org/v1, kind: Policy, metadata: {name: p}, \
                  spec: {hsts: {maxAge: 1}}}";
    let checked = json(&["check", "-f", "-", "-o", "json"], policy);
    let status = &checked["statuses"][0];
    assert_eq!((&status["kind"], &status["name"]), (&"Policy".into(), &"p".into()));
    let valid = serde_json::json!({"state": "Valid", "reason": "AddedOrUpdated", "message": ""});
    assert_eq!(status["status"], valid);
}

#[test]
fn check_shows_no_line_of_a_secret() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n";
    let other = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: tea}\n";
    for data in [
        "data: {a: hunter2}",
        "stringData:\n  a: [hunter2]",
        "data: {a: hunter2",
        "data: {a: 'hunter2', a: hunter2}",
        "data: {a: *hunter2}",
        "data: {a: \"hunter2\\q\"}",
        "data: hunter2: x",
        "data:\n\ta: hunter2",
    ] {
        for output in ["text", "json"] {
            let documents = format!("{other}---\n{secret}{data}\n");
            let checked = gateway(&["check", "-f", "-", "-o", output], &documents);
            assert_eq!(checked.status.code(), Some(1), "{data}");
            let shown = text(&checked);
            assert!(!shown.contains("hunter2"), "{data}: {shown}");
            // Lines of other documents are shown.
            assert_eq!(shown.contains("spec: {ports: tea}"), output == "text", "{data}: {shown}");
        }
    }
    let item = "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"data\": {\"a\": \"hunter2\"}}";
    let shown = text(&gateway(&["check", "-f", "-"], &format!("{{\"items\": [{item}]}}")));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn check_shows_who_uses_a_virtual_server_route() {
    // virtualserver §1
    let documents = "\
        apiVersion: k8s.nginx.org/v1\nkind: VirtualServer\nmetadata: {name: cafe}\n\
        spec: {host: a.example, routes: [{path: /a, route: a}]}\n---\n\
        apiVersion: k8s.nginx.org/v1\nkind: VirtualServerRoute\nmetadata: {name: a}\n\
        spec: {host: a.example, subroutes: [{path: /a, action: {return: {body: ok}}}]}\n";
    let checked = json(&["check", "-f", "-", "-o", "json"], documents);
    let statuses = checked["statuses"].as_array().unwrap();
    let route = statuses.iter().find(|s| s["kind"] == "VirtualServerRoute").unwrap();
    let want = serde_json::json!({
        "state": "Valid", "reason": "AddedOrUpdated", "message": "", "referencedBy": "default/cafe",
    });
    assert_eq!(route["status"], want);
}

#[test]
fn check_names_the_route_that_hides_another() {
    let documents = "\
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe, namespace: shop}
spec:
  host: cafe.example.com
  upstreams: [{name: tea, service: tea-svc, port: 80}]
  routes:
  - path: /tea/
    splits: [{weight: 90, action: {pass: tea}}, {weight: 10, action: {pass: tea}}]
  - path: ~^/tea
    action: {pass: tea}
";
    let output = gateway(&["check", "-f", "-"], documents);
    assert_eq!(output.status.code(), Some(0), "warnings are no errors");
    let shown = text(&output);
    for want in [
        "warning[unreachable-route]: no request gets here: VirtualServer shop/cafe: \
         spec.routes[1] takes all of them first, `GET cafe.example.com/tea/` for one\n  --> -:8:5",
        "8 |   - path: /tea/\n",
        "2 routes, 1 warning\n",
    ] {
        assert!(shown.contains(want), "{want}\n{shown}");
    }
    let checked = json(&["check", "-f", "-", "-o", "json"], documents);
    let told = checked["diagnostics"].as_array().unwrap();
    assert_eq!(
        told.last().unwrap(),
        &serde_json::json!({
            "severity": "warning",
            "code": "unreachable-route",
            "kind": "VirtualServer",
            "namespace": "shop",
            "name": "cafe",
            "field": "spec.routes[0]",
            "file": "-",
            "line": 8,
            "column": 5,
            "message": "no request gets here: VirtualServer shop/cafe: spec.routes[1] takes all of \
                        them first, `GET cafe.example.com/tea/` for one",
            "help": "remove this one, or narrow the other by its path or with a condition",
        })
    );
}

#[test]
fn sockets_of_one_address_are_told_and_found() {
    let documents = "{apiVersion: v1, kind: Service, metadata: {name: tea}, \
                     spec: {clusterIP: 127.0.0.2, ports: [{port: 80}]}}\n---\n\
                     {apiVersion: v1, kind: Secret, metadata: {name: web}, \
                     type: kubernetes.io/tls, \
                     stringData: {tls.crt: c, tls.key: k, ca.crt: a}}\n";
    let mesh = ["-f", "-", "--mesh", "--inbound", "default/tea:80=127.0.0.1:15443"];
    let checked =
        gateway(&[&["check"][..], &mesh, &["--identity", "default/web"]].concat(), documents);
    let told = text(&checked);
    for want in [
        "http 127.0.0.2:80 ",
        "https 127.0.0.1:15443 mutual TLS ",
        "error[invalid-identity]: the identity of the proxy cannot be used: the certificate holds \
         no certificate",
    ] {
        assert!(told.contains(want), "{want}: {told}");
    }
    assert_eq!(checked.status.code(), Some(1));
    for (url, want) in [
        ("http://127.0.0.2/any", "forward"),
        ("https://127.0.0.1:15443/any", "forward"),
        ("http://127.0.0.3/any", "no-route"),
    ] {
        let arguments = [&["explain"][..], &mesh, &["-o", "json", url]].concat();
        assert_eq!(json(&arguments, documents)["outcome"], want, "{url}");
    }
}

#[test]
fn the_demo_has_no_errors() {
    let checked = json(&["check", "-f", SHOP, "-o", "json"], "");
    for diagnostic in checked["diagnostics"].as_array().unwrap() {
        assert_ne!(diagnostic["severity"], "error", "{diagnostic}");
    }
}

#[test]
fn what_the_proxy_does_not_do_yet_is_a_warning() {
    // decisions §5
    let server = "apiVersion: k8s.nginx.org/v1\nkind: Policy\nmetadata: {name: limit}\n\
                  spec: {rateLimit: {rate: 1r/s, key: a, zoneSize: 1m}}\n---\n\
                  apiVersion: k8s.nginx.org/v1\nkind: VirtualServer\nmetadata: {name: cafe}\n\
                  spec:\n  host: a.example\n  policies: [{name: limit}]\n  upstreams:\n\
                  \x20 - {name: tea, service: tea, port: 80, tls: {enable: true}}\n\
                  \x20 - {name: new, service: tea, port: 80, subselector: {version: new}}\n\
                  \x20 routes:\n\
                  \x20 - {path: /, action: {pass: tea}}\n\
                  \x20 - {path: /new, action: {pass: new}}\n";
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: tea}\n\
                   spec: {ports: [{port: 80}]}\n";
    let checked = json(&["check", "-f", "-", "-o", "json"], &format!("{server}{service}"));
    let told = checked["diagnostics"].as_array().unwrap();
    let told: Vec<_> = told.iter().filter(|d| d["code"] == "unsupported").collect();
    let told: Vec<_> = told.iter().map(|d| (d["field"].clone(), d["message"].clone())).collect();
    let want = [
        ("spec.rateLimit", "a rate limit is not enforced yet: its routes answer 500"),
        (
            "spec.upstreams[1]",
            "no document tells the labels of an endpoint's Pod: none is sent a request",
        ),
    ];
    assert_eq!(told, want.map(|(field, message)| (field.into(), message.into())), "{checked:#}");
}

#[test]
fn explain_tells_the_whole_story() {
    let canary =
        ["explain", "-f", SHOP, "http://tea.example.com/x", "-H", "Cookie: a=b; version=beta"];
    let told = json(&[&canary[..], &["-o", "json"]].concat(), "");
    for (field, want) in [
        ("outcome", Value::from("forward")),
        ("service", "default/tea.2".into()),
        ("port", 80.into()),
        ("match_path", "/x".into()),
        ("target", "/x".into()),
    ] {
        assert_eq!(told[field], want, "{field}");
    }
    assert_eq!(told["splits"][0]["chosen"], "default/tea.2");
    assert_eq!(told["route"]["origin"]["name"], "tea");

    let shown = text(&gateway(&canary, ""));
    assert!(shown.contains("goes to default/tea.2:80"), "{shown}");
}

#[test]
fn explain_names_what_failed() {
    let url = "http://cafe.example.com/coffee/central/brand";
    let told = json(&["explain", "-f", SHOP, url, "-X", "PUT", "-o", "json"], "");
    assert_eq!(told["status"], 405);
    assert_eq!(told["allow"], serde_json::json!(["GET", "POST"]));
    let failed = &told["considered"][0]["failed"];
    assert_eq!(failed["field"], "method");
    assert_eq!(failed["actual"], "PUT");

    let told = json(&["explain", "-f", SHOP, "http://cafe.example.com/cake", "-o", "json"], "");
    assert_eq!(told["status"], 404);
    let told =
        json(&["explain", "-f", SHOP, "http://cafe.example.com/a%2F..%2Fb", "-o", "json"], "");
    assert_eq!(told["status"], 400);
    assert!(told["reason"].as_str().unwrap().contains("dot segment"), "{}", told["reason"]);
}

#[test]
fn draws_choose_by_weight() {
    // nine in ten go to tea
    for (draw, want) in
        [("0.0", "default/tea-svc"), ("0.89", "default/tea-svc"), ("0.91", "default/coffee-svc")]
    {
        let url = "http://shop.example.com/menu";
        let told = json(&["explain", "-f", SHOP, url, "--draw", draw, "-o", "json"], "");
        assert_eq!(told["service"], want, "{draw}");
    }
}

/// A Service whose endpoints are `default`, which admit one caller to one path.
const TARGET: &str = "
apiVersion: v1
kind: Service
metadata: {name: api}
spec: {ports: [{port: 80}]}
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {name: routes}
spec: {matches: [{name: api, pathRegex: /api}]}
---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: {name: to-api}
spec:
  destination: {kind: ServiceAccount, name: default}
  rules: [{kind: HTTPRouteGroup, name: routes}]
  sources: [{kind: ServiceAccount, name: website}]
";

#[test]
fn explain_names_the_traffic_targets_that_were_tried() {
    // smi X-5: nobody calls by a name here, and what a header says is nobody's name (smi T-2)
    let arguments =
        ["explain", "-f", "-", "http://api/api", "-H", "source_account: default/website"];
    let told = json(&[&arguments[..], &["-o", "json"]].concat(), TARGET);
    for (field, want) in [
        ("outcome", Value::from("refuse")),
        ("status", 403.into()),
        ("reason", "no TrafficTarget admits the caller".into()),
        ("service", "default/api".into()),
        ("caller", Value::Null),
    ] {
        assert_eq!(told[field], want, "{field}");
    }
    let access = &told["access"][0];
    assert_eq!(access["workload"], "default/default");
    assert_eq!(access["admitted"], false);
    assert_eq!((&access["by"], &access["matched"]), (&Value::Null, &Value::Null));
    let tried = &access["tried"][0];
    assert_eq!(tried["origin"]["name"], "to-api");
    assert_eq!(tried["failed"]["field"], "caller");
    assert_eq!(tried["failed"]["wanted"], "`default/website`");

    let shown = text(&gateway(&arguments, TARGET));
    for line in [
        "nobody in particular",
        "endpoints of account default/default refused",
        "TrafficTargets that did not admit it",
        "TrafficTarget default/to-api",
        "caller: wanted `default/website`, got nothing",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
}

#[test]
fn check_tells_whom_a_traffic_target_cannot_know() {
    // smi T-2
    let told = |more: &[&str]| {
        let arguments = [&["check", "-f", "-", "-o", "json"], more].concat();
        let checked = json(&arguments, TARGET);
        let told = checked["diagnostics"].as_array().unwrap().clone();
        told.iter().filter(|d| d["code"] == "unknown-callers").count()
    };
    assert_eq!(told(&[]), 1);
    assert_eq!(told(&["--trust-pod-ips"]), 0);
    assert_eq!(told(&["--gateway-identity", "default/gateway"]), 0);
}

#[test]
fn explain_takes_a_client_for_the_pod_of_its_address() {
    // smi T-2
    let pod = "---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {serviceAccountName: website}
status: {podIP: 10.0.0.7}
";
    let documents = format!("{TARGET}{pod}");
    for (more, want) in [
        (&["--peer", "10.0.0.7"][..], Value::Null),
        (&["--trust-pod-ips"], Value::Null),
        (&["--trust-pod-ips", "--peer", "10.0.0.8"], Value::Null),
        (&["--trust-pod-ips", "--peer", "10.0.0.7"], "default/website".into()),
        (&["--trust-pod-ips", "--peer", "::ffff:10.0.0.7"], "default/website".into()),
        (
            &["--trust-pod-ips", "--peer", "10.0.0.7", "--caller", "default/batch"],
            "default/batch".into(),
        ),
        (
            &["--trust-pod-ips", "--peer", "10.0.0.7", "--attribute", "source_account=a/b"],
            "a/b".into(),
        ),
    ] {
        let arguments = [&["explain", "-f", "-", "http://api/api", "-o", "json"], more].concat();
        let told = json(&arguments, &documents);
        assert_eq!(told["caller"], want, "{more:?}");
        let is_admitted = want == "default/website";
        assert_eq!(told["outcome"] == "forward", is_admitted, "{more:?}");
    }
}

#[test]
fn a_proxy_before_a_workload_opens_nothing_else() {
    let inbound = ["--inbound", "default/api:80=127.0.0.1:15443"];
    for (more, want) in [
        (&[][..], &["15443"][..]),
        (&["--mesh"], &["15443", "80"]),
        (&["--mesh", "--no-service-hosts"], &["15443"]),
    ] {
        let arguments = [&["check", "-f", "-", "-o", "json"], &inbound[..], more].concat();
        let checked = json(&arguments, TARGET);
        let listeners = checked["listeners"].as_array().unwrap();
        let mut ports: Vec<String> = listeners.iter().map(|l| l["port"].to_string()).collect();
        ports.sort();
        assert_eq!(ports, want, "{more:?}");
    }
}

#[test]
fn the_help_puts_under_a_heading_what_belongs_there() {
    for (command, own) in [
        ("serve", &["--bind", "--map-port", "--access-log"][..]),
        ("check", &["--output"]),
        ("explain", &["--method", "--output", "--caller"]),
    ] {
        let shown = text(&gateway(&[command, "--help"], ""));
        let (options, mesh) = shown.split_once("Service mesh:").unwrap();
        for flag in own {
            let line = format!("{flag} <");
            assert!(options.contains(&line) && !mesh.contains(&line), "{command} {flag}: {shown}");
        }
        for flag in ["--mesh", "--inbound", "--trust-pod-ips", "--access-mode"] {
            assert!(!options.contains(flag) && mesh.contains(flag), "{command} {flag}: {shown}");
        }
    }
}

#[test]
fn the_help_fetches_what_routes_need() {
    let shown = text(&gateway(&["check", "--help"], ""));
    let line = shown.lines().find(|line| line.contains("kubectl get")).unwrap();
    let kinds: Vec<_> = line.split_whitespace().nth(2).unwrap().split(',').collect();
    for kind in ["gatewayclasses", "gateways", "httproutes", "services", "endpointslices"] {
        assert!(kinds.contains(&kind), "{kind}: {line}");
    }
    assert!(line.contains(" -A "), "{line}");
}

#[test]
fn certificates_that_cannot_be_shown_are_errors() {
    // gateway-api §7.1
    const BROKEN: &str = r#"
{apiVersion: v1, kind: Secret, metadata: {name: cert}, type: kubernetes.io/tls, stringData: {
 tls.crt: "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
 tls.key: "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"}}
---
{apiVersion: k8s.nginx.org/v1, kind: VirtualServer, metadata: {name: cafe}, spec: {
 host: cafe.example.com, tls: {secret: cert},
 routes: [{path: /, action: {return: {body: a}}}]}}
"#;
    let output = gateway(&["check", "-f", "-", "-o", "json"], BROKEN);
    assert_eq!(output.status.code(), Some(1));
    let checked: Value = serde_json::from_slice(&output.stdout).unwrap();
    let told = checked["diagnostics"].as_array().unwrap();
    assert_eq!(told.len(), 1, "{checked:#}");
    assert_eq!(told[0]["code"], "invalid-certificate");
    assert_eq!(
        told[0]["message"],
        "the certificate cannot be shown: certificate 1 cannot be read as X.509, version 3"
    );
    assert!(told[0].to_string().contains("cert"), "{checked:#}");
}
