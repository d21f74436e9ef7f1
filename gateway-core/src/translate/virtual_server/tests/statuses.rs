//! The states that objects show (virtualserver §1).

use super::*;

/// The states of all objects in these documents.
fn states_of(documents: &[String], options: &Options) -> Vec<String> {
    states(&translation(&joined(documents), options))
}

/// A VirtualServer with the host of [`cafe`] that was made in that year.
fn older(name: &str, year: u32, spec: &str) -> String {
    let meta = format!("name: {name}, creationTimestamp: '{year}-01-01T00:00:00Z'");
    cafe(spec).replace("name: cafe", &meta)
}

#[test]
fn virtual_servers() {
    // virtualserver §1
    for (spec, want) in [
        ("routes: [{path: /, action: {pass: tea}}]", "Valid/AddedOrUpdated: "),
        (
            "externalDNS: {}\nroutes: [{path: /, route: x}]",
            "Warning/AddedOrUpdatedWithWarning: spec.externalDNS: `externalDNS` is not supported and \
             has no effect; spec.routes[0].route: there is no VirtualServerRoute `shop/x`; nothing \
             is served for it",
        ),
        (
            "externalDNS: {}\nroutes: [{path: a, action: {pass: tee}}, {path: /, action: {pass: 1}}]",
            "Invalid/Rejected: spec.routes[1].action.pass: expected text, found the number \
             `1`; spec.routes[0].path: `a` does not begin with `/`, `=`, `^~`, `~` or `~*`; \
             spec.routes[0].action.pass: no upstream is named `tee`",
        ),
    ] {
        let got = states_of(&[cafe(spec)], &Options::default());
        assert_eq!(got, [format!("VirtualServer shop/cafe: {want}")], "{spec}");
    }
    let translation = translation(&cafe(""), &Options::default());
    assert_eq!(&*translation.statuses[0].api_version, "k8s.nginx.org/v1");
}

#[test]
fn virtual_server_routes() {
    // virtualserver §1
    let item = |path: &str| format!("{{path: {path}, action: {{pass: x}}}}");
    for (routes, document, want) in [
        (
            "{path: /x, route: x}",
            subroutes("shop/x", &item("/x")),
            "VirtualServerRoute shop/x <- shop/cafe: Valid/AddedOrUpdated: ",
        ),
        (
            "{path: /x, route: x}",
            subroutes("shop/x", "{path: /x, dos: x, action: {pass: x}}"),
            "VirtualServerRoute shop/x <- shop/cafe: Warning/AddedOrUpdatedWithWarning: \
             spec.subroutes[0].dos: protection against denial of service is not supported: its \
             scope answers 500",
        ),
        (
            "{path: /x, route: x}",
            subroutes("shop/x", "{path: /x, location-snippets: x, action: {pass: y}}"),
            "VirtualServerRoute shop/x: Invalid/Rejected: spec.subroutes[0].action.pass: no \
             upstream is named `y`",
        ),
        (
            "{path: /, action: {pass: tea}}",
            subroutes("shop/x", &item("/x")),
            "VirtualServerRoute shop/x: Warning/Ignored: VirtualServer shop/cafe, which has its \
             host, does not delegate to it",
        ),
        (
            "{path: /y, route: x}",
            subroutes("shop/x", &item("/x")),
            "VirtualServerRoute shop/x: Warning/Ignored: VirtualServer shop/cafe does not use it: \
             `/x` must begin with `/y`",
        ),
        (
            "{path: /x, action: {pass: no}}, {path: /y, route: x}",
            subroutes("shop/x", &item("/y")),
            "VirtualServerRoute shop/x: Warning/NoVirtualServerFound: no VirtualServer in force has \
             the host `cafe.example.com`",
        ),
    ] {
        let documents = [cafe(&format!("routes: [{routes}]")), document];
        let got = states_of(&documents, &Options::default());
        assert_eq!(got[1..], [want], "{routes}");
    }
}

#[test]
fn a_host_that_answers_500_uses_its_virtual_server_routes_all_the_same() {
    // virtualserver §1, §15
    let documents = [
        cafe("policies: [{name: missing}]\nroutes: [{path: /x, route: x}]"),
        subroutes("shop/x", "{path: /x, action: {pass: x}}"),
    ];
    assert_eq!(
        states_of(&documents, &Options::default())[1],
        "VirtualServerRoute shop/x <- shop/cafe: Valid/AddedOrUpdated: "
    );
}

