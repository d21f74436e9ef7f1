//! Fields of NGINX and SMI objects: their types, which of them must be there, and which exclude
//! each other.

use super::Problems;
use super::document::{At, Kind, Located, Mapping, Value};
use crate::diagnostic::Diagnostic;
use std::ops::RangeInclusive;

/// Text and its place.
pub(crate) type Text = Located<Box<str>>;

/// Reads a whole document (root mapping with apiVersion, kind, metadata, spec) of a kind that is
/// kept with its errors: the spec, what reading it found wrong, and the number of errors among
/// that. An object with errors is not to be put in force; it is kept so that everything else that
/// is wrong with it can be told at once.
pub(super) fn whole<T: Default>(
    root: Value<'_>,
    problems: &mut Problems,
    read: impl FnOnce(Mapping<'_>, &mut Problems) -> T,
) -> Option<(T, Vec<Diagnostic>, usize)> {
    let (told, errors) = (problems.told().len(), problems.errors());
    let mut root = root.mapping(problems)?;
    for read_elsewhere in ["apiVersion", "kind", "metadata", "status"] {
        root.field(read_elsewhere);
    }
    let spec = root.required("spec", problems);
    root.finish(problems);
    let spec = spec.and_then(|v| v.mapping(problems));
    let read = spec.map(|spec| read(spec, problems)).unwrap_or_default();
    Some((read, problems.told()[told..].to_vec(), problems.errors() - errors))
}

/// The text of a field.
pub(super) fn text(
    mapping: &mut Mapping<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> Option<Text> {
    let value = mapping.field(name)?;
    Some(value.located(value.string(problems)?.into()))
}

/// As [`text`], where an empty text is as none.
pub(super) fn optional_text(
    mapping: &mut Mapping<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> Option<Text> {
    text(mapping, name, problems).filter(|text| !text.is_empty())
}

/// The text of a field that must be there and not be empty.
pub(super) fn required_text(
    mapping: &mut Mapping<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> Option<Text> {
    let value = mapping.required(name, problems)?;
    let text = value.string(problems)?;
    if text.is_empty() {
        let message = format!("`{name}` must not be empty");
        problems.push(Diagnostic::error("missing-field", &value.origin(), message));
        return None;
    }
    Some(value.located(text.into()))
}

/// A whole number whose range depends on more than its type.
pub(super) fn number(
    mapping: &mut Mapping<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> Option<Located<i64>> {
    let value = mapping.field(name)?;
    Some(value.located(value.integer(i64::MIN..=i64::MAX, problems)?))
}

/// A whole number, 0 or more.
pub(super) fn count(
    mapping: &mut Mapping<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> Option<u32> {
    within(mapping, name, 0..=i64::from(i32::MAX), problems)
}

/// The same with its place.
pub(super) fn located_count(
    mapping: &mut Mapping<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> Option<Located<u32>> {
    let count = count(mapping, name, problems)?;
    mapping.field(name).map(|value| value.located(count))
}

/// A whole number within a range, which has no negative numbers.
pub(super) fn within(
    mapping: &mut Mapping<'_>,
    name: &'static str,
    range: RangeInclusive<i64>,
    problems: &mut Problems,
) -> Option<u32> {
    let value = mapping.field(name)?;
    value.integer(range, problems).and_then(|n| u32::try_from(n).ok())
}

pub(super) fn flag(
    mapping: &mut Mapping<'_>,
    name: &'static str,
    default: bool,
    problems: &mut Problems,
) -> bool {
    mapping.field(name).and_then(|v| v.bool(problems)).unwrap_or(default)
}

/// The flag `enable`, without which nothing else in the mapping counts: to leave it out is rarely
/// meant.
pub(super) fn switch(mapping: &mut Mapping<'_>, problems: &mut Problems) -> bool {
    let written = mapping.field("enable");
    let value = mapping.value();
    if written.is_none() && value.children().next().is_some() {
        let message =
            format!("`{}` has no effect without `enable`", value.key().unwrap_or_default());
        let told = Diagnostic::warning("no-effect", &value.origin(), message);
        problems.push(told.help("add `enable: true`"));
    }
    written.and_then(|enable| enable.bool(problems)).unwrap_or(false)
}

/// Where a flag is set; `None` where it is not.
pub(super) fn enabled(
    mapping: &mut Mapping<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> Option<At> {
    let value = mapping.field(name)?;
    value.bool(problems)?.then(|| value.at())
}

/// A field that is a mapping.
pub(super) fn mapping<'d>(
    mapping: &mut Mapping<'d>,
    name: &'static str,
    problems: &mut Problems,
) -> Option<Mapping<'d>> {
    mapping.field(name)?.mapping(problems)
}

/// A field that is a list of mappings.
pub(super) fn items<T>(
    mapping: &mut Mapping<'_>,
    name: &'static str,
    problems: &mut Problems,
    read: impl Fn(Mapping<'_>, &mut Problems) -> T,
) -> Vec<T> {
    let Some(list) = mapping.field(name) else { return Vec::new() };
    let values: Vec<_> = list.list(problems).collect();
    mappings(values, problems, read)
}

/// Reads values that are mappings.
pub(super) fn mappings<T>(
    values: Vec<Value<'_>>,
    problems: &mut Problems,
    read: impl Fn(Mapping<'_>, &mut Problems) -> T,
) -> Vec<T> {
    let mappings = values.into_iter().filter_map(|item| {
        let item = item.mapping(problems)?;
        Some(read(item, problems))
    });
    mappings.collect()
}

/// The entries of a list that must be there and not be empty.
pub(super) fn filled_list<'d>(
    mapping: &mut Mapping<'d>,
    name: &'static str,
    problems: &mut Problems,
) -> Vec<Value<'d>> {
    let Some(list) = mapping.required(name, problems) else { return Vec::new() };
    let values: Vec<_> = list.list(problems).collect();
    if is_empty(list) {
        let message = format!("`{name}` must not be empty");
        problems.push(Diagnostic::error("missing-field", &list.origin(), message));
    }
    values
}

/// Whether a value is a list without items.
pub(super) fn is_empty(value: Value<'_>) -> bool {
    *value.kind() == Kind::List && value.children().next().is_none()
}

/// Warns of a field that is known and accepted, but changes nothing (virtualserver §18).
pub(super) fn without_effect(
    mapping: &mut Mapping<'_>,
    name: &'static str,
    problems: &mut Problems,
) {
    if let Some(value) = mapping.field(name) {
        let message = format!("`{name}` is not supported and has no effect");
        problems.push(Diagnostic::warning("unsupported-field", &value.key_origin(), message));
    }
}

/// Reads text for NGINX, which nobody else can make sense of (decisions §6, Q27).
pub(super) fn snippets(mapping: &mut Mapping<'_>, name: &'static str, problems: &mut Problems) {
    if text(mapping, name, problems).is_some_and(|text| !text.trim().is_empty()) {
        without_effect(mapping, name, problems);
    }
}

/// The one of `names` that is written. None or several are an error at the mapping itself.
pub(super) fn exactly_one(
    mapping: &mut Mapping<'_>,
    names: &[&'static str],
    problems: &mut Problems,
) -> Option<&'static str> {
    let written: Vec<_> = names.iter().copied().filter(|n| mapping.field(n).is_some()).collect();
    let (code, found) = match &written[..] {
        [one] => return Some(one),
        [] => ("missing-field", "none of them".to_owned()),
        several => ("conflicting-fields", quoted(several, "and")),
    };
    let message = format!("expected exactly one of {}, found {found}", quoted(names, "or"));
    let told = Diagnostic::error(code, &mapping.value().origin(), message);
    let empty = names.iter().find(|name| mapping.left_empty(name).is_some());
    problems.push(match empty.filter(|_| written.is_empty()) {
        Some(name) => told.help(format!("`{name}` is empty: indent what belongs to it below it")),
        None => told,
    });
    None
}

/// `` `a`, `b` and `c` ``.
pub(super) fn quoted(names: &[&str], last: &str) -> String {
    let names: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    match &names[..] {
        [first @ .., end] if !first.is_empty() => format!("{} {last} {end}", first.join(", ")),
        all => all.concat(),
    }
}

/// A label that something has to have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Label {
    pub(crate) key: Box<str>,
    pub(crate) value: Text,
}

/// A mapping from text to text.
pub(super) fn labels(
    of: &mut Mapping<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> Option<Located<Vec<Label>>> {
    let map = mapping(of, name, problems)?.value();
    let label = |value: Value<'_>| {
        let text = value.string(problems)?;
        Some(Label { key: value.key()?.into(), value: value.located(text.into()) })
    };
    Some(map.located(map.children().filter_map(label).collect()))
}

/// A list of texts that must be there and not be empty.
pub(super) fn required_texts(
    mapping: &mut Mapping<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> Vec<Text> {
    let values = filled_list(mapping, name, problems);
    texts_of(values, problems)
}

/// A list of texts.
pub(super) fn texts(
    of: &mut Mapping<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> Vec<Text> {
    let Some(list) = of.field(name) else { return Vec::new() };
    let values: Vec<_> = list.list(problems).collect();
    texts_of(values, problems)
}

fn texts_of(values: Vec<Value<'_>>, problems: &mut Problems) -> Vec<Text> {
    values.into_iter().filter_map(|v| Some(v.located(v.string(problems)?.into()))).collect()
}
