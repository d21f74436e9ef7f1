//! Copies of a request.

use crate::bytes::gw_str;
use crate::decider::{self, gw_decider};
use crate::forward::{Sent, forwarding};
use crate::headers::gw_header_op;
use crate::request::{Borrowed, gw_request};
use crate::sized::{self, Out, sized, zeroed};
use crate::status::{GW_NONE, GW_OK, gw_status};
use crate::step::duties;
use gateway_core::Outcome;
use std::mem::MaybeUninit;

/// A copy of a request: sent to one endpoint besides, its answer thrown away, and nobody waits for
/// it. Set `struct_size`. Texts live until the next call of `gw_mirror_get`, or as long as the
/// decision.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct gw_mirror {
    /// `sizeof(gw_mirror)`.
    pub struct_size: usize,
    /// As in `gw_decision`.
    pub backend: gw_str,
    /// As in `gw_decision`.
    pub backend_user: u64,
    /// As in `gw_forward`.
    pub target: gw_str,
    /// As in `gw_forward`.
    pub host: gw_str,
    /// As in `gw_forward`.
    pub ops: *const gw_header_op,
    /// How many.
    pub ops_len: usize,
}
sized!(gw_mirror);

/// Keeps a copy until C has seen it.
pub(crate) type Copied = Sent;

/// Fills `out` with the copy at `index`, from 0, that is sent of the request of the last decision;
/// `GW_NONE` where there are no more, and `GW_ERR_STATE` where it is not of `GW_KIND_FORWARD`. Copies
/// that are not sent because of the part of the requests that a rule asks for, because the Service
/// does not admit the caller, or because they would ask for a duty (`GW_DUTY_BACKEND_TLS`, ...) that
/// the decider was not created with, are not among them.
///
/// # Safety
///
/// As for `gw_edit_request`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_mirror_get(
    decider: *mut gw_decider,
    request: *const gw_request,
    index: usize,
    out: *mut gw_mirror,
) -> gw_status {
    let body = |decider: &mut gw_decider| {
        let met = decider.duties;
        let mut room = MaybeUninit::uninit();
        let made = decider.pinned.get()?;
        // SAFETY: the caller vouches for all of it.
        let (out, request) = unsafe {
            let given = sized::read(request, &mut room)?;
            (Out::of(out)?, Borrowed::of(given, &made.router.needs)?)
        };
        let copies = made.router.router.mirrors(forwarding(&made)?, &request, made.decided.draw);
        let mut copies = copies.filter(|copy| duties(copy, &[]) & !met == 0);
        let Some(copy) = copies.nth(index) else { return Ok(GW_NONE) };
        let sent = decider.copied.show(&copy, &request);
        let mut shown = gw_mirror {
            target: sent.target,
            host: sent.host,
            ops: sent.ops,
            ops_len: sent.ops_len,
            ..zeroed()
        };
        if let Outcome::Forward(to) = copy.admitted()
            && let Some(backend) = made.router.backends.find(to.id, to.port, to.forward)
        {
            shown.backend = gw_str::of(backend.name.as_bytes());
            shown.backend_user = backend.user();
        }
        request.finish()?;
        out.write(shown);
        Ok(GW_OK)
    };
    // SAFETY: the caller vouches for it.
    unsafe { decider::with(decider, body) }
}
