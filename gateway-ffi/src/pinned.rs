//! A decision together with the router that it borrows from.

use crate::engine::{Published, Share, gw_engine};
use crate::handle;
use crate::status::{GW_ERR_STATE, gw_status};
use arc_swap::Cache;
use gateway_core::{Decision, Step};
use http::StatusCode;
use std::sync::Arc;

/// The router that was in force when it was looked at last, and what was decided by it.
#[derive(Default)]
pub(crate) struct Pinned {
    /// Both borrow from what `cache` holds. First, so that they go first.
    decided: Option<(&'static Published, Decided<'static>)>,
    cache: Option<Cache<Share, Arc<Published>>>,
}

/// What was decided.
pub(crate) struct Decided<'r> {
    pub(crate) decision: Decision<'r>,
    /// What policies ask; none where they ask nothing.
    pub(crate) steps: Vec<Step<'r>>,
    pub(crate) draw: u64,
    pub(crate) treatment: Treatment,
}

/// What becomes of the request once the host has done its duties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// What the outcome of the decision says.
    Outcome,
    /// It is turned away.
    Refuse(StatusCode),
    /// It only asks what it may do.
    Preflight,
}

impl Pinned {
    /// Looks at the router in force and keeps what `decide` makes of it.
    ///
    /// # Safety
    ///
    /// `engine` is NULL or an engine that has not been freed.
    #[inline]
    pub(crate) unsafe fn decide(
        &mut self,
        engine: *const gw_engine,
        decide: impl for<'r> FnOnce(&'r Published) -> Result<Decided<'r>, gw_status>,
    ) -> Result<(&Published, &Decided<'_>), gw_status> {
        self.decided = None;
        // SAFETY: the caller vouches for it.
        let slot = unsafe { handle::shared(engine) }?.slot();
        let known = self.cache.take().filter(|cache| std::ptr::eq(cache.arc_swap(), slot));
        let cache = match known {
            Some(cache) => cache,
            // SAFETY: the caller vouches for it.
            None => Cache::new(Share(unsafe { handle::another(engine) }?)),
        };
        let published: *const Published = Arc::as_ptr(self.cache.insert(cache).load());
        // SAFETY: `cache` holds it until it is loaded again, replaced or dropped, and `decided`,
        // which alone borrows from it for longer than this call, is cleared or dropped before.
        // `decide` takes any lifetime, so it cannot keep the reference.
        let published: &'static Published = unsafe { &*published };
        let (published, decided) = self.decided.insert((published, decide(published)?));
        Ok((published, decided))
    }

    /// Puts another decision of the same router in the place of the one that was made, if `decide`
    /// makes one.
    pub(crate) fn replace(
        &mut self,
        decide: impl for<'r> FnOnce(
            &'r Published,
            &Decided<'r>,
        ) -> Result<Option<Decided<'r>>, gw_status>,
    ) -> Result<Option<(&Published, &Decided<'_>)>, gw_status> {
        let (published, decided) = self.decided.as_ref().ok_or(GW_ERR_STATE)?;
        // The same lifetime as before, so that the new decision may take the place of the old one.
        let Some(new) = decide(published, decided)? else { return Ok(None) };
        let (published, decided) = self.decided.insert((published, new));
        Ok(Some((published, decided)))
    }

    /// What was decided last, and by which router.
    #[inline]
    pub(crate) fn get(&self) -> Result<(&Published, &Decided<'_>), gw_status> {
        let (published, decided) = self.decided.as_ref().ok_or(GW_ERR_STATE)?;
        Ok((published, decided))
    }

    /// Lets go of both.
    pub(crate) fn clear(&mut self) {
        self.decided = None;
        self.cache = None;
    }
}
