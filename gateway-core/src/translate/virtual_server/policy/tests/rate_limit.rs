//! `rateLimit`.

use super::*;
use crate::rules::{Field, LimitLog, Rate, RateLimit, Template, TemplatePart, Test};
use http::StatusCode;

/// The only limit of a VirtualServer with this policy.
fn limit(fields: &str) -> RateLimit {
    let policies = lowered(&format!("rateLimit: {{zoneSize: 10m, {fields}}}"));
    let [choice] = &policies.rate_limits[..] else { panic!("{fields}") };
    assert_eq!((&choice.on, &choice.cases[..]), (&None, &[][..]));
    choice.otherwise.as_deref().cloned().expect("a limit")
}

#[test]
fn fields_and_their_defaults() {
    // virtualserver §16.2
    let key = |parts: &[TemplatePart]| Template::new(parts.iter().cloned());
    let client = key(&[TemplatePart::Field(Field::PeerAddress)]);
    let plain = limit("rate: 10r/s, key: '${binary_remote_addr}'");
    let want = RateLimit {
        bucket: "shop/p shop/cafe".into(),
        key: client,
        counts_empty: false,
        rate: Rate::PerSecond(10),
        burst: 0,
        delay: Some(0),
        dry_run: false,
        log: LimitLog::Error,
        reject: StatusCode::SERVICE_UNAVAILABLE,
        scale: false,
        origin: plain.origin.clone(),
    };
    assert_eq!(plain, want);
    assert_eq!(plain.origin.to_string(), "Policy shop/p: spec.rateLimit");
    let full = limit(
        "rate: 1r/M, key: 'a ${http_x_y}-${arg_a}${cookie_c}${uri}', burst: 5, delay: 2, \
         dryRun: true, logLevel: warn, rejectCode: 429, scale: true",
    );
    let want = RateLimit {
        key: key(&[
            TemplatePart::Text("a ".into()),
            TemplatePart::Field(Field::Header("x-y".into())),
            TemplatePart::Text("-".into()),
            TemplatePart::Field(Field::Argument {
                name: "a".into(),
                ignore_case: true,
                decoded: false,
            }),
            TemplatePart::Field(Field::Cookie { name: "c".into(), ignore_case: true }),
            TemplatePart::Field(Field::Path),
        ]),
        rate: Rate::PerMinute(1),
        burst: 5,
        delay: Some(2),
        dry_run: true,
        log: LimitLog::Warn,
        reject: StatusCode::TOO_MANY_REQUESTS,
        scale: true,
        ..want
    };
    assert_eq!(full, want);
    assert_eq!(limit("rate: 1r/s, key: x, burst: 5, noDelay: true").delay, None);
    // An upper-case unit breaks NGINX (decisions §6).
    assert_eq!(limit("rate: 1r/S, key: x").rate, Rate::PerSecond(1));
    for (name, attribute) in
        [("jwt_claim_tier", "jwt_claim_tier"), ("apikey_client_name", "apikey_client_name")]
    {
        let want = key(&[TemplatePart::Field(Field::Attribute(attribute.into()))]);
        assert_eq!(limit(&format!("rate: 1r/s, key: '${{{name}}}'")).key, want);
    }
}

#[test]
fn conditions() {
    // virtualserver §16.2, §17.9
    for (condition, want_on, want) in [
        ("jwt: {claim: user.tier, match: Gold}", "attribute `jwt_claim_user.tier`", "`Gold`"),
        ("jwt: {claim: tier, match: '~gold'}", "attribute `jwt_claim_tier`", "`~gold`"),
        ("variables: [{name: $request_method, match: post}]", "method", "`post`"),
        ("variables: [{name: '${http_x_y}', match: '~^a'}]", "header `x-y`", "~^a"),
        ("variables: [{name: $arg_a, match: '~*^a\\d'}]", "argument `a`", "~*^a\\d"),
        (
            "variables: [{name: $apikey_client_name, match: ann}]",
            "attribute `apikey_client_name`",
            "`ann`",
        ),
    ] {
        let fields = "rate: 1r/s, key: x, zoneSize: 32k";
        let spec = format!("rateLimit: {{{fields}, condition: {{{condition}}}}}");
        let policies = lowered(&spec);
        let [choice] = &policies.rate_limits[..] else { panic!("{spec}") };
        let [case] = &choice.cases[..] else { panic!("{spec}") };
        let test = match &case.test {
            Test::Equals { value, ignore_case: true } => format!("`{value}`"),
            Test::Matches { regex, empty_matches: false } => {
                let sign = if regex.ignore_case() { "~*" } else { "~" };
                format!("{sign}{}", regex.source())
            }
            other => panic!("{spec}: {other:?}"),
        };
        let on = choice.on.as_ref().map(ToString::to_string);
        assert_eq!((on.as_deref(), &*test), (Some(want_on), want), "{spec}");
        assert!(case.limit.counts_empty && choice.otherwise.is_none(), "{spec}");
    }
}

