//! Heads of messages: read from octets, and written.

use super::incoming::Ends;
use super::outgoing::Framing;
use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{Method, StatusCode, Uri, Version};
use memchr::{memchr, memchr_iter};
use std::mem::MaybeUninit;

/// Most fields of a backend's answer.
const ANSWER_FIELDS: usize = 100;

/// The beginning of an answer.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// How long the body is said to be.
    pub(crate) length: Option<u64>,
    /// Whether it comes in chunks.
    pub(crate) in_chunks: bool,
    /// Whether the connection goes on behind it.
    pub(crate) persists: bool,
}

/// Reads a request's head that the scanner has passed, with at most so many fields.
///
/// # Errors
///
/// The status to refuse it with.
pub(crate) fn request(head: &Bytes, most: usize) -> Result<Parts, StatusCode> {
    const BAD: StatusCode = StatusCode::BAD_REQUEST;
    // One empty line may come before (RFC 9112, section 2.2).
    let begin = if head.starts_with(b"\r\n") { 2 } else { 0 };
    let method_end = begin + memchr(b' ', &head[begin..]).ok_or(BAD)?;
    let target = method_end + 1;
    let target_end = target + memchr(b' ', &head[target..]).ok_or(BAD)?;
    let line_end = target_end + memchr(b'\r', &head[target_end..]).ok_or(BAD)?;
    let version = match &head[target_end + 1..line_end] {
        b"HTTP/1.1" => Version::HTTP_11,
        b"HTTP/1.0" => Version::HTTP_10,
        _ => return Err(BAD),
    };
    // The line itself and the empty one at the end have one each.
    let lines = memchr_iter(b'\n', &head[line_end..]).count().saturating_sub(2);
    if lines > most {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    let (mut parts, ()) = http::Request::new(()).into_parts();
    parts.method = Method::from_bytes(&head[begin..method_end]).map_err(|_| BAD)?;
    parts.uri = Uri::from_maybe_shared(head.slice(target..target_end)).map_err(|_| BAD)?;
    parts.version = version;
    parts.headers = fields(head, line_end + 2, lines).ok_or(BAD)?;
    Ok(parts)
}

/// Reads fields that the scanner has passed, up to the empty line behind them.
pub(super) fn fields(octets: &Bytes, mut at: usize, lines: usize) -> Option<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(lines);
    while octets.get(at).is_some_and(|octet| *octet != b'\r') {
        let colon = at + memchr(b':', octets.get(at..)?)?;
        let end = colon + memchr(b'\r', octets.get(colon..)?)?;
        let name = HeaderName::from_bytes(octets.get(at..colon)?).ok()?;
        let blanks = |octet: &u8| matches!(octet, b' ' | b'\t');
        let value = octets.get(colon + 1..end)?;
        let first = value.iter().position(|octet| !blanks(octet)).unwrap_or(value.len());
        let last = value.iter().rposition(|octet| !blanks(octet)).map_or(first, |last| last + 1);
        let value = octets.slice(colon + 1 + first..colon + 1 + last);
        headers.try_append(name, HeaderValue::from_maybe_shared(value).ok()?).ok()?;
        at = end + 2;
    }
    Some(headers)
}

