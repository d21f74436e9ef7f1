//! `gateway serve` as a process.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};

pub struct Process {
    child: Child,
    /// The address of its admin server.
    pub admin: Option<SocketAddr>,
}

impl Process {
    /// What this command starts, and the address of the listener of `default/cafe`.
    pub fn start(command: &mut Command) -> (Self, SocketAddr) {
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
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

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
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
