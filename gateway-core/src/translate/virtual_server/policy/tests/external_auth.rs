//! `externalAuth`.

use super::*;
use crate::rules::{AuthRequest, ExternalAuth, ServerTrust, SignIn};

fn external(fields: &str) -> (ExternalAuth, String) {
    let spec = format!("externalAuth: {{{fields}}}");
    let documents = policy("p", &spec);
    let server = cafe("policies: [{name: p}]\nroutes: [{path: /, action: {pass: tea}}]");
    let translation = with_secrets(&format!("{documents}---\n{server}"));
    assert_eq!(told(&translation.diagnostics), [""; 0], "{spec}");
    let route = &translation.rules.listeners[0].hosts.sorted()[0].routes[0];
    let request = route.policies.as_ref().and_then(|policies| policies.auth_request.clone());
    let Some(AuthRequest::External(external)) = request else { panic!("{spec}") };
    let target = external.target;
    let service = &translation.rules.services[target.service.0 as usize].name;
    assert!(!target.splits, "{spec}");
    ((*external).clone(), format!("{service}:{}", target.port))
}

#[test]
fn fields_and_their_defaults() {
    // virtualserver §16.11; a bare name is one of the Policy's namespace (virtualserver §1)
    for (fields, want, server_name) in [
        ("authServiceName: auth", "shop/auth:80", "auth.shop.svc"),
        ("authServiceName: sso/auth, authServicePorts: [8080]", "sso/auth:8080", "auth.sso.svc"),
        ("authServiceName: auth, sslEnabled: true", "shop/auth:443", "auth.shop.svc"),
        ("authServiceName: auth, sslEnabled: true, sniName: a.b", "shop/auth:443", "a.b"),
    ] {
        let (external, target) = external(fields);
        assert_eq!((&*target, &*external.server_name), (want, server_name), "{fields}");
        let tls = fields.contains("sslEnabled");
        let tls = tls.then_some(ServerTrust { depth: 1, ..ServerTrust::default() });
        assert_eq!(external.tls, tls, "{fields}");
        assert_eq!((&*external.uri, &external.sign_in), ("/", &None), "{fields}");
    }
    let (full, _) = external(
        "authServiceName: auth, authURI: '/check?a=b', authSigninURI: /login, sslEnabled: true, \
         sslVerify: true, sslVerifyDepth: 2, trustedCertSecret: shop/ca",
    );
    let trust = full.tls.unwrap();
    assert_eq!((trust.verify, trust.depth, trust.authorities.is_some()), (true, 2, true));
    assert_eq!(&*full.uri, "/check?a=b");
    let sign_in =
        |base_path: &str| Some(SignIn { uri: "/login".into(), base_path: base_path.into() });
    assert_eq!(full.sign_in, sign_in("/oauth2"));
    let (other, _) =
        external("authServiceName: auth, authSigninURI: /login, authSigninRedirectBasePath: /sso");
    assert_eq!(other.sign_in, sign_in("/sso"));
}

#[test]
fn a_missing_service_is_told() {
    // virtualserver §16.11: what cannot be asked is answered 500
    let service = "---\n{apiVersion: v1, kind: Service, metadata: {name: auth, namespace: shop}, \
                   spec: {ports: [{port: 80}]}}\n";
    for (fields, want) in [
        (
            "authServiceName: auht",
            "warning[not-found]: spec.externalAuth.authServiceName: there is no Service \
             `shop/auht`; requests are answered 500; did you mean `shop/auth`?",
        ),
        (
            "authServiceName: auth, authServicePorts: [81]",
            "warning[not-found]: spec.externalAuth.authServicePorts[0]: Service `shop/auth` has \
             no port 81; requests are answered 500",
        ),
    ] {
        let spec = policy("p", &format!("externalAuth: {{{fields}}}"));
        let told = told(&with_secrets(&format!("{service}{spec}")).diagnostics);
        assert_eq!(told, [want], "{fields}");
    }
}

#[test]
fn splits_of_the_service_are_for_its_clients() {
    // smi R-1
    let split = "---\n{apiVersion: split.smi-spec.io/v1alpha4, kind: TrafficSplit, metadata: \
                 {name: s, namespace: shop}, spec: {service: auth, backends: [{service: auth-2, \
                 weight: 1}]}}\n";
    let spec = policy("p", "externalAuth: {authServiceName: auth}");
    let told = told(&with_secrets(&format!("{split}{spec}")).diagnostics);
    let want = "warning[SMI-W07]: spec.externalAuth.authServiceName: the TrafficSplits of \
                `shop/auth` are bypassed by `externalAuth`";
    assert!(told.iter().any(|told| told == want), "{told:#?}");
}

#[test]
fn refusals() {
    // virtualserver §16.11
    assert_refused(&[
        (
            "externalAuth: {}",
            &["error[missing-field]: spec.externalAuth.authServiceName: required field \
                 `authServiceName` is missing"],
        ),
        (
            "externalAuth: {authServiceName: A, authURI: auth, authServicePorts: [0], \
             authSigninURI: 'a b', authSigninRedirectBasePath: //x, authSnippets: x}",
            &[
                "error[out-of-range]: spec.externalAuth.authServicePorts[0]: `0` is not between 1 \
                 and 65535",
                "error[invalid-value]: spec.externalAuth.authURI: `auth` is not a path: it begins \
                 with one `/`",
                "error[invalid-value]: spec.externalAuth.authSigninRedirectBasePath: `//x` is not \
                 a path: it begins with one `/`",
                "error[invalid-value]: spec.externalAuth.authSigninURI: `a b` is not a path: it \
                 begins with one `/`",
                "error[unsupported-field]: spec.externalAuth.authSnippets: `authSnippets` is not \
                 supported: snippets are never applied",
                "error[invalid-value]: spec.externalAuth.authServiceName: `A` is not a DNS label: \
                 it may hold only lower-case letters, digits and `-`; did you mean `a`?",
            ],
        ),
        (
            "externalAuth: {authServiceName: a/b/c, authURI: '/a;b', sslVerify: true, sniName: A}",
            &[
                "error[invalid-value]: spec.externalAuth.authURI: `/a;b` is not a path: it holds \
                 characters that must be escaped with `%`",
                "error[conflicting-fields]: spec.externalAuth.sslVerify: `sslVerify` needs \
                 `sslEnabled`",
                "error[invalid-value]: spec.externalAuth.authServiceName: `a/b/c` has more than \
                 one `/`; write `service` or `namespace/service`",
            ],
        ),
        (
            "externalAuth: {authServiceName: auth, sslEnabled: true, trustedCertSecret: ca}",
            &["error[conflicting-fields]: spec.externalAuth.trustedCertSecret: \
                 `trustedCertSecret` needs `sslEnabled` and `sslVerify`"],
        ),
        (
            "externalAuth: {authServiceName: auth, sslEnabled: true, sslVerify: true, \
             trustedCertSecret: shop/CA}",
            &["error[invalid-value]: spec.externalAuth.trustedCertSecret: `CA` is not a DNS \
                 label: it may hold only lower-case letters, digits and `-`; did you mean `ca`?"],
        ),
    ]);
}
