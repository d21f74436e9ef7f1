//! HTTP/1.1 as it comes over the wire.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What requests are written to, and answers read from.
pub(crate) trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Lines `name: value`, without the last line end.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection whose reads give up after a while.
pub(crate) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    Ok(stream)
}

/// Sends a request of this method, and reads the answer.
pub(crate) fn exchange(
    stream: Box<dyn Stream>,
    method: &str,
    octets: &[u8],
) -> io::Result<Response> {
    let mut reader = BufReader::new(stream);
    reader.get_mut().write_all(octets)?;
    let (line, head) = read_head(&mut reader)?;
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status: u16 = status.ok_or_else(|| io::Error::other(line))?;
    let bodiless = method == "HEAD" || status == 204 || status == 304;
    let body = if bodiless { Vec::new() } else { read_body(&mut reader, &head, true)? };
    Ok(Response { status, head, body })
}

/// `GET target` with a host, on a connection of its own.
pub(crate) fn get(address: SocketAddr, host: &str, target: &str) -> io::Result<Response> {
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    exchange(Box::new(connect(address)?), "GET", request.as_bytes())
}

/// The first line, and the lines of the header, of a message.
pub(crate) fn read_head(reader: &mut impl BufRead) -> io::Result<(String, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    // Octets that are no UTF-8 stay apart from each other.
    let head: String = head.iter().map(|octet| char::from(*octet)).collect();
    let (line, head) = head.split_once("\r\n").unwrap_or_default();
    Ok((line.to_owned(), head.trim_end().to_owned()))
}

/// The body of a message; of an `answer` that says nothing of its length, all that comes.
pub(crate) fn read_body(
    reader: &mut impl BufRead,
    head: &str,
    is_answer: bool,
) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if field(head, "transfer-encoding").is_some() {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let size = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            read_exactly(reader, size, &mut body)?;
            line.clear();
            reader.read_line(&mut line)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    match field(head, "content-length") {
        Some(length) => {
            let length = length.parse().map_err(io::Error::other)?;
            read_exactly(reader, length, &mut body)?;
        }
        None if is_answer => drop(reader.read_to_end(&mut body)?),
        None => {}
    }
    Ok(body)
}

fn read_exactly(reader: &mut impl BufRead, size: u64, body: &mut Vec<u8>) -> io::Result<()> {
    if reader.take(size).read_to_end(body)? as u64 == size {
        return Ok(());
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
