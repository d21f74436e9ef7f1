//! `metadata` of every object.

use super::Problems;
use super::document::{Mapping, Value};
use crate::diagnostic::Diagnostic;
use std::collections::BTreeMap;

/// What `metadata` says.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Meta {
    pub(crate) namespace: Box<str>,
    pub(crate) name: Box<str>,
    /// RFC 3339 in UTC with whole seconds, which orders as text. `None` counts as newest.
    pub(crate) creation_timestamp: Option<Box<str>>,
    pub(crate) uid: Option<Box<str>>,
    pub(crate) generation: Option<i64>,
    pub(crate) labels: BTreeMap<Box<str>, Box<str>>,
    pub(crate) annotations: BTreeMap<Box<str>, Box<str>>,
}

/// Fields that Kubernetes fills in and routing has no use for.
const UNUSED: [&str; 9] = [
    "generateName",
    "resourceVersion",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
    "finalizers",
    "managedFields",
    "clusterName",
];

impl Meta {
    /// Reads `metadata`. `default_namespace` is `None` for kinds without a namespace.
    pub(super) fn read(
        value: Value<'_>,
        default_namespace: Option<&str>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut fields = value.mapping(problems)?;
        let name = fields
            .required("name", problems)
            .and_then(|v| name(v, "a name", 253, problems))
            .unwrap_or_default();
        let namespace = namespace(&mut fields, default_namespace, problems);
        let creation_timestamp =
            fields.field("creationTimestamp").and_then(|v| timestamp(v, problems));
        let uid = fields.field("uid").and_then(|v| v.string(problems)).map(Box::from);
        let generation = fields.field("generation").and_then(|v| v.integer(0..=i64::MAX, problems));
        let labels = fields.field("labels").map(|v| texts(v, problems)).unwrap_or_default();
        let annotations =
            fields.field("annotations").map(|v| texts(v, problems)).unwrap_or_default();
        for unused in UNUSED {
            fields.field(unused);
        }
        fields.finish(problems);
        Some(Self { namespace, name, creation_timestamp, uid, generation, labels, annotations })
    }
}

fn namespace(fields: &mut Mapping<'_>, default: Option<&str>, problems: &mut Problems) -> Box<str> {
    let written = fields.field("namespace");
    match (written, default) {
        (Some(value), Some(_)) => name(value, "a namespace", 63, problems).unwrap_or_default(),
        (Some(value), None) => {
            problems.push(
                Diagnostic::warning(
                    "unused-field",
                    &value.key_origin(),
                    "objects of this kind have no namespace",
                )
                .help("leave it out"),
            );
            Box::default()
        }
        (None, default) => default.unwrap_or_default().into(),
    }
}

/// A DNS subdomain of at most `most` characters; a single label where that is 63.
fn name(value: Value<'_>, what: &str, most: usize, problems: &mut Problems) -> Option<Box<str>> {
    let text = value.string(problems)?;
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let valid = if most == 63 { is_label(text) } else { text.split('.').all(is_label) };
    if valid && text.len() <= most {
        return Some(text.into());
    }
    let dots = if most == 63 { "" } else { " and `.`" };
    problems.push(
        Diagnostic::error(
            "invalid-name",
            &value.origin(),
            format!("`{}` is not {what}", super::document::shorten(text)),
        )
        .help(format!(
            "{what} has 1 to {most} lower-case letters, digits, `-`{dots}, and begins and ends \
             with a letter or digit"
        )),
    );
    None
}

/// A mapping from text to text, as labels and annotations are.
pub(super) fn texts(value: Value<'_>, problems: &mut Problems) -> BTreeMap<Box<str>, Box<str>> {
    let Some(fields) = value.mapping(problems) else { return BTreeMap::new() };
    let pair = |v: Value<'_>| Some((v.key()?.into(), v.string(problems)?.into()));
    fields.value().children().filter(|v| !v.is_null()).filter_map(pair).collect()
}

