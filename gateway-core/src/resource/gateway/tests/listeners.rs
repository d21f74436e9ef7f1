use crate::resource::tests::told_of_gateway_api;

/// What is wrong with a Gateway with these listeners.
fn problems(listeners: &[&str]) -> Vec<String> {
    let listeners: String = listeners.iter().map(|l| format!("{{{l}}}, ")).collect();
    told_of_gateway_api("Gateway", &format!("{{gatewayClassName: c, listeners: [{listeners}]}}"))
}

#[test]
fn listeners_are_checked_by_their_protocol() {
    // gateway-api §25
    let certificates = "certificateRefs: [{name: c}]";
    for (listener, want) in [
        ("port: 80, protocol: HTTP", ""),
        ("port: 443, protocol: HTTPS", ""),
        (&*format!("port: 443, protocol: HTTPS, tls: {{{certificates}}}"), ""),
        (&*format!("port: 443, protocol: HTTPS, tls: {{mode: Terminate, {certificates}}}"), ""),
        ("port: 443, protocol: HTTPS, tls: {options: {example.com/a: b}}", ""),
        ("port: 443, protocol: TLS, tls: {mode: Passthrough}", ""),
        // The mode has a default, so it is there when the rule of TLS asks for it.
        (&*format!("port: 443, protocol: TLS, tls: {{{certificates}}}"), ""),
        (
            "port: 443, protocol: TLS, tls: {}",
            ".tls: `certificateRefs` or `options` must say how TLS is terminated",
        ),
        (
            "port: 443, protocol: example.com/foo, tls: {options: {}, certificateRefs: []}",
            ".tls: `certificateRefs` or `options` must say how TLS is terminated",
        ),
        (
            "port: 443, protocol: TLS, tls: {mode: Reencrypt}",
            ".tls.mode: `Reencrypt` is not one of `Terminate`, `Passthrough`",
        ),
        (
            "port: 443, protocol: HTTPS, tls: {certificateRefs: [{namespace: n}]}",
            ".tls.certificateRefs[0].name: required field `name` is missing",
        ),
        (
            "port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: c, namespace: N}]}",
            ".tls.certificateRefs[0].namespace: `N` is not a namespace (it is made of lower-case \
             letters, digits and `-`)",
        ),
        (
            "port: 443, protocol: HTTPS, tls: {options: {a: 1}}",
            ".tls.options.a: expected text, found the number `1` (put it in quotes)",
        ),
        (
            "port: 80, protocol: HTTP, tls: {}",
            ".tls: a listener of protocol HTTP cannot have `tls`",
        ),
        ("port: 443, protocol: example.com/foo", ""),
        (
            "port: 443, protocol: HTTPS, tls: {}",
            ".tls: `certificateRefs` or `options` must say how TLS is terminated",
        ),
        (
            "port: 443, protocol: HTTPS, tls: {mode: Passthrough}",
            ".tls: a listener of protocol HTTPS terminates TLS",
        ),
        ("port: 443, protocol: TLS", ": a listener of protocol TLS needs `tls`"),
        (
            &*format!("port: 80, protocol: HTTP, tls: {{{certificates}}}"),
            ".tls: a listener of protocol HTTP cannot have `tls`",
        ),
        (
            "port: 80, protocol: TCP, hostname: a.example",
            ".hostname: a listener of protocol TCP cannot have a host name",
        ),
        (
            "port: 80, protocol: HTTP, hostname: '*'",
            ".hostname: `*` is not a valid host name: `*` stands only as the whole first label \
             (leave the field out to take every host)",
        ),
        ("port: 0, protocol: HTTP", ".port: `0` is not between 1 and 65535"),
        (
            "port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: \
             {matchLabels: {a: b}, matchExpressions: [{key: c, operator: Exists}]}}}",
            "",
        ),
        (
            "port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: \
             {matchExpressions: [{key: c, operator: In}]}}}",
            ".allowedRoutes.namespaces.selector.matchExpressions[0]: the operator `In` needs \
             `values`",
        ),
        (
            "port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: None}}",
            ".allowedRoutes.namespaces.from: `None` is not one of `All`, `Selector`, `Same`",
        ),
    ] {
        let want: Vec<String> =
            (!want.is_empty()).then(|| format!("spec.listeners[0]{want}")).into_iter().collect();
        assert_eq!(problems(&[&format!("name: l, {listener}")]), want, "{listener}");
    }
}

