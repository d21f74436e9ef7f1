//! Answers that no backend gives.

use gateway_core::{Decision, Request};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};

/// An answer that no backend gives.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its header, but for what frames the body.
    pub headers: HeaderMap,
    /// Its body, which is not sent to HEAD.
    pub body: Vec<u8>,
}

impl Answer {
    /// A status, with a line of text for people.
    pub fn plain(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or("error");
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        Self { status, headers, body: format!("{} {reason}\n", status.as_u16()).into_bytes() }
    }

    /// What the outcome of a decision says, be it `status` with a body of the rule's or a plain line.
    pub(crate) fn canned(
        status: StatusCode,
        decision: &Decision<'_>,
        request: &impl Request,
    ) -> Self {
        let (mut headers, mut body) = Default::default();
        decision.write_body(request, &mut body);
        decision.edit_response(status, request, &mut headers);
        Self { status, headers, body }
    }

    /// A plain status, with what the rule that decided says of answers.
    pub(crate) fn outcome(
        status: StatusCode,
        decision: &Decision<'_>,
        request: &impl Request,
    ) -> Self {
        let mut answer = Self::plain(status);
        decision.edit_response(status, request, &mut answer.headers);
        answer
    }

    /// A plain status for a request that is turned away.
    pub fn refusal(status: StatusCode, decision: &Decision<'_>, request: &impl Request) -> Self {
        let mut answer = Self::plain(status);
        decision.edit_refusal(status, request, &mut answer.headers);
        answer
    }

    /// To a request that only asks what it may do.
    pub(crate) fn preflight(decision: &Decision<'_>, request: &impl Request) -> Self {
        let mut headers = HeaderMap::new();
        decision.edit_preflight(request, &mut headers);
        Self { status: StatusCode::NO_CONTENT, headers, body: Vec::new() }
    }

    /// The error page that takes the place of an answer with `status`, if one does. `upstream` is
    /// the status of the backend that was asked, or the empty text.
    pub fn page(
        status: StatusCode,
        upstream: &str,
        decision: &Decision<'_>,
        request: &impl Request,
    ) -> Option<Self> {
        let page = decision.error_page(status, request, upstream)?;
        Some(Self { status: page.status, headers: page.headers, body: page.body })
    }

    /// The same as the client gets it in the end: as a page, in gRPC's own form.
    pub fn finished(self, decision: &Decision<'_>, request: &impl Request) -> Self {
        let mut answer = Self::page(self.status, "", decision, request).unwrap_or(self);
        if let Some(told) = decision.edit_as_grpc(answer.status, request, &mut answer.headers) {
            answer.status = told;
            answer.body.clear();
        }
        answer
    }
}
