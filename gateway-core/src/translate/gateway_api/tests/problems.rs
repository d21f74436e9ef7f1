//! What is refused, left out or warned of.

use super::*;

#[test]
fn of_headers_that_differ_in_case_the_first_counts() {
    // gateway-api §11.3
    let documents = [
        GATEWAY.into(),
        rule(
            "    matches: [{headers: [{name: X-A, value: '1'}, {name: x-a, value: '2'}]}]
    backendRefs: [{name: s, port: 80}]",
        ),
    ];
    let got = translated(&default_options(), &documents);
    assert_eq!(got.routes()[0].conditions, [Condition::equals(Field::Header("x-a".into()), "1")]);
    assert_eq!(
        got.diagnostics,
        [
            "warning duplicate: spec.rules[0].matches[0].headers[1]: only the first test of header `x-a` counts"
        ]
    );
}

#[test]
fn a_route_without_parents_says_so() {
    // gateway-api §9.1
    let documents = [GATEWAY.into(), route("r", "", "  rules: [{}]")];
    let got = translated(&default_options(), &documents);
    assert_eq!(
        got.diagnostics,
        ["warning no-parent: : the route has no `parentRefs`, so that no requests come to it"]
    );
}

#[test]
fn a_route_is_not_attached_to_more_hosts_than_can_be_held() {
    // decisions §5
    let listener = |i| format!("name: l{i}, port: {}, protocol: HTTP", 8000 + i);
    let listeners: Vec<String> = (0..64).map(listener).collect();
    let listeners: Vec<&str> = listeners.iter().map(|l| &**l).collect();
    let rules = |matches: usize| {
        let matches: String =
            (0..matches).map(|i| format!("{{path: {{value: /{i}}}}}, ")).collect();
        format!("  rules: [{{matches: [{matches}], backendRefs: [{{name: s, port: 80}}]}}]")
    };
    let hosts: String = (0..16).map(|i| format!("h{i}.example, ")).collect();
    for (matches, want) in [(16, "true/Accepted"), (17, "false/UnsupportedValue")] {
        let rules = rules(matches);
        let spec = format!("  parentRefs: [{{name: gw}}]\n  hostnames: [{hosts}]\n{rules}");
        let got = translated(&default_options(), &[gateway(&listeners), route("r", "", &spec)]);
        let conditions = got.conditions("HTTPRoute", "r");
        assert!(conditions.contains(&format!("gw Accepted={want}")), "{conditions:?}");
        assert_eq!(got.diagnostics.len(), usize::from(matches > 16));
    }
}

#[test]
fn what_was_meant_may_be_in_another_namespace() {
    // gateway-api §9.2, §15.2, §19
    let grant = |namespace: &str| {
        format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: ReferenceGrant\n\
             metadata: {{name: g, namespace: {namespace}}}\nspec:\n  \
             from: [{{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default}}]\n  \
             to: [{{group: '', kind: Service}}]\n"
        )
    };
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: other}\n\
                   spec: {ports: [{port: 80}]}\n";
    let send = |more: &str| rule(&format!("    backendRefs: [{{name: pay, port: 80{more}}}]"));
    let elsewhere = send(", namespace: other");
    for (documents, want) in [
        (vec![send("")], "there is no Service `default/pay` (there is one in namespace `other`)"),
        (
            vec![elsewhere.clone(), grant("default")],
            "Service `other/pay` is in another namespace, and no ReferenceGrant permits that \
             (ReferenceGrant default/g has to be in namespace `other`)",
        ),
        (vec![elsewhere, grant("other")], ""),
    ] {
        let mut documents = documents;
        documents.extend([GATEWAY.into(), service.to_owned()]);
        let got = translated(&Options::default(), &documents);
        let told: Vec<_> =
            got.diagnostics.iter().filter_map(|d| d.splitn(3, ": ").nth(2)).collect();
        assert_eq!(told.join(""), want);
    }
}

#[test]
fn a_rule_with_a_bad_expression_is_left_out() {
    // gateway-api §11.2, §13
    let spec = "  parentRefs: [{name: gw}]
  rules:
  - matches: [{path: {type: RegularExpression, value: '/a('}}, {path: {value: /b}}]
    backendRefs: [{name: s, port: 80}]
  - backendRefs: [{name: s, port: 80}]";
    let got = translated(&default_options(), &[GATEWAY.into(), route("r", "", spec)]);
    assert_eq!(
        got.diagnostics,
        [
            "error UnsupportedValue: spec.rules[0].matches[0].path.value: `/a(` is not a valid expression: \
          unclosed group (at character 3 of the expression)"
        ]
    );
    assert_eq!(got.routes().len(), 1);
    assert_eq!(
        got.conditions("HTTPRoute", "r"),
        [
            "gw Accepted=true/Accepted",
            "gw ResolvedRefs=true/ResolvedRefs",
            "gw PartiallyInvalid=true/UnsupportedValue",
        ]
    );
}

