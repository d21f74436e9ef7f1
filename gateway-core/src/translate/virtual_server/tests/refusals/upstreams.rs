//! Upstreams (virtualserver §4).

use super::*;

#[test]
fn upstreams() {
    // virtualserver §4
    refused(
        server,
        &[
            (
                "host: a.example\nupstreams:\n- {}\n- {name: 1a, service: b/c/d, port: 0}\n\
             - {name: tea, service: A, port: 80}\n- {name: tea, service: a, port: x}",
                &[
                    "error[missing-field]: spec.upstreams[0].name: required field `name` is missing",
                    "error[missing-field]: spec.upstreams[0].service: required field `service` is \
                 missing",
                    "error[missing-field]: spec.upstreams[0].port: required field `port` is missing",
                    "error[out-of-range]: spec.upstreams[1].port: `0` is not between 1 and 65535",
                    "error[wrong-type]: spec.upstreams[3].port: expected a whole number, found the \
                 text `x`",
                    "error[invalid-value]: spec.upstreams[1].service: `b/c/d` has more than one `/`; \
                 write `service` or `namespace/service`",
                    "error[invalid-value]: spec.upstreams[1].name: `1a` does not begin with a letter",
                    "error[invalid-value]: spec.upstreams[2].service: `A` is not a DNS label: it may hold only \
                 lower-case letters, digits and `-`; did you mean `a`?",
                    "error[duplicate-value]: spec.upstreams[3].name: an upstream named `tea` stands \
                 above already",
                ],
            ),
            (
                "host: a.example\nupstreams:\n- name: tea\n  service: tea\n  port: 80\n\
             \x20 connect-timeout: 1.5s\n  next-upstream: error eror error\n\
             \x20 next-upstream-tries: -1\n  client-max-body-size: 1t\n  lb-method: lest_conn\n\
             \x20 type: grcp",
                &[
                    "error[out-of-range]: spec.upstreams[0].next-upstream-tries: `-1` is not between \
                 0 and 2147483647",
                    "error[unsupported-value]: spec.upstreams[0].type: unknown type `grcp`; did you \
                 mean `grpc`?",
                    "error[invalid-value]: spec.upstreams[0].connect-timeout: `1.5s` is not a \
                 duration; write for example `90`, `100ms` or `1h 30m`: units from large to \
                 small, no fractions",
                    "error[unsupported-value]: spec.upstreams[0].next-upstream: unknown retry \
                 condition `eror`; did you mean `error`?",
                    "error[duplicate-value]: spec.upstreams[0].next-upstream: `error` stands twice",
                    "error[invalid-value]: spec.upstreams[0].client-max-body-size: `1t` is not a size; \
                 write bytes, or a number with `k`, `m`, `g`",
                    "error[unsupported-value]: spec.upstreams[0].lb-method: unknown method \
                 `lest_conn`; did you mean `least_conn`?",
                ],
            ),
        ],
    );
}

/// A spec with one upstream, which has these further fields.
fn with(fields: &str) -> String {
    server(&format!(
        "host: a.example\nupstreams: [{{name: tea, service: tea, port: 80, {fields}}}]"
    ))
}

fn refused_one_by_one(cases: &[(&str, &str)]) {
    refused_for(with, "spec.upstreams[0].", cases);
}

/// What is said of a text that is not a duration.
const NO_TIME: &str = "is not a duration; write for example `90`, `100ms` or `1h 30m`: units from \
                       large to small, no fractions";

#[test]
fn times() {
    // virtualserver §2, TIME, and §4
    for field in [
        "connect-timeout",
        "read-timeout",
        "send-timeout",
        "next-upstream-timeout",
        "fail-timeout",
        "slow-start",
    ] {
        for value in ["1.5m", "-1s", "20 seconds", ""] {
            let want = format!("invalid-value {field}: `{value}` {NO_TIME}");
            refused_one_by_one(&[(&format!("{field}: {value:?}"), &want)]);
        }
    }
    for (field, path) in [
        ("queue: {size: 1, timeout: x}", "queue.timeout"),
        ("sessionCookie: {enable: true, name: a, expires: x}", "sessionCookie.expires"),
        ("healthCheck: {enable: true, interval: x}", "healthCheck.interval"),
        ("healthCheck: {enable: true, jitter: x}", "healthCheck.jitter"),
        ("healthCheck: {enable: true, keepalive-time: x}", "healthCheck.keepalive-time"),
        ("healthCheck: {enable: true, connect-timeout: x}", "healthCheck.connect-timeout"),
        ("healthCheck: {enable: true, read-timeout: x}", "healthCheck.read-timeout"),
        ("healthCheck: {enable: true, send-timeout: x}", "healthCheck.send-timeout"),
    ] {
        let want = format!("invalid-value {path}: `x` {NO_TIME}");
        refused_one_by_one(&[(field, &want)]);
    }
}

