//! Why a request is decided as it is.

use crate::bytes::gw_str;
use crate::decider::{self, gw_decider};
use crate::engine::gw_engine;
use crate::handle;
use crate::request::{Borrowed, gw_request};
use crate::sized;
use crate::status::{GW_OK, gw_status};
use std::mem::MaybeUninit;

/// Decides `request` and says why, as a JSON object, which `*json` points to until the next call:
/// the routes that were looked at and the first test that each failed, splits with their ranges,
/// policies, header changes. Values of cookies and of whatever is named like a secret are shown by
/// their length only. For people and tests: costs a walk over all routes of the host. What the
/// decider has decided before is let go of.
///
/// # Safety
///
/// As for `gw_decide`; `json` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_explain(
    decider: *mut gw_decider,
    engine: *const gw_engine,
    request: *const gw_request,
    json: *mut gw_str,
) -> gw_status {
    let body = |decider: &mut gw_decider| {
        decider.pinned.clear();
        let mut room = MaybeUninit::uninit();
        // SAFETY: the caller vouches for all of it.
        let (router, request) = unsafe {
            handle::put(json, gw_str::ABSENT)?;
            let router = handle::shared(engine)?.slot.look().value;
            (router, sized::read(request, &mut room)?)
        };
        // SAFETY: the caller vouches for all of it.
        let request = unsafe { Borrowed::of(request, &router.needs) }?;
        let draw = request.random();
        let explanation = router.router.explain(&request, draw);
        request.finish()?;
        decider.explained = gateway_json::explanation(&explanation, draw).to_string();
        // SAFETY: the caller vouches for it.
        unsafe { handle::put(json, gw_str::of(decider.explained.as_bytes())) }?;
        Ok(GW_OK)
    };
    // SAFETY: the caller vouches for it.
    unsafe { decider::with(decider, body) }
}
