//! `jwt`.

use super::*;
use crate::rules::{Field, JwtKeys, RemoteKeys, ServerTrust};
use std::time::Duration;

#[test]
fn known_keys() {
    // virtualserver §16.4, §17.11
    let argument = Field::Argument { name: "t".into(), ignore_case: true, decoded: false };
    for (token, want) in [
        ("''", None),
        ("$http_x_token", Some(Field::Header("x-token".into()))),
        ("$arg_t", Some(argument)),
        ("$cookie_T", Some(Field::Cookie { name: "T".into(), ignore_case: true })),
    ] {
        let spec = format!("jwt: {{realm: shop, secret: keys, token: {token}}}");
        let jwt = lowered(&spec).jwt.unwrap();
        assert_eq!((&*jwt.realm, &jwt.token), ("shop", &want), "{spec}");
        let JwtKeys::Known(keys) = &jwt.keys else { panic!("{spec}") };
        assert_eq!(keys.octets(), b"{\"keys\": [], \"hunter2\": 0}");
    }
}

#[test]
fn remote_keys() {
    // virtualserver §16.4
    let plain = RemoteKeys {
        uri: "https://idp.example.com/keys?a=b".into(),
        keep: Duration::from_secs(3600),
        server_name: None,
        sni: false,
        trust: None,
    };
    let system = ServerTrust { verify: true, depth: 1, ..ServerTrust::default() };
    for (fields, want) in [
        ("", plain.clone()),
        (
            ", sniEnabled: true, sniName: idp",
            RemoteKeys { sni: true, server_name: Some("idp".into()), ..plain.clone() },
        ),
        (
            ", sslVerify: true, sslVerifyDepth: 3",
            RemoteKeys { trust: Some(ServerTrust { depth: 3, ..system }), ..plain.clone() },
        ),
    ] {
        let uri = &plain.uri;
        let spec = format!("jwt: {{realm: shop, jwksURI: '{uri}', keyCache: 1h{fields}}}");
        assert_eq!(lowered(&spec).jwt.unwrap().keys, JwtKeys::Remote(want), "{spec}");
    }
    let spec = "jwt: {realm: shop, jwksURI: 'http://idp', keyCache: 1h, sslVerify: true, \
                trustedCertSecret: ca}";
    let JwtKeys::Remote(remote) = &lowered(spec).jwt.unwrap().keys else { panic!("{spec}") };
    let authorities = remote.trust.as_ref().and_then(|trust| trust.authorities.as_ref());
    assert!(authorities.unwrap().octets().starts_with(b"-----BEGIN CERTIFICATE-----"));
}

#[test]
fn refusals() {
    // virtualserver §16.4
    assert_refused(&[
        (
            "jwt: {}",
            &[
                "error[missing-field]: spec.jwt.realm: required field `realm` is missing",
                "error[missing-field]: spec.jwt.secret: required field `secret` is missing",
            ],
        ),
        (
            "jwt: {realm: 'a$b', secret: keys, jwksURI: 'https://idp/keys'}",
            &[
                "error[missing-field]: spec.jwt.keyCache: required field `keyCache` is missing",
                "error[invalid-value]: spec.jwt.realm: `a$b` holds a `$`; variables cannot stand \
                 here",
                "error[conflicting-fields]: spec.jwt.secret: `secret` and `jwksURI` exclude each \
                 other",
            ],
        ),
        (
            "jwt: {realm: a, secret: keys, token: '${http_x}', keyCache: 1h, sniEnabled: true, \
             sniName: a, sslVerify: true, trustedCertSecret: ca}",
            &[
                "error[invalid-value]: spec.jwt.token: `${http_x}` does not say where a token \
                 stands; write one variable, `$http_…`, `$arg_…` or `$cookie_…`",
                "error[conflicting-fields]: spec.jwt.keyCache: `keyCache` stands only beside \
                 `jwksURI`",
                "error[conflicting-fields]: spec.jwt.sniEnabled: `sniEnabled` stands only beside \
                 `jwksURI`",
                "error[conflicting-fields]: spec.jwt.sniName: `sniName` stands only beside \
                 `jwksURI`",
                "warning[no-effect]: spec.jwt.sslVerify: without `jwksURI` there is no server to \
                 verify",
            ],
        ),
        (
            "jwt: {realm: a, secret: keys, token: '$cookie_', sslVerify: false}",
            &["error[invalid-value]: spec.jwt.token: `$cookie_` does not say where a token \
                 stands; write one variable, `$http_…`, `$arg_…` or `$cookie_…`"],
        ),
        (
            "jwt: {realm: a, secret: keys, token: '$http_x$arg_y'}",
            &["error[invalid-value]: spec.jwt.token: `$http_x$arg_y` does not say where a token \
                 stands; write one variable, `$http_…`, `$arg_…` or `$cookie_…`"],
        ),
        (
            "jwt: {realm: a, jwksURI: 'ftp://idp/keys'}",
            &[
                "error[missing-field]: spec.jwt.keyCache: required field `keyCache` is missing",
                "error[invalid-value]: spec.jwt.jwksURI: `ftp://idp/keys` is not a URL; write a \
                 whole one, as in `https://idp.example.com/keys`",
            ],
        ),
        (
            "jwt: {realm: a, jwksURI: idp/keys, keyCache: 1.5h, sniName: A, trustedCertSecret: ca}",
            &[
                "error[conflicting-fields]: spec.jwt.trustedCertSecret: `trustedCertSecret` needs \
                 `sslVerify`",
                "error[invalid-value]: spec.jwt.jwksURI: `idp/keys` is not a URL; write a whole \
                 one, as in `https://idp.example.com/keys`",
                "error[invalid-value]: spec.jwt.keyCache: `1.5h` is not a duration; write for \
                 example `90`, `100ms` or `1h 30m`: units from large to small, no fractions",
                "error[conflicting-fields]: spec.jwt.sniName: `sniName` needs `sniEnabled`",
                "error[invalid-value]: spec.jwt.sniName: `A` is not a DNS label: it may hold only \
                 lower-case letters, digits and `-`; did you mean `a`?",
            ],
        ),
        (
            "jwt: {realm: a, jwksURI: 'https://u@idp/keys', keyCache: 1h, sslVerifyDepth: -1}",
            &[
                "error[out-of-range]: spec.jwt.sslVerifyDepth: `-1` is not between 0 and \
                 2147483647",
                "error[invalid-value]: spec.jwt.jwksURI: `https://u@idp/keys` is not a URL; write \
                 a whole one, as in `https://idp.example.com/keys`",
            ],
        ),
    ]);
}
