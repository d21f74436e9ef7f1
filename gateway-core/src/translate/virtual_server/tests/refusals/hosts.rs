//! Hosts and TLS (virtualserver §3).

use super::*;

#[test]
fn hosts() {
    // virtualserver §3
    refused(
        server,
        &[
            ("{}", &["error[missing-field]: spec.host: required field `host` is missing"]),
            ("host: ''", &["error[missing-field]: spec.host: `host` must not be empty"]),
            (
                "host: Cafe.example.com",
                &[
                    "error[invalid-value]: spec.host: in `Cafe.example.com`, `Cafe` is not a DNS label: \
               it holds lower-case letters, digits and `-`",
                ],
            ),
            (
                "host: a.*.example",
                &[
                    "error[invalid-value]: spec.host: in `a.*.example`, `*` is not a DNS label: it holds \
               lower-case letters, digits and `-`",
                ],
            ),
        ],
    );
}

#[test]
fn tls() {
    // virtualserver §3
    refused(
        cafe,
        &[(
            "tls: {secret: A, redirect: {code: 303, basedOn: sceme}}",
            &[
                "error[invalid-value]: spec.tls.secret: `A` is not a DNS label: it holds \
                 lower-case letters, digits and `-`",
                "error[unsupported-value]: spec.tls.redirect.code: `303` is not a status to \
                 redirect with; use 301, 302, 307 or 308",
                "error[unsupported-value]: spec.tls.redirect.basedOn: unknown base of a redirect \
                 `sceme`; did you mean `scheme`?",
            ],
        )],
    );
}
