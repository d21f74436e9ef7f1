use crate::resource::Resources;

/// What is wrong with a Gateway with these listeners: `field: message (help)`.
fn problems(listeners: &[&str]) -> Vec<String> {
    let listeners: String = listeners.iter().map(|l| format!("  - {{{l}}}\n")).collect();
    let text = format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: g}}\n\
         spec:\n  gatewayClassName: c\n  listeners:\n{listeners}"
    );
    let mut resources = Resources::new();
    resources.add_yaml("t.yaml", &text);
    assert_eq!(resources.gateways().count(), usize::from(resources.refused().is_empty()));
    let say = |d: &crate::Diagnostic| {
        let help = d.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{}: {}{help}", d.field, d.message)
    };
    resources.diagnostics().iter().map(say).collect()
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
