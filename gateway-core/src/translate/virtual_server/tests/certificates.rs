//! What hosts show when TLS begins (virtualserver §8).

use super::*;
use crate::decision::Outcome;
use crate::matcher::Router;
use crate::request::{Connection, ListenerKey, Protocol, RequestHead};

/// The Secret `shop/cert` with these two parts.
fn secret(kind: &str, data: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: cert, namespace: shop}}\n\
         type: {kind}\nstringData: {{{data}}}\n"
    )
}

const CHAIN: &str = "tls.crt: \"-----BEGIN CERTIFICATE-----\\nchain\"";
const KEY: &str = "tls.key: \"-----BEGIN RSA PRIVATE KEY-----\\nkey\"";

#[test]
fn hosts_show_the_certificate_of_their_secret() {
    // virtualserver §8
    let good = format!("{CHAIN}, {KEY}");
    let routes = "routes: [{path: /, action: {pass: tea}}]";
    let with_tls = cafe(&format!("tls: {{secret: cert}}\n{routes}"));
    for (documents, want) in [
        (vec![with_tls.clone(), secret("kubernetes.io/tls", &good)], true),
        // The listener stays, for handshakes to fail on.
        (vec![with_tls.clone(), secret("kubernetes.io/tls", CHAIN)], false),
        (vec![with_tls.clone(), secret("kubernetes.io/tls", KEY)], false),
        (vec![with_tls.clone(), secret("Opaque", &good)], false),
        (vec![with_tls.clone()], false),
    ] {
        let yaml = documents.join("---\n");
        let translation = translation(&yaml, &Options::default());
        let router = Router::compile(&translation.rules).unwrap();
        let tls = |port| {
            let listener = ListenerKey { address: None, port };
            router.server_name(listener, "Cafe.example.com").unwrap().tls.as_deref()
        };
        // Nothing ends TLS on the plain listener.
        assert_eq!(tls(80), None, "{yaml}");
        let Some(found) = tls(443) else {
            assert!(!want, "{yaml}");
            continue;
        };
        let [certificate] = &*found.certificates else { panic!("{yaml}") };
        assert!(want, "{yaml}");
        assert_eq!((&found.clients, found.exclusive), (&None, false));
        assert!(certificate.chain.octets().ends_with(b"\nchain"));
        assert!(certificate.key.octets().ends_with(b"\nkey"));
        assert_eq!(certificate.origin.to_string(), "Secret shop/cert");
    }
    // Without a Secret the host is not there at all.
    let documents = [cafe(routes), secret("kubernetes.io/tls", &good)];
    let translation = translation(&documents.join("---\n"), &Options::default());
    assert!(translation.rules.listeners.iter().all(|listener| listener.port == 80));
}

#[test]
fn a_connection_for_one_host_may_ask_for_another() {
    // virtualserver §8, gateway-api §7.3: NGINX knows no misdirected requests.
    let host = |name: &str| {
        cafe("tls: {secret: cert}\nroutes: [{path: /, action: {pass: tea}}]")
            .replace("name: cafe", &format!("name: {name}"))
            .replace("cafe.example.com", &format!("{name}.example"))
    };
    let documents = [host("a"), host("b"), CERTIFICATE.to_owned()];
    let translation = translation(&documents.join("---\n"), &Options::default());
    let router = Router::compile(&translation.rules).unwrap();
    let https = Connection { protocol: Protocol::Https, ..Connection::http(443) };
    for opened in ["a.example", "b.example", "c.example", ""] {
        let request = RequestHead::get("a.example", "/").on(https).server_name(opened);
        let outcome = router.decide(&request, 0).admitted();
        assert!(matches!(outcome, Outcome::Forward(_)), "{opened}: {outcome:?}");
    }
}
