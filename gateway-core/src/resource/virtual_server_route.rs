//! VirtualServerRoute of `k8s.nginx.org/v1`: routes of a VirtualServer that stand in a document
//! of their own.

use super::Problems;
use super::document::{Mapping, Value};
use super::fields::{Text, items, required_text, text, whole};
use super::sticky;
use super::virtual_server::{Route, Upstream};
use crate::diagnostic::Diagnostic;
use crate::rules::Field;

/// As written (virtualserver §6).
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct VirtualServerRoute {
    pub(crate) host: Option<Text>,
    pub(crate) ingress_class: Option<Box<str>>,
    pub(crate) upstreams: Vec<Upstream>,
    pub(crate) subroutes: Vec<Route>,
    pub(crate) sticky_by: Option<Field>,
    /// What reading found wrong; kept as that of a VirtualServer is.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The number of errors that reading found.
    pub(crate) errors: usize,
}

impl VirtualServerRoute {
    /// Reads a whole document.
    pub(crate) fn read(root: Value<'_>, problems: &mut Problems) -> Option<Self> {
        let (route, diagnostics, errors) = whole(root, problems, |spec, problems| {
            let route = Self::read_spec(spec, problems);
            let has_splits = route.subroutes.iter().any(Route::has_splits);
            Self { sticky_by: sticky::read(root, has_splits, problems), ..route }
        })?;
        Some(Self { diagnostics, errors, ..route })
    }

    fn read_spec(mut spec: Mapping<'_>, problems: &mut Problems) -> Self {
        let route = Self {
            host: required_text(&mut spec, "host", problems),
            ingress_class: text(&mut spec, "ingressClassName", problems).map(|t| t.value),
            upstreams: items(&mut spec, "upstreams", problems, Upstream::read),
            subroutes: items(&mut spec, "subroutes", problems, Route::read_subroute),
            sticky_by: None,
            diagnostics: Vec::new(),
            errors: 0,
        };
        spec.finish(problems);
        route
    }
}
