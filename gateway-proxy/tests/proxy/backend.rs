//! A backend that answers what the request's path asks for, badly if need be.

use flate2::Compression;
use flate2::write::GzEncoder;
use socket2::{Domain, Socket, Type};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use testkit::suite::ANSWERED;

pub struct Backend {
    pub address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    name: String,
    /// Whether it answers every path in the same way.
    always_echoes: bool,
    /// The status of echoes; 0 for 200.
    status: AtomicU16,
    stopped: AtomicBool,
    connections: AtomicUsize,
    closed: AtomicUsize,
    requests: AtomicUsize,
    aborted: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
    heads: Mutex<Vec<String>>,
}

pub struct Received {
    pub line: String,
    pub head: String,
    pub target: String,
}

impl Backend {
    pub fn start(name: &str) -> Self {
        Self::with(State { name: name.into(), ..State::default() })
    }

    /// A backend that answers every path with what it received.
    pub fn echo(name: &str) -> Self {
        Self::with(State { name: name.into(), always_echoes: true, ..State::default() })
    }

    fn with(state: State) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(state);
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                shared.connections.fetch_add(1, Ordering::SeqCst);
                shared.open.lock().unwrap().push(stream.try_clone().unwrap());
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let mut first = [0; 3];
                    let _ = if shared.always_echoes
                        && stream.peek(&mut first).is_ok_and(|_| first == *b"PRI")
                    {
                        shared.echo_http2(&stream)
                    } else {
                        shared.serve(&stream)
                    };
                    let _ = stream.shutdown(Shutdown::Both);
                    shared.closed.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, state }
    }

    /// An address where nobody listens, nor will: the port is taken for as long as the test runs.
    pub fn nowhere() -> SocketAddr {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        std::mem::forget(socket);
        address
    }

    /// Echoes from now on with this status.
    pub fn answer_with(&self, status: u16) {
        self.state.status.store(status, Ordering::SeqCst);
    }

    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Connections that neither side has closed.
    pub fn open(&self) -> usize {
        self.connections() - self.state.closed.load(Ordering::SeqCst)
    }

    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// The heads of all requests so far, without their last line end.
    pub fn heads(&self) -> Vec<String> {
        self.state.heads.lock().unwrap().clone()
    }

    /// Requests whose body or answer broke off, or whose client left before the answer.
    pub fn aborted(&self) -> usize {
        self.state.aborted.load(Ordering::SeqCst)
    }

    /// Closes every connection that is open, whatever goes on there.
    pub fn hang_up(&self) {
        for stream in self.state.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        self.hang_up();
    }
}

impl State {
    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::with_capacity(64 * 1024, stream);
        let mut out = stream;
        while let Some(request) = read_head(&mut reader)? {
            let head = format!("{}\r\n{}", request.line, request.head);
            self.heads.lock().unwrap().push(head);
            self.requests.fetch_add(1, Ordering::SeqCst);
            let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
            let last = path.rsplit_once('/').map_or(path, |(_, last)| last);
            let path = if self.always_echoes { "" } else { last };
            let number = || query.parse::<u64>().unwrap();
            match path {
                "hang-up" => return Ok(()),
                "slow" => thread::sleep(Duration::from_millis(number())),
                "garbage" => return out.write_all(b"good day to you\r\n\r\n"),
                "broken-head" => return out.write_all(b"HTTP/1.1 200 OK\r\ncontent-le"),
                "early" => {
                    return out
                        .write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 5\r\n\r\nlarge");
                }
                "ambiguous" => {
                    return out.write_all(
                        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n\
                          5\r\nhello\r\n0\r\n\r\n",
                    );
                }
                "short" => {
                    return out.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort");
                }
                "short-chunked" => {
                    return out.write_all(
                        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n",
                    );
                }
                "stall" => {
                    out.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort")?;
                    thread::sleep(Duration::from_millis(number()));
                    return Ok(());
                }
                "until-the-client-leaves" => {
                    io::copy(&mut reader, &mut io::sink())?;
                    self.aborted.fetch_add(1, Ordering::SeqCst);
                    return Ok(());
                }
                "websocket" => {
                    out.write_all(
                        b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\n\
                          upgrade: websocket\r\n\r\n",
                    )?;
                    io::copy(&mut reader, &mut out)?;
                    return Ok(());
                }
                "early-hints" => {
                    out.write_all(b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n")?;
                }
                _ => {}
            }
            let length = match read_body(&mut reader, &request.head) {
                Ok(length) => length,
                Err(error) => {
                    self.aborted.fetch_add(1, Ordering::SeqCst);
                    return Err(error);
                }
            };
            match path {
                "flood" | "lost-flood" => {
                    let size = number();
                    let status = if path == "flood" { 200 } else { 404 };
                    write!(out, "HTTP/1.1 {status} Whatever\r\ncontent-length: {size}\r\n\r\n")?;
                    let chunk = vec![b'x'; 256 * 1024];
                    let mut left = size;
                    while left > 0 {
                        let now = left.min(chunk.len() as u64);
                        if let Err(error) = out.write_all(&chunk[..now as usize]) {
                            self.aborted.fetch_add(1, Ordering::SeqCst);
                            return Err(error);
                        }
                        left -= now;
                    }
                }
                "chunked" => out.write_all(
                    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n\
                      5\r\nhello\r\n6\r\n world\r\n0\r\nx-sum: 11\r\n\r\n",
                )?,
                "hop" => out.write_all(
                    b"HTTP/1.1 200 OK\r\nconnection: keep-alive, x-private\r\n\
                      keep-alive: timeout=5\r\nx-private: 1\r\nproxy-authenticate: Basic\r\n\
                      x-public: 2\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\
                      content-length: 0\r\n\r\n",
                )?,
                // As much as is asked for, flushed; the end only when the client has it.
                "gzip-flushed" => {
                    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
                    packed.write_all(&vec![b'x'; number() as usize])?;
                    packed.flush()?;
                    let flushed = packed.get_ref().clone();
                    write!(
                        out,
                        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n"
                    )?;
                    out.write_all(&flushed)?;
                    return io::copy(&mut reader, &mut io::sink()).map(drop);
                }
                "gzip" | "gzip-short" => {
                    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
                    packed.write_all(&vec![b'x'; number() as usize])?;
                    let mut packed = packed.finish()?;
                    if path == "gzip-short" {
                        packed.truncate(packed.len() / 2);
                    }
                    write!(
                        out,
                        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\netag: \"a\"\r\n\
                         content-length: {}\r\n\r\n",
                        packed.len()
                    )?;
                    if !request.line.starts_with("HEAD ") {
                        out.write_all(&packed)?;
                    }
                }
                "status" => {
                    write!(out, "HTTP/1.1 {} Whatever\r\ncontent-length: 0\r\n\r\n", number())?
                }
                _ => {
                    // What was received, for the test to look at.
                    let body =
                        format!("{}\r\n{}\r\nbody: {length}\r\n", request.line, request.head);
                    let sent = if request.line.starts_with("HEAD ") { "" } else { &*body };
                    let fields = match self.always_echoes {
                        true => {
                            ANSWERED.map(|(name, value)| format!("{name}: {value}\r\n")).concat()
                        }
                        false => String::new(),
                    };
                    // In one piece: a backend that is stopped has answered, or has not.
                    let answer = format!(
                        "HTTP/1.1 {} Whatever\r\nx-backend: {}\r\n{fields}content-length: {}\r\n\r\n{sent}",
                        self.status.load(Ordering::SeqCst).max(200),
                        self.name,
                        body.len()
                    );
                    out.write_all(answer.as_bytes())?;
                }
            }
        }
        Ok(())
    }
}

