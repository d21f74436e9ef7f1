//! Circuit breakers of Services, and whom their endpoints admit, on the wire (smi §6.5, §8.2).

use super::super::*;
use super::proxy::Proxy;
use super::shop::{Backend, EVER, Shop, endpoint, nowhere, origin, service, statuses};
use crate::error::Failure;
use crate::tls::Authority;
use gateway_core::rules::ServiceId;
use gateway_core::rules::{
    Access, Caller, CircuitBreaker, Grant, Service, ServiceAccount, ServiceLimit, Workload,
};
use std::time::Duration;

/// So many failures put an endpoint out, as long as the test runs.
fn breaker(errors: u32) -> CircuitBreaker {
    CircuitBreaker {
        errors,
        window: EVER,
        counts_5xx: false,
        fallback: None,
        origin: origin("CircuitBreaker"),
    }
}

/// Goes on at the second Service.
fn with_fallback(errors: u32) -> CircuitBreaker {
    CircuitBreaker { fallback: Some((ServiceId(1), 80)), ..breaker(errors) }
}

fn guarded(breaker: CircuitBreaker) -> Service {
    Service { breaker: Some(Arc::new(breaker)), ..service("s") }
}

/// One Service with one endpoint.
fn shop(backend: &Backend, breaker: CircuitBreaker) -> Shop {
    Shop::new(vec![(guarded(breaker), vec![endpoint(backend.address, 0)])])
}

fn open(proxy: &Proxy, count: u32) -> bool {
    proxy.failures(Failure::CircuitOpen, count)
}

#[test]
fn a_failing_endpoint_is_left_alone_even_if_it_is_the_only_one() {
    // smi N-9, N-10
    let backend = Backend::start(Backend::HANGS_UP);
    let proxy = shop(&backend, breaker(2)).start();
    assert_eq!(statuses(&proxy, 5), [502, 502, 503, 503, 503]);
    assert_eq!(backend.requests(), 2);
    assert!(open(&proxy, 3));
    let proxy = shop(&backend, breaker(0)).start();
    assert_eq!(statuses(&proxy, 5), [502; 5], "never");
}

#[test]
fn an_endpoint_is_tried_again_after_its_pause() {
    // smi N-9
    let backend = Backend::start(Backend::HANGS_UP);
    let window = Duration::from_millis(300);
    let proxy = shop(&backend, CircuitBreaker { window, ..breaker(1) }).start();
    assert_eq!(statuses(&proxy, 1), [502]);
    backend.answer_with(200);
    let recovered = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        statuses(&proxy, 1) == [200]
    });
    assert!(recovered);
}

#[test]
fn statuses_count_where_they_are_meant_to() {
    // smi N-9
    for (counts_5xx, want) in [(false, [500, 500, 500]), (true, [500, 503, 503])] {
        let backend = Backend::start(500);
        let proxy = shop(&backend, CircuitBreaker { counts_5xx, ..breaker(1) }).start();
        assert_eq!(statuses(&proxy, 3), want, "{counts_5xx}");
    }
}

#[test]
fn an_endpoint_that_does_not_answer_in_time_fails() {
    // smi N-9; gateway-api §16
    for whole in [false, true] {
        let backend = Backend::start(Backend::SILENT);
        let mut shop = shop(&backend, breaker(1));
        let timeouts = &mut Arc::make_mut(&mut shop.forward.settings).timeouts;
        let most = Some(Duration::from_millis(200));
        if whole {
            timeouts.request = most;
        } else {
            timeouts.backend_request = most;
        }
        let proxy = shop.start();
        assert_eq!(statuses(&proxy, 2), [504, 503], "{whole}");
        let failure = if whole { Failure::RequestTimeout } else { Failure::Timeout };
        assert!(proxy.failures(failure, 1), "{whole}");
    }
}