#[test]
fn objects_of_another_class_are_not_seen() {
    // virtualserver §1
    let options = Options { ingress_class: Some("nginx".into()), ..Options::default() };
    let classed = |class: &str| {
        subroutes("shop/x", "{path: /x, action: {pass: x}}")
            .replace("  host:", &format!("  ingressClassName: {class}\n  host:"))
    };
    let server = cafe("routes: [{path: /x, route: x}]");
    assert_eq!(
        states_of(&[server.clone(), classed("other")], &options),
        [
            "VirtualServer shop/cafe: Warning/AddedOrUpdatedWithWarning: spec.routes[0].route: there \
             is no VirtualServerRoute `shop/x`; nothing is served for it"
        ]
    );
    assert_eq!(
        states_of(&[server, classed("nginx")], &options),
        [
            "VirtualServer shop/cafe: Valid/AddedOrUpdated: ",
            "VirtualServerRoute shop/x <- shop/cafe: Valid/AddedOrUpdated: ",
        ]
    );
}

#[test]
fn who_lost_its_host_uses_nothing() {
    // virtualserver §1: Host ownership
    let route = || subroutes("shop/x", "{path: /x, action: {pass: x}}");
    let delegates = "routes: [{path: /x, route: x}]";
    let lost = "VirtualServer shop/new: Warning/Rejected: host `cafe.example.com` on port 80 \
                belongs to VirtualServer shop/old; this one is not served there";
    assert_eq!(
        states_of(
            &[older("new", 2025, delegates), older("old", 2024, delegates), route()],
            &Options::default()
        ),
        [
            lost,
            "VirtualServer shop/old: Valid/AddedOrUpdated: ",
            "VirtualServerRoute shop/x <- shop/old: Valid/AddedOrUpdated: ",
        ]
    );
    assert_eq!(
        states_of(
            &[older("new", 2025, delegates), older("old", 2024, "routes: []"), route()],
            &Options::default()
        )[2],
        "VirtualServerRoute shop/x: Warning/Ignored: VirtualServer shop/old, which has its host, \
         does not delegate to it"
    );
    // Where the owner is no VirtualServer, none is in force.
    let gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n\
                   metadata: {name: g, namespace: shop}\n\
                   spec: {gatewayClassName: x, listeners: [{name: a, port: 80, protocol: HTTP}]}\n\
                   ---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n\
                   metadata: {name: r, namespace: shop, creationTimestamp: '2020-01-01T00:00:00Z'}\n\
                   spec: {parentRefs: [{name: g}], hostnames: [cafe.example.com]}\n";
    let documents = [older("new", 2025, delegates), route(), gateway.to_owned()];
    assert_eq!(
        states_of(&documents, &Options::default()),
        [
            "VirtualServer shop/new: Warning/Rejected: host `cafe.example.com` on port 80 belongs to \
             HTTPRoute shop/r; this one is not served there",
            "VirtualServerRoute shop/x: Warning/NoVirtualServerFound: no VirtualServer in force has \
             the host `cafe.example.com`",
        ]
    );
    // A port that speaks something else is lost too.
    let listeners = "apiVersion: k8s.nginx.org/v1\nkind: GlobalConfiguration\n\
                     metadata: {name: global}\n\
                     spec: {listeners: [{name: a, port: 8443, protocol: HTTP, ssl: true}]}\n";
    let on_8443 = format!("listener: {{https: a}}\ntls: {{secret: cert}}\n{delegates}");
    let documents = [
        older("new", 2025, &on_8443),
        listeners.to_owned(),
        gateway.replace("port: 80", "port: 8443"),
    ];
    assert_eq!(
        states_of(&documents, &Options::default())[1],
        "VirtualServer shop/new: Warning/Rejected: port 8443 speaks http, as Gateway shop/g says; \
         it cannot speak https too"
    );
    // One listener of two is lost: the other is served.
    let with_tls = older("new", 2025, &format!("tls: {{secret: cert}}\n{delegates}"));
    let documents = [with_tls, route(), gateway.to_owned(), CERTIFICATE.to_owned()];
    assert_eq!(
        states_of(&documents, &Options::default()),
        [
            "VirtualServer shop/new: Warning/AddedOrUpdatedWithWarning: host `cafe.example.com` on \
             port 80 belongs to HTTPRoute shop/r; this one is not served there",
            "VirtualServerRoute shop/x <- shop/new: Valid/AddedOrUpdated: ",
        ]
    );
}
