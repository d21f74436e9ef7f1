//! VirtualServer of `k8s.nginx.org/v1`.
//!
//! Reading settles the shape: types, required fields, exactly one of several. What texts mean is
//! for `translate` to say, which is why they stay as written, with their place.

mod error_page;
mod route;

pub(crate) use error_page::{ErrorPage, Page};
pub(crate) use route::{
    Action, Condition, Header, Match, PolicyRef, Proxy, Redirect, Return, Route, Source, Split,
    Target,
};

pub(crate) use super::fields::Text;

use super::Problems;
use super::document::{At, Located, Mapping, Value};
use super::fields::{
    count, flag, items, mapping, number, required_text, text, whole, without_effect,
};
use crate::diagnostic::Diagnostic;

/// As written (virtualserver §3).
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct VirtualServer {
    pub(crate) host: Option<Text>,
    pub(crate) ingress_class: Option<Box<str>>,
    /// Where custom listeners are asked for.
    pub(crate) listener: Option<At>,
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
        let (server, diagnostics, errors) = whole(root, problems, Self::read_spec)?;
        Some(Self { diagnostics, errors, ..server })
    }

    fn read_spec(mut spec: Mapping<'_>, problems: &mut Problems) -> Self {
        let server = Self {
            host: required_text(&mut spec, "host", problems),
            ingress_class: text(&mut spec, "ingressClassName", problems).map(|t| t.value),
            listener: spec.field("listener").map(Value::at),
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
    fn read(mut upstream: Mapping<'_>, problems: &mut Problems) -> Self {
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
