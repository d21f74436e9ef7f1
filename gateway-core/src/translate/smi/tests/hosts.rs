//! Hosts named after Services (smi R-2).

use super::*;
use crate::rules::{Action, HostRewrite, PathRewrite, Protocol};
use crate::translate::hosts::Rank;

/// `port host`, and the Service that it leads to.
fn claimed(outcome: &Outcome) -> Vec<(String, String)> {
    let mut claimed = Vec::new();
    for claim in &outcome.claims {
        assert_eq!(claim.rank, Rank::ServiceHost);
        assert_eq!(claim.socket.protocol, Protocol::Http);
        assert!(!claim.falls_through && claim.section.is_empty());
        let [route] = &claim.routes[..] else { panic!("{claim:?}") };
        assert_eq!(route.conditions, []);
        assert_eq!(route.path.to_string(), "prefix `/` by segments");
        let Action::Forward(forward) = &route.action else { panic!("{route:?}") };
        assert_eq!((&forward.path, &forward.host), (&PathRewrite::Keep, &HostRewrite::Keep));
        assert_eq!(forward.unavailable, 503);
        assert!(forward.target.splits);
        assert_eq!(forward.target.port, claim.socket.port);
        let service = &outcome.services[forward.target.service.0 as usize];
        let host = format!("{} {}", claim.socket.port, claim.hostname);
        claimed.push((host, service.name.to_string()));
    }
    claimed
}

fn claims(yaml: &str, options: &Options) -> Vec<(String, String)> {
    claimed(&outcome(yaml, options))
}

fn pairs(hosts: &[&str], service: &str) -> Vec<(String, String)> {
    hosts.iter().map(|host| (host.to_string(), service.to_owned())).collect()
}

#[test]
fn roots_and_backends_have_four_names_each() {
    let got = claims(&split("s", ""), &Options::default());
    let mut want = Vec::new();
    for name in ["tea", "tea-1", "tea-2"] {
        for suffix in ["", ".default", ".default.svc", ".default.svc.cluster.local"] {
            want.push((format!("80 {name}{suffix}"), format!("default/{name}")));
        }
    }
    assert_eq!(got, want);
    let off = Options { service_hosts: false, ..Options::default() };
    assert_eq!(claims(&split("s", ""), &off), []);
}

#[test]
fn options_name_the_port_the_domain_and_the_clients_namespace() {
    let options = Options {
        http_port: 8080,
        cluster_domain: "k8s.example".into(),
        client_namespace: "other".into(),
        ..Options::default()
    };
    let yaml = split("s", "").replace("name: s", "name: s\n  namespace: shop");
    let hosts = ["8080 tea.shop", "8080 tea.shop.svc", "8080 tea.shop.svc.k8s.example"];
    assert_eq!(claims(&yaml, &options)[..3], pairs(&hosts, "shop/tea"));
}

#[test]
fn known_services_are_claimed_on_their_ports() {
    let yaml = split("s", "")
        + &service("tea", "[{name: a, port: 80}, {name: b, port: 81}]")
        + &service("tea-2", "[{port: 80}]");
    let got = claims(&yaml, &Options::default());
    let of = |service: &str| got.iter().filter(|(_, of)| of == service).count();
    assert_eq!((of("default/tea"), of("default/tea-2"), of("default/tea-1")), (8, 4, 0));
}

#[test]
fn a_root_that_is_only_a_name_has_the_ports_of_its_backends() {
    // smi S-15
    let yaml =
        split("s", "") + &service("tea-1", "[{port: 81}]") + &service("tea-2", "[{port: 82}]");
    let got = claims(&yaml, &Options::default());
    for host in ["81 tea", "82 tea"] {
        assert!(got.contains(&(host.into(), "default/tea".into())), "{host}: {got:?}");
    }
}

#[test]
fn a_service_has_one_claim_and_the_oldest_split_behind_it() {
    let dated = |name: &str, year: &str| {
        split(name, "").replace(
            &format!("name: {name}\n"),
            &format!("name: {name}\n  creationTimestamp: '{year}-01-01T00:00:00Z'\n"),
        )
    };
    let outcome = of(&(dated("a", "2024") + &dated("b", "2023") + &split("c", "")));
    assert_eq!(claimed(&outcome).len(), 12);
    for claim in &outcome.claims {
        assert_eq!(claim.created.as_deref(), Some("2023-01-01T00:00:00Z"));
        assert_eq!(&*claim.origin.object.name, "b");
    }
    assert_eq!(&*outcome.claims[0].origin.field, "spec.service");
    assert_eq!(&*outcome.claims[4].origin.field, "spec.backends[0].service");
}

#[test]
fn what_is_not_a_host_name_is_not_served() {
    // smi P-6
    let outcome = of(&split("s", "").replace("tea-1", "tea-"));
    assert!(claimed(&outcome).iter().all(|(_, service)| service != "default/tea-"));
    assert_eq!(outcome.found(Severity::Error), []);
}

#[test]
fn documents_of_smi_alone_make_listeners() {
    // smi D-2, and decisions §1 for the split's object as owner
    let mut resources = Resources::new();
    resources.add_yaml("test.yaml", split("s", ""));
    let rules = crate::translate::translate(&resources, &Options::default()).rules;
    let [listener] = &rules.listeners[..] else { panic!("{rules:?}") };
    assert_eq!((listener.port, listener.hosts.len()), (80, 12));
    for host in listener.hosts.iter() {
        assert_eq!(host.origin.object.to_string(), "TrafficSplit default/s");
    }
    assert_eq!(rules.services.len(), 3);
}
