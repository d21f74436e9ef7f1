//! What takes the place of an answer (virtualserver §13).

use super::headers::{add_of_policies, append};
use super::template::{self, header_value};
use super::{Decision, Outcome};
use crate::origin::Origin;
use crate::request::{Connection, Request};
use crate::rules::{Action, ErrorPage, Page, Route, visible};
use http::header::{self, HeaderMap};
use http::{StatusCode, Version};
use std::borrow::Cow;

/// The attribute that holds the status of the last backend that was asked.
const UPSTREAM_STATUS: &str = "upstream_status";

/// An answer that takes the place of another one.
#[derive(Debug, Clone, PartialEq)]
pub struct PageAnswer<'r> {
    /// Its status.
    pub status: StatusCode,
    /// Its header: nothing of the other answer's is kept.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
    /// The page that it was made of.
    pub origin: &'r Origin,
}

impl<'r> Decision<'r> {
    /// The answer that takes the place of one with `status`, where a page says so: for what a
    /// backend answered, for what went wrong on the way to it, for a request that a step turned
    /// away, and for the route's own redirect to a path with a slash. Pages do not chain, and gRPC
    /// has its own way to tell what went wrong ([`BackendSettings::tells_as_grpc`]).
    ///
    /// [`BackendSettings::tells_as_grpc`]: crate::rules::BackendSettings::tells_as_grpc
    ///
    /// `request` is the one that was decided. `upstream_status` is the status of the last backend
    /// that was asked; several tries are separated by `, `, none is the empty text.
    pub fn error_page(
        &self,
        status: StatusCode,
        request: &impl Request,
        upstream_status: &str,
    ) -> Option<PageAnswer<'r>> {
        let page = self.error_pages().find(|page| page.statuses.contains(&status))?;
        let location = match &self.outcome {
            Outcome::Forward(to) if to.forward.settings.tells_as_grpc(status) => return None,
            // NGINX keeps that of the redirect whose place a page takes.
            _ => self.location(request),
        };
        let request = &Answered { request, upstream_status };
        self.with_view(request, |view| {
            let mut headers = HeaderMap::new();
            let mut body = Vec::new();
            let status = match &page.page {
                Page::Redirect { status, url } => {
                    append(&mut headers, &header::LOCATION, header_value(url, view));
                    *status
                }
                Page::Respond { status: own, content_type, body: text, headers: lines } => {
                    if let Some(location) = location {
                        append(&mut headers, &header::LOCATION, Cow::Owned(location));
                    }
                    let content_type = visible(content_type.as_bytes().to_vec());
                    append(&mut headers, &header::CONTENT_TYPE, Cow::Owned(content_type));
                    for line in lines {
                        append(&mut headers, &line.name, header_value(&line.value, view));
                    }
                    template::write(text, view, &mut body);
                    own.unwrap_or(status)
                }
            };
            add_of_policies(self, view, &mut headers);
            PageAnswer { status, headers, body, origin: &page.origin }
        })
    }

    /// The pages that may take the place of the answer: of a request that goes to a backend, or of
    /// the redirect that is the whole action of the route.
    pub(crate) fn error_pages(&self) -> impl Iterator<Item = &'r ErrorPage> {
        let is_own = |route: &&Route| match self.outcome {
            Outcome::Forward(_) | Outcome::Deny(_) => true,
            Outcome::Redirect(_) => matches!(route.action, Action::Redirect(_)),
            Outcome::Respond(_) | Outcome::NoRoute(_) => false,
        };
        let pages = self.route.filter(is_own).and_then(|route| route.error_pages.as_deref());
        pages.into_iter().flatten()
    }
}

/// A request after backends were asked.
struct Answered<'q, R> {
    request: &'q R,
    upstream_status: &'q str,
}

impl<R: Request> Request for Answered<'_, R> {
    fn method(&self) -> &str {
        self.request.method()
    }

    fn target(&self) -> &[u8] {
        self.request.target()
    }

    fn authority(&self) -> Option<&[u8]> {
        self.request.authority()
    }

    fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.request.headers(name)
    }

    fn version(&self) -> Version {
        self.request.version()
    }

    fn connection(&self) -> Connection {
        self.request.connection()
    }

    fn server_name(&self) -> Option<&[u8]> {
        self.request.server_name()
    }

    fn attribute(&self, name: &str) -> Option<&[u8]> {
        match name {
            UPSTREAM_STATUS => Some(self.upstream_status.as_bytes()),
            _ => self.request.attribute(name),
        }
    }
}
