//! `cache`.

use super::*;
use crate::rules::{
    Cache, CacheLock, CacheStatuses, Field, Networks, StaleCondition, Template, TemplatePart,
};
use http::{Method, StatusCode};
use std::time::Duration;

/// The cache of a VirtualServer with this policy.
fn cache(fields: &str) -> Cache {
    let policies = lowered(&format!("cache: {{cacheZoneName: tea, cacheZoneSize: 10m{fields}}}"));
    policies.cache.as_deref().cloned().expect("a cache")
}

#[test]
fn fields_and_their_defaults() {
    // virtualserver §16.9
    let plain = cache("");
    let want = Cache {
        zone: "shop/cafe/tea".into(),
        zone_size: 10 << 20,
        max_size: None,
        min_free: None,
        inactive: Duration::from_secs(600),
        key: None,
        methods: vec![Method::GET, Method::HEAD],
        statuses: None,
        overrides_backend: false,
        stale: Vec::new(),
        revalidate: false,
        background_update: false,
        min_uses: 1,
        lock: None,
        no_cache: Vec::new(),
        bypass: Vec::new(),
        purge: Networks::default(),
        origin: plain.origin.clone(),
    };
    assert_eq!(plain, want);
    let field = |field| Template::new([TemplatePart::Field(field)]);
    let full = cache(
        ", allowedCodes: [200, 404], time: 30m, allowedMethods: [POST, GET, POST], \
         cacheKey: '$scheme://${host}$request_uri', overrideUpstreamCache: true, \
         cacheUseStale: [error, http_500, updating], cacheRevalidate: true, \
         cacheBackgroundUpdate: true, cacheMinUses: 3, lock: {enable: true, age: 1m}, \
         conditions: {noCache: [$http_pragma], bypass: ['${arg_nocache}', $server_name]}, \
         inactive: 1h, maxSize: 1g, minFree: 64k, cachePurgeAllow: [10.0.0.0/8]",
    );
    let argument = Field::Argument { name: "nocache".into(), ignore_case: true, decoded: false };
    let want = Cache {
        max_size: Some(1 << 30),
        min_free: Some(64 << 10),
        inactive: Duration::from_secs(3600),
        key: Some(Template::new([
            TemplatePart::Field(Field::Scheme),
            TemplatePart::Text("://".into()),
            TemplatePart::Field(Field::Host),
            TemplatePart::Field(Field::Target),
        ])),
        methods: vec![Method::GET, Method::HEAD, Method::POST],
        statuses: Some(CacheStatuses {
            statuses: Some(vec![StatusCode::OK, StatusCode::NOT_FOUND]),
            time: Duration::from_secs(1800),
        }),
        overrides_backend: true,
        stale: vec![
            StaleCondition::Error,
            StaleCondition::Status(StatusCode::INTERNAL_SERVER_ERROR),
            StaleCondition::Updating,
        ],
        revalidate: true,
        background_update: true,
        min_uses: 3,
        lock: Some(CacheLock { timeout: Duration::from_secs(5), age: Duration::from_secs(60) }),
        no_cache: vec![field(Field::Header("pragma".into()))],
        bypass: vec![field(argument), field(Field::Host)],
        purge: ["10.0.0.0/8".parse().unwrap()].into_iter().collect(),
        ..want
    };
    assert_eq!(full, want);
}

#[test]
fn statuses_and_stale_answers() {
    // virtualserver §16.9
    let time = Duration::from_secs(10);
    let usual = vec![StatusCode::OK, StatusCode::MOVED_PERMANENTLY, StatusCode::FOUND];
    for (fields, statuses) in
        [(", time: 10s", Some(usual)), (", time: 10s, allowedCodes: [any]", None)]
    {
        assert_eq!(cache(fields).statuses, Some(CacheStatuses { statuses, time }), "{fields}");
    }
    assert_eq!(cache(", cacheUseStale: [error, off]").stale, []);
    assert_eq!(cache(", lock: {enable: false}").lock, None);
}

