//! Retries do not multiply what a Service that fails has to carry.

use crate::backend::Backend;
use crate::client::Client;
use crate::fault::Fault;
use crate::gateway::cafe;
use crate::observe::Metrics;
use crate::shop::{Shop, ask, watched};

const OVER: &str = "gateway_retries_over_budget_total";

#[test]
fn a_service_that_fails_gets_few_retries() {
    let shop = Shop::http1(&[Fault::CloseBeforeHead, Fault::CloseBeforeHead], "");
    let mut client = Client::connect(shop.address);
    let mut requests = 0;
    // Where all fail, more than a share and ten a second are soon too many.
    while shop.metrics().value(OVER) == 0 {
        for _ in 0..50 {
            requests += 1;
            assert_eq!(ask(&mut client, "GET", requests, 0).status, 502);
        }
        assert!(requests < 100_000, "no limit");
    }
    let metrics = shop.metrics();
    let (retries, over) = (metrics.value("gateway_retries_total"), metrics.value(OVER));
    assert!(retries >= 100, "{retries}");
    assert_eq!(retries + over, requests, "each was to be tried again");
    let tries: usize = (1..=requests).map(|id| shop.ledger.of(id).len()).sum();
    assert_eq!(tries as u64, requests + retries);
    // Only what a backend had to do with is counted.
    assert_eq!(metrics.failures().get("disconnect"), Some(&(requests + retries)));
}

#[test]
fn tries_that_nothing_was_sent_in_are_free() {
    let nowhere = [Backend::nowhere(), Backend::nowhere()];
    let (server, address, _log) = watched(&cafe(""), &nowhere);
    let mut client = Client::connect(address);
    for _ in 0..400 {
        assert_eq!(client.get("/").status, 502);
    }
    let metrics = Metrics::of(server.admin().unwrap());
    assert_eq!((metrics.value("gateway_retries_total"), metrics.value(OVER)), (400, 0));
}
