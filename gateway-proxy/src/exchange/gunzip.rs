//! Unpacks answers in gzip for clients that do not take it (virtualserver §3, `gunzip`).

use super::answer::Relay;
use crate::error::BrokenBody;
use crate::http1::items;
use bytes::{Buf, Bytes};
use flate2::bufread::MultiGzDecoder;
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, HeaderMap, HeaderValue,
};
use http_body::Frame;
use std::io::{self, BufRead, Read};
use std::task::{Context, Poll, ready};

/// What is unpacked at once, in octets: more than the decoder can hold back (32 KiB) together with
/// what the last octet of its input comes to.
const CHUNK: usize = 64 << 10;

/// Whether an answer comes in gzip, and `request` does not say that its client takes that.
pub(crate) fn is_asked(request: &HeaderMap, answer: &HeaderMap) -> bool {
    let mut codings = items(answer, &CONTENT_ENCODING);
    let is_gzip = codings.next().is_some_and(|coding| coding.eq_ignore_ascii_case(b"gzip"));
    is_gzip && codings.next().is_none() && !takes_gzip(request)
}

/// RFC 9110, section 12.5.3.
fn takes_gzip(request: &HeaderMap) -> bool {
    let mut by_star = false;
    for item in items(request, &ACCEPT_ENCODING) {
        let mut parts = item.split(|octet| *octet == b';').map(<[u8]>::trim_ascii);
        let coding = parts.next().unwrap_or_default();
        let is_zero = |part: &[u8]| {
            let value = part.strip_prefix(b"q=").or_else(|| part.strip_prefix(b"Q="));
            value.is_some_and(|q| q.iter().all(|octet| matches!(octet, b'0' | b'.')))
        };
        let takes = !parts.any(is_zero);
        if coding.eq_ignore_ascii_case(b"gzip") {
            return takes;
        }
        by_star |= coding == b"*" && takes;
    }
    by_star
}

/// Makes the header of an answer one of what was unpacked.
pub(crate) fn edit(headers: &mut HeaderMap) {
    for name in [CONTENT_ENCODING, CONTENT_LENGTH, ACCEPT_RANGES] {
        headers.remove(name);
    }
    // It is the same answer, but not octet by octet (RFC 9110, section 8.8.1).
    if let Some(tag) = headers.get_mut(ETAG)
        && !tag.as_bytes().starts_with(b"W/")
        && let Ok(weak) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat())
    {
        *tag = weak;
    }
}

/// The body of an answer that is unpacked on its way.
pub(super) struct Gunzip {
    packed: Relay,
    decoder: MultiGzDecoder<Input>,
    space: Box<[u8]>,
}

impl Gunzip {
    pub(super) fn new(packed: Relay) -> Self {
        let input = Input { data: Bytes::new(), ended: false };
        let space = vec![0; CHUNK].into_boxed_slice();
        Self { packed, decoder: MultiGzDecoder::new(input), space }
    }

    /// What is left of it as it comes.
    pub(super) fn packed(self) -> Relay {
        self.packed
    }

    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        loop {
            match self.decoder.read(&mut self.space) {
                Ok(0) => return Poll::Ready(None),
                Ok(length) => {
                    let data = Bytes::copy_from_slice(&self.space[..length]);
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The connection is dropped with the rest of it.
                Err(_) => return Poll::Ready(Some(Err(BrokenBody))),
            }
            let input = self.decoder.get_mut();
            match ready!(self.packed.poll(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => input.data = data,
                    // Trailers are about the octets that were sent.
                    Err(_) => input.ended = true,
                },
                Some(Err(broken)) => return Poll::Ready(Some(Err(broken))),
                None => input.ended = true,
            }
        }
    }
}

/// What came and is still to be unpacked.
///
/// The decoder is asked only when there is input, though it may still hold what an earlier one has
/// come to. So the last octet is given on its own: by then all else is out, and what it comes to
/// fits into one chunk.
struct Input {
    data: Bytes,
    ended: bool,
}

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut data = self.fill_buf()?;
        let length = data.read(buf)?;
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.data.is_empty() && !self.ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(match &*self.data {
            [all_but_last @ .., _] if !all_but_last.is_empty() => all_but_last,
            data => data,
        })
    }

    fn consume(&mut self, amount: usize) {
        self.data.advance(amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        let fields = fields.iter();
        fields.map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn gzip_is_unpacked_for_those_who_do_not_take_it() {
        let gzip = "gzip";
        for (accepted, coding, want) in [
            (None, Some(gzip), true),
            (None, None, false),
            (None, Some("br"), false),
            (None, Some("br, gzip"), false),
            (Some("identity"), Some("GZIP"), true),
            (Some("gzip"), Some(gzip), false),
            (Some("br, Gzip ;q=0.5"), Some(gzip), false),
            (Some("gzip;q=0"), Some(gzip), true),
            (Some("gzip; q=0.000, *"), Some(gzip), true),
            (Some("*"), Some(gzip), false),
            (Some("*;q=0"), Some(gzip), true),
            (Some("gzipped"), Some(gzip), true),
        ] {
            let request: Vec<_> =
                accepted.map(|value| (ACCEPT_ENCODING, value)).into_iter().collect();
            let answer: Vec<_> =
                coding.map(|value| (CONTENT_ENCODING, value)).into_iter().collect();
            assert_eq!(is_asked(&map(&request), &map(&answer)), want, "{accepted:?} {coding:?}");
        }
    }

    #[test]
    fn what_is_about_the_packed_octets_is_left_out() {
        let mut headers = map(&[
            (CONTENT_ENCODING, "gzip"),
            (CONTENT_LENGTH, "20"),
            (ACCEPT_RANGES, "bytes"),
            (ETAG, "\"a\""),
        ]);
        edit(&mut headers);
        assert_eq!(headers, map(&[(ETAG, "W/\"a\"")]));
        edit(&mut headers);
        assert_eq!(headers, map(&[(ETAG, "W/\"a\"")]));
    }
}