#[test]
fn refusals() {
    // virtualserver §16.9
    assert_refused(&[
        (
            "cache: {}",
            &[
                "error[missing-field]: spec.cache.cacheZoneName: required field `cacheZoneName` \
                 is missing",
                "error[missing-field]: spec.cache.cacheZoneSize: required field `cacheZoneSize` \
                 is missing",
            ],
        ),
        (
            "cache: {cacheZoneName: A, cacheZoneSize: 10}",
            &[
                "error[wrong-type]: spec.cache.cacheZoneSize: expected text, found the number \
                 `10`; put it in quotes",
                "error[invalid-value]: spec.cache.cacheZoneName: `A` is not the name of a zone; \
                 it begins with a lower-case letter and holds letters, digits and inner `_`",
            ],
        ),
        (
            "cache: {cacheZoneName: a_, cacheZoneSize: 10t, maxSize: 1, minFree: x}",
            &[
                "error[wrong-type]: spec.cache.maxSize: expected text, found the number `1`; put \
                 it in quotes",
                "error[invalid-value]: spec.cache.cacheZoneSize: `10t` is not a size; write a \
                 number with `k`, `m` or `g`",
                "error[invalid-value]: spec.cache.minFree: `x` is not a size; write a number with \
                 `k`, `m` or `g`",
                "error[invalid-value]: spec.cache.cacheZoneName: `a_` is not the name of a zone; \
                 it begins with a lower-case letter and holds letters, digits and inner `_`",
            ],
        ),
        (
            "cache: {cacheZoneName: a, cacheZoneSize: 10m, allowedCodes: [any, 200], time: 1h}",
            &["error[conflicting-fields]: spec.cache.allowedCodes[0]: `any` stands beside other \
                 codes"],
        ),
        (
            "cache: {cacheZoneName: a, cacheZoneSize: 10m, allowedCodes: [99, 600, all], time: 1h \
             30m}",
            &[
                "error[out-of-range]: spec.cache.allowedCodes[0]: `99` is not between 100 and 599",
                "error[out-of-range]: spec.cache.allowedCodes[1]: `600` is not between 100 and 599",
                "error[wrong-type]: spec.cache.allowedCodes[2]: expected a whole number, found \
                 the text `all`",
                "error[invalid-value]: spec.cache.time: `1h 30m` is not a time that answers are \
                 kept for; write a number with `s`, `m`, `h` or `d`",
            ],
        ),
        (
            "cache: {cacheZoneName: a, cacheZoneSize: 10m, allowedCodes: [200]}",
            &["error[missing-field]: spec.cache.allowedCodes: `allowedCodes` needs `time`"],
        ),
        (
            "cache: {cacheZoneName: a, cacheZoneSize: 10m, time: 10, allowedMethods: [PUT], \
             cacheUseStale: [error, error, http_501], cacheMinUses: 0}",
            &[
                "error[wrong-type]: spec.cache.time: expected text, found the number `10`; put it \
                 in quotes",
                "error[out-of-range]: spec.cache.cacheMinUses: `0` is not between 1 and 2147483647",
                "error[unsupported-value]: spec.cache.allowedMethods[0]: unknown method `PUT`; \
                 known are `GET`, `HEAD`, `POST`",
                "error[duplicate-value]: spec.cache.cacheUseStale[1]: `error` stands above already",
                "error[unsupported-value]: spec.cache.cacheUseStale[2]: unknown condition \
                 `http_501`; did you mean `http_500`?",
            ],
        ),
        (
            "cache: {cacheZoneName: a, cacheZoneSize: 10m, lock: {timeout: 1s, age: x}, inactive: \
             x, levels: '1:3', manager: {files: -1, sleep: x}}",
            &[
                "error[out-of-range]: spec.cache.manager.files: `-1` is not between 0 and \
                 2147483647",
                "error[invalid-value]: spec.cache.levels: `1:3` does not say levels of \
                 directories; write up to three numbers, each 1 or 2, as in `1:2`",
                "error[invalid-value]: spec.cache.manager.sleep: `x` is not a duration; write for \
                 example `90`, `100ms` or `1h 30m`: units from large to small, no fractions",
                "notice[no-effect]: spec.cache.levels: `levels` has no effect: it is about files \
                 that are not kept here",
                "notice[no-effect]: spec.cache.manager: `manager` has no effect: it is about \
                 files that are not kept here",
                "error[conflicting-fields]: spec.cache.lock.timeout: `timeout` needs `enable`",
                "error[conflicting-fields]: spec.cache.lock.age: `age` needs `enable`",
                "error[invalid-value]: spec.cache.lock.age: `x` is not a duration; write for \
                 example `90`, `100ms` or `1h 30m`: units from large to small, no fractions",
                "error[invalid-value]: spec.cache.inactive: `x` is not a duration; write for \
                 example `90`, `100ms` or `1h 30m`: units from large to small, no fractions",
            ],
        ),
        (
            "cache: {cacheZoneName: a, cacheZoneSize: 10m, cacheKey: '$(a)', conditions: \
             {noCache: ['a$'], bypass: ['${a'], by: []}, cachePurgeAllow: [x]}",
            &[
                "warning[unknown-field]: spec.cache.conditions.by: unknown field `by`; known are `noCache`, `bypass`",
                "error[invalid-value]: spec.cache.cachePurgeAllow[0]: `x` is neither an IP \
                 address nor a CIDR like `10.0.0.0/8`",
                "error[invalid-value]: spec.cache.cacheKey: `$(a)` holds `$(`, which cannot stand \
                 in a key",
                "error[invalid-value]: spec.cache.conditions.noCache[0]: `a$` holds a `$` without \
                 a name; write variables as in `$scheme` or `${scheme}`",
                "error[invalid-value]: spec.cache.conditions.bypass[0]: `${a` holds a `$` without \
                 a name; write variables as in `$scheme` or `${scheme}`",
            ],
        ),
        (
            "cache: {cacheZoneName: a, cacheZoneSize: 10m, cacheKey: 'a&&b'}",
            &["error[invalid-value]: spec.cache.cacheKey: `a&&b` holds `&&`, which cannot stand \
                 in a key"],
        ),
        (
            "cache: {cacheZoneName: a, cacheZoneSize: 10m, cacheKey: '$scheme$'}",
            &["error[invalid-value]: spec.cache.cacheKey: `$scheme$` holds a `$` without a \
                 name; write variables as in `$scheme` or `${scheme}`"],
        ),
        (
            "cache: {cacheZoneName: a, cacheZoneSize: 10m, cacheKey: 'a\"b'}",
            &["error[invalid-value]: spec.cache.cacheKey: `a\"b` holds a `\"` that is not \
                 escaped; write `\\\"`, but not between double quotes, where YAML takes the `\\` away"],
        ),
    ]);
}

