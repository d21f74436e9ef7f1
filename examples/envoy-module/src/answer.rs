//! Answers that no backend gives.

use crate::abi::Stream;
use crate::head::Head;
use gateway_core::{Decision, Request};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};

/// An answer that no backend gives.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    /// A status, with a line of text for people.
    pub(crate) fn plain(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or("error");
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        Self { status, headers, body: format!("{} {reason}\n", status.as_u16()).into_bytes() }
    }

    /// What the outcome of a decision says, be it `status` with a body of the rule's or a plain line.
    pub(crate) fn canned(status: StatusCode, decision: &Decision<'_>, head: &Head) -> Self {
        let (mut headers, mut body) = Default::default();
        decision.write_body(head, &mut body);
        decision.edit_response(status, head, &mut headers);
        Self { status, headers, body }
    }

    /// A plain status, with what the rule that decided says of answers.
    pub(crate) fn outcome(status: StatusCode, decision: &Decision<'_>, head: &Head) -> Self {
        let mut answer = Self::plain(status);
        decision.edit_response(status, head, &mut answer.headers);
        answer
    }

    /// A plain status for a request that is turned away.
    pub(crate) fn refusal(status: StatusCode, decision: &Decision<'_>, head: &Head) -> Self {
        let mut answer = Self::plain(status);
        decision.edit_refusal(status, head, &mut answer.headers);
        answer
    }

    /// To a request that only asks what it may do.
    pub(crate) fn preflight(decision: &Decision<'_>, head: &Head) -> Self {
        let mut headers = HeaderMap::new();
        decision.edit_preflight(head, &mut headers);
        Self { status: StatusCode::NO_CONTENT, headers, body: Vec::new() }
    }

    /// The error page that takes the place of an answer with `status`, if one does. `upstream` is
    /// the status of the backend that was asked, or the empty text.
    pub(crate) fn page(
        status: StatusCode,
        upstream: &str,
        decision: &Decision<'_>,
        head: &Head,
    ) -> Option<Self> {
        let page = decision.error_page(status, head, upstream)?;
        Some(Self { status: page.status, headers: page.headers, body: page.body })
    }

    /// The same as the client gets it in the end: as a page, in gRPC's own form.
    pub(crate) fn finished(self, decision: &Decision<'_>, head: &Head) -> Self {
        let mut answer = Self::page(self.status, "", decision, head).unwrap_or(self);
        if let Some(told) = decision.edit_as_grpc(answer.status, head, &mut answer.headers) {
            answer.status = told;
            answer.body.clear();
        }
        answer
    }

    /// Gives it to a request that nothing has been answered yet.
    pub(crate) fn give(mut self, head: Option<&Head>, stream: &mut Stream<'_>) {
        let has_body = !matches!(self.status.as_u16(), 100..=199 | 204 | 304);
        if has_body {
            self.headers.insert(CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        }
        if !has_body || head.is_some_and(|head| head.method() == "HEAD") {
            self.body.clear();
        }
        let status = self.status.as_str().as_bytes();
        stream.answer(&self.lines(Some((b":status", status))), &self.body);
    }

    /// Gives it in place of an answer that is under way.
    pub(crate) fn give_instead(&self, stream: &mut Stream<'_>) {
        stream.answer_instead(self.status.as_u16(), &self.lines(None), &self.body);
    }

    fn lines<'a>(&'a self, first: Option<(&'a [u8], &'a [u8])>) -> Vec<(&'a [u8], &'a [u8])> {
        let fields = self.headers.iter();
        let fields = fields.map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
        first.into_iter().chain(fields).collect()
    }
}
