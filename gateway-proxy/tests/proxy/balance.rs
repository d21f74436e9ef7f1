//! Which endpoint of an upstream is taken, and what becomes of requests where none is.

use crate::backend::Backend;
use crate::bodies::wait_until;
use crate::client::{Client, Response};
use crate::gateway::{address, cafe, config, service, start};
use crate::reload::File;
use gateway_proxy::{Server, Source};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// A proxy whose `tea` is these backends, with more fields of its upstream.
fn shop(upstream: &str, tea: &[&Backend]) -> (Server, SocketAddr) {
    with_backup(upstream, tea, &[])
}

/// The same with a Service `milk`.
fn with_backup(upstream: &str, tea: &[&Backend], milk: &[&Backend]) -> (Server, SocketAddr) {
    let addresses = |backends: &[&Backend]| backends.iter().map(|b| b.address).collect::<Vec<_>>();
    let mut config = config(&cafe(upstream));
    config.services = vec![service("tea", &addresses(tea)), service("milk", &addresses(milk))];
    let server = start(config);
    let address = address(&server, 80);
    (server, address)
}

fn get(address: SocketAddr, target: &str) -> Response {
    Client::connect(address).get(target)
}

/// Who answered, or the status where nobody did.
fn who(response: &Response) -> String {
    response.field("x-backend").map_or_else(|| response.status.to_string(), str::to_owned)
}

fn backends<const N: usize>() -> [Backend; N] {
    std::array::from_fn(|n| Backend::start(&format!("b{n}")))
}

/// Starts a request that the backend takes its time for; it ends with the thread.
fn slow(address: SocketAddr, millis: u32) -> thread::JoinHandle<Response> {
    thread::spawn(move || get(address, &format!("/slow?{millis}")))
}

#[test]
fn requests_with_one_key_go_to_one_endpoint_from_any_thread() {
    // virtualserver §14, `hash <key>`
    let three: [Backend; 3] = backends();
    let all: Vec<&Backend> = three.iter().collect();
    for balance in ["hash $request_uri", "hash $request_uri consistent"] {
        let (_server, address) = shop(&format!(", lb-method: {balance}"), &all);
        let mut seen = BTreeSet::new();
        for item in 0..24 {
            let target = format!("/item/{item}");
            let answers: BTreeSet<String> = (0..4).map(|_| who(&get(address, &target))).collect();
            assert_eq!(answers.len(), 1, "{balance} {target}: {answers:?}");
            seen.extend(answers);
        }
        assert_eq!(seen.len(), 3, "{balance}");
    }
    let (_server, address) = shop(", lb-method: ip_hash", &all);
    let answers: BTreeSet<String> = (0..24).map(|n| who(&get(address, &format!("/{n}")))).collect();
    assert_eq!(answers.len(), 1, "all come from one network");
}

#[test]
fn another_endpoint_is_tried_where_that_of_the_key_fails() {
    // virtualserver §14, retry
    let [one, two] = backends();
    for balance in ["hash $request_uri", "hash $request_uri consistent", "ip_hash"] {
        let rules = format!(", lb-method: {balance}, next-upstream: http_500, max-fails: 0");
        let (_server, address) = shop(&rules, &[&one, &two]);
        let answers: Vec<u16> =
            (0..8).map(|n| get(address, &format!("/{n}/status?500")).status).collect();
        assert_eq!(answers, [500; 8], "{balance}: all were asked");
        one.answer_with(500);
        for n in 0..8 {
            assert_eq!(who(&get(address, &format!("/{n}"))), "b1", "{balance}");
        }
        one.answer_with(200);
    }
    assert!(one.requests() > 0 && two.requests() > 0);
}

