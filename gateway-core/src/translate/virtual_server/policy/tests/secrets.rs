//! Secrets that cannot be used, and that nothing shows what they hold.

use super::*;

/// A Secret `shop/s`.
fn secret(kind: &str, data: &str) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: Secret, metadata: {{name: s, namespace: shop}}, \
         type: {kind}, {data}}}\n"
    )
}

#[test]
fn what_a_secret_must_be() {
    // virtualserver §1
    let basic = "basicAuth: {secret: s}";
    let ca = "ingressMTLS: {clientCertSecret: s}";
    let tls = "egressMTLS: {tlsSecret: s}";
    let key = "apiKey: {suppliedIn: {header: [X-Key]}, clientSecret: s}";
    let begin = |label: &str| format!("'-----BEGIN {label}-----'");
    let (certificate, private) = (begin("CERTIFICATE"), begin("EC PRIVATE KEY"));
    for (spec, secret, want) in [
        (basic, secret("nginx.org/htpasswd", "stringData: {htpasswd: ''}"), None),
        (
            basic,
            secret("nginx.org/htpasswd", "data: {auth: ''}"),
            Some("error[missing-field]: spec.basicAuth.secret: Secret `shop/s` has no `htpasswd`"),
        ),
        (
            basic,
            secret("Opaque", "data: {htpasswd: ''}"),
            Some(
                "error[invalid-value]: spec.basicAuth.secret: Secret `shop/s` has type `Opaque`, \
                 but `nginx.org/htpasswd` is needed",
            ),
        ),
        (ca, secret("nginx.org/ca", &format!("stringData: {{ca.crt: {certificate}}}")), None),
        (
            ca,
            secret("nginx.org/ca", "stringData: {ca.crt: hunter2}"),
            Some(
                "error[invalid-value]: spec.ingressMTLS.clientCertSecret: `ca.crt` of Secret \
                 `shop/s` holds no CERTIFICATE in PEM",
            ),
        ),
        (
            ca,
            secret(
                "nginx.org/ca",
                &format!("stringData: {{ca.crt: {certificate}, ca.crl: hunter2}}"),
            ),
            Some(
                "error[invalid-value]: spec.ingressMTLS.clientCertSecret: `ca.crl` of Secret \
                 `shop/s` holds no X509 CRL in PEM",
            ),
        ),
        (
            tls,
            secret(
                "kubernetes.io/tls",
                &format!("stringData: {{tls.crt: {certificate}, tls.key: {private}}}"),
            ),
            None,
        ),
        (
            tls,
            secret(
                "kubernetes.io/tls",
                &format!("stringData: {{tls.crt: {certificate}, tls.key: {certificate}}}"),
            ),
            Some(
                "error[invalid-value]: spec.egressMTLS.tlsSecret: `tls.key` of Secret `shop/s` \
                 holds no PRIVATE KEY in PEM",
            ),
        ),
        (
            tls,
            secret("kubernetes.io/tls", &format!("stringData: {{tls.crt: {certificate}}}")),
            Some(
                "error[missing-field]: spec.egressMTLS.tlsSecret: Secret `shop/s` has no `tls.key`",
            ),
        ),
        (key, secret("nginx.org/apikey", "stringData: {ann: a, bob: b}"), None),
        (
            key,
            // `data` and `stringData` are one; the latter wins.
            secret("nginx.org/apikey", "data: {ann: eA==, bob: YQ==}, stringData: {ann: a}"),
            Some(
                "error[duplicate-value]: spec.apiKey.clientSecret: clients `ann` and `bob` of \
                 Secret `shop/s` have one key",
            ),
        ),
    ] {
        let translation = with_secrets(&format!("{secret}{}", policy("p", spec)));
        assert_eq!(told(&translation.diagnostics), Vec::from_iter(want), "{secret} {spec}");
        // The Policy is not to blame.
        assert!(translation.refused.is_empty(), "{secret} {spec}");
    }
}

