//! What the proxy says of itself: its access log and its metrics.

use crate::client::Client;
use crate::ledger::asked;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// An access log in JSON, gone when this is.
pub struct Log(PathBuf);

/// A line of it.
#[derive(Debug, Clone)]
pub struct Line {
    pub id: u64,
    pub status: u16,
    pub upstream: String,
    pub problem: String,
}

impl Log {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("gateway-faults-{}-{number}.log", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn lines(&self) -> Vec<Line> {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        // The last line may be half written.
        let values = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        let line = |value: Value| Line {
            id: asked(value["target"].as_str().unwrap()).0,
            status: value["status"].as_u64().unwrap() as u16,
            upstream: last_upstream(&value),
            problem: value["problem"].as_str().unwrap().to_owned(),
        };
        values.map(line).collect()
    }
}

/// Where the last try went.
fn last_upstream(line: &Value) -> String {
    let tries = line["upstreams"].as_array().unwrap();
    tries.last().map_or("", |last| last["address"].as_str().unwrap()).to_owned()
}

impl Drop for Log {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The samples that the admin server tells, by name and labels as they are written.
pub struct Metrics(BTreeMap<String, u64>);

impl Metrics {
    pub fn of(admin: SocketAddr) -> Self {
        let text = Client::connect(admin).get("/metrics").text();
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse::<f64>().unwrap() as u64)
        };
        Self(samples.map(sample).collect())
    }

    /// The sum over all labels.
    pub fn value(&self, sample: &str) -> u64 {
        let is_it = |name: &str| {
            name.strip_prefix(sample).is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
        };
        self.0.iter().filter(|(name, _)| is_it(name)).map(|(_, count)| count).sum()
    }

    /// Failed tries by reason, without those that never happened.
    pub fn failures(&self) -> BTreeMap<String, u64> {
        let reason = |name: &str| {
            let label = name.strip_prefix("gateway_upstream_failures_total{reason=\"")?;
            Some(label.strip_suffix("\"}")?.to_owned())
        };
        let happened = self.0.iter().filter(|(_, count)| **count > 0);
        happened.filter_map(|(name, count)| Some((reason(name)?, *count))).collect()
    }
}

pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