#[test]
fn refusals() {
    // virtualserver §16.2
    assert_refused(&[
        (
            "rateLimit: {}",
            &[
                "error[missing-field]: spec.rateLimit.rate: required field `rate` is missing",
                "error[missing-field]: spec.rateLimit.key: required field `key` is missing",
                "error[missing-field]: spec.rateLimit.zoneSize: required field `zoneSize` is \
                 missing",
            ],
        ),
        (
            "rateLimit: {rate: 0r/s, key: '${binary_remote_addr}', zoneSize: 10m}",
            &["error[invalid-value]: spec.rateLimit.rate: `0r/s` is not a rate; write requests \
                 a second or a minute, as in `10r/s` or `30r/m`"],
        ),
        (
            "rateLimit: {rate: 1r/h, key: '$binary_remote_addr', zoneSize: 31k}",
            &[
                "error[invalid-value]: spec.rateLimit.rate: `1r/h` is not a rate; write requests \
                 a second or a minute, as in `10r/s` or `30r/m`",
                "error[invalid-value]: spec.rateLimit.key: `$binary_remote_addr` holds a `$` \
                 without a name in braces; write variables as in `${binary_remote_addr}`",
                "error[invalid-value]: spec.rateLimit.zoneSize: `31k` is less than 32k",
            ],
        ),
        (
            "rateLimit: {rate: -1r/s, key: '${remote_addr}', zoneSize: '31'}",
            &[
                "error[invalid-value]: spec.rateLimit.rate: `-1r/s` is not a rate; write requests \
                 a second or a minute, as in `10r/s` or `30r/m`",
                "error[unsupported-value]: spec.rateLimit.key: unknown variable `remote_addr`; \
                 known are `binary_remote_addr`, `request_uri`, `uri`, `args`, `request_method`, `arg_…`, `http_…`, `cookie_…`, `jwt_claim_…`, `apikey_…`",
                "error[invalid-value]: spec.rateLimit.zoneSize: `31` is less than 32k",
            ],
        ),
        (
            "rateLimit: {rate: 10 r/s, key: 'a\"b', zoneSize: 0m}",
            &[
                "error[invalid-value]: spec.rateLimit.rate: `10 r/s` is not a rate; write \
                 requests a second or a minute, as in `10r/s` or `30r/m`",
                "error[invalid-value]: spec.rateLimit.key: `a\"b` holds a `\"` that is not \
                 escaped; write `\\\"`, but not between double quotes, where YAML takes the `\\` away",
                "error[invalid-value]: spec.rateLimit.zoneSize: `0m` is less than 32k",
            ],
        ),
        (
            "rateLimit: {rate: 99999999999r/s, key: '${http_a-b}', zoneSize: 1g}",
            &[
                "error[invalid-value]: spec.rateLimit.rate: `99999999999r/s` is not a rate; write \
                 requests a second or a minute, as in `10r/s` or `30r/m`",
                "error[invalid-value]: spec.rateLimit.key: `a-b` is not a name: it may hold only letters, \
                 digits and `_`",
                "error[invalid-value]: spec.rateLimit.zoneSize: `1g` is not a size; write bytes, \
                 or a number with `k`, `m`",
            ],
        ),
        (
            "rateLimit: {rate: r/s, key: '', zoneSize: 32k, burst: 0, delay: 0, rejectCode: 399, \
             logLevel: warning}",
            &[
                "error[missing-field]: spec.rateLimit.key: `key` must not be empty",
                "error[out-of-range]: spec.rateLimit.burst: `0` is not between 1 and 2147483647",
                "error[out-of-range]: spec.rateLimit.delay: `0` is not between 1 and 2147483647",
                "error[out-of-range]: spec.rateLimit.rejectCode: `399` is not between 400 and 599",
                "error[invalid-value]: spec.rateLimit.rate: `r/s` is not a rate; write requests a \
                 second or a minute, as in `10r/s` or `30r/m`",
                "error[unsupported-value]: spec.rateLimit.logLevel: unknown level `warning`; \
                 known are `info`, `notice`, `warn`, `error`",
            ],
        ),
        (
            "rateLimit: {rate: 1r/s, key: x, zoneSize: 1m, rejectCode: 600, condition: {}}",
            &[
                "error[out-of-range]: spec.rateLimit.rejectCode: `600` is not between 400 and 599",
                "error[missing-field]: spec.rateLimit.condition: expected exactly one of `jwt` or \
                 `variables`, found none of them",
            ],
        ),
        (
            "rateLimit: {rate: 1r/s, key: x, zoneSize: 1m, condition: {jwt: {claim: a, match: b}, \
             variables: [{name: $a, match: b}]}}",
            &["error[conflicting-fields]: spec.rateLimit.condition: expected exactly one of \
                 `jwt` or `variables`, found `jwt` and `variables`"],
        ),
        (
            "rateLimit: {rate: 1r/s, key: x, zoneSize: 1m, condition: {variables: []}}",
            &["error[invalid-value]: spec.rateLimit.condition.variables: `variables` has \
                 exactly one entry, found 0"],
        ),
        (
            "rateLimit: {rate: 1r/s, key: x, zoneSize: 1m, condition: {variables: [{name: $a, \
             match: b}, {name: $uri, match: b}]}}",
            &["error[invalid-value]: spec.rateLimit.condition.variables: `variables` has \
                 exactly one entry, found 2"],
        ),
        (
            "rateLimit: {rate: 1r/s, key: x, zoneSize: 1m, condition: {variables: {name: $a, \
             match: b}}}",
            &["error[wrong-type]: spec.rateLimit.condition.variables: expected a list, found a \
                 mapping; put `- ` before the first key to make it a list item"],
        ),
        (
            "rateLimit: {rate: 1r/s, key: x, zoneSize: 1m, condition: {jwt: {match: $b}}}",
            &[
                "error[missing-field]: spec.rateLimit.condition.jwt.claim: required field `claim` \
                 is missing",
                "error[invalid-value]: spec.rateLimit.condition.jwt.match: `$b` holds a `$`; \
                 variables cannot stand here",
            ],
        ),
        (
            "rateLimit: {rate: 1r/s, key: x, zoneSize: 1m, condition: {jwt: {claim: 'a b', match: \
             'a\"'}}}",
            &[
                "error[invalid-value]: spec.rateLimit.condition.jwt.claim: `a b` is not a claim: \
                 it holds blanks, `$`, `\"` or `\\`",
                "error[invalid-value]: spec.rateLimit.condition.jwt.match: `a\"` holds a `\"` \
                 that is not escaped; write `\\\"`, but not between double quotes, where YAML takes the `\\` away",
            ],
        ),
        (
            "rateLimit: {rate: 1r/s, key: x, zoneSize: 1m, condition: {variables: [{name: \
             request_method, match: '~a('}]}}",
            &[
                "error[invalid-value]: spec.rateLimit.condition.variables[0].name: \
                 `request_method` is not a variable; write `$request_method`",
                "error[invalid-value]: spec.rateLimit.condition.variables[0].match: `a(` is not \
                 an expression: unclosed group (at character 2 of the expression)",
            ],
        ),
        (
            "rateLimit: {rate: 1r/s, key: x, zoneSize: 1m, condition: {variables: [{name: '$a b', \
             match: $x}]}}",
            &[
                "error[invalid-value]: spec.rateLimit.condition.variables[0].name: `a b` is not a \
                 name: it may hold only letters, digits and `_`",
                "error[invalid-value]: spec.rateLimit.condition.variables[0].match: `$x` holds a \
                 `$`; variables cannot stand here",
            ],
        ),
    ]);
}
