use crate::backend::Backend;
use crate::bodies::wait_until;
use crate::client::Client;
use crate::gateway::{address, cafe, cafe_with, config, service, start};
use gateway_proxy::{AccessLog, LogFormat, LogTarget};
use serde_json::json;
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[test]
fn requests_under_way_are_finished() {
    let backend = Backend::start("tea");
    let (server, address) = cafe_with(&backend, "");
    let mut idle = Client::connect(address);
    assert_eq!(idle.get("/").status, 200);
    let mut slow = Client::connect(address);
    slow.send("GET /slow?500 HTTP/1.1\r\nHost: cafe.example.com\r\n\r\n").unwrap();
    wait_until("the request is under way", || backend.requests() == 2);
    let started = Instant::now();
    let stopping = std::thread::spawn(move || server.shutdown());
    let response = slow.read("GET").unwrap();
    assert_eq!((response.status, response.complete), (200, true));
    assert_eq!(response.field("connection"), Some("close"));
    stopping.join().unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "idle connections hold nothing up");
    assert!(idle.is_closed());
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn what_takes_too_long_is_cut_off() {
    let backend = Backend::start("tea");
    let mut config = config(&cafe(""));
    config.services = vec![service("tea", &[backend.address])];
    config.limits.grace = Duration::from_millis(300);
    let server = start(config);
    let mut slow = Client::connect(address(&server, 80));
    slow.send("GET /slow?10000 HTTP/1.1\r\nHost: cafe.example.com\r\n\r\n").unwrap();
    wait_until("the request is under way", || backend.requests() == 1);
    let started = Instant::now();
    server.shutdown();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(slow.read("GET").is_err());
}

#[test]
fn the_admin_server_tells_what_goes_on() {
    let backend = Backend::start("tea");
    let log = std::env::temp_dir().join(format!("gateway-access-{}.log", std::process::id()));
    let mut config = config(&(cafe("") + "    unknown: 1\n"));
    config.services = vec![service("tea", &[backend.address])];
    config.admin = Some("127.0.0.1:0".parse().unwrap());
    config.access_log =
        Some(AccessLog { target: LogTarget::File(log.clone()), format: LogFormat::Json });
    let server = start(config);
    let mut client = Client::connect(address(&server, 80));
    assert_eq!(client.get("/a\"b").status, 200);
    assert_eq!(client.get("/hang-up").status, 502);
    let mut admin = Client::connect(server.admin().unwrap());
    for (target, status) in [("/ready", 200), ("/healthz", 200), ("/other", 404)] {
        assert_eq!(admin.get(target).status, status, "{target}");
    }
    assert_eq!(admin.request("DELETE", "/config", "").status, 405);
    let metrics = admin.get("/metrics").text();
    for line in [
        "gateway_requests_total{listener=\"default/cafe\",owner=\"VirtualServer default/cafe\",\
         route=\"VirtualServer default/cafe\",rule=\"spec.routes[0]\",service=\"default/tea\",code=\"200\"} 1",
        "gateway_upstream_failures_total{reason=\"disconnect\"} 1",
        "gateway_config_generation 1",
        "gateway_connections_active 1",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line}\n{metrics}");
    }
    let shown: serde_json::Value = serde_json::from_str(&admin.get("/config").text()).unwrap();
    assert_eq!(shown["generation"], 1);
    assert_eq!(shown["counts"]["routes"], 1);
    assert_eq!(shown["listeners"][0]["address"], address(&server, 80).to_string());
    let [cafe] = &shown["documents"].as_array().unwrap()[..] else { panic!("{shown:#}") };
    assert_eq!((&cafe["name"], &cafe["state"]), (&json!("cafe"), &json!("accepted")));
    assert_eq!(cafe["diagnostics"][0]["line"], 11, "{shown:#}");
    server.shutdown();
    let lines = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let want = [("/a\"b", 200, ""), ("/hang-up", 502, "disconnect")];
    assert_eq!(lines.len(), want.len(), "{lines:?}");
    for (line, (target, status, problem)) in lines.iter().zip(want) {
        assert_eq!(line["target"], target);
        assert_eq!(line["status"], status);
        assert_eq!(line["problem"], problem);
        assert_eq!(line["upstreams"][0]["address"], backend.address.to_string());
    }
}
