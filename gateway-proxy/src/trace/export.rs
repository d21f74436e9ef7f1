//! Tells spans to a collector, many at once, on a thread of its own. Nobody waits for a collector:
//! spans that it is too slow for are counted and lost.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::json;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Spans that may wait.
const QUEUE: usize = 8 * 1024;

/// Most spans that are sent at once.
const BATCH: usize = 512;

/// How long spans wait for others to be sent with.
const GATHER: Duration = Duration::from_secs(1);

/// How long the collector may take for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The pauses before spans are sent once more that a collector was not there or had no time for.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];

/// How long the end of the proxy waits for spans to be sent.
const FLUSH: Duration = Duration::from_secs(5);

/// Most octets of an answer that are read, so that the connection can be used again.
const ANSWER: usize = 64 * 1024;

/// A collector.
#[derive(Debug, PartialEq)]
pub(crate) struct Endpoint {
    host: String,
    port: u16,
    authority: String,
    path: String,
}

impl Endpoint {
    /// `http://127.0.0.1:4318`; the path for traces is added.
    ///
    /// # Errors
    ///
    /// Why it is none, in words.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let uri: Uri = text.parse().map_err(|_| "it is no URL")?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err("collectors are told without TLS: `http://`"),
            _ => return Err("it has to begin with `http://`"),
        }
        let authority = uri.authority().ok_or("it has no host")?;
        if uri.query().is_some() || authority.as_str().contains('@') {
            return Err("it has more than host, port and path");
        }
        Ok(Self {
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(4318),
            authority: authority.to_string(),
            path: format!("{}/v1/traces", uri.path().trim_end_matches('/')),
        })
    }
}

/// Takes spans from all threads.
pub(crate) struct Exporter {
    queue: mpsc::Sender<Message>,
    counts: Arc<Counts>,
}

/// What became of spans.
#[derive(Default)]
struct Counts {
    told: AtomicU64,
    lost: AtomicU64,
}

/// What the thread is told, in order.
enum Message {
    Span(String),
    /// Say when everything before is sent.
    Flush(SyncSender<()>),
}

