//! `gateway serve` as a process: what it prints, and which signals it obeys.

use crate::backend::Backend;
use crate::bodies::wait_until;
use crate::client::Client;
use crate::process::Process;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

pub fn documents(version: &str) -> String {
    crate::gateway::cafe("")
        + &format!("  - path: /version\n    action:\n      return: {{body: '{version}'}}\n")
}

/// `gateway serve` of `file` in front of `backend`.
pub fn command(file: &Path, backend: &Backend, admin: &str) -> Command {
    let tea = format!("default/tea:80={}", backend.address);
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
    command.args(options(file, &tea, admin)).stderr(Stdio::null());
    command
}

/// The options that all have in common.
pub fn options<'a>(file: &'a Path, tea: &'a str, admin: &'a str) -> [&'a str; 9] {
    let file = file.to_str().unwrap();
    ["serve", "--bind", "127.0.0.1", "-f", file, "--endpoint", tea, "--admin", admin]
}

/// What is served at a free port, and its address.
pub fn serve(file: &Path, backend: &Backend, more: &[&str]) -> (Process, SocketAddr) {
    Process::start(command(file, backend, "off").args(["--map-port", "80=0"]).args(more))
}

#[test]
fn it_says_where_it_listens_and_obeys_signals() {
    let backend = Backend::start("tea");
    let file = std::env::temp_dir().join(format!("gateway-process-{}.yaml", std::process::id()));
    let log = file.with_extension("log");
    let lines = |path: &Path| std::fs::read_to_string(path).map_or(0, |text| text.lines().count());
    std::fs::write(&file, documents("one")).unwrap();
    let more = ["--access-log", log.to_str().unwrap()];
    let (mut process, address) = serve(&file, &backend, &more);
    let mut client = Client::connect(address);
    assert_eq!(client.get("/version").text(), "one");
    wait_until("its line", || lines(&log) == 1);
    std::fs::rename(&log, log.with_extension("old")).unwrap();
    std::fs::write(&file, documents("two")).unwrap();
    process.signal("-HUP");
    let mut versions = 0;
    wait_until("the new table", || {
        versions += 1;
        Client::connect(address).get("/version").text() == "two"
    });
    client.send("GET /slow?300 HTTP/1.1\r\nHost: cafe.example.com\r\n\r\n").unwrap();
    wait_until("the request is under way", || backend.requests() == 1);
    process.signal("-TERM");
    assert_eq!(client.read("GET").unwrap().status, 200, "finished before the end");
    assert_eq!(process.wait().code(), Some(0));
    let old = lines(&log.with_extension("old"));
    assert_eq!(old + lines(&log), 1 + versions + backend.requests(), "every line is somewhere");
    assert!(lines(&log) >= backend.requests(), "the last ones in the new file");
    for file in [&file, &log, &log.with_extension("old")] {
        std::fs::remove_file(file).unwrap();
    }
}
