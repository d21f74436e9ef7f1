//! A backend that answers with what it has received.

use crate::client::{self, Stream};
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::thread;
use testkit::suite::ANSWERED;

pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    name: String,
    status: AtomicU16,
    stopped: AtomicBool,
}

impl Backend {
    /// It says its name in `x-backend`.
    pub(crate) fn start(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            name: name.to_owned(),
            status: AtomicU16::new(200),
            stopped: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.serve(stream));
            }
        });
        Self { address, state }
    }

    /// Answers from now on with this status.
    pub(crate) fn answer_with(&self, status: u16) {
        self.state.status.store(status, Ordering::SeqCst);
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    /// Answers one request after the other until the connection ends.
    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(Box::new(stream) as Box<dyn Stream>);
        while let Ok((line, head)) = client::read_head(&mut reader) {
            let Ok(body) = client::read_body(&mut reader, &head, false) else { return };
            let status = self.status.load(Ordering::SeqCst);
            let fields = ANSWERED.map(|(name, value)| format!("{name}: {value}\r\n")).concat();
            let echo = format!("{line}\r\n{head}\r\nbody: {}\r\n", body.len());
            let answer = format!(
                "HTTP/1.1 {status} Whatever\r\nx-backend: {}\r\n{fields}content-length: {}\r\n\r\n",
                self.name,
                echo.len()
            );
            let sent = if line.starts_with("HEAD ") { "" } else { &*echo };
            // In one piece: a client that is told of an answer gets all of it.
            if reader.get_mut().write_all((answer + sent).as_bytes()).is_err() {
                return;
            }
        }
    }
}
