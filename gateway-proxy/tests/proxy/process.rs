//! `gateway serve` as a process: what it prints, and which signals it obeys.

use crate::backend::Backend;
use crate::bodies::wait_until;
use crate::client::Client;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub struct Process {
    child: Child,
    /// The address of its admin server.
    pub admin: Option<SocketAddr>,
}

impl Process {
    /// `gateway serve` of `file` in front of `backend`, and its address.
    pub fn serve(file: &Path, backend: &Backend, more: &[&str]) -> (Self, SocketAddr) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
        Self::start(
            command
                .args(Self::options(file, backend, "off"))
                .args(["--map-port", "80=0"])
                .args(more),
        )
    }

    /// The options that all have in common.
    pub fn options(file: &Path, backend: &Backend, admin: &str) -> Vec<String> {
        let tea = format!("default/tea:80={}", backend.address);
        let file = file.to_str().unwrap();
        let options =
            ["serve", "--bind", "127.0.0.1", "-f", file, "--endpoint", &tea, "--admin", admin];
        options.map(str::to_owned).into()
    }

    /// What this command starts, and its address.
    pub fn start(command: &mut Command) -> (Self, SocketAddr) {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut process = Self { child, admin: None };
        let mut lines = BufReader::new(process.child.stdout.take().unwrap()).lines();
        loop {
            let line = lines.next().unwrap().unwrap();
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["listening", "admin", address] => process.admin = Some(address.parse().unwrap()),
                ["listening", "http", address, "default/cafe"] => {
                    return (process, address.parse().unwrap());
                }
                _ => panic!("{line}"),
            }
        }
    }

    /// How many files and sockets it has open.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// How many octets of memory it uses.
    pub fn resident(&self) -> usize {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap();
        statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    }

    /// Waits for its end, and tells its exit status.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    pub fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn documents(version: &str) -> String {
    crate::gateway::cafe("")
        + &format!("  - path: /version\n    action:\n      return: {{body: '{version}'}}\n")
}

#[test]
fn it_says_where_it_listens_and_obeys_signals() {
    let backend = Backend::start("tea");
    let file = std::env::temp_dir().join(format!("gateway-process-{}.yaml", std::process::id()));
    let log = file.with_extension("log");
    let lines = |path: &Path| std::fs::read_to_string(path).map_or(0, |text| text.lines().count());
    std::fs::write(&file, documents("one")).unwrap();
    let more = ["--access-log", log.to_str().unwrap()];
    let (mut process, address) = Process::serve(&file, &backend, &more);
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
    assert_eq!(process.wait(), Some(0));
    let old = lines(&log.with_extension("old"));
    assert_eq!(old + lines(&log), 1 + versions + backend.requests(), "every line is somewhere");
    assert!(lines(&log) >= backend.requests(), "the last ones in the new file");
    for file in [&file, &log, &log.with_extension("old")] {
        std::fs::remove_file(file).unwrap();
    }
}
