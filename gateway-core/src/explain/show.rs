//! Values as text, for people: cut off, without control characters, secrets hidden.

use super::{Failure, HeaderChange, HeaderOperation, PageSummary};
use crate::decision::template;
use crate::request::Request;
use crate::request::field::{Value, View};
use crate::request::path::unescape;
use crate::rules::{
    Condition, ErrorPage, Field, HeaderEdit, HeaderOps, Page, ResponseHeaderOps, Template,
    TemplatePart, Test,
};
use http::HeaderName;

/// The longest value shown, in characters.
const MAX_SHOWN: usize = 200;

/// Octets as text, as long as they are.
pub(super) fn whole(octets: &[u8]) -> String {
    let text = without_secrets(&String::from_utf8_lossy(octets));
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// Octets as text, cut off.
fn short(octets: &[u8]) -> String {
    cut(whole(octets), octets.len())
}

/// `text` cut off, with the length of the octets that it shows.
fn cut(mut text: String, octets: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_SHOWN) {
        text.truncate(end);
        text.push_str(&format!("… ({octets} octets)"));
    }
    text
}

/// Text, cut off.
pub(super) fn text(text: &str) -> String {
    short(text.as_bytes())
}

/// The value of a field of that name, or its length where it is nobody's business.
fn value_of(name: &str, value: &[u8]) -> String {
    if is_secret(name) { hidden(value.len()) } else { short(value) }
}

pub(super) fn hidden(length: usize) -> String {
    format!("(hidden, {length} octets)")
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(&*name, "cookie" | "set-cookie")
        || ["auth", "key", "password", "secret", "token"].iter().any(|part| name.contains(part))
}

/// `text` with the values of secret query arguments hidden. It may be a query, hold one (as a
/// request line does), or be something else.
fn without_secrets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(['&', ' ']) {
        let end = piece.len() - usize::from(piece.ends_with(['&', ' ']));
        let (mut argument, end) = piece.split_at(end);
        if !is_secret_argument(argument)
            && let Some((path, query)) = argument.split_once('?')
        {
            out.extend([path, "?"]);
            argument = query;
        }
        match argument.split_once('=') {
            Some((name, value)) if is_secret_argument(argument) => {
                out.extend([name, "=", &hidden(value.len())]);
            }
            _ => out.push_str(argument),
        }
        out.push_str(end);
    }
    out
}

fn is_secret_argument(argument: &str) -> bool {
    let name = argument.split_once('=').map(|(name, _)| name);
    // What stands before a query is no name.
    name.is_some_and(|name| !name.contains('?') && is_secret(&decoded(name)))
}

/// A name with its escapes decoded: backends decode it too.
fn decoded(name: &str) -> String {
    let mut octets = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let [byte, after @ ..] = rest {
        let escaped = unescape(rest);
        octets.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() { &rest[3..] } else { after };
    }
    String::from_utf8_lossy(&octets).into_owned()
}

/// The value that `template` takes, or its length where a secret is part of it.
pub(super) fn rendered(template: &Template, value: &[u8]) -> String {
    let secret = |part: &TemplatePart| match part {
        TemplatePart::Field(field) => is_secret(name_of(field)),
        TemplatePart::Text(_) => false,
    };
    if template.parts().iter().any(secret) { hidden(value.len()) } else { whole(value) }
}

/// The same, cut off.
pub(super) fn short_rendered(template: &Template, value: &[u8]) -> String {
    cut(rendered(template, value), value.len())
}

/// The name that says whether a field is secret.
fn name_of(field: &Field) -> &str {
    match field {
        Field::Header(name) | Field::Attribute(name) => name,
        Field::Cookie { name, .. } | Field::Argument { name, .. } => name,
        _ => "",
    }
}

/// What a condition wants of its field.
fn wanted(condition: &Condition) -> String {
    match &condition.test {
        Test::Equals { value, .. } if is_secret(name_of(&condition.field)) => {
            let not = if condition.negated { "not " } else { "" };
            format!("{not}{}", hidden(value.len()))
        }
        Test::Equals { value, .. } if without_secrets(value) != **value => {
            let not = if condition.negated { "not " } else { "" };
            format!("{not}`{}`", without_secrets(value))
        }
        _ => condition.to_string(),
    }
}

/// A condition with its field.
pub(super) fn condition(condition: &Condition) -> String {
    format!("{}: {}", condition.field, wanted(condition))
}

/// A condition that failed.
pub(super) fn failure<R: Request>(condition: &Condition, view: &View<'_, R>) -> Failure {
    Failure {
        field: condition.field.to_string(),
        wanted: wanted(condition),
        actual: match view.read(&condition.field) {
            Value::Absent => None,
            value => {
                let mut octets = Vec::new();
                value.append_to(&mut octets);
                Some(value_of(name_of(&condition.field), &octets))
            }
        },
    }
}

