//! Values as text, for people: cut off, without control characters, secrets hidden.

use super::{Failure, HeaderChange, HeaderOperation};
use crate::decision::template;
use crate::request::Request;
use crate::request::field::{Value, View};
use crate::rules::{Condition, Field, HeaderEdit, HeaderOps, ResponseHeaderOps, Test};
use http::HeaderName;

/// The longest value shown, in characters.
const MAX_SHOWN: usize = 200;

/// Octets as text, as long as they are.
pub(super) fn whole(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// Octets as text, cut off.
fn short(octets: &[u8]) -> String {
    let mut text = whole(octets);
    if let Some((end, _)) = text.char_indices().nth(MAX_SHOWN) {
        text.truncate(end);
        text.push_str(&format!("… ({} octets)", octets.len()));
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

fn hidden(length: usize) -> String {
    format!("(hidden, {length} octets)")
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(&*name, "authorization" | "cookie" | "proxy-authorization")
        || ["token", "secret", "key"].iter().any(|part| name.contains(part))
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
    HeaderChange { operation, value: value_of(&name, value.as_bytes()), name }
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
}