#[test]
fn endpoints_are_left_out_as_their_upstream_says() {
    // virtualserver §4, `max-fails` and `fail-timeout`
    for (fields, most) in [
        ("max-fails: 0", usize::MAX),
        ("max-fails: 3, fail-timeout: 1h", 3),
        ("fail-timeout: 1h", 1),
    ] {
        let [good, bad] = backends();
        let rules = format!(", lb-method: round_robin, next-upstream: error http_500, {fields}");
        let (_server, address) = shop(&rules, &[&good, &bad]);
        bad.answer_with(500);
        for _ in 0..20 {
            assert_eq!(get(address, "/").status, 200);
        }
        match most {
            usize::MAX => assert!(bad.requests() >= 9, "{fields}: {}", bad.requests()),
            most => assert_eq!(bad.requests(), most, "{fields}"),
        }
    }
}

#[test]
fn what_is_known_of_endpoints_outlives_a_reload() {
    // virtualserver §14, passive health
    let [good, bad] = backends();
    let rules = ", lb-method: round_robin, next-upstream: http_500, fail-timeout: 1h";
    let file = File::new(&cafe(rules));
    let mut config = config("");
    config.sources = vec![Source::Path(file.path().into())];
    config.services = vec![service("tea", &[good.address, bad.address])];
    let server = start(config);
    let address = address(&server, 80);
    bad.answer_with(500);
    for round in 0..3 {
        for _ in 0..4 {
            assert_eq!(get(address, "/").status, 200);
        }
        assert_eq!(bad.requests(), 1, "{round}");
        // Other settings of the upstream, and others beside it.
        file.write(&cafe(&format!("{rules}, read-timeout: {}s", round + 10)));
        server.reload().unwrap();
    }
}

#[test]
fn the_quickest_endpoint_is_taken() {
    // virtualserver §14, `least_time`
    for balance in ["least_time header", "least_time last_byte inflight"] {
        let [one, two] = backends();
        let (_server, address) = shop(&format!(", lb-method: {balance}"), &[&one, &two]);
        // Whoever takes this is slow, and known to be.
        assert_eq!(get(address, "/slow?2000").status, 200);
        let (slow, quick) = if one.requests() == 1 { (&one, &two) } else { (&two, &one) };
        let mut answers = 0;
        while quick.requests() < 20 && answers < 40 {
            assert_eq!(get(address, "/").status, 200);
            answers += 1;
        }
        // One of which nothing is known is taken to be as quick as the other.
        assert!(slow.requests() <= 4, "{balance}: {} of {answers}", slow.requests());
    }
}

#[test]
fn endpoints_have_no_more_requests_than_they_may() {
    // virtualserver §4, `max-conns`
    let backend = Backend::start("tea");
    let (_server, address) = shop(", max-conns: 2", &[&backend]);
    let held = [slow(address, 3000), slow(address, 3000)];
    wait_until("two are under way", || backend.requests() == 2);
    for _ in 0..4 {
        assert_eq!(get(address, "/").status, 502, "all are busy");
    }
    for request in held {
        assert_eq!(request.join().unwrap().status, 200);
    }
    wait_until("there is room", || get(address, "/").status == 200);
}

#[test]
fn requests_wait_in_the_queue_while_all_endpoints_are_busy() {
    // virtualserver §4, `queue`
    let backend = Backend::start("tea");
    let (_server, address) = shop(", max-conns: 1, queue: {size: 2, timeout: 60s}", &[&backend]);
    let first = slow(address, 1500);
    wait_until("one is under way", || backend.requests() == 1);
    let waiting = [slow(address, 0), slow(address, 0)];
    // They may still be on their way to the queue.
    wait_until("the queue is full", || get(address, "/").status == 502 || first.is_finished());
    assert_eq!(first.join().unwrap().status, 200);
    for request in waiting {
        assert!([200, 502].contains(&request.join().unwrap().status));
    }
    let (_server, address) = shop(", max-conns: 1, queue: {size: 9, timeout: 100ms}", &[&backend]);
    let before = backend.requests();
    let first = slow(address, 3000);
    wait_until("one is under way", || backend.requests() > before);
    assert_eq!(get(address, "/").status, 502, "time is over");
    assert_eq!(first.join().unwrap().status, 200);
}

