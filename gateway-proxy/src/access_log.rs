//! One line per request, written by a thread of its own.

mod line;

use crate::error::StartError;
use crate::record::Facts;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
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
    /// As NGINX's `combined`, with more fields behind it.
    #[default]
    Text,
    /// A JSON object.
    Json,
}

/// Lines that may wait to be written; more are counted and lost, so that a slow disk never slows
/// requests down.
const QUEUE: usize = 16 * 1024;

/// Octets of lines that may wait, since a target or a field may be long.
const QUEUED_OCTETS: usize = 16 << 20;

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
    /// Octets of the lines that wait.
    queued: AtomicUsize,
    /// Whether to open the file again before the next line.
    reopen: AtomicBool,
}

/// What the log's thread is told, in order.
enum Message {
    Line(Vec<u8>),
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

    /// Writes a line about a request that is over, unless too many lines wait already.
    pub(crate) fn log(&self, facts: &Facts) {
        if self.has_room() {
            self.push(line::write(facts, self.format));
        } else {
            self.lose();
        }
    }

    /// Threads may ask at once, and each add a line more: a little beyond the limit is no harm.
    fn has_room(&self) -> bool {
        self.state.queued.load(Ordering::Relaxed) < QUEUED_OCTETS
    }

    fn push(&self, line: Vec<u8>) {
        let octets = line.len();
        self.state.queued.fetch_add(octets, Ordering::Relaxed);
        if self.queue.try_send(Message::Line(line)).is_err() {
            self.state.queued.fetch_sub(octets, Ordering::Relaxed);
            self.lose();
        }
    }

    fn lose(&self) {
        self.state.lost.fetch_add(1, Ordering::Relaxed);
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
        let mut lines = Vec::new();
        while let Ok(first) = messages.recv() {
            // Everything that waits is written at once.
            for message in std::iter::once(first).chain(messages.try_iter()) {
                match message {
                    Message::Line(line) => {
                        self.state.queued.fetch_sub(line.len(), Ordering::Relaxed);
                        lines.extend_from_slice(&line);
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

    fn write(&mut self, lines: &mut Vec<u8>) {
        if self.state.reopen.swap(false, Ordering::Relaxed) {
            // Where that fails, the old file is better than none.
            if let Ok(out) = self.target.open() {
                self.out = out;
            }
        }
        let written = self.out.write_all(lines).and_then(|()| self.out.flush());
        if written.is_err() {
            self.state.lost.fetch_add(
                lines.iter().filter(|octet| **octet == b'\n').count() as u64,
                Ordering::Relaxed,
            );
        }
        lines.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_beyond_what_may_wait_are_counted_and_lost() {
        let (queue, messages) = sync_channel(3);
        let state = Arc::<State>::default();
        let logger = Logger { format: LogFormat::Text, queue, state: Arc::clone(&state) };
        // Nobody writes them yet.
        for line in ["one\n", "two\n", "three\n", "four\n"] {
            logger.push(line.into());
        }
        assert_eq!((logger.lost(), logger.has_room()), (1, true));
        let kept = Kept::default();
        let out = Box::new(kept.clone());
        let writer = Writer { target: LogTarget::Stdout, out, state: Arc::clone(&state) };
        let writing = std::thread::spawn(move || writer.run(&messages));
        logger.flush();
        assert_eq!(*kept.0.lock().unwrap(), b"one\ntwo\nthree\n");
        assert_eq!(state.queued.load(Ordering::Relaxed), 0, "there is room again");
        drop(logger);
        writing.join().unwrap();
    }

    #[test]
    fn lines_may_be_too_long_to_wait() {
        let (queue, _messages) = sync_channel(3);
        let logger = Logger { format: LogFormat::Text, queue, state: Arc::default() };
        logger.push(vec![b'x'; QUEUED_OCTETS]);
        assert_eq!((logger.lost(), logger.has_room()), (0, false));
    }
}
