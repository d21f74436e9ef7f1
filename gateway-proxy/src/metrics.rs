//! Counters of the threads, and their text for Prometheus.

use crate::error::Failure;
use gateway_core::Decision;
use http::StatusCode;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The counters of one thread. No other thread writes them, so they are never fought over.
#[derive(Default)]
pub(crate) struct WorkerMetrics {
    routes: Mutex<BTreeMap<RouteLabels, Arc<RouteCounters>>>,
    failures: [AtomicU64; Failure::ALL.len()],
    /// Tries that followed another one, and those that the budget had no room for.
    retries: AtomicU64,
    retries_over_budget: AtomicU64,
    refused: AtomicU64,
    handshakes_failed: AtomicU64,
    connections: AtomicU64,
    open: Arc<AtomicU64>,
    /// Copies of requests that were not answered, and those that were.
    mirrored: [AtomicU64; 2],
}

/// What requests are told apart by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RouteLabels {
    listener: String,
    owner: String,
    route: String,
}

impl RouteLabels {
    /// The labels of the route that decided; empty where there is none.
    pub(crate) fn of(decision: &Decision<'_>) -> Self {
        Self {
            listener: decision.listener().map_or_else(String::new, |l| l.name.to_string()),
            owner: decision.host().map_or_else(String::new, |h| h.origin.object.to_string()),
            route: decision.route().map_or_else(String::new, |r| r.origin.to_string()),
        }
    }
}

/// Requests by class of status, 1xx to 5xx.
#[derive(Default)]
pub(crate) struct RouteCounters([AtomicU64; 5]);

impl RouteCounters {
    /// Counts an answer.
    pub(crate) fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.0[class].fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts a connection as open as long as it lives.
pub(crate) struct OpenConnection(Arc<AtomicU64>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl WorkerMetrics {
    /// Counts a new connection of a client.
    pub(crate) fn connection(&self) -> OpenConnection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(&self.open))
    }