#[test]
fn listeners_are_distinct() {
    // gateway-api §25
    let got = problems(&[
        "name: a, port: 80, protocol: HTTP",
        "name: a, port: 81, protocol: HTTP",
        "name: b, port: 80, protocol: HTTP",
        "name: c, port: 80, protocol: HTTP, hostname: a.example",
        "name: d, port: 53, protocol: UDP",
        "name: e, port: 53, protocol: UDP",
    ]);
    assert_eq!(
        got,
        [
            "spec.listeners: several listeners have the name `a`",
            "spec.listeners: the listeners `a` and `b` have the same port, protocol and host name",
            "spec.listeners: the listeners `d` and `e` have the same port, protocol and host name",
        ]
    );
}

#[test]
fn lists_of_listeners_have_limits() {
    // gateway-api §5, §5.1
    let many = |count: usize, entry: &str| {
        (0..count).map(|i| entry.replace('#', &i.to_string())).collect::<String>()
    };
    let certificates = |count| many(count, "{name: c#}, ");
    let options = |count| many(count, "example.com/o#: v, ");
    let kinds = |count| many(count, "{kind: K#}, ");
    let https = |tls: String| vec![format!("name: l, port: 443, protocol: HTTPS, tls: {{{tls}}}")];
    let with_kinds = |kinds: String| {
        vec![format!("name: l, port: 80, protocol: HTTP, allowedRoutes: {{kinds: [{kinds}]}}")]
    };
    let listeners = |count: usize| {
        (1..=count).map(|i| format!("name: l{i}, port: {i}, protocol: HTTP")).collect::<Vec<_>>()
    };
    let long = |length| format!("options: {{example.com/o: {}}}", "v".repeat(length));
    let too_many = |most: usize| format!("at most {most} entries are allowed, found {}", most + 1);
    let too_long = "the value of an annotation has at most 4096 characters, found 4097";
    let first = "spec.listeners[0]";
    for (listeners, want) in [
        (listeners(64), None),
        (listeners(65), Some(format!("spec.listeners: {}", too_many(64)))),
        (vec![], Some("spec.listeners: at least one entry is needed".to_owned())),
        (https(format!("certificateRefs: [{}]", certificates(64))), None),
        (
            https(format!("certificateRefs: [{}]", certificates(65))),
            Some(format!("{first}.tls.certificateRefs: {}", too_many(64))),
        ),
        (https(format!("options: {{{}}}", options(16))), None),
        (
            https(format!("options: {{{}}}", options(17))),
            Some(format!("{first}.tls.options: {}", too_many(16))),
        ),
        (https(long(4096)), None),
        (https(long(4097)), Some(format!("{first}.tls.options[\"example.com/o\"]: {too_long}"))),
        (with_kinds(kinds(8)), None),
        (with_kinds(kinds(9)), Some(format!("{first}.allowedRoutes.kinds: {}", too_many(8)))),
    ] {
        let listeners: Vec<&str> = listeners.iter().map(String::as_str).collect();
        assert_eq!(problems(&listeners), Vec::from_iter(want), "{listeners:?}");
    }
}

#[test]
fn groups_and_kinds_of_references_are_checked() {
    // gateway-api §2
    for (reference, want) in [
        (
            "group: A, name: c",
            "group: `A` is not an API group (it is made of lower-case letters, digits, `-` and `.`)",
        ),
        (
            "kind: '1', name: c",
            "kind: `1` is not a kind (it begins with a letter and holds letters, digits and `-`)",
        ),
        ("name: ''", "name: an object name must not be empty"),
    ] {
        let tls = format!("tls: {{certificateRefs: [{{{reference}}}]}}");
        let got = problems(&[&format!("name: l, port: 443, protocol: HTTPS, {tls}")]);
        let want = format!("spec.listeners[0].tls.certificateRefs[0].{want}");
        assert_eq!(got, [want], "{reference}");
    }
}
