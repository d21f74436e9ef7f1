//! Circuit breakers that documents ask for (smi §8.2).

use crate::backend::Backend;
use crate::bodies::wait_until;
use crate::client::Client;
use crate::gateway::{address, cafe, config, service, start};
use gateway_proxy::{AccessLog, LogFormat, LogTarget, Server};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A CircuitBreaker of the Service `tea`; `spec` holds more fields, each with a comma before.
fn guarded(spec: &str) -> String {
    format!(
        "{}---
apiVersion: specs.smi.nginx.com/v1alpha1
kind: CircuitBreaker
metadata: {{name: guard, namespace: default}}
spec: {{destination: {{kind: Service, name: tea}}, errors: 2, timeoutSeconds: 3600{spec}}}
",
        cafe("")
    )
}

fn shop(documents: &str, tea: &Backend, milk: &Backend, log: Option<PathBuf>) -> Server {
    let mut config = config(documents);
    config.services = vec![service("tea", &[tea.address]), service("milk", &[milk.address])];
    config.access_log =
        log.map(|path| AccessLog { target: LogTarget::File(path), format: LogFormat::Text });
    start(config)
}

/// The statuses of so many requests, each on a connection of its own.
fn statuses(address: SocketAddr, target: &str, requests: usize) -> Vec<u16> {
    (0..requests).map(|_| Client::connect(address).get(target).status).collect()
}

#[test]
fn threads_share_what_a_breaker_knows() {
    // smi N-9, N-10
    let (tea, milk) = (Backend::start("tea"), Backend::start("milk"));
    let server = shop(&guarded(""), &tea, &milk, None);
    let address = address(&server, 80);
    assert_eq!(statuses(address, "/", 8), [200; 8]);
    assert_eq!(statuses(address, "/status?500", 8), [500; 8], "an answer all the same");
    assert_eq!(statuses(address, "/hang-up", 8), [502, 502, 503, 503, 503, 503, 503, 503]);
    let before = tea.requests();
    assert_eq!(statuses(address, "/", 8), [503; 8]);
    assert_eq!((tea.requests(), milk.requests()), (before, 0));
}

#[test]
fn the_fallback_of_a_document_is_asked_instead() {
    // smi N-10
    let (tea, milk) = (Backend::start("tea"), Backend::start("milk"));
    let documents = guarded(", fallback: {service: default/milk, port: 80}");
    let log = std::env::temp_dir().join(format!("gateway-breakers-{}.log", std::process::id()));
    let server = shop(&documents, &tea, &milk, Some(log.clone()));
    let address = address(&server, 80);
    assert_eq!(statuses(address, "/hang-up", 2), [502, 502]);
    for _ in 0..4 {
        let response = Client::connect(address).get("/");
        assert_eq!((response.status, response.field("x-backend")), (200, Some("milk")));
    }
    let lines = || std::fs::read_to_string(&log).unwrap();
    wait_until("six lines", || lines().lines().count() == 6);
    for line in lines().lines().skip(2) {
        assert!(
            line.contains(&format!(" service=\"default/milk\" upstream=\"{}\" ", milk.address)),
            "{line}"
        );
    }
    server.shutdown();
    std::fs::remove_file(&log).unwrap();
}

#[test]
fn the_log_says_that_all_endpoints_are_out() {
    let (tea, milk) = (Backend::start("tea"), Backend::start("milk"));
    let log = std::env::temp_dir().join(format!("gateway-circuit-{}.log", std::process::id()));
    let server = shop(&guarded(""), &tea, &milk, Some(log.clone()));
    assert_eq!(statuses(address(&server, 80), "/hang-up", 3), [502, 502, 503]);
    let lines = || std::fs::read_to_string(&log).unwrap();
    wait_until("three lines", || lines().lines().count() == 3);
    assert!(lines().ends_with(" problem=circuit_open\n"), "{}", lines());
    server.shutdown();
    std::fs::remove_file(&log).unwrap();
}
