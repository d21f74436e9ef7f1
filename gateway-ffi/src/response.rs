//! What clients are answered.

use crate::bytes::gw_str;
use crate::decider::{self, gw_decider};
use crate::handle;
use crate::headers::{Changes, gw_header_op};
use crate::pinned::{Made, Treatment};
use crate::request::{Borrowed, gw_request};
use crate::sized::{self, Out, sized, zeroed};
use crate::status::{GW_ERR_ARGUMENT, GW_OK, gw_status};
use gateway_core::{Outcome, Request};
use http::{HeaderMap, StatusCode};
use std::mem::MaybeUninit;

/// This is the whole answer: what a backend has sent is thrown away, header and body.
pub const GW_RESPONSE_WHOLE: u32 = 1;
/// It is an error page, which took the place of another answer.
pub const GW_RESPONSE_ERROR_PAGE: u32 = 1 << 1;

/// What a client is answered. Set `struct_size`. Texts live until the next call of `gw_answer` or
/// `gw_edit_response`, and no longer than the decision.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_response {
    /// `sizeof(gw_response)`.
    pub struct_size: usize,
    /// The status.
    pub status: u32,
    /// Some of `GW_RESPONSE_...`.
    pub flags: u32,
    /// Changes to the header: with `GW_RESPONSE_WHOLE` to an empty one (`GW_OP_ADD` alone), else to
    /// that of the backend. Never about `Content-Length`, which follows from the body, or other
    /// fields that frame the message.
    pub ops: *const gw_header_op,
    /// How many.
    pub ops_len: usize,
    /// With `GW_RESPONSE_WHOLE` the body; absent where nothing is said of it: then send a text of
    /// your own for the status, or none. Else absent: that of the backend.
    pub body: gw_str,
}
sized!(gw_response);

/// Keeps an answer until C has seen it.
#[derive(Default)]
pub(crate) struct Answered {
    changes: Changes,
    body: Vec<u8>,
}

/// Whether what an answer holds is said by somebody.
enum Body {
    Said,
    Unsaid,
}

impl Answered {
    /// The answer to a request that no backend answers.
    fn own(
        &mut self,
        made: &Made<'_, '_>,
        request: &impl Request,
        status: Option<StatusCode>,
        upstream: &str,
    ) -> gw_response {
        let decision = made.decision;
        let mut header = HeaderMap::new();
        self.body.clear();
        let mut body = Body::Unsaid;
        let status = match (status, made.decided.treatment, decision.admitted()) {
            (Some(status), ..) | (None, Treatment::Refuse(status), _) => {
                decision.edit_refusal(status, request, &mut header);
                status
            }
            (None, Treatment::Preflight, _) => {
                decision.edit_preflight(request, &mut header);
                body = Body::Said;
                StatusCode::NO_CONTENT
            }
            (None, Treatment::Outcome, outcome) => {
                let status = match outcome {
                    Outcome::Forward(to) => {
                        let status = to.forward.unavailable;
                        decision.edit_refusal(status, request, &mut header);
                        return self.finish(made, request, (status, body), header, upstream);
                    }
                    Outcome::Deny(_) => StatusCode::FORBIDDEN,
                    Outcome::Redirect(redirect) => redirect.status,
                    Outcome::Respond(respond) => {
                        decision.write_body(request, &mut self.body);
                        // What cannot be served as written says nothing to clients.
                        if respond.reason.is_none() {
                            body = Body::Said;
                        }
                        respond.status
                    }
                    Outcome::NoRoute(why) => why.status(),
                };
                decision.edit_response(status, request, &mut header);
                status
            }
        };
        self.finish(made, request, (status, body), header, upstream)
    }

    /// Puts an error page, or the form that gRPC wants, in the place of an answer.
    fn finish(
        &mut self,
        made: &Made<'_, '_>,
        request: &impl Request,
        (mut status, mut body): (StatusCode, Body),
        mut header: HeaderMap,
        upstream: &str,
    ) -> gw_response {
        let decision = made.decision;
        let mut page_flag = 0;
        if let Some(page) = decision.error_page(status, request, upstream) {
            page_flag = GW_RESPONSE_ERROR_PAGE;
            (status, header, self.body) = (page.status, page.headers, page.body);
            body = Body::Said;
        }
        if let Some(told) = decision.edit_as_grpc(status, request, &mut header) {
            status = told;
            self.body.clear();
            body = Body::Said;
        }
        gw_response { flags: GW_RESPONSE_WHOLE | page_flag, ..self.whole(status, header, body) }
    }

    fn whole(&mut self, status: StatusCode, header: HeaderMap, body: Body) -> gw_response {
        let body = match body {
            Body::Said => gw_str::of(&self.body),
            Body::Unsaid => gw_str::ABSENT,
        };
        let (ops, ops_len) = self.changes.show_whole(header);
        gw_response { status: status.as_u16().into(), ops, ops_len, body, ..zeroed() }
    }

