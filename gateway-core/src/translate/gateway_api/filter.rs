//! What the filters of a list amount to (gateway-api §13, §14).

use super::path;
use crate::diagnostic::Diagnostic;
use crate::origin::Origin;
use crate::resource::Resource;
use crate::resource::gateway_route::GatewayRoute;
use crate::resource::gateway_route::filter::{Filter, FilterKind, HeaderModifier, RequestRedirect};
use crate::rules::{
    HeaderEdit, HeaderOps, HostRewrite, Location, PathRewrite, Redirect, ResponseHeaderAdd,
    ResponseHeaderOps, Template,
};
use crate::translate::Context;
use http::HeaderName;

/// The filters of a rule or a backend, sorted out. At most one of a type, as reading makes sure.
#[derive(Default)]
pub(super) struct Filters<'r> {
    pub(super) request: Option<&'r HeaderModifier>,
    pub(super) response: Option<&'r HeaderModifier>,
    pub(super) redirect: Option<Redirect>,
    rewrite: Option<(HostRewrite, PathRewrite)>,
    /// Why requests cannot be served as the filters ask.
    pub(super) unsupported: Option<String>,
}

impl<'r> Filters<'r> {
    /// Sorts out the filters of a rule.
    pub(super) fn of_rule(
        filters: &'r [Filter],
        route: &Resource<GatewayRoute>,
        context: &mut Context<'_>,
    ) -> Self {
        let mut sorted = Self::default();
        for filter in filters {
            let origin = route.origin(filter.at);
            match &filter.kind {
                FilterKind::RequestHeaderModifier(headers) => sorted.request = Some(headers),
                FilterKind::ResponseHeaderModifier(headers) => sorted.response = Some(headers),
                FilterKind::RequestRedirect(wanted) => {
                    sorted.redirect = Some(redirect(wanted, origin));
                }
                FilterKind::UrlRewrite(wanted) => {
                    let host = match &wanted.hostname {
                        Some(name) => HostRewrite::Set(Template::text(name)),
                        None => HostRewrite::Keep,
                    };
                    sorted.rewrite = Some((host, path::rewrite(wanted.path.as_ref())));
                }
                FilterKind::RequestMirror(_) => {
                    let message = "`RequestMirror` is not supported: no copies are sent";
                    let problem = Diagnostic::warning("unsupported-filter", &origin, message);
                    context.problems.push(problem);
                }
                other => sorted.refuse(other.name(), "the rule", &origin, context),
            }
        }
        sorted
    }

    /// Sorts out the filters of a backend, where only headers can be changed.
    pub(super) fn of_backend(
        filters: &'r [Filter],
        route: &Resource<GatewayRoute>,
        context: &mut Context<'_>,
    ) -> Self {
        let mut sorted = Self::default();
        for filter in filters {
            let name = match &filter.kind {
                FilterKind::RequestHeaderModifier(headers) => {
                    sorted.request = Some(headers);
                    continue;
                }
                FilterKind::ResponseHeaderModifier(headers) => {
                    sorted.response = Some(headers);
                    continue;
                }
                other => other.name(),
            };
            sorted.refuse(name, "the backend", &route.origin(filter.at), context);
        }
        sorted
    }

    /// A filter is never skipped: its requests are answered 500 (gateway-api §13).
    fn refuse(&mut self, name: &str, what: &str, origin: &Origin, context: &mut Context<'_>) {
        let message = format!("the filter `{name}` is not supported here");
        let problem = Diagnostic::error("unsupported-filter", origin, &*message);
        context.problems.push(problem.help(format!("requests to {what} are answered 500")));
        self.unsupported.get_or_insert(message);
    }

    /// Host and path that backends get.
    pub(super) fn rewrite(&self) -> (HostRewrite, PathRewrite) {
        self.rewrite.clone().unwrap_or((HostRewrite::Keep, PathRewrite::Keep))
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

/// The changes to a request: those of the rule, then those of the backend.
pub(super) fn request_headers(rule: &Filters<'_>, backend: &Filters<'_>) -> HeaderOps {
    one_after_the_other([rule.request, backend.request])
}

/// The changes to an answer: those of the backend, then those of the rule (gateway-api §13).
pub(super) fn response_headers(rule: &Filters<'_>, backend: &Filters<'_>) -> ResponseHeaderOps {
    let ops = one_after_the_other([backend.response, rule.response]);
    let add = ops.add.into_iter().map(|edit| ResponseHeaderAdd { edit, always: true });
    ResponseHeaderOps {
        remove: ops.remove,
        set: ops.set,
        add: add.collect(),
        ..ResponseHeaderOps::default()
    }
}

/// One set of changes with the effect of all. Removing comes before setting before adding, so that
/// whatever is removed or set takes earlier changes of its name away.
fn one_after_the_other(modifiers: [Option<&HeaderModifier>; 2]) -> HeaderOps {
    let mut ops = HeaderOps::default();
    for modifier in modifiers.into_iter().flatten() {
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
