//! Scalars and lists of the Gateway API: lengths and forms (gateway-api §2).

use super::Problems;
use super::document::{Mapping, Value, shorten};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::origin::Origin;
use crate::rules::HostPattern;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Text of a certain length and form.
pub(crate) struct Scalar {
    /// With its article: `a section name`.
    what: &'static str,
    shortest: usize,
    longest: usize,
    form: fn(&str) -> bool,
    /// The form in words.
    rule: &'static str,
}

const SUBDOMAIN: &str = "it is made of lower-case letters, digits, `-` and `.`";
const WORD: &str =
    "it holds letters, digits, `-`, `_` and `.`, with a letter or digit at both ends";
const QUALIFIED: &str = "it is a name of at most 63 letters, digits, `-`, `_` and `.`, perhaps \
                         behind a domain and `/`";
const TOKEN: &str = "it is made of letters, digits and ``!#$%&'*+-.^_`|~``";

/// Names of listeners and rules.
pub(crate) const SECTION_NAME: Scalar = Scalar::new("a section name", 253, is_subdomain, SUBDOMAIN);
/// Names of objects.
pub(crate) const OBJECT_NAME: Scalar = Scalar::new("an object name", 253, anything, "");
/// Namespaces.
pub(crate) const NAMESPACE: Scalar =
    Scalar::new("a namespace", 63, is_label, "it is made of lower-case letters, digits and `-`");
/// API groups; the empty one is the core group.
pub(crate) const GROUP: Scalar = Scalar {
    shortest: 0,
    ..Scalar::new("an API group", 253, |text| text.is_empty() || is_subdomain(text), SUBDOMAIN)
};
/// Kinds.
pub(crate) const KIND: Scalar =
    Scalar::new("a kind", 63, is_kind, "it begins with a letter and holds letters, digits and `-`");
/// Names of header fields.
pub(crate) const HEADER_NAME: Scalar = Scalar::new("a header name", 256, is_token, TOKEN);
/// Names of cookies.
pub(crate) const COOKIE_NAME: Scalar = Scalar::new("a cookie name", 256, is_token, TOKEN);
/// The part of a site that gets a cookie, in the form that its header field has room for.
pub(crate) const COOKIE_PATH: Scalar = Scalar {
    shortest: 0,
    ..Scalar::new(
        "a cookie path",
        1024,
        is_cookie_path,
        "it holds ASCII without `;` and control characters",
    )
};
/// Names of query parameters.
pub(crate) const QUERY_NAME: Scalar = Scalar::new("a query parameter name", 256, is_token, TOKEN);
/// Values of header fields, as both channels take them.
pub(crate) const HEADER_VALUE: Scalar =
    Scalar::new("a header value", 4096, is_field_value, "it holds no control characters");
/// Values of query parameters.
pub(crate) const QUERY_VALUE: Scalar = Scalar::new("a query parameter value", 1024, anything, "");
/// What paths are compared with. Their form depends on how they are compared.
pub(crate) const PATH_VALUE: Scalar =
    Scalar { shortest: 0, ..Scalar::new("a path", 1024, anything, "") };
/// What stands before the paths that a service for authorization is asked.
pub(crate) const AUTH_PATH: Scalar = Scalar::new(
    "a path",
    1024,
    is_path,
    "blanks and characters beyond ASCII are written as percent-escapes",
);
/// Origins of pages. Their form is checked as they are parsed.
pub(crate) const ORIGIN: Scalar = Scalar::new("an origin", 253, anything, "");
/// Names of gRPC services and methods, or expressions of them.
pub(crate) const GRPC_NAME: Scalar =
    Scalar { shortest: 0, ..Scalar::new("a gRPC name", 1024, anything, "") };
/// Protocols of listeners.
pub(crate) const PROTOCOL: Scalar =
    Scalar::new("a protocol", 255, is_protocol, "it is a word like `HTTP`, or `domain/word`");
/// Names of controllers.
pub(crate) const CONTROLLER: Scalar =
    Scalar::new("a controller name", 253, is_controller, "it looks like `example.com/gateway`");
/// Types of addresses.
pub(crate) const ADDRESS_TYPE: Scalar = Scalar::new(
    "a type of addresses",
    253,
    |text| matches!(text, "IPAddress" | "Hostname" | "NamedAddress") || is_controller(text),
    "it is `IPAddress`, `Hostname` or looks like `example.com/pool`",
);
/// Keys of labels.
pub(crate) const LABEL_KEY: Scalar =
    Scalar::new("the key of a label", 253, is_qualified_name, QUALIFIED);