#[test]
fn numbers_and_sizes() {
    // virtualserver §2, SIZE and OFFSET, and §4
    for field in ["max-fails", "max-conns", "keepalive", "next-upstream-tries"] {
        let want = format!("out-of-range {field}: `-1` is not between 0 and 2147483647");
        refused_one_by_one(&[(&format!("{field}: -1"), &want)]);
    }
    refused_one_by_one(&[
        ("max-fails: a", "wrong-type max-fails: expected a whole number, found the text `a`"),
        ("queue: {}", "missing-field queue.size: required field `size` is missing"),
        ("queue: {size: 0}", "out-of-range queue.size: `0` is not between 1 and 2147483647"),
        (
            "healthCheck: {enable: true, fails: -1}",
            "out-of-range healthCheck.fails: `-1` is not between 0 and 2147483647",
        ),
        (
            "healthCheck: {enable: true, passes: -1}",
            "out-of-range healthCheck.passes: `-1` is not between 0 and 2147483647",
        ),
        (
            "healthCheck: {enable: true, port: 65536}",
            "out-of-range healthCheck.port: `65536` is not between 1 and 65535",
        ),
    ]);
}

#[test]
fn buffers() {
    // virtualserver §2, SIZE, and §4; that they have no effect is told, too
    const NO_SIZE: &str = "`1g` is not a size; write bytes, or a number with `k`, `m`";
    let number = "out-of-range buffers.number: `0` is not between 1 and 2147483647";
    for (fields, name, want) in [
        (
            "buffers: {size: 1k}",
            "buffers",
            "missing-field buffers.number: required field `number` is missing",
        ),
        (
            "buffers: {number: 1}",
            "buffers",
            "missing-field buffers.size: required field `size` is missing",
        ),
        ("buffers: {number: 0, size: 1k}", "buffers", number),
        (
            "buffers: {number: 1, size: 1g}",
            "buffers",
            &format!("invalid-value buffers.size: {NO_SIZE}"),
        ),
        ("buffer-size: 1g", "buffer-size", &format!("invalid-value buffer-size: {NO_SIZE}")),
        (
            "busy-buffers-size: 1g",
            "busy-buffers-size",
            &format!("invalid-value busy-buffers-size: {NO_SIZE}"),
        ),
        (
            "client-body-buffer-size: 1g",
            "client-body-buffer-size",
            &format!("invalid-value client-body-buffer-size: {NO_SIZE}"),
        ),
    ] {
        let (code, want) = want.split_once(' ').unwrap();
        let error = format!("error[{code}]: spec.upstreams[0].{want}");
        let notice =
            format!("notice[no-effect]: spec.upstreams[0].{name}: `{name}` has no effect here");
        refused(with, &[(fields, &[&error, &notice])]);
    }
}

#[test]
fn which_endpoints_are_meant() {
    // virtualserver §4
    refused_one_by_one(&[
        (
            "use-cluster-ip: true, subselector: {a: b}",
            "conflicting-fields subselector: `subselector` cannot stand beside `use-cluster-ip`",
        ),
        (
            "subselector: a",
            "wrong-type subselector: expected a mapping, found the text `a`; it has fields of its own: indent them below it, each as `name: value`",
        ),
        (
            "subselector: {a: 1}",
            "wrong-type subselector.a: expected text, found the number `1`; put it in quotes",
        ),
        (
            "subselector: {a: b c}",
            "invalid-value subselector.a: `b c` is not a name: it may hold only letters, digits, `-`, `_` \
             and `.`",
        ),
        (
            "subselector: {_a: b}",
            "invalid-value subselector._a: `_a` is not a name: it begins and ends with a letter or \
             digit",
        ),
        (
            "subselector: {A/a: b}",
            "invalid-value subselector.A/a: `A` is not a DNS label: it may hold only lower-case letters, \
             digits and `-`; did you mean `a`?",
        ),
        ("subselector: {a/: b}", "invalid-value subselector.a/: `a/` is not a name: it is empty"),
        // NGINX says `backup.backup` and `backupPort.port` where the value is malformed.
        ("backup: b", "missing-field backup: `backup` needs `backupPort`"),
        ("backupPort: 80", "missing-field backupPort: `backupPort` needs `backup`"),
        (
            "backup: a/b, backupPort: 80",
            "invalid-value backup: `a/b` is not a DNS label: it may hold only lower-case letters, digits \
             and `-`",
        ),
        (
            "lb-method: 'hash $host', backup: b, backupPort: 80",
            "conflicting-fields backup: `backup` cannot stand beside the method `hash $host`",
        ),
        (
            "lb-method: ip_hash, backup: b, backupPort: 80",
            "conflicting-fields backup: `backup` cannot stand beside the method `ip_hash`",
        ),
        (
            "lb-method: random two, backup: b, backupPort: 80",
            "conflicting-fields backup: `backup` cannot stand beside the method `random two`",
        ),
    ]);
    refused(
        with,
        &[(
            "backup: b, backupPort: 0",
            &[
                "error[out-of-range]: spec.upstreams[0].backupPort: `0` is not between 1 and 65535",
                "error[missing-field]: spec.upstreams[0].backup: `backup` needs `backupPort`",
            ],
        )],
    );
}

