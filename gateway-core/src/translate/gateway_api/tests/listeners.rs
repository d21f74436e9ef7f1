//! Which listeners are in force (gateway-api §4, §5).

use super::*;

#[test]
fn listeners_that_cannot_share_a_port_all_lose() {
    // gateway-api §5.3
    let documents = [gateway(&[
        "name: a, port: 80, protocol: HTTP",
        "name: b, port: 80, protocol: HTTPS, tls: {certificateRefs: [{name: c}]}",
        "name: c, port: 81, protocol: HTTP",
        "name: d, port: 82, protocol: UDP",
    ])];
    let got = translated(&default_options(), &documents);
    assert_eq!(got.hosts(), ["gw/c *: "]);
    assert_eq!(
        got.diagnostics,
        [
            "error ProtocolConflict: spec.listeners[0]: \
             the listeners `a` (HTTP) and `b` (HTTPS) cannot share port 80",
            "error ProtocolConflict: spec.listeners[1]: \
             the listeners `b` (HTTPS) and `a` (HTTP) cannot share port 80",
            "warning InvalidCertificateRef: spec.listeners[1].tls.certificateRefs[0]: \
             there is no Secret `default/c`",
            "warning UnsupportedProtocol: spec.listeners[3]: the protocol `UDP` is not supported \
             (the protocols are `HTTP` and `HTTPS`)",
        ]
    );
    let conditions = got.conditions("Gateway", "gw");
    for want in [
        " Accepted=true/ListenersNotValid",
        " Programmed=true/Programmed",
        "a Accepted=false/ProtocolConflict",
        "a Conflicted=true/ProtocolConflict",
        "a Programmed=false/Invalid",
        "c Accepted=true/Accepted",
        "c Conflicted=false/NoConflicts",
        "c Programmed=true/Programmed",
        "d Accepted=false/UnsupportedProtocol",
        "d Conflicted=false/NoConflicts",
    ] {
        assert!(conditions.iter().any(|c| c == want), "{want}: {conditions:#?}");
    }
}

#[test]
fn between_gateways_the_older_listener_wins() {
    let old = "creationTimestamp: '2024-01-01T00:00:00Z'";
    let documents = [
        named_gateway(
            "a",
            "",
            &[
                "name: same, port: 80, protocol: HTTP",
                "name: host, port: 80, protocol: HTTP, hostname: a.example",
                "name: tls, port: 81, protocol: HTTPS, tls: {certificateRefs: [{name: c}]}",
            ],
        ),
        named_gateway(
            "b",
            old,
            &["name: x, port: 80, protocol: HTTP", "name: y, port: 81, protocol: HTTP"],
        ),
    ];
    let got = translated(&default_options(), &documents);
    assert_eq!(got.hosts(), ["a/host a.example: ", "b/x *: ", "b/y *: "]);
    assert_eq!(
        got.diagnostics,
        [
            "warning HostnameConflict: spec.listeners[0]: port 80 has a listener for host `*` already, \
             in Gateway default/b (the older Gateway wins, then the first by name)",
            "warning ProtocolConflict: spec.listeners[2]: port 81 speaks http already, \
             in Gateway default/b (the older Gateway wins, then the first by name)",
            "warning InvalidCertificateRef: spec.listeners[2].tls.certificateRefs[0]: \
             there is no Secret `default/c`",
        ]
    );
}

#[test]
fn gateways_of_other_classes_are_invisible() {
    let documents = [GATEWAY.to_owned(), rule("    backendRefs: [{name: s, port: 80}]")];
    for (class, served) in [(None, 1), (Some("ours"), 1), (Some("theirs"), 0)] {
        let options = Options { gateway_class: class.map(Into::into), ..default_options() };
        let got = translated(&options, &documents);
        assert_eq!(got.claims.len(), served, "{class:?}");
        assert_eq!(got.statuses.len(), 2 * served, "{class:?}");
        assert_eq!(got.diagnostics, [""; 0], "{class:?}");
    }
    let class = "---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: our}
spec: {controllerName: example.com/gateway}
";
    let got = translated(&default_options(), &[GATEWAY.into(), class.into()]);
    assert_eq!(got.claims.len(), 1);
    assert_eq!(
        got.diagnostics,
        ["warning unknown-class: spec.gatewayClassName: \
          no document describes the GatewayClass `ours` (did you mean `our`?)"]
    );
}
