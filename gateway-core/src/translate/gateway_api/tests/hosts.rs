//! Which hosts a route has on which listeners (gateway-api §6.3, §9).

use super::*;

#[test]
fn hostnames_intersect() {
    // gateway-api §9.3
    for (listener, hostnames, want) in [
        ("", "[]", vec!["gw/l *: r"]),
        ("", "[h.example]", vec!["gw/l *: ", "gw/l h.example: r"]),
        ("h.example", "[]", vec!["gw/l h.example: r"]),
        ("h.example", "[h.example]", vec!["gw/l h.example: r"]),
        ("'*.example'", "[h.example]", vec!["gw/l *.example: ", "gw/l h.example: r"]),
        ("h.example", "['*.example']", vec!["gw/l h.example: r"]),
        ("'*.example'", "['*.a.example']", vec!["gw/l *.a.example: r", "gw/l *.example: "]),
        ("'*.a.example'", "['*.example']", vec!["gw/l *.a.example: r"]),
        // What does not intersect is ignored.
        (
            "'*.example'",
            "[example, a.example, b.other]",
            vec!["gw/l *.example: ", "gw/l a.example: r"],
        ),
        // Two ways to one host count once.
        ("a.b.example", "['*.example', '*.b.example']", vec!["gw/l a.b.example: r"]),
    ] {
        let hostname =
            if listener.is_empty() { String::new() } else { format!(", hostname: {listener}") };
        let gateway = gateway(&[&format!("name: l, port: 80, protocol: HTTP{hostname}")]);
        let spec = format!(
            "  parentRefs: [{{name: gw}}]\n  hostnames: {hostnames}\n  rules: [{{backendRefs: [{{name: s, port: 80}}]}}]"
        );
        let translated = clean(&[gateway, route("r", "", &spec)]);
        assert_eq!(translated.hosts(), want, "{listener} {hostnames}");
        assert!(translated.claims.iter().all(|claim| claim.falls_through));
    }
    let gateway = gateway(&["name: l, port: 80, protocol: HTTP, hostname: '*.example.com'"]);
    let spec = "  parentRefs: [{name: gw}]\n  hostnames: [example.com]\n  rules: [{backendRefs: [{name: s, port: 80}]}]";
    let translated = translated(&default_options(), &[gateway, route("r", "", spec)]);
    assert_eq!(
        translated.diagnostics,
        ["warning NoMatchingListenerHostname: spec.parentRefs[0]: \
          the hosts `example.com` have none in common with the listeners' `*.example.com`"]
    );
    assert_eq!(
        translated.conditions("HTTPRoute", "r"),
        ["gw Accepted=false/NoMatchingListenerHostname", "gw ResolvedRefs=true/ResolvedRefs"]
    );
}

#[test]
fn listeners_are_isolated() {
    // gateway-api §6.3, after case gateway-http-listener-isolation
    let gateway = gateway(&[
        "name: empty, port: 80, protocol: HTTP",
        "name: wild, port: 80, protocol: HTTP, hostname: '*.example.com'",
        "name: foo-wild, port: 80, protocol: HTTP, hostname: '*.foo.example.com'",
        "name: abc, port: 80, protocol: HTTP, hostname: abc.foo.example.com",
        "name: other, port: 8080, protocol: HTTP",
    ]);
    let of = |name: &str, section: &str, hostnames: &str| {
        route(
            name,
            "",
            &format!(
                "  parentRefs: [{{name: gw, sectionName: {section}}}]\n  hostnames: [{hostnames}]\n  rules: [{{backendRefs: [{{name: s, port: 80}}]}}]"
            ),
        )
    };
    let hosts =
        "bar.com, '*.example.com', '*.foo.example.com', abc.foo.example.com, x.foo.example.com";
    let documents = [
        gateway,
        of("e", "empty", hosts),
        of("w", "wild", hosts),
        of("f", "foo-wild", hosts),
        of("a", "abc", hosts),
        of("o", "other", "abc.foo.example.com"),
    ];
    let translated = translated(&default_options(), &documents);
    let warned = translated.diagnostics.iter().filter(|d| d.starts_with("warning other-listener"));
    assert_eq!((warned.count(), translated.diagnostics.len()), (8, 8));
    assert_eq!(
        translated.hosts(),
        [
            "gw/abc abc.foo.example.com: a",
            "gw/empty *: ",
            "gw/empty bar.com: e",
            "gw/foo-wild *.foo.example.com: f",
            "gw/foo-wild x.foo.example.com: f",
            "gw/other *: ",
            "gw/other abc.foo.example.com: o",
            "gw/wild *.example.com: w",
        ]
    );
}

