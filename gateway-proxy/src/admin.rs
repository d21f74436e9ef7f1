//! The admin server: whether the proxy is ready, what it counts, and what is in force.

use crate::access_log::Logger;
use crate::error::StartError;
use crate::exchange::Answer;
use crate::json::diagnostic_json;
use crate::listener::Listening;
use crate::metrics::{self, ReloadCounts, WorkerMetrics};
use crate::upstream::Checked;
use arc_swap::ArcSwap;
use gateway_core::Diagnostic;
use gateway_core::rules::RuleSet;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// How long a client may take to send a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// What is in force, as `/config` shows it.
#[derive(Default)]
pub(crate) struct Status {
    counts: ReloadCounts,
    config: Value,
    /// The endpoints whose health is told.
    checked: Vec<Checked>,
}

impl Status {
    pub(crate) fn new(
        counts: ReloadCounts,
        rules: &RuleSet,
        diagnostics: Vec<Diagnostic>,
        listening: Vec<Listening>,
    ) -> Self {
        let hosts: usize = rules.listeners.iter().map(|l| l.hosts.len()).sum();
        let listeners: Vec<Value> = listening
            .iter()
            .map(|l| {
                json!({
                    "name": l.name,
                    "port": l.port,
                    "protocol": l.protocol.as_str(),
                    "address": l.address.to_string(),
                })
            })
            .collect();
        let diagnostics: Vec<Value> = diagnostics.iter().map(diagnostic_json).collect();
        let config = json!({
            "generation": counts.generation,
            "counts": {
                "listeners": rules.listeners.len(),
                "hosts": hosts,
                "routes": rules.route_count(),
                "services": rules.services.len(),
            },
            "listeners": listeners,
            "diagnostics": diagnostics,
        });
        Self { counts, config, checked: Vec::new() }
    }

    /// The same with endpoints whose health is told.
    pub(crate) fn checking(self, checked: Vec<Checked>) -> Self {
        Self { checked, ..self }
    }

    /// The same after a reload that made no table.
    pub(crate) fn failed(&self, counts: ReloadCounts) -> Self {
        Self { counts, config: self.config.clone(), checked: self.checked.clone() }
    }
}

/// A running admin server. Dropped, it ends.
pub(crate) struct Admin {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the admin server shows.
struct View {
    status: Arc<ArcSwap<Status>>,
    workers: Vec<Arc<WorkerMetrics>>,
    log: Option<Logger>,
}

impl Admin {
    /// Binds `address`, and serves on a thread of its own.
    pub(crate) fn start(
        address: SocketAddr,
        status: Arc<ArcSwap<Status>>,
        workers: Vec<Arc<WorkerMetrics>>,
        log: Option<Logger>,
    ) -> Result<Self, StartError> {
        let failed = |error| StartError::Bind { listener: "admin".into(), address, error };
        let listener = std::net::TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            let view = Rc::new(View { status, workers, log });
            tokio::task::LocalSet::new().block_on(&runtime, async {
                tokio::select! {
                    () = accept(listener, view) => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("admin".into()).spawn(serve)?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to finish.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: std::net::TcpListener, view: Rc<View>) {
    // The socket is bound and not blocking; only a lack of memory keeps it out of the runtime.
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::task::spawn_local(serve(stream, Rc::clone(&view)));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve(stream: TcpStream, view: Rc<View>) {
    let service = service_fn(|request: http::Request<hyper::body::Incoming>| {
        let answer = answer(request.method(), request.uri().path(), &view);
        async move { Ok::<_, Infallible>(answer) }
    });
    // How it ends makes no difference to anybody else.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn answer(method: &Method, path: &str, view: &View) -> Response<Answer> {
    const TEXT: &str = "text/plain; charset=utf-8";
    let status = view.status.load();
    let (code, kind, body) = match path {
        "/healthz" => (StatusCode::OK, TEXT, "ok\n".to_owned()),
        "/ready" if status.counts.generation > 0 => (StatusCode::OK, TEXT, "ready\n".to_owned()),
        "/ready" => (StatusCode::SERVICE_UNAVAILABLE, TEXT, "starting\n".to_owned()),
        "/metrics" => {
            let lost = view.log.as_ref().map_or(0, Logger::lost);
            let text = metrics::render(&view.workers, status.counts, lost)
                + &metrics::render_health(&status.checked);
            (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text)
        }
        "/config" => (StatusCode::OK, "application/json", format!("{:#}\n", status.config)),
        _ => (
            StatusCode::NOT_FOUND,
            TEXT,
            "not found; there are /ready, /healthz, /metrics and /config\n".to_owned(),
        ),
    };
    let mut response = Response::new(Answer::full(body));
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if *method != Method::GET && *method != Method::HEAD {
        response = Response::new(Answer::empty());
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}
