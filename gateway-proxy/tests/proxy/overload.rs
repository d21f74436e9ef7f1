//! Limits on connections and requests, and clients that are slow on purpose.

use crate::backend::Backend;
use crate::bodies::wait_until;
use crate::client::Client;
use crate::gateway::{address, cafe, config, service, start};
use gateway_proxy::{Config, Limits};
use std::io::Read;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::time::Duration;

fn limited(backend: &Backend, limits: Limits) -> Config {
    let mut config = config(&cafe(""));
    config.services = vec![service("tea", &[backend.address])];
    config.limits = limits;
    config.admin = Some("127.0.0.1:0".parse().unwrap());
    config
}

/// A client whose request was answered, so that its connection surely counts.
fn served(address: SocketAddr) -> Client {
    let mut client = Client::connect(address);
    assert_eq!(client.get("/").status, 200);
    client
}

/// Asks until there is room again: a place is free a moment after its connection ends.
fn is_served_again(address: SocketAddr) {
    wait_until("room again", || Client::connect(address).get("/").status == 200);
}

fn metric(server: &gateway_proxy::Server, name: &str) -> u64 {
    let text = Client::connect(server.admin().unwrap()).get("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name}\n{text}")).parse().unwrap()
}

#[test]
fn one_connection_too_many_is_told_to_come_again() {
    let backend = Backend::start("tea");
    let limits = Limits { connections: Some(3), ..Limits::default() };
    let server = start(limited(&backend, limits));
    let address = address(&server, 80);
    let mut clients: Vec<Client> = (0..3).map(|_| served(address)).collect();
    for _ in 0..10 {
        let mut client = Client::connect(address);
        // Whether it gets to send its request before it is told, or not.
        let _ = client.send("GET / HTTP/1.1\r\nHost: cafe.example.com\r\n\r\n");
        let answer = client.read("GET").unwrap();
        assert_eq!((answer.status, answer.field("retry-after")), (503, Some("1")));
        assert!(client.is_closed());
    }
    assert_eq!(metric(&server, "gateway_connections_turned_away_total"), 10);
    assert_eq!(backend.requests(), 3);
    // Those who are in go on, and the next one comes in when one of them leaves.
    clients.iter_mut().for_each(|client| assert_eq!(client.get("/").status, 200));
    clients.pop();
    is_served_again(address);
}

/// A tunnel is a connection for as long as it lasts.
#[test]
fn tunnels_count_as_connections() {
    let backend = Backend::start("tea");
    let limits = Limits { connections: Some(1), ..Limits::default() };
    let server = start(limited(&backend, limits));
    let address = address(&server, 80);
    let mut client = Client::connect(address);
    let wish = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    assert_eq!(client.request("GET", "/websocket", wish).status, 101);
    client.send("hello").unwrap();
    let mut echo = [0; 5];
    client.reader().read_exact(&mut echo).unwrap();
    assert_eq!(Client::connect(address).read("GET").unwrap().status, 503);
    drop(client);
    is_served_again(address);
}

#[test]
fn one_client_does_not_take_the_place_of_all() {
    let backend = Backend::start("tea");
    let limits = Limits { connections_per_client: Some(2), ..Limits::default() };
    let mut config = limited(&backend, limits);
    config.proxy_protocol = [80].into();
    let server = start(config);
    let address = address(&server, 80);
    let connect = |ip: &str| {
        let mut client = Client::connect(address);
        client.send(format!("PROXY TCP4 {ip} 127.0.0.1 4711 80\r\n")).unwrap();
        let _ = client.send("GET / HTTP/1.1\r\nHost: cafe.example.com\r\n\r\n");
        let status = client.read("GET").unwrap().status;
        (client, status)
    };
    let (first, second) = (connect("192.0.2.1"), connect("192.0.2.1"));
    assert_eq!((first.1, second.1), (200, 200));
    assert_eq!(connect("192.0.2.1").1, 503);
    assert_eq!(connect("192.0.2.2").1, 200);
    drop(first);
    wait_until("room for the client", || connect("192.0.2.1").1 == 200);
}

