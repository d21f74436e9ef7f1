//! What rules change in the header of a request and of its answer.

use super::template::{constant, header_value};
use super::{Decision, Forwarding, NoRoute, Outcome, cors};
use crate::request::Request;
use crate::request::field::View;
use crate::rules::{
    Cors, FRAMING, Field, HeaderEdit, HeaderOps, HostRewrite, Hsts, Protocol, Template, visible,
};
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use std::borrow::Cow;

/// What changes to a header are made to: the header itself, or a list of them for whoever keeps
/// the header in a form of their own. `'r` is how long names live, and values that are the same for
/// all requests: as long as the router that decided.
pub trait EditHeaders<'r> {
    /// Drops all lines but `Host` and those that say where a message ends and what becomes of the
    /// connection: `Connection`, `Content-Length`, `Keep-Alive`, `Proxy-Connection`, `TE`,
    /// `Trailer`, `Transfer-Encoding` and `Upgrade`.
    fn drop_all(&mut self);

    /// Drops the lines whose name holds anything but letters, digits and `-`.
    fn drop_unusual(&mut self);

    /// Drops all lines of the name.
    fn remove(&mut self, name: &'r HeaderName);

    /// Drops all lines of all these names.
    fn remove_each(&mut self, names: [&'r [HeaderName]; 2]) {
        names.into_iter().flatten().for_each(|name| self.remove(name));
    }

    /// Replaces all lines of the name by one.
    fn set(&mut self, name: &'r HeaderName, value: Cow<'r, HeaderValue>);

    /// Adds a line behind those of the name. The value is not empty.
    fn append(&mut self, name: &'r HeaderName, value: Cow<'r, HeaderValue>);
}

/// A header that is full stays as it is.
impl<'r> EditHeaders<'r> for HeaderMap {
    fn drop_all(&mut self) {
        let all = std::mem::take(self);
        for name in FRAMING.iter().chain([&header::HOST]) {
            for value in all.get_all(name).iter().filter(|value| !value.is_empty()) {
                let _ = self.try_append(name, value.clone());
            }
        }
    }

    fn drop_unusual(&mut self) {
        let is_usual = |octet: u8| IS_USUAL[usize::from(octet)];
        let unusual = |name: &&HeaderName| !name.as_str().bytes().all(is_usual);
        let unusual: Vec<HeaderName> = self.keys().filter(unusual).cloned().collect();
        for name in &unusual {
            self.remove(name);
        }
    }

    fn remove(&mut self, name: &'r HeaderName) {
        self.remove(name);
    }

    fn remove_each(&mut self, names: [&'r [HeaderName]; 2]) {
        // Most headers have few fields, and none of these: comparing names costs less than looking
        // each of them up.
        let is_dropped = |name: &&HeaderName| names.iter().any(|some| some.contains(name));
        while let Some(name) = self.keys().find(is_dropped).cloned() {
            self.remove(&name);
        }
    }

    fn set(&mut self, name: &'r HeaderName, value: Cow<'r, HeaderValue>) {
        self.remove(name);
        let _ = self.try_append(name, value.into_owned());
    }

    fn append(&mut self, name: &'r HeaderName, value: Cow<'r, HeaderValue>) {
        let _ = self.try_append(name, value.into_owned());
    }
}

impl<'r> Decision<'r> {
    /// The `Host` that the backend receives; `None` where the client's authority goes on as it
    /// came.
    ///
    /// `request` is the one that was decided.
    pub fn host_header(&self, request: &impl Request) -> Option<HeaderValue> {
        let Outcome::Forward(forwarding) = self.outcome else { return None };
        let template = match &forwarding.forward.host {
            HostRewrite::Keep => return None,
            HostRewrite::WithoutPort if self.is_plain => return None,
            HostRewrite::WithoutPort => None,
            HostRewrite::Set(template) => Some(template),
        };
        if let Some(constant) = template.and_then(Template::constant)
            && !constant.is_empty()
        {
            return Some(constant.clone());
        }
        self.with_view(request, |view| {
            let own = || visible(view.host().to_vec());
            match template {
                None if view.host_is_authority() => None,
                None => Some(own()),
                Some(template) => {
                    let value = header_value(template, view).into_owned();
                    Some(if value.is_empty() { own() } else { value })
                }
            }
        })?
    }

    /// Makes the rule's changes to the header that the backend receives; `Host` is not among them
    /// ([`Decision::host_header`]). Values are read from `request`, which is the one that was
    /// decided, as the client sent it: `headers` is a copy of its header.
    pub fn edit_request(&self, request: &impl Request, headers: &mut impl EditHeaders<'r>) {
        let Outcome::Forward(forwarding) = self.outcome else { return };
        let ops = &forwarding.forward.request_headers;
        drop_request_fields(ops, headers);
        self.with_values(request, ops.set.iter().chain(&ops.add), |value| {
            ops.set.iter().for_each(|edit| set(headers, &edit.name, value(&edit.value)));
            ops.add.iter().for_each(|edit| append(headers, &edit.name, value(&edit.value)));
        });
    }

    /// Makes the rule's changes to the header of the answer, which has `status`: those of a
    /// forwarding rule to what the backend sent; `Content-Type` and the lines of a canned answer;
    /// the `Location` of a redirect; `Allow` where the method is to blame.
    ///
    /// `request` is the one that was decided.
    pub fn edit_response(
        &self,
        status: StatusCode,
        request: &impl Request,
        headers: &mut impl EditHeaders<'r>,
    ) {
        match self.outcome {
            Outcome::Forward(forwarding) => {
                // That of the backend gives way, be the client told anything or not.
                if self.policies().is_some_and(|policies| policies.hsts.is_some()) {
                    headers.remove(&header::STRICT_TRANSPORT_SECURITY);
                }
                self.edit_by_rule(&forwarding, status, request, headers);
            }
            Outcome::Deny(_) => return self.edit_refusal(status, request, headers),
            Outcome::Redirect(_) => {
                if let Some(location) = self.location(request) {
                    set(headers, &header::LOCATION, Cow::Owned(location));
                }
            }
            Outcome::Respond(respond) => {
                if let Some(content_type) = &respond.content_type {
                    let content_type = visible(content_type.as_bytes().to_vec());
                    set(headers, &header::CONTENT_TYPE, Cow::Owned(content_type));
                }
                self.with_values(request, respond.headers.iter(), |value| {
                    let lines = respond.headers.iter();
                    lines.for_each(|edit| append(headers, &edit.name, value(&edit.value)));
                });
            }
            Outcome::NoRoute(NoRoute::MethodNotAllowed) => {
                let allow = self.allow(request).join(", ");
                headers.set(&header::ALLOW, Cow::Owned(visible(allow.into_bytes())));
            }
            Outcome::NoRoute(_) => {}
        }
        self.edit_by_policies(request, headers);
    }

    /// Makes the changes to the header of an answer of one's own with `status`, to a request that a
    /// step turned away, or whose backend gave none: where it was meant for a backend, those that
    /// the rule makes to any answer; and what policies tell.
    ///
    /// `request` is the one that was decided.
    pub fn edit_refusal(
        &self,
        status: StatusCode,
        request: &impl Request,
        headers: &mut impl EditHeaders<'r>,
    ) {
        if let Outcome::Forward(forwarding) | Outcome::Deny(forwarding) = self.outcome
            && !forwarding.forward.response_headers.of_backends
        {
            self.edit_by_rule(&forwarding, status, request, headers);
        }
        self.edit_by_policies(request, headers);
    }

    fn edit_by_rule(
        &self,
        forwarding: &Forwarding<'r>,
        status: StatusCode,
        request: &impl Request,
        headers: &mut impl EditHeaders<'r>,
    ) {
        let ops = &forwarding.forward.response_headers;
        headers.remove_each([&ops.hidden, &ops.remove]);
        let added = ops.add.iter().map(|add| &add.edit);
        self.with_values(request, ops.set.iter().chain(added), |value| {
            ops.set.iter().for_each(|edit| set(headers, &edit.name, value(&edit.value)));
            // virtualserver §12.3
            let usual = matches!(status.as_u16(), 200 | 201 | 204 | 206 | 301..=304 | 307 | 308);
            let adds = ops.add.iter().filter(|add| usual || add.always).map(|add| &add.edit);
            adds.for_each(|edit| append(headers, &edit.name, value(&edit.value)));
        });
    }

    /// Lets `edit` ask for the values of `edits`. The request is read for those alone that are not
    /// the same for all requests.
    fn with_values<'e, R: Request>(
        &self,
        request: &R,
        mut edits: impl Iterator<Item = &'e HeaderEdit>,
        edit: impl FnOnce(&dyn Fn(&'r Template) -> Cow<'r, HeaderValue>),
    ) {
        if edits.all(|edit| edit.value.constant().is_some()) {
            return edit(&constant);
        }
        self.with_view(request, |view| edit(&|template| header_value(template, view)));
    }

    /// Makes the header of the answer to a pre-flight request.
    ///
    /// `request` is the one that was decided.
    pub fn edit_preflight(&self, request: &impl Request, headers: &mut impl EditHeaders<'r>) {
        // As NGINX says of answers without a body (virtualserver §16.8).
        if let Some(Cors::Told(_)) = self.cors() {
            let text = HeaderValue::from_static("text/plain");
            headers.set(&header::CONTENT_TYPE, Cow::Owned(text));
        }
        self.edit_by_policies(request, headers);
    }

    fn edit_by_policies(&self, request: &impl Request, headers: &mut impl EditHeaders<'r>) {
        if self.policies().is_some() || self.cors().is_some() {
            self.with_view(request, |view| add_of_policies(self, view, headers));
        }
    }
}

/// Adds what the policies of the route tell in every answer.
pub(crate) fn add_of_policies<'r, R: Request>(
    decision: &Decision<'r>,
    view: &View<'_, R>,
    headers: &mut impl EditHeaders<'r>,
) {
    if let Some(cors) = decision.cors() {
        cors::edit(cors, &decision.outcome, view, headers);
    }
    let Some(policies) = decision.policies() else { return };
    if let Some(hsts) = policies.hsts.as_deref()
        && is_told(hsts, view)
    {
        set(headers, &header::STRICT_TRANSPORT_SECURITY, Cow::Borrowed(&hsts.value));
    }
}

/// Whether the client came by TLS (virtualserver §16.10).
fn is_told<R: Request>(hsts: &Hsts, view: &View<'_, R>) -> bool {
    let forwarded = Field::Header("x-forwarded-proto".into());
    view.request().connection().protocol == Protocol::Https
        || hsts.behind_proxy && view.read(&forwarded).equals(b"https", false)
}

fn drop_request_fields<'r>(ops: &'r HeaderOps, headers: &mut impl EditHeaders<'r>) {
    if ops.drop_all {
        headers.drop_all();
    }
    if ops.drop_unusual {
        headers.drop_unusual();
    }
    ops.remove.iter().for_each(|name| headers.remove(name));
}

/// Whether names of header fields usually hold an octet.
const IS_USUAL: [bool; 256] = {
    let mut usual = [false; 256];
    let mut octet = 0_u8;
    loop {
        usual[octet as usize] = octet.is_ascii_alphanumeric() || octet == b'-';
        match octet.checked_add(1) {
            Some(next) => octet = next,
            None => break usual,
        }
    }
};

/// Replaces all lines of the name by one; by none if the value is empty.
fn set<'r>(headers: &mut impl EditHeaders<'r>, name: &'r HeaderName, value: Cow<'r, HeaderValue>) {
    match value.is_empty() {
        true => headers.remove(name),
        false => headers.set(name, value),
    }
}

/// Adds a line, unless the value is empty.
pub(super) fn append<'r>(
    headers: &mut impl EditHeaders<'r>,
    name: &'r HeaderName,
    value: Cow<'r, HeaderValue>,
) {
    if !value.is_empty() {
        headers.append(name, value);
    }
}
