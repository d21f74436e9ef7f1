//! What upstreams become (virtualserver §4, §14).

use super::*;
use crate::rules::{
    AnswerTime, BackendProtocol, BackendSettings, CookieAge, EndpointChoice, FailureLimit, Forward,
    HealthCheck, NonIdempotent, Probe, Queue, Retry, SameSite, SessionCookie, StatusMatch,
    Timeouts,
};
use std::sync::Arc;

/// Where an upstream with these further fields sends requests, and what is told.
fn upstream(fields: &str) -> (Translation, Arc<Forward>) {
    let yaml = server(&format!(
        "host: a.example\nupstreams: [{{name: tea, service: tea-svc, port: 81, {fields}}}]\n\
         routes: [{{path: /, action: {{pass: tea}}}}]"
    ));
    let translation = translation(&yaml, &Options::default());
    let host = &translation.rules.listeners[0].hosts.sorted()[0];
    let Action::Forward(forward) = &host.routes[0].action else { panic!("{yaml}") };
    let forward = Arc::clone(forward);
    (translation, forward)
}

/// The settings of an upstream of which nothing is told.
fn settings(fields: &str) -> Arc<BackendSettings> {
    let (translation, forward) = upstream(fields);
    assert_eq!(told(&translation.diagnostics), Vec::<String>::new(), "{fields}");
    Arc::clone(&forward.settings)
}

/// The settings of an upstream without further fields.
fn plain() -> BackendSettings {
    let origin = settings("").origin.clone();
    BackendSettings {
        balance: Balance::RandomTwoLeastConnections,
        failure_limit: FailureLimit { counts_statuses: true, ..FailureLimit::default() },
        max_body: Some(1 << 20),
        ..BackendSettings::new("tea", origin)
    }
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn defaults() {
    // virtualserver §4, §12.2, §14
    let (translation, forward) = upstream("");
    let service = translation.rules.service(forward.target.service).name.to_string();
    assert_eq!((&*service, forward.target.port, forward.target.splits), ("shop/tea-svc", 81, true));
    assert_eq!(forward.unavailable, StatusCode::BAD_GATEWAY);
    assert_eq!((&forward.host, &forward.path), (&HostRewrite::WithoutPort, &PathRewrite::Keep));
    assert_eq!(*forward.settings, plain());
    assert_eq!(forward.settings.origin.to_string(), "VirtualServer shop/cafe: spec.upstreams[0]");
    let Timeouts { connect, read, send, request, backend_request } = plain().timeouts;
    assert_eq!([connect, read, send], [Some(seconds(60)); 3]);
    assert_eq!([request, backend_request], [None; 2]);
    assert_eq!(plain().retry.on, [RetryCondition::Error, RetryCondition::Timeout]);
    let limit = FailureLimit { failures: 1, period: seconds(10), counts_statuses: true };
    assert_eq!(plain().failure_limit, limit);
}

#[test]
fn each_field_has_its_setting() {
    // virtualserver §4
    let timeouts = |connect, read, send| Timeouts {
        connect: Some(connect),
        read: Some(read),
        send: Some(send),
        ..Timeouts::default()
    };
    let failures = |failures, period| FailureLimit { failures, period, counts_statuses: true };
    let labels = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter().map(|(key, value)| ((*key).into(), (*value).into()));
        EndpointChoice::Labelled(pairs.collect())
    };
    for (fields, want) in [
        (
            "connect-timeout: 1s, read-timeout: '2', send-timeout: 100ms",
            BackendSettings {
                timeouts: timeouts(seconds(1), seconds(2), Duration::from_millis(100)),
                ..plain()
            },
        ),
        ("client-max-body-size: '0'", BackendSettings { max_body: None, ..plain() }),
        ("client-max-body-size: 2g", BackendSettings { max_body: Some(2 << 30), ..plain() }),
        ("max-fails: 0", BackendSettings { failure_limit: failures(0, seconds(10)), ..plain() }),
        (
            "max-fails: 3, fail-timeout: 5s",
            BackendSettings { failure_limit: failures(3, seconds(5)), ..plain() },
        ),
        ("max-conns: 0", plain()),
        ("max-conns: 7", BackendSettings { max_connections: Some(7), ..plain() }),
        ("keepalive: 0", BackendSettings { keepalive: Some(0), ..plain() }),
        ("keepalive: 32", BackendSettings { keepalive: Some(32), ..plain() }),
        ("type: http, tls: {enable: false}", plain()),
        ("tls: {enable: true}", BackendSettings { tls: true, ..plain() }),
        ("type: grpc", BackendSettings { protocol: BackendProtocol::Grpc, ..plain() }),
        ("use-cluster-ip: false, subselector: {}", plain()),
        (
            "use-cluster-ip: true",
            BackendSettings { endpoints: EndpointChoice::ClusterIp, ..plain() },
        ),
        (
            "subselector: {version: v1, a.b/c: ''}",
            BackendSettings { endpoints: labels(&[("version", "v1"), ("a.b/c", "")]), ..plain() },
        ),
        (
            "queue: {size: 10}",
            BackendSettings { queue: Some(Queue { size: 10, timeout: seconds(60) }), ..plain() },
        ),
        (
            "queue: {size: 1, timeout: 5s}",
            BackendSettings { queue: Some(Queue { size: 1, timeout: seconds(5) }), ..plain() },
        ),
        (
            "next-upstream: http_503 non_idempotent, next-upstream-tries: 2, \
             next-upstream-timeout: 5s",
            BackendSettings {
                retry: Retry {
                    on: vec![RetryCondition::Status(StatusCode::SERVICE_UNAVAILABLE)],
                    tries: 2,
                    timeout: Some(seconds(5)),
                    non_idempotent: NonIdempotent::Always,
                    backoff: None,
                },
                ..plain()
            },
        ),
        (
            "next-upstream: error off, next-upstream-timeout: 0s",
            BackendSettings { retry: Retry { on: vec![], ..Retry::default() }, ..plain() },
        ),
    ] {
        assert_eq!(*settings(fields), want, "{fields}");
    }
    assert!(!upstream("subselector: {version: v1}").1.target.splits, "smi R-1");
}

