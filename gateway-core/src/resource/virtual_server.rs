//! VirtualServer of `k8s.nginx.org/v1`.
//!
//! Reading settles the shape: types, required fields, exactly one of several. What texts mean is
//! for `translate` to say, which is why they stay as written, with their place.

mod error_page;
mod route;
mod upstream;

pub(crate) use error_page::{ErrorPage, Page};
pub(crate) use route::{
    Action, Condition, Delegate, Header, Match, PolicyRef, Proxy, Redirect, Return, Route, Source,
    Split, Target,
};
pub(crate) use upstream::{HealthCheck, SessionCookie, Timeouts, Upstream};

pub(crate) use super::fields::{Label, Text};

use super::Problems;
use super::document::{At, Located, Mapping, Value};
use super::fields::{
    flag, items, mapping, number, required_text, snippets, switch, text, whole, without_effect,
};
use super::sticky;
use crate::diagnostic::Diagnostic;
use crate::rules::Field;

/// As written (virtualserver §3).
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct VirtualServer {
    pub(crate) host: Option<Text>,
    pub(crate) ingress_class: Option<Box<str>>,
    pub(crate) listener: Option<Located<ListenerNames>>,
    pub(crate) tls: Option<Tls>,
    pub(crate) policies: Option<Located<Vec<PolicyRef>>>,
    pub(crate) dos: Option<Text>,
    pub(crate) add_header_inherit: Option<Text>,
    pub(crate) gunzip: bool,
    pub(crate) upstreams: Vec<Upstream>,
    pub(crate) routes: Vec<Route>,
    pub(crate) sticky_by: Option<Field>,
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

impl VirtualServer {
    /// Reads a whole document (root mapping with apiVersion, kind, metadata, spec).
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let (server, diagnostics, errors) = whole(root, problems, |spec, problems| {
            let server = Self::read_spec(spec, problems);
            let has_splits = server.routes.iter().any(Route::has_splits);
            Self { sticky_by: sticky::read(root, has_splits, problems), ..server }
        })?;
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
            dos: text(&mut spec, "dos", problems).filter(|text| !text.is_empty()),
            add_header_inherit: text(&mut spec, "add-header-inherit", problems),
            gunzip: flag(&mut spec, "gunzip", false, problems),
            upstreams: items(&mut spec, "upstreams", problems, Upstream::read),
            routes: items(&mut spec, "routes", problems, Route::read),
            sticky_by: None,
            diagnostics: Vec::new(),
            errors: 0,
        };
        snippets(&mut spec, "http-snippets", problems);
        snippets(&mut spec, "server-snippets", problems);
        without_effect(&mut spec, "externalDNS", problems);
        spec.finish(problems);
        server
    }
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
                enable: switch(&mut redirect, problems),
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
