//! What reading an answer has to come to: the same rules, written as a parser that has everything at
//! hand. The tests and a fuzz target compare with it.

use super::batch::Batch;
use super::wire::{Wire, finish};
use crate::http1::{Body, Socket, response};
use bytes::BytesMut;
use std::future::poll_fn;

/// Most fields of a head.
const FIELDS: usize = 100;

/// What a backend sent before it closed the connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// No answer.
    Nothing,
    Answer {
        /// How many announced it.
        interim: usize,
        status: u16,
        fields: Vec<(String, Vec<u8>)>,
        body: Vec<u8>,
        /// Whether the body came to its end.
        is_whole: bool,
        /// How much came behind it.
        rest: usize,
        /// Whether there may be another answer.
        persists: bool,
    },
}

/// Reads all of it as the answer to one request.
pub(crate) fn read(octets: &[u8], is_head: bool) -> Sent {
    plain(octets, is_head).unwrap_or(Sent::Nothing)
}

/// The next line, without its end.
fn line<'a>(octets: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = octets.iter().position(|octet| *octet == b'\n')?;
    let (line, rest) = octets.split_at(end);
    *octets = &rest[1..];
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

fn plain(mut octets: &[u8], is_head: bool) -> Option<Sent> {
    let mut interim = 0;
    let (is_1_0, status, fields) = loop {
        let (is_1_0, status, fields) = head(&mut octets)?;
        let values = |name: &str| {
            let found = fields.iter().filter(|(found, _)| found == name);
            found.map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        let (lengths, codings) = (values("content-length"), values("transfer-encoding"));
        let is_number = |value: &Vec<u8>| {
            let is_digits = value.iter().all(u8::is_ascii_digit);
            is_digits && String::from_utf8_lossy(value).parse::<u64>().is_ok()
        };
        let is_clear = lengths.iter().all(|length| is_number(length) && *length == lengths[0]);
        let is_chunked =
            codings.is_empty() || codings.len() == 1 && codings[0].eq_ignore_ascii_case(b"chunked");
        if !is_clear || !is_chunked || !lengths.is_empty() && !codings.is_empty() {
            return None;
        }
        if !(100..200).contains(&status) || status == 101 {
            break (is_1_0, status, fields);
        }
        interim += 1;
    };
    let get = |name: &str| fields.iter().find(|(found, _)| found == name).map(|(_, value)| value);
    let options = fields.iter().filter(|(name, _)| name == "connection");
    let options: Vec<Vec<u8>> = options
        .flat_map(|(_, value)| value.split(|octet| *octet == b','))
        .map(|option| option.trim_ascii().to_ascii_lowercase())
        .collect();
    let has = |option: &str| options.iter().any(|found| found == option.as_bytes());
    let is_coded = get("transfer-encoding").is_some();
    let persists = !has("close") && (!is_1_0 || has("keep-alive") && !is_coded);
    let (body, rest, is_whole) = if is_head || matches!(status, 101 | 204 | 304) {
        (Vec::new(), octets.len(), true)
    } else if is_coded {
        chunks(octets)
    } else if let Some(length) = get("content-length") {
        let length: u64 = String::from_utf8_lossy(length).parse().ok()?;
        let there = usize::try_from(length).map_or(octets.len(), |it| it.min(octets.len()));
        (octets[..there].to_vec(), octets.len() - there, there as u64 == length)
    } else {
        (octets.to_vec(), 0, true)
    };
    // How much there is of a body that breaks off makes no difference.
    let (body, rest) = if is_whole { (body, rest) } else { Default::default() };
    let mut fields = fields;
    fields.sort_by(|one, other| one.0.cmp(&other.0));
    Some(Sent::Answer { interim, status, fields, body, is_whole, rest, persists })
}

type Head = (bool, u16, Vec<(String, Vec<u8>)>);

fn head(octets: &mut &[u8]) -> Option<Head> {
    // One empty line before it does no harm.
    let mut first = line(octets)?;
    if first.is_empty() {
        first = line(octets).filter(|line| !line.is_empty())?;
    }
    let rest = first.strip_prefix(b"HTTP/1.")?;
    let is_1_0 = match rest.first()? {
        b'0' => true,
        b'1' => false,
        _ => return None,
    };
    let rest = rest[1..].strip_prefix(b" ")?;
    let (code, reason) = rest.split_at_checked(3)?;
    let is_text = |octet: &u8| *octet == b'\t' || *octet >= b' ' && *octet != 0x7f;
    let is_reason = reason.is_empty() || reason[0] == b' ' && reason.iter().all(is_text);
    if !is_reason || !code.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let status: u16 = std::str::from_utf8(code).ok()?.parse().ok()?;
    let mut fields = Vec::new();
    loop {
        let line = line(octets)?;
        if line.is_empty() {
            break;
        }
        let colon = line.iter().position(|octet| *octet == b':')?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        let is_token =
            |octet: &u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet);
        if name.is_empty() || !name.iter().all(is_token) || !value.iter().all(is_text) {
            return None;
        }
        let blank = |octet: &u8| matches!(octet, b' ' | b'\t');
        let from = value.iter().position(|octet| !blank(octet)).unwrap_or(value.len());
        let to = value.iter().rposition(|octet| !blank(octet)).map_or(from, |last| last + 1);
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        fields.push((name, value[from..to].to_vec()));
    }
    (status >= 100 && fields.len() <= FIELDS).then_some((is_1_0, status, fields))
}