/// Values of labels.
pub(crate) const LABEL_VALUE: Scalar = Scalar {
    shortest: 0,
    ..Scalar::new("the value of a label", 63, |text| text.is_empty() || is_word(text), WORD)
};
/// Keys of annotations.
pub(crate) const ANNOTATION_KEY: Scalar =
    Scalar::new("the key of an annotation", 253, is_qualified_name, QUALIFIED);
/// Values of annotations, and of `options`.
pub(crate) const ANNOTATION_VALUE: Scalar =
    Scalar { shortest: 0, ..Scalar::new("the value of an annotation", 4096, anything, "") };
/// Sets of authorities that a name is enough for.
pub(crate) const WELL_KNOWN_AUTHORITIES: Scalar = Scalar::new(
    "a set of well-known authorities",
    253,
    |text| text == "System" || text.contains('/') && is_qualified_name(text),
    "it is `System`, or looks like `example.com/authorities`",
);
/// URIs with a scheme and a host.
pub(crate) const ABSOLUTE_URI: Scalar =
    Scalar::new("an absolute URI", 253, is_absolute_uri, "it looks like `spiffe://example.com/a`");
/// What a GatewayClass is good for.
pub(crate) const DESCRIPTION: Scalar =
    Scalar { shortest: 0, ..Scalar::new("a description", 64, anything, "") };

impl Scalar {
    const fn new(
        what: &'static str,
        longest: usize,
        form: fn(&str) -> bool,
        rule: &'static str,
    ) -> Self {
        Self { what, shortest: 1, longest, form, rule }
    }

    /// The text of `value`; anything else is reported.
    pub(crate) fn read<'d>(&self, value: Value<'d>, problems: &mut Problems) -> Option<&'d str> {
        let text = value.string(problems)?;
        self.check(text, || value.origin(), problems)
    }

    /// The key under which `value` stands; one of another form is reported.
    pub(crate) fn read_key<'d>(
        &self,
        value: Value<'d>,
        problems: &mut Problems,
    ) -> Option<&'d str> {
        self.check(value.key()?, || value.key_origin(), problems)
    }

    fn check<'d>(
        &self,
        text: &'d str,
        origin: impl Fn() -> Origin,
        problems: &mut Problems,
    ) -> Option<&'d str> {
        let length = text.chars().count();
        let error = |code, message| Diagnostic::error(code, &origin(), message);
        let problem = if length < self.shortest {
            error("invalid-value", format!("{} must not be empty", self.what))
        } else if length > self.longest {
            let message =
                format!("{} has at most {} characters, found {length}", self.what, self.longest);
            error("too-long", message)
        } else if !(self.form)(text) {
            error("invalid-value", format!("`{}` is not {}", shorten(text), self.what))
                .help(self.rule)
        } else {
            return Some(text);
        };
        problems.push(problem);
        None
    }
}

/// A host name, or `*.` and a host name.
pub(crate) fn hostname(value: Value<'_>, problems: &mut Problems) -> Option<HostPattern> {
    let text = value.string(problems)?;
    let parsed = HostPattern::parse(text).map_err(|error| error.to_string());
    let parsed = parsed.and_then(|pattern| {
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            Err("a host name is written in lower case".to_owned())
        } else if text.parse::<Ipv4Addr>().is_ok() {
            Err("an IP address is not a host name".to_owned())
        } else {
            Ok(pattern)
        }
    });
    let help = match text {
        "*" => "leave the field out to take every host",
        _ if text.contains(':') => "ports stand in a field of their own",
        _ => "",
    };
    parsed.map_err(|reason| refuse_hostname(value, text, &reason, help, problems)).ok()
}

/// A host name without wildcard.
pub(crate) fn precise_hostname(value: Value<'_>, problems: &mut Problems) -> Option<Box<str>> {
    match hostname(value, problems)? {
        HostPattern::Exact(name) => Some(name),
        pattern @ (HostPattern::Wildcard(_) | HostPattern::Any) => {
            let text = pattern.to_string();
            refuse_hostname(value, &text, "a wildcard cannot stand here", "", problems);
            None
        }
    }
}

