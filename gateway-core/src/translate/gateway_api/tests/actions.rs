//! What a rule asks and does (gateway-api §11, §13 to §16).

use super::*;

#[test]
fn conditions_are_lowered() {
    // gateway-api §11
    let got = clean(&[
        GATEWAY.into(),
        rule(
            "    matches:
    - path: {type: Exact, value: /caf%c3%a9}
      method: PATCH
      headers: [{name: X-A, value: One}, {name: x-b, type: RegularExpression, value: 'v\\d'}]
      queryParams: [{name: Animal, value: whale}]
    - path: {value: /v2/}
    - {}
    backendRefs: [{name: s, port: 80}]",
        ),
    ]);
    let [exact, prefix, all] = got.routes() else { panic!("{:#?}", got.routes()) };
    assert_eq!(exact.path.to_string(), "exactly `/café`");
    assert_eq!(prefix.path.to_string(), "prefix `/v2` by segments");
    assert_eq!(all.path, path::prefix("/").unwrap());
    assert!(
        matches!(&all.path, PathPattern::Prefix { template, .. } if template.parts().is_empty())
    );
    let say = |c: &Condition| format!("{} {c}", c.field);
    assert_eq!(
        exact.conditions.iter().map(say).collect::<Vec<_>>(),
        [
            "method `PATCH`",
            "header `x-a` `One`",
            "header `x-b` matching `v\\d` as a whole",
            "argument `Animal` `whale`",
        ]
    );
    let argument = Field::Argument { name: "Animal".into(), ignore_case: false, decoded: true };
    assert_eq!(exact.conditions[3].field, argument);
}

#[test]
fn redirects_keep_what_they_do_not_name() {
    // gateway-api §14.2
    let keep = PathRewrite::Keep;
    let parts = |scheme, host: Option<&str>, port, path| Location::Parts {
        scheme,
        host: host.map(Into::into),
        port,
        path,
    };
    for (redirect, status, want) in [
        ("{}", 302, parts(None, None, None, keep.clone())),
        (
            "{scheme: https, statusCode: 301}",
            301,
            parts(Some(Protocol::Https), None, None, keep.clone()),
        ),
        (
            "{hostname: a.example, port: 8080}",
            302,
            parts(None, Some("a.example"), Some(8080), keep),
        ),
        (
            "{path: {type: ReplaceFullPath, replaceFullPath: /x}, statusCode: 308}",
            308,
            parts(None, None, None, PathRewrite::Full("/x".into())),
        ),
        (
            "{path: {type: ReplacePrefixMatch, replacePrefixMatch: ''}}",
            302,
            parts(None, None, None, PathRewrite::SegmentPrefix("".into())),
        ),
    ] {
        let fields =
            format!("    filters: [{{type: RequestRedirect, requestRedirect: {redirect}}}]");
        let got = clean(&[GATEWAY.into(), rule(&fields)]);
        let Action::Redirect(got) = got.action() else { panic!("{redirect}: {:?}", got.action()) };
        assert_eq!((got.status.as_u16(), &got.location), (status, &want), "{redirect}");
    }
}

