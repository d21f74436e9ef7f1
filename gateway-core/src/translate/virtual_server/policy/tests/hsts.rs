//! `hsts`.

use super::*;

#[test]
fn values() {
    // virtualserver §16.10
    for (spec, want, behind_proxy) in [
        ("hsts: {maxAge: 0}", "max-age=0", false),
        ("hsts: {maxAge: 60, behindProxy: true}", "max-age=60", true),
        ("hsts: {maxAge: 60, includeSubDomains: true}", "max-age=60; includeSubDomains", false),
        (
            "hsts: {maxAge: 31536000, includeSubDomains: true, preload: true}",
            "max-age=31536000; includeSubDomains; preload",
            false,
        ),
    ] {
        let hsts = lowered(spec).hsts.unwrap();
        assert_eq!((hsts.value.to_str().unwrap(), hsts.behind_proxy), (want, behind_proxy));
    }
}

#[test]
fn refusals() {
    // virtualserver §16.10
    assert_refused(&[
        (
            "hsts: {}",
            &["error[missing-field]: spec.hsts.maxAge: required field `maxAge` is missing"],
        ),
        (
            "hsts: {maxAge: -1, includeSubdomains: true}",
            &[
                "error[out-of-range]: spec.hsts.maxAge: `-1` is below 0",
                "warning[unknown-field]: spec.hsts.includeSubdomains: unknown field \
                 `includeSubdomains`; did you mean `includeSubDomains`?",
            ],
        ),
        (
            "hsts: {maxAge: 31535999, preload: true}",
            &[
                "error[conflicting-fields]: spec.hsts.preload: `preload` needs `includeSubDomains`",
                "error[conflicting-fields]: spec.hsts.preload: `preload` needs a `maxAge` of at \
                 least 31536000",
            ],
        ),
    ]);
}
