//! What is withheld or without effect, and what is told of it.

use super::*;

#[test]
fn what_is_not_enforced_answers_500() {
    // virtualserver §15: fail closed
    let policy = "there is no policy `shop/allow`: its scope answers 500";
    for (yaml, want, told_routes) in [
        (
            cafe("policies: [{name: allow}]\nroutes: [{path: /, action: {pass: tea}}]"),
            format!("error[not-found]: spec.policies[0]: {policy}"),
            &["prefix `/`: 500 there is no policy `shop/allow`"][..],
        ),
        (
            cafe(
                "routes:\n- {path: /a, policies: [{name: allow}], action: {pass: tea}}\n\
                 - {path: /b, action: {pass: tea}}",
            ),
            format!("error[not-found]: spec.routes[0].policies[0]: {policy}"),
            &["prefix `/a`: 500 there is no policy `shop/allow`", "prefix `/b`: tea"],
        ),
        (
            cafe("routes:\n- {path: /a, route: other/vsr}\n- {path: /, action: {pass: tea}}"),
            "error[unsupported-field]: spec.routes[0].route: delegation to VirtualServerRoutes is \
             not supported: the path answers 500"
                .to_owned(),
            &[
                "prefix `/a`: 500 delegation to VirtualServerRoutes is not supported",
                "prefix `/`: tea",
            ],
        ),
        (
            server(
                "host: a.example\n\
                 upstreams: [{name: tea, service: tea, port: 443, tls: {enable: true}}]\n\
                 routes: [{path: /, action: {pass: tea}}]",
            ),
            "error[unsupported-field]: spec.upstreams[0].tls: TLS to the endpoints of an upstream \
             is not supported: its routes answer 500"
                .to_owned(),
            &["prefix `/`: 500 TLS to the endpoints of an upstream is not supported"],
        ),
    ] {
        let translation = translation(&yaml, &Options::default());
        assert_eq!(told(&translation.diagnostics), [want]);
        let routes = &translation.rules.listeners[0].hosts.sorted()[0].routes;
        let got = routes.iter().map(|route| {
            // A fault among the policies goes before the action.
            let fault = route.policies.as_ref().and_then(|policies| policies.fault.as_ref());
            let done = fault.map(|fault| format!("500 {}", fault.reason));
            format!("{}: {}", route.path, done.unwrap_or_else(|| tell(&route.action)))
        });
        assert_eq!(got.collect::<Vec<_>>(), told_routes, "{yaml}");
        assert!(translation.refused.is_empty(), "{yaml}");
    }
    let twice = cafe("policies: [{name: a}, {name: a, namespace: shop}, {name: A}]");
    assert_eq!(
        told(&translation(&twice, &Options::default()).diagnostics)[..2],
        [
            "error[duplicate-value]: spec.policies[1]: the policy `shop/a` stands above already",
            "error[invalid-value]: spec.policies[2].name: `A` is not a DNS label: it holds lower-case \
         letters, digits and `-`",
        ]
    );
    let listener = cafe("listener: {http: http-8080}\nroutes: [{path: /, action: {pass: tea}}]");
    let translation = translation(&listener, &Options::default());
    assert_eq!(
        told(&translation.diagnostics),
        [
            "error[unsupported-field]: spec.listener: custom listeners are not supported: the host is \
         served on none"
        ]
    );
    assert!(translation.rules.listeners.is_empty());
}

#[test]
fn fields_without_effect_are_told_one_by_one() {
    // virtualserver §18
    let yaml = server(
        "host: a.example\ngunzip: true\nhttp-snippets: x\nserver-snippets: x\ndos: x\n\
         externalDNS: {enable: true}\n\
         upstreams:\n\
         - name: tea\n  service: tea\n  port: 80\n  max-fails: 3\n  fail-timeout: 5s\n\
         \x20 buffering: false\n  sessionCookie: {enable: true, name: a}\n  healthCheck: {}\n\
         routes:\n\
         - path: /\n  location-snippets: x\n  action: {pass: tea}",
    );
    let translation = translation(&yaml, &Options::default());
    let fields: Vec<_> =
        translation.diagnostics.iter().map(|d| (d.severity.as_str(), d.code, &*d.field)).collect();
    let want = [
        "spec.upstreams[0].fail-timeout",
        "spec.upstreams[0].max-fails",
        "spec.upstreams[0].buffering",
        "spec.upstreams[0].sessionCookie",
        "spec.upstreams[0].healthCheck",
        "spec.routes[0].location-snippets",
        "spec.gunzip",
        "spec.http-snippets",
        "spec.server-snippets",
        "spec.dos",
        "spec.externalDNS",
    ];
    assert_eq!(fields, want.map(|field| ("warning", "unsupported-field", field)));
    assert_eq!(
        translation.diagnostics[0].message,
        "`fail-timeout` is not supported and has no effect"
    );
    assert_eq!(translation.rules.route_count(), 1);
}

#[test]
fn missing_services_are_warnings() {
    // virtualserver §14
    let yaml = cafe("routes: [{path: /, action: {pass: tea}}]");
    let services = ["shop/tea-scv", "beans/coffee-svc"];
    let known = services.map(|name| {
        let (namespace, name) = name.split_once('/').unwrap();
        (crate::rules::ServiceName::new(namespace, name), 80)
    });
    let options = Options { known_services: known.to_vec(), ..Options::default() };
    let translation = translation(&yaml, &options);
    assert_eq!(
        told(&translation.diagnostics),
        [
            "warning[not-found]: spec.upstreams[0].service: there is no Service `shop/tea-svc`; \
         requests are answered 502; did you mean `shop/tea-scv`?",
            "warning[not-found]: spec.upstreams[1].port: Service `beans/coffee-svc` has no port 8080; \
         requests are answered 502",
        ]
    );
    assert_eq!(translation.rules.route_count(), 1);
}
