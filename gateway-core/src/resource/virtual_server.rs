//! VirtualServer of `k8s.nginx.org/v1`.
//!
//! Reading settles the shape: types, required fields, exactly one of several. What texts mean is
//! for `translate` to say, which is why they stay as written, with their place.

mod route;

pub(crate) use route::{
    Action, Condition, Delegate, Header, Label, Match, PolicyRef, Proxy, Redirect, Return, Route,
    Source, Split, Target,
};

use super::Problems;
use super::document::{At, Located, Mapping, Value};
use crate::diagnostic::Diagnostic;

/// Text and its place.
pub(crate) type Text = Located<Box<str>>;

/// As written (virtualserver §3).
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct VirtualServer {
    pub(crate) host: Option<Text>,
    pub(crate) ingress_class: Option<Box<str>>,
    pub(crate) listener: Option<Located<ListenerNames>>,
    pub(crate) tls: Option<Tls>,
    pub(crate) policies: Option<Located<Vec<PolicyRef>>>,
    pub(crate) upstreams: Vec<Upstream>,
    pub(crate) routes: Vec<Route>,
    /// What reading found wrong. With an error among it the object is not to be put in force; it
    /// is kept so that everything else that is wrong with it can be told at once.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The number of errors that reading found.
    pub(crate) errors: usize,
}

/// `spec.listener`: listeners of a GlobalConfiguration by name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ListenerNames {
    pub(crate) http: Option<Text>,
    pub(crate) https: Option<Text>,
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

/// `spec.upstreams[]` (virtualserver §4).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Upstream {
    pub(crate) name: Option<Text>,
    pub(crate) service: Option<Text>,
    pub(crate) port: Option<Located<u16>>,
    pub(crate) subselector: Option<At>,
    pub(crate) tls: Option<At>,
    pub(crate) kind: Option<Text>,
    pub(crate) lb_method: Option<Text>,
    pub(crate) connect_timeout: Option<Text>,
    pub(crate) read_timeout: Option<Text>,
    pub(crate) send_timeout: Option<Text>,
    pub(crate) next_upstream: Option<Text>,
    pub(crate) next_upstream_tries: Option<u32>,
    pub(crate) next_upstream_timeout: Option<Text>,
    pub(crate) client_max_body_size: Option<Text>,
    /// Durations without effect, whose form is checked all the same.
    pub(crate) other_times: Vec<Text>,
    /// Sizes without effect, whose form is checked all the same.
    pub(crate) other_sizes: Vec<Text>,
}

impl VirtualServer {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let (server, diagnostics, errors) = read_whole(root, problems, Self::read_spec)?;
        Some(Self { diagnostics, errors, ..server })
    }

    fn read_spec(mut spec: Mapping<'_>, problems: &mut Problems) -> Self {
        let server = Self {
            host: required_text(&mut spec, "host", problems),
            ingress_class: text(&mut spec, "ingressClassName", problems).map(|t| t.value),
            listener: mapping(&mut spec, "listener", problems)
                .map(|names| ListenerNames::read(names, problems)),
            tls: mapping(&mut spec, "tls", problems).map(|tls| Tls::read(tls, problems)),
            policies: PolicyRef::read_list(&mut spec, problems),
            upstreams: items(&mut spec, "upstreams", problems, Upstream::read),
            routes: items(&mut spec, "routes", problems, Route::read),
            diagnostics: Vec::new(),
            errors: 0,
        };
        let inert = [
            "gunzip",
            "http-snippets",
            "server-snippets",
            "add-header-inherit",
            "dos",
            "externalDNS",
        ];
        without_effect(&mut spec, &inert, problems);
        spec.finish(problems);
        server
    }
}