#[test]
fn who_waited_for_a_limit_does_not_go_where_others_failed_meanwhile() {
    // smi N-1, N-10
    let backend = Backend::start(Backend::SILENT);
    let mut shop = shop(&backend, breaker(1));
    let limit = ServiceLimit {
        requests: 1,
        per: Duration::from_secs(2),
        sources: Vec::new(),
        burst: 1,
        at_once: Some(0),
        matches: None,
        workloads: None,
        origin: origin("RateLimit"),
    };
    shop.services[0].0.limits = vec![Arc::new(limit)];
    let timeouts = &mut Arc::make_mut(&mut shop.forward.settings).timeouts;
    timeouts.backend_request = Some(Duration::from_millis(500));
    let proxy = shop.start();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| statuses(&proxy, 1));
        while backend.requests() == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(statuses(&proxy, 1), [503]);
        assert_eq!(first.join().unwrap(), [504]);
    });
    assert_eq!(backend.requests(), 1);
    assert!(open(&proxy, 1));
}

#[test]
fn only_the_breaker_says_when_an_endpoint_is_out() {
    let good = Backend::start(200);
    let mut shop = shop(&good, breaker(3));
    shop.services[0].1.push(endpoint(nowhere(), 0));
    let proxy = shop.start();
    assert_eq!(statuses(&proxy, 20), [200; 20], "another endpoint takes over");
    assert!(proxy.failures(Failure::Connect, 3), "it is not left out after the first");
}

#[test]
fn the_fallback_stands_in_while_all_endpoints_are_out() {
    // smi N-10
    let (failing, other) = (Backend::start(Backend::HANGS_UP), Backend::start(201));
    let mut shop = shop(&failing, with_fallback(1));
    shop.services.push((service("fallback"), vec![endpoint(other.address, 0)]));
    let proxy = shop.start();
    assert_eq!(statuses(&proxy, 3), [502, 201, 201]);
    assert!(open(&proxy, 2));
    // Another try goes there, too, where the rule has one left.
    shop.services[0].1.push(endpoint(nowhere(), 0));
    shop.reload(&proxy);
    assert_eq!(statuses(&proxy, 3), [201; 3]);
    assert!(proxy.failures(Failure::Connect, 1));
    assert_eq!((failing.requests(), other.requests()), (1, 5));
    // It has endpoints of its own, limits, and a breaker without a fallback.
    let limit = ServiceLimit {
        requests: 1,
        per: EVER,
        sources: Vec::new(),
        burst: 0,
        at_once: None,
        matches: None,
        workloads: None,
        origin: origin("RateLimit"),
    };
    shop.services[1].0.limits = vec![Arc::new(limit)];
    shop.reload(&proxy);
    assert_eq!(statuses(&proxy, 2), [201, 503]);
    assert!(proxy.failures(Failure::RateLimit, 1));
    shop.services[1].0.limits.clear();
    shop.services[1].0.breaker =
        Some(Arc::new(CircuitBreaker { fallback: Some((ServiceId(0), 80)), ..breaker(1) }));
    other.answer_with(Backend::HANGS_UP);
    shop.reload(&proxy);
    assert_eq!(statuses(&proxy, 2), [502, 503]);
    shop.services[1].1.clear();
    shop.reload(&proxy);
    assert_eq!(statuses(&proxy, 1), [502]);
    assert!(proxy.failures(Failure::NoEndpoint, 1));
    shop.services[1].0.ports = Some(vec![81]);
    shop.reload(&proxy);
    assert_eq!(statuses(&proxy, 1), [503], "it has no such port");
}

#[test]
fn what_a_breaker_knows_outlives_a_reload() {
    let backend = Backend::start(Backend::HANGS_UP);
    let before = shop(&backend, breaker(1));
    let proxy = before.start();
    assert_eq!(statuses(&proxy, 2), [502, 503]);
    before.reload(&proxy);
    assert_eq!(statuses(&proxy, 1), [503]);
    // By another Service the endpoint may be fine.
    let mut other = before.clone();
    other.services[0].0.name = service("other").name;
    other.reload(&proxy);
    assert_eq!(statuses(&proxy, 1), [502]);
}

