//! The slot that holds the router in force.

use crate::boundary::{boundary, or};
use crate::handle::{self, Shared};
use crate::router::gw_router;
use crate::status::{GW_OK, gw_status};
use arc_swap::ArcSwap;
use std::ops::Deref;
use std::sync::Arc;

/// Holds the router in force: one for a process, or one for each worker. Any number of threads may
/// decide with it and publish to it at once. Yours from `gw_engine_new` to `gw_engine_free`.
#[derive(Debug)]
pub struct gw_engine {
    slot: ArcSwap<Published>,
}

impl Shared for gw_engine {}

/// A router, and the how manieth of its engine it is.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) generation: u64,
    pub(crate) router: Arc<gw_router>,
}

/// A share of an engine, as [`arc_swap::Cache`] wants it.
pub(crate) struct Share(pub(crate) Arc<gw_engine>);

impl Deref for Share {
    type Target = ArcSwap<Published>;

    fn deref(&self) -> &ArcSwap<Published> {
        &self.0.slot
    }
}

impl gw_engine {
    pub(crate) fn slot(&self) -> &ArcSwap<Published> {
        &self.slot
    }

    fn new(router: Arc<gw_router>) -> Self {
        Self { slot: ArcSwap::from_pointee(Published { generation: 1, router }) }
    }

    /// Puts a router in the place of the one in force, and says the how manieth it is.
    fn publish(&self, router: &Arc<gw_router>) -> u64 {
        let before = self.slot.rcu(|before| Published {
            generation: before.generation + 1,
            router: Arc::clone(router),
        });
        before.generation + 1
    }
}

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
            let engine = gw_engine::new(handle::another(router)?);
            handle::put(out, handle::share(Arc::new(engine)))?;
        }
        Ok(GW_OK)
    })
}

/// Puts `router` in force, at once and as a whole: every `gw_decide` that begins afterwards uses it,
/// those that run go on with the one before. The router stays yours. Unless `generation` is NULL,
/// `*generation` says the how manieth it is; decisions carry it. Waits for nobody and makes nobody
/// wait; costs less than a microsecond, and freeing the old router where nobody uses it any more.
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
            let published = handle::shared(engine)?.publish(&handle::another(router)?);
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
