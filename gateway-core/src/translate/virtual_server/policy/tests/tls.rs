//! `ingressMTLS` and `egressMTLS`.

use super::*;
use crate::rules::VerifyClient;

#[test]
fn certificates_of_clients() {
    // virtualserver §16.6
    for (fields, verify, depth) in [
        ("", VerifyClient::On, 1),
        (", verifyClient: on, verifyDepth: 0", VerifyClient::On, 0),
        (", verifyClient: off", VerifyClient::Off, 1),
        (", verifyClient: optional", VerifyClient::Optional, 1),
        (", verifyClient: optional_no_ca, verifyDepth: 2", VerifyClient::OptionalNoAuthority, 2),
    ] {
        let spec = format!("ingressMTLS: {{clientCertSecret: ca{fields}}}");
        let clients = lowered(&spec).client_certificates.unwrap();
        assert_eq!((clients.verify, clients.depth), (verify, depth), "{spec}");
        assert!(clients.authorities.octets().starts_with(b"-----BEGIN CERTIFICATE-----"));
        let revoked = clients.revoked.as_ref().unwrap();
        assert!(revoked.octets().starts_with(b"-----BEGIN X509 CRL-----"));
    }
}

#[test]
fn tls_with_backends() {
    // virtualserver §16.7
    let plain = lowered("egressMTLS: {}").backend_tls.unwrap();
    assert_eq!((&plain.certificate, &plain.trust), (&None, &None));
    assert_eq!((&*plain.protocols, &*plain.ciphers), ("TLSv1 TLSv1.1 TLSv1.2", "DEFAULT"));
    assert_eq!((plain.session_reuse, plain.sni, &plain.server_name), (true, false, &None));
    let full = lowered(
        "egressMTLS: {tlsSecret: cert, verifyServer: true, trustedCertSecret: ca, verifyDepth: 2, \
         protocols: TLSv1.3, ciphers: 'HIGH:!aNULL', sessionReuse: false, serverName: true, \
         sslName: tea.example.com}",
    );
    let full = full.backend_tls.unwrap();
    let (certificate, key) = full.certificate.as_ref().unwrap();
    assert!(certificate.octets().starts_with(b"-----BEGIN CERTIFICATE-----"));
    assert!(key.octets().starts_with(b"-----BEGIN RSA PRIVATE KEY-----"));
    let trust = full.trust.as_ref().unwrap();
    assert_eq!((trust.verify, trust.depth, trust.authorities.is_some()), (true, 2, true));
    assert_eq!((&*full.protocols, &*full.ciphers), ("TLSv1.3", "HIGH:!aNULL"));
    assert_eq!((full.session_reuse, full.sni), (false, true));
    assert_eq!(full.server_name.as_deref(), Some("tea.example.com"));
}

#[test]
fn tls_with_backends_needs_one_with_tls() {
    // virtualserver §16.7
    let p = policy("p", "egressMTLS: {}");
    let tls = |server: String| server.replace("port: 8080}", "port: 8080, tls: {enable: true}}");
    let route = |fields: &str| format!("routes: [{{path: /, {fields}}}]");
    let own = "policies: [{name: p}], ";
    let splits = "splits: [{weight: 1, action: {pass: tea}}, {weight: 99, action: {pass: coffee}}]";
    let want = |place: &str| {
        format!(
            "warning[no-effect]: {place}.policies[0]: `egressMTLS` has no effect: no upstream here \
             has TLS; set `tls.enable` of the upstream"
        )
    };
    for (spec, place) in [
        (route(&format!("{own}action: {{pass: tea}}")), Some("spec.routes[0]")),
        (route(&format!("{own}action: {{return: {{body: a}}}}")), Some("spec.routes[0]")),
        (route(&format!("{own}action: {{pass: coffee}}")), None),
        (route(&format!("{own}{splits}")), None),
        (format!("policies: [{{name: p}}]\n{}", route("action: {pass: tea}")), Some("spec")),
        (format!("policies: [{{name: p}}]\n{}", route(splits)), None),
    ] {
        let translation = with_secrets(&format!("{p}---\n{}", tls(cafe(&spec))));
        assert_eq!(told(&translation.diagnostics), Vec::from_iter(place.map(want)), "{spec}");
    }
}

#[test]
fn refusals() {
    // virtualserver §16.6, §16.7
    assert_refused(&[
        (
            "ingressMTLS: {}",
            &["error[missing-field]: spec.ingressMTLS.clientCertSecret: required field \
                 `clientCertSecret` is missing"],
        ),
        (
            "ingressMTLS: {clientCertSecret: CA, verifyClient: 'yes', verifyDepth: -1, \
             crlFileName: a.crl}",
            &[
                "error[out-of-range]: spec.ingressMTLS.verifyDepth: `-1` is not between 0 and \
                 2147483647",
                "error[unsupported-value]: spec.ingressMTLS.verifyClient: unknown mode `yes`; \
                 known are `on`, `off`, `optional`, `optional_no_ca`",
                "error[unsupported-field]: spec.ingressMTLS.crlFileName: `crlFileName` is not \
                 supported: no files are read; put the list into the Secret, under `ca.crl`",
                "error[invalid-value]: spec.ingressMTLS.clientCertSecret: `CA` is not a DNS \
                 label: it may hold only lower-case letters, digits and `-`; did you mean `ca`?",
            ],
        ),
        (
            "egressMTLS: {verifyServer: true}",
            &["error[missing-field]: spec.egressMTLS.trustedCertSecret: required field \
                 `trustedCertSecret` is missing"],
        ),
        (
            "egressMTLS: {tlsSecret: A, protocols: TLSv1.2 SSLv3, sslName: a_b, ciphers: \
             \"a\\nb\", verifyDepth: x}",
            &[
                "error[wrong-type]: spec.egressMTLS.verifyDepth: expected a whole number, found \
                 the text `x`",
                "error[unsupported-value]: spec.egressMTLS.protocols: unknown version of TLS \
                 `SSLv3`; known are `TLSv1`, `TLSv1.1`, `TLSv1.2`, `TLSv1.3`",
                "error[invalid-value]: spec.egressMTLS.ciphers: `a\\nb` holds control characters",
                "error[invalid-value]: spec.egressMTLS.sslName: `a_b` is not a DNS label: it \
                 may hold only lower-case letters, digits and `-`; did you mean `a-b`?",
                "error[invalid-value]: spec.egressMTLS.tlsSecret: `A` is not a DNS label: it \
                 may hold only lower-case letters, digits and `-`; did you mean `a`?",
            ],
        ),
    ]);
}