/// The data of chunks, what is behind them, and whether they come to their end: by the parser for
/// requests, which a request's head leads to.
fn chunks(octets: &[u8]) -> (Vec<u8>, usize, bool) {
    const HEAD: &[u8] = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
    let all = [HEAD, octets].concat();
    match super::reference::first(&all) {
        Some((body, end)) => (body, all.len() - end, true),
        None => (Vec::new(), 0, false),
    }
}

/// Whether what reads answers comes to the same, however the octets are split.
///
/// # Panics
///
/// If it does not.
pub(crate) fn agree(octets: &[u8], is_head: bool, seed: u64) {
    let wanted = read(octets, is_head);
    for most in [usize::MAX, 1, 7] {
        let found = actual(octets, is_head, most, seed);
        assert_eq!(found, wanted, "{:?}", String::from_utf8_lossy(octets));
    }
}

/// The same for what fuzzing comes to: the first octet tells whether the request was HEAD.
pub(crate) fn fuzzed(octets: &[u8]) {
    if let Some((first, octets)) = octets.split_first() {
        agree(octets, *first == b'h', octets.len() as u64);
    }
}

/// The same by what the proxy reads answers with.
fn actual(octets: &[u8], is_head: bool, most: usize, seed: u64) -> Sent {
    let socket = Socket::new(Wire::of(octets, most, seed), BytesMut::new(), Batch::default());
    let fill = || finish(poll_fn(|cx| socket.borrow_mut().poll_fill(cx))).unwrap_or(0);
    let mut interim = 0;
    let start = loop {
        let found = socket.borrow_mut().incoming.find_head();
        match found.map(|head| response(&head)) {
            Some(None) => return Sent::Nothing,
            Some(Some(start)) if start.status.is_informational() && start.status != 101 => {
                interim += 1;
            }
            Some(Some(start)) => break start,
            None if fill() == 0 => return Sent::Nothing,
            None => {}
        }
    };
    socket.borrow_mut().incoming.begin(start.ends(is_head));
    let stream = Body::of(&socket);
    let (mut body, mut is_whole) = (Vec::new(), true);
    while let Some(frame) = finish(poll_fn(|cx| stream.poll_frame(cx))) {
        match frame {
            Ok(frame) => body.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..])),
            Err(_) => {
                is_whole = false;
                break;
            }
        }
    }
    assert_eq!(is_whole, stream.is_over());
    let mut rest = 0;
    if is_whole {
        while fill() > 0 {}
        rest = socket.borrow().incoming.len();
    } else {
        body.clear();
    }
    let mut fields: Vec<_> = (start.headers.iter())
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect();
    // A map keeps the order of fields with one name only.
    fields.sort_by(|one, other| one.0.cmp(&other.0));
    Sent::Answer {
        interim,
        status: start.status.as_u16(),
        fields,
        body,
        is_whole,
        rest,
        persists: start.persists,
    }
}

#[cfg(test)]
mod tests;
