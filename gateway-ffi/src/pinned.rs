//! A decision together with the router that it borrows from.

use crate::engine::gw_engine;
use crate::handle;
use crate::router::gw_router;
use crate::slot::Seen;
use crate::status::{GW_ERR_STATE, gw_status};
use gateway_core::{Decision, Step};
use http::StatusCode;
use std::sync::Arc;

/// The router that was in force when it was looked at last, and what was decided by it.
#[derive(Default)]
pub(crate) struct Pinned {
    /// Borrows from the router of `held`. First of the two, so that it goes first.
    decided: Decided<'static>,
    held: Option<Held>,
}

/// A router, and the engine where it was in force.
struct Held {
    engine: Arc<gw_engine>,
    seen: Seen<gw_router>,
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
    pub(crate) generation: u64,
    pub(crate) router: &'r gw_router,
    pub(crate) decision: &'d Decision<'r>,
    pub(crate) decided: &'d Decided<'r>,
}

impl Pinned {
    /// Looks at the router in force and lets `decide` decide by it: the how manieth it is, the router,
    /// and the place for what is decided.
    ///
    /// # Safety
    ///
    /// `engine` is NULL or an engine that has not been freed.
    #[inline]
    pub(crate) unsafe fn decide(
        &mut self,
        engine: *const gw_engine,
        decide: impl for<'r> FnOnce(
            u64,
            &'r gw_router,
            &mut Decided<'r>,
        ) -> Result<gw_status, gw_status>,
    ) -> Result<gw_status, gw_status> {
        self.forget();
        // SAFETY: the caller vouches for it.
        let asked = unsafe { handle::shared(engine) }?;
        let is_known = |held: &Held| {
            std::ptr::eq(&raw const *held.engine, asked) && asked.slot.is_in_force(&held.seen)
        };
        if !self.held.as_ref().is_some_and(is_known) {
            // SAFETY: the caller vouches for it.
            self.hold(unsafe { handle::another(engine) }?);
        }
        self.replace(decide)
    }

    /// Keeps the router that is in force.
    #[cold]
    fn hold(&mut self, engine: Arc<gw_engine>) {
        let seen = engine.slot.look();
        self.held = Some(Held { engine, seen });
    }

    /// Lets `decide` decide anew by the router that is held.
    #[inline]
    pub(crate) fn replace(
        &mut self,
        decide: impl for<'r> FnOnce(
            u64,
            &'r gw_router,
            &mut Decided<'r>,
        ) -> Result<gw_status, gw_status>,
    ) -> Result<gw_status, gw_status> {
        let Some(Held { seen, engine: _ }) = &self.held else { return Err(GW_ERR_STATE) };
        let (generation, router) = (seen.generation, Arc::as_ptr(&seen.value));
        // SAFETY: `held` keeps it until it is replaced or dropped, and `decided`, which alone
        // borrows from it for longer than this call, is cleared or dropped before. `decide` takes
        // any lifetime, so it can put nothing else there that borrows.
        let router: &'static gw_router = unsafe { &*router };
        decide(generation, router, &mut self.decided)
    }

    /// What was decided last, and by which router.
    #[inline]
    pub(crate) fn get(&self) -> Result<Made<'_, '_>, gw_status> {
        match (&self.held, &self.decided.decision) {
            (Some(held), Some(decision)) => Ok(Made {
                generation: held.seen.generation,
                router: &held.seen.value,
                decision,
                decided: &self.decided,
            }),
            _ => Err(GW_ERR_STATE),
        }
    }

    /// Forgets what was decided.
    #[inline]
    fn forget(&mut self) {
        self.decided.decision = None;
        self.decided.steps.clear();
    }

    /// Lets go of all of it.
    pub(crate) fn clear(&mut self) {
        self.forget();
        self.held = None;
    }
}
