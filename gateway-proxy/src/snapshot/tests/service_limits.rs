//! Limits of Services, on the wire (smi §8.1).

use super::super::*;
use super::proxy::{Proxy, ask};
use super::shop::{Backend, EVER, Shop, endpoint, origin, service, split, statuses};
use crate::error::Failure;
use gateway_core::rules::{Access, Service, ServiceAccount, ServiceLimit, Workload};
use std::io::{BufReader, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// One request ever, as far as tests see.
fn limit() -> ServiceLimit {
    ServiceLimit {
        requests: 1,
        per: EVER,
        sources: Vec::new(),
        burst: 0,
        at_once: Some(0),
        matches: None,
        workloads: None,
        origin: origin("RateLimit"),
    }
}

fn limited(name: &str, limit: ServiceLimit) -> Service {
    Service { limits: vec![Arc::new(limit)], ..service(name) }
}

/// One Service with one endpoint.
fn shop(backend: &Backend, limit: ServiceLimit) -> Shop {
    Shop::new(vec![(limited("s", limit), vec![endpoint(backend.address, 0)])])
}

fn refused(proxy: &Proxy, count: u32) -> bool {
    proxy.failures(Failure::RateLimit, count)
}

#[test]
fn who_comes_too_often_gets_503() {
    // smi N-1
    let backend = Backend::start(200);
    let proxy = shop(&backend, limit()).start();
    assert_eq!(statuses(&proxy, 3), [200, 503, 503]);
    assert!(refused(&proxy, 2));
    let proxy = shop(&backend, ServiceLimit { burst: 2, at_once: None, ..limit() }).start();
    assert_eq!(statuses(&proxy, 4), [200, 200, 200, 503]);
    assert_eq!(backend.requests(), 4);
}

#[test]
fn each_endpoint_has_the_full_rate() {
    // smi N-3
    let (one, two) = (Backend::start(200), Backend::start(200));
    let mut shop = shop(&one, limit());
    shop.services[0].1.push(endpoint(two.address, 0));
    let proxy = shop.start();
    let got = statuses(&proxy, 6);
    assert_eq!(got.iter().filter(|&&status| status == 200).count(), 2, "{got:?}");
    assert_eq!((one.requests(), two.requests()), (1, 1));
}

#[test]
fn endpoints_that_a_limit_does_not_protect_have_none() {
    let (free, protected) = (Backend::start(200), Backend::start(200));
    let mut shop = shop(&free, ServiceLimit { workloads: Some(vec![1]), ..limit() });
    shop.services[0].1.push(endpoint(protected.address, 1));
    let proxy = shop.start();
    let got = statuses(&proxy, 8);
    assert_eq!(got.iter().filter(|&&status| status == 200).count(), 5, "{got:?}");
    assert_eq!((free.requests(), protected.requests()), (4, 1), "a refused one goes nowhere else");
}

#[test]
fn a_service_that_passes_requests_on_has_one_bucket() {
    // smi N-7
    let (one, two) = (Backend::start(200), Backend::start(200));
    let root = Service { splits: vec![split(1)], ..limited("s", limit()) };
    let leaf = || vec![endpoint(one.address, 0), endpoint(two.address, 0)];
    let proxy = Shop::new(vec![(root.clone(), vec![]), (service("leaf"), leaf())]).start();
    assert_eq!(statuses(&proxy, 3), [200, 503, 503]);
    // Both count, the addressed one first.
    let wide = ServiceLimit { burst: 1, at_once: None, ..limit() };
    let root = Service { limits: vec![Arc::new(wide)], ..root };
    let other = ServiceLimit { origin: origin("Other"), ..limit() };
    let leaf = (limited("leaf", other), vec![endpoint(one.address, 0)]);
    let proxy = Shop::new(vec![(root, vec![]), leaf]).start();
    assert_eq!(statuses(&proxy, 4), [200, 503, 503, 503]);
}

#[test]
fn a_denied_request_has_been_addressed_all_the_same() {
    // smi N-7, T-16
    let backend = Backend::start(200);
    let account = ServiceAccount::new("default", "leaf");
    let workloads =
        vec![Workload { account, port: None, target_port: None, asks: vec![Arc::from([])] }];
    let access = Some(Arc::new(Access { anonymous: None, workloads }));
    let leaf = Service { access, ..service("leaf") };
    let root = Service { splits: vec![split(1)], ..limited("s", limit()) };
    let proxy = Shop::new(vec![(root, vec![]), (leaf, vec![endpoint(backend.address, 0)])]).start();
    assert_eq!(statuses(&proxy, 2), [403, 503]);
    assert!(proxy.failures(Failure::Denied, 1) && refused(&proxy, 1));
    assert_eq!(backend.requests(), 0);
}

#[test]
fn a_request_that_runs_ahead_waits_for_its_turn() {
    // smi N-1: of two at once, one has to wait, and the other finds no room.
    let backend = Backend::start(200);
    let per = Duration::from_secs(3);
    let proxy = shop(&backend, ServiceLimit { per, burst: 1, ..limit() }).start();
    assert_eq!(statuses(&proxy, 1), [200]);
    let (answered, answers) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..2 {
            let (answered, proxy) = (answered.clone(), &proxy);
            scope.spawn(move || answered.send(statuses(proxy, 1)).unwrap());
        }
    });
    assert_eq!([(); 2].map(|()| answers.recv().unwrap()), [[503], [200]]);
}

#[test]
fn who_leaves_does_not_wait() {
    let backend = Backend::start(200);
    let mut proxy = shop(&backend, ServiceLimit { burst: 3, ..limit() }).start();
    assert_eq!(statuses(&proxy, 1), [200]);
    let ask = |_| {
        let mut client = proxy.connect();
        client.write_all(b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n").unwrap();
        client
    };
    let mut clients: Vec<_> = (0..4).map(ask).collect();
    // Whichever found no room, the three others are waiting.
    assert!(refused(&proxy, 1) && proxy.metric("gateway_connections_active 4"));
    clients.truncate(2);
    assert!(proxy.metric("gateway_connections_active 2"));
    assert_eq!(backend.requests(), 1);
    let took = proxy.stop();
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn waiting_is_a_part_of_the_time_for_a_request() {
    // gateway-api §16
    let backend = Backend::start(200);
    let mut shop = shop(&backend, ServiceLimit { burst: 9, ..limit() });
    let settings = Arc::make_mut(&mut shop.forward.settings);
    settings.timeouts.request = Some(Duration::from_millis(200));
    let proxy = shop.start();
    let mut client = BufReader::new(proxy.connect());
    assert_eq!(ask(&mut client, b"").unwrap().0, "200");
    assert_eq!(ask(&mut client, b"").unwrap().0, "504");
    assert_eq!(backend.requests(), 1);
}

#[test]
fn what_was_counted_outlives_a_reload() {
    let backend = Backend::start(200);
    let before = shop(&backend, limit());
    let proxy = before.start();
    assert_eq!(statuses(&proxy, 2), [200, 503]);
    before.reload(&proxy);
    assert_eq!(statuses(&proxy, 1), [503]);
    shop(&backend, ServiceLimit { per: 2 * EVER, ..limit() }).reload(&proxy);
    assert_eq!(statuses(&proxy, 2), [200, 503], "another limit");
}