    /// Counts a TLS handshake that a client did not finish, or was refused in.
    pub(crate) fn handshake_failed(&self) {
        self.handshakes_failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that is refused before it is routed.
    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a copy of a request, and whether it was answered.
    pub(crate) fn mirrored(&self, answered: bool) {
        self.mirrored[usize::from(answered)].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a failed try.
    pub(crate) fn failure(&self, failure: Failure) {
        self.failures[failure as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a try that follows a failed one, or that would have if the budget had room for it.
    pub(crate) fn retry(&self, affords: bool) {
        let counter = if affords { &self.retries } else { &self.retries_over_budget };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The counters of a route: the same over all tables that have it.
    pub(crate) fn route(&self, labels: RouteLabels) -> Arc<RouteCounters> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(routes.entry(labels).or_default())
    }

    /// Forgets the routes that no table counts for any more, once there are more than `most` in
    /// all: tables come and go, and their routes may be called differently each time.
    pub(crate) fn forget_unused(&self, most: usize) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if routes.len() > most {
            routes.retain(|_, counters| Arc::strong_count(counters) > 1);
        }
    }
}

/// What is counted outside the threads.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReloadCounts {
    pub(crate) generation: u64,
    pub(crate) done: u64,
    pub(crate) failed: u64,
}

/// The text that Prometheus reads, summed over the threads.
pub(crate) fn render(workers: &[Arc<WorkerMetrics>], reloads: ReloadCounts, lost: u64) -> String {
    let sum = |read: &dyn Fn(&WorkerMetrics) -> &AtomicU64| -> u64 {
        workers.iter().map(|w| read(w).load(Ordering::Relaxed)).sum()
    };
    let mut text = Text(String::new());
    text.head("gateway_requests_total", "counter", "Answered requests.");
    let mut routes: BTreeMap<RouteLabels, [u64; 5]> = BTreeMap::new();
    for worker in workers {
        let counted = worker.routes.lock().unwrap_or_else(PoisonError::into_inner);
        for (labels, counters) in &*counted {
            let sums = routes.entry(labels.clone()).or_default();
            for (sum, counter) in sums.iter_mut().zip(&counters.0) {
                *sum += counter.load(Ordering::Relaxed);
            }
        }
    }
    for (labels, sums) in &routes {
        for (class, count) in sums.iter().enumerate().filter(|(_, count)| **count > 0) {
            let code = format!("{}xx", class + 1);
            let labels = [
                ("listener", labels.listener.as_str()),
                ("owner", &labels.owner),
                ("route", &labels.route),
                ("code", &code),
            ];
            text.sample("gateway_requests_total", &labels, *count);
        }
    }
    text.head("gateway_upstream_failures_total", "counter", "Failed tries to get an answer.");
    for failure in Failure::ALL {
        let count = sum(&|w| &w.failures[failure as usize]);
        text.sample("gateway_upstream_failures_total", &[("reason", failure.as_str())], count);
    }
    text.head(
        "gateway_mirrored_requests_total",
        "counter",
        "Copies of requests, by whether they were answered; those that were given up were not.",
    );
    for (at, answered) in ["false", "true"].into_iter().enumerate() {
        let count = sum(&|w| &w.mirrored[at]);
        text.sample("gateway_mirrored_requests_total", &[("answered", answered)], count);
    }
    for (name, kind, help, value) in [
        (
            "gateway_retries_total",
            "counter",
            "Tries that followed another one of the same request.",
            sum(&|w| &w.retries),
        ),
        (
            "gateway_retries_over_budget_total",
            "counter",
            "Tries that were not made, because the Service's budget for them was used up.",
            sum(&|w| &w.retries_over_budget),
        ),
        (
            "gateway_requests_refused_total",
            "counter",
            "Requests refused for their framing or connection before they were routed.",
            sum(&|w| &w.refused),
        ),
        (
            "gateway_connections_total",
            "counter",
            "Connections of clients.",
            sum(&|w| &w.connections),
        ),
        ("gateway_connections_open", "gauge", "Connections of clients now.", sum(&|w| &w.open)),
        (
            "gateway_tls_handshake_failures_total",
            "counter",
            "TLS handshakes that clients did not finish, or were refused in.",
            sum(&|w| &w.handshakes_failed),
        ),
        ("gateway_config_generation", "gauge", "Counts tables in force.", reloads.generation),
        ("gateway_config_reloads_total", "counter", "Reloads that made a table.", reloads.done),
        (
            "gateway_config_reload_failures_total",
            "counter",
            "Reloads that made no table.",
            reloads.failed,
        ),
        (
            "gateway_access_log_lost_total",
            "counter",
            "Lines that the access log was too slow for.",
            lost,
        ),
    ] {
        text.head(name, kind, help);
        text.sample(name, &[], value);
    }
    text.0
}

struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.put(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.0.push_str(name);
        for (i, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            self.put(format_args!("{}{label}=\"{text}\"", if i == 0 { '{' } else { ',' }));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        self.put(format_args!(" {value}\n"));
    }

    fn put(&mut self, text: fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("writing to a string never fails");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_numbered_in_the_order_of_their_list() {
        for (i, failure) in Failure::ALL.into_iter().enumerate() {
            assert_eq!(failure as usize, i, "{failure:?}");
        }
    }

    #[test]
    fn routes_of_former_tables_are_forgotten_once_they_are_many() {
        let metrics = WorkerMetrics::default();
        let labels = |n: u32| RouteLabels {
            listener: String::new(),
            owner: String::new(),
            route: n.to_string(),
        };
        let in_use = metrics.route(labels(7));
        for n in 0..10 {
            metrics.route(labels(n)).count(StatusCode::OK);
        }
        let left = || metrics.routes.lock().unwrap().len();
        metrics.forget_unused(10);
        assert_eq!(left(), 10);
        metrics.forget_unused(9);
        assert_eq!(left(), 1);
        assert!(Arc::ptr_eq(&in_use, &metrics.route(labels(7))), "goes on counting");
    }

    #[test]
    fn threads_are_summed_and_labels_escaped() {
        let labels = |route: &str| RouteLabels {
            listener: "a".into(),
            owner: "VirtualServer default/a".into(),
            route: route.into(),
        };
        let workers = [Arc::new(WorkerMetrics::default()), Arc::new(WorkerMetrics::default())];
        for worker in &workers {
            worker.route(labels("r\"1\"")).count(StatusCode::NOT_FOUND);
            worker.failure(Failure::Timeout);
        }
        let _open = workers[0].connection();
        let text = render(&workers, ReloadCounts { generation: 3, ..Default::default() }, 0);
        for line in [
            r#"gateway_requests_total{listener="a",owner="VirtualServer default/a",route="r\"1\"",code="4xx"} 2"#,
            r#"gateway_upstream_failures_total{reason="timeout"} 2"#,
            "gateway_connections_open 1",
            "gateway_config_generation 3",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }
}
