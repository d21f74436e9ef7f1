//! A backend that answers with what it has received.

use http::Response;
use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::thread;
use testkit::socket::{read_body, read_head};
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
        let mut first = [0; 3];
        if stream.peek(&mut first).is_ok_and(|_| first == *b"PRI") {
            // The end of the connection is none of ours.
            let _ = self.serve_http2(stream);
            return;
        }
        let mut reader = BufReader::new(stream);
        while let Ok(Some((line, head))) = read_head(&mut reader) {
            let Ok(body) = read_body(&mut reader, &head, false) else { return };
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

    /// The same in HTTP/2.
    fn serve_http2(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build()?.block_on(async {
            let stream = tokio::net::TcpStream::from_std(stream)?;
            let mut connection = h2::server::handshake(stream).await.map_err(io::Error::other)?;
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                let (head, _) = request.into_parts();
                let target = head.uri.path_and_query().map_or("", |target| target.as_str());
                let host = head.uri.authority().map_or("", |authority| authority.as_str());
                let mut echo = format!("{} {target} HTTP/2.0\r\nhost: {host}\r\n", head.method);
                for (name, value) in &head.headers {
                    echo += &format!("{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes()));
                }
                let answer = Response::builder()
                    .status(self.status.load(Ordering::SeqCst))
                    .header("x-backend", &self.name);
                let answer =
                    ANSWERED.iter().fold(answer, |it, (name, value)| it.header(*name, *value));
                let answer = answer.body(()).map_err(io::Error::other)?;
                let bodiless = head.method == "HEAD";
                let sent = respond.send_response(answer, bodiless);
                let mut body = sent.map_err(io::Error::other)?;
                if !bodiless {
                    body.send_data(echo.into(), true).map_err(io::Error::other)?;
                }
            }
            Ok(())
        })
    }
}