#[test]
fn every_retry_condition() {
    // virtualserver §4
    let settings = settings(
        "next-upstream: error timeout invalid_header http_500 http_502 http_503 http_504 http_403 \
         http_404 http_429",
    );
    let on = settings.retry.on.iter().map(|condition| match condition {
        RetryCondition::Status(status) => status.as_str().to_owned(),
        other => format!("{other:?}"),
    });
    assert_eq!(
        on.collect::<Vec<_>>().join(" "),
        "Error Timeout InvalidHeader 500 502 503 504 403 404 429"
    );
    assert_eq!(settings.retry.non_idempotent, NonIdempotent::Never);
}

#[test]
fn ways_of_balancing() {
    // virtualserver §14
    let hash = |parts: &[TemplatePart], consistent| Balance::Hash {
        key: Template::new(parts.to_vec()),
        consistent,
    };
    let field = |field| TemplatePart::Field(field);
    let least_time = |until, inflight| Balance::LeastTime { until, inflight };
    for (method, want) in [
        ("", Balance::RandomTwoLeastConnections),
        ("round_robin", Balance::RoundRobin),
        ("least_conn", Balance::LeastConnections),
        ("ip_hash", Balance::ClientAddress),
        ("random", Balance::Random),
        ("random two", Balance::RandomTwoLeastConnections),
        ("random  two least_conn", Balance::RandomTwoLeastConnections),
        ("random two least_time=header", Balance::RandomTwoLeastTime(AnswerTime::Head)),
        ("random two least_time=last_byte", Balance::RandomTwoLeastTime(AnswerTime::Whole)),
        ("least_time header", least_time(AnswerTime::Head, false)),
        ("least_time last_byte", least_time(AnswerTime::Whole, false)),
        ("least_time header inflight", least_time(AnswerTime::Head, true)),
        ("least_time last_byte inflight", least_time(AnswerTime::Whole, true)),
        ("hash $request_uri", hash(&[field(Field::Target)], false)),
        (
            "hash a${host}-$http_X_User$odd consistent",
            hash(
                &[
                    TemplatePart::Text("a".into()),
                    field(Field::Host),
                    TemplatePart::Text("-".into()),
                    field(Field::Header("x-user".into())),
                    field(Field::Attribute("odd".into())),
                ],
                true,
            ),
        ),
        ("hash $http_", hash(&[field(Field::Attribute("http_".into()))], false)),
    ] {
        let settings = settings(&format!("lb-method: {method:?}"));
        assert_eq!(settings.balance, want, "{method}");
    }
}