impl State {
    /// Answers requests of HTTP/2 with what it received.
    fn echo_http2(&self, stream: &TcpStream) -> io::Result<()> {
        let stream = stream.try_clone()?;
        stream.set_nonblocking(true)?;
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build()?.block_on(async {
            let stream = tokio::net::TcpStream::from_std(stream)?;
            let mut connection = h2::server::handshake(stream).await.map_err(io::Error::other)?;
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                self.requests.fetch_add(1, Ordering::SeqCst);
                let (head, _) = request.into_parts();
                let target = head.uri.path_and_query().unwrap();
                let mut body = format!("{} {target} HTTP/2.0\r\n", head.method);
                body += &format!("host: {}\r\n", head.uri.authority().unwrap());
                for (name, value) in &head.headers {
                    body += &format!("{name}: {}\r\n", value.to_str().unwrap());
                }
                let status = self.status.load(Ordering::SeqCst).max(200);
                let answer =
                    http::Response::builder().status(status).header("x-backend", &self.name);
                let answer =
                    ANSWERED.iter().fold(answer, |it, (name, value)| it.header(*name, *value));
                let mut stream = respond
                    .send_response(answer.body(()).unwrap(), head.method == "HEAD")
                    .map_err(io::Error::other)?;
                if head.method != "HEAD" {
                    stream.send_data(body.into(), true).map_err(io::Error::other)?;
                }
            }
            Ok(())
        })
    }
}

fn read_head(reader: &mut impl BufRead) -> io::Result<Option<Received>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut head = String::new();
    loop {
        let before = head.len();
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
        if &head[before..] == "\r\n" {
            head.truncate(before);
            break;
        }
    }
    let line = line.trim_end().to_owned();
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    Ok(Some(Received { line, head: head.trim_end().to_owned(), target }))
}

/// The field's value, of a head with lines `name: value`.
pub fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn read_body(reader: &mut impl BufRead, head: &str) -> io::Result<u64> {
    let skip = |reader: &mut dyn BufRead, octets: u64| {
        let copied = io::copy(&mut reader.take(octets), &mut io::sink())?;
        if copied == octets { Ok(octets) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    };
    if let Some(length) = field(head, "content-length") {
        return skip(reader, length.parse().unwrap());
    }
    if field(head, "transfer-encoding").is_none() {
        return Ok(0);
    }
    let mut sum = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let size = u64::from_str_radix(line.trim(), 16).unwrap();
        sum += skip(reader, size)?;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line == "\r\n" {
                break;
            }
        }
        if size == 0 {
            return Ok(sum);
        }
    }
}
