//! Texts with `${variables}` (virtualserver §2, VARSTR, and §17).

use super::grammar::{escaped, no_controls, unescape, word};
use super::report::{Fault, Report};
use crate::diagnostic::did_you_mean;
use crate::resource::document::{At, shorten_around};
use crate::rules::{Field, Template, TemplatePart};

/// Where a text stands, which says what variables it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The URL of a redirect (virtualserver §17.2).
    Redirect,
    /// The body of a return (virtualserver §17.5).
    Return,
    /// A header value of `return.headers` (virtualserver §17.6).
    ReturnHeader,
    /// The URL of a redirect of an error page (virtualserver §17.3).
    ErrorRedirect,
    /// The body of an error page (virtualserver §17.4).
    ErrorReturn,
    /// A header value of an error page (virtualserver §17.4).
    ErrorHeader,
    /// A header value of `action.proxy` (virtualserver §17.7).
    Proxy,
    /// The key of a rate limit (virtualserver §17.8).
    LimitKey,
    /// The key of a hash, the key or a condition of a cache: any variable, with or without braces
    /// (virtualserver §14, §17.10).
    Any,
}

const REDIRECT: &[&str] = &["scheme", "http_x_forwarded_proto", "request_uri", "host"];

const ERROR_REDIRECT: &[&str] = &["scheme", "http_x_forwarded_proto"];

const ERROR_RETURN: &[&str] = &["upstream_status"];

const LIMIT_KEY: &[&str] = &["binary_remote_addr", "request_uri", "uri", "args", "request_method"];

const RETURN: &[&str] = &[
    "request_uri",
    "request_method",
    "request_body",
    "scheme",
    "args",
    "host",
    "request_time",
    "request_length",
    "nginx_version",
    "pid",
    "connection",
    "remote_addr",
    "remote_port",
    "time_iso8601",
    "time_local",
    "server_addr",
    "server_port",
    "server_name",
    "server_protocol",
    "connections_active",
    "connections_reading",
    "connections_writing",
    "connections_waiting",
];

const TLS: &[&str] = &[
    "ssl_cipher",
    "ssl_ciphers",
    "ssl_client_cert",
    "ssl_client_escaped_cert",
    "ssl_client_fingerprint",
    "ssl_client_i_dn",
    "ssl_client_i_dn_legacy",
    "ssl_client_raw_cert",
    "ssl_client_s_dn",
    "ssl_client_s_dn_legacy",
    "ssl_client_serial",
    "ssl_client_v_end",
    "ssl_client_v_remain",
    "ssl_client_v_start",
    "ssl_client_verify",
    "ssl_curves",
    "ssl_early_data",
    "ssl_protocol",
    "ssl_server_name",
    "ssl_session_id",
    "ssl_session_reused",
];

/// What conditions may look at (virtualserver §17.1).
const CONDITION: &[&str] = &[
    "args",
    "http2",
    "https",
    "query_string",
    "remote_addr",
    "remote_port",
    "request",
    "request_body",
    "request_method",
    "request_uri",
    "scheme",
];

impl Place {
    fn names(self) -> [&'static [&'static str]; 2] {
        match self {
            Self::Redirect => [REDIRECT, &[]],
            Self::Return => [RETURN, &[]],
            Self::ReturnHeader => [&[], &[]],
            Self::ErrorRedirect => [ERROR_REDIRECT, &[]],
            Self::ErrorReturn | Self::ErrorHeader => [ERROR_RETURN, &[]],
            Self::Proxy => [RETURN, TLS],
            Self::LimitKey => [LIMIT_KEY, &[]],
            Self::Any => [&[], &[]],
        }
    }

    fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Return => &["arg_", "http_", "cookie_"],
            Self::Proxy => &["arg_", "http_", "cookie_", "jwt_claim_", "jwt_header_"],
            Self::LimitKey => &["arg_", "http_", "cookie_", "jwt_claim_", "apikey_"],
            _ => &[],
        }
    }

    /// Whether what stands here becomes a body, in which lines may end.
    fn is_body(self) -> bool {
        matches!(self, Self::Return | Self::ErrorReturn)
    }

    /// Header values for backends and clients pass through one more quoting step, which keeps
    /// backslashes as they are (virtualserver §2).
    fn unescapes(self) -> bool {
        self != Self::Proxy
    }
}