#[test]
fn a_queue_loses_nobody() {
    // virtualserver §4, `queue`
    let [one, two] = backends();
    let (_server, address) = shop(
        ", max-conns: 1, lb-method: least_conn, queue: {size: 64, timeout: 60s}",
        &[&one, &two],
    );
    let clients: Vec<_> = (0..16)
        .map(|_| {
            thread::spawn(move || {
                let mut client = Client::connect(address);
                (0..25).filter(|_| client.get("/").status == 200).count()
            })
        })
        .collect();
    let answered: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
    assert_eq!(answered, 16 * 25);
    assert!(one.connections() <= 2 && two.connections() <= 2, "one at a time, by two threads");
}

#[test]
fn the_backup_takes_over_while_no_endpoint_works() {
    // virtualserver §4, `backup`
    let [tea, milk] = backends();
    let rules = ", lb-method: round_robin, backup: milk, backupPort: 80, fail-timeout: 1h, \
                 next-upstream: error http_500";
    let (_server, address) = with_backup(rules, &[&tea], &[&milk]);
    assert_eq!(who(&get(address, "/")), "b0");
    tea.answer_with(500);
    for _ in 0..4 {
        assert_eq!(who(&get(address, "/")), "b1");
    }
    assert_eq!((tea.requests(), milk.requests()), (2, 4), "tried once, and left out then");
    let (_server, address) = with_backup(rules, &[], &[&milk]);
    assert_eq!(who(&get(address, "/")), "b1", "there is no endpoint at all");
    let (_server, address) = with_backup(rules, &[&tea], &[]);
    let answers = [(); 3].map(|()| get(address, "/").status);
    assert_eq!(answers, [500; 3], "without a backup, a lone endpoint is never left out");
    tea.answer_with(200);
    let full = format!("{rules}, max-conns: 1");
    let (_server, address) = with_backup(&full, &[&tea], &[&milk]);
    let before = tea.requests();
    let held = slow(address, 3000);
    wait_until("one is under way", || tea.requests() > before);
    assert_eq!(who(&get(address, "/")), "b1", "all are busy");
    assert_eq!(held.join().unwrap().status, 200);
}

#[test]
fn idle_connections_are_kept_as_far_as_the_upstream_says() {
    // virtualserver §4, `keepalive`
    for (fields, want) in [("keepalive: 0", 6), ("keepalive: 1", 1), ("max-fails: 1", 1)] {
        let backend = Backend::start("tea");
        let (_server, address) = shop(&format!(", {fields}"), &[&backend]);
        let mut client = Client::connect(address);
        for _ in 0..6 {
            assert_eq!(client.get("/").status, 200);
        }
        assert_eq!(backend.connections(), want, "{fields}");
    }
}