#[test]
fn what_a_breaker_knows_outlives_an_identity() {
    let (backend, authority) = (Backend::start(200), Authority::new());
    let mut shop = shop(&backend, breaker(1));
    shop.services[0].0.mutual_tls = true;
    let identity = || Some(authority.identity("spiffe://cluster.local/ns/shop/sa/web"));
    shop.identity = identity();
    let proxy = shop.start();
    assert_eq!(statuses(&proxy, 2), [502, 503], "it speaks no TLS");
    shop.identity = identity();
    shop.reload(&proxy);
    assert_eq!(statuses(&proxy, 1), [503]);
}

/// Two workloads, of which callers without a name may reach these.
fn access(open: [bool; 2]) -> Option<Arc<Access>> {
    let account = |name: &str| ServiceAccount::new("default", name);
    let grant = || Grant {
        callers: vec![Caller::Account(account("gateway"))],
        port: None,
        layer4: None,
        matches: None,
        origin: origin("TrafficTarget"),
    };
    let workload = |open: bool| Workload {
        account: account("any"),
        port: None,
        target_port: None,
        asks: vec![open.then(grant).into_iter().collect()],
    };
    let workloads = open.map(workload).into();
    Some(Arc::new(Access { anonymous: Some(account("gateway")), workloads }))
}

#[test]
fn only_endpoints_that_admit_the_request_are_asked() {
    // smi T-15, T-16, T-17
    let (closed, ajar) = (Backend::start(200), Backend::start(200));
    let of = |access: Option<Arc<Access>>, endpoints: Vec<gateway_core::Endpoint>| {
        Shop::new(vec![(Service { access, ..service("s") }, endpoints)])
    };
    let both = || vec![endpoint(closed.address, 0), endpoint(ajar.address, 1)];
    let proxy = of(access([false, true]), both()).start();
    assert_eq!(statuses(&proxy, 4), [200; 4]);
    assert_eq!((closed.requests(), ajar.requests()), (0, 4));
    of(access([false, true]), vec![endpoint(closed.address, 0)]).reload(&proxy);
    assert_eq!(statuses(&proxy, 1), [403]);
    of(access([false, false]), both()).reload(&proxy);
    assert_eq!(statuses(&proxy, 1), [403]);
    of(access([true, true]), vec![endpoint(closed.address, 2)]).reload(&proxy);
    assert_eq!(statuses(&proxy, 1), [403], "nobody knows it");
    assert!(proxy.failures(Failure::Denied, 3));
    for open in [[false, true], [false, false]] {
        of(access(open), vec![]).reload(&proxy);
        assert_eq!(statuses(&proxy, 1), [502], "{open:?}");
    }
    assert_eq!((closed.requests(), ajar.requests()), (0, 4));
}

#[test]
fn a_breaker_counts_only_the_endpoints_that_admit_the_request() {
    // smi N-10, T-15
    let (failing, other) = (Backend::start(Backend::HANGS_UP), Backend::start(200));
    let service = Service { access: access([true, false]), ..guarded(with_fallback(1)) };
    let endpoints = vec![endpoint(failing.address, 0), endpoint(other.address, 1)];
    let fallback = Service { access: access([false, false]), ..super::shop::service("fallback") };
    let mut shop = Shop::new(vec![(service, endpoints), (fallback, vec![])]);
    let proxy = shop.start();
    assert_eq!(statuses(&proxy, 2), [502, 502], "the fallback has no endpoint");
    shop.services[1].1.push(endpoint(other.address, 1));
    shop.reload(&proxy);
    assert_eq!(statuses(&proxy, 1), [403], "nor does it admit anybody");
    shop.services[1].0.access = access([false, true]);
    shop.reload(&proxy);
    assert_eq!(statuses(&proxy, 1), [200]);
}
