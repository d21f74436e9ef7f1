//! Changes to Envoy's headers.

use crate::abi::{Side, Stream};
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Fields that are Envoy's business: what frames a message and what is about the connection. Rules
/// cannot name them; what would drop all fields spares them.
const FRAMING: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Makes Envoy's header, which was `before`, the same as `after`.
pub(crate) fn change(stream: &mut Stream<'_>, side: Side, before: &HeaderMap, after: &HeaderMap) {
    for name in before.keys().filter(|name| !FRAMING.contains(name)) {
        if !after.contains_key(name) {
            stream.set_header(side, name.as_ref(), None);
        }
    }
    for name in after.keys().filter(|name| !FRAMING.contains(name)) {
        let values = after.get_all(name);
        if before.get_all(name) == values {
            continue;
        }
        for (at, value) in values.iter().map(HeaderValue::as_bytes).enumerate() {
            match at {
                0 => stream.set_header(side, name.as_ref(), Some(value)),
                _ => stream.add_header(side, name.as_ref(), value),
            }
        }
    }
}

/// The status and the fields of an answer; `None` where Envoy has taken something that is none.
pub(crate) fn of_answer(stream: &Stream<'_>) -> Option<(http::StatusCode, HeaderMap)> {
    let mut status = None;
    let mut fields = HeaderMap::new();
    let mut is_legal = true;
    stream.each_header(Side::Response, |name, value| {
        if name == b":status" {
            status = http::StatusCode::from_bytes(value).ok();
        } else if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            is_legal &= fields.try_append(name, value).is_ok();
        } else {
            is_legal = false;
        }
    });
    status.filter(|_| is_legal).map(|status| (status, fields))
}