#[test]
fn each_document_has_zones_of_its_own() {
    // virtualserver §16.2, §16.9; buckets are those of the VirtualServer, whoever names the policy
    let kept = policy("kept", "cache: {cacheZoneName: tea, cacheZoneSize: 1m}");
    let limit = policy("limit", "rateLimit: {rate: 1r/s, key: x, zoneSize: 1m}");
    let server = cafe(
        "policies: [{name: kept}]\nroutes:\n\
         - {path: /more, policies: [{name: limit}], route: more}",
    );
    let more = "---\napiVersion: k8s.nginx.org/v1\nkind: VirtualServerRoute\n\
                metadata: {name: more, namespace: shop}\nspec:\n  host: cafe.example.com\n  \
                upstreams: [{name: tea, service: tea-svc, port: 80}]\n  subroutes:\n  \
                - {path: /more/inherits, action: {pass: tea}}\n  \
                - {path: /more/own, policies: [{name: kept}, {name: limit}], action: {pass: tea}}\n";
    let translation = with_secrets(&format!("{kept}{limit}---\n{server}{more}"));
    assert_eq!(told(&translation.diagnostics), [""; 0]);
    let routes = &translation.rules.listeners[0].hosts.sorted()[0].routes;
    let of = |route: &crate::rules::Route| {
        let policies = route.policies.as_ref().unwrap();
        let limits = policies.rate_limits.iter().map(|choice| choice.otherwise.as_ref().unwrap());
        let buckets: Vec<_> = limits.map(|limit| limit.bucket.to_string()).collect();
        (policies.cache.as_ref().unwrap().zone.to_string(), buckets.join(" "))
    };
    let bucket = "shop/limit shop/cafe";
    let want =
        [("shop/cafe/tea", bucket), ("shop/cafe/shop/more/tea", bucket), ("shop/cafe/tea", "")];
    let got: Vec<_> = routes.iter().map(of).collect();
    assert_eq!(got, want.map(|(zone, bucket)| (zone.to_owned(), bucket.to_owned())));
}
