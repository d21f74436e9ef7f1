//! What `gateway explain` says, as text and as JSON.

use super::{gateway, json, text};

const CERTIFICATE: &str = r#"
apiVersion: v1
kind: Secret
metadata: {name: cert, namespace: infra}
type: kubernetes.io/tls
stringData:
  tls.crt: "-----BEGIN CERTIFICATE-----\nMIIBYDCCAQWgAwIBAgIUXA6nUD3D/OsqEN6n+jLyEVaqVFQwCgYIKoZIzj0EAwIw\nEjEQMA4GA1UEAwwHdGVzdCBDQTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAw\nMDAwMFowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA\nBMgWTIAAVw50I/tkLBT6SAPa74N3/IbsgyuOoAPD0LWr52cAcK8FO3TmYSM6Tx63\nmrERpcILdgMYe28wfntsanqjOjA4MDYGA1UdEQQvMC2CDSouZXhhbXBsZS5jb22C\nDSouZXhhbXBsZS5vcmeCDSouZXhhbXBsZS5uZXQwCgYIKoZIzj0EAwIDSQAwRgIh\nAKeLqJGVJGaM6iYTLWHcHgTTb/U4bhetcG8hfxV1LTPAAiEAgyu3Zn7FiQjQmuh1\nheYtas3ZMC4ReW469Q1RJwQFHQk=\n-----END CERTIFICATE-----\n"
  tls.key: "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgADlj6Z0oVrPRhl2H\n3w3j6BYhKFxzMgJf0MC9+L/a0qWhRANCAATIFkyAAFcOdCP7ZCwU+kgD2u+Dd/yG\n7IMrjqADw9C1q+dnAHCvBTt05mEjOk8et5qxEaXCC3YDGHtvMH57bGp6\n-----END PRIVATE KEY-----\n"
---
apiVersion: v1
kind: ConfigMap
metadata: {name: ca, namespace: infra}
data: {ca.crt: "-----BEGIN CERTIFICATE-----\nMIIBYDCCAQWgAwIBAgIUXA6nUD3D/OsqEN6n+jLyEVaqVFQwCgYIKoZIzj0EAwIw\nEjEQMA4GA1UEAwwHdGVzdCBDQTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAw\nMDAwMFowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA\nBMgWTIAAVw50I/tkLBT6SAPa74N3/IbsgyuOoAPD0LWr52cAcK8FO3TmYSM6Tx63\nmrERpcILdgMYe28wfntsanqjOjA4MDYGA1UdEQQvMC2CDSouZXhhbXBsZS5jb22C\nDSouZXhhbXBsZS5vcmeCDSouZXhhbXBsZS5uZXQwCgYIKoZIzj0EAwIDSQAwRgIh\nAKeLqJGVJGaM6iYTLWHcHgTTb/U4bhetcG8hfxV1LTPAAiEAgyu3Zn7FiQjQmuh1\nheYtas3ZMC4ReW469Q1RJwQFHQk=\n-----END CERTIFICATE-----\n"}
---
"#;

/// A Gateway for three hosts of HTTPS and for HTTP, with a route to `shop/store` on all.
const EDGE: &str = r#"
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: prod}
spec: {controllerName: example.net/gateway}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: infra}
spec:
  gatewayClassName: prod
  listeners:
  - name: shop
    port: 443
    protocol: HTTPS
    hostname: shop.example.com
    allowedRoutes: {namespaces: {from: All}}
    tls: {certificateRefs: [{name: cert}]}
  - name: bare
    port: 443
    protocol: HTTPS
    hostname: bare.example.com
    allowedRoutes: {namespaces: {from: All}}
    tls: {certificateRefs: [{name: gone}]}
  - name: clients
    port: 8443
    protocol: HTTPS
    hostname: shop.example.com
    allowedRoutes: {namespaces: {from: All}}
    tls: {certificateRefs: [{name: cert}]}
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
  tls:
    frontend:
      default: {}
      perPort:
      - port: 8443
        tls: {validation: {caCertificateRefs: [{group: "", kind: ConfigMap, name: ca}]}}
