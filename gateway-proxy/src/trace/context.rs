//! The field `traceparent`: of which trace a request is a part.

use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt;

pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub(crate) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// A place in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    /// Whether those who were there before have told of it, and others should.
    pub(crate) sampled: bool,
}

/// The number of a trace; never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceId(pub(super) u128);

/// The number of a span; never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpanId(pub(super) u64);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Context {
    /// What a client says. Nothing where it says it twice, or not as it has to: such a field is
    /// no business of anybody's (section 3.2).
    pub(crate) fn read(fields: &HeaderMap) -> Option<Self> {
        let mut values = fields.get_all(TRACEPARENT).into_iter();
        let value = values.next()?;
        if values.next().is_some() {
            return None;
        }
        Self::parse(value.as_bytes())
    }

    /// `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`
    fn parse(value: &[u8]) -> Option<Self> {
        const LENGTH: usize = 55;
        let (known, more) = value.split_at_checked(LENGTH)?;
        let text = std::str::from_utf8(known).ok()?;
        let mut fields = text.split('-');
        let mut number = |digits: usize| {
            let field = fields.next().filter(|field| field.len() == digits)?;
            let is_hex = field.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            if is_hex { u128::from_str_radix(field, 16).ok() } else { None }
        };
        let (version, trace_id, span_id, flags) =
            (number(2)?, number(32)?, number(16)?, number(2)?);
        // What later versions add is behind another dash.
        let ends = more.is_empty() || (version > 0 && more[0] == b'-');
        let is_valid = version != 0xff && trace_id != 0 && span_id != 0 && ends;
        is_valid.then_some(Self {
            trace_id: TraceId(trace_id),
            span_id: SpanId(span_id as u64),
            sampled: flags & 1 == 1,
        })
    }
}

impl fmt::Display for Context {
    /// The field's value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

impl From<Context> for HeaderValue {
    fn from(context: Context) -> Self {
        Self::try_from(context.to_string()).expect("digits and dashes are a legal field value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_field_is_read_as_the_standard_says() {
        // W3C Trace Context, section 3.2.2
        let span = "00f067aa0ba902b7";
        for (value, want) in [
            (format!("00-{TRACE}-{span}-01"), Some(true)),
            (format!("00-{TRACE}-{span}-00"), Some(false)),
            (format!("00-{TRACE}-{span}-03"), Some(true)),
            (format!("cc-{TRACE}-{span}-01-what-the-future-brings"), Some(true)),
            (format!("cc-{TRACE}-{span}-01.what"), None),
            (format!("00-{TRACE}-{span}-01-more"), None),
            (format!("ff-{TRACE}-{span}-01"), None),
            (format!("00-{}-{span}-01", TRACE.to_uppercase()), None),
            (format!("00-{}-{span}-01", "0".repeat(32)), None),
            (format!("00-{TRACE}-{}-01", "0".repeat(16)), None),
            (format!("00-{TRACE}-{span}-0x"), None),
            (format!("00-+{}-{span}-01", &TRACE[1..]), None),
            (format!("00-{TRACE}{span}--01-"), None),
            (format!("00-{TRACE}-{span}"), None),
            (String::new(), None),
        ] {
            let read = Context::parse(value.as_bytes());
            assert_eq!(read.map(|context| context.sampled), want, "{value}");
            if let Some(context) = read {
                assert_eq!(context.trace_id.to_string(), TRACE);
                assert_eq!(context.span_id.to_string(), span);
            }
        }
    }

    #[test]
    fn two_fields_are_none() {
        let value =
            HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let mut fields = HeaderMap::new();
        fields.append(TRACEPARENT, value.clone());
        assert_eq!(Context::read(&fields).unwrap().to_string().as_bytes(), value.as_bytes());
        fields.append(TRACEPARENT, value);
        assert_eq!(Context::read(&fields), None);
    }
}
