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
    /// Whether `decided` is about `published`, and both borrow from what `cache` holds.
    published: Option<&'static Published>,
    /// First of the two, so that it goes first.
    decided: Decided<'static>,
    cache: Option<Cache<Share, Arc<Published>>>,
}

/// What was decided.
pub(crate) struct Decided<'r> {
    pub(crate) decision: Option<Decision<'r>>,
    /// What policies ask; none where they ask nothing.
    pub(crate) steps: Vec<Step<'r>>,
    pub(crate) draw: u64,
    /// What outcome and steps ask of the host.
    pub(crate) asked: u64,
    pub(crate) treatment: Treatment,
}

impl Default for Decided<'_> {
    fn default() -> Self {
        let treatment = Treatment::Outcome;
        Self { decision: None, steps: Vec::new(), draw: 0, asked: 0, treatment }
    }
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

/// A decision with all that belongs to it.
pub(crate) struct Made<'d, 'r> {
    pub(crate) published: &'r Published,
    pub(crate) decision: &'d Decision<'r>,
    pub(crate) steps: &'d [Step<'r>],
    pub(crate) draw: u64,
    pub(crate) asked: u64,
    pub(crate) treatment: Treatment,
}

impl Pinned {
    /// Looks at the router in force and lets `decide` decide by it.
    ///
    /// # Safety
    ///
    /// `engine` is NULL or an engine that has not been freed.
    #[inline]
    pub(crate) unsafe fn decide(
        &mut self,
        engine: *const gw_engine,
        decide: impl for<'r> FnOnce(&'r Published, &mut Decided<'r>) -> Result<(), gw_status>,
    ) -> Result<Made<'_, '_>, gw_status> {
        self.forget();
        // SAFETY: the caller vouches for it.
        let slot = unsafe { handle::shared(engine) }?.slot();
        let known = self.cache.as_ref().is_some_and(|cache| std::ptr::eq(cache.arc_swap(), slot));
        if !known {
            // SAFETY: the caller vouches for it.
            self.cache = Some(Cache::new(Share(unsafe { handle::another(engine) }?)));
        }
        let cache = self.cache.as_mut().ok_or(GW_ERR_STATE)?;
        let published: *const Published = Arc::as_ptr(cache.load());
        // SAFETY: `cache` holds it until it is loaded again, replaced or dropped, and `decided`,
        // which alone borrows from it for longer than this call, is cleared or dropped before.
        // `decide` takes any lifetime, so it can put nothing else there that borrows.
        let published: &'static Published = unsafe { &*published };
        decide(published, &mut self.decided)?;
        self.published = Some(published);
        self.get()
    }

    /// Lets `decide` decide anew by the same router; nothing changes where it says no.
    pub(crate) fn replace(
        &mut self,
        decide: impl for<'r> FnOnce(&'r Published, &mut Decided<'r>) -> Result<bool, gw_status>,
    ) -> Result<Option<Made<'_, '_>>, gw_status> {
        let published = self.published.ok_or(GW_ERR_STATE)?;
        // As above.
        let is_new = decide(published, &mut self.decided)?;
        let made = self.get()?;
        Ok(is_new.then_some(made))
    }

    /// What was decided last, and by which router.
    #[inline]
    pub(crate) fn get(&self) -> Result<Made<'_, '_>, gw_status> {
        let Decided { decision, steps, draw, asked, treatment } = &self.decided;
        match (self.published, decision) {
            (Some(published), Some(decision)) => Ok(Made {
                published,
                decision,
                steps,
                draw: *draw,
                asked: *asked,
                treatment: *treatment,
            }),
            _ => Err(GW_ERR_STATE),
        }
    }

    /// Forgets what was decided.
    #[inline]
    fn forget(&mut self) {
        self.published = None;
        self.decided.decision = None;
        self.decided.steps.clear();
    }

    /// Lets go of all of it.
    pub(crate) fn clear(&mut self) {
        self.forget();
        self.cache = None;
    }
}
