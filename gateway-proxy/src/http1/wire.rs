//! A stream for tests: it gives and takes any number of octets at a time, and pauses in between.

use std::cell::Cell;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(crate) struct Wire {
    /// What is still to come; then it ends, or there is never more.
    input: Vec<u8>,
    ends: bool,
    /// What was written.
    pub(crate) output: Vec<u8>,
    /// How much of that was flushed.
    pub(crate) flushed: usize,
    /// Most octets at a time.
    most: usize,
    /// The state of its dice.
    state: Cell<u64>,
}

impl Wire {
    /// One on which `input` comes, and then the end.
    pub(crate) fn of(input: &[u8], most: usize, seed: u64) -> Self {
        let (input, state) = (input.to_vec(), Cell::new(seed | 1));
        Self { input, ends: true, output: Vec::new(), flushed: 0, most, state }
    }

    /// One on which nothing comes behind `input`, not even the end.
    pub(crate) fn open(input: &[u8], most: usize) -> Self {
        Self { ends: false, ..Self::of(input, most, 1) }
    }

    /// More comes.
    pub(crate) fn come(&mut self, more: &[u8]) {
        self.input.extend_from_slice(more);
    }

    /// How many octets pass now; `None` for a pause.
    fn some(&self, cx: &mut Context<'_>, available: usize) -> Option<usize> {
        if self.below(3) == 0 {
            cx.waker().wake_by_ref();
            return None;
        }
        Some(available.min(1 + self.below(self.most)))
    }

    fn below(&self, n: usize) -> usize {
        let mut state = self.state.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.state.set(state);
        (state >> 16) as usize % n
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.input.is_empty() && !self.ends {
            return Poll::Pending;
        }
        let available = self.input.len().min(buf.remaining());
        let Some(some) = self.some(cx, available) else { return Poll::Pending };
        buf.put_slice(&self.input[..some]);
        self.input.drain(..some);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(octets)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let available = parts.iter().map(|part| part.len()).sum();
        let Some(some) = self.some(cx, available) else { return Poll::Pending };
        let mut left = some;
        for part in parts {
            let taken = left.min(part.len());
            self.output.extend_from_slice(&part[..taken]);
            left -= taken;
        }
        Poll::Ready(Ok(some))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.some(cx, 1).is_none() {
            return Poll::Pending;
        }
        self.flushed = self.output.len();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Polls until it is ready.
///
/// # Panics
///
/// If it never is.
pub(crate) fn finish<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..1_000_000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
    panic!("nothing goes on");
}