---
apiVersion: v1
kind: Service
metadata: {name: store, namespace: shop}
spec: {ports: [{port: 8080}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: store, namespace: shop}
spec:
  parentRefs: [{name: edge, namespace: infra}]
  rules: [{backendRefs: [{name: store, port: 8080}]}]
"#;

fn edge() -> String {
    format!("{CERTIFICATE}{EDGE}")
}

#[test]
fn how_tls_begins_is_shown() {
    // gateway-api §7
    for (url, wants) in [
        ("https://shop.example.com/", &["  goes to shop/store:8080\n", "Secret infra/cert\n"][..]),
        (
            "https://shop.example.com:8443/",
            &["Secret infra/cert; requires a certificate of the client  Gateway infra/edge: "],
        ),
        (
            "https://bare.example.com/",
            &["  the TLS handshake fails: there is no certificate for `bare.example.com`\n  but \
               for that: goes to shop/store:8080\n"],
        ),
        (
            "http://shop.example.com:443/",
            &["  the listener on port 443 speaks https: what comes by http never gets to its \
               routes\n  but for that: goes to shop/store:8080\n"],
        ),
        ("http://shop.example.com/", &["  goes to shop/store:8080\n"]),
    ] {
        let shown = text(&gateway(&["explain", "-f", "-", url], &edge()));
        for want in wants {
            assert!(shown.contains(want), "{url}: {shown}");
        }
    }
    let of = |url| json(&["explain", "-f", "-", "-o", "json", url], &edge());
    let told = of("https://shop.example.com:8443/");
    assert_eq!(told["handshake"]["server_name"], "shop.example.com");
    assert_eq!(told["handshake"]["certificates"][0]["name"], "cert");
    assert_eq!(told["handshake"]["clients"]["required"], true);
    assert_eq!(told["handshake"]["failure"], serde_json::Value::Null);
    let told = of("https://bare.example.com/");
    assert_eq!(told["outcome"], "forward");
    assert_eq!(told["handshake"]["failure"], "there is no certificate for `bare.example.com`");
    let told = of("http://shop.example.com:443/");
    assert_eq!(told["notes"].as_array().unwrap().len(), 1);
}

#[test]
fn a_misdirected_request_is_called_so() {
    // gateway-api §7.3
    let arguments =
        ["explain", "-f", "-", "https://shop.example.com/", "--server-name", "zzz.test"];
    let told = json(&[&arguments[..], &["-o", "json"]].concat(), &edge());
    assert_eq!((&told["outcome"], &told["status"]), (&"no-route".into(), &421.into()));
    assert_eq!(told["no_route"], "misdirected");
    let shown = text(&gateway(&arguments, &edge()));
    assert!(shown.contains("`zzz.test`, which no listener answers to"), "{shown}");
    assert!(!shown.contains('✓'), "{shown}");
}

#[test]
fn routes_that_no_parent_took_are_named_where_none_was_chosen() {
    let slip = |name: &str, parent: &str, hosts: &str| {
        format!(
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n\
             metadata: {{name: {name}, namespace: shop}}\nspec:\n  parentRefs: [{parent}]\n  \
             hostnames: [{hosts}]\n  rules: [{{backendRefs: [{{name: store, port: 8080}}]}}]\n"
        )
    };
    let edge = "{name: edge, namespace: infra, sectionName: shop}";
    let unknown = slip("a", "{name: edge}", "a.test");
    let host = slip("b", edge, "a.test");
    let private = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n\
                   metadata: {name: own, namespace: infra}\nspec: {gatewayClassName: prod, \
                   listeners: [{name: a, port: 81, protocol: HTTP}]}\n";
    let namespace = slip("c", "{name: own, namespace: infra}", "a.test") + private;
    let more = slip("d", "{name: gone}, {name: lost}", "a.test");
    let (fine, lost) = ("http://shop.example.com/", "http://shop.example.com:82/");
    for (documents, url, want) in [
        (&*unknown, fine, None),
        ("", lost, None),
        (&unknown, lost, Some("HTTPRoute shop/a (unknown-parent)")),
        (&host, lost, Some("HTTPRoute shop/b (NoMatchingListenerHostname)")),
        (&namespace, lost, Some("HTTPRoute shop/c (NotAllowedByListeners)")),
        (
            &[&*unknown, &host, &namespace, &more].concat(),
            lost,
            Some(
                "HTTPRoute shop/a (unknown-parent), HTTPRoute shop/b \
                 (NoMatchingListenerHostname), HTTPRoute shop/c (NotAllowedByListeners) and 1 more",
            ),
        ),
    ] {
        let documents = format!("{}{documents}", self::edge());
        let shown = text(&gateway(&["explain", "-f", "-", url], &documents));
        let told = shown.lines().find(|line| line.starts_with("not attached"));
        let want = want.map(|list| format!("not attached: {list}; see `gateway check`"));
        assert_eq!(told, want.as_deref(), "{url}: {shown}");
    }
}

#[test]
fn timeouts_and_retries_of_the_backend_are_shown() {
    let api = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n\
               metadata: {name: slow, namespace: shop}\nspec:\n  \
               parentRefs: [{name: edge, namespace: infra}]\n  rules:\n  \
               - matches: [{path: {value: /slow}}]\n    \
                 timeouts: {request: 10s, backendRequest: 1500ms}\n    \
                 retry: {attempts: 2, codes: [503], backoff: 100ms}\n    \
                 backendRefs: [{name: store, port: 8080}]\n\
               ---\napiVersion: k8s.nginx.org/v1\nkind: VirtualServer\n\
               metadata: {name: cafe, namespace: shop}\nspec:\n  host: cafe.test\n  upstreams:\n  \
               - {name: usual, service: store, port: 8080}\n  \
               - {name: own, service: store, port: 8080, connect-timeout: 5s, \
                  next-upstream: error http_502 non_idempotent, next-upstream-timeout: 3s}\n  routes:\n  \
               - {path: /usual, action: {pass: usual}}\n  - {path: /own, action: {pass: own}}\n";
    let documents = format!("{}{api}", edge());
    let usual = ["--http-port", "8000"];
    for (url, timeouts, retries) in [
        (
            "http://shop.example.com/slow",
            Some("request 10s, backend request 1.5s, read no limit, send no limit"),
            Some(
                "3 tries in all, after error, timeout, 503; 100ms apart at least; POST, LOCK and \
                 PATCH after a status only",
            ),
        ),
        ("http://shop.example.com/", None, Some("none")),
        ("http://cafe.test:8000/usual", None, None),
        (
            "http://cafe.test:8000/own",
            Some("connect 5s"),
            Some(
                "as many tries as there are endpoints, after error, 502; none begins after 3s; \
                 POST, LOCK and PATCH too",
            ),
        ),
    ] {
        let arguments = [&["explain", "-f", "-", url][..], &usual].concat();
        let shown = text(&gateway(&arguments, &documents));
        let row = |name: &str| {
            let line = shown.lines().find_map(|line| line.trim_start().strip_prefix(name));
            line.map(|line| line.trim().to_owned())
        };
        assert_eq!(row("timeouts").as_deref(), timeouts, "{url}: {shown}");
        assert_eq!(row("retries").as_deref(), retries, "{url}: {shown}");
    }
    let slow = ["explain", "-f", "-", "-o", "json", "http://shop.example.com/slow"];
    let told = json(&slow, &documents);
    let timeouts = serde_json::json!({
        "request": 10.0, "backend_request": 1.5, "connect": 60.0, "read": null, "send": null,
    });
    let retries = serde_json::json!({
        "on": ["error", "timeout", "503"], "tries": 3, "timeout": null, "backoff": 0.1,
        "non_idempotent": "after-status",
    });
    assert_eq!((&told["timeouts"], &told["retries"]), (&timeouts, &retries));
}

#[test]
fn what_cannot_be_asked_is_wrong_usage() {
    for (arguments, want) in [
        (&["-f", "gone.yaml", "http://a.example/"][..], "there is no file or folder `gone.yaml`"),
        (&["-f", "-", "http://a.example/", "-X", "G T"], "`G T` is not a method"),
        (&["-f", "-", "http://[::1"], "`[::1` lacks a `]`"),
        (&["-f", "-", "http://me:secret@a.example/"], "a user before `@`"),
    ] {
        let output = gateway(&[&["explain"][..], arguments].concat(), "");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains(want) && !told.contains("secret"), "{arguments:?}: {told}");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}
