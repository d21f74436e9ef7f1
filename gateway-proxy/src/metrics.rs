//! Counters of the threads, and their text for Prometheus.
//!
//! Each thread counts on its own; a scrape sums. Names are made once for each table and thread: a
//! request counts by pointers, without a lock.

mod codes;
mod histogram;
mod process;
mod text;

use crate::error::Failure;
use crate::handshake::HandshakeFailure;
use crate::upstream::Checked;
use codes::{CodeSums, Codes};
use gateway_core::rules::ServiceName;
use gateway_core::{Decision, Outcome};
use histogram::{Durations, Histogram};
use http::StatusCode;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use text::Text;

/// The counters of one thread. No other thread writes them, so they are never fought over; nor are
/// the lines of the cache that they are in.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct WorkerMetrics {
    names: Mutex<Names>,
    failures: [AtomicU64; Failure::ALL.len()],
    /// Tries that the budget had no room for.
    retries_over_budget: AtomicU64,
    refused: AtomicU64,
    handshakes_failed: [AtomicU64; HandshakeFailure::ALL.len()],
    proxy_headers_failed: AtomicU64,
    turned_away: AtomicU64,
    overloads: AtomicU64,
    connections: AtomicU64,
    active: Arc<AtomicU64>,
    upstream_opened: AtomicU64,
    upstream_reused: AtomicU64,
    /// Copies of requests that were not answered, and those that were.
    mirrored: [AtomicU64; 2],
}

/// What is counted by names. Locked where a table meets a name for the first time, and by scrapes.
#[derive(Default)]
struct Names {
    routes: BTreeMap<Arc<RouteLabels>, Arc<RouteCounters>>,
    /// By the object of the route.
    durations: BTreeMap<Box<str>, Arc<Histogram>>,
    services: BTreeMap<ServiceName, Arc<ServiceCounters>>,
}

/// What requests are told apart by. All of it is written in documents, nothing by clients.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RouteLabels {
    /// The listener.
    pub(crate) listener: Box<str>,
    /// The object that owns the host.
    pub(crate) owner: Box<str>,
    /// The object of the route.
    pub(crate) route: Box<str>,
    /// Where in that object the route was written.
    pub(crate) rule: Box<str>,
    /// The Service that was chosen.
    pub(crate) service: Box<str>,
}

impl RouteLabels {
    /// The labels of what was decided; empty where there is nothing.
    pub(crate) fn of(decision: &Decision<'_>) -> Self {
        let origin = decision.route().map(|r| &r.origin);
        let service = match decision.admitted() {
            Outcome::Forward(to) | Outcome::Deny(to) => to.service.name.to_string().into(),
            Outcome::Redirect(_) | Outcome::Respond(_) | Outcome::NoRoute(_) => Box::default(),
        };
        Self {
            listener: decision.listener().map_or_else(Box::default, |l| (*l.name).into()),
            owner: decision
                .host()
                .map_or_else(Box::default, |h| h.origin.object.to_string().into()),
            route: origin.map_or_else(Box::default, |o| o.object.to_string().into()),
            rule: origin.map_or_else(Box::default, |o| (*o.field).into()),
            service,
        }
    }
}

/// The requests of a route.
pub(crate) struct RouteCounters {
    pub(crate) labels: Arc<RouteLabels>,
    codes: Codes,
    durations: Arc<Histogram>,
}

impl RouteCounters {
    /// Counts a request that is over.
    pub(crate) fn count(&self, status: u16, duration: Duration) {
        self.codes.count(status);
        self.durations.observe(duration);
    }
}

/// The tries at endpoints of a Service.
#[derive(Default)]
pub(crate) struct ServiceCounters {
    codes: Codes,
    durations: Histogram,
    retries: AtomicU64,
}

impl ServiceCounters {
    /// Counts the head of an answer, and how long after the beginning of the try it came.
    pub(crate) fn answered(&self, status: StatusCode, duration: Duration) {
        self.codes.count(status.as_u16());
        self.durations.observe(duration);
    }