#[test]
fn session_cookies() {
    // virtualserver §4
    let cookie =
        |fields: &str| settings(&format!("sessionCookie: {{{fields}}}")).session_cookie.clone();
    let plain = SessionCookie {
        name: "srv_id".into(),
        path: None,
        expires: None,
        domain: None,
        http_only: false,
        secure: false,
        same_site: None,
    };
    assert_eq!(cookie("enable: false, name: srv_id"), None);
    assert_eq!(cookie("enable: true, name: srv_id").as_ref(), Some(&plain));
    let full = SessionCookie {
        path: Some("/tea".into()),
        expires: Some(CookieAge::For(seconds(3600))),
        domain: Some(".example.com".into()),
        http_only: true,
        secure: true,
        same_site: Some(SameSite::Strict),
        ..plain.clone()
    };
    assert_eq!(
        cookie(
            "enable: true, name: srv_id, path: /tea, expires: 1h, domain: .example.com, \
             httpOnly: true, secure: true, samesite: STRICT"
        ),
        Some(full)
    );
    for (fields, want) in [
        ("expires: max", SessionCookie { expires: Some(CookieAge::Max), ..plain.clone() }),
        ("domain: a.b", SessionCookie { domain: Some("a.b".into()), ..plain.clone() }),
        ("samesite: Lax", SessionCookie { same_site: Some(SameSite::Lax), ..plain.clone() }),
        ("samesite: none", SessionCookie { same_site: Some(SameSite::None), ..plain.clone() }),
    ] {
        assert_eq!(
            cookie(&format!("enable: true, name: srv_id, {fields}")),
            Some(want),
            "{fields}"
        );
    }
}

#[test]
fn backups() {
    // virtualserver §4
    let (translation, forward) = upstream("lb-method: least_conn, backup: spare, backupPort: 8080");
    assert_eq!(told(&translation.diagnostics), Vec::<String>::new());
    let backup = forward.settings.backup.unwrap();
    let service = translation.rules.service(backup.service).name.to_string();
    assert_eq!((&*service, backup.port, backup.splits), ("shop/spare", 8080, false));
    assert_eq!(settings("backup: ''").backup, None);

    let yaml = server(
        "host: a.example\n\
         upstreams: [{name: tea, service: a, port: 80, lb-method: least_conn, backup: spare, \
         backupPort: 80}]",
    );
    let known_services = vec![(crate::rules::ServiceName::new("shop", "a"), 80)];
    let missing = self::translation(&yaml, &Options { known_services, ..Options::default() });
    assert_eq!(
        told(&missing.diagnostics),
        ["warning[not-found]: spec.upstreams[0].backup: there is no Service `shop/spare`; it \
             takes no requests"]
    );
}

