//! How often the proxy asks for memory for a request that is passed on. A test binary of its own,
//! because it counts for the whole process but its own threads.
#![expect(clippy::unwrap_used, unreachable_pub, reason = "tests")]
#![expect(dead_code, reason = "the other tests use the rest of these modules")]

#[path = "proxy/backend.rs"]
mod backend;
#[path = "proxy/gateway.rs"]
mod gateway;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const REQUEST: &[u8] =
    b"GET /tea?milk=no HTTP/1.1\r\nHost: cafe.example.com\r\nAccept: */*\r\n\r\n";
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
const REQUESTS: usize = 1000;

/// Most allocations for a request, which takes twelve at present. Half of them are header maps.
const MOST: usize = 12;

/// The same for one of HTTP/2, alone on its connection.
const MOST_IN_HTTP2: usize = 13;

/// The system's allocator, counting what is not asked for by the threads of the test.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static IS_TEST: Cell<bool> = const { Cell::new(false) };
}

#[expect(unsafe_code, reason = "an allocator is unsafe by its nature")]
// SAFETY: everything is handed to the system's allocator as it comes.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !IS_TEST.get() {
            ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_request_that_is_passed_on_takes_few_allocations() {
    IS_TEST.set(true);
    let mut config = gateway::config(&gateway::cafe(""));
    config.services = vec![gateway::service("tea", &[backend()])];
    config.threads = NonZeroUsize::new(1);
    let server = gateway::start(config);
    let address = gateway::address(&server, 80);
    let mut client = TcpStream::connect(address).unwrap();
    expect("HTTP/1.1", MOST, || ask(&mut client));
    // The client's connection goes on while it waits for an answer.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut sender = runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        sender
    });
    expect("HTTP/2", MOST_IN_HTTP2, || runtime.block_on(ask_in_http2(&mut sender)));
}

/// Checks how many allocations a request takes.
fn expect(version: &str, most: usize, mut ask: impl FnMut()) {
    // The first requests open connections and let buffers grow.
    (0..REQUESTS / 10).for_each(|_| ask());
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    (0..REQUESTS).for_each(|_| ask());
    let each = (ALLOCATIONS.load(Ordering::Relaxed) - before) as f64 / REQUESTS as f64;
    println!("{each:.2} allocations for a request of {version}");
    assert!(each > 0.0, "the allocator counts");
    // What goes on beside requests takes one now and then.
    assert!(each.round() <= most as f64, "{each:.2} allocations for a request of {version}");
}

async fn ask_in_http2(sender: &mut h2::client::SendRequest<bytes::Bytes>) {
    let request = http::Request::builder()
        .uri("http://cafe.example.com/tea?milk=no")
        .header("accept", "*/*")
        .body(())
        .unwrap();
    let (answer, _) = sender.send_request(request, true).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut body = answer.into_body();
    while let Some(data) = body.data().await {
        body.flow_control().release_capacity(data.unwrap().len()).unwrap();
    }
}

/// A backend that answers each request of a connection with the same.
fn backend() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        IS_TEST.set(true);
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                IS_TEST.set(true);
                let mut space = [0; 4096];
                let mut come = Vec::new();
                loop {
                    match stream.read(&mut space) {
                        Ok(0) | Err(_) => return,
                        Ok(read) => come.extend_from_slice(&space[..read]),
                    }
                    if come.ends_with(b"\r\n\r\n") {
                        come.clear();
                        stream.write_all(ANSWER).unwrap();
                    }
                }
            });
        }
    });
    address
}

fn ask(client: &mut TcpStream) {
    client.write_all(REQUEST).unwrap();
    let mut space = [0; 4096];
    let mut answer = Vec::new();
    while !answer.ends_with(b"hello") {
        let read = client.read(&mut space).unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&space[..read]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
}
