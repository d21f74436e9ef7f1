//! VirtualServer of `k8s.nginx.org/v1`.
//!
//! Reading settles the shape: types, required fields, exactly one of several. What texts mean is
//! for `translate` to say, which is why they stay as written, with their place.

mod error_page;
mod route;
mod upstream;

pub(crate) use error_page::{ErrorPage, Page};
pub(crate) use route::{
    Action, Condition, Header, Match, PolicyRef, Proxy, Redirect, Return, Route, Source, Split,
    Target,
};
pub(crate) use upstream::{HealthCheck, Label, SessionCookie, Timeouts, Upstream};

use super::Problems;
use super::document::{At, Kind, Located, Mapping, Value};
use crate::diagnostic::Diagnostic;

/// Text and its place.
pub(crate) type Text = Located<Box<str>>;

/// As written (virtualserver §3).
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct VirtualServer {
    pub(crate) host: Option<Text>,
    pub(crate) ingress_class: Option<Box<str>>,
    /// Where custom listeners are asked for.
    pub(crate) listener: Option<At>,
    pub(crate) tls: Option<Tls>,
    pub(crate) policies: Option<Located<Vec<PolicyRef>>>,
    pub(crate) dos: Option<Text>,
    pub(crate) add_header_inherit: Option<Text>,
    pub(crate) upstreams: Vec<Upstream>,
    pub(crate) routes: Vec<Route>,
    /// What reading found wrong. With an error among it the object is not to be put in force; it
    /// is kept so that everything else that is wrong with it can be told at once.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The number of errors that reading found.
    pub(crate) errors: usize,
}

/// `spec.tls`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tls {
    pub(crate) secret: Option<Text>,
    pub(crate) redirect: Option<TlsRedirect>,
}

/// `spec.tls.redirect`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TlsRedirect {
    pub(crate) at: At,
    pub(crate) enable: bool,
    pub(crate) code: Option<Located<i64>>,
    pub(crate) based_on: Option<Text>,
}

impl VirtualServer {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let (told, errors) = (problems.told().len(), problems.errors());
        let mut root = root.mapping(problems)?;
        for read_elsewhere in ["apiVersion", "kind", "metadata", "status"] {
            root.field(read_elsewhere);
        }
        let spec = root.required("spec", problems);
        root.finish(problems);
        let spec = spec.and_then(|v| v.mapping(problems));
        let mut server = spec.map(|spec| Self::read_spec(spec, problems)).unwrap_or_default();
        server.diagnostics = problems.told()[told..].to_vec();
        server.errors = problems.errors() - errors;
        Some(server)
    }

    fn read_spec(mut spec: Mapping<'_>, problems: &mut Problems) -> Self {
        let server = Self {
            host: required_text(&mut spec, "host", problems),
            ingress_class: text(&mut spec, "ingressClassName", problems).map(|t| t.value),
            listener: spec.field("listener").map(Value::at),
            tls: mapping(&mut spec, "tls", problems).map(|tls| Tls::read(tls, problems)),
            policies: PolicyRef::read_list(&mut spec, problems),
            dos: text(&mut spec, "dos", problems).filter(|text| !text.is_empty()),
            add_header_inherit: text(&mut spec, "add-header-inherit", problems),
            upstreams: items(&mut spec, "upstreams", problems, Upstream::read),
            routes: items(&mut spec, "routes", problems, Route::read),
            diagnostics: Vec::new(),
            errors: 0,
        };
        if flag(&mut spec, "gunzip", false, problems) {
            without_effect(&mut spec, "gunzip", problems);
        }
        snippets(&mut spec, "http-snippets", problems);
        snippets(&mut spec, "server-snippets", problems);
        without_effect(&mut spec, "externalDNS", problems);
        spec.finish(problems);
        server
    }
}

