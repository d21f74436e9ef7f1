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
               it may hold only lower-case letters, digits and `-`; did you mean `cafe.example.com`?",
                ],
            ),
            (
                "host: a.*.example",
                &[
                    "error[invalid-value]: spec.host: in `a.*.example`, `*` is not a DNS label: it may hold only \
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
        &[
            (
                "tls: {secret: A, redirect: {enable: true, code: 303, basedOn: sceme}}",
                &[
                    "error[invalid-value]: spec.tls.secret: `A` is not a DNS label: it may hold only \
                 lower-case letters, digits and `-`; did you mean `a`?",
                    "error[unsupported-value]: spec.tls.redirect.code: `303` is not a status to \
                 redirect with; use 301, 302, 307 or 308",
                    "error[unsupported-value]: spec.tls.redirect.basedOn: unknown base of a redirect \
                 `sceme`; did you mean `scheme`?",
                ],
            ),
            (
                "tls: {redirect: {enable: true, code: 0, basedOn: x-forwarded-proto}}",
                &[
                    "error[unsupported-value]: spec.tls.redirect.code: `0` is not a status to redirect \
                 with; use 301, 302, 307 or 308",
                ],
            ),
        ],
    );
}

#[test]
fn fields_of_the_spec() {
    // virtualserver §2, DNS1123S, WILD and QNAME, and §3
    let long = format!("host: {}", "a".repeat(64));
    let of_long = format!(
        "invalid-value host: `{}` is not a DNS label: it has at most 63 characters",
        "a".repeat(64)
    );
    let longer = format!("host: {}a", "a.".repeat(127));
    let of_longer =
        format!("invalid-value host: `{}a` is longer than 253 characters", "a.".repeat(127));
    refused_for(
        server,
        "spec.",
        &[
            (&long, &of_long),
            (&longer, &of_longer),
            (
                "host: '*.*.a'",
                "invalid-value host: in `*.a`, `*` is not a DNS label: it may hold only lower-case \
                 letters, digits and `-`",
            ),
            (
                "host: '*'",
                "invalid-value host: `*` is not a host name; write a domain behind it, as in \
                 `*.example.com`",
            ),
            (
                "host: a-.b",
                "invalid-value host: in `a-.b`, `a-` is not a DNS label: it neither begins nor \
                 ends with `-`",
            ),
            ("host: [a]", "wrong-type host: expected text, found a list"),
        ],
    );
    refused_for(
        cafe,
        "spec.",
        &[
            (
                "tls: a",
                "wrong-type tls: expected a mapping, found the text `a`; it has fields of its own: indent them below it, each as `name: value`",
            ),
            (
                "tls: {redirect: {enable: 1}}",
                "wrong-type tls.redirect.enable: expected `true` or `false`, found the number `1`",
            ),
            (
                "tls: {cert-manager: {issuer: a}}",
                "missing-field tls.cert-manager: `cert-manager` needs `secret`",
            ),
            (
                "gunzip: maybe",
                "wrong-type gunzip: expected `true` or `false`, found the text `maybe`",
            ),
            ("http-snippets: {}", "wrong-type http-snippets: expected text, found a mapping"),
            (
                "server-snippets: 1",
                "wrong-type server-snippets: expected text, found the number `1`; put it in quotes",
            ),
            (
                "add-header-inherit: mergee",
                "unsupported-value add-header-inherit: unknown inheritance `mergee`; did you mean \
                 `merge`?",
            ),
            (
                "routes: [{path: /, action: {pass: tea}, add-header-inherit: 'yes'}]",
                "unsupported-value routes[0].add-header-inherit: unknown inheritance `yes`; known \
                 are `on`, `off`, `merge`",
            ),
            (
                "routes: [{path: /, action: {pass: tea}, location-snippets: []}]",
                "wrong-type routes[0].location-snippets: expected text, found a list",
            ),
        ],
    );
}

#[test]
fn names_of_protections() {
    // virtualserver §2, QNAME, and §3; that they are not supported is told, too
    for (name, what) in [
        ("a b", "`a b` is not a name: it may hold only letters, digits, `-`, `_` and `.`"),
        ("-a", "`-a` is not a name: it begins and ends with a letter or digit"),
        ("a/b/c", "`b/c` is not a name: it may hold only letters, digits, `-`, `_` and `.`"),
        (
            "A/b",
            "`A` is not a DNS label: it may hold only lower-case letters, digits and `-`; did you mean `a`?",
        ),
    ] {
        let error = format!("error[invalid-value]: spec.dos: {what}");
        let withheld = "error[unsupported-field]: spec.dos: protection against denial of service \
                        is not supported: its scope answers 500";
        refused(cafe, &[(&format!("dos: {name}"), &[&error, withheld])]);
    }
}
