//! What pages of other origins may do (gateway-api §13.3).

use super::Reader;
use super::http_match::METHODS;
use crate::diagnostic::Diagnostic;
use crate::resource::Problems;
use crate::resource::document::{Located, Value, shorten};
use crate::resource::scalar::{self, HEADER_NAME, ORIGIN};

/// `cors`. A list of methods or header names that holds `*` holds nothing else, but for `expose`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cors {
    pub(crate) origins: Vec<Located<CorsOrigin>>,
    pub(crate) credentials: bool,
    pub(crate) methods: Vec<Box<str>>,
    pub(crate) headers: Vec<Box<str>>,
    /// Header fields of answers that pages may read.
    pub(crate) expose: Vec<Box<str>>,
    /// In seconds, at least 1.
    pub(crate) max_age: u32,
}

/// The origins of pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CorsOrigin {
    /// `*`, which stands alone in its list.
    Any,
    Pattern {
        /// Whether the scheme is `https`; otherwise it is `http`.
        https: bool,
        host: CorsHost,
        /// `None`: the port of the scheme.
        port: Option<u16>,
    },
}

/// The hosts of pages, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CorsHost {
    Any,
    Exact(Box<str>),
    /// Every host with labels before this one, which is written without `*.`.
    Under(Box<str>),
}

pub(super) fn read(block: Value<'_>, reader: &mut Reader<'_>) -> Option<Cors> {
    let mut fields = block.mapping(reader.problems)?;
    let origins = fields.field("allowOrigins").map(|list| read_origins(list, reader));
    let credentials = fields.field("allowCredentials").and_then(|v| v.bool(reader.problems));
    let methods = fields.field("allowMethods").map(|list| read_methods(list, reader));
    let headers = fields.field("allowHeaders").map(|list| {
        let names = read_names(list, reader);
        check_star(list, &names, reader);
        names
    });
    let expose = fields.field("exposeHeaders").map(|list| read_names(list, reader));
    let max_age = match fields.field("maxAge") {
        Some(field) => field.integer(1..=i64::from(i32::MAX), reader.problems),
        None => Some(5),
    };
    fields.finish(reader.problems);
    let texts = |list: Entries<'_>| list.into_iter().map(|(_, text)| text.into()).collect();
    Some(Cors {
        origins: origins.unwrap_or_default(),
        credentials: credentials.unwrap_or_default(),
        methods: methods.map(texts).unwrap_or_default(),
        headers: headers.map(texts).unwrap_or_default(),
        expose: expose.map(texts).unwrap_or_default(),
        max_age: u32::try_from(max_age?).ok()?,
    })
}

type Entries<'d> = Vec<(Value<'d>, &'d str)>;

fn read_methods<'d>(list: Value<'d>, reader: &mut Reader<'_>) -> Entries<'d> {
    let known: Vec<_> = METHODS.into_iter().chain([("*", "*")]).collect();
    let read = |v, p: &mut Problems| scalar::one_of(v, &known, p);
    let methods = scalar::set(list, METHODS.len(), read, reader.problems);
    check_star(list, &methods, reader);
    methods
}

/// Names of header fields, or `*`, which has the form of one.
fn read_names<'d>(list: Value<'d>, reader: &mut Reader<'_>) -> Entries<'d> {
    scalar::set(list, 64, |v, p| HEADER_NAME.read(v, p), reader.problems)
}

fn check_star(list: Value<'_>, entries: &Entries<'_>, reader: &mut Reader<'_>) {
    if entries.len() > 1 && entries.iter().any(|(_, text)| *text == "*") {
        reader.error("conflicting-fields", list, "`*` takes all and stands alone");
    }
}

fn read_origins(list: Value<'_>, reader: &mut Reader<'_>) -> Vec<Located<CorsOrigin>> {
    let entries = scalar::set(list, 64, |v, p| ORIGIN.read(v, p), reader.problems);
    check_star(list, &entries, reader);
    let mut origins = Vec::new();
    for (value, text) in entries {
        match parse(text) {
            Ok(Some(origin)) => origins.push(value.located(origin)),
            Ok(None) => {
                let message = format!("`{text}` is the origin of no page: there is no such port");
                let problem = Diagnostic::warning("never-matches", &value.origin(), message);
                reader.problems.push(problem);
            }
            Err(help) => {
                let message = format!("`{}` is not an origin", shorten(text));
                let problem = Diagnostic::error("invalid-value", &value.origin(), message);
                reader.problems.push(problem.help(help));
            }
        }
    }
    origins
}

/// `CORSOrigin` of gateway-api §2, or what it should be instead. `None`: a port above 65535, which
/// the API server takes.
fn parse(text: &str) -> Result<Option<CorsOrigin>, &'static str> {
    if text == "*" {
        return Ok(Some(CorsOrigin::Any));
    }
    let (https, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return Err("it is `*`, or begins with `http://` or `https://`"),
    };
    if rest.contains('/') {
        return Err("an origin ends with the host or the port, without a `/`");
    }
    let (host, port) = match rest.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (rest, None),
    };
    let host = parse_host(host).ok_or(
        "its host is made of letters, digits, `-` and dots, with `*` only as the whole first label",
    )?;
    let port = match port {
        None => None,
        Some(digits) if is_port(digits) => match digits.parse() {
            Ok(port) => Some(port),
            Err(_) => return Ok(None),
        },
        Some(_) => return Err("its port is a number of at most five digits"),
    };
    Ok(Some(CorsOrigin::Pattern { https, host, port }))
}

fn parse_host(text: &str) -> Option<CorsHost> {
    if text == "*" {
        return Some(CorsHost::Any);
    }
    let (wildcard, names) = match text.strip_prefix("*.") {
        Some(names) => (true, names),
        None => (false, text),
    };
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if !names.split('.').all(is_name) {
        return None;
    }
    let names = names.to_ascii_lowercase().into();
    Some(if wildcard { CorsHost::Under(names) } else { CorsHost::Exact(names) })
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}
