//! `cors`.

use super::*;
use crate::rules::{Cors, CorsHeaders, CorsOrigin, CorsOrigins};
use http::HeaderValue;

/// What the policies tell.
fn told_by(policies: &Policies) -> CorsHeaders {
    match policies.cors.as_deref() {
        Some(Cors::Told(headers)) => headers.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn origins() {
    // virtualserver §16.8
    let text = HeaderValue::from_static;
    let exact = |origin| CorsOrigin::Exact(text(origin));
    for (list, want) in [
        ("['*']", CorsOrigins::Any),
        ("['https://a.example']", CorsOrigins::One(text("https://a.example"))),
        ("['http://[::1]:8080']", CorsOrigins::One(text("http://[::1]:8080"))),
        (
            "['https://*.Example.com:8443']",
            CorsOrigins::Listed(vec![CorsOrigin::Subdomain {
                scheme: "https://".into(),
                suffix: ".Example.com:8443".into(),
            }]),
        ),
        (
            "['http://a', 'https://127.0.0.1']",
            CorsOrigins::Listed(vec![exact("http://a"), exact("https://127.0.0.1")]),
        ),
    ] {
        let cors = told_by(&lowered(&format!("cors: {{allowOrigin: {list}}}")));
        assert_eq!(cors.origins, want, "{list}");
    }
    // Beside others `*` is but a text.
    let told = ["warning[no-effect]: spec.cors.allowOrigin[0]: `*` beside other origins stands \
                 for no other than `*` itself; leave the others out to allow any origin"];
    let spec = policy("p", "cors: {allowOrigin: ['*', 'https://a']}");
    let cors = told_by(&policies_and_told(&spec, "[{name: p}]", &told));
    assert_eq!(cors.origins, CorsOrigins::Listed(vec![exact("*"), exact("https://a")]));
}

#[test]
fn other_fields() {
    // virtualserver §16.8
    let plain = told_by(&lowered("cors: {allowOrigin: ['*']}"));
    assert_eq!((&plain.methods, &plain.headers, &plain.expose), (&None, &None, &None));
    assert_eq!((plain.credentials, plain.max_age), (Some(false), Some(86_400)));
    let full = lowered(
        "cors: {allowOrigin: ['https://a'], allowMethods: [GET, PATCH], \
         allowHeaders: [X-A, x_b], exposeHeaders: ['*'], allowCredentials: true, maxAge: 0}",
    );
    let full = told_by(&full);
    let text = |value: &'static str| Some(HeaderValue::from_static(value));
    assert_eq!(full.methods, text("GET, PATCH"));
    assert_eq!((&full.headers, &full.expose), (&text("X-A, x_b"), &text("*")));
    assert_eq!((full.credentials, full.max_age), (Some(true), Some(0)));
}

#[test]
fn refusals() {
    // virtualserver §16.8
    assert_refused(&[
        (
            "cors: {}",
            &["error[missing-field]: spec.cors.allowOrigin: required field `allowOrigin` is \
                 missing"],
        ),
        (
            "cors: {allowOrigin: []}",
            &["error[missing-field]: spec.cors.allowOrigin: `allowOrigin` must not be empty"],
        ),
        (
            "cors: {allowOrigin: x}",
            &[
                "error[wrong-type]: spec.cors.allowOrigin: expected a list, found the text `x`; put each item on a line of its own, behind `- `",
            ],
        ),
        (
            "cors: {allowOrigin: [shop.example.com, 'https://', 'https://a/', 'https://a?b', \
             'https://u@a', 'https://a:0', 'https://a:65536', 'https://a.*', 'https://*', \
             'https://*.*.a', 'https://a;b', 'https://[::1', null]}",
            &[
                "error[wrong-type]: spec.cors.allowOrigin[12]: expected text, found nothing",
                "error[invalid-value]: spec.cors.allowOrigin[0]: `shop.example.com` is not an \
                 origin: it begins with `http://` or `https://`",
                "error[invalid-value]: spec.cors.allowOrigin[1]: `https://` is not an origin: its \
                 host is neither a host name nor `*.` and a host name",
                "error[invalid-value]: spec.cors.allowOrigin[2]: `https://a/` is not an origin: \
                 it has a scheme, a host and maybe a port, and nothing else",
                "error[invalid-value]: spec.cors.allowOrigin[3]: `https://a?b` is not an origin: \
                 it has a scheme, a host and maybe a port, and nothing else",
                "error[invalid-value]: spec.cors.allowOrigin[4]: `https://u@a` is not an origin: \
                 it has a scheme, a host and maybe a port, and nothing else",
                "error[invalid-value]: spec.cors.allowOrigin[5]: `https://a:0` is not an origin: \
                 a port is a number from 1 to 65535",
                "error[invalid-value]: spec.cors.allowOrigin[6]: `https://a:65536` is not an \
                 origin: a port is a number from 1 to 65535",
                "error[invalid-value]: spec.cors.allowOrigin[7]: `https://a.*` is not an origin: \
                 its host is neither a host name nor `*.` and a host name",
                "error[invalid-value]: spec.cors.allowOrigin[8]: `https://*` is not an origin: \
                 its host is neither a host name nor `*.` and a host name",
                "error[invalid-value]: spec.cors.allowOrigin[9]: `https://*.*.a` is not an \
                 origin: its host is neither a host name nor `*.` and a host name",
                "error[invalid-value]: spec.cors.allowOrigin[10]: `https://a;b` is not an origin: \
                 its host is neither a host name nor `*.` and a host name",
                "error[invalid-value]: spec.cors.allowOrigin[11]: `https://[::1` is not an \
                 origin: its host is neither a host name nor `*.` and a host name",
            ],
        ),
        (
            "cors: {allowOrigin: ['https://a', 'HTTPS://A', 'https://A']}",
            &[
                "error[duplicate-value]: spec.cors.allowOrigin[1]: `HTTPS://A` stands above \
                 already",
                "error[invalid-value]: spec.cors.allowOrigin[1]: `HTTPS://A` is not an origin: it \
                 begins with `http://` or `https://`",
                "error[duplicate-value]: spec.cors.allowOrigin[2]: `https://A` stands above \
                 already",
            ],
        ),
        (
            "cors: {allowOrigin: ['*'], allowCredentials: true, maxAge: -1}",
            &[
                "error[out-of-range]: spec.cors.maxAge: `-1` is below 0",
                "error[conflicting-fields]: spec.cors.allowCredentials: `allowCredentials` cannot \
                 stand beside the origin `*`; list the origins that may send credentials",
            ],
        ),
        (
            "cors: {allowOrigin: ['*'], allowMethods: [get, GET, HEAD, GET], allowHeaders: ['a \
             b', Host, Sec-Fetch, Proxy-X, ''], exposeHeaders: [Set-Cookie, 'a:']}",
            &[
                "error[unsupported-value]: spec.cors.allowMethods[0]: unknown method `get`; did \
                 you mean `GET`?",
                "error[conflicting-fields]: spec.cors.allowMethods[2]: `HEAD` stands beside \
                 `GET`; leave it out: `GET` means both",
                "error[duplicate-value]: spec.cors.allowMethods[3]: `GET` stands above already",
                "error[invalid-value]: spec.cors.allowHeaders[0]: `a b` is neither `*` nor a \
                 header name; it may hold only letters, digits, `-` and `_`",
                "error[unsupported-value]: spec.cors.allowHeaders[1]: browsers let no script set \
                 `Host`; leave it out",
                "error[unsupported-value]: spec.cors.allowHeaders[2]: browsers let no script set \
                 `Sec-Fetch`; leave it out",
                "error[unsupported-value]: spec.cors.allowHeaders[3]: browsers let no script set \
                 `Proxy-X`; leave it out",
                "error[invalid-value]: spec.cors.allowHeaders[4]: `` is neither `*` nor a header \
                 name; it may hold only letters, digits, `-` and `_`",
                "error[unsupported-value]: spec.cors.exposeHeaders[0]: browsers show `Set-Cookie` \
                 to no script; leave it out",
                "error[invalid-value]: spec.cors.exposeHeaders[1]: `a:` is neither `*` nor a \
                 header name; it may hold only letters, digits, `-` and `_`",
            ],
        ),
    ]);
}