fn timestamp(value: Value<'_>, problems: &mut Problems) -> Option<Box<str>> {
    let text = value.string(problems)?;
    let utc = to_utc(text);
    if utc.is_none() {
        problems.push(
            Diagnostic::error(
                "invalid-timestamp",
                &value.origin(),
                format!("`{}` is not a time", super::document::shorten(text)),
            )
            .help("times are written as `2024-05-31T23:59:59Z` (RFC 3339)"),
        );
    }
    utc
}

/// `YYYY-MM-DDTHH:MM:SSZ` of an RFC 3339 time. Fractions of a second are dropped, as Kubernetes
/// does not keep them either.
fn to_utc(text: &str) -> Option<Box<str>> {
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<i64>().ok()).flatten()
    };
    let sign = |at: usize, allowed: &str| {
        text.as_bytes().get(at).is_some_and(|b| allowed.as_bytes().contains(b))
    };
    let in_form = sign(4, "-") && sign(7, "-") && sign(10, "Tt ") && sign(13, ":") && sign(16, ":");
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let in_range = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    let mut zone = 19;
    if sign(19, ".") {
        let digits = text.get(20..)?.bytes().take_while(u8::is_ascii_digit).count();
        zone = (digits > 0).then_some(20 + digits)?;
    }
    let offset = match text.get(zone..)? {
        "Z" | "z" => 0,
        _ => {
            let (hours, minutes) = (number(zone + 1, zone + 3)?, number(zone + 4, zone + 6)?);
            let in_form = sign(zone, "+-") && sign(zone + 3, ":") && text.len() == zone + 6;
            let offset = (in_form && hours < 24 && minutes < 60).then_some(hours * 60 + minutes)?;
            if sign(zone, "-") { -offset } else { offset }
        }
    };
    if !(in_form && in_range) {
        return None;
    }
    let minutes = hour * 60 + minute - offset;
    let (mut year, mut month, mut day) = (year, month, day + minutes.div_euclid(24 * 60));
    // An offset of less than a day moves the date by one day at most.
    if day < 1 {
        (year, month) = if month == 1 { (year - 1, 12) } else { (year, month - 1) };
        day = days_in(year, month);
    } else if day > days_in(year, month) {
        (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        day = 1;
    }
    if !(0..=9999).contains(&year) {
        return None;
    }
    let (hour, minute) = (minutes.rem_euclid(24 * 60) / 60, minutes.rem_euclid(60));
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z").into())
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_brought_to_utc_so_that_they_order_as_text() {
        for (text, want) in [
            ("2024-05-31T23:59:59Z", "2024-05-31T23:59:59Z"),
            ("2024-05-31t23:59:59z", "2024-05-31T23:59:59Z"),
            ("2024-05-31T23:59:59.123456Z", "2024-05-31T23:59:59Z"),
            ("2024-05-31T23:30:00-01:00", "2024-06-01T00:30:00Z"),
            ("2024-01-01T00:30:00+01:00", "2023-12-31T23:30:00Z"),
            ("2023-12-31T23:30:00.5-05:30", "2024-01-01T05:00:00Z"),
            ("2024-03-01T00:00:00+00:01", "2024-02-29T23:59:00Z"),
            ("2023-03-01T00:00:00+23:59", "2023-02-28T00:01:00Z"),
        ] {
            assert_eq!(to_utc(text).as_deref(), Some(want), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2024-05-31",
            "2024-05-31T23:59:59",
            "2024-02-30T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-05-31T24:00:00Z",
            "2024-05-31T23:59:59.Z",
            "2024-05-31T23:59:59+0100",
            "2024-05-31T23:59:59+25:00",
            "2024-05-31T23:59:59ZZ",
            "+024-05-31T23:59:59Z",
            "0000-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            "2024-05-31T23:59:5é",
        ] {
            assert_eq!(to_utc(text), None, "{text}");
        }
    }
}
