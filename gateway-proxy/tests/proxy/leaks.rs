//! Nothing is left behind by clients and backends that break off, nor by tables that were replaced.

use crate::backend::Backend;
use crate::bodies::wait_until;
use crate::client::Client;
use crate::reload::File;
use crate::signals::{documents, serve};
use std::net::SocketAddr;

/// Exchanges that end in every way, `times` each; how many were answered with 200 in full.
fn storm(address: SocketAddr, times: u32) -> u32 {
    let host = "Host: cafe.example.com\r\n";
    let mut whole = 0;
    for i in 0..times {
        let mut client = Client::connect(address);
        for target in ["/", "/chunked", "/flood?300000", "/version", "/hang-up", "/garbage"] {
            whole += u32::from(client.get(target).status == 200);
        }
        for target in ["/short", "/short-chunked"] {
            assert!(!Client::connect(address).get(target).complete, "{target}");
        }
        let mut leaving = Client::connect(address);
        leaving.send(format!("GET /flood?100000000 HTTP/1.1\r\n{host}\r\n")).unwrap();
        leaving.read_head().unwrap();
        let mut leaving = Client::connect(address);
        let length = 100_000 * (i + 1) % 900_000;
        leaving
            .send(format!("POST / HTTP/1.1\r\n{host}Content-Length: {length}\r\n\r\nhalf"))
            .unwrap();
        let mut tunnel = Client::connect(address);
        let lines = "Connection: upgrade\r\nUpgrade: websocket\r\n";
        assert_eq!(tunnel.request("GET", "/websocket", lines).status, 101);
        Client::connect(address).send("GET / HT").unwrap();
    }
    whole
}

#[test]
fn memory_and_descriptors_return_to_where_they_were() {
    const TIMES: u32 = 40;
    const MOST: usize = 16 << 20;
    let backend = Backend::start("tea");
    let file = File::new(&documents("0"));
    let (process, address) = serve(file.path(), &backend, &["--threads", "2"]);
    let mut version = 0;
    let mut round = || {
        let whole = std::thread::scope(|scope| {
            let storms: Vec<_> = (0..4).map(|_| scope.spawn(|| storm(address, TIMES))).collect();
            while storms.iter().any(|storm| !storm.is_finished()) {
                version += 1;
                file.write(&documents(&version.to_string()));
                process.signal("-HUP");
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
            storms.into_iter().map(|storm| storm.join().unwrap()).sum::<u32>()
        });
        assert_eq!(whole, 4 * 4 * TIMES, "the backend answers four of six");
        // Connections without use are kept for a while, unless the other side closes them.
        backend.hang_up();
        version
    };
    // Once it obeys signals, it has all its threads; the client's own connection does not count.
    let mut client = Client::connect(address);
    file.write(&documents("first"));
    wait_until("it obeys signals", || {
        process.signal("-HUP");
        client.get("/version").text() == "first"
    });
    let files = process.open_files() - 1;
    drop(client);
    round();
    wait_until("the same descriptors", || process.open_files() == files);
    let before = process.resident();
    for _ in 0..3 {
        round();
    }
    assert!(round() > 10, "tables were replaced meanwhile");
    wait_until("the same descriptors", || process.open_files() == files);
    let grown = process.resident().saturating_sub(before);
    assert!(grown < MOST, "grown by {} KiB", grown >> 10);
    println!("{files} descriptors, {} KiB, grown by {} KiB", before >> 10, grown >> 10);
}
