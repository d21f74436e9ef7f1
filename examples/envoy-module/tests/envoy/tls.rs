//! Clients that come by TLS.

use crate::process::{Envoy, Folder, installed};
use crate::setup::{Setup, cluster, filter, listener};
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::socket::EchoBackend;

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A certificate and its key.
fn certificate(folder: &Path) -> [PathBuf; 2] {
    let paths = ["chain.pem", "key.pem"].map(|name| folder.join(name));
    let [chain, key] = paths.each_ref().map(|path| path.to_str().unwrap());
    let curve = "ec_paramgen_curve:P-256";
    let arguments = ["req", "-x509", "-newkey", "ec", "-pkeyopt", curve, "-nodes", "-days", "30"];
    let subject = ["-subj", "/CN=example.com", "-keyout", key, "-out", chain];
    run("openssl", &[&arguments[..], &subject].concat());
    paths
}

fn documents([chain, key]: &[PathBuf; 2]) -> String {
    let base64 = |path: &PathBuf| {
        let path = path.to_str().unwrap();
        run("openssl", &["base64", "-A", "-in", path])
    };
    format!(
        "
apiVersion: v1
kind: Secret
metadata: {{name: certificate}}
type: kubernetes.io/tls
data: {{tls.crt: {}, tls.key: {}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: gw}}
spec:
  gatewayClassName: c
  listeners:
  - name: shop
    port: 443
    protocol: HTTPS
    hostname: shop.example.com
    tls: {{certificateRefs: [{{name: certificate}}]}}
  - name: blog
    port: 443
    protocol: HTTPS
    hostname: blog.example.com
    tls: {{certificateRefs: [{{name: certificate}}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: web}}
spec:
  parentRefs: [{{name: gw}}]
  rules:
  - matches: [{{path: {{value: /old}}}}]
    filters:
    - type: RequestRedirect
      requestRedirect: {{path: {{type: ReplaceFullPath, replaceFullPath: /new}}}}
  - backendRefs: [{{name: web, port: 80}}]
",
        base64(chain),
        base64(key)
    )
}

/// Status, `Location` and body of what is answered to `host` on a connection that was opened for
/// `name`.
fn ask(address: SocketAddr, name: &str, host: &str, path: &str) -> String {
    let (ip, port) = (address.ip(), address.port());
    let resolve = format!("{name}:{port}:{ip}");
    let url = format!("https://{name}:{port}{path}");
    let host = format!("Host: {host}");
    let format = "|%{http_code}|%header{location}";
    let given = ["-sk", "--max-time", "30", "--resolve", &resolve, "-H", &host, "-w", format];
    run("curl", &[&given[..], &[&url]].concat())
}

#[test]
fn rules_see_that_clients_come_by_tls() {
    if installed().is_none() {
        return;
    }
    let folder = Folder::new();
    let paths = certificate(folder.path());
    let config = json!({"documents": documents(&paths), "port": 443});
    let mut web = listener("web", vec![filter(config)]);
    let [chain, key] = paths.each_ref().map(|path| json!({"filename": path}));
    web["filter_chains"][0]["transport_socket"] = json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_certificates": [{"certificate_chain": chain, "private_key": key}],
            },
        },
    });
    web["listener_filters"] = json!([{
        "name": "tls_inspector",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
        },
    }]);
    let backend = EchoBackend::start("default/web:80").unwrap();
    let clusters = vec![cluster(backend.name(), backend.address)];
    let envoy = Envoy::start(&Setup { listeners: vec![web], clusters }).unwrap();
    let ask = |name, host, path| ask(envoy.address(), name, host, path);
    let (shop, blog) = ("shop.example.com", "blog.example.com");
    let answer = ask(shop, shop, "/");
    assert!(answer.starts_with("GET / HTTP/1.1\r\nhost: shop.example.com\r\n"), "{answer}");
    assert_eq!(ask(shop, shop, "/old"), "|302|https://shop.example.com/new");
    // gateway-api §7.3
    let answer = ask(shop, blog, "/");
    assert!(answer.contains("|421|"), "{answer}");
}
