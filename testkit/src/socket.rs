//! HTTP/1 over sockets, as far as tests of proxies need it: a client that sends octets as they are,
//! a backend that says what it has received, and cases of the suite between the two.

use crate::suite::{ANSWERED, Case, Observed, Received};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// How long a client waits for octets: longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A field of an answer to say which backend it comes from.
const BACKEND: &str = "x-backend";

/// A backend that answers every request with its head. It ends when it is dropped.
pub struct EchoBackend {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    name: String,
    status: AtomicU16,
    requests: AtomicUsize,
    stopped: AtomicBool,
}

impl EchoBackend {
    /// A backend with this name, on a free port.
    ///
    /// # Errors
    ///
    /// What the system says of the socket.
    pub fn start(name: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            name: name.into(),
            status: AtomicU16::new(200),
            requests: AtomicUsize::new(0),
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
                thread::spawn(move || shared.serve(&stream));
            }
        });
        Ok(Self { address, state })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.state.name
    }

    /// Answers with this status from now on.
    pub fn answer_with(&self, status: u16) {
        self.state.status.store(status, Ordering::SeqCst);
    }

    /// How many requests have come.
    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }
}

impl Drop for EchoBackend {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        // It waits for a connection to look.
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream);
        let mut out = stream;
        while let Some((line, head)) = read_head(&mut reader)? {
            self.requests.fetch_add(1, Ordering::SeqCst);
            read_body(&mut reader, &head, false)?;
            let text = format!("{line}\r\n{head}");
            let status = self.status.load(Ordering::SeqCst);
            write!(out, "HTTP/1.1 {status} Whatever\r\n{BACKEND}: {}\r\n", self.name)?;
            for (name, value) in ANSWERED {
                write!(out, "{name}: {value}\r\n")?;
            }
            let has_body = !line.starts_with("HEAD ") && status != 204 && status != 304;
            match has_body {
                true => write!(out, "content-length: {}\r\n\r\n{text}", text.len())?,
                false => write!(out, "\r\n")?,
            }
        }
        Ok(())
    }
}

/// An answer as it came.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The header.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first line of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The name of the backend that answered.
    pub fn backend(&self) -> Option<&str> {
        self.field(BACKEND)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends the octets of a request with `method` on a connection of its own, and reads the answer.
///
/// # Errors
///
/// What the system says, or that the answer is none.
pub fn exchange(address: SocketAddr, method: &str, octets: &[u8]) -> io::Result<Response> {
    exchange_over(connect(address)?, method, octets)
}

/// A connection whose reads give up after a while.
///
/// # Errors
///
/// What the system says.
pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// As [`exchange`], on a connection that is open.
///
/// # Errors
///
/// As of [`exchange`].
pub fn exchange_over(
    mut stream: impl Read + Write,
    method: &str,
    octets: &[u8],
) -> io::Result<Response> {
    stream.write_all(octets)?;
    let mut reader = BufReader::new(stream);
    loop {
        let (line, head) = read_head(&mut reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| invalid(&line))?;
        if status < 200 {
            continue;
        }
        let body = match method == "HEAD" || status == 204 || status == 304 {
            true => Vec::new(),
            false => read_body(&mut reader, &head, true)?,
        };
        return Ok(Response { status, headers: fields(&head), body });
    }
}

/// A GET request with some lines besides `Host`, each with its line end.
///
/// # Errors
///
/// As of [`exchange`].
pub fn get(address: SocketAddr, host: &str, target: &str, lines: &str) -> io::Result<Response> {
    let octets = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n");
    exchange(address, "GET", octets.as_bytes())
}

impl Case {
    /// Sends the request to whatever listens at `address`, in front of [`EchoBackend`]s with the
    /// names of the Services and their ports; says what could be seen.
    ///
    /// # Errors
    ///
    /// As of [`exchange`].
    pub fn ask(&self, address: SocketAddr) -> io::Result<Observed> {
        Ok(self.observed(exchange(address, &self.request.method, &self.octets(&[]))?))
    }

    /// The request as it is sent, with more lines of the header, each with its line end.
    pub fn octets(&self, more: &[u8]) -> Vec<u8> {
        let request = &self.request;
        let mut octets = request.method.as_bytes().to_vec();
        octets.push(b' ');
        octets.extend_from_slice(&request.target);
        octets.extend_from_slice(b" HTTP/1.1\r\n");
        for (name, value) in &request.headers {
            octets.extend_from_slice(name.as_bytes());
            octets.extend_from_slice(b": ");
            octets.extend_from_slice(value);
            octets.extend_from_slice(b"\r\n");
        }
        octets.extend_from_slice(more);
        octets.extend_from_slice(b"\r\n");
        octets
    }

    /// What could be seen of an answer that came from an [`EchoBackend`], or from none.
    pub fn observed(&self, response: Response) -> Observed {
        let mut observed = Observed {
            status: StatusCode::from_u16(response.status).ok(),
            headers: Some(response.headers.clone()),
            ..Observed::default()
        };
        if let Some(service) = response.backend() {
            let text = response.text();
            let (line, head) = text.split_once("\r\n").unwrap_or_default();
            let target = line.split(' ').nth(1);
            observed.backend = Some(Received {
                service: service.to_owned(),
                target: target.map(|target| target.as_bytes().to_vec()),
                headers: target.map(|_| fields(head)),
            });
        } else {
            observed.grpc = Some(response.field("grpc-status").and_then(|code| code.parse().ok()));
            observed.body = (self.request.method != "HEAD").then_some(response.body);
        }
        observed
    }
}

/// The first line and the others of a head; `None` where the other side has ended before it.
///
/// # Errors
///
/// What the system says.
pub fn read_head(reader: &mut impl BufRead) -> io::Result<Option<(String, String)>> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut text)? == 0 {
            return Ok(None);
        }
    }
    let text = String::from_utf8_lossy(&text);
    let (line, head) = text.split_once("\r\n").unwrap_or_default();
    Ok(Some((line.to_owned(), head.trim_end().to_owned())))
}

/// The body after a head; one of unknown length lasts to the end of the connection in answers.
///
/// # Errors
///
/// What the system says, or that the body has no end.
pub fn read_body(reader: &mut impl BufRead, head: &str, is_answer: bool) -> io::Result<Vec<u8>> {
    let head = fields(head);
    let mut body = Vec::new();
    if let Some(length) = head.get("content-length") {
        let length = length.to_str().ok().and_then(|text| text.parse().ok());
        let length: u64 = length.ok_or_else(|| invalid("content-length"))?;
        if reader.take(length).read_to_end(&mut body)? as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    } else if head.contains_key("transfer-encoding") {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let size = u64::from_str_radix(line.trim(), 16).map_err(|_| invalid(&line))?;
            reader.take(size).read_to_end(&mut body)?;
            line.clear();
            reader.read_line(&mut line)?;
            if size == 0 {
                break;
            }
        }
    } else if is_answer {
        reader.read_to_end(&mut body)?;
    }
    Ok(body)
}

fn fields(head: &str) -> HeaderMap {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let field = |(name, value): (&str, &str)| {
        let name = HeaderName::try_from(name).ok()?;
        Some((name, HeaderValue::try_from(value.trim()).ok()?))
    };
    let mut map = HeaderMap::new();
    for (name, value) in lines.filter_map(field) {
        map.append(name, value);
    }
    map
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
