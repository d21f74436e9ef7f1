//! `gateway serve` as a process.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

pub struct Process(Child);

impl Process {
    /// `gateway serve` of `file`, and the address of the listener of `default/cafe` on port 80; that
    /// of the admin server before it, where `more` asks for one.
    pub fn serve(file: &Path, more: &[&str], errors: Stdio) -> (Self, Vec<SocketAddr>) {
        let child = Command::new(env!("CARGO_BIN_EXE_gateway"))
            .args(["serve", "--bind", "127.0.0.1", "--map-port", "80=0", "-f"])
            .arg(file)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap();
        let mut process = Self(child);
        let mut addresses = Vec::new();
        for line in BufReader::new(process.0.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["listening", "admin", address] => addresses.push(address.parse().unwrap()),
                ["listening", "http", address, "default/cafe"] => {
                    addresses.push(address.parse().unwrap());
                    return (process, addresses);
                }
                _ => panic!("{line}"),
            }
        }
        panic!("it ended")
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        self.0.wait().unwrap()
    }

    /// How many files and sockets it has open.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.0.id())).unwrap().count()
    }

    /// How many octets of memory it uses.
    pub fn resident(&self) -> usize {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.0.id())).unwrap();
        statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
