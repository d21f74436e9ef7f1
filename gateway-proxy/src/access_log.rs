//! One line per request, written by a thread of its own.

use crate::clock::Moment;
use crate::error::{Failure, StartError};
use crate::head::Head;
use crate::upstream::Address;
use gateway_core::{Decision, Outcome, Request};
use http::StatusCode;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// Where requests are logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLog {
    /// Where to.
    pub target: LogTarget,
    /// How.
    pub format: LogFormat,
}

/// Where requests are logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTarget {
    /// Standard output.
    Stdout,
    /// The end of a file.
    File(PathBuf),
}

/// How requests are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Fields separated by blanks.
    #[default]
    Text,
    /// A JSON object.
    Json,
}

/// Lines that may wait to be written; more are counted and lost, so that a slow disk never slows
/// requests down.
const QUEUE: usize = 16 * 1024;

/// How long the end of the proxy waits for lines to be written.
const FLUSH: Duration = Duration::from_secs(5);

/// Takes lines from all threads.
#[derive(Clone)]
pub(crate) struct Logger {
    format: LogFormat,
    queue: SyncSender<Message>,
    state: Arc<State>,
}

/// What a log's thread and its loggers share.
#[derive(Default)]
struct State {
    lost: AtomicU64,
    /// Whether to open the file again before the next line.
    reopen: AtomicBool,
}

/// What the log's thread is told, in order.
enum Message {
    Line(String),
    /// Say when everything before is written.
    Flush(SyncSender<()>),
}

impl Logger {
    /// Opens the log and starts its thread, which ends with the last logger.
    pub(crate) fn open(log: &AccessLog) -> Result<Self, StartError> {
        let out = log
            .target
            .open()
            .map_err(|error| StartError::AccessLog { path: log.target.path().into(), error })?;
        let (queue, messages) = sync_channel(QUEUE);
        let state = Arc::<State>::default();
        let writer = Writer { target: log.target.clone(), out, state: Arc::clone(&state) };
        std::thread::Builder::new()
            .name("access-log".into())
            .spawn(move || writer.run(&messages))?;
        Ok(Self { format: log.format, queue, state })
    }

    /// How many lines were lost.
    pub(crate) fn lost(&self) -> u64 {
        self.state.lost.load(Ordering::Relaxed)
    }

    /// Opens the file again, for those who have moved it away.
    pub(crate) fn reopen(&self) {
        self.state.reopen.store(true, Ordering::Relaxed);
    }

    /// Waits until everything is written that was logged before, but not for ever.
    pub(crate) fn flush(&self) {
        let end = Instant::now() + FLUSH;
        let (done, flushed) = sync_channel(1);
        let mut message = Message::Flush(done);
        while let Err(TrySendError::Full(unsent)) = self.queue.try_send(message) {
            if Instant::now() > end {
                return;
            }
            message = unsent;
            std::thread::sleep(Duration::from_millis(1));
        }
        // Late or gone: either way there is no more to be done.
        let _ = flushed.recv_timeout(FLUSH);
    }

