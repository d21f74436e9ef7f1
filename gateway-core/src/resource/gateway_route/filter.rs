//! Filters of rules and backends (gateway-api §13, §14).

use super::Reader;
use super::RouteKind;
use super::cors::{self, Cors};
use super::external_auth::{self, ExternalAuth};
use super::mirror::{self, RequestMirror};
use super::values::check_strict;
use crate::resource::document::{At, Mapping, Value, shorten};
use crate::resource::scalar::{self, GROUP, HEADER_NAME, HEADER_VALUE, KIND, OBJECT_NAME};
use crate::rules::{FRAMING, Protocol};
use http::{HeaderName, StatusCode};
use std::collections::BTreeSet;

/// A filter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Filter {
    pub(crate) kind: FilterKind,
    pub(crate) at: At,
}

/// What a filter does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FilterKind {
    RequestHeaderModifier(HeaderModifier),
    ResponseHeaderModifier(HeaderModifier),
    RequestRedirect(RequestRedirect),
    UrlRewrite(UrlRewrite),
    RequestMirror(RequestMirror),
    Cors(Cors),
    ExternalAuth(ExternalAuth),
    ExtensionRef(ExtensionRef),
}

/// Changes to the header of a request or an answer. No name stands in two of the lists.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct HeaderModifier {
    pub(crate) set: Vec<(HeaderName, Box<str>)>,
    pub(crate) add: Vec<(HeaderName, Box<str>)>,
    pub(crate) remove: Vec<HeaderName>,
}

/// `requestRedirect`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RequestRedirect {
    pub(crate) scheme: Option<Protocol>,
    pub(crate) hostname: Option<Box<str>>,
    pub(crate) path: Option<PathModifier>,
    pub(crate) port: Option<u16>,
    pub(crate) status: StatusCode,
}

/// `urlRewrite`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UrlRewrite {
    pub(crate) hostname: Option<Box<str>>,
    pub(crate) path: Option<PathModifier>,
}

/// `extensionRef`: an object that says what the filter does, in the namespace of the route.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ExtensionRef {
    pub(crate) group: Box<str>,
    pub(crate) kind: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) at: At,
}

/// What a path becomes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PathModifier {
    Full(Box<str>),
    Prefix(Box<str>),
}

impl Filter {
    /// Whether the part that the match covers is replaced.
    pub(crate) fn replaces_prefix(&self) -> bool {
        let path = match &self.kind {
            FilterKind::RequestRedirect(redirect) => &redirect.path,
            FilterKind::UrlRewrite(rewrite) => &rewrite.path,
            _ => return false,
        };
        matches!(path, Some(PathModifier::Prefix(_)))
    }
}

/// A type, its block, whether it may be repeated, and how the block is read.
struct FilterType {
    name: &'static str,
    block: &'static str,
    repeatable: bool,
    read: ReadBlock,
}

type ReadBlock = fn(Value<'_>, &mut Reader<'_>) -> Option<FilterKind>;

const TYPES: [FilterType; 8] = [
    FilterType::new("RequestHeaderModifier", "requestHeaderModifier", false, |block, reader| {
        read_headers(block, reader).map(FilterKind::RequestHeaderModifier)
    }),
    FilterType::new("ResponseHeaderModifier", "responseHeaderModifier", false, |block, reader| {
        read_headers(block, reader).map(FilterKind::ResponseHeaderModifier)
    }),
    FilterType::new("RequestRedirect", "requestRedirect", false, |block, reader| {
        read_redirect(block, reader).map(FilterKind::RequestRedirect)
    }),
    FilterType::new("URLRewrite", "urlRewrite", false, |block, reader| {
        read_rewrite(block, reader).map(FilterKind::UrlRewrite)
    }),
    FilterType::new("RequestMirror", "requestMirror", true, |block, reader| {
        mirror::read(block, reader).map(FilterKind::RequestMirror)
    }),
    FilterType::new("CORS", "cors", false, |block, reader| {
        cors::read(block, reader).map(FilterKind::Cors)
    }),
    FilterType::new("ExternalAuth", "externalAuth", false, |block, reader| {
        reader.channels.experimental_field(block);
        external_auth::read(block, reader).map(FilterKind::ExternalAuth)
    }),
    FilterType::new("ExtensionRef", "extensionRef", true, |block, reader| {
        read_extension(block, reader).map(FilterKind::ExtensionRef)
    }),
];

