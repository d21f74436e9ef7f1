//! A backend of HTTP/2 that sends frames as it likes.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GO_AWAY: u8 = 7;
pub const CONTINUATION: u8 = 9;

pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// `:status` 200.
pub const OK: &[u8] = b"\x88";

/// A frame that came.
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut octets = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    octets.extend_from_slice(&[kind, flags]);
    octets.extend_from_slice(&stream.to_be_bytes());
    octets.extend_from_slice(payload);
    octets
}

/// A connection, counted from 0 on.
pub struct Connection {
    pub number: usize,
    stream: TcpStream,
}

impl Connection {
    pub fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.write_all(octets)
    }

    /// Answers with 200 and nothing more.
    pub fn answer(&mut self, stream: u32) -> io::Result<()> {
        self.send(&frame(HEADERS, END_HEADERS | END_STREAM, stream, OK))
    }

    /// The next frame; one of settings that asks for it is acknowledged.
    pub fn next(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        io::copy(&mut (&self.stream).take(u64::from(length)), &mut io::sink())?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let frame = Frame { kind: head[3], flags: head[4], stream };
        if frame.kind == SETTINGS && frame.flags & ACK == 0 {
            self.send(&self::frame(SETTINGS, ACK, 0, &[]))?;
        }
        Ok(frame)
    }

    /// The stream of the next request.
    pub fn request(&mut self) -> io::Result<u32> {
        loop {
            let frame = self.next()?;
            if frame.kind == HEADERS {
                return Ok(frame.stream);
            }
        }
    }
}

/// A backend whose connections are each served by the same function, on threads of their own.
pub struct Raw {
    pub address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    stopped: AtomicBool,
    connections: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
}

impl Raw {
    /// `settings` is what is said first, a list of pairs as it is sent.
    pub fn start(
        settings: &'static [u8],
        serve: impl Fn(&mut Connection) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<State>::default();
        let (shared, serve) = (Arc::clone(&state), Arc::new(serve));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(mut stream) = stream else { continue };
                let number = shared.connections.fetch_add(1, Ordering::SeqCst);
                shared.open.lock().unwrap().push(stream.try_clone().unwrap());
                let serve = Arc::clone(&serve);
                thread::spawn(move || {
                    // How it ends is what the proxy has to cope with.
                    let _ = (|| {
                        stream.read_exact(&mut [0; 24])?;
                        stream.write_all(&frame(SETTINGS, 0, 0, settings))?;
                        serve(&mut Connection { number, stream: stream.try_clone()? })
                    })();
                    let _ = stream.shutdown(Shutdown::Both);
                });
            }
        });
        Self { address, state }
    }

    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        for stream in self.state.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
