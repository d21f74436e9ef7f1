//! Limits of Services that documents ask for (smi §8.1).

use crate::backend::Backend;
use crate::bodies::wait_until;
use crate::client::Client;
use crate::gateway::{address, cafe, config, service, start};
use gateway_proxy::{AccessLog, LogFormat, LogTarget, Server};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A RateLimit of the Service `tea`; `spec` holds more fields, each with a comma before.
fn limited(spec: &str) -> String {
    format!(
        "{}---
apiVersion: specs.smi.nginx.com/v1alpha2
kind: RateLimit
metadata: {{name: slow, namespace: default}}
spec: {{name: slow, destination: {{kind: Service, name: tea}}, rate: 1r/m{spec}}}
",
        cafe("")
    )
}

fn shop(documents: &str, backends: &[&Backend], log: Option<PathBuf>) -> (Server, SocketAddr) {
    let mut config = config(documents);
    let addresses: Vec<SocketAddr> = backends.iter().map(|backend| backend.address).collect();
    config.services = vec![service("tea", &addresses)];
    config.access_log =
        log.map(|path| AccessLog { target: LogTarget::File(path), format: LogFormat::Text });
    let server = start(config);
    let address = address(&server, 80);
    (server, address)
}

/// How many of so many requests are answered 200, each on a connection of its own; the others are
/// answered 503.
fn admitted(address: SocketAddr, target: &str, requests: usize) -> usize {
    let status = |_| Client::connect(address).get(target).status;
    let statuses: Vec<u16> = (0..requests).map(status).collect();
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    statuses.iter().filter(|status| **status == 200).count()
}

#[test]
fn threads_share_the_buckets_of_each_endpoint() {
    // smi N-1, N-3
    let (one, two) = (Backend::start("one"), Backend::start("two"));
    let documents = limited(", burst: 3, delay: nodelay");
    let (_server, address) = shop(&documents, &[&one, &two], None);
    assert_eq!(admitted(address, "/", 40), 8);
    assert_eq!((one.requests(), two.requests()), (4, 4));
}

#[test]
fn only_what_a_rule_selects_is_counted() {
    // smi N-5
    let backend = Backend::start("tea");
    let group = "---
apiVersion: specs.smi-spec.io/v1alpha3
kind: HTTPRouteGroup
metadata: {name: dear, namespace: default}
spec: {matches: [{name: dear, pathRegex: /dear}]}
";
    let rules = ", rules: [{kind: HTTPRouteGroup, name: dear, matches: [dear]}]";
    let (_server, address) = shop(&(limited(rules) + group), &[&backend], None);
    assert_eq!(admitted(address, "/cheap", 5), 5);
    assert_eq!(admitted(address, "/dear", 5), 1);
    assert_eq!(admitted(address, "/cheap", 5), 5);
}

#[test]
fn callers_that_a_limit_does_not_list_are_not_limited() {
    // smi N-5, N-8
    let backend = Backend::start("tea");
    let sources = ", sources: [{kind: Deployment, name: web}]";
    let (_server, address) = shop(&limited(sources), &[&backend], None);
    assert_eq!(admitted(address, "/", 5), 5);
}

#[test]
fn the_log_says_who_came_too_often() {
    let backend = Backend::start("tea");
    let log = std::env::temp_dir().join(format!("gateway-limits-{}.log", std::process::id()));
    let (server, address) = shop(&limited(""), &[&backend], Some(log.clone()));
    assert_eq!(admitted(address, "/", 2), 1);
    let lines = || std::fs::read_to_string(&log).unwrap();
    wait_until("two lines", || lines().lines().count() == 2);
    assert!(lines().ends_with(" problem=rate_limit\n"), "{}", lines());
    server.shutdown();
    std::fs::remove_file(&log).unwrap();
}
