//! Tests of header fields and query parameters (gateway-api §11.3, §11.4).

use super::Reader;
use crate::diagnostic::Diagnostic;
use crate::resource::document::{At, Kind, Value};
use crate::resource::scalar::{self, HEADER_NAME, HEADER_VALUE, QUERY_NAME, QUERY_VALUE, Scalar};

/// A test of a header field or a query parameter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ValueMatch {
    pub(crate) name: Box<str>,
    pub(crate) value: Box<str>,
    /// Whether the value is an expression.
    pub(crate) regex: bool,
    pub(crate) at: At,
}

pub(super) fn read_headers(list: Value<'_>, reader: &mut Reader<'_>) -> Vec<ValueMatch> {
    let headers = read(list, &HEADER_NAME, &HEADER_VALUE, reader);
    for item in list.children() {
        let value = item.children().find(|field| field.key() == Some("value"));
        value.into_iter().for_each(|value| check_strict(value, reader));
    }
    headers
}

pub(super) fn read_query(list: Value<'_>, reader: &mut Reader<'_>) -> Vec<ValueMatch> {
    read(list, &QUERY_NAME, &QUERY_VALUE, reader)
}

fn read(
    list: Value<'_>,
    name_form: &Scalar,
    value_form: &Scalar,
    reader: &mut Reader<'_>,
) -> Vec<ValueMatch> {
    let kinds = [("Exact", false), ("RegularExpression", true)];
    let mut matches = Vec::new();
    let mut names = Vec::new();
    for item in scalar::items(list, 0, 16, reader.problems) {
        let Some(mut fields) = item.mapping(reader.problems) else { continue };
        let kind = match fields.field("type") {
            Some(field) => scalar::one_of(field, &kinds, reader.problems),
            None => Some(false),
        };
        let name = fields.required("name", reader.problems);
        let name = name.and_then(|v| name_form.read(v, reader.problems));
        let value = fields.required("value", reader.problems);
        let value = value.and_then(|v| value_form.read(v, reader.problems));
        fields.finish(reader.problems);
        names.extend(name.map(|name| (item, name)));
        if let (Some(regex), Some(name), Some(value)) = (kind, name, value) {
            let at = item.at();
            matches.push(ValueMatch { name: name.into(), value: value.into(), regex, at });
        }
    }
    scalar::unique(names, reader.problems);
    matches
}

/// The experimental channel takes fewer header values (gateway-api §2).
pub(super) fn check_strict(value: Value<'_>, reader: &mut Reader<'_>) {
    if let Kind::String(text) = value.kind()
        && !text.is_empty()
        && !scalar::is_strict_field_value(text)
    {
        let message = "a header value is made of ASCII words with single blanks between them";
        let problem = Diagnostic::error("invalid-value", &value.origin(), message);
        reader.channels.experimental.push(problem);
    }
}