#[test]
fn one_request_too_many_is_told_to_come_again() {
    let backend = Backend::start("tea");
    let limits = Limits { requests: Some(2), ..Limits::default() };
    let server = start(limited(&backend, limits));
    let address = address(&server, 80);
    // Under way until the backend has their bodies, or the client its answer.
    let mut clients: Vec<Client> = (0..2).map(|_| Client::connect(address)).collect();
    for client in &mut clients {
        let head = "POST / HTTP/1.1\r\nHost: cafe.example.com\r\nContent-Length: 5\r\n\r\n";
        client.send(head).unwrap();
    }
    wait_until("both under way", || backend.requests() == 2);
    let mut client = Client::connect(address);
    for _ in 0..5 {
        let answer = client.get("/");
        assert_eq!((answer.status, answer.field("retry-after")), (503, Some("1")));
    }
    assert_eq!(metric(&server, "gateway_requests_overload_total"), 5);
    for client in &mut clients {
        client.send("hello").unwrap();
        assert_eq!(client.read("POST").unwrap().status, 200);
    }
    wait_until("room again", || client.get("/").status == 200);
    assert_eq!(metric(&server, "gateway_connections_turned_away_total"), 0);
}

/// Slow on purpose: a field every now and then, and the end of the head never.
#[test]
fn a_head_has_to_come_in_time_however_it_trickles() {
    let backend = Backend::start("tea");
    let limits = Limits { head_timeout: Duration::from_millis(400), ..Limits::default() };
    let server = start(limited(&backend, limits));
    let mut client = Client::connect(address(&server, 80));
    client.send("GET / HTTP/1.1\r\n").unwrap();
    // Far more fields than fit into the time.
    let mut sent = 0;
    while sent < 1000 && client.send("X: 1\r\n").is_ok() {
        std::thread::sleep(Duration::from_millis(50));
        sent += 1;
    }
    assert!(sent < 1000);
    // What was sent after the end may have reset the connection.
    assert!(client.read("GET").is_ok_and(|answer| answer.status == 408) || client.is_closed());
    assert_eq!(backend.requests(), 0);
}

/// Nor does a body that trickles: each octet comes in time, all of them never would.
#[test]
fn a_body_has_to_come_at_a_rate_where_one_is_asked_for() {
    let backend = Backend::start("tea");
    let limits = Limits {
        body_timeout: Duration::from_millis(500),
        body_rate: NonZeroU64::new(1000),
        ..Limits::default()
    };
    let server = start(limited(&backend, limits));
    let head = "POST / HTTP/1.1\r\nHost: cafe.example.com\r\nContent-Length: 1000\r\n\r\n";
    let mut client = Client::connect(address(&server, 80));
    client.send(head).unwrap();
    let mut sent = 0;
    while sent < 900 && client.send("x").is_ok() {
        std::thread::sleep(Duration::from_millis(50));
        sent += 1;
    }
    assert!(sent < 900);
    assert_eq!(client.read("POST").unwrap().status, 408);
    wait_until("the backend is rid of it", || backend.aborted() == 1);
    // One that sends all it has is waited for as ever.
    let mut client = Client::connect(address(&server, 80));
    client.send(head).unwrap();
    client.send("x".repeat(1000)).unwrap();
    assert_eq!(client.read("POST").unwrap().status, 200);
}

/// A client that takes nothing of a long answer holds nothing for ever.
#[test]
fn an_answer_has_to_be_taken_in_time() {
    let backend = Backend::start("tea");
    let limits = Limits { send_timeout: Duration::from_millis(400), ..Limits::default() };
    let server = start(limited(&backend, limits));
    let mut client = Client::connect(address(&server, 80));
    client.send("GET /flood?1000000000 HTTP/1.1\r\nHost: cafe.example.com\r\n\r\n").unwrap();
    // The backend sees its answer broken off, without a word from the client.
    wait_until("the backend is rid of it", || backend.aborted() == 1);
    wait_until("the connection is over", || metric(&server, "gateway_connections_active") == 0);
}
