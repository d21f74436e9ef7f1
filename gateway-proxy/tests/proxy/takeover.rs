//! One process in the place of another: no connection is lost.

use crate::backend::Backend;
use crate::client::Client;
use crate::process::Process;
use crate::reload::File;
use crate::signals::{command, documents, options, serve};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// A name that is gone when this is.
struct Name(PathBuf);

impl Name {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("gateway-{name}-{}", std::process::id())))
    }

    fn as_str(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Asks again and again, each time on a connection of its own, from several threads, while `act`
/// goes on. Returns how many requests there were, all of which were answered with 200.
fn under_load(address: SocketAddr, act: impl FnOnce(&dyn Fn())) -> u32 {
    let (over, answered) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    while !over.load(Ordering::SeqCst) {
                        let response = Client::connect(address).try_request("GET", "/version", "");
                        let response = response.expect("every request is answered");
                        assert_eq!(response.status, 200);
                        answered.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        // Some more requests.
        let more = || {
            let before = answered.load(Ordering::SeqCst);
            let is_going_on = || clients.iter().all(|client| !client.is_finished());
            while answered.load(Ordering::SeqCst) < before + 50 && is_going_on() {
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        more();
        act(&more);
        more();
        over.store(true, Ordering::SeqCst);
    });
    answered.into_inner()
}

#[test]
fn two_takeovers_under_load_lose_no_request() {
    let backend = Backend::start("tea");
    let file = File::new(&documents("1"));
    let path = Name::new("takeover.sock");
    // Another number of threads has to find the connections of all sockets all the same.
    let take = |threads: &str| {
        let more = ["--takeover", path.as_str(), "--threads", threads];
        serve(file.path(), &backend, &more)
    };
    let (mut process, address) = take("2");
    let mut slow = Client::connect(address);
    slow.send("GET /slow?500 HTTP/1.1\r\nHost: cafe.example.com\r\n\r\n").unwrap();
    let requests = under_load(address, |more| {
        for (version, threads) in [("2", "3"), ("3", "1")] {
            file.write(&documents(version));
            let (next, same) = take(threads);
            assert_eq!(same, address);
            assert_eq!(process.wait().code(), Some(0), "it ends by itself");
            process = next;
            more();
            assert_eq!(Client::connect(address).get("/version").text(), version);
        }
    });
    assert!(requests >= 200, "{requests}");
    assert_eq!(slow.read("GET").unwrap().status, 200, "what was under way is finished");
    process.signal("-TERM");
    assert_eq!(process.wait().code(), Some(0));
    assert!(!path.0.exists(), "the last one tidies up");
}

#[test]
fn one_that_does_not_start_leaves_the_other_as_it_was() {
    let backend = Backend::start("tea");
    let file = File::new(&documents("1"));
    let path = Name::new("takeover-fails.sock");
    let more = ["--takeover", path.as_str()];
    let (mut process, address) = serve(file.path(), &backend, &more);
    under_load(address, |_| {
        // It has the sockets when it finds that its log cannot be opened.
        let mut command = command(file.path(), &backend, "off");
        command.args(["--map-port", "80=0", "--access-log", "/"]).args(more);
        let status = command.stdout(Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(2));
    });
    // And one that does start can take over afterwards.
    let (_next, same) = serve(file.path(), &backend, &more);
    assert_eq!((same, process.wait().code()), (address, Some(0)));
    assert_eq!(Client::connect(address).get("/version").text(), "1");
}

#[test]
fn the_admin_server_goes_with_the_listeners() {
    let backend = Backend::start("tea");
    let file = File::new(&documents("1"));
    let path = Name::new("takeover-admin.sock");
    let start = || {
        let mut command = command(file.path(), &backend, "127.0.0.1:0");
        Process::start(command.args(["--map-port", "80=0", "--takeover", path.as_str()]))
    };
    let (mut process, address) = start();
    let admin = process.admin.unwrap();
    let (next, same) = start();
    assert_eq!((same, next.admin), (address, Some(admin)));
    assert_eq!(process.wait().code(), Some(0));
    assert_eq!(Client::connect(admin).get("/ready").status, 200);
}

/// A process that gets `socket` from its service manager, which hears of it at `notify`.
fn activated(socket: &TcpListener, file: &Path, backend: &Backend, notify: &Name) -> Process {
    let port = socket.local_addr().unwrap().port();
    let tea = format!("default/tea:80={}", backend.address);
    let mut command = Command::new("sh");
    command
        .args(["-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\" 3<&0 0</dev/null"])
        .arg(env!("CARGO_BIN_EXE_gateway"))
        .args(options(file, &tea, "off"))
        .args(["--map-port", &format!("80={port}")])
        .env("NOTIFY_SOCKET", &notify.0)
        .env("WATCHDOG_USEC", "200000")
        .stdin(Stdio::from(OwnedFd::from(socket.try_clone().unwrap())));
    let (process, address) = Process::start(&mut command);
    assert_eq!(address, socket.local_addr().unwrap());
    process
}

#[test]
fn a_service_manager_keeps_sockets_and_hears_what_goes_on() {
    let backend = Backend::start("tea");
    let file = File::new(&documents("1"));
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let notify = Name::new("notify.sock");
    let manager = UnixDatagram::bind(&notify.0).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // What comes next, but for the watchdog.
    let heard = || loop {
        let mut octets = [0; 256];
        let length = manager.recv(&mut octets).unwrap();
        let text = String::from_utf8_lossy(&octets[..length]).into_owned();
        if text != "WATCHDOG=1" {
            return text.lines().next().unwrap().to_owned();
        }
    };
    let mut process = activated(&socket, file.path(), &backend, &notify);
    assert_eq!(heard(), "READY=1");
    assert_eq!(Client::connect(address).get("/version").text(), "1");
    process.signal("-HUP");
    assert_eq!([heard(), heard()], ["RELOADING=1", "READY=1"]);
    let mut octets = [0; 256];
    let length = manager.recv(&mut octets).unwrap();
    assert_eq!(&octets[..length], b"WATCHDOG=1");
    process.signal("-TERM");
    assert_eq!(heard(), "STOPPING=1");
    assert_eq!(process.wait().code(), Some(0));
    // While nobody is there, connections wait at the socket.
    let mut client = Client::connect(address);
    client.send("GET /version HTTP/1.1\r\nHost: cafe.example.com\r\n\r\n").unwrap();
    let _process = activated(&socket, file.path(), &backend, &notify);
    assert_eq!(client.read("GET").unwrap().text(), "1");
}
