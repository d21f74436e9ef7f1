//! A client that sees exactly what comes over the wire.

use crate::backend::field;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub struct Client<S = TcpStream> {
    reader: BufReader<S>,
}

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
    /// Whether the body came to its end.
    pub complete: bool,
}

impl Response {
    pub fn field(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A field of the request as the backend saw it.
    pub fn seen(&self, name: &str) -> Option<String> {
        field(&self.text(), name).map(str::to_owned)
    }
}

/// A connection whose reads give up after a while.
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(connect(address))
    }

    /// Says that nothing more is sent.
    pub fn end(&mut self) {
        self.reader.get_mut().shutdown(std::net::Shutdown::Write).unwrap();
    }
}

impl<S: Read + Write> Client<S> {
    pub fn over(stream: S) -> Self {
        Self { reader: BufReader::with_capacity(64 * 1024, stream) }
    }

    pub fn stream(&mut self) -> &mut S {
        self.reader.get_mut()
    }

    pub fn send(&mut self, octets: impl AsRef<[u8]>) -> io::Result<()> {
        self.reader.get_mut().write_all(octets.as_ref())
    }

    /// Sends a request with `Host: cafe.example.com`, and reads the answer.
    pub fn get(&mut self, target: &str) -> Response {
        self.request("GET", target, "")
    }

    /// The same with these header lines, each with its line end.
    pub fn request(&mut self, method: &str, target: &str, lines: &str) -> Response {
        self.try_request(method, target, lines).unwrap()
    }

    pub fn try_request(&mut self, method: &str, target: &str, lines: &str) -> io::Result<Response> {
        self.send(format!("{method} {target} HTTP/1.1\r\nHost: cafe.example.com\r\n{lines}\r\n"))?;
        self.read(method)
    }

    pub fn read(&mut self, method: &str) -> io::Result<Response> {
        // Those that announce it may come before.
        let (status, head) = loop {
            let head = self.read_head()?;
            if !(102..200).contains(&head.0) {
                break head;
            }
        };
        let mut response = Response { status, head, body: Vec::new(), complete: true };
        if method == "HEAD" || status == 204 || status == 304 || status < 200 {
            return Ok(response);
        }
        let ended = |result: io::Result<()>| result.is_ok();
        if let Some(length) = response.field("content-length") {
            let length: u64 = length.parse().unwrap();
            let copied = (&mut self.reader).take(length).read_to_end(&mut response.body);
            response.complete = copied.is_ok() && response.body.len() as u64 == length;
        } else if response.field("transfer-encoding").is_some() {
            let result = self.read_chunks(&mut response.body);
            response.complete = ended(result);
        } else {
            let result = self.reader.read_to_end(&mut response.body).map(drop);
            response.complete = ended(result);
        }
        Ok(response)
    }

    pub fn read_head(&mut self) -> io::Result<(u16, String)> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.reader.read_line(&mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let (line, head) = head.split_once("\r\n").unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        Ok((status, head.trim_end().to_owned()))
    }

    fn read_chunks(&mut self, body: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let line = self.read_line()?;
            let size = u64::from_str_radix(line.trim(), 16).unwrap();
            let copied = (&mut self.reader).take(size).read_to_end(body)?;
            if copied as u64 != size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            while !self.read_line()?.trim().is_empty() {}
            if size == 0 {
                return Ok(());
            }
        }
    }

    fn read_line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.reader.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line),
        }
    }

    /// Reads octets as they come.
    pub fn reader(&mut self) -> &mut impl Read {
        &mut self.reader
    }

    /// Whether the other side has closed the connection.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.reader.fill_buf(), Ok([]) | Err(_))
    }
}
