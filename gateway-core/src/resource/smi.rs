//! What the documents of all SMI kinds have in common.

pub(crate) mod reference;

use super::Problems;
use super::document::{Located, Mapping, Value};
use crate::diagnostic::Diagnostic;

/// The code for fields that no version has (smi P-8).
pub(super) const UNKNOWN_FIELD: &str = "SMI-W02";

/// The API group of the traffic specs (smi P-7).
pub(super) const SPECS_GROUP: &str = "specs.smi-spec.io";

/// The versions of all kinds, from old to new (smi §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    V1alpha1,
    V1alpha2,
    V1alpha3,
    V1alpha4,
}

impl Version {
    const ALL: [(&'static str, Self); 4] = [
        ("v1alpha1", Self::V1alpha1),
        ("v1alpha2", Self::V1alpha2),
        ("v1alpha3", Self::V1alpha3),
        ("v1alpha4", Self::V1alpha4),
    ];

    pub(super) fn as_str(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// Reads what stands around the fields of a kind: the version, and `metadata`, which is read
/// elsewhere.
pub(super) fn open<'d>(root: Value<'d>, problems: &mut Problems) -> Option<(Version, Mapping<'d>)> {
    let mut fields = root.mapping(problems)?;
    fields.field("kind");
    fields.field("status");
    fields.field("metadata");
    let api_version = fields.required("apiVersion", problems)?.string(problems)?;
    // Other versions are refused before a document is read.
    let written = api_version.rsplit('/').next()?;
    let (_, version) = Version::ALL.iter().find(|(name, _)| *name == written)?;
    Some((*version, fields))
}

/// The `matches` of a kind, which versions have beside `spec` or in it.
pub(super) struct Matches<'d> {
    pub(super) version: Version,
    pub(super) outside: Option<Value<'d>>,
    pub(super) inside: Option<Value<'d>>,
}

/// Reads a document that holds nothing but its `matches`.
pub(super) fn matches<'d>(root: Value<'d>, problems: &mut Problems) -> Option<Matches<'d>> {
    let (version, mut fields) = open(root, problems)?;
    let outside = fields.field("matches");
    let spec = fields.field("spec").and_then(|spec| spec.mapping(problems));
    fields.finish_with(UNKNOWN_FIELD, problems);
    let inside = spec.and_then(|mut spec| {
        let inside = spec.field("matches");
        spec.finish_with(UNKNOWN_FIELD, problems);
        inside
    });
    Some(Matches { version, outside, inside })
}

/// Warns of a field that SMI has elsewhere or in other versions only (smi D-4).
pub(super) fn warn_misplaced(
    field: Value<'_>,
    message: impl Into<String>,
    problems: &mut Problems,
) {
    problems.push(Diagnostic::warning("SMI-W01", &field.key_origin(), message));
}

/// The value of a field that stands at several places, or under several names, in the versions of
/// a kind (smi P-2). `written` are the places at which it may be; `right` is the path that it has
/// in this version, if it is in this version at all.
pub(super) fn settle<'d>(
    written: impl IntoIterator<Item = Option<Value<'d>>>,
    right: Option<&str>,
    version: Version,
    problems: &mut Problems,
) -> Option<Value<'d>> {
    let mut written = written.into_iter().flatten();
    let first = written.next()?;
    let path = first.path();
    if let Some(other) = written.next() {
        let message = format!("`{path}` and `{}` are the same field", other.path());
        let diagnostic = Diagnostic::error("ambiguous-field", &first.key_origin(), message);
        let place = right.unwrap_or(&path);
        problems.push(diagnostic.help(format!("write all of it at `{place}`")));
    } else if right != Some(&*path) {
        let version = version.as_str();
        let message = match right {
            Some(right) => format!("{version} has this at `{right}`; it is applied"),
            None => format!("{version} has no `{path}`; it is applied"),
        };
        warn_misplaced(first, message, problems);
    }
    Some(first)
}

/// Checks the API group that a reference to a kind may name (smi P-7); the empty one is that of
/// kinds without any.
pub(super) fn check_group(
    group: Option<Value<'_>>,
    kind: &str,
    right: &str,
    problems: &mut Problems,
) {
    if let Some(group) = group
        && let Some(written) = group.string(problems)
        && written != right
    {
        let told = |message| Diagnostic::error("wrong-group", &group.origin(), message);
        problems.push(if right.is_empty() {
            told(format!("a {kind} has no API group")).help("leave it out")
        } else {
            told(format!("the API group of {kind} is `{right}`, not `{written}`"))
        });
    }
}

/// A text with its place.
pub(super) fn text(value: Value<'_>, problems: &mut Problems) -> Option<Located<Box<str>>> {
    Some(value.located(value.string(problems)?.into()))
}