    fn log(&self, line: String) {
        if self.queue.try_send(Message::Line(line)).is_err() {
            self.state.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl LogTarget {
    fn path(&self) -> &Path {
        match self {
            Self::Stdout => Path::new("-"),
            Self::File(path) => path,
        }
    }

    fn open(&self) -> io::Result<Box<dyn Write + Send>> {
        Ok(match self {
            Self::Stdout => Box::new(io::stdout()),
            Self::File(path) => Box::new(OpenOptions::new().create(true).append(true).open(path)?),
        })
    }
}

/// Writes lines, on a thread of its own.
struct Writer {
    target: LogTarget,
    out: Box<dyn Write + Send>,
    state: Arc<State>,
}

impl Writer {
    fn run(mut self, messages: &Receiver<Message>) {
        /// Octets that are written at once.
        const ENOUGH: usize = 64 * 1024;
        let mut lines = String::new();
        while let Ok(first) = messages.recv() {
            // Everything that waits is written at once.
            for message in std::iter::once(first).chain(messages.try_iter()) {
                match message {
                    Message::Line(line) => {
                        lines.push_str(&line);
                        lines.push('\n');
                        if lines.len() >= ENOUGH {
                            self.write(&mut lines);
                        }
                    }
                    Message::Flush(done) => {
                        self.write(&mut lines);
                        // Whoever waited may have given up.
                        let _ = done.try_send(());
                    }
                }
            }
            self.write(&mut lines);
        }
    }

    fn write(&mut self, lines: &mut String) {
        if self.state.reopen.swap(false, Ordering::Relaxed) {
            // Where that fails, the old file is better than none.
            if let Ok(out) = self.target.open() {
                self.out = out;
            }
        }
        let written = self.out.write_all(lines.as_bytes()).and_then(|()| self.out.flush());
        if written.is_err() {
            self.state.lost.fetch_add(lines.lines().count() as u64, Ordering::Relaxed);
        }
        lines.clear();
    }
}

/// What is known about a request so far. The line is written when this is dropped, which is when
/// the answer is over, or the client gone.
pub(crate) struct Entry {
    logger: Logger,
    at: Moment,
    started: Instant,
    peer: String,
    method: String,
    host: String,
    target: String,
    listener: String,
    route: String,
    service: String,
    upstream: String,
    status: Option<StatusCode>,
    sent: u64,
    problem: &'static str,
}

impl Entry {
    pub(crate) fn new(logger: &Logger, head: &Head<'_>) -> Box<Self> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let host = head.authority().map(text);
        let host = host.or_else(|| head.headers("host").next().map(text));
        Box::new(Self {
            logger: logger.clone(),
            at: Moment::now(),
            started: Instant::now(),
            peer: head.client.peer.to_string(),
            method: head.method().to_owned(),
            host: host.unwrap_or_default(),
            target: text(head.target()),
            listener: String::new(),
            route: String::new(),
            service: String::new(),
            upstream: String::new(),
            status: None,
            sent: 0,
            problem: "",
        })
    }

    pub(crate) fn decided(mut self: Box<Self>, decision: &Decision<'_>) -> Box<Self> {
        self.listener = decision.listener().map_or_else(String::new, |l| l.name.to_string());
        self.route = decision.route().map_or_else(String::new, |r| r.origin.to_string());
        // Of a request that is turned away, where it would have gone.
        self.goes_to(decision);
        self
    }

    /// Notes the Service that a request is sent to, or whose endpoints do not admit it.
    pub(crate) fn goes_to(&mut self, decision: &Decision<'_>) {
        if let Outcome::Forward(to) | Outcome::Deny(to) = decision.admitted() {
            self.service = to.service.name.to_string();
        }
    }

    /// Notes a try; the last one counts.
    pub(crate) fn sent_to(&mut self, address: &Address) {
        self.upstream = address.to_string();
    }

    pub(crate) fn failed(&mut self, failure: Failure) {
        self.turned_away(failure.as_str());
    }

    /// Notes in a word why the request came to nothing.
    pub(crate) fn turned_away(&mut self, problem: &'static str) {
        self.problem = problem;
    }

    pub(crate) fn answered(mut self: Box<Self>, status: StatusCode) -> Box<Self> {
        self.status = Some(status);
        self
    }

    /// Counts octets of the answer's body.
    pub(crate) fn sent(&mut self, octets: usize) {
        self.sent += octets as u64;
    }

    fn line(&self) -> String {
        let micros = self.started.elapsed().as_micros();
        let time = self.at.timestamp();
        let status = self.status.map_or(499, |s| s.as_u16());
        match self.logger.format {
            LogFormat::Json => serde_json::json!({
                "time": time,
                "client": self.peer,
                "listener": self.listener,
                "method": self.method,
                "host": self.host,
                "target": self.target,
                "status": status,
                "bytes": self.sent,
                "micros": micros as u64,
                "route": self.route,
                "service": self.service,
                "upstream": self.upstream,
                "problem": self.problem,
            })
            .to_string(),
            LogFormat::Text => {
                let or_dash = |text: &str| match text {
                    "" => "-".to_owned(),
                    text => text.to_owned(),
                };
                // Debug escapes quotes and control characters: nobody forges a line.
                format!(
                    "{time} {} {} {:?} {status} {} {micros}us {} {} {:?} {}",
                    self.peer,
                    or_dash(&self.listener),
                    format!("{} {}{}", self.method, self.host, self.target),
                    self.sent,
                    or_dash(&self.service),
                    or_dash(&self.upstream),
                    self.route,
                    or_dash(self.problem),
                )
            }
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.logger.log(self.line());
    }
}