#[test]
fn only_endpoints_with_the_labels_are_asked() {
    // virtualserver §4, `subselector` and `use-cluster-ip`
    let [one, two] = backends();
    let documents = |upstream: &str, cluster_ip: &str| {
        let slice = |n: usize, backend: &Backend| {
            let port = backend.address.port();
            format!(
                "---\n{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: s{n}, \
                 namespace: default, labels: {{kubernetes.io/service-name: tea}}}}, addressType: \
                 IPv4, endpoints: [{{addresses: [127.0.0.1], targetRef: {{kind: Pod, name: p{n}}}}}], \
                 ports: [{{port: {port}}}]}}\n"
            )
        };
        format!(
            "{}---\n{{apiVersion: v1, kind: Service, metadata: {{name: tea, namespace: default}}, \
             spec: {{ports: [{{port: {}}}]{cluster_ip}}}}}\n{}{}",
            cafe(upstream).replace("port: 80", &format!("port: {}", two.address.port())),
            two.address.port(),
            slice(1, &one),
            slice(2, &two),
        )
    };
    let pod = |n: u8, version: u8| {
        format!(
            "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: p{n}, namespace: default, \
             labels: {{v: '{version}'}}}}}}\n"
        )
    };
    let subselector = ", subselector: {v: '2'}, lb-method: round_robin";
    let both = pod(1, 1) + &pod(2, 2);
    let none = pod(1, 1) + &pod(2, 3);
    let cluster_ip = ", clusterIP: 127.0.0.1";
    for (upstream, address, pods, want) in [
        (subselector, "", &*both, ["b1"; 4]),
        (subselector, "", &*none, ["502"; 4]),
        (subselector, "", "", ["500"; 4]),
        (", use-cluster-ip: true", cluster_ip, "", ["b1"; 4]),
        (", use-cluster-ip: true", "", "", ["502"; 4]),
    ] {
        let documents = documents(upstream, address) + pods;
        let server = start(config(&documents));
        let at = crate::gateway::address(&server, 80);
        let answers = [(); 4].map(|()| who(&get(at, "/")));
        assert_eq!(answers, want, "{documents}");
    }
}

#[test]
fn endpoints_come_and_go_under_load() {
    // virtualserver §14, endpoints
    let three: [Backend; 3] = backends();
    let slice = |backends: &[&Backend]| {
        let list: String = backends
            .iter()
            .map(|backend| {
                let port = backend.address.port();
                format!(
                    "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
                     metadata: {{name: tea-{port}, namespace: default, labels: \
                     {{kubernetes.io/service-name: tea}}}}\naddressType: IPv4\n\
                     endpoints: [{{addresses: [127.0.0.1]}}]\nports: [{{port: {port}}}]\n"
                )
            })
            .collect();
        format!(
            "{}---\napiVersion: v1\nkind: Service\nmetadata: {{name: tea, namespace: default}}\n\
             spec: {{ports: [{{port: 80}}]}}\n{list}",
            cafe(", lb-method: round_robin")
        )
    };
    let [stays, goes, comes] = &three;
    let file = File::new(&slice(&[stays, goes]));
    let mut config = config("");
    config.sources = vec![Source::Path(file.path().into())];
    let server = start(config);
    let address = address(&server, 80);
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    /// Ends the load however the test ends.
    struct Stop<'s>(&'s AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    thread::scope(|scope| {
        let _stop = Stop(&stop);
        let load: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::connect(address);
                    while !stop.load(Ordering::Relaxed) {
                        assert_eq!(client.get("/").status, 200);
                        answered.fetch_add(1, Ordering::Relaxed);
                        thread::sleep(Duration::from_millis(1));
                    }
                })
            })
            .collect();
        let alive = || assert!(load.iter().all(|client| !client.is_finished()));
        wait_until("both are asked", || stays.requests() > 50 && goes.requests() > 50);
        // A request that is under way with an endpoint that goes ends as it should.
        let before = goes.aborted();
        let under_way: Vec<_> = (0..2).map(|_| slow(address, 1000)).collect();
        thread::sleep(Duration::from_millis(100));
        file.write(&slice(&[stays, comes]));
        server.reload().unwrap();
        wait_until("the new one is asked", || comes.requests() > 50);
        for request in under_way {
            let response = request.join().unwrap();
            assert_eq!((response.status, response.complete), (200, true));
        }
        assert_eq!(goes.aborted(), before);
        wait_until("its idle connections are closed", || goes.open() == 0);
        let last = goes.requests();
        let asked = stays.requests();
        wait_until("load goes on", || stays.requests() > asked + 50);
        assert_eq!(goes.requests(), last, "nobody asks it any more");
        alive();
    });
    assert!(answered.load(Ordering::Relaxed) > 100);
    // Two threads, four clients and two slow ones: connections to the one that stays were kept.
    assert!(stays.connections() <= 6, "{}", stays.connections());
}
