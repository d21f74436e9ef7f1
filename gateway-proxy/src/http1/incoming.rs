//! What comes on a socket, message by message.

use super::head::fields;
use super::scan::{Piece, Scanner};
use crate::error::BrokenBody;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use memchr::memchr_iter;
use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

/// What is read at once where nobody knows how much there is. It lies on the stack, so that
/// connections on which nothing comes hold no space for it.
const STEP: usize = 16 << 10;

/// Most that is read at once: what many files fit into, and a head.
const MOST: usize = 68 << 10;

/// Most octets of trailers.
const TRAILERS: usize = 16 << 10;

/// What comes on a socket.
pub(crate) struct Incoming {
    /// What was read and belongs to no head or frame yet.
    buffer: BytesMut,
    /// How much of that the scanner has passed.
    scanned: usize,
    scanner: Scanner,
    /// How much is read at once where nobody knows how much comes.
    pace: usize,
    /// Whether a body ends where the connection does.
    until_end: bool,
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// After so many octets.
    After(u64),
    /// With a last chunk.
    InChunks,
    /// With the connection.
    WithConnection,
}

/// Why there is no head of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoHead {
    /// What came is none.
    Illegal,
    /// It is too long.
    TooLong,
    /// The connection is over.
    Over,
}

impl Incoming {
    /// Of a socket from which `begun` was read.
    pub(crate) fn new(begun: BytesMut) -> Self {
        let scanner = Scanner::new();
        Self { buffer: begun, scanned: 0, scanner, pace: STEP, until_end: false }
    }

    /// Whether nothing waits to be read here.
    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Whether the message that was begun is over.
    pub(crate) fn is_over(&self) -> bool {
        self.scanner.is_between() && !self.until_end
    }

    /// Reads more, if there is. `Ok(0)` is the end.
    pub(crate) fn poll_fill(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let wanted = usize::try_from(self.scanner.data()).unwrap_or(MOST).max(self.pace).min(MOST);
        if wanted <= STEP {
            let mut space = [const { MaybeUninit::<u8>::uninit() }; STEP];
            let mut read = ReadBuf::uninit(&mut space);
            ready!(Pin::new(stream).poll_read(cx, &mut read))?;
            let read = read.filled();
            self.buffer.extend_from_slice(read);
            self.learn(read.len(), STEP);
            return Poll::Ready(Ok(read.len()));
        }
        self.buffer.reserve(wanted);
        let mut space = (&mut self.buffer).limit(wanted);
        let read = pin!(stream.read_buf(&mut space)).poll(cx);
        if !matches!(read, Poll::Ready(Ok(read)) if read >= wanted / 4) {
            // Neither who waits nor a frame that is kept holds space that it does not need.
            self.buffer = BytesMut::from(&self.buffer[..]);
        }
        let read = ready!(read)?;
        self.learn(read, wanted);
        Poll::Ready(Ok(read))
    }

    /// Reads about as much the next time, and more where all space was needed. Messages on a connection
    /// are much alike.
    fn learn(&mut self, read: usize, space: usize) {
        let next = if read >= space { space * 2 } else { read + read / 8 };
        self.pace = next.clamp(STEP, MOST);
    }

    /// Reads the head of the next request, of at most so many octets.
    pub(crate) fn poll_head(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
        most: usize,
    ) -> Poll<Result<Bytes, NoHead>> {
        loop {
            let (read, piece) = match self.scanner.next(&self.buffer[self.scanned..]) {
                Ok(next) => next,
                Err(_) => return Poll::Ready(Err(NoHead::Illegal)),
            };
            self.scanned += read;
            if self.scanned > most {
                return Poll::Ready(Err(NoHead::TooLong));
            }
            if piece == Piece::Head {
                return Poll::Ready(Ok(self.take(self.scanned)));
            }
            match ready!(self.poll_fill(stream, cx)) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Poll::Ready(Err(NoHead::Over)),
            }
        }
    }

    /// Finds the head of the next answer, which ends with an empty line, among what has come.
    pub(crate) fn find_head(&mut self) -> Option<Bytes> {
        let from = std::mem::replace(&mut self.scanned, self.buffer.len());
        let mut ends = memchr_iter(b'\n', &self.buffer[from..]).map(|at| from + at + 1);
        let is_end = |end: &usize| {
            let line = &self.buffer[..end - 1];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            line.ends_with(b"\n")
        };
        let end = ends.find(is_end)?;
        Some(self.take(end))
    }

    /// How many octets wait.
    pub(crate) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// The head of an answer was taken: what follows is its body.
    pub(crate) fn begin(&mut self, ends: Ends) {
        self.until_end = ends == Ends::WithConnection;
        self.scanner = match ends {
            Ends::After(length) => Scanner::of_length(length),
            Ends::InChunks => Scanner::of_chunks(),
            Ends::WithConnection => Scanner::of_length(0),
        };
        self.scanned = 0;
    }

    /// Lets go of what is not needed between two messages.
    pub(crate) fn rest(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// Takes all that was read.
    pub(crate) fn take_all(&mut self) -> Bytes {
        self.take(self.buffer.len())
    }

    fn take(&mut self, octets: usize) -> Bytes {
        self.scanned = 0;
        if octets == self.buffer.len() {
            // All of it: what is left need not share its space.
            return std::mem::take(&mut self.buffer).freeze();
        }
        self.buffer.split_to(octets).freeze()
    }

    /// How long the rest of the body is, as far as that is known.
    pub(crate) fn size_hint(&self) -> SizeHint {
        match self.scanner.rest() {
            Some(rest) if !self.until_end => SizeHint::with_exact(rest),
            _ => SizeHint::default(),
        }
    }

    /// Reads the next frame of a body.
    pub(crate) fn poll_frame(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        loop {
            if self.is_over() {
                return Poll::Ready(None);
            }
            if self.until_end && !self.buffer.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(self.take_all()))));
            }
            if !self.until_end && self.scanned < self.buffer.len() {
                let is_trailer = self.scanner.is_in_trailers();
                let Ok((read, piece)) = self.scanner.next(&self.buffer[self.scanned..]) else {
                    return Poll::Ready(Some(Err(BrokenBody)));
                };
                match piece {
                    Piece::Data => return Poll::Ready(Some(Ok(Frame::data(self.take(read))))),
                    Piece::End => {
                        let octets = self.take(self.scanned + read);
                        let lines = memchr_iter(b'\n', &octets).count().saturating_sub(1);
                        return Poll::Ready(match fields(&octets, 0, lines) {
                            Some(trailers) if trailers.is_empty() => None,
                            Some(trailers) => Some(Ok(Frame::trailers(trailers))),
                            None => Some(Err(BrokenBody)),
                        });
                    }
                    Piece::Framing | Piece::Head if is_trailer => {
                        self.scanned += read;
                        if self.scanned > TRAILERS {
                            return Poll::Ready(Some(Err(BrokenBody)));
                        }
                    }
                    Piece::Framing | Piece::Head => self.buffer.advance(read),
                }
                continue;
            }
            match ready!(self.poll_fill(stream, cx)) {
                Ok(1..) => {}
                Ok(0) if self.until_end => self.until_end = false,
                Ok(0) | Err(_) => return Poll::Ready(Some(Err(BrokenBody))),
            }
        }
    }
}

#[cfg(test)]
mod tests;