/// Reads a text with variables. `server` is the text of the VirtualServer's host.
pub(super) fn template(text: &str, place: Place, server: &str) -> Result<Template, Fault> {
    escaped(text)?;
    let plain;
    let text = if place.unescapes() {
        plain = unescape(text);
        &*plain
    } else {
        text
    };
    if !place.is_body() {
        no_controls(text)?;
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        if place == Place::ReturnHeader {
            return Err(Fault::invalid(format!(
                "`{text}` holds a `$`; variables cannot stand here"
            )));
        }
        let inner = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let inner = inner.or_else(|| bare(after).filter(|_| place == Place::Any));
        let inner = inner.filter(|(name, _)| !name.is_empty());
        let Some((name, after)) = inner else {
            let (name, forms) = match place {
                Place::Any => ("a name", "variables as in `$scheme` or `${scheme}`".to_owned()),
                _ => {
                    let example = bare(after).map_or("scheme", |(name, _)| name);
                    ("a name in braces", format!("variables as in `${{{example}}}`"))
                }
            };
            let shown = shorten_around(text, text.len() - rest.len() + before.len());
            let fault = Fault::invalid(format!("`{shown}` holds a `$` without {name}"));
            return Err(fault.help(format!("write {forms}")));
        };
        parts.push(TemplatePart::Text(before.into()));
        parts.push(variable(name, place, server)?);
        rest = after;
    }
    parts.push(TemplatePart::Text(rest.into()));
    Ok(Template::new(merge(parts)))
}

/// A variable without braces, and what follows it.
fn bare(text: &str) -> Option<(&str, &str)> {
    let word = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    (word > 0).then(|| text.split_at(word))
}

/// Joins texts that stand next to each other.
fn merge(parts: Vec<TemplatePart>) -> Vec<TemplatePart> {
    let mut merged: Vec<TemplatePart> = Vec::with_capacity(parts.len());
    for part in parts {
        match (merged.last_mut(), part) {
            (Some(TemplatePart::Text(before)), TemplatePart::Text(text)) => {
                *before = format!("{before}{text}").into();
            }
            (_, part) => merged.push(part),
        }
    }
    merged
}

fn variable(name: &str, place: Place, server: &str) -> Result<TemplatePart, Fault> {
    if place == Place::Any {
        return any_field(name).map(TemplatePart::Field);
    }
    let known = || place.names().into_iter().flatten().copied();
    if known().any(|n| n == name) {
        return Ok(match name {
            "server_name" => TemplatePart::Text(server.into()),
            name => TemplatePart::Field(field(name)),
        });
    }
    let rest = place.prefixes().iter().find_map(|prefix| name.strip_prefix(prefix));
    let Some(rest) = rest else {
        let prefixes = place.prefixes().iter().map(|prefix| format!("{prefix}…"));
        let prefixes: Vec<String> = prefixes.collect();
        let known: Vec<_> = known().chain(prefixes.iter().map(|prefix| &**prefix)).collect();
        return Err(Fault::unsupported("variable", name, known));
    };
    word(rest)?;
    Ok(TemplatePart::Field(field(name)))
}

/// The field behind any variable name. Where the VirtualServer is not known yet, its host is that
/// of the request.
fn any_field(name: &str) -> Result<Field, Fault> {
    word(name)?;
    Ok(match name {
        "server_name" => Field::Host,
        "document_uri" => Field::Path,
        "content_type" => Field::Header("content-type".into()),
        "content_length" => Field::Header("content-length".into()),
        name => field(name),
    })
}

/// Warns of a variable that only an embedder can know: where any name may stand, that is often a
/// slip, which would leave the value empty.
pub(super) fn warn_of_unknown(field: &Field, at: At, report: &mut Report) {
    const PREFIXES: [&str; 3] = ["jwt_claim_", "jwt_header_", "apikey_"];
    let Field::Attribute(name) = field else { return };
    let known = || [RETURN, TLS, CONDITION, LIMIT_KEY].into_iter().flatten().copied();
    if known().any(|n| *n == **name) || PREFIXES.iter().any(|p| name.starts_with(p)) {
        return;
    }
    let message = format!("`${name}` is empty, unless an embedder supplies it");
    let fault = Fault::new("unknown-variable", message);
    report.warning(at, Fault { help: did_you_mean(name, known()), ..fault });
}