#[test]
fn ways_of_balancing() {
    // virtualserver §14
    const KNOWN: &str = "known are `round_robin`, `least_conn`, `ip_hash`, `random`, `random two`, \
                         `random two least_conn`, `random two least_time=header`, \
                         `random two least_time=last_byte`, `least_time header`, \
                         `least_time last_byte`, `hash <key>`, `hash <key> consistent`";
    for method in ["sticky", "hash", "hash a b", "least_time"] {
        let want = format!("unsupported-value lb-method: unknown method `{method}`; {KNOWN}");
        refused_one_by_one(&[(&format!("lb-method: {method}"), &want)]);
    }
    for key in ["$", "a$", "${host", "$-a", "${}"] {
        let want = format!(
            "invalid-value lb-method: `{key}` holds a `$` without a name; write variables as in \
             `$scheme` or `${{scheme}}`"
        );
        refused_one_by_one(&[(&format!("lb-method: 'hash {key}'"), &want)]);
    }
    refused_one_by_one(&[(
        "lb-method: 'hash ${a-b}'",
        "invalid-value lb-method: `a-b` is not a name: it may hold only letters, digits and `_`",
    )]);
}

#[test]
fn session_cookies() {
    // virtualserver §4
    refused_one_by_one(&[
        ("sessionCookie: {}", "missing-field sessionCookie.name: required field `name` is missing"),
        (
            "sessionCookie: {enable: true, name: a-b}",
            "invalid-value sessionCookie.name: `a-b` is not a name: it may hold only letters, digits and \
             `_`",
        ),
        (
            "sessionCookie: {enable: true, name: a, path: b}",
            "invalid-value sessionCookie.path: `b` is not a path: a path begins with `/`, found \
             `b`",
        ),
        (
            "sessionCookie: {enable: true, name: a, path: '/{b}'}",
            "invalid-value sessionCookie.path: `/{b}` holds braces; parameters cannot stand here",
        ),
        (
            "sessionCookie: {enable: true, name: a, domain: ..b}",
            "invalid-value sessionCookie.domain: in `.b`, `` is not a DNS label: it may hold only \
             lower-case letters, digits and `-`",
        ),
        (
            "sessionCookie: {enable: true, name: a, samesite: strickt}",
            "unsupported-value sessionCookie.samesite: unknown value of `samesite` `strickt`; did \
             you mean `strict`?",
        ),
    ]);
}

#[test]
fn health_checks() {
    // virtualserver §4, `healthCheck`
    const NO_STATUSES: &str = "is not a list of statuses; write for example `200`, `200-399 404` \
                               or `! 500`, with statuses of 100 to 999";
    for text in ["99", "1000", "200-", "-200", "300-200", "200-200", "!200", "! ", "200 !300", "x"]
    {
        let want = format!("invalid-value healthCheck.statusMatch: `{text}` {NO_STATUSES}");
        refused_one_by_one(&[(
            &format!("healthCheck: {{enable: true, statusMatch: {text:?}}}"),
            &want,
        )]);
    }
    refused_one_by_one(&[
        (
            "healthCheck: {enable: true, path: b}",
            "invalid-value healthCheck.path: `b` is not a path: a path begins with `/`, found `b`",
        ),
        (
            "healthCheck: {enable: true, headers: [{name: a_b, value: c}]}",
            "invalid-value healthCheck.headers[0].name: `a_b` is not a header name: it may hold only \
             letters, digits and `-`",
        ),
        (
            "healthCheck: {enable: true, headers: [{name: a, value: $host}]}",
            "invalid-value healthCheck.headers[0].value: `$host` holds a `$`; variables cannot \
             stand here",
        ),
        (
            "healthCheck: {enable: true, persistent: true}",
            "conflicting-fields healthCheck.persistent: `persistent` needs `mandatory`",
        ),
        (
            "healthCheck: {enable: true, grpcStatus: 1}",
            "conflicting-fields healthCheck.grpcStatus: `grpcStatus` is only for upstreams of type \
             `grpc`",
        ),
        (
            "healthCheck: {enable: true, grpcService: a}",
            "conflicting-fields healthCheck.grpcService: `grpcService` is only for upstreams of \
             type `grpc`",
        ),
        (
            "type: grpc, healthCheck: {enable: true, path: /}",
            "conflicting-fields healthCheck.path: `path` is only for upstreams of type `http`",
        ),
        (
            "type: grpc, healthCheck: {enable: true, grpcStatus: 17}",
            "out-of-range healthCheck.grpcStatus: `17` is not between 0 and 16",
        ),
        (
            "type: grpc, healthCheck: {enable: true, grpcService: a;b}",
            "invalid-value healthCheck.grpcService: `a;b` is not a gRPC service: it holds blanks, \
             `{`, `}` or `;`",
        ),
    ]);
}