fn refuse_hostname(
    value: Value<'_>,
    text: &str,
    reason: &str,
    help: &str,
    problems: &mut Problems,
) {
    let message = format!("`{}` is not a valid host name: {reason}", shorten(text));
    let mut problem = Diagnostic::error("invalid-hostname", &value.origin(), message);
    if !help.is_empty() {
        problem = problem.help(help);
    }
    problems.push(problem);
}

/// A duration: one to four parts like `1h30m`, each of at most five digits.
pub(crate) fn duration(value: Value<'_>, problems: &mut Problems) -> Option<Duration> {
    let text = value.string(problems)?;
    let parsed = parse_duration(text);
    if parsed.is_none() {
        let message = format!("`{}` is not a duration", shorten(text));
        problems.push(
            Diagnostic::error("invalid-value", &value.origin(), message)
                .help("write one to four parts of at most five digits and `h`, `m`, `s` or `ms`, as in `1m30s`"),
        );
    }
    parsed
}

fn parse_duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    for _ in 0..4 {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 || digits > 5 {
            return None;
        }
        let (number, after) = rest.split_at(digits);
        let number: u64 = number.parse().ok()?;
        let (part, after) = if let Some(after) = after.strip_prefix("ms") {
            (Duration::from_millis(number), after)
        } else if let Some(after) = after.strip_prefix('s') {
            (Duration::from_secs(number), after)
        } else if let Some(after) = after.strip_prefix('m') {
            (Duration::from_secs(60 * number), after)
        } else {
            (Duration::from_secs(3600 * number), after.strip_prefix('h')?)
        };
        total += part;
        rest = after;
        if rest.is_empty() {
            return Some(total);
        }
    }
    None
}

/// One of a few known words.
pub(crate) fn one_of<T: Copy>(
    value: Value<'_>,
    known: &[(&'static str, T)],
    problems: &mut Problems,
) -> Option<T> {
    let text = value.string(problems)?;
    let found = known.iter().find(|(name, _)| *name == text);
    if found.is_none() {
        let names = known.iter().map(|(name, _)| *name);
        let list: Vec<String> = names.clone().map(|name| format!("`{name}`")).collect();
        let message = format!("`{}` is not one of {}", shorten(text), list.join(", "));
        let mut problem = Diagnostic::error("invalid-value", &value.origin(), message);
        let part_of = || names.clone().find(|name| text.len() > 2 && name.contains(text));
        problem.help = did_you_mean(text, names.clone())
            .or_else(|| part_of().map(|name| format!("did you mean `{name}`?")));
        problems.push(problem);
    }
    found.map(|(_, meaning)| *meaning)
}

/// The items of a list that must have `least` to `most` of them, and no more than `most`.
pub(crate) fn items<'d>(
    value: Value<'d>,
    least: usize,
    most: usize,
    problems: &mut Problems,
) -> Vec<Value<'d>> {
    let mut items: Vec<_> = value.list(problems).collect();
    let is_list = matches!(value.kind(), super::document::Kind::List);
    let problem = if is_list && items.len() < least {
        ("too-few", "at least one entry is needed".to_owned())
    } else if items.len() > most {
        let entries = if most == 1 { "entry is" } else { "entries are" };
        ("too-many", format!("at most {most} {entries} allowed, found {}", items.len()))
    } else {
        return items;
    };
    problems.push(Diagnostic::error(problem.0, &value.origin(), problem.1));
    items.truncate(most);
    items
}

/// The texts of a list of at most `most` of them, in which none stands twice.
pub(crate) fn set<'d>(
    list: Value<'d>,
    most: usize,
    read: impl Fn(Value<'d>, &mut Problems) -> Option<&'d str>,
    problems: &mut Problems,
) -> Vec<(Value<'d>, &'d str)> {
    let mut entries = Vec::new();
    for item in items(list, 0, most, problems) {
        entries.extend(read(item, problems).map(|text| (item, text)));
    }
    unique(entries.iter().copied(), problems);
    entries
}

/// Reports every entry whose key an earlier one has.
pub(crate) fn unique<'d, K: Ord + std::fmt::Display>(
    entries: impl IntoIterator<Item = (Value<'d>, K)>,
    problems: &mut Problems,
) {
    let mut seen = BTreeSet::new();
    for (value, key) in entries {
        if seen.contains(&key) {
            let message = format!("`{key}` stands here a second time");
            problems.push(Diagnostic::error("duplicate", &value.origin(), message));
        }
        seen.insert(key);
    }
}

