//! Answers that take no backend: redirects and returns, of actions and of error pages
//! (virtualserver §12.4, §12.5, §13).

use super::action::Actions;
use super::grammar::no_controls;
use super::headers::headers;
use super::report::{Fault, Report};
use super::variables::{Place, template};
use crate::resource::document::{At, Located};
use crate::resource::virtual_server::{self as written, Redirect as Url, Return};
use crate::rules::{Action, ErrorPage, HeaderEdit, Location, Page, Redirect, Respond, Template};
use http::StatusCode;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The largest body of a request, in bytes, that takes no backend (virtualserver §12.5).
pub(super) const MAX_UNREAD: u64 = 1 << 20;

/// What an answer may say, by what it belongs to.
#[derive(Debug, Clone, Copy)]
struct Manner {
    url: Place,
    body: Place,
    header: Place,
    /// The `Content-Type` unless written.
    content_type: &'static str,
}

const ACTION: Manner = Manner {
    url: Place::Redirect,
    body: Place::Return,
    header: Place::ReturnHeader,
    content_type: "text/plain",
};

const ERROR_PAGE: Manner = Manner {
    url: Place::ErrorRedirect,
    body: Place::ErrorReturn,
    header: Place::ErrorHeader,
    content_type: "text/html",
};

/// A return, of which everything is right.
struct Canned {
    /// `None` unless written.
    status: Option<StatusCode>,
    content_type: Box<str>,
    body: Template,
    headers: Vec<HeaderEdit>,
}

impl Actions<'_> {
    pub(super) fn redirect(&mut self, redirect: &Url, at: At) -> Option<Action> {
        let (status, url) = self.target(redirect, ACTION)?;
        let origin = self.report.origin(at);
        let (location, max_body) = (Location::Url(url), Some(MAX_UNREAD));
        Some(Action::Redirect(Arc::new(Redirect { status, location, max_body, origin })))
    }

    pub(super) fn respond(&mut self, respond: &Return, at: At) -> Option<Action> {
        let Canned { status, content_type, body, headers } = self.canned(respond, ACTION)?;
        Some(Action::Respond(Arc::new(Respond {
            status: status.unwrap_or(StatusCode::OK),
            content_type: Some(content_type),
            body,
            headers,
            reason: None,
            origin: self.report.origin(at),
        })))
    }

    /// The error pages of a route; `None` where there are none. Of two pages for one status the
    /// first counts.
    pub(super) fn error_pages(&mut self, list: &[written::ErrorPage]) -> Option<Arc<[ErrorPage]>> {
        let mut first = BTreeMap::new();
        let mut pages = Vec::with_capacity(list.len());
        for written in list {
            let mut statuses = Vec::with_capacity(written.codes.len());
            for code in &written.codes {
                let earlier = *first.entry(code.value).or_insert(code.at);
                if earlier == code.at {
                    statuses.extend(StatusCode::from_u16(code.value));
                } else {
                    let earlier = self.report.origin(earlier).field;
                    let message =
                        format!("`{}` has no effect: `{earlier}` is the same", code.value);
                    self.report.warning(code.at, Fault::new("duplicate-value", message));
                }
            }
            let page = written.page.as_ref().and_then(|page| self.error_page(page));
            let origin = self.report.origin(written.at);
            pages.extend(page.map(|page| ErrorPage { statuses, page, origin }));
        }
        pages.retain(|page| !page.statuses.is_empty());
        (!pages.is_empty()).then(|| pages.into())
    }

    fn error_page(&mut self, page: &written::Page) -> Option<Page> {
        Some(match page {
            written::Page::Redirect(redirect) => {
                let (status, url) = self.target(redirect, ERROR_PAGE)?;
                Page::Redirect { status, url }
            }
            written::Page::Return(respond) => {
                let Canned { status, content_type, body, headers } =
                    self.canned(respond, ERROR_PAGE)?;
                Page::Respond { status, content_type, body, headers }
            }
        })
    }

    /// Where a redirect leads, and its status.
    fn target(&mut self, redirect: &Url, manner: Manner) -> Option<(StatusCode, Template)> {
        let url = redirect.url.as_ref().and_then(|url| {
            let read = self.report.check(url.at, template(url, manner.url, self.server))?;
            if !url.contains("://") {
                let fault = Fault::invalid(format!("`{}` is not an absolute URL", url.value))
                    .help("begin with `https://` or `${scheme}://`");
                self.report.error(url.at, fault);
                return None;
            }
            Some(read)
        });
        let code = redirect.code.as_ref().filter(|code| code.value != 0);
        let status = redirect_status(code, self.report);
        Some((status?, url?))
    }

    fn canned(&mut self, respond: &Return, manner: Manner) -> Option<Canned> {
        let status = match &respond.code {
            None => Some(None),
            Some(code) => self.report.check(code.at, return_status(code.value)).map(Some),
        };
        let content_type = match &respond.content_type {
            None => Some(manner.content_type.into()),
            Some(text) => self.report.check(text.at, media_type(text)).map(|()| text.value.clone()),
        };
        let body = respond
            .body
            .as_ref()
            .and_then(|body| self.report.check(body.at, template(body, manner.body, self.server)));
        let headers = headers(&respond.headers, manner.header, self.server, self.report);
        let headers = headers.into_iter().map(|(edit, _)| edit).collect();
        Some(Canned { status: status?, content_type: content_type?, body: body?, headers })
    }
}

fn return_status(code: i64) -> Result<StatusCode, Fault> {
    let status = u16::try_from(code).ok().filter(|n| matches!(n, 200..=299 | 400..=599));
    status.and_then(|n| StatusCode::from_u16(n).ok()).ok_or_else(|| {
        let message = format!("`{code}` is not a status to return");
        Fault::invalid(message).help("use 200 to 299 or 400 to 599")
    })
}

/// The status of a redirect: 301 unless written.
pub(super) fn redirect_status(
    code: Option<&Located<i64>>,
    report: &mut Report,
) -> Option<StatusCode> {
    let Some(code) = code else { return Some(StatusCode::MOVED_PERMANENTLY) };
    let status = match code.value {
        301 => Ok(StatusCode::MOVED_PERMANENTLY),
        302 => Ok(StatusCode::FOUND),
        307 => Ok(StatusCode::TEMPORARY_REDIRECT),
        308 => Ok(StatusCode::PERMANENT_REDIRECT),
        other => {
            let message = format!("`{other}` is not a status to redirect with");
            Err(Fault::new("unsupported-value", message).help("use 301, 302, 307 or 308"))
        }
    };
    report.check(code.at, status)
}

/// RTYPE.
fn media_type(text: &str) -> Result<(), Fault> {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let legal = match c {
            '\\' => chars.next().is_some(),
            c => !matches!(c, ';' | '{' | '}' | '"'),
        };
        if !legal {
            let message = format!("`{text}` is not a media type: it holds `{c}`");
            return Err(Fault::invalid(message));
        }
    }
    no_controls(text)
}
