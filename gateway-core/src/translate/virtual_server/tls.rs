//! `spec.tls` (virtualserver §8).

use super::canned::redirect_status;
use super::grammar::subdomain;
use super::order;
use super::policy::before_location;
use super::report::{Fault, Report};
use super::secret::{self, SecretKind};
use crate::resource::virtual_server::{Tls, TlsRedirect, VirtualServer};
use crate::resource::{Resource, Resources};
use crate::rules::{
    Action, Anchor, Boundary, Condition, Field, HeaderEdit, Location, PathPattern, PathTemplate,
    Policies, Redirect, Regex, Route, ServerTls, Template, TemplatePart, Test,
};
use crate::translate::pem::certificate;
use http::HeaderName;
use std::sync::{Arc, LazyLock};

/// The `basedOn` that is a header field.
const BY_HEADER: &str = "x-forwarded-proto";

/// An authority with a port that `https` does without.
static DEFAULT_PORT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(":(80|443)?$", Anchor::None, false).expect("a constant expression compiles")
});

/// Warns where there is no certificate; what comes without TLS is served all the same.
pub(super) fn check_secret(tls: &Tls, namespace: &str, resources: &Resources, report: &mut Report) {
    let Some(text) = &tls.secret else { return };
    if report.check(text.at, subdomain(text)).is_some()
        && let Err(fault) = secret::find(resources, namespace, text, SecretKind::Tls)
    {
        let message = format!("{}; TLS handshakes for the host fail", fault.message);
        report.warning(text.at, Fault { message, ..fault });
    }
}

/// How TLS ends for the host, where its Secret is all right.
pub(super) fn material(
    server: &Resource<VirtualServer>,
    resources: &Resources,
) -> Option<Arc<ServerTls>> {
    let name = server.spec.tls.as_ref()?.secret.as_ref()?;
    let namespace = &server.meta.namespace;
    secret::find(resources, namespace, name, SecretKind::Tls).ok()?;
    let certificates = vec![certificate(resources.secret(namespace, name)?)?];
    Some(Arc::new(ServerTls { certificates, clients: None, exclusive: false }))
}

/// The redirects to `https` that stand before all other routes.
pub(super) fn lower(tls: &Tls, policies: &Policies, report: &mut Report) -> Vec<Route> {
    let redirects = tls.redirect.as_ref();
    let has_tls = tls.secret.is_some();
    let redirects = redirects.and_then(|redirect| lower_redirect(redirect, has_tls, report));
    let mut redirects = redirects.unwrap_or_default();
    let policies = before_location(policies);
    redirects.iter_mut().for_each(|route| route.policies.clone_from(&policies));
    redirects
}

/// Whether redirects go by what the client says of its connection.
pub(super) fn goes_by_header(tls: &Tls) -> bool {
    let redirect = tls.redirect.as_ref().filter(|redirect| redirect.enable);
    let based_on = redirect.and_then(|redirect| redirect.based_on.as_ref());
    based_on.is_some_and(|text| *text.value == *BY_HEADER)
}

/// Lets backends receive the client's own `X-Forwarded-Proto`, or none, unless an action sets it.
pub(super) fn pass_protocol_on(location: &mut order::Location) {
    for rule in &mut location.place.rules {
        rule.action.edit_forwards(&mut |forward| {
            let set = &mut forward.request_headers.set;
            if set.iter().all(|edit| edit.name != BY_HEADER) {
                let client = TemplatePart::Field(Field::Header(BY_HEADER.into()));
                let name = HeaderName::from_static(BY_HEADER);
                set.push(HeaderEdit { name, value: Template::new([client]) });
            }
        });
    }
}

fn lower_redirect(written: &TlsRedirect, has_tls: bool, report: &mut Report) -> Option<Vec<Route>> {
    let status = redirect_status(written.code.as_ref(), report);
    let by_header = match written.based_on.as_deref().map(|text| &**text) {
        None | Some("" | "scheme") => Some(false),
        Some(BY_HEADER) => Some(true),
        Some(other) => {
            let at = written.based_on.as_ref().map_or(written.at, |text| text.at);
            let known = ["scheme", BY_HEADER];
            report.error(at, Fault::unsupported("base of a redirect", other, known));
            None
        }
    };
    let (status, by_header) = (status?, by_header?);
    if !written.enable {
        return None;
    }
    if !by_header && !has_tls {
        let message = "without `secret` nothing is served over `https`, where this redirects to";
        let fault = Fault::new("missing-field", message).help(
            "name a `secret`, or set `basedOn: x-forwarded-proto` where a proxy in front ends TLS",
        );
        report.warning(written.at, fault);
    }
    let origin = report.origin(written.at);
    // A request without a path (`OPTIONS *`, CONNECT) has no URL to be redirected to.
    let root = PathTemplate::literal("/").expect("`/` is a path");
    let redirect = |conditions, host| {
        let path = PathPattern::Prefix { template: root.clone(), boundary: Boundary::Byte };
        let location = Location::Url(Template::new([
            TemplatePart::Text("https://".into()),
            TemplatePart::Field(host),
            TemplatePart::Field(Field::Target),
        ]));
        let redirect = Redirect { status, location, max_body: None, origin: origin.clone() };
        Route::new(path, conditions, Action::Redirect(Arc::new(redirect)), origin.clone())
    };
    if !by_header {
        let plain = Condition::equals(Field::Scheme, "http");
        return Some(vec![redirect(vec![plain], Field::Host)]);
    }
    // The value is compared exactly: neither `HTTP` nor a missing header redirects. The port of
    // the host is kept unless it is a default one (decisions §6, Q19).
    let forwarded = Condition::equals(Field::Header(BY_HEADER.into()), "http");
    let authority = Field::Header("host".into());
    let default_port = Condition::new(
        authority.clone(),
        Test::Matches { regex: DEFAULT_PORT.clone(), empty_matches: false },
    );
    Some(vec![
        redirect(vec![forwarded.clone(), default_port], Field::Host),
        redirect(vec![forwarded], authority),
    ])
}