/// The fields `group` and `kind` of a reference, with their defaults.
pub(crate) fn group_and_kind(
    fields: &mut Mapping<'_>,
    default: (&'static str, &'static str),
    problems: &mut Problems,
) -> (Box<str>, Box<str>) {
    let group = fields.field("group").map_or(Some(default.0), |v| GROUP.read(v, problems));
    let kind = fields.field("kind").map_or(Some(default.1), |v| KIND.read(v, problems));
    (group.unwrap_or_default().into(), kind.unwrap_or_default().into())
}

/// The entries of a mapping that may have no more than `most` of them.
pub(crate) fn entries<'d>(
    value: Value<'d>,
    most: usize,
    problems: &mut Problems,
) -> Vec<Value<'d>> {
    let Some(mapping) = value.mapping(problems) else { return Vec::new() };
    let mut entries: Vec<_> = mapping.value().children().collect();
    if entries.len() > most {
        let message = format!("at most {most} entries are allowed, found {}", entries.len());
        problems.push(Diagnostic::error("too-many", &value.origin(), message));
        entries.truncate(most);
    }
    entries
}

/// `options` of an implementation, of which there are none here: whether any are written.
pub(crate) fn options(value: Value<'_>, problems: &mut Problems) -> bool {
    let options = entries(value, 16, problems);
    for option in &options {
        ANNOTATION_VALUE.read(*option, problems);
    }
    !options.is_empty()
}

/// The `spec` of a whole document.
pub(crate) fn spec<'d>(root: Value<'d>, problems: &mut Problems) -> Option<Value<'d>> {
    let mut document = root.mapping(problems)?;
    for known in ["apiVersion", "kind", "metadata", "status"] {
        document.field(known);
    }
    let spec = document.required("spec", problems);
    document.finish(problems);
    spec
}

/// Whether the experimental channel takes `text` as a header value.
pub(crate) fn is_strict_field_value(text: &str) -> bool {
    text.split([' ', '\t'])
        .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic()))
}

/// Whether paths hold `octet` as it is, without escape.
pub(crate) fn is_path_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-/._~!$&'()*+,;=:@".contains(&octet)
}

fn anything(_: &str) -> bool {
    true
}

fn is_label(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    is_bounded(text, word, word)
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_kind(text: &str) -> bool {
    is_bounded(text, |b| b.is_ascii_alphabetic(), |b| b.is_ascii_alphanumeric())
}

/// Whether `text` holds `-` and what `last` takes, neither beginning nor ending with `-`.
fn is_bounded(text: &str, first: fn(u8) -> bool, last: fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|b| first(*b))
        && bytes.last().is_some_and(|b| last(*b))
        && bytes.iter().all(|b| *b == b'-' || last(*b))
}

fn is_token(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Whether `text` is made of octets of paths and escapes.
fn is_path(text: &str) -> bool {
    let mut parts = text.split('%');
    let plain = |part: &str| part.bytes().all(is_path_octet);
    parts.next().is_none_or(plain)
        && parts.all(|part| {
            plain(part) && part.len() >= 2 && part.bytes().take(2).all(|b| b.is_ascii_hexdigit())
        })
}

fn is_cookie_path(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b';')
}

fn is_field_value(text: &str) -> bool {
    http::HeaderValue::from_bytes(text.as_bytes()).is_ok()
}

fn is_protocol(text: &str) -> bool {
    let word =
        |text: &str| is_bounded(text, |b| b.is_ascii_alphanumeric(), |b| b.is_ascii_alphanumeric());
    match text.split_once('/') {
        None => word(text),
        Some((domain, name)) => {
            is_subdomain(domain)
                && !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_alphanumeric())
        }
    }
}

fn is_controller(text: &str) -> bool {
    text.split_once('/').is_some_and(|(domain, path)| {
        is_subdomain(domain)
            && !path.is_empty()
            && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&b))
    })
}

/// What stands between letters or digits.
fn is_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}

/// A name of at most 63 characters, perhaps behind a domain and `/`.
fn is_qualified_name(text: &str) -> bool {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    prefix.is_none_or(is_subdomain) && name.len() <= 63 && is_word(name)
}

/// `scheme://host…` in the characters of RFC 3986.
fn is_absolute_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        && host_end > 0
        && rest.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b))
}

#[cfg(test)]
mod tests;
