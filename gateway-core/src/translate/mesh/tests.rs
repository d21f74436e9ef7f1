//! From documents and options to listeners, by what they are for.

use crate::resource::Resources;
use crate::rules::{Action, Listener, RuleSet, ServiceId, ServiceName};
use crate::translate::{Inbound, Options, Translation, translate};
use crate::{Connection, ListenerKey, RequestHead, Router};

const TEA: &str = "
{apiVersion: v1, kind: Service, metadata: {name: tea, annotations: {gateway/mutual-tls: 'true'}},
 spec: {clusterIP: 127.0.0.2, clusterIPs: [127.0.0.2, 'fd00::2'],
        ports: [{name: http, port: 80}, {name: dns, port: 53, protocol: UDP}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: headless}, spec: {clusterIP: None, ports: [{port: 80}]}}
---
";

fn translated(yaml: &str, options: &Options) -> Translation {
    let mut resources = Resources::new();
    resources.add_yaml("f", yaml);
    translate(&resources, options)
}

/// `name protocol address:port host -> service:port`, with what else counts.
fn shown(rules: &RuleSet) -> Vec<String> {
    let line = |listener: &Listener| {
        let Listener { name, protocol, mutual_tls, address, port, .. } = listener;
        let address = address.map_or("*".to_owned(), |address| address.to_string());
        let tls = if *mutual_tls { "+mutual" } else { "" };
        let hosts = listener.hosts.sorted().into_iter().map(|host| {
            let Action::Forward(forward) = &host.routes[0].action else { panic!("{host:?}") };
            let target = forward.target;
            let service = &rules.service(target.service).name;
            let splits = if target.splits { " with splits" } else { "" };
            format!("{} -> {service}:{}{splits}", host.hostname, target.port)
        });
        let hosts: Vec<_> = hosts.collect();
        format!("{name} {}{tls} {address} {port}: {}", protocol.as_str(), hosts.join(", "))
    };
    rules.listeners.iter().map(line).collect()
}

fn told(translation: &Translation) -> Vec<String> {
    translation.diagnostics.iter().map(ToString::to_string).collect()
}

fn inbound(service: &str, port: u16, address: &str) -> Inbound {
    let service = ServiceName::new("default", service);
    Inbound { service, port, address: address.parse().unwrap() }
}

/// With an identity, whose Secret is there.
fn options() -> Options {
    Options { identity: Some(("default".into(), "web".into())), ..Options::default() }
}

const SECRET: &str = "
{apiVersion: v1, kind: Secret, metadata: {name: web}, type: kubernetes.io/tls,
 stringData: {tls.crt: c, tls.key: k, ca.crt: a}}
---
";

#[test]
fn services_are_answered_at_their_addresses_whatever_the_host() {
    let mesh = Options { mesh: true, ..options() };
    let translation = translated(&format!("{TEA}{SECRET}"), &mesh);
    assert_eq!(told(&translation), [""; 0]);
    assert_eq!(
        shown(&translation.rules),
        [
            "default/tea http 127.0.0.2 80: * -> default/tea:80 with splits",
            "default/tea http fd00::2 80: * -> default/tea:80 with splits",
        ]
    );
    assert_eq!(shown(&translated(TEA, &Options::default()).rules), [""; 0]);
}

#[test]
fn calls_of_other_proxies_are_not_split_again() {
    // smi S-16
    let inbound = vec![inbound("tea", 80, "10.0.0.1:15443"), inbound("tea", 80, "[::1]:15443")];
    let translation = translated(&format!("{TEA}{SECRET}"), &Options { inbound, ..options() });
    assert_eq!(told(&translation), [""; 0]);
    assert_eq!(
        shown(&translation.rules),
        [
            "default/tea https+mutual 10.0.0.1 15443: * -> default/tea:80",
            "default/tea https+mutual ::1 15443: * -> default/tea:80",
        ]
    );
    assert!(translation.rules.services.iter().any(|s| s.mutual_tls));
}

#[test]
fn what_comes_in_mutual_tls_goes_on_in_plain_to_the_workload_alone() {
    let inbound = vec![inbound("tea", 80, "10.0.0.1:15443")];
    let options = Options { mesh: true, inbound, ..options() };
    let rules = translated(&format!("{TEA}{SECRET}"), &options).rules;
    let tea = ServiceId(rules.services.iter().position(|s| s.mutual_tls).unwrap() as u32);
    let other = ServiceId(tea.0 + 1);
    for listener in &rules.listeners {
        let service = rules.service(tea);
        // A request for the Service itself, and one that was for another Service at first.
        let own = listener.calls_in_mutual_tls(tea, tea, service);
        assert_eq!(own, !listener.mutual_tls, "{listener:?}");
        assert!(listener.calls_in_mutual_tls(other, tea, service), "{listener:?}");
        let router = Router::compile(&rules).unwrap();
        let key = ListenerKey { address: listener.address, port: listener.port };
        let connection = Connection { listener: key, protocol: listener.protocol, peer: None };
        let decision = router.decide(&RequestHead::get("tea", "/").on(connection), 0);
        assert_eq!(decision.mutual_tls(), own);
    }
}

#[test]
fn what_is_called_here_alone_is_guarded_as_everywhere() {
    // smi T-9
    let target = "
{apiVersion: access.smi-spec.io/v1alpha3, kind: TrafficTarget, metadata: {name: t}, spec: {
  destination: {kind: ServiceAccount, name: default}, sources: [{kind: ServiceAccount, name: web}],
  rules: [{kind: HTTPRouteGroup, name: all}]}}
---
{apiVersion: specs.smi-spec.io/v1alpha4, kind: HTTPRouteGroup, metadata: {name: all},
 spec: {matches: [{name: all, pathRegex: '.*', methods: ['*']}]}}
---
";
    let yaml = format!("{TEA}{SECRET}{target}");
    let options = Options { service_hosts: false, ..options() };
    for options in [
        Options { mesh: true, ..options.clone() },
        Options { inbound: vec![inbound("tea", 80, "10.0.0.1:15443")], ..options.clone() },
    ] {
        let rules = translated(&yaml, &options).rules;
        assert!(rules.services.iter().all(|service| service.access.is_some()), "{rules:?}");
        assert!(!rules.listeners.is_empty());
    }
}

#[test]
fn a_socket_for_mutual_tls_takes_nothing_else() {
    let server = "apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: cafe}
spec:
  host: cafe.example
  listener: {http: plain}
  upstreams: [{name: u, service: tea, port: 80}]
  routes: [{path: /, action: {pass: u}}]
---
apiVersion: k8s.nginx.org/v1
kind: GlobalConfiguration
metadata: {name: g}
spec: {listeners: [{name: plain, port: 15443, protocol: HTTP, ipv4: 10.0.0.1}]}
";
    let inbound = vec![inbound("tea", 80, "10.0.0.1:15443")];
    let options = Options { inbound, ..options() };
    let translation = translated(&format!("{TEA}{SECRET}{server}"), &options);
    assert_eq!(
        shown(&translation.rules)[0],
        "default/tea https+mutual 10.0.0.1 15443: * -> default/tea:80"
    );
    let told = told(&translation).join("\n");
    assert!(
        told.contains(
            "port 15443 speaks mutual TLS, as Service default/tea says; it cannot speak http too"
        ),
        "{told}"
    );
}

#[test]
fn calls_for_what_is_not_there_are_errors() {
    for (list, want) in [
        (
            vec![inbound("coffee", 80, "10.0.0.1:1")],
            "error[not-found]: Service default/coffee: there is no Service `default/coffee` to \
             take calls for",
        ),
        (
            vec![inbound("tea", 81, "10.0.0.1:1")],
            "f:2:1: error[unknown-port]: Service default/tea: `default/tea` has no port 81 to \
             take calls for",
        ),
        (
            vec![inbound("headless", 80, "10.0.0.1:1"), inbound("tea", 80, "10.0.0.1:1")],
            "f:2:1: error[port-conflict]: Service default/tea: 10.0.0.1:1 takes the calls for \
             `default/headless:80`",
        ),
    ] {
        let options = Options { inbound: list, ..options() };
        let translation = translated(&format!("{TEA}{SECRET}"), &options);
        assert_eq!(told(&translation), [want]);
    }
}

#[test]
fn the_identity_is_the_secret_that_options_name() {
    let identity = translated(SECRET, &options()).rules.identity.unwrap();
    let parts = [&identity.certificate, &identity.key, &identity.authorities];
    assert_eq!(parts.map(|part| part.octets()), [b"c", b"k", b"a"]);
    assert_eq!(identity.origin.to_string(), "Secret default/web");
    let missing = "error[missing-field]: Secret default/web: the Secret has no";
    for (yaml, want) in [
        (
            SECRET.replace("name: web", "name: wep"),
            vec![
                "error[not-found]: Secret default/web: there is no such Secret to be the identity \
                 of the proxy; did you mean `wep`?"
                    .to_owned(),
            ],
        ),
        (
            SECRET.replace("kubernetes.io/tls", "Opaque"),
            vec![
                "f:2:1: error[invalid-value]: Secret default/web: the Secret has type `Opaque`, \
                 but an identity is of type `kubernetes.io/tls`"
                    .to_owned(),
            ],
        ),
        (
            SECRET.replace("tls.key: k, ca.crt: a", "tls.key: ''"),
            vec![
                format!("f:2:1: {missing} `tls.key`; the key of its certificate, in PEM"),
                format!(
                    "f:2:1: {missing} `ca.crt`; the certificates of those who sign for the mesh, \
                     in PEM"
                ),
            ],
        ),
    ] {
        let translation = translated(&yaml, &options());
        assert_eq!(translation.rules.identity, None, "{yaml}");
        assert_eq!(told(&translation), want, "{yaml}");
    }
    // The last good version stays in force.
    let refused = translated(&SECRET.replace("ca.crt", "other"), &options()).refused;
    assert_eq!(refused.iter().map(ToString::to_string).collect::<Vec<_>>(), ["Secret default/web"]);
}

#[test]
fn services_that_cannot_be_spoken_to_are_told() {
    let mesh = Options { mesh: true, ..Options::default() };
    assert_eq!(
        told(&translated(TEA, &mesh)),
        ["f:2:1: warning[no-identity]: Service default/tea: mutual TLS is asked for, and the \
             proxy has no identity to show; name the Secret with its certificate; until then \
             nothing is sent"]
    );
    assert_eq!(told(&translated(TEA, &Options::default())), [""; 0], "nothing is sent there");
}
