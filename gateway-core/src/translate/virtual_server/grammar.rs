//! The grammars of virtualserver §2: text to values.

use super::report::Fault;
use crate::request::path::MAX_PATH;
use crate::resource::document::shorten_around;
use crate::rules::{HostPattern, PathTemplate};
use http::HeaderName;
use std::time::Duration;

/// DNS1123L.
pub(super) fn label(text: &str) -> Result<(), Fault> {
    let Some(rule) = broken_rule(text) else { return Ok(()) };
    let fault = Fault::invalid(format!("`{text}` is not a DNS label: {rule}"));
    let meant = text.trim().to_ascii_lowercase().replace(['_', ' '], "-");
    Err(match broken_rule(&meant) {
        None => fault.help(format!("did you mean `{meant}`?")),
        Some(_) => fault,
    })
}

/// The rule of DNS labels that `text` breaks.
fn broken_rule(text: &str) -> Option<&'static str> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if text.is_empty() || !text.bytes().all(legal) {
        return Some("it may hold only lower-case letters, digits and `-`");
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Some("it neither begins nor ends with `-`");
    }
    (text.len() > 63).then_some("it has at most 63 characters")
}

/// DNS1035L.
pub(super) fn name(text: &str) -> Result<(), Fault> {
    label(text)?;
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(Fault::invalid(format!("`{text}` does not begin with a letter")));
    }
    Ok(())
}

/// DNS1123S.
pub(super) fn subdomain(text: &str) -> Result<(), Fault> {
    if text.len() > 253 {
        return Err(Fault::invalid(format!("`{text}` is longer than 253 characters")));
    }
    text.split('.').try_for_each(|part| {
        label(part).map_err(|fault| match text.contains('.') {
            true => Fault::invalid(format!("in `{text}`, {}", fault.message)),
            false => fault,
        })
    })
}

/// QNAME: what stands before the `/`, if there is one, and the name.
pub(super) fn qualified_name(text: &str) -> Result<(Option<&str>, &str), Fault> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    prefix.map_or(Ok(()), subdomain)?;
    if name.is_empty() {
        return Err(Fault::invalid(format!("`{text}` is not a name: it is empty")));
    }
    label_value(name).map(|()| (prefix, name))
}

/// The value of a label: letters, digits and `-_.`; it may be empty.
pub(super) fn label_value(text: &str) -> Result<(), Fault> {
    let fault = |rule| Err(Fault::invalid(format!("`{text}` is not a name: {rule}")));
    let edge = |b: Option<&u8>| b.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    if !bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b)) {
        return fault("it may hold only letters, digits, `-`, `_` and `.`");
    }
    if !edge(bytes.first()) || !edge(bytes.last()) {
        return fault("it begins and ends with a letter or digit");
    }
    if bytes.len() > 63 {
        return fault("it has at most 63 characters");
    }
    Ok(())
}

/// A host: DNS1123S, or WILD.
pub(super) fn host(text: &str) -> Result<HostPattern, Fault> {
    if text == "*" {
        let fault = Fault::invalid("`*` is not a host name");
        return Err(fault.help("write a domain behind it, as in `*.example.com`"));
    }
    if let Err(fault) = pattern(text) {
        return Err(match meant_host(text) {
            Some(host) => fault.help(format!("did you mean `{host}`?")),
            None => fault,
        });
    }
    text.parse().map_err(|error| Fault::invalid(format!("`{text}` is not a host name: {error}")))
}

/// DNS1123S, or WILD.
fn pattern(text: &str) -> Result<(), Fault> {
    subdomain(text.strip_prefix("*.").unwrap_or(text))
}

/// The host in what is a URL, has a port, or is not spelt in lower case.
fn meant_host(text: &str) -> Option<String> {
    let lowered = text.trim().to_ascii_lowercase();
    let authority = lowered.split_once("://").map_or(&*lowered, |(_, rest)| rest);
    let host = authority.split(['/', ':']).next()?.trim_end_matches('.').replace('_', "-");
    pattern(&host).is_ok().then_some(host)
}

/// HDRNAME.
pub(super) fn header_name(text: &str) -> Result<HeaderName, Fault> {
    let legal = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    HeaderName::from_bytes(text.as_bytes()).ok().filter(|_| legal).ok_or_else(|| {
        Fault::invalid(format!(
            "`{text}` is not a header name: it may hold only letters, digits and `-`"
        ))
    })
}

/// COOKIE and ARG.
pub(super) fn word(text: &str) -> Result<(), Fault> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if text.is_empty() || !text.bytes().all(legal) {
        let message = format!("`{text}` is not a name: it may hold only letters, digits and `_`");
        return Err(Fault::invalid(message));
    }
    Ok(())
}