    /// What becomes of an answer that a backend gave.
    fn edited(
        &mut self,
        made: &Made<'_, '_>,
        request: &impl Request,
        status: StatusCode,
        upstream: &str,
    ) -> gw_response {
        let decision = made.decision;
        if let Some(page) = decision.error_page(status, request, upstream) {
            self.body = page.body;
            let flags = GW_RESPONSE_WHOLE | GW_RESPONSE_ERROR_PAGE;
            return gw_response { flags, ..self.whole(page.status, page.headers, Body::Said) };
        }
        self.changes.clear();
        decision.edit_response(status, request, &mut self.changes);
        let (ops, ops_len) = self.changes.show();
        gw_response { status: status.as_u16().into(), ops, ops_len, ..zeroed() }
    }
}

/// Fills `out` with the whole answer to the request of the last decision where no backend gives it:
/// for every decision that is not of `GW_KIND_FORWARD`, and where sending it to a backend came to
/// nothing. `status` is 0: what the decision says (of `GW_KIND_FORWARD`: that no endpoint could be
/// reached); or the status with which you turn the request away: `gw_step.status`, 504 for a backend
/// that took too long, 413 for a body that is too large, ... Error pages, CORS, HSTS, and the form of
/// answers to gRPC clients are taken care of. `upstream_status` is for error pages that print it: the
/// status of the last backend that was asked, several tries separated by ", "; NULL or absent for
/// none. Allocates what the answer needs.
///
/// # Safety
///
/// `decider` is NULL or a decider that has not been freed, and nobody else uses it; `request` is the
/// one that was decided, as for `gw_decide`; `upstream_status` is NULL or can be read; `out` is NULL
/// or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_answer(
    decider: *mut gw_decider,
    request: *const gw_request,
    status: u32,
    upstream_status: *const gw_str,
    out: *mut gw_response,
) -> gw_status {
    let body = |decider: &mut gw_decider| {
        let status = match status {
            0 => None,
            status => Some(status_code(status)?),
        };
        let mut room = MaybeUninit::uninit();
        let made = decider.pinned.get()?;
        // SAFETY: the caller vouches for all of it.
        let (out, request, upstream) = unsafe {
            let out = Out::of(out)?;
            let request = Borrowed::of(sized::read(request, &mut room)?, &made.router.needs)?;
            (out, request, text_or_empty(upstream_status)?)
        };
        let shown = decider.answered.own(&made, &request, status, upstream);
        request.finish()?;
        out.write(shown);
        Ok(GW_OK)
    };
    // SAFETY: the caller vouches for it.
    unsafe { decider::with(decider, body) }
}

/// Fills `out` with what becomes of the answer with `status` (100 to 999) that a backend gave to the
/// request of the last decision: changes to its header, or the error page that takes its place
/// (`GW_RESPONSE_WHOLE`). `upstream_status` as for `gw_answer`; NULL or absent: `status` itself.
/// `GW_ERR_STATE` where the decision is not of `GW_KIND_FORWARD`. Allocates for values of header
/// fields only, and for error pages.
///
/// # Safety
///
/// As for `gw_answer`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_edit_response(
    decider: *mut gw_decider,
    request: *const gw_request,
    status: u32,
    upstream_status: *const gw_str,
    out: *mut gw_response,
) -> gw_status {
    let body = |decider: &mut gw_decider| {
        let status = status_code(status)?;
        let mut room = MaybeUninit::uninit();
        let made = decider.pinned.get()?;
        crate::forward::forwarding(&made)?;
        // SAFETY: the caller vouches for all of it.
        let (out, request, upstream) = unsafe {
            let out = Out::of(out)?;
            let request = Borrowed::of(sized::read(request, &mut room)?, &made.router.needs)?;
            (out, request, text_or_empty(upstream_status)?)
        };
        let upstream = if upstream.is_empty() { status.as_str() } else { upstream };
        let shown = decider.answered.edited(&made, &request, status, upstream);
        request.finish()?;
        out.write(shown);
        Ok(GW_OK)
    };
    // SAFETY: the caller vouches for it.
    unsafe { decider::with(decider, body) }
}

fn status_code(status: u32) -> Result<StatusCode, gw_status> {
    let status = u16::try_from(status).map_err(|_| GW_ERR_ARGUMENT)?;
    StatusCode::from_u16(status).map_err(|_| GW_ERR_ARGUMENT)
}

/// # Safety
///
/// `text` is NULL or can be read, and what it points to too.
unsafe fn text_or_empty<'a>(text: *const gw_str) -> Result<&'a str, gw_status> {
    if text.is_null() {
        return Ok("");
    }
    // SAFETY: the caller vouches for it.
    Ok(unsafe { handle::shared(text)?.text() }?.unwrap_or_default())
}