/// The changes to a request's header, in order.
pub(super) fn request_changes<R: Request>(
    ops: &HeaderOps,
    view: &View<'_, R>,
) -> Vec<HeaderChange> {
    let mut changes = Vec::new();
    if ops.drop_all {
        let (name, value) = (String::new(), String::new());
        changes.push(HeaderChange { operation: HeaderOperation::DropAll, name, value });
    }
    changes.extend(ops.remove.iter().map(removal));
    changes.extend(ops.set.iter().map(|edit| change(HeaderOperation::Set, edit, view)));
    changes.extend(ops.add.iter().map(|edit| change(HeaderOperation::Add, edit, view)));
    changes
}

/// The changes to an answer's header, in order.
pub(super) fn response_changes<R: Request>(
    ops: &ResponseHeaderOps,
    view: &View<'_, R>,
) -> Vec<HeaderChange> {
    let adds = ops.add.iter().map(|add| {
        let always = HeaderOperation::AddAlways;
        change(if add.always { always } else { HeaderOperation::Add }, &add.edit, view)
    });
    let sets = ops.set.iter().map(|edit| change(HeaderOperation::Set, edit, view));
    ops.remove.iter().map(removal).chain(sets).chain(adds).collect()
}

/// A page that takes the place of an answer.
pub(super) fn error_page<R: Request>(page: &ErrorPage, view: &View<'_, R>) -> PageSummary {
    let answer = match &page.page {
        Page::Redirect { status, url } => {
            let value = template::header_value(url, view);
            format!("{} to {}", status.as_u16(), short_rendered(url, value.as_bytes()))
        }
        Page::Respond { status, content_type, .. } => {
            let status = status.map_or("the same status".into(), |s| s.as_u16().to_string());
            format!("{status}, {content_type}")
        }
    };
    let statuses = page.statuses.iter().map(|status| status.as_u16()).collect();
    PageSummary { statuses, answer, origin: page.origin.clone() }
}

fn removal(name: &HeaderName) -> HeaderChange {
    let operation = HeaderOperation::Remove;
    HeaderChange { operation, name: name.to_string(), value: String::new() }
}

fn change<R: Request>(
    operation: HeaderOperation,
    edit: &HeaderEdit,
    view: &View<'_, R>,
) -> HeaderChange {
    let value = template::header_value(&edit.value, view);
    let name = edit.name.to_string();
    let value = value.as_bytes();
    let value =
        if is_secret(&name) { hidden(value.len()) } else { short_rendered(&edit.value, value) };
    HeaderChange { operation, value, name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_long_values_cut_off() {
        for (name, value, want) in [
            ("x-env", "prod", "prod"),
            ("Authorization", "Bearer abc", "(hidden, 10 octets)"),
            ("proxy-authorization", "x", "(hidden, 1 octets)"),
            ("cookie", "a=b", "(hidden, 3 octets)"),
            ("x-api-key", "abc", "(hidden, 3 octets)"),
            ("X-CSRF-Token", "abc", "(hidden, 3 octets)"),
            ("client_secret", "", "(hidden, 0 octets)"),
            ("Set-Cookie", "a=b", "(hidden, 3 octets)"),
            ("password", "abc", "(hidden, 3 octets)"),
            ("x-auth-user", "abc", "(hidden, 3 octets)"),
            ("x", "a\r\n\u{1b}[31m", "a\\r\\n\\u{1b}[31m"),
        ] {
            assert_eq!(value_of(name, value.as_bytes()), want, "{name}: {value}");
        }
        assert_eq!(value_of("x", &[b'a'; 200]), "a".repeat(200));
        assert_eq!(value_of("x", &[b'a'; 201]), format!("{}… (201 octets)", "a".repeat(200)));
        let secret = Condition::equals(Field::Header("x-token".into()), "abc");
        assert_eq!(condition(&secret), "header `x-token`: (hidden, 3 octets)");
        assert_eq!(condition(&secret.negate()), "header `x-token`: not (hidden, 3 octets)");
    }
    #[test]
    fn secret_query_arguments_are_hidden_wherever_a_query_is_shown() {
        for (text, want) in [
            ("/a?x=1&y=2", "/a?x=1&y=2"),
            ("/a?token=abc", "/a?token=(hidden, 3 octets)"),
            ("/a?x=1&api_key=abc&y=2", "/a?x=1&api_key=(hidden, 3 octets)&y=2"),
            ("token=abc", "token=(hidden, 3 octets)"),
            ("token=abc?def=/g", "token=(hidden, 10 octets)"),
            ("/a=b?PassWord=abc?d", "/a=b?PassWord=(hidden, 5 octets)"),
            ("/a?%74oken=abc", "/a?%74oken=(hidden, 3 octets)"),
            ("GET /a?auth=abc HTTP/1.1", "GET /a?auth=(hidden, 3 octets) HTTP/1.1"),
            ("https://a.example/?secret=a%20b#c", "https://a.example/?secret=(hidden, 7 octets)"),
            ("/token/a?x", "/token/a?x"),
            ("/a?token&key=", "/a?token&key=(hidden, 0 octets)"),
        ] {
            assert_eq!(whole(text.as_bytes()), want, "{text}");
        }
        let query = Condition::equals(Field::Query, "x=1&token=abc").negate();
        assert_eq!(condition(&query), "query: not `x=1&token=(hidden, 3 octets)`");
    }
}
