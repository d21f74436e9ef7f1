//! What a thread, or a request under way, decides with.

use crate::boundary::{boundary, or};
use crate::duty::Told;
use crate::forward::Sent;
use crate::handle::{self, Owned};
use crate::mirror::Copied;
use crate::pinned::Pinned;
use crate::response::Answered;
use crate::status::{GW_ERR_PANIC, GW_OK, gw_status};
use crate::tls::SubjectNames;

/// Decides, and holds the decision that it made last, the router that made it, and all texts that
/// the functions tell of it. To be used by one thread at a time; it may move between threads. Yours
/// from `gw_decider_new` to `gw_decider_free`.
///
/// A host that is done with a request before the next one begins needs one for each thread. A host
/// that works on many requests at once and wants to know more of a decision later (the changes to
/// the header of the answer, say) needs one for each request under way: keep used ones in a list,
/// they allocate nothing after the first few requests.
///
/// What a function returns is valid until the same function is called again with that decider, or
/// `gw_decide`, `gw_instead`, `gw_decider_reset` or `gw_decider_free`. A router that is no longer in
/// force is kept for as long as a decider has decided nothing else: reset those that idle.
#[derive(Default)]
pub struct gw_decider {
    pub(crate) duties: u64,
    pub(crate) pinned: Pinned,
    pub(crate) sent: Sent,
    pub(crate) copied: Copied,
    pub(crate) answered: Answered,
    pub(crate) retry_statuses: Vec<u16>,
    pub(crate) names: SubjectNames,
    pub(crate) key: Vec<u8>,
    pub(crate) told: Told,
    pub(crate) explained: String,
}

impl Owned for gw_decider {}

impl gw_decider {
    fn reset(&mut self) {
        self.pinned.clear();
    }
}

/// Runs the body of an entry that uses a decider; what a panic leaves of it is reset.
///
/// # Safety
///
/// `decider` is NULL or a decider that has not been freed, and nobody else uses it.
#[inline]
pub(crate) unsafe fn with(
    decider: *mut gw_decider,
    body: impl FnOnce(&mut gw_decider) -> Result<gw_status, gw_status>,
) -> gw_status {
    // SAFETY: the caller vouches for it.
    let status = boundary(|| body(unsafe { handle::exclusive(decider) }?));
    if status == GW_ERR_PANIC {
        // SAFETY: as above; the body has ended.
        let reset = || unsafe { handle::exclusive(decider) }.map_or((), gw_decider::reset);
        or((), reset);
    }
    status
}

/// Makes a decider. `duties` are what you do where a decision asks for it, some of `GW_DUTY_...`:
/// zero, if you have not read what they are. Name them one by one: all bits at once would promise what
/// does not exist yet. A decision that asks for anything else becomes one to
/// answer 500 (`GW_KIND_REFUSE`), so that nothing passes that was meant to be guarded.
///
/// # Safety
///
/// `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_decider_new(duties: u64, out: *mut *mut gw_decider) -> gw_status {
    boundary(|| {
        let decider = gw_decider { duties, ..gw_decider::default() };
        // SAFETY: the caller vouches for it.
        unsafe {
            handle::put(out, std::ptr::null_mut())?;
            handle::put(out, handle::own(decider))?;
        }
        Ok(GW_OK)
    })
}

/// Lets go of the last decision, of the router that made it and of the engine. What was allocated
/// for texts stays for later. Nothing for NULL.
///
/// # Safety
///
/// `decider` is NULL or a decider that has not been freed, and nobody else uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_decider_reset(decider: *mut gw_decider) {
    // SAFETY: the caller vouches for it.
    let reset = || unsafe { handle::exclusive(decider) }.map_or((), gw_decider::reset);
    or((), reset);
}

/// Frees a decider; nothing for NULL.
///
/// # Safety
///
/// `decider` is NULL or a decider that has not been freed, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_decider_free(decider: *mut gw_decider) {
    // SAFETY: the caller gives it up.
    or((), || unsafe { handle::disown(decider) });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::text;
    use crate::router::gw_router_build;
    use std::ptr;

    #[test]
    fn a_panic_resets_the_decider_and_leaves_it_usable() {
        let (mut router, mut engine, mut decider) =
            (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: all pointers are valid.
        unsafe {
            let built =
                gw_router_build(ptr::null(), 0, ptr::null(), &raw mut router, ptr::null_mut());
            assert_eq!(built, GW_OK);
            assert_eq!(crate::gw_engine_new(router, &raw mut engine), GW_OK);
            assert_eq!(gw_decider_new(0, &raw mut decider), GW_OK);
        }
        let mut request: crate::gw_request = crate::sized::zeroed();
        request.struct_size = size_of_val(&request);
        (request.method, request.target, request.host) = (text("GET"), text("/"), text("a"));
        let mut decision: crate::gw_decision = crate::sized::zeroed();
        decision.struct_size = size_of_val(&decision);
        // SAFETY: all pointers are valid, and nobody uses the decider meanwhile.
        unsafe {
            let mut decide =
                || crate::gw_decide(decider, engine, &raw const request, &raw mut decision);
            assert_eq!(decide(), GW_OK);
            assert!((*decider).pinned.get().is_ok());
            assert_eq!(with(decider, |_| panic!("on purpose")), GW_ERR_PANIC);
            assert!((*decider).pinned.get().is_err());
            assert_eq!(decide(), GW_OK);
            gw_decider_free(decider);
            crate::gw_engine_free(engine);
            crate::gw_router_free(router);
        }
        assert_eq!(decision.kind, crate::GW_KIND_NO_ROUTE);
    }
}