#[test]
fn slow_starts() {
    // virtualserver §4
    for (method, has_effect) in [
        ("round_robin", true),
        ("least_conn", true),
        ("least_time header", true),
        ("", false),
        ("random", false),
        ("random two least_time=header", false),
        ("ip_hash", false),
        ("hash $host", false),
    ] {
        let (translation, forward) = upstream(&format!("lb-method: {method:?}, slow-start: 30s"));
        let want = "warning[no-effect]: spec.upstreams[0].slow-start: `slow-start` has no effect \
                    on endpoints that are taken at random or by a hash; set `lb-method` to \
                    `round_robin` or `least_conn`";
        let want: Vec<_> = (!has_effect).then_some(want).into_iter().collect();
        assert_eq!(told(&translation.diagnostics), want, "{method}");
        assert_eq!(forward.settings.slow_start, has_effect.then_some(seconds(30)), "{method}");
    }
    assert_eq!(settings("lb-method: round_robin, slow-start: 0s").slow_start, None);
}

#[test]
fn health_checks() {
    // virtualserver §4, `healthCheck`
    let http = |path: &str, statuses| Probe::Http { path: path.into(), headers: vec![], statuses };
    let plain = HealthCheck {
        probe: http("/", StatusMatch { negated: false, ranges: vec![200..=399] }),
        interval: seconds(5),
        jitter: seconds(0),
        fails: 1,
        passes: 1,
        port: None,
        tls: false,
        timeouts: Timeouts::default(),
        mandatory: false,
        persistent: false,
        keepalive: seconds(60),
    };
    let check = |rest: &str| settings(&format!("healthCheck: {{enable: true}}, {rest}"));
    assert_eq!(settings("healthCheck: {}").health_check, None);
    assert_eq!(settings("healthCheck: {enable: false, path: /x}").health_check, None);
    assert_eq!(check("").health_check.as_ref(), Some(&plain));
    let as_upstream = HealthCheck {
        tls: true,
        timeouts: Timeouts { read: Some(seconds(7)), ..Timeouts::default() },
        ..plain.clone()
    };
    let upstream = check("tls: {enable: true}, read-timeout: 7s");
    assert_eq!(upstream.health_check.as_ref(), Some(&as_upstream));

    let full = settings(
        "tls: {enable: true}, read-timeout: 7s, healthCheck: {enable: true, path: /up, \
         interval: 20s, jitter: 3s, fails: 5, passes: 0, port: 8080, tls: {enable: false}, \
         connect-timeout: 1s, read-timeout: 2s, send-timeout: 3s, statusMatch: '! 500 502-504', \
         headers: [{name: Host, value: 'a \\\"b\\\"'}], mandatory: true, persistent: true, \
         keepalive-time: 90s}",
    );
    let headers = vec![crate::rules::HeaderEdit {
        name: http::header::HOST,
        value: Template::text("a \"b\""),
    }];
    let statuses = StatusMatch { negated: true, ranges: vec![500..=500, 502..=504] };
    let want = HealthCheck {
        probe: Probe::Http { path: "/up".into(), headers, statuses },
        interval: seconds(20),
        jitter: seconds(3),
        fails: 5,
        passes: 0,
        port: Some(8080),
        tls: false,
        timeouts: Timeouts {
            connect: Some(seconds(1)),
            read: Some(seconds(2)),
            send: Some(seconds(3)),
            ..Timeouts::default()
        },
        mandatory: true,
        persistent: true,
        keepalive: seconds(90),
    };
    assert_eq!(full.health_check.as_ref(), Some(&want));

    for (fields, service, status) in [
        ("", "", 0),
        (", grpcStatus: 12, grpcService: helloworld.Greeter", "helloworld.Greeter", 12),
    ] {
        let settings = settings(&format!("type: grpc, healthCheck: {{enable: true{fields}}}"));
        let probe = Probe::Grpc { service: service.into(), headers: vec![], status };
        assert_eq!(settings.health_check, Some(HealthCheck { probe, ..plain.clone() }), "{fields}");
    }
    let (translation, _) =
        self::upstream("type: grpc, healthCheck: {enable: true, statusMatch: '200'}");
    assert_eq!(
        told(&translation.diagnostics),
        ["warning[no-effect]: spec.upstreams[0].healthCheck.statusMatch: `statusMatch` has no \
             effect on upstreams of type `grpc`; use `grpcStatus`"]
    );
}
