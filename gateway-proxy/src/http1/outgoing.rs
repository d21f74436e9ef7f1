//! What goes out on a socket, message by message.

use super::head::{is_of_connection, write_fields};
use crate::error::BrokenBody;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    EXPECT, HOST, HeaderName, MAX_FORWARDS, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE,
    TRAILER,
};
use http_body::Frame;
use std::io::{self, IoSlice, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;

/// Data up to this many octets are copied, so that they go out in one piece with what is before
/// them.
const FLAT: usize = 8 << 10;

/// Most heads fit into this many octets.
const HEAD: usize = 1 << 10;

/// What a connection keeps of its space between two messages, in octets.
const KEPT: usize = 2 * HEAD;

/// What goes out on a socket.
#[derive(Default)]
pub(crate) struct Outgoing {
    /// Heads, framing, and small data.
    buffer: Vec<u8>,
    /// Large data that follows it.
    large: Bytes,
    /// What follows that.
    tail: &'static [u8],
    /// How much of all that was written.
    written: usize,
    /// The same of the whole message.
    sent: u64,
    framing: Framing,
}

/// How a body is told from what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Framing {
    /// There is none.
    #[default]
    None,
    /// So many octets are to come.
    Length(u64),
    /// By the sizes of chunks; whether trailers are understood.
    Chunks { trailers: bool },
    /// By the end of the connection.
    UntilEnd,
}

impl Outgoing {
    /// Where to write the head of a message whose body is framed so.
    pub(crate) fn begin(&mut self, framing: Framing) -> &mut Vec<u8> {
        self.framing = framing;
        self.sent = 0;
        // One that follows at once goes out with its head.
        let body = match framing {
            Framing::Length(length) if length <= FLAT as u64 => length as usize,
            _ => 0,
        };
        self.buffer.reserve(HEAD + body);
        &mut self.buffer
    }

    /// Where to write a head that announces the one of the message itself (RFC 9110, section 15.2).
    pub(crate) fn interim(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Whether everything was written.
    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.large.is_empty()
    }

    /// Whether it takes another frame before what it has is written.
    pub(crate) fn has_room(&self) -> bool {
        self.large.is_empty() && self.buffer.len() < FLAT
    }

    /// Whether the message needs no more frames.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.framing, Framing::None | Framing::Length(0))
    }

    /// Whether the end of the connection would be taken for the end of the message.
    pub(crate) fn is_until_end(&self) -> bool {
        self.framing == Framing::UntilEnd
    }

    /// Takes a frame of the body.
    ///
    /// # Errors
    ///
    /// Where there is more of it than was announced.
    pub(crate) fn frame(&mut self, frame: Frame<Bytes>) -> Result<(), BrokenBody> {
        let frame = match frame.into_data() {
            Ok(data) => return self.data(data),
            Err(frame) => frame,
        };
        if let (Ok(trailers), Framing::Chunks { trailers: true }) =
            (frame.into_trailers(), self.framing)
        {
            return self.close(&trailers);
        }
        self.end()
    }

    /// The body is over.
    ///
    /// # Errors
    ///
    /// Where there is less of it than was announced.
    pub(crate) fn end(&mut self) -> Result<(), BrokenBody> {
        match self.framing {
            Framing::Chunks { .. } => self.close(&HeaderMap::new()),
            Framing::Length(1..) => Err(BrokenBody),
            Framing::None | Framing::Length(0) | Framing::UntilEnd => {
                self.framing = Framing::None;
                Ok(())
            }
        }
    }

    fn close(&mut self, trailers: &HeaderMap) -> Result<(), BrokenBody> {
        self.framing = Framing::None;
        self.flatten();
        self.buffer.extend_from_slice(b"0\r\n");
        let legal = trailers.iter().filter(|(name, _)| !is_no_trailer(name));
        write_fields(&mut self.buffer, legal);
        self.buffer.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn data(&mut self, data: Bytes) -> Result<(), BrokenBody> {
        if data.is_empty() {
            return Ok(());
        }
        match &mut self.framing {
            Framing::None => return Err(BrokenBody),
            Framing::Length(left) => {
                *left = left.checked_sub(data.len() as u64).ok_or(BrokenBody)?;
            }
            Framing::Chunks { .. } => {
                // Writing to memory does not fail.
                let _ = write!(self.buffer, "{:x}\r\n", data.len());
            }
            Framing::UntilEnd => {}
        }
        let is_chunk = matches!(self.framing, Framing::Chunks { .. });
        self.large = data;
        self.tail = if is_chunk { b"\r\n" } else { b"" };
        if self.buffer.len() + self.large.len() <= FLAT {
            self.flatten();
        }
        Ok(())
    }

    /// Brings all into one piece.
    fn flatten(&mut self) {
        self.buffer.extend_from_slice(&self.large);
        self.buffer.extend_from_slice(self.tail);
        self.large = Bytes::new();
        self.tail = b"";
    }

    /// Writes all there is.
    pub(crate) fn poll_write(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let mut written = self.written;
            let parts = [&self.buffer[..], &self.large, self.tail].map(|part| {
                let skipped = written.min(part.len());
                written -= skipped;
                &part[skipped..]
            });
            let left: usize = parts.iter().map(|part| part.len()).sum();
            let whole = parts.iter().find(|part| part.len() == left);
            let written = match whole {
                Some(part) => ready!(Pin::new(&mut *stream).poll_write(cx, part))?,
                None => {
                    let parts = parts.map(IoSlice::new);
                    ready!(Pin::new(&mut *stream).poll_write_vectored(cx, &parts))?
                }
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
            self.sent += written as u64;
            if written == left {
                self.buffer.clear();
                self.large = Bytes::new();
                self.tail = b"";
                self.written = 0;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// How many octets of the message were written.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Lets go of what is not needed between two messages.
    pub(crate) fn rest(&mut self) {
        if self.is_empty() && self.buffer.capacity() > KEPT {
            self.buffer = Vec::new();
        }
    }
}

/// Whether a field would come too late behind a body (RFC 9110, section 6.5.1), or is about a
/// connection (section 7.6.1).
pub(crate) fn is_no_trailer(name: &HeaderName) -> bool {
    match *name {
        AUTHORIZATION | CACHE_CONTROL | CONTENT_ENCODING | CONTENT_LENGTH | CONTENT_RANGE
        | CONTENT_TYPE | EXPECT | HOST | MAX_FORWARDS | PROXY_AUTHENTICATE
        | PROXY_AUTHORIZATION | SET_COOKIE | TRAILER => true,
        _ => is_of_connection(name),
    }
}

#[cfg(test)]
mod tests;