/// The field behind `$name` (virtualserver §17.9).
pub(super) fn variable_field(text: &str) -> Result<Field, Fault> {
    let Some(name) = text.strip_prefix('$') else {
        let fault = Fault::invalid(format!("`{text}` is not a variable"));
        return Err(fault.help(format!("write `${}`", text.trim_matches(['{', '}']))));
    };
    let inner = name.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
    any_field(inner.unwrap_or(name))
}

/// The field behind the `token` of a policy (virtualserver §17.11).
pub(super) fn token_field(text: &str) -> Result<Field, Fault> {
    const PREFIXES: [&str; 3] = ["http_", "arg_", "cookie_"];
    let name = text.strip_prefix('$').unwrap_or_default();
    if PREFIXES.iter().any(|p| name.strip_prefix(p).is_some_and(|rest| word(rest).is_ok())) {
        return Ok(field(name));
    }
    let fault = Fault::invalid(format!("`{text}` does not say where a token stands"));
    Err(fault.help("write one variable, `$http_…`, `$arg_…` or `$cookie_…`"))
}

/// A claim of a token; dots lead into claims that hold others.
pub(super) fn claim(name: &str) -> Result<Field, Fault> {
    if name.contains(|c: char| c.is_whitespace() || c.is_control() || "$\"\\".contains(c)) {
        let message = format!("`{name}` is not a claim: it holds blanks, `$`, `\"` or `\\`");
        return Err(Fault::invalid(message));
    }
    Ok(Field::Attribute(format!("jwt_claim_{name}").into()))
}

/// The field behind a variable name. What the engine does not know itself it asks of the embedder
/// by that name.
fn field(name: &str) -> Field {
    match name.split_once('_').filter(|(_, rest)| !rest.is_empty()) {
        Some(("arg", rest)) => return argument(rest),
        Some(("cookie", rest)) => return cookie(rest),
        Some(("http", rest)) => {
            return Field::Header(rest.to_ascii_lowercase().replace('_', "-").into());
        }
        _ => {}
    }
    match name {
        "request_uri" => Field::Target,
        "request_method" => Field::Method,
        "request" => Field::RequestLine,
        "scheme" => Field::Scheme,
        "args" | "query_string" => Field::Query,
        "host" => Field::Host,
        "uri" => Field::Path,
        "remote_addr" | "binary_remote_addr" => Field::PeerAddress,
        "remote_port" => Field::PeerPort,
        "https" => Field::Https,
        "http2" => Field::Http2,
        other => Field::Attribute(other.into()),
    }
}

/// The field behind the `variable` of a condition, which is written as `$name`.
pub(super) fn condition_field(text: &str) -> Result<Field, Fault> {
    let known = text.strip_prefix('$').filter(|name| CONDITION.contains(name));
    known.map(field).ok_or_else(|| {
        let name = text.trim_start_matches(['$', '{']).trim_end_matches('}');
        if CONDITION.contains(&name) {
            let message = format!("`{text}` is not a variable");
            return Fault::new("unsupported-value", message)
                .help(format!("did you mean `${name}`?"));
        }
        let known: Vec<String> = CONDITION.iter().map(|name| format!("${name}")).collect();
        Fault::unsupported("variable", text, known.iter().map(|name| &**name).collect::<Vec<_>>())
    })
}

/// A query argument as NGINX looks it up: raw, the name in any case (virtualserver §10.1).
pub(super) fn argument(name: &str) -> Field {
    Field::Argument { name: name.into(), ignore_case: true, decoded: false }
}

/// A cookie as NGINX looks it up: the name in any case (virtualserver §10.1).
pub(super) fn cookie(name: &str) -> Field {
    Field::Cookie { name: name.into(), ignore_case: true }
}

#[cfg(test)]
mod tests;