    /// Counts a try that is not the first one of its request.
    pub(crate) fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
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
        self.active.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(&self.active))
    }

    /// Counts a connection that a request is sent on: one that was idle, or a new one.
    pub(crate) fn upstream_connection(&self, reused: bool) {
        let counter = if reused { &self.upstream_reused } else { &self.upstream_opened };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a TLS handshake that came to nothing.
    pub(crate) fn handshake_failed(&self, failure: HandshakeFailure) {
        self.handshakes_failed[failure as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection that does not begin with a header of the PROXY protocol.
    pub(crate) fn proxy_header_failed(&self) {
        self.proxy_headers_failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection that there is no room for.
    pub(crate) fn turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that there is no room for.
    pub(crate) fn overload(&self) {
        self.overloads.fetch_add(1, Ordering::Relaxed);
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

    /// Counts a try that would have followed a failed one if the budget had room for it.
    pub(crate) fn over_budget(&self) {
        self.retries_over_budget.fetch_add(1, Ordering::Relaxed);
    }

    /// The counters of a route: the same over all tables that have it.
    pub(crate) fn route(&self, labels: RouteLabels) -> Arc<RouteCounters> {
        let mut names = self.names();
        if let Some(known) = names.routes.get(&labels) {
            return Arc::clone(known);
        }
        let durations = names.durations.entry(labels.route.clone()).or_default();
        let labels = Arc::new(labels);
        let counters = Arc::new(RouteCounters {
            labels: Arc::clone(&labels),
            codes: Codes::default(),
            durations: Arc::clone(durations),
        });
        names.routes.insert(labels, Arc::clone(&counters));
        counters
    }

    /// The counters of a Service: the same over all tables that have it.
    pub(crate) fn service(&self, name: &ServiceName) -> Arc<ServiceCounters> {
        let mut names = self.names();
        if let Some(known) = names.services.get(name) {
            return Arc::clone(known);
        }
        Arc::clone(names.services.entry(name.clone()).or_default())
    }

    /// Forgets the names that no table counts for any more, once there are more than `most` in
    /// all: tables come and go, and their routes may be called differently each time.
    pub(crate) fn forget_unused(&self, most: usize) {
        let mut names = self.names();
        let Names { routes, durations, services } = &mut *names;
        if routes.len() + services.len() > most {
            routes.retain(|_, counters| Arc::strong_count(counters) > 1);
            durations.retain(|_, histogram| Arc::strong_count(histogram) > 1);
            services.retain(|_, counters| Arc::strong_count(counters) > 1);
        }
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of what is told to others.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told {
    /// Lines that the access log was too slow for.
    pub(crate) lines_lost: u64,
    /// Spans that a collector took.
    pub(crate) spans: u64,
    /// Spans that it did not take.
    pub(crate) spans_lost: u64,
}

/// What is counted outside the threads.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReloadCounts {
    pub(crate) generation: u64,
    pub(crate) done: u64,
    pub(crate) failed: u64,
    /// When the table in force was loaded.
    loaded: Option<SystemTime>,
    /// Whether the last load made a table.
    successful: bool,
}

impl ReloadCounts {
    /// Counts a new table that is in force; the first one is no reload.
    pub(crate) fn succeed(&mut self) {
        self.done += u64::from(self.generation > 0);
        self.generation += 1;
        self.loaded = Some(SystemTime::now());
        self.successful = true;
    }

    /// Counts a reload that made no table.
    pub(crate) fn fail(&mut self) {
        self.failed += 1;
        self.successful = false;
    }
}

/// What the threads have counted by names, in all.
#[derive(Default)]
struct Sums {
    requests: BTreeMap<Arc<RouteLabels>, CodeSums>,
    durations: BTreeMap<Box<str>, Durations>,
    services: BTreeMap<ServiceName, ServiceSums>,
}

#[derive(Default)]
struct ServiceSums {
    codes: CodeSums,
    durations: Durations,
    retries: u64,
}

impl Sums {
    fn of(workers: &[Arc<WorkerMetrics>]) -> Self {
        let mut sums = Self::default();
        for worker in workers {
            let names = worker.names();
            for (labels, counters) in &names.routes {
                sums.requests.entry(Arc::clone(labels)).or_default().add(&counters.codes);
            }
            for (route, histogram) in &names.durations {
                sums.durations.entry(route.clone()).or_default().add(histogram);
            }
            for (service, counters) in &names.services {
                let sum = sums.services.entry(service.clone()).or_default();
                sum.codes.add(&counters.codes);
                sum.durations.add(&counters.durations);
                sum.retries += counters.retries.load(Ordering::Relaxed);
            }
        }
        sums
    }

    fn write(&self, text: &mut Text) {
        text.head("gateway_requests_total", "counter", "Requests that are over.");
        for (labels, codes) in &self.requests {
            for (code, count) in codes.iter() {
                let labels = [
                    ("listener", &*labels.listener),
                    ("owner", &labels.owner),
                    ("route", &labels.route),
                    ("rule", &labels.rule),
                    ("service", &labels.service),
                    ("code", &code),
                ];
                text.sample("gateway_requests_total", &labels, count);
            }
        }
        let name = "gateway_request_duration_seconds";
        text.head(name, "histogram", "From a request's head to the end of its answer.");
        for (route, durations) in &self.durations {
            text.histogram(name, &[("route", route)], durations);
        }
        let name = "gateway_upstream_requests_total";
        text.head(name, "counter", "Tries that endpoints of a Service answered.");
        for (service, sums) in self.services() {
            for (code, count) in sums.codes.iter() {
                text.sample(name, &[("service", &service), ("code", &code)], count);
            }
        }
        let name = "gateway_upstream_request_duration_seconds";
        text.head(name, "histogram", "From the beginning of a try to the head of its answer.");
        for (service, sums) in self.services() {
            text.histogram(name, &[("service", &service)], &sums.durations);
        }
        text.head("gateway_retries_total", "counter", "Tries beyond the first of a request.");
        for (service, sums) in self.services() {
            text.sample("gateway_retries_total", &[("service", &service)], sums.retries);
        }
    }

    fn services(&self) -> impl Iterator<Item = (String, &ServiceSums)> {
        self.services.iter().map(|(name, sums)| (name.to_string(), sums))
    }
}

/// The text that Prometheus reads, summed over the threads.
pub(crate) fn render(workers: &[Arc<WorkerMetrics>], reloads: ReloadCounts, told: Told) -> String {
    let sum = |read: &dyn Fn(&WorkerMetrics) -> &AtomicU64| -> u64 {
        workers.iter().map(|w| read(w).load(Ordering::Relaxed)).sum()
    };
    let mut text = Text::default();
    Sums::of(workers).write(&mut text);
    text.head("gateway_upstream_failures_total", "counter", "Failed tries to get an answer.");
    for failure in Failure::ALL {
        let count = sum(&|w| &w.failures[failure as usize]);
        text.sample("gateway_upstream_failures_total", &[("reason", failure.as_str())], count);
    }
    let name = "gateway_tls_handshake_failures_total";
    text.head(name, "counter", "TLS handshakes that came to nothing.");
    for failure in HandshakeFailure::ALL {
        let count = sum(&|w| &w.handshakes_failed[failure as usize]);
        text.sample(name, &[("reason", failure.as_str())], count);
    }
    let since_epoch = reloads.loaded.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
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
            "gateway_upstream_connections_total",
            "counter",
            "Connections to endpoints that were opened.",
            sum(&|w| &w.upstream_opened),
        ),
        (
            "gateway_upstream_connections_reused_total",
            "counter",
            "Requests on connections to endpoints that were open already.",
            sum(&|w| &w.upstream_reused),
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
        (
            "gateway_connections_turned_away_total",
            "counter",
            "Connections of clients that were closed at once because a limit was reached.",
            sum(&|w| &w.turned_away),
        ),
        (
            "gateway_proxy_protocol_failures_total",
            "counter",
            "Connections that did not begin with a header of the PROXY protocol.",
            sum(&|w| &w.proxy_headers_failed),
        ),
        (
            "gateway_requests_overload_total",
            "counter",
            "Requests answered 503 because too many were under way.",
            sum(&|w| &w.overloads),
        ),
        ("gateway_connections_active", "gauge", "Connections of clients now.", sum(&|w| &w.active)),
        ("gateway_config_generation", "gauge", "Counts tables in force.", reloads.generation),
        ("gateway_config_reloads_total", "counter", "Reloads that made a table.", reloads.done),
        (
            "gateway_config_reload_failures_total",
            "counter",
            "Reloads that made no table.",
            reloads.failed,
        ),
        (
            "gateway_config_last_reload_successful",
            "gauge",
            "Whether the last load made a table.",
            u64::from(reloads.successful),
        ),
        (
            "gateway_config_last_reload_success_timestamp_seconds",
            "gauge",
            "When the table in force was loaded, in seconds since 1970.",
            since_epoch.map_or(0, |since| since.as_secs()),
        ),
        (
            "gateway_access_log_lost_total",
            "counter",
            "Lines that the access log was too slow for.",
            told.lines_lost,
        ),
        (
            "gateway_trace_spans_total",
            "counter",
            "Spans that the collector of traces took.",
            told.spans,
        ),
        (
            "gateway_trace_spans_lost_total",
            "counter",
            "Spans that the collector of traces was too slow for, or did not take.",
            told.spans_lost,
        ),
    ] {
        text.head(name, kind, help);
        text.sample(name, &[], value);
    }
    text.head("gateway_build_info", "gauge", "Which version this is.");
    text.sample("gateway_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    process::write(&mut text);
    text.0
}

/// The same for endpoints that are checked; nothing where there are none.
pub(crate) fn render_health(checked: &[Checked]) -> String {
    let mut text = Text::default();
    if !checked.is_empty() {
        let help = "Whether checks let requests go to an endpoint.";
        text.head("gateway_upstream_healthy", "gauge", help);
    }
    let samples: BTreeMap<_, _> = checked.iter().map(|c| (c.labels(), c.is_healthy())).collect();
    for ((object, upstream, service, endpoint), is_healthy) in samples {
        let owner = object.to_string();
        let labels = [
            ("owner", owner.as_str()),
            ("upstream", upstream),
            ("service", service),
            ("endpoint", &endpoint),
        ];
        text.sample("gateway_upstream_healthy", &labels, is_healthy.into());
    }
    text.0
}

#[cfg(test)]
mod tests;