impl Tls {
    fn read(mut tls: Mapping<'_>, problems: &mut Problems) -> Self {
        let secret = text(&mut tls, "secret", problems);
        let redirect = mapping(&mut tls, "redirect", problems).map(|mut redirect| {
            let read = TlsRedirect {
                at: redirect.value().at(),
                enable: flag(&mut redirect, "enable", false, problems),
                code: number(&mut redirect, "code", problems),
                based_on: text(&mut redirect, "basedOn", problems),
            };
            redirect.finish(problems);
            read
        });
        let secret = secret.filter(|s| !s.is_empty());
        match tls.field("cert-manager") {
            Some(manager) if secret.is_none() => {
                let message = "`cert-manager` needs `secret`";
                problems.push(Diagnostic::error("missing-field", &manager.origin(), message));
            }
            _ => without_effect(&mut tls, "cert-manager", problems),
        }
        tls.finish(problems);
        Self { secret, redirect }
    }
}

/// The text of a field.
fn text(mapping: &mut Mapping<'_>, name: &'static str, problems: &mut Problems) -> Option<Text> {
    let value = mapping.field(name)?;
    Some(value.located(value.string(problems)?.into()))
}

/// The text of a field that must be there and not be empty.
fn required_text(
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
fn number(
    mapping: &mut Mapping<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> Option<Located<i64>> {
    let value = mapping.field(name)?;
    Some(value.located(value.integer(i64::MIN..=i64::MAX, problems)?))
}

/// A whole number, 0 or more.
fn count(mapping: &mut Mapping<'_>, name: &'static str, problems: &mut Problems) -> Option<u32> {
    let value = mapping.field(name)?;
    value.integer(0..=i64::from(i32::MAX), problems).and_then(|n| u32::try_from(n).ok())
}

fn flag(
    mapping: &mut Mapping<'_>,
    name: &'static str,
    default: bool,
    problems: &mut Problems,
) -> bool {
    mapping.field(name).and_then(|v| v.bool(problems)).unwrap_or(default)
}

/// A field that is a mapping.
fn mapping<'d>(
    mapping: &mut Mapping<'d>,
    name: &'static str,
    problems: &mut Problems,
) -> Option<Mapping<'d>> {
    mapping.field(name)?.mapping(problems)
}

/// A field that is a list of mappings.
fn items<T>(
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
fn mappings<T>(
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
fn filled_list<'d>(
    mapping: &mut Mapping<'d>,
    name: &'static str,
    problems: &mut Problems,
) -> Vec<Value<'d>> {
    let Some(list) = mapping.required(name, problems) else { return Vec::new() };
    let values: Vec<_> = list.list(problems).collect();
    if values.is_empty() && *list.kind() == Kind::List {
        let message = format!("`{name}` must not be empty");
        problems.push(Diagnostic::error("missing-field", &list.origin(), message));
    }
    values
}

/// Warns of a field that is known and accepted, but changes nothing (virtualserver §18).
fn without_effect(mapping: &mut Mapping<'_>, name: &'static str, problems: &mut Problems) {
    if let Some(value) = mapping.field(name) {
        let message = format!("`{name}` is not supported and has no effect");
        problems.push(Diagnostic::warning("unsupported-field", &value.key_origin(), message));
    }
}

/// Reads text for NGINX, which nobody else can make sense of (decisions §6, Q27).
fn snippets(mapping: &mut Mapping<'_>, name: &'static str, problems: &mut Problems) {
    if text(mapping, name, problems).is_some_and(|text| !text.trim().is_empty()) {
        without_effect(mapping, name, problems);
    }
}

/// The one of `names` that is written. None or several are an error at the mapping itself.
fn exactly_one(
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
    problems.push(Diagnostic::error(code, &mapping.value().origin(), message));
    None
}

/// `` `a`, `b` and `c` ``.
fn quoted(names: &[&str], last: &str) -> String {
    let names: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    match &names[..] {
        [first @ .., end] if !first.is_empty() => format!("{} {last} {end}", first.join(", ")),
        all => all.concat(),
    }
}