#[test]
fn users_of_a_missing_secret_answer_500() {
    // virtualserver §15: told once where the Secret is named; without any Secret it is a warning
    let documents = format!(
        "{}---\n{}",
        policy("p", "basicAuth: {secret: nobody}"),
        cafe("routes: [{path: /, policies: [{name: p}], action: {pass: tea}}]")
    );
    for (secrets, severity) in [(SECRETS, "error"), ("", "warning")] {
        let translation = translation(&format!("{secrets}{documents}"), &Options::default());
        assert_eq!(
            told(&translation.diagnostics),
            [
                format!(
                    "{severity}[not-found]: spec.basicAuth.secret: there is no Secret `shop/nobody`"
                ),
                format!(
                    "{severity}[invalid-policy]: spec.routes[0].policies[0]: a Secret of the policy \
                     `shop/p` cannot be used: its scope answers 500"
                ),
            ]
        );
        let route = &translation.rules.listeners[0].hosts.sorted()[0].routes[0];
        let fault = route.policies.as_ref().and_then(|policies| policies.fault.as_ref());
        let reason = "a Secret of the policy `shop/p` cannot be used";
        assert_eq!(fault.map(|fault| &*fault.reason), Some(reason));
    }
}

#[test]
fn nothing_shows_what_secrets_hold() {
    // decisions §5: diagnostics name places, not the texts of Secrets
    let users = [
        "basicAuth: {secret: users}",
        "jwt: {realm: a, secret: keys}",
        "apiKey: {suppliedIn: {header: [X-Key]}, clientSecret: clients}",
        "ingressMTLS: {clientCertSecret: ca}",
        "egressMTLS: {tlsSecret: cert, verifyServer: true, trustedCertSecret: ca}",
    ];
    for spec in users {
        let mut resources = crate::Resources::new();
        let server = cafe_with_tls(
            "tls: {secret: cert}\npolicies: [{name: p}]\n\
             routes: [{path: /, action: {pass: tea}}]",
        );
        let documents = format!("{SECRETS}{}---\n{server}", policy("p", spec));
        resources.add_yaml("shop.yaml", &documents);
        let translation = crate::translate(&resources, &Options::default());
        assert_eq!(told(&translation.diagnostics), [""; 0], "{spec}");
        assert!(documents.contains(HIDDEN), "{spec}");
        let shown = format!("{resources:?} {translation:?}");
        assert!(!shown.contains(HIDDEN), "{spec}: {shown}");
        // Not even in its encoded form.
        assert!(!shown.contains("YTp7"), "{spec}");
    }
}

#[test]
fn slips_in_secrets_are_told_without_them() {
    // virtualserver §1
    for (fields, want) in [
        (
            "data: {a: hunter2}",
            &["error[invalid-value]: data.a: the value is not base64; write plain text under \
               `stringData`"][..],
        ),
        (
            "stringData: {a: 7112, b: [hunter2], c: true}",
            &[
                "error[wrong-type]: stringData.a: expected text, which numbers and booleans are \
                 in quotes",
                "error[wrong-type]: stringData.b: expected text, which numbers and booleans are \
                 in quotes",
                "error[wrong-type]: stringData.c: expected text, which numbers and booleans are \
                 in quotes",
            ],
        ),
        ("stringData: 'a:hunter2'", &["error[wrong-type]: stringData: expected a mapping"]),
        (
            "stringdata: {a: hunter2}",
            &["warning[unknown-field]: stringdata: unknown field `stringdata`; did you mean \
               `stringData`?"],
        ),
        ("'password:hunter2': ", &["warning[unknown-field]: : there is an unknown field"]),
    ] {
        let yaml = secret("Opaque", fields);
        let translation = translation(&yaml, &Options::default());
        assert_eq!(told(&translation.diagnostics), want, "{fields}");
        assert!(!format!("{translation:?}").contains(HIDDEN), "{fields}");
    }
}
