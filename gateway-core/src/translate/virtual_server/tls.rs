//! `spec.tls` (virtualserver §8).

use super::canned::redirect_status;
use super::grammar::subdomain;
use super::policy::before_location;
use super::report::{Fault, Report};
use crate::resource::virtual_server::{Tls, TlsRedirect};
use crate::rules::{
    Action, Anchor, Boundary, Condition, Field, Location, PathPattern, PathTemplate, Policies,
    Redirect, Regex, Route, Template, TemplatePart, Test,
};
use std::sync::{Arc, LazyLock};

/// An authority with a port that `https` does without.
static DEFAULT_PORT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(":(80|443)?$", Anchor::None, false).expect("a constant expression compiles")
});

/// The redirects to `https` that stand before all other routes.
pub(super) fn lower(tls: &Tls, policies: &Policies, report: &mut Report) -> Vec<Route> {
    if let Some(secret) = &tls.secret {
        report.check(secret.at, subdomain(secret));
    }
    let redirects = tls.redirect.as_ref();
    let has_tls = tls.secret.is_some();
    let redirects = redirects.and_then(|redirect| lower_redirect(redirect, has_tls, report));
    let mut redirects = redirects.unwrap_or_default();
    let policies = before_location(policies);
    redirects.iter_mut().for_each(|route| route.policies.clone_from(&policies));
    redirects
}

fn lower_redirect(written: &TlsRedirect, has_tls: bool, report: &mut Report) -> Option<Vec<Route>> {
    let status = redirect_status(written.code.as_ref(), report);
    let by_header = match written.based_on.as_deref().map(|text| &**text) {
        None | Some("" | "scheme") => Some(false),
        Some("x-forwarded-proto") => Some(true),
        Some(other) => {
            let at = written.based_on.as_ref().map_or(written.at, |text| text.at);
            let known = ["scheme", "x-forwarded-proto"];
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
        let redirect = Redirect { status, location, origin: origin.clone() };
        Route::new(path, conditions, Action::Redirect(Arc::new(redirect)), origin.clone())
    };
    if !by_header {
        let plain = Condition::equals(Field::Scheme, "http");
        return Some(vec![redirect(vec![plain], Field::Host)]);
    }
    // The value is compared exactly: neither `HTTP` nor a missing header redirects. The port of
    // the host is kept unless it is a default one (decisions §6, Q19).
    let forwarded = Condition::equals(Field::Header("x-forwarded-proto".into()), "http");
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