#[test]
fn channels_refuse_what_is_not_theirs() {
    // gateway-api §1, §2, §9.1
    let experimental = |field: &str, name: &str| {
        format!(
            "error experimental-field: {field}: `{name}` belongs to the experimental channel (it takes effect with `--channel experimental`)"
        )
    };
    let parents = |parents: &str| {
        route(
            "r",
            "",
            &format!(
                "  parentRefs: [{parents}]\n  rules: [{{backendRefs: [{{name: s, port: 80}}]}}]"
            ),
        )
    };
    let together = |by: &str| {
        format!(
            "error duplicate: spec.parentRefs: several entries name Gateway `gw` without telling its listeners apart (give each of them its own {by})"
        )
    };
    let (section, port) = ("`sectionName`", "`sectionName` or `port`");
    let none = String::new;
    for (document, standard, other) in [
        (
            rule("    retry: {}\n    backendRefs: [{name: s, port: 80}]"),
            experimental("spec.rules[0].retry", "retry"),
            none(),
        ),
        (
            rule(
                "    filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: a, value: 'x  y'}]}}]\n    backendRefs: [{name: s, port: 80}]",
            ),
            none(),
            "error invalid-value: spec.rules[0].filters[0].responseHeaderModifier.set[0].value: \
             a header value is made of ASCII words with single blanks between them"
                .into(),
        ),
        (parents("{name: gw}, {name: gw}"), together(section), together(port)),
        (
            parents("{name: gw, port: 80}, {name: gw, port: 81}"),
            together(section),
            "no error".into(),
        ),
        (
            parents("{name: gw, sectionName: a}, {name: gw, sectionName: http}"),
            "no error".into(),
            "no error".into(),
        ),
        (
            parents("{name: gw, sectionName: a, port: 1}, {name: gw, sectionName: b}"),
            "no error".into(),
            together(port),
        ),
        (parents("{name: gw}, {name: gw, namespace: default}"), none(), none()),
    ] {
        for (channel, want) in [(Channel::Standard, &standard), (Channel::Experimental, &other)] {
            let options = Options { channel, ..default_options() };
            let got = translated(&options, &[GATEWAY.into(), document.clone()]);
            let refused = want.starts_with("error");
            let errors: Vec<_> =
                got.diagnostics.iter().filter(|d| d.starts_with("error")).collect();
            let want: Vec<&String> = refused.then_some(want).into_iter().collect();
            assert_eq!(errors, want, "{channel:?} {document}");
            let names: &[&str] = if refused { &["HTTPRoute default/r"] } else { &[] };
            assert_eq!(got.refused, names, "{channel:?} {document}");
            assert!(!refused || got.routes().is_empty(), "{channel:?} {document}");
        }
    }
}

#[test]
fn kinds_that_are_not_supported_are_said() {
    // gateway-api §5.2
    let gateway = gateway(&[
        "name: l, port: 80, protocol: HTTP, allowedRoutes: {kinds: [{kind: HTTPRoute}, {kind: TLSRoute}]}",
    ]);
    let spec = "  parentRefs: [{name: gw}]\n  rules: [{backendRefs: [{name: s, port: 80}]}]";
    let got = translated(&default_options(), &[gateway, route("r", "", spec)]);
    assert_eq!(
        got.diagnostics,
        ["warning InvalidRouteKinds: spec.listeners[0].allowedRoutes.kinds[1]: \
             routes of kind `TLSRoute` of group `gateway.networking.k8s.io` are not supported",]
    );
}

#[test]
fn likely_slips_get_a_warning() {
    let https = gateway(&["name: l, port: 443, protocol: HTTPS"]);
    let dots =
        rule("    matches: [{path: {value: /a/%2e%2E/b}}]\n    backendRefs: [{name: s, port: 80}]");
    let got = translated(&default_options(), &[https, dots]);
    assert_eq!(
        got.diagnostics,
        [
            "warning InvalidCertificateRef: spec.listeners[0]: an HTTPS listener needs a certificate \
             (name it in `tls.certificateRefs`)",
            "warning unreachable-path: spec.rules[0].matches[0].path.value: no request has the path \
             `/a/%2e%2E/b` (dot segments are removed before paths are compared)",
        ]
    );
    assert_eq!(got.claims[0].socket.protocol, Protocol::Https);
    let conditions = got.conditions("Gateway", "gw");
    for want in ["l ResolvedRefs=false/InvalidCertificateRef", "l Programmed=false/Invalid"] {
        assert!(conditions.iter().any(|c| c == want), "{want}: {conditions:#?}");
    }
}

#[test]
fn a_refused_gateway_is_complained_about_once() {
    let documents = [gateway(&["name: L, port: 80, protocol: HTTP"]), rule("    backendRefs: []")];
    let got = translated(&default_options(), &documents);
    assert_eq!(got.diagnostics.len(), 1, "{:?}", got.diagnostics);
    assert!(got.statuses.is_empty() && got.claims.is_empty());
}

#[test]
fn a_host_that_another_listener_owns_is_said() {
    // gateway-api §6.3
    let gateway = gateway(&[
        "name: all, port: 80, protocol: HTTP",
        "name: own, port: 80, protocol: HTTP, hostname: '*.example.com'",
    ]);
    for (section, warned) in [("all", true), ("own", false), ("", false)] {
        let section = if section.is_empty() { "" } else { &format!(", sectionName: {section}") };
        let spec = format!(
            "  parentRefs: [{{name: gw{section}}}]\n  hostnames: [b.example, a.example.com]\n  rules: [{{backendRefs: [{{name: s, port: 80}}]}}]"
        );
        let got = translated(&default_options(), &[gateway.clone(), route("r", "", &spec)]);
        let warning = "warning other-listener: spec.hostnames[1]: requests for `a.example.com` go to \
                       the listener `own` of Gateway default/gw, which the route is not attached to \
                       (the most specific listener takes all requests of a host)";
        let want: &[&str] = if warned { &[warning] } else { &[] };
        assert_eq!(got.diagnostics, want, "{section}");
    }
}
