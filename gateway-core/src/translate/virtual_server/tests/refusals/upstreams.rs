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
                    "error[invalid-value]: spec.upstreams[2].service: `A` is not a DNS label: it holds \
                 lower-case letters, digits and `-`",
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
                    "error[unsupported-value]: spec.upstreams[0].type: unknown type `grcp`; did you \
                 mean `grpc`?",
                ],
            ),
        ],
    );
}
