//! Listeners of GlobalConfigurations (virtualserver §8).

use super::*;

/// A GlobalConfiguration with these listeners.
fn configuration(listeners: &str) -> String {
    format!(
        "apiVersion: k8s.nginx.org/v1\nkind: GlobalConfiguration\n\
         metadata: {{name: global, namespace: nginx}}\nspec: {{listeners: [{listeners}]}}\n"
    )
}

/// The sockets and their hosts: `name protocol address:port hosts (origin)`.
fn sockets(translation: &Translation) -> Vec<String> {
    let socket = |l: &crate::rules::Listener| {
        let address = l.address.map_or("*".to_owned(), |address| address.to_string());
        let hosts = l.hosts.sorted().into_iter().map(|host| host.hostname.to_string());
        let hosts = hosts.collect::<Vec<_>>().join(" ");
        let protocol = l.protocol.as_str();
        format!("{} {protocol} {address} {} {hosts} ({})", l.name, l.port, l.origin)
    };
    translation.rules.listeners.iter().map(socket).collect()
}

const LISTENERS: &str = "{name: http-8080, port: 8080, protocol: HTTP}, \
    {name: https-8443, port: 8443, protocol: HTTP, ssl: true}, \
    {name: both, port: 8081, protocol: HTTP, ipv4: 127.0.0.1, ipv6: '::1'}, \
    {name: dns, port: 53, protocol: UDP}, {name: unused, port: 8082, protocol: HTTP}";

const ROUTES: &str = "routes: [{path: /, action: {pass: tea}}]";

#[test]
fn hosts_are_served_on_the_listeners_that_they_name() {
    // virtualserver §8
    let of_both = |name: &str, spec: &str| {
        cafe(&format!("{spec}\n{ROUTES}"))
            .replace("name: cafe", &format!("name: {name}"))
            .replace("cafe.example.com", &format!("{name}.example"))
    };
    let documents = [
        of_both("a", "listener: {http: http-8080}"),
        of_both("b", "listener: {http: http-8080, https: https-8443}\ntls: {secret: cert}"),
        of_both("c", "listener: {http: both}"),
        of_both("d", "tls: {secret: cert}"),
        CERTIFICATE.to_owned(),
        configuration(LISTENERS),
    ];
    let translation = translation(&joined(&documents), &Options::default());
    assert_eq!(
        told_of_all(&translation.diagnostics),
        ["notice[no-effect]: GlobalConfiguration nginx/global: spec.listeners[3].protocol: a \
           listener for UDP takes no HTTP requests; nothing is served there"]
    );
    assert_eq!(
        sockets(&translation),
        [
            "shop/d http * 80 d.example (VirtualServer shop/d)",
            "shop/d https * 443 d.example (VirtualServer shop/d)",
            "http-8080 http * 8080 a.example b.example (GlobalConfiguration nginx/global: \
             spec.listeners[0])",
            "https-8443 https * 8443 b.example (GlobalConfiguration nginx/global: \
             spec.listeners[1])",
            "both http 127.0.0.1 8081 c.example (GlobalConfiguration nginx/global: \
             spec.listeners[2])",
            "both http ::1 8081 c.example (GlobalConfiguration nginx/global: spec.listeners[2])",
        ]
    );
    assert_eq!(states(&translation)[0], "GlobalConfiguration nginx/global: Valid/AddedOrUpdated: ");
}

