//! What the system knows of this process, under the names that Prometheus's own clients use.

use super::text::Text;
use std::fs;

/// What is read of `/proc`; what cannot be read is left out.
pub(super) fn write(text: &mut Text) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let times = Times::parse(&stat, rustix::param::clock_ticks_per_second());
    if let Some(Times { cpu, started }) = times {
        text.head("process_cpu_seconds_total", "counter", "Seconds of CPU that were used.");
        text.float("process_cpu_seconds_total", &[], cpu);
        if let Some(boot) = boot_time() {
            let name = "process_start_time_seconds";
            text.head(name, "gauge", "When the process began, in seconds since 1970.");
            text.float(name, &[], boot + started);
        }
    }
    let page = rustix::param::page_size() as u64;
    if let Some((virtual_pages, resident_pages)) = pages() {
        let name = "process_virtual_memory_bytes";
        text.head(name, "gauge", "Octets of memory that are mapped.");
        text.sample(name, &[], virtual_pages * page);
        let name = "process_resident_memory_bytes";
        text.head(name, "gauge", "Octets of memory that are in use.");
        text.sample(name, &[], resident_pages * page);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        text.head("process_open_fds", "gauge", "Files and sockets that are open.");
        text.sample("process_open_fds", &[], open.count() as u64);
    }
    if let Some(most) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        text.head("process_max_fds", "gauge", "Files and sockets that may be open.");
        text.sample("process_max_fds", &[], most);
    }
}

/// Mapped and resident pages.
fn pages() -> Option<(u64, u64)> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let mut numbers = statm.split(' ').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// When the system began, in whole seconds since 1970.
fn boot_time() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// Seconds of `/proc/self/stat`.
#[derive(Debug, PartialEq)]
struct Times {
    /// User and system time.
    cpu: f64,
    /// Since the system began.
    started: f64,
}

impl Times {
    fn parse(stat: &str, ticks_per_second: u64) -> Option<Self> {
        // The name of the program may hold blanks and brackets; fields are counted behind it.
        let (_, behind) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = behind.split_ascii_whitespace().collect();
        let seconds = |field: usize| {
            let ticks: u64 = fields.get(field)?.parse().ok()?;
            Some(ticks as f64 / ticks_per_second as f64)
        };
        Some(Self { cpu: seconds(11)? + seconds(12)?, started: seconds(19)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "7 (a) b) c) S 1 7 7 0 -1 4 0 0 0 0 150 50 0 0 20 0 1 0 12345 1 1";
        assert_eq!(Times::parse(stat, 100), Some(Times { cpu: 2.0, started: 123.45 }));
        assert_eq!(Times::parse("", 100), None);
        assert_eq!(Times::parse("7 (a) S 1", 100), None);
    }
}
