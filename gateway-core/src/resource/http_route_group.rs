//! HTTPRouteGroup of `specs.smi-spec.io` (smi §4.1).

use super::Problems;
use super::document::{At, Kind, Located, Mapping, Value, shorten};
use super::smi::{self, Version};
use crate::diagnostic::Diagnostic;

/// As written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HttpRouteGroup {
    pub(crate) matches: Vec<Match>,
    /// Whether `cookie: "n=v"` is about the cookie of that name alone (smi D-21).
    pub(crate) exact_cookies: bool,
}

/// Makes conditions on cookies exact.
const COOKIES: &str = "smi.gateway/cookie-conditions";

/// One named list of conditions, all of which must hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Match {
    pub(crate) at: At,
    pub(crate) name: Option<Located<Box<str>>>,
    pub(crate) path_regex: Option<Located<Box<str>>>,
    pub(crate) methods: Vec<Located<Box<str>>>,
    /// Names and expressions, in the order in which they were written.
    pub(crate) headers: Vec<(Box<str>, Located<Box<str>>)>,
}

impl HttpRouteGroup {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let smi::Matches { version, outside, inside } = smi::matches(root, problems)?;
        let list = place(outside, inside, version, problems);
        let is_empty =
            |list: Value<'_>| list.kind() == &Kind::List && list.children().next().is_none();
        if list.is_none_or(is_empty) {
            // smi H-3
            let origin = list.unwrap_or(root).origin();
            let message = "the group has no matches; what refers to it gets no condition from it";
            problems.push(Diagnostic::warning("SMI-W09", &origin, message));
        }
        let items: Vec<Value<'_>> =
            list.map_or_else(Vec::new, |list| list.list(problems).collect());
        let read = |item| read_match(item, version, problems);
        let matches = items.into_iter().filter_map(read).collect();
        Some(Self { matches, exact_cookies: exact_cookies(root, problems) })
    }
}

fn exact_cookies(root: Value<'_>, problems: &mut Problems) -> bool {
    let Some(value) = root.annotation(COOKIES) else { return false };
    // Annotations that are no text are told of where `metadata` is read.
    let Kind::String(text) = value.kind() else { return false };
    if **text != *"exact" {
        let message = format!("`{}` is not a way to read conditions on cookies", shorten(text));
        let told = Diagnostic::error("unsupported-value", &value.origin(), message);
        problems.push(told.help("the only one is `exact`"));
    }
    true
}

/// Whichever place `matches` stands at (smi P-2).
fn place<'d>(
    outside: Option<Value<'d>>,
    inside: Option<Value<'d>>,
    version: Version,
    problems: &mut Problems,
) -> Option<Value<'d>> {
    let in_spec = version >= Version::V1alpha3;
    let misplaced = if in_spec { outside } else { inside };
    if let (Some(outside), Some(_)) = (outside, inside) {
        let message = "`matches` stands both beside `spec` and in it";
        let diagnostic = Diagnostic::error("ambiguous-field", &outside.key_origin(), message);
        problems.push(diagnostic.help("put all of it into one list"));
    } else if let Some(list) = misplaced {
        let place = if in_spec { "`spec.matches`" } else { "`matches` beside `metadata`" };
        let message = format!("{} has this at {place}; it is applied", version.as_str());
        smi::warn_misplaced(list, message, problems);
    }
    outside.or(inside)
}

fn read_match(item: Value<'_>, version: Version, problems: &mut Problems) -> Option<Match> {
    let mut fields = item.mapping(problems)?;
    let mut text = |fields: &mut Mapping<'_>, name| {
        fields.field(name).and_then(|value| smi::text(value, problems))
    };
    let name = text(&mut fields, "name");
    let path_regex = text(&mut fields, "pathRegex");
    let methods: Vec<Value<'_>> =
        fields.field("methods").map_or_else(Vec::new, |list| list.list(problems).collect());
    let methods = methods.into_iter().filter_map(|method| smi::text(method, problems)).collect();
    let headers = fields.field("headers");
    if let Some(headers) = headers
        && version < Version::V1alpha2
    {
        let message = format!("{} has no `headers`; it is applied", version.as_str());
        smi::warn_misplaced(headers, message, problems);
    }
    let headers = headers.map_or_else(Vec::new, |headers| read_headers(headers, problems));
    fields.finish_with(smi::UNKNOWN_FIELD, problems);
    Some(Match { at: item.at(), name, path_regex, methods, headers })
}

/// Both shapes that exist: a mapping, and a list of mappings (smi §4.2, H-4).
fn read_headers(value: Value<'_>, problems: &mut Problems) -> Vec<(Box<str>, Located<Box<str>>)> {
    let mappings = match value.kind() {
        Kind::List => value.children().collect(),
        _ => vec![value],
    };
    let mut headers = Vec::new();
    for mapping in mappings {
        if mapping.mapping(problems).is_none() {
            continue;
        }
        for field in mapping.children() {
            if let (Some(name), Some(expression)) = (field.key(), smi::text(field, problems)) {
                headers.push((name.into(), expression));
            }
        }
    }
    headers
}