#[test]
fn what_a_listener_cannot_serve_is_not_served() {
    // virtualserver §8: default ports are not used, even where names do not resolve
    for (spec, want_told, want_sockets) in [
        (
            "listener: {http: http-808, https: https-8443}\ntls: {secret: cert}",
            &[
                "warning[not-found]: spec.listener.http: no listener is named `http-808`; the host is \
               not served there; did you mean `http-8080`?",
            ][..],
            &["https-8443"][..],
        ),
        (
            "listener: {http: https-8443, https: http-8080}\ntls: {secret: cert}",
            &[
                "warning[invalid-value]: spec.listener.http: the listener `https-8443` has `ssl: \
                 true`, not `ssl: false`; the host is not served there",
                "warning[invalid-value]: spec.listener.https: the listener `http-8080` has `ssl: \
                 false`, not `ssl: true`; the host is not served there",
            ],
            &[],
        ),
        (
            "listener: {http: http-8080, https: https-8443}",
            &[
                "warning[missing-field]: spec.listener.https: HTTPS needs `spec.tls.secret`; the host \
               is not served there",
            ],
            &["http-8080"],
        ),
        (
            "listener: {http: dns}",
            &[
                "warning[invalid-value]: spec.listener.http: the listener `dns` is for UDP, not for \
               HTTP; the host is not served there",
            ],
            &[],
        ),
        (
            "listener: {http: ''}",
            &["warning[no-effect]: spec.listener: `listener` names none: the host is not served"],
            &[],
        ),
    ] {
        let server = cafe(&format!("{spec}\n{ROUTES}"));
        let documents = [server, CERTIFICATE.to_owned(), configuration(LISTENERS)];
        let translation = translation(&joined(&documents), &Options::default());
        let told = told(&translation.diagnostics);
        // The first notice is that of `dns`.
        assert_eq!(told[1..], *want_told, "{spec}");
        let listeners = &translation.rules.listeners;
        let names: Vec<&str> = listeners.iter().map(|listener| &*listener.name).collect();
        assert_eq!(names, want_sockets, "{spec}");
        let state = &states(&translation)[1];
        let begin = "VirtualServer shop/cafe: Warning/AddedOrUpdatedWithWarning: spec.listener";
        assert!(state.starts_with(begin), "{state}");
        assert!(translation.refused.is_empty(), "{spec}");
    }
    let alone = cafe(&format!("listener: {{http: http-8080}}\n{ROUTES}"));
    assert_eq!(
        told(&translation(&alone, &Options::default()).diagnostics),
        [
            "warning[not-found]: spec.listener.http: no listener is named `http-8080`; the host is not \
          served there; no GlobalConfiguration has a listener in force"
        ]
    );
}

#[test]
fn a_host_on_several_listeners_has_the_same_routes() {
    // virtualserver §8, §6: each listener has the subroutes too
    let documents = [
        cafe(
            "listener: {http: http-8080, https: https-8443}\ntls: {secret: cert}\n\
             routes: [{path: /x, route: x}]",
        ),
        subroutes("shop/x", "{path: /x, action: {pass: x}}"),
        configuration(LISTENERS),
    ];
    let translation = translation(&joined(&documents), &Options::default());
    let listeners = &translation.rules.listeners;
    let routes: Vec<_> =
        listeners.iter().map(|listener| listener.hosts.sorted()[0].routes.clone()).collect();
    assert_eq!(routes.len(), 2);
    assert_eq!(routes[0], routes[1]);
    assert_eq!(served(&translation), ["prefix `/x`: x"]);
}