impl Exporter {
    /// Starts the thread, which ends with the exporter.
    pub(super) fn start(endpoint: Endpoint, service: &str) -> io::Result<Self> {
        let (queue, messages) = mpsc::channel(QUEUE);
        let counts = Arc::<Counts>::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = Collector {
            endpoint,
            begin: begin(service),
            connection: None,
            counts: Arc::clone(&counts),
        };
        std::thread::Builder::new().name("traces".into()).spawn(move || {
            tokio::task::LocalSet::new().block_on(&runtime, thread.run(messages));
            // A name that is being resolved is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self { queue, counts })
    }

    pub(super) fn send(&self, span: String) {
        if self.queue.try_send(Message::Span(span)).is_err() {
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many spans a collector has taken.
    pub(crate) fn told(&self) -> u64 {
        self.counts.told.load(Ordering::Relaxed)
    }

    /// How many spans were lost.
    pub(crate) fn lost(&self) -> u64 {
        self.counts.lost.load(Ordering::Relaxed)
    }

    /// Waits until everything is sent that there is, but not for ever.
    pub(crate) fn flush(&self) {
        let (done, flushed) = sync_channel(1);
        // Where the queue is full, the collector is too slow to wait for.
        if self.queue.try_send(Message::Flush(done)).is_ok() {
            // Late or gone: either way there is no more to be done.
            let _ = flushed.recv_timeout(FLUSH);
        }
    }
}

/// What comes before the spans of each request.
fn begin(service: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let attributes = [attribute("service.name", service), attribute("service.version", version)];
    let resource = json!({"attributes": attributes});
    let scope = json!({"name": "gateway", "version": version});
    format!(
        r#"{{"resourceSpans":[{{"resource":{resource},"scopeSpans":[{{"scope":{scope},"spans":["#
    )
}

/// Sends spans, on a thread of its own.
struct Collector {
    endpoint: Endpoint,
    begin: String,
    connection: Option<SendRequest<Full<Bytes>>>,
    counts: Arc<Counts>,
}

impl Collector {
    async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut spans = Vec::new();
        let mut over = false;
        while !over {
            let mut flushed = None;
            // The time to gather begins with the first span.
            let mut end = None;
            while spans.len() < BATCH {
                let message = match end {
                    None => messages.recv().await,
                    Some(end) => match timeout_at(end, messages.recv()).await {
                        Ok(message) => message,
                        Err(_) => break,
                    },
                };
                match message {
                    Some(Message::Span(span)) => {
                        spans.push(span);
                        end.get_or_insert_with(|| Instant::now() + GATHER);
                    }
                    Some(Message::Flush(done)) => {
                        flushed = Some(done);
                        break;
                    }
                    None => {
                        over = true;
                        break;
                    }
                }
            }
            self.tell(&mut spans).await;
            if let Some(done) = flushed {
                // Whoever waited may have given up.
                let _ = done.try_send(());
            }
        }
    }

    /// Sends spans, if need be several times.
    async fn tell(&mut self, spans: &mut Vec<String>) {
        if spans.is_empty() {
            return;
        }
        let count = spans.len() as u64;
        let body = Bytes::from(format!("{}{}]}}]}}]}}", self.begin, spans.join(",")));
        spans.clear();
        let mut pauses = PAUSES.into_iter();
        let counter = loop {
            match self.post(body.clone()).await {
                Some(status) if status.is_success() => break &self.counts.told,
                // Others say that it will never take them.
                Some(status) if !is_passing(status) => break &self.counts.lost,
                _ => self.connection = None,
            }
            match pauses.next() {
                Some(pause) => sleep(pause).await,
                None => break &self.counts.lost,
            }
        };
        counter.fetch_add(count, Ordering::Relaxed);
    }

    /// The status of the collector's answer, if there is one.
    async fn post(&mut self, body: Bytes) -> Option<StatusCode> {
        timeout(PATIENCE, async {
            let mut connection = match self.connection.take() {
                Some(connection) if !connection.is_closed() => connection,
                _ => self.connect().await?,
            };
            connection.ready().await.ok()?;
            let request = Request::post(&*self.endpoint.path)
                .header(HOST, &*self.endpoint.authority)
                .header(CONTENT_TYPE, "application/json")
                .body(Full::new(body))
                .ok()?;
            let (head, body) = connection.send_request(request).await.ok()?.into_parts();
            if Limited::new(body, ANSWER).collect().await.is_ok() {
                self.connection = Some(connection);
            }
            Some(head.status)
        })
        .await
        .ok()
        .flatten()
    }

    async fn connect(&self) -> Option<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect((&*self.endpoint.host, self.endpoint.port)).await.ok()?;
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        tokio::task::spawn_local(driver);
        Some(sender)
    }
}

/// Whether a collector may take later what it does not take now (OTLP, "Failures").
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_urls_without_the_path_for_traces() {
        for (text, want) in [
            ("http://127.0.0.1:4318", Ok(("127.0.0.1", 4318, "/v1/traces"))),
            ("http://collector", Ok(("collector", 4318, "/v1/traces"))),
            ("http://[::1]:80/otlp/", Ok(("::1", 80, "/otlp/v1/traces"))),
            ("https://collector", Err("collectors are told without TLS: `http://`")),
            ("collector:4318", Err("it has to begin with `http://`")),
            ("http://user@collector", Err("it has more than host, port and path")),
            ("http://collector?a", Err("it has more than host, port and path")),
            ("", Err("it is no URL")),
        ] {
            let parsed = Endpoint::parse(text);
            let parsed = parsed.as_ref().map(|e| (&*e.host, e.port, &*e.path)).map_err(|why| *why);
            assert_eq!(parsed, want, "{text}");
        }
    }
}
