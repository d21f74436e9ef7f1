//! Copies of a request's body, made while it goes to where it was meant to go.

use crate::error::BrokenBody;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// What a copy may lag behind, in octets. Beyond that it is given up: nobody waits for a copy.
const MOST: usize = 1 << 20;

/// Where the frames of a body go besides.
#[derive(Default)]
pub(super) struct Copies(Vec<Rc<RefCell<Shared>>>);

/// A copy of a body.
pub(super) struct BodyCopy(Rc<RefCell<Shared>>);

struct Shared {
    frames: VecDeque<Bytes>,
    octets: usize,
    trailers: Option<HeaderMap>,
    state: State,
    hint: SizeHint,
    waker: Option<Waker>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// There is more to come.
    Open,
    /// What is there is all there is.
    Ended,
    /// The body broke off, or the copy lags too far behind.
    Broken,
}

impl Copies {
    /// Another copy of a body of which nothing was read yet.
    pub(super) fn add(&mut self, hint: SizeHint) -> BodyCopy {
        let shared = Rc::new(RefCell::new(Shared {
            frames: VecDeque::new(),
            octets: 0,
            trailers: None,
            state: State::Open,
            hint,
            waker: None,
        }));
        self.0.push(Rc::clone(&shared));
        BodyCopy(shared)
    }

    /// Copies what was read.
    pub(super) fn push(&mut self, frame: Option<&Result<Frame<Bytes>, BrokenBody>>) {
        for shared in &self.0 {
            shared.borrow_mut().push(frame);
        }
        // Of copies that nobody reads any more nothing is kept.
        self.0.retain(|shared| Rc::strong_count(shared) > 1 && shared.borrow().is_open());
    }

    /// There is nothing after what was read.
    pub(super) fn end(&mut self) {
        self.push(None);
    }
}

/// A body that is not read to its end is no whole one.
impl Drop for Copies {
    fn drop(&mut self) {
        self.push(Some(&Err(BrokenBody)));
    }
}

impl Shared {
    fn is_open(&self) -> bool {
        self.state == State::Open
    }

    fn push(&mut self, frame: Option<&Result<Frame<Bytes>, BrokenBody>>) {
        match frame {
            None => self.state = State::Ended,
            Some(Err(_)) => self.give_up(),
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.trailers = Some(trailers.clone());
                    self.state = State::Ended;
                } else if let Some(data) = frame.data_ref() {
                    self.octets += data.len();
                    self.frames.push_back(data.clone());
                    if self.octets > MOST {
                        self.give_up();
                    }
                }
            }
        }
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn give_up(&mut self) {
        self.state = State::Broken;
        self.frames.clear();
    }
}

impl BodyCopy {
    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        let mut shared = self.0.borrow_mut();
        if let Some(data) = shared.frames.pop_front() {
            shared.octets -= data.len();
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match shared.state {
            State::Broken => Poll::Ready(Some(Err(BrokenBody))),
            State::Ended => Poll::Ready(shared.trailers.take().map(Frame::trailers).map(Ok)),
            State::Open => {
                shared.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    pub(super) fn is_end_stream(&self) -> bool {
        let shared = self.0.borrow();
        shared.state == State::Ended && shared.frames.is_empty() && shared.trailers.is_none()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.0.borrow().hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(copy: &mut BodyCopy) -> Poll<Option<Result<String, BrokenBody>>> {
        let mut cx = Context::from_waker(Waker::noop());
        copy.poll_frame(&mut cx).map_ok(|frame| match frame.into_data() {
            Ok(data) => String::from_utf8(data.to_vec()).unwrap(),
            Err(frame) => format!("{:?}", frame.into_trailers().unwrap()),
        })
    }

    fn data(text: &str) -> Result<Frame<Bytes>, BrokenBody> {
        Ok(Frame::data(Bytes::copy_from_slice(text.as_bytes())))
    }

    #[test]
    fn each_copy_has_what_was_read() {
        let mut copies = Copies::default();
        let (mut one, mut two) = (copies.add(SizeHint::new()), copies.add(SizeHint::new()));
        assert!(next(&mut one).is_pending());
        copies.push(Some(&data("a")));
        assert_eq!(next(&mut one), Poll::Ready(Some(Ok("a".into()))));
        copies.push(Some(&data("b")));
        let trailers = HeaderMap::from_iter([(http::header::ETAG, "c".parse().unwrap())]);
        copies.push(Some(&Ok(Frame::trailers(trailers))));
        drop(copies);
        for (copy, want) in [(&mut one, &["b"][..]), (&mut two, &["a", "b"])] {
            for text in want {
                assert_eq!(next(copy), Poll::Ready(Some(Ok((*text).into()))));
            }
            assert!(!copy.is_end_stream());
            assert_eq!(next(copy), Poll::Ready(Some(Ok("{\"etag\": \"c\"}".into()))));
            assert!(copy.is_end_stream());
            assert_eq!(next(copy), Poll::Ready(None));
        }
    }

    #[test]
    fn a_body_that_breaks_off_has_no_whole_copy() {
        let mut copies = Copies::default();
        let mut copy = copies.add(SizeHint::new());
        copies.push(Some(&data("a")));
        drop(copies);
        assert_eq!(next(&mut copy), Poll::Ready(Some(Err(BrokenBody))));
    }

    #[test]
    fn a_copy_that_lags_behind_is_given_up() {
        let mut copies = Copies::default();
        let (mut slow, mut quick) = (copies.add(SizeHint::new()), copies.add(SizeHint::new()));
        let chunk = "x".repeat(1 << 16);
        for _ in 0..=MOST / chunk.len() {
            copies.push(Some(&data(&chunk)));
            assert_eq!(next(&mut quick), Poll::Ready(Some(Ok(chunk.clone()))));
        }
        copies.end();
        assert_eq!(next(&mut quick), Poll::Ready(None));
        assert_eq!(next(&mut slow), Poll::Ready(Some(Err(BrokenBody))));
    }
}