#[test]
fn routes_attach_to_the_listeners_that_they_name_and_that_take_them() {
    // gateway-api §9.2
    let gateway = gateway(&[
        "name: a, port: 80, protocol: HTTP",
        "name: b, port: 81, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}",
        "name: c, port: 82, protocol: HTTP, allowedRoutes: {namespaces: {from: All}, kinds: [{kind: HTTPRoute}]}",
    ]);
    let no_listener = |what: &str| {
        format!(
            "warning NoMatchingParent: spec.parentRefs[0]: the Gateway `gw` has no listener {what}"
        )
    };
    for (namespace, parent, want) in [
        ("default", "name: gw", Ok(vec!["a", "b", "c"])),
        ("default", "name: gw, group: gateway.networking.k8s.io, kind: Gateway", Ok(vec!["a", "b", "c"])),
        ("default", "name: gw, sectionName: a", Ok(vec!["a"])),
        ("default", "name: gw, port: 81", Ok(vec!["b"])),
        ("default", "name: gw, port: 81, sectionName: b", Ok(vec!["b"])),
        ("default", "name: gw, port: 81, sectionName: a", Err(no_listener("`a` with port 81 (its port is 80)"))),
        ("default", "name: gw, port: 83", Err(no_listener("with port 83"))),
        ("default", "name: gw, sectionName: bb", Err(no_listener("`bb`"))),
        ("shop", "name: gw, namespace: default", Ok(vec!["b", "c"])),
        (
            "shop",
            "name: gw, namespace: default, sectionName: a",
            Err("warning NotAllowedByListeners: spec.parentRefs[0]: no listener of the Gateway `gw` takes \
                 HTTPRoutes of namespace `shop` (see `allowedRoutes` of its listeners)"
                .into()),
        ),
        (
            "shop",
            "name: gw",
            Err("warning unknown-parent: spec.parentRefs[0]: there is no Gateway `shop/gw` \
                 (there is one in namespace `default`)"
                .into()),
        ),
        (
            "default",
            "name: gww",
            Err("warning unknown-parent: spec.parentRefs[0]: there is no Gateway `default/gww` \
                 (did you mean `gw`?)"
                .into()),
        ),
        (
            "default",
            "name: s, group: '', kind: Service",
            Err("warning unsupported-parent: spec.parentRefs[0]: \
                 routes of Services have no effect: nothing is answered at their addresses (they have with `--mesh`)"
                .into()),
        ),
    ] {
        let spec = format!("  parentRefs: [{{{parent}}}]\n  rules: [{{backendRefs: [{{name: s, port: 80}}]}}]");
        let route = route("r", &format!("namespace: {namespace}"), &spec);
        let got = translated(&default_options(), &[gateway.clone(), route]);
        let attached: Vec<String> = got
            .hosts()
            .iter()
            .filter_map(|host| Some(host.strip_suffix(" *: r")?.strip_prefix("gw/")?.to_owned()))
            .collect();
        match want {
            Ok(listeners) => {
                assert_eq!(got.diagnostics, [""; 0], "{parent}");
                assert_eq!(attached, listeners, "{parent}");
            }
            Err(warning) => {
                assert_eq!(got.diagnostics, [warning], "{parent}");
                assert_eq!(attached, [""; 0], "{parent}");
            }
        }
    }
}

#[test]
fn claims_settle_into_the_hosts_of_one_listener() {
    let documents = [
        gateway(&[
            "name: any, port: 80, protocol: HTTP",
            "name: wild, port: 80, protocol: HTTP, hostname: '*.example.com'",
        ]),
        route(
            "r",
            "",
            "  parentRefs: [{name: gw}]\n  hostnames: [a.example.com, '*.example.com', b.other]\n  rules: [{backendRefs: [{name: s, port: 80}]}]",
        ),
    ];
    let mut resources = Resources::new();
    for document in &documents {
        resources.add_yaml("t.yaml", document);
    }
    let translation = crate::translate::translate(&resources, &default_options());
    assert_eq!(translation.diagnostics, []);
    let [listener] = &*translation.rules.listeners else { panic!("{:#?}", translation.rules) };
    assert_eq!((&*listener.name, listener.port), ("default/gw", 80));
    let section = |host: &str| {
        let found = listener.hosts.iter().find(|h| h.hostname.to_string() == host);
        found.map(|h| (h.section, h.routes.len(), h.falls_through))
    };
    let (wild, any) = (section("*.example.com").map(|s| s.0), section("*").map(|s| s.0));
    assert_ne!(wild, any);
    for (host, of, routes) in
        [("a.example.com", wild, 1), ("*.example.com", wild, 1), ("b.other", any, 1), ("*", any, 0)]
    {
        assert_eq!(section(host), of.map(|of| (of, routes, true)), "{host}");
    }
}
