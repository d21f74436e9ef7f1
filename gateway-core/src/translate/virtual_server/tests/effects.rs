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
            "error[invalid-value]: spec.policies[2].name: `A` is not a DNS label: it may hold only lower-case \
         letters, digits and `-`; did you mean `a`?",
        ]
    );
}

#[test]
fn fields_without_effect_are_told_one_by_one() {
    // virtualserver §18; the cases are a field of the spec, of an upstream, or of a route
    let warning = |field: &str, name: &str| {
        format!("warning[unsupported-field]: {field}: `{name}` is not supported and has no effect")
    };
    let spec = |name: &str| warning(&format!("spec.{name}"), name);
    let notice = |name: &str| {
        format!("notice[no-effect]: spec.upstreams[0].{name}: `{name}` has no effect here")
    };
    let off = |field: &str| {
        format!(
            "notice[no-effect]: {field}.add-header-inherit: `off` has no effect: headers that are \
             added for the host stay"
        )
    };
    let snippet = warning("spec.routes[0].location-snippets", "location-snippets");
    for (server_field, upstream, route, want) in [
        ("http-snippets: 'limit_req_zone x;'", "", "", Some(spec("http-snippets"))),
        ("server-snippets: '#'", "", "", Some(spec("server-snippets"))),
        ("http-snippets: ''\nserver-snippets: ' '", "", "", None),
        ("externalDNS: {enable: true}", "", "", Some(spec("externalDNS"))),
        (
            "tls: {secret: cert, cert-manager: {issuer: b}}",
            "",
            "",
            Some(warning("spec.tls.cert-manager", "cert-manager")),
        ),
        ("add-header-inherit: off", "", "", Some(off("spec"))),
        ("add-header-inherit: merge", "", "", None),
        ("add-header-inherit: 'on'", "", "", None),
        ("add-header-inherit: ''", "", "", None),
        (
            "internalRoute: true",
            "",
            "",
            Some(
                "warning[unknown-field]: spec.internalRoute: unknown field `internalRoute`".into(),
            ),
        ),
        ("", "buffering: true", "", Some(notice("buffering"))),
        ("", "buffers: {number: 4, size: 8k}", "", Some(notice("buffers"))),
        ("", "buffer-size: 8k", "", Some(notice("buffer-size"))),
        ("", "busy-buffers-size: 8K", "", Some(notice("busy-buffers-size"))),
        ("", "client-body-buffer-size: '1024'", "", Some(notice("client-body-buffer-size"))),
        ("", "ntlm: true", "", Some(notice("ntlm"))),
        ("", "ntlm: false", "", None),
        ("", "", "location-snippets: a", Some(snippet)),
        ("", "", "location-snippets: ''", None),
        ("", "", "add-header-inherit: 'off'", Some(off("spec.routes[0]"))),
        ("", "", "add-header-inherit: merge", None),
    ] {
        let yaml = server(&format!(
            "host: a.example\n{server_field}\n\
             upstreams: [{{name: tea, service: tea, port: 80, {upstream}}}]\n\
             routes: [{{path: /, action: {{pass: tea}}, {route}}}]"
        ));
        let documents = [yaml.clone(), CERTIFICATE.to_owned()];
        let translation = translation(&joined(&documents), &Options::default());
        assert_eq!(told(&translation.diagnostics), Vec::from_iter(want), "{yaml}");
        let routes = &translation.rules.listeners[0].hosts.sorted()[0].routes;
        assert_eq!(routes.iter().map(|r| tell(&r.action)).collect::<Vec<_>>(), ["tea"], "{yaml}");
    }
}

#[test]
fn header_fields_of_the_connection_are_left_alone() {
    // RFC 9110, section 7.6.1
    let yaml = cafe(
        "routes:\n- path: /\n  action:\n    proxy:\n      upstream: tea\n\
         \x20     requestHeaders: {set: [{name: Connection, value: close}, {name: X-A, value: a}]}\n\
         \x20     responseHeaders: {hide: [Transfer-Encoding], add: [{name: Upgrade, value: a}]}\n\
         - {path: /return, action: {return: {body: a, headers: [{name: content-length, value: '7'}]}}}",
    );
    let translation = translation(&yaml, &Options::default());
    let told_of = |field: &str, name: &str| {
        format!(
            "warning[no-effect]: spec.routes{field}: `{name}` belongs to the connection and cannot \
             be changed"
        )
    };
    let of_proxy = |field: &str| format!("[0].action.proxy.{field}");
    assert_eq!(
        told(&translation.diagnostics),
        [
            told_of(&of_proxy("requestHeaders.set[0].name"), "Connection"),
            told_of(&of_proxy("responseHeaders.add[0].name"), "Upgrade"),
            told_of(&of_proxy("responseHeaders.hide[0]"), "Transfer-Encoding"),
            told_of("[1].action.return.headers[0].name", "content-length"),
        ]
    );
    let routes = &translation.rules.listeners[0].hosts.sorted()[0].routes;
    let forward = routes.iter().find_map(|route| route.action.forwards().next()).unwrap();
    let set = forward.request_headers.set.iter().map(|edit| edit.name.as_str());
    assert_eq!(set.collect::<Vec<_>>(), ["x-a"]);
    assert!(forward.response_headers.add.is_empty() && forward.response_headers.remove.is_empty());
}

#[test]
fn what_dos_guards_answers_500() {
    // virtualserver §18
    let want = |field: &str| {
        format!(
            "error[unsupported-field]: {field}.dos: protection against denial of service is not \
             supported: its scope answers 500"
        )
    };
    let on_host = translation(
        &cafe("dos: ns/guard\nroutes: [{path: /, action: {pass: tea}}]"),
        &Options::default(),
    );
    assert_eq!(told(&on_host.diagnostics), [want("spec")]);
    let routes = &on_host.rules.listeners[0].hosts.sorted()[0].routes;
    let reasons = routes.iter().map(|r| r.policies.as_ref()?.fault.as_ref().map(|f| &*f.reason));
    let reasons: Vec<_> = reasons.collect();
    assert_eq!(reasons, [Some("protection against denial of service is not supported")]);

    let yaml = cafe(
        "routes:\n- {path: /b, dos: guard, action: {pass: tea}}\n\
         - {path: /a, dos: '', action: {pass: tea}}",
    );
    let on_route = translation(&yaml, &Options::default());
    assert_eq!(told(&on_route.diagnostics), [want("spec.routes[0]")]);
    let routes = &on_route.rules.listeners[0].hosts.sorted()[0].routes;
    let faults = routes.iter().map(|r| r.policies.as_ref().and_then(|p| p.fault.as_ref()));
    let faults: Vec<_> = faults.map(|fault| fault.map(|fault| fault.origin.to_string())).collect();
    assert_eq!(faults, [None, Some("VirtualServer shop/cafe: spec.routes[0].dos".to_owned())]);
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