#[test]
fn rewrites_change_host_and_path() {
    // gateway-api §14.3
    let got = clean(&[
        GATEWAY.into(),
        rule(
            "    filters: [{type: URLRewrite, urlRewrite: {hostname: a.example, path: {type: ReplacePrefixMatch, replacePrefixMatch: /x}}}]
    backendRefs: [{name: s, port: 80}]",
        ),
    ]);
    assert_eq!(got.forward().host, HostRewrite::Set(crate::rules::Template::text("a.example")));
    assert_eq!(got.forward().path, PathRewrite::SegmentPrefix("/x".into()));
    let got = clean(&[GATEWAY.into(), rule("    backendRefs: [{name: s, port: 80}]")]);
    assert_eq!(got.forward().host, HostRewrite::Keep);
    assert_eq!(got.forward().path, PathRewrite::Keep);
    assert_eq!(got.forward().unavailable, http::StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn header_changes_of_rule_and_backend_follow_each_other() {
    // gateway-api §13, §13.1: requests rule first, answers backend first
    let modifier = |what: &str, value: &str| {
        format!(
            "{{type: {what}, {}: {{set: [{{name: s, value: {value}}}], add: [{{name: a, value: {value}}}], remove: [r-{value}]}}}}",
            {
                let (first, rest) = what.split_at(1);
                format!("{}{rest}", first.to_lowercase())
            }
        )
    };
    let both = |value: &str| {
        format!(
            "[{}, {}]",
            modifier("RequestHeaderModifier", value),
            modifier("ResponseHeaderModifier", value)
        )
    };
    let got = clean(&[
        GATEWAY.into(),
        rule(&format!(
            "    filters: {}\n    backendRefs: [{{name: s, port: 80, filters: {}}}]",
            both("rule"),
            both("backend")
        )),
    ]);
    let forward = got.forward();
    let text = |edits: Vec<&crate::rules::HeaderEdit>| {
        let say =
            |edit: &&crate::rules::HeaderEdit| format!("{}={:?}", edit.name, edit.value.parts());
        edits.iter().map(say).collect::<Vec<_>>().join(" ")
    };
    let (request, response) = (&forward.request_headers, &forward.response_headers);
    assert_eq!(text(request.set.iter().collect()), "s=[Text(\"backend\")]");
    assert_eq!(text(request.add.iter().collect()), "a=[Text(\"rule\")] a=[Text(\"backend\")]");
    assert_eq!(request.remove, ["r-rule", "r-backend"]);
    assert!(!request.drop_all);
    assert_eq!(text(response.set.iter().collect()), "s=[Text(\"rule\")]");
    let added = response.add.iter().inspect(|add| assert!(add.always)).map(|add| &add.edit);
    assert_eq!(text(added.collect()), "a=[Text(\"backend\")] a=[Text(\"rule\")]");
    assert_eq!(response.remove, ["r-backend", "r-rule"]);
}

#[test]
fn what_is_removed_or_set_later_undoes_earlier_changes() {
    let filter =
        |block: &str| format!("[{{type: RequestHeaderModifier, requestHeaderModifier: {block}}}]");
    for (rule_block, backend_block, want) in [
        ("{add: [{name: x, value: '1'}]}", "{remove: [x]}", "-x"),
        ("{set: [{name: x, value: '1'}]}", "{remove: [X]}", "-x"),
        ("{remove: [x]}", "{set: [{name: x, value: '2'}]}", "=x"),
        ("{add: [{name: x, value: '1'}]}", "{set: [{name: x, value: '2'}]}", "=x"),
        ("{remove: [x]}", "{add: [{name: x, value: '2'}]}", "-x +x"),
        ("{set: [{name: x, value: '1'}]}", "{add: [{name: x, value: '2'}]}", "=x +x"),
    ] {
        let fields = format!(
            "    filters: {}\n    backendRefs: [{{name: s, port: 80, filters: {}}}]",
            filter(rule_block),
            filter(backend_block)
        );
        let got = clean(&[GATEWAY.into(), rule(&fields)]);
        let ops = &got.forward().request_headers;
        let removed = ops.remove.iter().map(|name| format!("-{name}"));
        let set = ops.set.iter().map(|edit| format!("={}", edit.name));
        let added = ops.add.iter().map(|edit| format!("+{}", edit.name));
        let got: Vec<String> = removed.chain(set).chain(added).collect();
        assert_eq!(got.join(" "), want, "{rule_block} {backend_block}");
    }
}

#[test]
fn backends_share_by_weight_and_broken_ones_answer_500() {
    // gateway-api §15.2, §15.3
    let options = Options {
        known_services: vec![
            (crate::rules::ServiceName::new("default", "tea"), 80),
            (crate::rules::ServiceName::new("default", "tea"), 443),
            (crate::rules::ServiceName::new("other", "tea"), 80),
        ],
        ..Options::default()
    };
    let documents = [
        GATEWAY.into(),
        rule(
            "    backendRefs:
    - {name: tea, port: 80}
    - {name: tea, port: 81, weight: 2}
    - {name: tae, port: 80, weight: 0}
    - {name: tea, port: 80, namespace: other}
    - {name: tea, kind: Teapot}
    - {name: tea, port: 80, filters: [{type: ExtensionRef, extensionRef: {group: g, kind: K, name: n}}]}",
        ),
    ];
    let got = translated(&options, &documents);
    let Action::Split(split) = got.action() else { panic!("{:?}", got.action()) };
    let weights: Vec<u64> = split.branches.iter().map(|branch| branch.weight).collect();
    assert_eq!(weights, [1, 2, 0, 1, 1, 1]);
    assert_eq!(split.otherwise, http::StatusCode::INTERNAL_SERVER_ERROR);
    assert!(matches!(&split.branches[0].action, Action::Forward(_)));
    let faults: Vec<&str> =
        split.branches[1..].iter().map(|branch| fault(&branch.action)).collect();
    assert_eq!(
        faults,
        [
            "the Service `default/tea` has no port 81",
            "there is no Service `default/tae`",
            "Service `other/tea` is in another namespace, and no ReferenceGrant permits that",
            "backends of kind `Teapot` of the core group are not supported",
            "the extension `n` of kind `K` of group `g` is not known",
        ]
    );
    let of = |i: usize, what: &str| format!("spec.rules[0].backendRefs[{i}]{what}");
    assert_eq!(
        got.diagnostics,
        [
            format!(
                "error BackendNotFound: {}: the Service `default/tea` has no port 81 (it has 80, 443)",
                of(1, ".port")
            ),
            format!(
                "error BackendNotFound: {}: there is no Service `default/tae` (did you mean `tea`?)",
                of(2, ".name")
            ),
            format!(
                "error RefNotPermitted: {}: Service `other/tea` is in another namespace, and no \
                 ReferenceGrant permits that (a ReferenceGrant in namespace `other` from HTTPRoutes of namespace `default` to \
                 Services would permit it)",
                of(3, ".namespace")
            ),
            format!(
                "error InvalidKind: {}: backends of kind `Teapot` of the core group are not supported (a backend is a `Service` of the core group)",
                of(4, ".kind")
            ),
            format!(
                "error unsupported-filter: {}: the extension `n` of kind `K` of group `g` is not known \
                 (requests to the backend are answered 500)",
                of(5, ".filters[0]")
            ),
        ]
    );
    assert_eq!(
        got.conditions("HTTPRoute", "r"),
        ["gw Accepted=true/Accepted", "gw ResolvedRefs=false/BackendNotFound"]
    );
    let settings = |branch: &Branch| match &branch.action {
        Action::Forward(forward) => Arc::clone(&forward.settings),
        other => panic!("{other:?}"),
    };
    assert_eq!(&*settings(&split.branches[0]).name, "default/r");
}

#[test]
fn a_rule_without_a_way_to_answer_answers_500() {
    // gateway-api §13, §15.3
    let filter = |name: &str, block: &str| {
        format!(
            "    filters: [{{type: {name}, {block}}}]\n    backendRefs: [{{name: s, port: 80}}]"
        )
    };
    for (fields, severity, reason) in [
        ("    name: empty".to_owned(), "warning no-backends", "the rule has no `backendRefs`"),
        (
            filter("ExtensionRef", "extensionRef: {group: g, kind: K, name: n}"),
            "error unsupported-filter",
            "the extension `n` of kind `K` of group `g` is not known",
        ),
    ] {
        let got = translated(&default_options(), &[GATEWAY.into(), rule(&fields)]);
        assert_eq!(fault(got.action()), reason, "{fields}");
        let [diagnostic] = &*got.diagnostics else { panic!("{fields}: {:?}", got.diagnostics) };
        assert!(diagnostic.starts_with(severity), "{diagnostic}");
    }
    let got = translated(
        &default_options(),
        &[GATEWAY.into(), rule("    backendRefs: [{name: s, port: 80, weight: 0}]")],
    );
    let Action::Split(split) = got.action() else { panic!("{:?}", got.action()) };
    assert_eq!(split.otherwise, http::StatusCode::INTERNAL_SERVER_ERROR);
}

#[test]
fn timeouts_and_retries() {
    // gateway-api §16
    let second = |n| Some(Duration::from_secs(n));
    for (fields, want) in [
        ("{}", (second(60), None, None)),
        ("{request: 10s}", (None, second(10), None)),
        ("{request: 10s, backendRequest: 2s}", (None, second(10), second(2))),
        ("{request: 0s, backendRequest: 2s}", (None, None, second(2))),
        ("{backendRequest: 0s}", (None, None, None)),
    ] {
        let fields = format!("    timeouts: {fields}\n    backendRefs: [{{name: s, port: 80}}]");
        let got = clean(&[GATEWAY.into(), rule(&fields)]);
        let timeouts = &got.forward().settings.timeouts;
        assert_eq!((timeouts.read, timeouts.request, timeouts.backend_request), want, "{fields}");
    }
    let (error, timeout) = (RetryCondition::Error, RetryCondition::Timeout);
    let code = RetryCondition::Status(http::StatusCode::BAD_GATEWAY);
    let ms = |n| Some(Duration::from_millis(n));
    for (fields, want) in [
        ("", (vec![], 1, None)),
        ("    retry: {}\n", (vec![error, timeout], 2, ms(25))),
        (
            "    retry: {codes: [502], attempts: 3, backoff: 1s}\n",
            (vec![error, timeout, code], 4, ms(1000)),
        ),
    ] {
        let fields = format!("{fields}    backendRefs: [{{name: s, port: 80}}]");
        let got = clean(&[GATEWAY.into(), rule(&fields)]);
        let retry = &got.forward().settings.retry;
        assert_eq!((retry.on.clone(), retry.tries, retry.backoff), want, "{fields}");
        let after_status = retry.non_idempotent == NonIdempotent::AfterStatus;
        assert_eq!(after_status, retry.tries > 1, "{fields}");
    }
}

#[test]
fn an_external_name_is_no_backend() {
    // gateway-api §15.1
    let service = "---
apiVersion: v1
kind: Service
metadata: {name: far}
spec: {type: ExternalName, externalName: example.com, ports: [{port: 80}]}
";
    let documents =
        [GATEWAY.into(), service.into(), rule("    backendRefs: [{name: far, port: 80}]")];
    let got = translated(&Options::default(), &documents);
    let message = "the Service `default/far` is an ExternalName, which is no backend";
    assert_eq!(fault(got.action()), message);
    assert_eq!(
        got.diagnostics,
        [format!("error InvalidKind: spec.rules[0].backendRefs[0].name: {message}")]
    );
}
