//! What the filters of a list amount to (gateway-api §13, §14).

use super::{cors, path};
use crate::diagnostic::Diagnostic;
use crate::origin::Origin;
use crate::resource::Resource;
use crate::resource::document::At;
use crate::resource::gateway_route::GatewayRoute;
use crate::resource::gateway_route::external_auth::ExternalAuth;
use crate::resource::gateway_route::filter::{
    Filter, FilterKind, HeaderModifier, RequestRedirect, UrlRewrite,
};
use crate::resource::gateway_route::mirror::RequestMirror;
use crate::rules::{
    Cors, HeaderEdit, HeaderOps, HostRewrite, Location, PathRewrite, Redirect, ResponseHeaderAdd,
    ResponseHeaderOps, Template,
};
use crate::translate::Context;
use http::HeaderName;
use std::sync::Arc;

/// The filters of a rule or a backend, sorted out. At most one of a type but for mirrors, as
/// reading makes sure.
#[derive(Default)]
pub(super) struct Filters<'r> {
    pub(super) changes: Changes<'r>,
    response: Option<&'r HeaderModifier>,
    pub(super) redirect: Option<Redirect>,
    pub(super) cors: Option<Arc<Cors>>,
    pub(super) auth: Option<Auth<'r>>,
    pub(super) mirrors: Vec<Mirrored<'r>>,
    /// Why requests cannot be served as the filters ask.
    pub(super) unsupported: Option<String>,
}

/// What a list changes in requests.
#[derive(Clone, Copy, Default)]
pub(super) struct Changes<'r> {
    headers: Option<&'r HeaderModifier>,
    rewrite: Option<&'r UrlRewrite>,
}

/// A mirror, and what the filters before it have changed.
pub(super) struct Mirrored<'r> {
    pub(super) mirror: &'r RequestMirror,
    pub(super) before: Changes<'r>,
    pub(super) at: At,
}

/// A question to another service.
pub(super) struct Auth<'r> {
    pub(super) written: &'r ExternalAuth,
    /// Whether it stands before the filter of cross-origin requests.
    pub(super) before_cors: bool,
    pub(super) at: At,
}

impl<'r> Filters<'r> {
    /// Sorts out the filters of `what`, as messages call it.
    pub(super) fn of(
        filters: &'r [Filter],
        what: &str,
        route: &Resource<GatewayRoute>,
        context: &mut Context<'_>,
    ) -> Self {
        let mut sorted = Self::default();
        for filter in filters {
            let (at, origin) = (filter.at, route.origin(filter.at));
            match &filter.kind {
                FilterKind::RequestHeaderModifier(headers) => {
                    sorted.changes.headers = Some(headers);
                }
                FilterKind::ResponseHeaderModifier(headers) => sorted.response = Some(headers),
                FilterKind::RequestRedirect(wanted) => {
                    sorted.redirect = Some(redirect(wanted, origin));
                }
                FilterKind::UrlRewrite(wanted) => sorted.changes.rewrite = Some(wanted),
                FilterKind::RequestMirror(mirror) => {
                    let before = sorted.changes;
                    sorted.mirrors.push(Mirrored { mirror, before, at });
                }
                FilterKind::Cors(written) => {
                    sorted.cors = Some(Arc::new(cors::lower(written, origin)));
                }
                FilterKind::ExternalAuth(written) => {
                    let before_cors = sorted.cors.is_none();
                    sorted.auth = Some(Auth { written, before_cors, at });
                }
                FilterKind::ExtensionRef(extension) => {
                    let message = format!(
                        "the extension `{}` of kind `{}` of group `{}` is not known",
                        extension.name, extension.kind, extension.group
                    );
                    sorted.refuse(message, what, &origin, context);
                }
            }
        }
        sorted
    }

    /// The same of a backend, of which nobody is asked about requests: they have been let pass when
    /// it is chosen.
    pub(super) fn of_backend(
        filters: &'r [Filter],
        route: &Resource<GatewayRoute>,
        context: &mut Context<'_>,
    ) -> Self {
        let mut sorted = Self::of(filters, "the backend", route, context);
        if let Some(auth) = sorted.auth.take() {
            let message = "the filter `ExternalAuth` is not supported at a backend".to_owned();
            sorted.refuse(message, "the backend", &route.origin(auth.at), context);
        }
        sorted
    }

    /// A filter is never skipped: its requests are answered 500 (gateway-api §13).
    fn refuse(&mut self, message: String, what: &str, origin: &Origin, context: &mut Context<'_>) {
        let problem = Diagnostic::error("unsupported-filter", origin, &*message);
        context.problems.push(problem.help(format!("requests to {what} are answered 500")));
        self.unsupported.get_or_insert(message);
    }
}

/// A redirect; what its URL is made of depends on the request (gateway-api §14.2).
fn redirect(wanted: &RequestRedirect, origin: Origin) -> Redirect {
    let location = Location::Parts {
        scheme: wanted.scheme,
        host: wanted.hostname.clone(),
        port: wanted.port,
        path: path::rewrite(wanted.path.as_ref()),
    };
    Redirect { status: wanted.status, location, max_body: None, origin }
}

/// Host and path that backends get: what lists change later goes before what they change earlier.
pub(super) fn rewrite(changes: &[Changes<'_>]) -> (HostRewrite, PathRewrite) {
    let rewrites = || changes.iter().rev().filter_map(|changes| changes.rewrite);
    let host = rewrites().find_map(|rewrite| rewrite.hostname.as_ref());
    let host = host.map_or(HostRewrite::Keep, |name| HostRewrite::Set(Template::text(name)));
    (host, path::rewrite(rewrites().find_map(|rewrite| rewrite.path.as_ref())))
}

/// The changes to the header of a request, one list after the other.
pub(super) fn request_headers(changes: &[Changes<'_>]) -> HeaderOps {
    one_after_the_other(changes.iter().filter_map(|changes| changes.headers))
}

/// The changes to an answer: those of the backend, then those of the rule (gateway-api §13).
pub(super) fn response_headers(rule: &Filters<'_>, backend: &Filters<'_>) -> ResponseHeaderOps {
    let ops = one_after_the_other([backend.response, rule.response].into_iter().flatten());
    let add = ops.add.into_iter().map(|edit| ResponseHeaderAdd { edit, always: true });
    ResponseHeaderOps {
        of_backends: true,
        remove: ops.remove,
        set: ops.set,
        add: add.collect(),
        ..ResponseHeaderOps::default()
    }
}

/// One set of changes with the effect of all. Removing comes before setting before adding, so that
/// whatever is removed or set takes earlier changes of its name away.
fn one_after_the_other<'r>(modifiers: impl Iterator<Item = &'r HeaderModifier>) -> HeaderOps {
    let mut ops = HeaderOps::default();
    for modifier in modifiers {
        for name in &modifier.remove {
            forget(&mut ops, name);
            ops.remove.push(name.clone());
        }
        for (name, value) in &modifier.set {
            forget(&mut ops, name);
            ops.set.push(edit(name, value));
        }
        ops.add.extend(modifier.add.iter().map(|(name, value)| edit(name, value)));
    }
    ops
}

fn forget(ops: &mut HeaderOps, name: &HeaderName) {
    ops.remove.retain(|other| other != name);
    ops.set.retain(|other| other.name != *name);
    ops.add.retain(|other| other.name != *name);
}

fn edit(name: &HeaderName, value: &str) -> HeaderEdit {
    HeaderEdit { name: name.clone(), value: Template::text(value) }
}