/// TIME.
pub(super) fn time(text: &str) -> Result<Duration, Fault> {
    const MINUTE: u64 = 60_000;
    const DAY: u64 = 24 * 60 * MINUTE;
    const UNITS: [(&str, u64); 8] = [
        ("y", 365 * DAY),
        ("M", 30 * DAY),
        ("w", 7 * DAY),
        ("d", DAY),
        ("h", 60 * MINUTE),
        ("m", MINUTE),
        ("s", 1000),
        ("ms", 1),
    ];
    let fault = || {
        Fault::invalid(format!("`{text}` is not a duration")).help(
            "write for example `90`, `100ms` or `1h 30m`: units from large to small, no fractions",
        )
    };
    let mut rest = text.trim();
    let mut units = &UNITS[..];
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().map_err(|_| fault())?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        // A number without unit is in seconds, and nothing may follow it.
        let unit = if letters == 0 && rest.is_empty() { "s" } else { &rest[..letters] };
        let at = units.iter().position(|(name, _)| *name == unit).ok_or_else(fault)?;
        let part = number.checked_mul(units[at].1);
        total = part.and_then(|part| total.checked_add(part)).ok_or_else(fault)?;
        units = &units[at + 1..];
        rest = rest[letters..].trim_start();
    }
    if text.trim().is_empty() { Err(fault()) } else { Ok(Duration::from_millis(total)) }
}

/// SIZE: bytes, with `k` or `m`.
pub(super) fn size(text: &str) -> Result<u64, Fault> {
    bytes(text, &[("k", 10), ("m", 20)])
}

/// OFFSET: bytes, with `k`, `m` or `g`.
pub(super) fn offset(text: &str) -> Result<u64, Fault> {
    bytes(text, &[("k", 10), ("m", 20), ("g", 30)])
}

fn bytes(text: &str, units: &[(&str, u32)]) -> Result<u64, Fault> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let shift = match unit {
        "" => Some(0),
        unit => units.iter().find(|(u, _)| unit.eq_ignore_ascii_case(u)).map(|(_, shift)| *shift),
    };
    let parsed = number.parse().ok().zip(shift);
    parsed.and_then(|(n, shift): (u64, u32)| n.checked_mul(1 << shift)).ok_or_else(|| {
        let names: Vec<_> = units.iter().map(|(u, _)| format!("`{u}`")).collect();
        let message = format!("`{text}` is not a size");
        Fault::invalid(message).help(format!("write bytes, or a number with {}", names.join(", ")))
    })
}

/// PATH, in which whole segments `{name}` are parameters (smi §9.3).
pub(super) fn path(text: &str) -> Result<PathTemplate, Fault> {
    let fault = |what: &str| Err(Fault::invalid(format!("`{text}` is not a path: {what}")));
    if text.starts_with("//") {
        return fault("it begins with `//`");
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == ';' || c == '\\') {
        return fault("it holds blanks, control characters, `;` or `\\`");
    }
    if text.len() > MAX_PATH {
        return Err(Fault::invalid(format!("the path is longer than {MAX_PATH} octets")));
    }
    match PathTemplate::with_parameters(text) {
        Ok(template) => Ok(template),
        Err(error) => fault(&error.to_string()),
    }
}

/// The path of a request, maybe with a query, as it is sent.
pub(super) fn target(text: &str) -> Result<(), Fault> {
    let fault = |what: &str| Err(Fault::invalid(format!("`{text}` is not a path: {what}")));
    if !text.starts_with('/') || text.starts_with("//") {
        return fault("it begins with one `/`");
    }
    let illegal = |c: char| !c.is_ascii_graphic() || "{};\\\"#".contains(c);
    if text.contains(illegal) {
        return fault("it holds characters that must be escaped with `%`");
    }
    if text.len() > MAX_PATH {
        return Err(Fault::invalid(format!("the path is longer than {MAX_PATH} octets")));
    }
    Ok(())
}

/// A URL of `http` or `https`.
pub(super) fn url(text: &str) -> Result<(), Fault> {
    let uri: Option<http::Uri> = text.parse().ok();
    let is_legal = |uri: &http::Uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.authority().is_some_and(|a| !a.host().is_empty() && !a.as_str().contains('@'))
    };
    if !uri.as_ref().is_some_and(is_legal) {
        let fault = Fault::invalid(format!("`{text}` is not a URL"));
        return Err(fault.help("write a whole one, as in `https://idp.example.com/keys`"));
    }
    Ok(())
}

/// PATH in which no parameters can stand.
pub(super) fn plain_path(text: &str) -> Result<(), Fault> {
    path(text)?;
    if text.contains(['{', '}']) {
        let message = format!("`{text}` holds braces; parameters cannot stand here");
        return Err(Fault::invalid(message));
    }
    Ok(())
}

/// ESC: every `"` escaped, no `\` at the end.
pub(super) fn escaped(text: &str) -> Result<(), Fault> {
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == '"' {
            let shown = shorten_around(text, at);
            let message = format!("`{shown}` holds a `\"` that is not escaped");
            let help =
                "write `\\\"`, but not between double quotes, where YAML takes the `\\` away";
            return Err(Fault::invalid(message).help(help));
        }
        if c == '\\' && chars.next().is_none() {
            let message = format!("`{}` ends in a single `\\`", shorten_around(text, at));
            return Err(Fault::invalid(message).help("write `\\\\`"));
        }
    }
    Ok(())
}

/// What NGINX makes of a text between double quotes.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some(c @ ('"' | '\'' | '\\')) => out.push(c),
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

/// Refuses what cannot stand in a header field.
pub(super) fn no_controls(text: &str) -> Result<(), Fault> {
    if text.contains(|c: char| c.is_control() && c != '\t') {
        let message = format!("`{}` holds control characters", text.escape_debug());
        return Err(Fault::invalid(message));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
