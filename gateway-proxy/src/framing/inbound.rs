//! Keeps what is not HTTP/1 to the letter from the parser, which would mend it.

use super::scan::{Part, Scanner};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// What the parser gets in place of a head from where it is wrong: no beginning of a head goes on
/// like this, and the end makes the parser look at it at once.
const POISON: &[u8] = b"\0\r\n\r\n";

/// What is known of a connection about messages that a client has sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wire(Arc<Messages>);

#[derive(Debug, Default)]
struct Messages {
    begun: AtomicU64,
    taken_over: AtomicBool,
}

impl Wire {
    /// Lets the connection go on in another protocol, of which the request is the last of so many.
    /// It is not to be where the client has sent more already: that was a request for all that
    /// anybody on the way could know.
    pub(crate) fn take_over(&self, requests: u64) -> bool {
        let is_last = self.0.begun.load(Ordering::Relaxed) <= requests;
        self.0.taken_over.store(is_last, Ordering::Relaxed);
        is_last
    }
}

/// What comes from a client.
pub(crate) struct Inbound {
    scanner: Scanner,
    wire: Wire,
    refused: Option<Refused>,
}

/// What the parser gets once something was wrong.
#[derive(Debug, Clone, Copy)]
enum Refused {
    /// [`POISON`], of which so much was read: the head is answered 400.
    Head(usize),
    /// An error: the body is broken.
    Body,
}

impl Inbound {
    pub(crate) fn new(wire: Wire) -> Self {
        Self { scanner: Scanner::new(), wire, refused: None }
    }

    /// Whether something came that nobody was shown.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// Reads what may be passed on. The octets stay where the parser wants them.
    pub(crate) fn poll_read(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.refused.is_some() {
            return Poll::Ready(self.read_refused(buf));
        }
        let before = buf.filled().len();
        ready!(Pin::new(stream).poll_read(cx, buf))?;
        if self.wire.0.taken_over.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        let scanned = self.scanner.scan(&buf.filled()[before..]);
        self.wire.0.begun.store(self.scanner.begun(), Ordering::Relaxed);
        let Err(violation) = scanned else { return Poll::Ready(Ok(())) };
        buf.set_filled(before + violation.at);
        self.refused = Some(match violation.part {
            Part::Head => Refused::Head(0),
            Part::Body | Part::Unknown => Refused::Body,
        });
        let is_broken_later = violation.part != Part::Head && violation.at > 0;
        Poll::Ready(if is_broken_later { Ok(()) } else { self.read_refused(buf) })
    }

    fn read_refused(&mut self, buf: &mut ReadBuf<'_>) -> io::Result<()> {
        match &mut self.refused {
            Some(Refused::Head(read)) => {
                let rest = &POISON[*read..];
                let now = rest.len().min(buf.remaining());
                buf.put_slice(&rest[..now]);
                *read += now;
                Ok(())
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

#[cfg(test)]
mod tests;
