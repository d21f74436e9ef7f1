//! A backend that costs as little as it can, for measuring what stands before it: one thread, and
//! two system calls for a request while there are enough of them.
//!
//! ```text
//! backend ADDRESS:PORT      port 0 is any free one; prints the address, serves until it is killed
//! ```
//!
//! Paths that begin with `/large` are answered with 64 KiB, all others with 1 KiB. Requests have
//! no body.
#![expect(clippy::unwrap_used, reason = "benches fail by panicking")]

use memchr::memmem;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};

const LISTENER: Token = Token(usize::MAX);
const SMALL: usize = 1 << 10;
const LARGE: usize = 64 << 10;
/// Events that are taken at once.
const EVENTS: usize = 512;

fn main() {
    let address = std::env::args().nth(1).expect("usage: backend ADDRESS:PORT");
    let mut listener = TcpListener::bind(address.parse().unwrap()).unwrap();
    println!("{}", listener.local_addr().unwrap());
    let mut poll = Poll::new().unwrap();
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE).unwrap();
    let answers = Answers { small: answer(SMALL), large: answer(LARGE) };
    let mut connections: HashMap<Token, Connection> = HashMap::new();
    let mut next = 0;
    let mut events = Events::with_capacity(EVENTS);
    let mut scratch = vec![0; 64 << 10];
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            polled => polled.unwrap(),
        }
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    let token = Token(next);
                    next += 1;
                    // A peer that is gone already shows when it is read from.
                    let _ = stream.set_nodelay(true);
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    poll.registry().register(&mut stream, token, interest).unwrap();
                    connections.insert(token, Connection::new(stream));
                }
                continue;
            }
            let Some(connection) = connections.get_mut(&event.token()) else { continue };
            let mut goes_on = connection.write();
            if goes_on.is_ok() && event.is_readable() {
                let closed = event.is_read_closed();
                goes_on = connection.read(&mut scratch, &answers, closed);
            }
            if goes_on.is_err() {
                connections.remove(&event.token());
            }
        }
    }
}

/// Whole answers, head and body.
struct Answers {
    small: Vec<u8>,
    large: Vec<u8>,
}

fn answer(octets: usize) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nServer: backend\r\nDate: Sun, 22 Nov 2026 21:00:00 GMT\r\n\
         Content-Type: text/plain\r\nContent-Length: {octets}\r\n\r\n"
    );
    let mut answer = head.into_bytes();
    answer.resize(answer.len() + octets, b'x');
    answer
}

struct Connection {
    stream: TcpStream,
    /// The beginning of a request that is not all there yet.
    begun: Vec<u8>,
    /// What the socket did not take at once.
    waiting: Vec<u8>,
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        Self { stream, begun: Vec::new(), waiting: Vec::new() }
    }

    /// Answers what has come. Events are told once, so that reading goes on until less comes than
    /// there was room for; `closed` is whether the end is among it.
    fn read(&mut self, scratch: &mut [u8], answers: &Answers, closed: bool) -> io::Result<()> {
        loop {
            match self.stream.read(scratch) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    self.answer(&scratch[..read], answers)?;
                    if read < scratch.len() && !closed {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn answer(&mut self, come: &[u8], answers: &Answers) -> io::Result<()> {
        const END: &[u8] = b"\r\n\r\n";
        let mut joined = std::mem::take(&mut self.begun);
        let mut rest = if joined.is_empty() {
            come
        } else {
            joined.extend_from_slice(come);
            &joined
        };
        while let Some(end) = memmem::find(rest, END) {
            let is_large = rest.starts_with(b"GET /large");
            self.send(if is_large { &answers.large } else { &answers.small })?;
            rest = &rest[end + END.len()..];
        }
        self.begun.extend_from_slice(rest);
        Ok(())
    }

    fn send(&mut self, answer: &[u8]) -> io::Result<()> {
        if !self.waiting.is_empty() {
            self.waiting.extend_from_slice(answer);
            return Ok(());
        }
        let sent = self.try_write(answer)?;
        self.waiting.extend_from_slice(&answer[sent..]);
        Ok(())
    }

    /// Sends what the socket did not take before.
    fn write(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let waiting = std::mem::take(&mut self.waiting);
        let sent = self.try_write(&waiting)?;
        self.waiting.extend_from_slice(&waiting[sent..]);
        Ok(())
    }

    /// Returns how much the socket takes at once.
    fn try_write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self.stream.write(octets) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            written => written,
        }
    }
}