#[test]
fn bad_listeners_are_dropped_and_good_ones_kept() {
    // virtualserver §8, GlobalConfiguration listener
    let documents = [
        configuration(
            "{name: good, port: 8080, protocol: HTTP}, \
             {name: good, port: 8081, protocol: HTTP}, \
             {name: Bad, port: 8081, protocol: HTTP}, \
             {name: tls-passthrough, port: 8081, protocol: HTTP}, \
             {name: tcp, port: 8080, protocol: TCP}, \
             {name: udp, port: 8080, protocol: UDP}, \
             {name: udp-too, port: 8080, protocol: UDP}, \
             {name: http-80, port: 80, protocol: HTTP}, \
             {name: https-443, port: 443, protocol: HTTP, ipv4: 10.0.0.1}, \
             {name: sctp, port: 8081, protocol: SCTP}, \
             {name: http, port: 8081, protocol: http}, \
             {name: v4, port: 8081, protocol: HTTP, ipv4: '::1'}, \
             {name: v6, port: 8081, protocol: HTTP, ipv6: 10.0.0.1}, \
             {name: zero, port: 0, protocol: HTTP}, \
             {port: 8081}, {name: typo, port: 8081, protocol: HTTP, ssl: maybe}, \
             {name: kept, port: 8080, protocol: HTTP, ipv4: 10.0.0.1, ssl: 'yes'}, \
             {name: clash, port: 8080, protocol: HTTP, ipv4: 10.0.0.1, ipv6: '::1'}",
        ),
        CERTIFICATE.to_owned(),
        cafe(&format!("listener: {{http: good, https: kept}}\ntls: {{secret: cert}}\n{ROUTES}")),
    ];
    let translation = translation(&joined(&documents), &Options::default());
    let in_use = "of GlobalConfiguration nginx/global: spec.listeners";
    assert_eq!(
        told(&translation.diagnostics),
        [
            "error[out-of-range]: spec.listeners[13].port: `0` is not between 1 and 65535",
            "error[missing-field]: spec.listeners[14].name: required field `name` is missing",
            "error[missing-field]: spec.listeners[14].protocol: required field `protocol` is missing",
            "error[wrong-type]: spec.listeners[15].ssl: expected `true` or `false`, found the text \
             `maybe`",
            &format!(
                "error[duplicate-value]: spec.listeners[1].name: `good` is the name {in_use}[0] \
                 already"
            ),
            "error[invalid-value]: spec.listeners[2].name: `Bad` is not a DNS label: it may hold only \
             lower-case letters, digits and `-`; did you mean `bad`?",
            "error[invalid-value]: spec.listeners[3].name: `tls-passthrough` is a reserved name",
            &format!(
                "error[duplicate-value]: spec.listeners[4].port: port 8080 is that {in_use}[0] \
                 already"
            ),
            "notice[no-effect]: spec.listeners[5].protocol: a listener for UDP takes no HTTP \
             requests; nothing is served there",
            &format!(
                "error[duplicate-value]: spec.listeners[6].port: port 8080 is that {in_use}[5] \
                 already"
            ),
            "error[invalid-value]: spec.listeners[7].port: port 80 is that of hosts without a \
             listener",
            "error[invalid-value]: spec.listeners[8].port: port 443 is that of hosts without a \
             listener",
            "error[unsupported-value]: spec.listeners[9].protocol: unknown protocol `SCTP`; known \
             are `HTTP`, `TCP`, `UDP`",
            "error[unsupported-value]: spec.listeners[10].protocol: unknown protocol `http`; did \
             you mean `HTTP`?",
            "error[invalid-value]: spec.listeners[11].ipv4: `::1` is not an IPv4 address",
            "error[invalid-value]: spec.listeners[12].ipv6: `10.0.0.1` is not an IPv6 address",
            &format!(
                "error[duplicate-value]: spec.listeners[17].port: port 8080 is that {in_use}[16] \
                 already"
            ),
        ]
    );
    let names: Vec<_> = translation.rules.listeners.iter().map(|l| (&*l.name, l.address)).collect();
    let address = "10.0.0.1".parse().expect("an address");
    assert_eq!(names, [("good", None), ("kept", Some(address))]);
    assert!(translation.refused.is_empty());
    assert!(states(&translation)[0].starts_with(
        "GlobalConfiguration nginx/global: Warning/AddedOrUpdatedWithWarning: spec.listeners[13]"
    ));
}

#[test]
fn global_configurations_are_one() {
    // virtualserver §8: names are unique over all of them, the first by namespace and name wins
    let documents = [
        configuration("{name: a, port: 8080, protocol: HTTP}"),
        configuration(
            "{name: a, port: 9090, protocol: HTTP}, {name: b, port: 8081, protocol: HTTP}",
        )
        .replace("namespace: nginx", "namespace: late"),
        cafe(&format!("listener: {{http: b}}\n{ROUTES}")),
    ];
    let translation = translation(&joined(&documents), &Options::default());
    assert_eq!(
        told_of_all(&translation.diagnostics),
        [
            "error[duplicate-value]: GlobalConfiguration nginx/global: spec.listeners[0].name: `a` is \
             the name of GlobalConfiguration late/global: spec.listeners[0] already"
        ]
    );
    assert_eq!(
        sockets(&translation),
        ["b http * 8081 cafe.example.com (GlobalConfiguration late/global: spec.listeners[1])"]
    );
}
