//! What holds the router in force.

use crate::boundary::{boundary, or};
use crate::handle::{self, Shared};
use crate::router::gw_router;
use crate::slot::Slot;
use crate::status::{GW_OK, gw_status};
use std::sync::Arc;

/// Holds the router in force: one for a process, or one for each worker. Any number of threads may
/// decide with it and publish to it at once. Yours from `gw_engine_new` to `gw_engine_free`.
#[derive(Debug)]
pub struct gw_engine {
    pub(crate) slot: Slot<gw_router>,
}

impl Shared for gw_engine {}

/// Makes an engine with `router` in force, as generation 1. The router stays yours.
///
/// # Safety
///
/// `router` is NULL or a router that has not been freed; `out` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_engine_new(
    router: *const gw_router,
    out: *mut *mut gw_engine,
) -> gw_status {
    boundary(|| {
        // SAFETY: the caller vouches for both pointers.
        unsafe {
            handle::put(out, std::ptr::null_mut())?;
            let engine = gw_engine { slot: Slot::new(handle::another(router)?) };
            handle::put(out, handle::share(Arc::new(engine)))?;
        }
        Ok(GW_OK)
    })
}

/// Puts `router` in force, at once and as a whole: every `gw_decide` that begins afterwards uses
/// it, those that run go on with the one before. The router stays yours. Unless `generation` is
/// NULL, `*generation` says the how manieth it is; decisions carry it. Costs less than a
/// microsecond. The old router is freed by whoever lets go of it last, which may be a decider
/// within its next `gw_decide`: a large one takes milliseconds. To have it freed elsewhere, keep it
/// (`gw_router_free`) until all deciders have decided again or were reset.
///
/// # Safety
///
/// `engine` and `router` are NULL or have not been freed; `generation` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_engine_publish(
    engine: *const gw_engine,
    router: *const gw_router,
    generation: *mut u64,
) -> gw_status {
    boundary(|| {
        // SAFETY: the caller vouches for all pointers.
        unsafe {
            let published = handle::shared(engine)?.slot.publish(handle::another(router)?);
            if !generation.is_null() {
                handle::put(generation, published)?;
            }
        }
        Ok(GW_OK)
    })
}

/// Frees an engine; nothing for NULL. No `gw_decide` may be under way that uses it.
///
/// # Safety
///
/// `engine` is NULL or an engine that has not been freed, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gw_engine_free(engine: *mut gw_engine) {
    // SAFETY: the caller gives it up.
    or((), || unsafe { handle::unshare(engine) });
}
