//! Secret (`v1`).
//!
//! Nothing of what a Secret holds may show anywhere: not in a diagnostic, not by `Debug`, not in
//! the document that is kept for naming places.

use super::document::{Document, Kind, Mapping, Value};
use super::{Problems, Resource};
use crate::base64;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::rules::SecretText;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A Secret as written.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Secret {
    /// `type`; `Opaque` where nothing is written.
    pub(crate) kind: Box<str>,
    /// `data`, decoded, and `stringData`, which wins.
    pub(crate) data: BTreeMap<Box<str>, SecretText>,
}

const FIELDS: [&str; 7] =
    ["apiVersion", "kind", "metadata", "type", "data", "stringData", "immutable"];

impl Secret {
    /// Reads a whole document.
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        unknown_fields(root, problems);
        let mut root = root.mapping(problems)?;
        let kind = root.field("type").and_then(|v| v.string(problems)).unwrap_or("Opaque");
        let encoded = entries(&mut root, "data", problems);
        let plain = entries(&mut root, "stringData", problems);
        let mut data = BTreeMap::new();
        for (value, text) in encoded {
            match base64::decode(text) {
                Some(octets) => {
                    data.insert(key(value), SecretText::new(octets));
                }
                None => problems.push(
                    Diagnostic::error("invalid-value", &value.origin(), "the value is not base64")
                        .help("write plain text under `stringData`"),
                ),
            }
        }
        for (value, text) in plain {
            data.insert(key(value), SecretText::new(text.as_bytes()));
        }
        Some(Self { kind: kind.into(), data })
    }
}

/// The same without the texts of its document, and without annotations, of which one may hold the
/// whole Secret as it was last applied.
pub(super) fn sealed(mut secret: Resource<Secret>) -> Resource<Secret> {
    secret.document = Arc::new(Document::without_values(&secret.document));
    secret.meta.annotations = BTreeMap::new();
    secret
}

fn key(value: Value<'_>) -> Box<str> {
    value.key().unwrap_or_default().into()
}

/// The entries of a mapping from text to text.
fn entries<'d>(
    root: &mut Mapping<'d>,
    name: &'static str,
    problems: &mut Problems,
) -> Vec<(Value<'d>, &'d str)> {
    let Some(field) = root.field(name) else { return Vec::new() };
    // The usual messages would show what was found instead.
    let mut wrong = |value: Value<'_>, message: &str| {
        problems.push(Diagnostic::error("wrong-type", &value.origin(), message));
    };
    if *field.kind() != Kind::Mapping {
        wrong(field, "expected a mapping");
        return Vec::new();
    }
    let mut entries = Vec::new();
    for value in field.children() {
        match value.kind() {
            Kind::String(text) => entries.push((value, &**text)),
            Kind::Null => entries.push((value, "")),
            _ => wrong(value, "expected text, which numbers and booleans are in quotes"),
        }
    }
    entries
}

/// Warns of unknown fields. What is no word may be a value (`password:secret`), so it is not
/// shown.
fn unknown_fields(root: Value<'_>, problems: &mut Problems) {
    let severity = problems.unknown_field_severity();
    for field in root.children() {
        let key = field.key().unwrap_or_default();
        if FIELDS.contains(&key) {
            continue;
        }
        let is_word = key.bytes().all(|b| b.is_ascii_alphabetic());
        let (origin, message) = match is_word {
            true => (field.key_origin(), format!("unknown field `{key}`")),
            false => (root.origin(), "there is an unknown field".to_owned()),
        };
        let diagnostic = Diagnostic::new(severity, "unknown-field", &origin, message);
        let help = did_you_mean(key, FIELDS).filter(|_| is_word);
        problems.push(Diagnostic { help, ..diagnostic });
    }
}
