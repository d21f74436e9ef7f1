//! Which TrafficSplit of a Service applies, found as routes of one path are.

use super::NONE;
use super::dispatch::{Dispatch, Values};
use crate::request::Request;
use crate::request::field::View;
use crate::rules::{GroupMatch, Service, ServiceId, ServiceSplit};
use std::sync::Arc;

/// The conditions of the TrafficSplits of every Service, by [`ServiceId`]. Services without
/// conditional splits have none.
pub(crate) type SplitTables = Box<[Option<Arc<SplitTable>>]>;

/// The conditions of the TrafficSplits of a Service. Knows where in its splits they stand, not
/// what the splits do, so that Services whose splits name the same groups share it.
pub(crate) struct SplitTable {
    /// Of a single group: all of them, in order of precedence.
    pub(crate) dispatch: Dispatch,
    /// Where each stands, by rank.
    pub(crate) places: Box<[Place]>,
}

/// A match of a split; or the split itself, which applies to every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Which of the Service's splits.
    pub(crate) split: u32,
    /// Which of the split's groups; [`NONE`] where it has no conditions.
    pub(crate) group: u32,
    /// Which match of the group.
    pub(crate) at: u32,
}

/// A split that applies, and the match that holds; `None` where there is no condition.
type Applied<'r> = (&'r ServiceSplit, Option<&'r GroupMatch>);

/// The first split of `service` that applies (smi §3.6).
#[inline]
pub(super) fn find<'r, R: Request>(
    tables: &SplitTables,
    id: ServiceId,
    service: &'r Service,
    view: &View<'_, R>,
) -> Option<Applied<'r>> {
    match tables.get(id.0 as usize) {
        Some(Some(table)) => table.find(service, view),
        // None of them has conditions.
        _ => service.splits.first().map(|split| (split, None)),
    }
}

impl SplitTable {
    #[inline(never)]
    fn find<'r, R: Request>(
        &self,
        service: &'r Service,
        view: &View<'_, R>,
    ) -> Option<Applied<'r>> {
        if self.places.is_empty() {
            return None;
        }
        let mut best = NONE;
        self.dispatch.evaluate(0, &mut Values::new(view), &mut best);
        let place = self.places.get(best as usize)?;
        let split = &service.splits[place.split as usize];
        let matches = split.matches.as_ref().filter(|_| place.group != NONE);
        let matched = matches.map(|m| &m.groups()[place.group as usize][place.at as usize]);
        Some((split, matched))
    }
}