impl FilterType {
    const fn new(
        name: &'static str,
        block: &'static str,
        repeatable: bool,
        read: ReadBlock,
    ) -> Self {
        Self { name, block, repeatable, read }
    }
}

/// Those that a kind of route may have (gateway-api §13, §18.1).
fn types_of(kind: RouteKind) -> impl Iterator<Item = &'static FilterType> {
    let of_calls =
        ["RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror", "ExtensionRef"];
    TYPES.iter().filter(move |t| kind == RouteKind::Http || of_calls.contains(&t.name))
}

pub(super) fn read_list(list: Value<'_>, reader: &mut Reader<'_>) -> Vec<Filter> {
    let mut filters = Vec::new();
    let mut seen = BTreeSet::new();
    for item in scalar::items(list, 0, 16, reader.problems) {
        let Some(mut fields) = item.mapping(reader.problems) else { continue };
        let kind = read_type(&mut fields, reader);
        if let Some(kind) = kind {
            if !seen.insert(kind.name) && !kind.repeatable {
                let message = format!("a list has at most one `{}` filter", kind.name);
                reader.error("duplicate", item, message);
            }
            let both = ["RequestRedirect", "URLRewrite"];
            if both.contains(&kind.name) && both.iter().all(|name| seen.contains(name)) {
                let message = "`RequestRedirect` and `URLRewrite` exclude each other";
                reader.error("conflicting-fields", item, message);
            }
        }
        let block = kind.and_then(|kind| fields.field(kind.block).map(|block| (kind, block)));
        let read = block.and_then(|(kind, block)| (kind.read)(block, reader));
        fields.finish(reader.problems);
        filters.extend(read.map(|kind| Filter { kind, at: item.at() }));
    }
    filters
}

/// The type, when its block is there and no other one is.
fn read_type(fields: &mut Mapping<'_>, reader: &mut Reader<'_>) -> Option<&'static FilterType> {
    let known: Vec<_> = types_of(reader.kind).map(|t| (t.name, t)).collect();
    let kind = fields.required("type", reader.problems);
    let kind = kind.and_then(|v| scalar::one_of(v, &known, reader.problems));
    let mut complete = true;
    for (_, other) in known {
        let block = fields.field(other.block);
        let Some(kind) = kind else { continue };
        let wanted = other.name == kind.name;
        let message = match block {
            None if wanted => format!("a filter of type `{}` needs `{}`", kind.name, kind.block),
            Some(_) if !wanted => {
                format!("a filter of type `{}` cannot have `{}`", kind.name, other.block)
            }
            _ => continue,
        };
        complete = false;
        reader.error("conflicting-fields", fields.value(), message);
    }
    kind.filter(|_| complete)
}

fn read_headers(block: Value<'_>, reader: &mut Reader<'_>) -> Option<HeaderModifier> {
    let mut fields = block.mapping(reader.problems)?;
    let mut modifier = HeaderModifier::default();
    let mut names = Vec::new();
    for (list, edits) in [("set", &mut modifier.set), ("add", &mut modifier.add)] {
        let Some(list) = fields.field(list) else { continue };
        for item in scalar::items(list, 0, 16, reader.problems) {
            let Some(mut fields) = item.mapping(reader.problems) else { continue };
            let name = fields.required("name", reader.problems);
            let name = name.and_then(|v| editable_header(v, reader));
            let value = fields.required("value", reader.problems);
            value.into_iter().for_each(|value| check_strict(value, reader));
            let value = value.and_then(|v| HEADER_VALUE.read(v, reader.problems));
            fields.finish(reader.problems);
            names.extend(name.clone().map(|name| (item, name.as_str().to_owned())));
            edits.extend(name.zip(value.map(Into::into)));
        }
    }
    if let Some(list) = fields.field("remove") {
        for item in scalar::items(list, 0, 16, reader.problems) {
            let Some(name) = editable_header(item, reader) else { continue };
            names.push((item, name.as_str().to_owned()));
            modifier.remove.push(name);
        }
    }
    fields.finish(reader.problems);
    scalar::unique(names, reader.problems);
    Some(modifier)
}