/// Reads the head of an answer, which is whole; `None` where it is none, or leaves open where its
/// body ends.
pub(crate) fn response(head: &Bytes) -> Option<Start> {
    let mut space = [const { MaybeUninit::uninit() }; ANSWER_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let read = config.parse_response_with_uninit_headers(&mut response, head, &mut space).ok()?;
    if read != httparse::Status::Complete(head.len()) {
        return None;
    }
    let mut headers = HeaderMap::with_capacity(response.headers.len());
    // Looked at in passing: looking them up costs more.
    let (mut lengths, mut length, mut in_chunks, mut has_options) = (0, None, false, false);
    for field in response.headers {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        let value = HeaderValue::from_maybe_shared(head.slice_ref(field.value)).ok()?;
        match name {
            CONTENT_LENGTH => {
                lengths += 1;
                length = number(field.value);
            }
            TRANSFER_ENCODING => in_chunks = true,
            CONNECTION => has_options = true,
            _ => {}
        }
        headers.try_append(name, value).ok()?;
    }
    let is_clear = if lengths == 1 { length.is_some() && !in_chunks } else { lengths == 0 };
    if (!is_clear || in_chunks) && !tells_end(&headers) {
        return None;
    }
    let version = if response.version? == 1 { Version::HTTP_11 } else { Version::HTTP_10 };
    let persists =
        if has_options { persists(version, &headers) } else { version == Version::HTTP_11 };
    // HTTP/1.0 knows no chunks: who sends them may mean something else (RFC 9112, section 6.1).
    let persists = persists && !(in_chunks && version == Version::HTTP_10);
    let status = StatusCode::from_u16(response.code?).ok()?;
    Some(Start { status, headers, length, in_chunks, persists })
}

impl Start {
    /// How the body of the answer ends (RFC 9112, section 6.3).
    pub(crate) fn ends(&self, is_head: bool) -> Ends {
        if has_no_body(is_head, self.status) {
            return Ends::After(0);
        }
        if self.in_chunks {
            return Ends::InChunks;
        }
        self.length.map_or(Ends::WithConnection, Ends::After)
    }
}

/// Whether the fields of an answer say once where its body ends, in a way that is understood.
pub(crate) fn tells_end(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let first = lengths.next();
    let is_clear = first.is_none_or(|value| number(value.as_bytes()).is_some())
        && lengths.all(|other| Some(other) == first);
    let is_coded = has(headers, &TRANSFER_ENCODING);
    is_clear && (!is_coded || first.is_none() && is_chunked(headers))
}

/// Whether `chunked` is the only transfer coding.
pub(crate) fn is_chunked(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    codings.next().is_some_and(|coding| is_chunks(coding.as_bytes())) && codings.next().is_none()
}

pub(crate) fn is_chunks(coding: &[u8]) -> bool {
    coding.eq_ignore_ascii_case(b"chunked")
}

/// Digits as a number.
fn number(digits: &[u8]) -> Option<u64> {
    let mut digits = digits.iter().map(|octet| char::from(*octet).to_digit(10));
    let first = u64::from(digits.next()??);
    digits.try_fold(first, |sum, digit| sum.checked_mul(10)?.checked_add(digit?.into()))
}

/// Writes the line of a request.
pub(crate) fn write_request(out: &mut Vec<u8>, method: &Method, target: &Uri) {
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    match target.path_and_query() {
        Some(path) => out.extend_from_slice(path.as_str().as_bytes()),
        None => out.push(b'/'),
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

/// Writes the line of an answer.
pub(crate) fn write_status(out: &mut Vec<u8>, status: StatusCode) {
    if status == StatusCode::OK {
        return out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    // Old clients cannot do without.
    out.extend_from_slice(status.canonical_reason().unwrap_or("unknown").as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Writes fields.
pub(crate) fn write_fields<'h>(
    out: &mut Vec<u8>,
    fields: impl IntoIterator<Item = (&'h HeaderName, &'h HeaderValue)>,
) {
    for (name, value) in fields {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes the field that tells a body's length.
fn write_length(out: &mut Vec<u8>, length: u64) {
    const MOST_DIGITS: usize = 20;
    let mut digits = [0; MOST_DIGITS];
    let mut at = MOST_DIGITS;
    let mut rest = length;
    loop {
        at -= 1;
        // A remainder of ten is a digit.
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(b"content-length: ");
    out.extend_from_slice(&digits[at..]);
    out.extend_from_slice(b"\r\n");
}

/// Writes the field that tells where a body ends, if one does.
pub(crate) fn write_framing(out: &mut Vec<u8>, framing: Framing) {
    match framing {
        Framing::Length(length) => write_length(out, length),
        Framing::Chunks { .. } => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::None | Framing::UntilEnd => {}
    }
}

/// Whether an answer has no body, though one to GET may have told its length (RFC 9112, section 6.3).
pub(crate) fn has_no_body(is_head: bool, status: StatusCode) -> bool {
    is_head || is_bare(status) || status == StatusCode::NOT_MODIFIED
}

/// Whether an answer has neither a body nor the length of one (RFC 9110, section 8.6).
pub(crate) fn is_bare(status: StatusCode) -> bool {
    status.is_informational() || status == StatusCode::NO_CONTENT
}

/// Whether there is such a field. Most headers are short: to compare a few names costs less than to
/// hash one.
pub(crate) fn has(headers: &HeaderMap, name: &HeaderName) -> bool {
    const FEW: usize = 16;
    match headers.keys_len() {
        0..=FEW => headers.keys().any(|other| other == name),
        _ => headers.contains_key(name),
    }
}

/// Whether a field is about a connection of HTTP/1 (RFC 9110, section 7.6.1; RFC 9113, section 8.2.2).
pub(crate) fn is_of_connection(name: &HeaderName) -> bool {
    match *name {
        CONNECTION | TE | TRANSFER_ENCODING | UPGRADE => true,
        _ => matches!(name.as_str(), "keep-alive" | "proxy-connection"),
    }
}

/// Whether a field's list holds `item`.
pub(crate) fn lists(headers: &HeaderMap, name: &HeaderName, item: &str) -> bool {
    items(headers, name).any(|found| found.eq_ignore_ascii_case(item.as_bytes()))
}

/// The items of a field's list.
pub(crate) fn items<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'h [u8]> {
    // Most often there is none.
    let values = has(headers, name).then(|| headers.get_all(name).into_iter());
    let values = values.into_iter().flatten();
    values.flat_map(|value| value.as_bytes().split(|b| *b == b',')).map(<[u8]>::trim_ascii)
}

/// Whether a connection may go on behind a message with these fields (RFC 9112, section 9.3).
pub(crate) fn persists(version: Version, headers: &HeaderMap) -> bool {
    let has = |option| lists(headers, &CONNECTION, option);
    !has("close") && (version != Version::HTTP_10 || has("keep-alive"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(headers: &HeaderMap) -> Vec<String> {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers.iter().map(|(name, value)| format!("{name}={}", text(value))).collect()
    }

    #[test]
    fn heads_of_requests_are_read() {
        let head = "\r\nGET /a?b=c HTTP/1.1\r\nHost: a\r\nX-A:\t b c \t\r\nx-a:\r\nY:  \r\n\r\n";
        let parts = request(&Bytes::from(head), 4).unwrap();
        assert_eq!((parts.method.as_str(), parts.version), ("GET", Version::HTTP_11));
        assert_eq!(parts.uri, "/a?b=c");
        assert_eq!(lines(&parts.headers), ["host=a", "x-a=b c", "x-a=", "y="]);
        assert_eq!(request(&Bytes::from(head), 3).unwrap_err(), 431);
        for head in ["GET /\u{0}a HTTP/1.1\r\n\r\n", "GET http:// HTTP/1.1\r\n\r\n"] {
            assert_eq!(request(&Bytes::from(head), 3).unwrap_err(), 400, "{head:?}");
        }
        let head = Bytes::from("POST * HTTP/1.0\r\n\r\n");
        assert_eq!(request(&head, 0).unwrap().version, Version::HTTP_10);
    }

    #[test]
    fn heads_of_answers_are_read() {
        let start = response(&Bytes::from("HTTP/1.0 404 Nothing here\r\nA: b\r\n\r\n")).unwrap();
        assert_eq!((start.status.as_u16(), start.persists), (404, false));
        assert_eq!(lines(&start.headers), ["a=b"]);
        assert!(response(&Bytes::from("HTTP/1.1 200\r\n\r\n")).is_some());
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(ANSWER_FIELDS + 1));
        for head in
            ["HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "SSH-2.0-x\r\n\r\n", &many]
        {
            assert!(response(&Bytes::from(head.to_owned())).is_none(), "{head:?}");
        }
    }

    #[test]
    fn answers_tell_where_their_body_ends() {
        for (fields, want) in [
            ("", Some((None, false))),
            ("content-length: 5\r\n", Some((Some(5), false))),
            ("Content-Length: 005\r\ncontent-length: 005\r\n", Some((Some(5), false))),
            ("content-length: 5\r\ncontent-length: 6\r\n", None),
            ("content-length: +5\r\n", None),
            ("content-length: -5\r\n", None),
            ("content-length: 5, 5\r\n", None),
            ("content-length: \r\n", None),
            ("content-length: 18446744073709551616\r\n", None),
            ("transfer-encoding: Chunked\r\n", Some((None, true))),
            ("transfer-encoding: gzip\r\n", None),
            ("transfer-encoding: gzip, chunked\r\n", None),
            ("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", None),
            ("transfer-encoding: chunked\r\ncontent-length: 5\r\n", None),
        ] {
            let start = response(&Bytes::from(format!("HTTP/1.1 200 OK\r\n{fields}\r\n")));
            assert_eq!(start.map(|it| (it.length, it.in_chunks)), want, "{fields}");
        }
    }

    #[test]
    fn lengths_are_written() {
        for length in [0, 9, 10, 1234567890, u64::MAX] {
            let mut out = Vec::new();
            write_length(&mut out, length);
            assert_eq!(String::from_utf8(out).unwrap(), format!("content-length: {length}\r\n"));
        }
    }

    #[test]
    fn connections_go_on_unless_somebody_says_otherwise() {
        for (version, option, want) in [
            (Version::HTTP_11, None, true),
            (Version::HTTP_11, Some("Close"), false),
            (Version::HTTP_11, Some("x, close"), false),
            (Version::HTTP_11, Some("closed"), true),
            (Version::HTTP_10, None, false),
            (Version::HTTP_10, Some("Keep-Alive"), true),
            (Version::HTTP_10, Some("keep-alive, close"), false),
        ] {
            let option = option.map(|option| (CONNECTION, HeaderValue::from_static(option)));
            let headers = HeaderMap::from_iter(option);
            assert_eq!(persists(version, &headers), want, "{version:?} {headers:?}");
        }
    }

    #[test]
    fn lists_are_read_item_by_item() {
        for (value, want) in
            [("trailers", true), ("gzip, Trailers", true), ("trailersx", false), ("", false)]
        {
            let headers = HeaderMap::from_iter([(TE, HeaderValue::from_static(value))]);
            assert_eq!(lists(&headers, &TE, "trailers"), want, "{value}");
        }
    }
}
