//! How clients are sent to the same endpoint again (gateway-api §17).

use super::Reader;
use crate::resource::document::{At, Value};
use crate::resource::scalar::{self, COOKIE_NAME, COOKIE_PATH, HEADER_NAME};
use crate::rules::FRAMING;
use http::HeaderName;
use std::time::Duration;

/// `sessionPersistence` of a rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SessionPersistence {
    /// How long a session lasts from its first request; always there for a permanent cookie.
    pub(crate) absolute_timeout: Option<Duration>,
    pub(crate) name: SessionName,
    pub(crate) at: At,
}

/// By what a client shows its session.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SessionName {
    Cookie {
        /// `None`: one is made up.
        name: Option<Box<str>>,
        path: Box<str>,
        /// Whether the browser keeps the cookie until the timeout, and not only until it is closed.
        permanent: bool,
    },
    Header {
        name: HeaderName,
    },
}

pub(super) fn read(value: Value<'_>, reader: &mut Reader<'_>) -> Option<SessionPersistence> {
    let kinds = [("Cookie", true), ("Header", false)];
    let mut fields = value.mapping(reader.problems)?;
    let by_cookie = match fields.field("type") {
        Some(field) => scalar::one_of(field, &kinds, reader.problems),
        None => Some(true),
    };
    let timeout = fields.field("absoluteTimeout");
    let absolute_timeout = timeout.and_then(|v| scalar::duration(v, reader.problems));
    let cookie_block = fields.field("cookie");
    let header_block = fields.field("header");
    let cookie = cookie_block.and_then(|v| read_cookie(v, reader));
    let header = header_block.and_then(|v| read_header(v, reader));
    fields.finish(reader.problems);
    if timeout.is_none() && matches!(cookie, Some(SessionName::Cookie { permanent: true, .. })) {
        let message = "a `Permanent` cookie needs an `absoluteTimeout`";
        reader.error("missing-field", value, message);
    }
    let by_cookie = by_cookie?;
    let (kind, wanted, other) = match by_cookie {
        true => ("Cookie", (cookie_block, "cookie"), (header_block, "header")),
        false => ("Header", (header_block, "header"), (cookie_block, "cookie")),
    };
    if wanted.0.is_none() {
        let message = format!("`sessionPersistence` of type `{kind}` needs `{}`", wanted.1);
        reader.error("conflicting-fields", value, message);
    }
    if other.0.is_some() {
        let message = format!("`sessionPersistence` of type `{kind}` cannot have `{}`", other.1);
        reader.error("conflicting-fields", value, message);
    }
    let name = if by_cookie { cookie } else { header };
    Some(SessionPersistence { absolute_timeout, name: name?, at: value.at() })
}

fn read_cookie(value: Value<'_>, reader: &mut Reader<'_>) -> Option<SessionName> {
    let lifetimes = [("Session", false), ("Permanent", true)];
    let mut fields = value.mapping(reader.problems)?;
    let name = fields.field("name").and_then(|v| COOKIE_NAME.read(v, reader.problems));
    let path = fields.field("path").and_then(|v| COOKIE_PATH.read(v, reader.problems));
    let permanent = fields.field("lifetimeType");
    let permanent = permanent.and_then(|v| scalar::one_of(v, &lifetimes, reader.problems));
    fields.finish(reader.problems);
    Some(SessionName::Cookie {
        name: name.map(Into::into),
        path: path.unwrap_or("/").into(),
        permanent: permanent.unwrap_or_default(),
    })
}

fn read_header(value: Value<'_>, reader: &mut Reader<'_>) -> Option<SessionName> {
    let mut fields = value.mapping(reader.problems)?;
    let field = fields.required("name", reader.problems);
    fields.finish(reader.problems);
    let text = HEADER_NAME.read(field?, reader.problems)?;
    let name = HeaderName::from_bytes(text.as_bytes()).ok()?;
    if FRAMING.contains(&name) {
        let message = format!("`{text}` belongs to the connection and cannot carry a session");
        reader.error("invalid-value", field?, message);
        return None;
    }
    Some(SessionName::Header { name })
}
