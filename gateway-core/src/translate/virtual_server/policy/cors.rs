//! `cors` (virtualserver §16.8).

use super::super::grammar::subdomain;
use super::super::report::{Fault, Report};
use super::lowering::Lowering;
use crate::resource::fields::Text;
use crate::resource::policy::Cors as Written;
use crate::rules::{Cors, CorsHeaders, CorsOrigin, CorsOrigins};
use http::HeaderValue;
use std::collections::BTreeSet;
use std::net::Ipv6Addr;

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];

/// Header fields of requests that no script may set (Fetch §2.2.2), so that allowing them is a
/// mistake; those that begin with `proxy-` and `sec-` too.
const FORBIDDEN: [&str; 21] = [
    "accept-charset",
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "access-control-request-private-network",
    "connection",
    "content-length",
    "cookie",
    "cookie2",
    "date",
    "dnt",
    "expect",
    "host",
    "keep-alive",
    "origin",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

const DEFAULT_MAX_AGE: u64 = 86_400;

pub(super) fn lower(written: &Written, lowering: &mut Lowering<'_, '_>) -> Option<Cors> {
    let report = &mut lowering.report;
    let origins = origins(written, report);
    let has_get = written.allow_methods.iter().any(|text| &*text.value == "GET");
    let mut seen = BTreeSet::new();
    for text in &written.allow_methods {
        report.check(text.at, method(text, has_get));
        if !seen.insert(&text.value) {
            report.error(text.at, twice(text));
        }
    }
    for text in &written.allow_headers {
        report.check(text.at, allowed_header(text));
    }
    for text in &written.expose_headers {
        report.check(text.at, exposed_header(text));
    }
    let is_any = |text: &Text| &*text.value == "*";
    if let Some(credentials) = &written.allow_credentials
        && credentials.value
        && written.allow_origin.iter().any(is_any)
    {
        let message = "`allowCredentials` cannot stand beside the origin `*`";
        let fault = Fault::new("conflicting-fields", message);
        report.error(credentials.at, fault.help("list the origins that may send credentials"));
    }
    let max_age = written.max_age.and_then(|age| u64::try_from(age).ok());
    Some(Cors::Told(CorsHeaders {
        origins: origins?,
        methods: joined(&written.allow_methods),
        headers: joined(&written.allow_headers),
        expose: joined(&written.expose_headers),
        credentials: Some(written.allow_credentials.as_ref().is_some_and(|flag| flag.value)),
        max_age: Some(max_age.unwrap_or(DEFAULT_MAX_AGE)),
        origin: report.origin(written.at),
    }))
}

fn origins(written: &Written, report: &mut Report) -> Option<CorsOrigins> {
    let mut seen = BTreeSet::new();
    let mut origins = Vec::with_capacity(written.allow_origin.len());
    for text in &written.allow_origin {
        if !seen.insert(text.to_ascii_lowercase()) {
            report.error(text.at, twice(text));
        }
        let parsed = report.check(text.at, origin(text));
        if parsed.is_some() && &*text.value == "*" && written.allow_origin.len() > 1 {
            let message = "`*` beside other origins stands for no other than `*` itself";
            let fault = Fault::new("no-effect", message);
            report.warning(text.at, fault.help("leave the others out to allow any origin"));
        }
        origins.extend(parsed);
    }
    match &origins[..] {
        [] => None,
        [CorsOrigin::Exact(only)] if only == "*" => Some(CorsOrigins::Any),
        [CorsOrigin::Exact(only)] => Some(CorsOrigins::One(only.clone())),
        _ => Some(CorsOrigins::Listed(origins)),
    }
}

/// `*`, `https://shop.example.com:8443`, or `https://*.example.com`.
fn origin(text: &str) -> Result<CorsOrigin, Fault> {
    let fault = |rule: &str| Err(Fault::invalid(format!("`{text}` is not an origin: {rule}")));
    let exact = |text: &str| match HeaderValue::from_str(text) {
        Ok(value) => Ok(CorsOrigin::Exact(value)),
        Err(_) => fault("it holds control characters"),
    };
    if text == "*" {
        return exact(text);
    }
    let scheme = ["http://", "https://"].into_iter().find(|scheme| text.starts_with(scheme));
    let Some(scheme) = scheme else {
        return fault("it begins with `http://` or `https://`");
    };
    let authority = &text[scheme.len()..];
    if authority.contains(['/', '?', '#', '@']) {
        return fault("it has a scheme, a host and maybe a port, and nothing else");
    }
    // The colons of an IPv6 address stand in brackets.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_port = |port: &str| {
        port.bytes().all(|b| b.is_ascii_digit()) && port.parse().is_ok_and(|port: u16| port > 0)
    };
    if !port.is_none_or(is_port) {
        return fault("a port is a number from 1 to 65535");
    }
    let wild = host.strip_prefix("*.");
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let legal = match bracketed {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => subdomain(&wild.unwrap_or(host).to_ascii_lowercase()).is_ok(),
    };
    if !legal {
        return fault("its host is neither a host name nor `*.` and a host name");
    }
    match wild {
        Some(_) => Ok(CorsOrigin::Subdomain {
            scheme: scheme.into(),
            suffix: authority.trim_start_matches('*').into(),
        }),
        None => exact(text),
    }
}

fn method(text: &str, beside_get: bool) -> Result<(), Fault> {
    if !METHODS.contains(&text) {
        return Err(Fault::unsupported("method", text, METHODS));
    }
    if text == "HEAD" && beside_get {
        let fault = Fault::new("conflicting-fields", "`HEAD` stands beside `GET`");
        return Err(fault.help("leave it out: `GET` means both"));
    }
    Ok(())
}

fn header(text: &str) -> Result<(), Fault> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if text != "*" && (text.is_empty() || !text.bytes().all(legal)) {
        let message = format!("`{text}` is neither `*` nor a header name");
        return Err(Fault::invalid(message).help("it may hold only letters, digits, `-` and `_`"));
    }
    Ok(())
}

fn allowed_header(text: &str) -> Result<(), Fault> {
    header(text)?;
    let name = text.to_ascii_lowercase();
    let by_prefix = ["proxy-", "sec-"].iter().any(|prefix| name.starts_with(prefix));
    if by_prefix || FORBIDDEN.contains(&&*name) {
        let message = format!("browsers let no script set `{text}`");
        return Err(Fault::new("unsupported-value", message).help("leave it out"));
    }
    Ok(())
}

fn exposed_header(text: &str) -> Result<(), Fault> {
    header(text)?;
    if ["set-cookie", "set-cookie2"].iter().any(|name| text.eq_ignore_ascii_case(name)) {
        let message = format!("browsers show `{text}` to no script");
        return Err(Fault::new("unsupported-value", message).help("leave it out"));
    }
    Ok(())
}

fn twice(text: &str) -> Fault {
    Fault::new("duplicate-value", format!("`{text}` stands above already"))
}

/// The texts as one header value; `None` where there are none, and where one of them is an error.
fn joined(texts: &[Text]) -> Option<HeaderValue> {
    let texts: Vec<&str> = texts.iter().map(|text| &*text.value).collect();
    HeaderValue::try_from(texts.join(", ")).ok().filter(|value| !value.is_empty())
}
