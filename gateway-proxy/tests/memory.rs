//! Large bodies pass in flat memory. A test binary of its own, because it looks at the memory of
//! the whole process.
#![expect(unreachable_pub, clippy::unwrap_used, reason = "tests")]
#![expect(dead_code, reason = "the other tests use the rest of these modules")]

#[path = "proxy/backend.rs"]
mod backend;
#[path = "proxy/client.rs"]
mod client;
#[path = "proxy/gateway.rs"]
mod gateway;

use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const SIZE: usize = 1 << 30;
const MOST: usize = 64 << 20;

/// Octets of memory in use.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn a_gibibyte_passes_in_flat_memory() {
    let backend = backend::Backend::start("tea");
    let (_server, address) = gateway::cafe_with(&backend, ", client-max-body-size: \"0\"");
    let mut client = client::Client::connect(address);
    assert_eq!(client.get("/").status, 200);
    let before = resident();
    let most = AtomicUsize::new(before);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                most.fetch_max(resident(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let mut chunk = vec![0; 256 * 1024];
        let host = "Host: cafe.example.com\r\n";
        client.send(format!("GET /flood?{SIZE} HTTP/1.1\r\n{host}\r\n")).unwrap();
        assert_eq!(client.read_head().unwrap().0, 200);
        // A client that is slow at first must not make the proxy hold what the backend sends.
        std::thread::sleep(Duration::from_millis(300));
        let mut left = SIZE;
        while left > 0 {
            let got = client.reader().read(&mut chunk).unwrap();
            assert_ne!(got, 0, "{left} octets are missing");
            left -= got;
        }
        client.send(format!("POST / HTTP/1.1\r\n{host}Content-Length: {SIZE}\r\n\r\n")).unwrap();
        for _ in 0..SIZE / chunk.len() {
            client.send(&chunk).unwrap();
        }
        let answer = client.read("POST").unwrap();
        assert_eq!(answer.seen("body"), Some(SIZE.to_string()));
        done.store(true, Ordering::Relaxed);
    });
    let grown = most.load(Ordering::Relaxed) - before;
    assert!(grown < MOST, "grown by {} MiB", grown >> 20);
}