/// Reads a whole document by its `spec`. Errors do not end it: beside what was read stand what
/// was found wrong and how many errors are among it, so that they can be told together with what
/// translating finds.
pub(super) fn read_whole<T: Default>(
    root: Value<'_>,
    problems: &mut Problems,
    read_spec: fn(Mapping<'_>, &mut Problems) -> T,
) -> Option<(T, Vec<Diagnostic>, usize)> {
    let (told, errors) = (problems.told().len(), problems.errors());
    let mut root = root.mapping(problems)?;
    for read_elsewhere in ["apiVersion", "kind", "metadata", "status"] {
        root.field(read_elsewhere);
    }
    let spec = root.required("spec", problems);
    root.finish(problems);
    let spec = spec.and_then(|v| v.mapping(problems));
    let read = spec.map(|spec| read_spec(spec, problems)).unwrap_or_default();
    Some((read, problems.told()[told..].to_vec(), problems.errors() - errors))
}

impl ListenerNames {
    fn read(mut names: Mapping<'_>, problems: &mut Problems) -> Located<Self> {
        let value = names.value();
        let http = text(&mut names, "http", problems).filter(|name| !name.is_empty());
        let https = text(&mut names, "https", problems).filter(|name| !name.is_empty());
        names.finish(problems);
        value.located(Self { http, https })
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
        without_effect(&mut tls, &["cert-manager"], problems);
        tls.finish(problems);
        Self { secret: secret.filter(|s| !s.is_empty()), redirect }
    }
}

impl Upstream {
    pub(super) fn read(mut upstream: Mapping<'_>, problems: &mut Problems) -> Self {
        let of = &mut upstream;
        let name = required_text(of, "name", problems);
        let service = required_text(of, "service", problems);
        let port = of.required("port", problems);
        let next_upstream_tries = count(of, "next-upstream-tries", problems);
        let tls = mapping(of, "tls", problems).and_then(|mut tls| {
            let enable = flag(&mut tls, "enable", false, problems);
            let at = tls.value().at();
            tls.finish(problems);
            enable.then_some(at)
        });
        let read = Self {
            name,
            service,
            port: port.and_then(|v| Some(v.located(v.port(problems)?))),
            subselector: of.field("subselector").map(Value::at),
            tls,
            kind: text(of, "type", problems),
            lb_method: text(of, "lb-method", problems),
            connect_timeout: text(of, "connect-timeout", problems),
            read_timeout: text(of, "read-timeout", problems),
            send_timeout: text(of, "send-timeout", problems),
            next_upstream: text(of, "next-upstream", problems),
            next_upstream_tries,
            next_upstream_timeout: text(of, "next-upstream-timeout", problems),
            client_max_body_size: text(of, "client-max-body-size", problems),
            other_times: ["fail-timeout", "slow-start"]
                .into_iter()
                .filter_map(|name| text(of, name, problems))
                .collect(),
            other_sizes: ["buffer-size", "busy-buffers-size", "client-body-buffer-size"]
                .into_iter()
                .filter_map(|name| text(of, name, problems))
                .collect(),
        };
        for name in ["max-fails", "max-conns", "keepalive"] {
            count(of, name, problems);
        }
        for name in ["use-cluster-ip", "buffering", "ntlm"] {
            flag(of, name, false, problems);
        }
        let inert = [
            "use-cluster-ip",
            "fail-timeout",
            "max-fails",
            "max-conns",
            "keepalive",
            "client-body-buffer-size",
            "buffering",
            "buffers",
            "buffer-size",
            "busy-buffers-size",
            "sessionCookie",
            "backup",
            "backupPort",
            "slow-start",
            "queue",
            "ntlm",
            "healthCheck",
        ];
        without_effect(of, &inert, problems);
        upstream.finish(problems);
        read
    }
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

pub(super) fn flag(
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
pub(super) fn items<T>(
    mapping: &mut Mapping<'_>,
    name: &'static str,
    problems: &mut Problems,
    read: impl Fn(Mapping<'_>, &mut Problems) -> T,
) -> Vec<T> {
    let Some(list) = mapping.field(name) else { return Vec::new() };
    let values: Vec<_> = list.list(problems).collect();
    let mappings = values.into_iter().filter_map(|item| {
        let item = item.mapping(problems)?;
        Some(read(item, problems))
    });
    mappings.collect()
}

/// Warns of fields that are known and accepted, but change nothing (virtualserver §18).
fn without_effect(mapping: &mut Mapping<'_>, names: &[&'static str], problems: &mut Problems) {
    for name in names {
        if let Some(value) = mapping.field(name) {
            let message = format!("`{name}` is not supported and has no effect");
            problems.push(Diagnostic::warning("unsupported-field", &value.key_origin(), message));
        }
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