/// A header that filters may change: not `Host`, and none that frames the message
/// (gateway-api §13.1).
fn editable_header(value: Value<'_>, reader: &mut Reader<'_>) -> Option<HeaderName> {
    let text = HEADER_NAME.read(value, reader.problems)?;
    let name = HeaderName::from_bytes(text.as_bytes()).ok()?;
    let message = if name == "host" {
        match reader.kind {
            RouteKind::Http => {
                "`Host` is changed by `urlRewrite.hostname`, not by a header modifier"
            }
            RouteKind::Grpc => "`Host` cannot be changed by a header modifier",
        }
        .to_owned()
    } else if FRAMING.contains(&name) {
        format!("`{text}` belongs to the connection and cannot be changed")
    } else {
        return Some(name);
    };
    reader.error("invalid-value", value, message);
    None
}

fn read_redirect(block: Value<'_>, reader: &mut Reader<'_>) -> Option<RequestRedirect> {
    let schemes = [("http", Protocol::Http), ("https", Protocol::Https)];
    let mut fields = block.mapping(reader.problems)?;
    let scheme = fields.field("scheme");
    let scheme = scheme.and_then(|v| scalar::one_of(v, &schemes, reader.problems));
    let hostname =
        fields.field("hostname").and_then(|v| scalar::precise_hostname(v, reader.problems));
    let path = fields.field("path").and_then(|v| read_path(v, reader));
    let port = fields.field("port").and_then(|v| v.port(reader.problems));
    let mut status = StatusCode::FOUND;
    if let Some(field) = fields.field("statusCode")
        && let Some(code) = field.integer(0..=999, reader.problems)
    {
        match code {
            301 => status = StatusCode::MOVED_PERMANENTLY,
            302 => status = StatusCode::FOUND,
            303 => status = StatusCode::SEE_OTHER,
            307 => status = StatusCode::TEMPORARY_REDIRECT,
            308 => status = StatusCode::PERMANENT_REDIRECT,
            _ => {
                let message = format!("`{code}` is not one of 301, 302, 303, 307 and 308");
                reader.error("invalid-value", field, message);
            }
        }
    }
    fields.finish(reader.problems);
    Some(RequestRedirect { scheme, hostname, path, port, status })
}

fn read_rewrite(block: Value<'_>, reader: &mut Reader<'_>) -> Option<UrlRewrite> {
    let mut fields = block.mapping(reader.problems)?;
    let hostname =
        fields.field("hostname").and_then(|v| scalar::precise_hostname(v, reader.problems));
    let path = fields.field("path").and_then(|v| read_path(v, reader));
    fields.finish(reader.problems);
    Some(UrlRewrite { hostname, path })
}

fn read_extension(block: Value<'_>, reader: &mut Reader<'_>) -> Option<ExtensionRef> {
    let mut fields = block.mapping(reader.problems)?;
    let group = fields.required("group", reader.problems);
    let group = group.and_then(|v| GROUP.read(v, reader.problems));
    let kind = fields.required("kind", reader.problems);
    let kind = kind.and_then(|v| KIND.read(v, reader.problems));
    let name = fields.required("name", reader.problems);
    let name = name.and_then(|v| OBJECT_NAME.read(v, reader.problems));
    fields.finish(reader.problems);
    Some(ExtensionRef {
        group: group?.into(),
        kind: kind?.into(),
        name: name?.into(),
        at: block.at(),
    })
}

fn read_path(value: Value<'_>, reader: &mut Reader<'_>) -> Option<PathModifier> {
    let kinds = [("ReplaceFullPath", true), ("ReplacePrefixMatch", false)];
    let mut fields = value.mapping(reader.problems)?;
    let kind = fields.required("type", reader.problems);
    let kind = kind.and_then(|v| scalar::one_of(v, &kinds, reader.problems));
    let full = fields.field("replaceFullPath");
    let prefix = fields.field("replacePrefixMatch");
    fields.finish(reader.problems);
    let (wanted, other, field) = match kind? {
        true => (full, prefix, "replaceFullPath"),
        false => (prefix, full, "replacePrefixMatch"),
    };
    let Some(wanted) = wanted.filter(|_| other.is_none()) else {
        let message = format!("a path modifier of this type has the field `{field}` and no other");
        reader.error("conflicting-fields", value, message);
        return None;
    };
    let text = scalar::PATH_VALUE.read(wanted, reader.problems)?;
    if text.chars().any(char::is_control) {
        let message =
            format!("`{}` holds a control character", shorten(&text.escape_debug().to_string()));
        reader.error("invalid-path", wanted, message);
        return None;
    }
    Some(if kind? { PathModifier::Full(text.into()) } else { PathModifier::Prefix(text.into()) })
}
