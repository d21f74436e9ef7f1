//! The admin server: whether the proxy is ready, what it counts, and what is in force.

use crate::documents::DocumentState;
use crate::error::StartError;
use crate::exchange::Answer;
use crate::inherit::{Inherited, Role};
use crate::listener::Listening;
use crate::metrics::{self, ReloadCounts, WorkerMetrics};
use crate::upstream::Checked;
use crate::worker::Shared;
use arc_swap::ArcSwap;
use gateway_core::rules::RuleSet;
use gateway_core::{Diagnostic, ObjectRef};
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
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
    config: Arc<InForce>,
    /// Why the last reload made no table, if so.
    failure: Option<String>,
}

/// What the last load that made a table came to. Shown only when somebody asks, since it may be
/// long.
#[derive(Default)]
pub(crate) struct InForce {
    pub(crate) rules: RuleCounts,
    pub(crate) listening: Vec<Listening>,
    pub(crate) documents: BTreeMap<Arc<ObjectRef>, DocumentState>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The endpoints whose health is told.
    pub(crate) checked: Vec<Checked>,
}

/// How much there is in a table.
#[derive(Default)]
pub(crate) struct RuleCounts {
    listeners: usize,
    hosts: usize,
    routes: usize,
    services: usize,
}

impl RuleCounts {
    pub(crate) fn of(rules: &RuleSet) -> Self {
        Self {
            listeners: rules.listeners.len(),
            hosts: rules.listeners.iter().map(|l| l.hosts.len()).sum(),
            routes: rules.route_count(),
            services: rules.services.len(),
        }
    }
}

impl Status {
    pub(crate) fn new(counts: ReloadCounts, config: InForce) -> Self {
        Self { counts, config: Arc::new(config), failure: None }
    }

    /// The same after a reload that made no table.
    pub(crate) fn failed(&self, counts: ReloadCounts, why: String) -> Self {
        Self { counts, config: Arc::clone(&self.config), failure: Some(why) }
    }

    /// What `/config` shows.
    fn shown(&self) -> Value {
        let InForce { rules, listening, documents, diagnostics, checked: _ } = &*self.config;
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
        let mut about: BTreeMap<Option<&ObjectRef>, Vec<Value>> = BTreeMap::new();
        for diagnostic in diagnostics {
            let object = diagnostic.object.as_deref().filter(|o| documents.contains_key(*o));
            about.entry(object).or_default().push(gateway_json::diagnostic(diagnostic));
        }
        let shown: Vec<Value> = documents
            .iter()
            .map(|(object, state)| {
                json!({
                    "kind": object.kind,
                    "namespace": object.namespace,
                    "name": object.name,
                    "state": state.as_str(),
                    "diagnostics": about.remove(&Some(&**object)).unwrap_or_default(),
                })
            })
            .collect();
        let count = |state| documents.values().filter(|s| **s == state).count();
        json!({
            "generation": self.counts.generation,
            "last_reload_error": self.failure,
            "counts": {
                "listeners": rules.listeners,
                "hosts": rules.hosts,
                "routes": rules.routes,
                "services": rules.services,
                "accepted": count(DocumentState::Accepted),
                "last_good": count(DocumentState::LastGood),
                "refused": count(DocumentState::Refused),
            },
            "listeners": listeners,
            "documents": shown,
            "diagnostics": about.remove(&None).unwrap_or_default(),
        })
    }
}

/// A running admin server. Dropped, it ends.
pub(crate) struct Admin {
    address: SocketAddr,
    socket: std::net::TcpListener,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the admin server shows.
struct View {
    status: Arc<ArcSwap<Status>>,
    workers: Vec<Arc<WorkerMetrics>>,
    shared: Arc<Shared>,
}

impl Admin {
    /// Serves on a thread of its own, at `address` or at the socket that is `inherited` for it.
    pub(crate) fn start(
        address: SocketAddr,
        status: Arc<ArcSwap<Status>>,
        workers: Vec<Arc<WorkerMetrics>>,
        shared: Arc<Shared>,
        inherited: &mut Inherited,
    ) -> Result<Self, StartError> {
        let failed = |error| StartError::Bind { listener: "admin".into(), address, error };
        let given = inherited.take(Role::Admin, address).map_err(failed)?;
        let listener = match given.into_iter().next() {
            Some(listener) => listener,
            None => std::net::TcpListener::bind(address).map_err(failed)?,
        };
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let socket = listener.try_clone().map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            let view = Rc::new(View { status, workers, shared });
            tokio::task::LocalSet::new().block_on(&runtime, async {
                tokio::select! {
                    () = accept(listener, view) => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("admin".into()).spawn(serve)?;
        Ok(Self { address, socket, stop: Some(stop), thread: Some(thread) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its socket once more, to be handed over.
    pub(crate) fn duplicate(&self) -> io::Result<std::net::TcpListener> {
        self.socket.try_clone()
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
            let text = metrics::render(&view.workers, status.counts, view.shared.told())
                + &metrics::render_health(&status.config.checked);
            (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text)
        }
        "/config" => (StatusCode::OK, "application/json", format!("{:#}\n", status.shown())),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_force_stays_when_a_reload_makes_no_table() {
        let object = Arc::new(ObjectRef::new("VirtualServer", "shop", "cafe"));
        let documents = [(object, DocumentState::Accepted)].into();
        let mut counts = ReloadCounts::default();
        counts.succeed();
        let status = Status::new(counts, InForce { documents, ..InForce::default() });
        assert_eq!(status.shown()["last_reload_error"], Value::Null);
        counts.fail();
        let shown = status.failed(counts, "too many routes".into()).shown();
        assert_eq!(shown["last_reload_error"], "too many routes");
        assert_eq!((&shown["generation"], &shown["counts"]["accepted"]), (&json!(1), &json!(1)));
        assert_eq!(shown["documents"][0]["name"], "cafe");
    }
}
